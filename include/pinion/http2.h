/* pinion/http2.h - HTTP/2 as the server and the module of its directives share it.
 *
 * The server owns sessions, frames and streams; the module owns the settings and what is announced to clients beside
 * answers. Without a provider HTTP/2 is not spoken, whatever Protocols says. */
#ifndef PINION_HTTP2_H
#define PINION_HTTP2_H

#include <pinion/request.h>

#define PN_HTTP2_GROUP "http2"
#define PN_HTTP2_SETTINGS "settings"

enum pn_http2_switch { PN_HTTP2_DEFAULT = 0, PN_HTTP2_ON, PN_HTTP2_OFF };

/** Settings of a server for the connections to it. Apache manual: "Apache Module mod_http2". */
struct pn_http2_conf {
    int64_t max_streams;      /* H2MaxSessionStreams: open at a time */
    int64_t window_bytes;     /* H2WindowSize: of a request body on its way */
    int64_t data_frame_bytes; /* H2MaxDataFrameLen; 0: as the protocol has it */
    int64_t padding_bits;     /* H2Padding: up to 2^n - 1 bytes a frame; 0: none */
    int64_t max_errors;       /* H2MaxStreamErrors; 0: any number */
    int64_t head_bytes;       /* H2MaxHeaderBlockLen: of an answer's fields; 0: 64 KB */
    int64_t diary;            /* H2PushDiarySize */
    int     direct;           /* H2Direct, enum pn_http2_switch */
    bool    modern_tls;       /* H2ModernTLSOnly */
    bool    early_hints;      /* H2EarlyHints */
};

/** Provider of group PN_HTTP2_GROUP, name PN_HTTP2_SETTINGS. Neither suspends. */
struct pn_http2 {
    const struct pn_http2_conf *(*conf)(const struct pn_server *server);
    /** Is Upgrade: h2c wanted where r is? Asked for what is known of its server (H2Upgrade). */
    bool (*upgrade)(const struct pn_request *r);
};

/** What a request over HTTP/2 is on its connection. */
struct pn_http2_stream {
    uint32_t id;
    uint32_t pushed_on;    /* the stream whose answer it is pushed with; 0: the client asked for it */
    bool     push_enabled; /* the client takes pushes */
};
/** @return false: r (or what it was derived from) came over another protocol. */
bool pn_http2_stream_of(const struct pn_request *r, struct pn_http2_stream *ret);

/** Would the server of r's address rather speak HTTP/2 without TLS than HTTP/1.1, by Protocols? False over TLS. */
bool pn_http2_preferred(const struct pn_request *r);

/** H2StreamTimeout: how long r's stream waits for its client each time. Without effect over other protocols. */
void pn_http2_set_timeout(struct pn_request *r, pn_usec timeout);

/** Sends an interim answer (103) with these fields before r's own. Protocols that cannot, HTTP/1.0 among them, send nothing.
 *  @return PN_OK, PN_DECLINED (nothing was sent), PN_CANCELLED. */
PN_MAY_YIELD pn_rc pn_send_interim(struct pn_request *r, int status, const struct pn_headers *fields);

/** Pushes the answer to GET of another path of this server along with r's (RFC 9113 s8.4). Once a path and connection.
 *  @param path raw, absolute, with its query.  @return PN_OK, or PN_DECLINED: the client takes none, or has it already. */
PN_NODISCARD pn_rc pn_http2_push(struct pn_request *r, pn_str path);

#endif
