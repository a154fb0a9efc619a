/* h1_head.h - the one strict parser of HTTP/1 message heads: requests, and answers of CGI programs
 * and backends.
 *
 * A head is found first (pn_h1_find_end, incremental, touches each byte once), then copied into
 * the message's pool by the caller, then parsed in place: names, values, method and target are
 * NUL-terminated by overwriting the byte behind them. Pure: no I/O, no logging, never suspends.
 * RFC 9112 s2 to s5. */
#ifndef PN_PROTO_H1_HEAD_H
#define PN_PROTO_H1_HEAD_H

#include <pinion/headers.h>

/** What Apache's LimitRequest* and HttpProtocolOptions directives say. */
struct pn_h1_limits {
    size_t   line_bytes;      /* LimitRequestLine, without the line end; 8190 */
    size_t   field_bytes;     /* LimitRequestFieldSize: name, colon and value with folds; 8190 */
    unsigned fields;          /* LimitRequestFields, 0: unlimited; 100 */
    size_t   head_bytes;      /* whole head; a hard maximum */
    bool     strict;          /* HttpProtocolOptions Strict (default) */
    bool     lenient_methods; /* LenientMethods: any token; else only pn_method_known ones */
    bool     allow_0_9;       /* Allow0.9 (default), else Require1.0 */
};

/** Why a head was refused; each has its status and its rule in one sentence for the log. */
enum pn_h1_fault {
    PN_H1_FINE = 0,
#define X(id, status, text) PN_H1_##id,
#include "../../data/h1-faults.def"
#undef X
    PN_H1_FAULT__COUNT
};
int         pn_h1_fault_status(enum pn_h1_fault fault); /* 400, 414, 431, 501, 502 */
const char *pn_h1_fault_text(enum pn_h1_fault fault);

/** What the head is to be the head of: they end differently. */
enum pn_h1_kind {
    PN_H1_REQUEST = 0, /* empty lines may lead; an HTTP/0.9 request is one line */
    PN_H1_ANSWER,      /* of a backend: status line and fields */
    PN_H1_SCRIPT       /* of a CGI program: fields, perhaps a status line; bare LF is a line end */
};

/** State of the search for the end of a head; zero it before the first call, then set kind. */
struct pn_h1_scan {
    enum pn_h1_kind kind;
    size_t          at;         /* bytes looked at so far */
    size_t          start;      /* of the head: leading empty lines are skipped (RFC 9112 s2.2) */
    size_t          line_start; /* start of the line being scanned */
    unsigned        lines;      /* complete lines so far */
};

/** Looks for the end of a head in `bytes` (the same buffer as last time with more at the end).
 *  @return PN_OK with *ret_end: the head is bytes[scan->start, *ret_end);
 *          PN_AGAIN: more is needed;
 *          PN_LIMIT or PN_BAD with *ret_fault: refuse now (an over-long line is refused as soon as
 *          it is over long, so the caller may still answer).
 *  A request line that does not end in a version ends the head: it is an HTTP/0.9 simple request
 *  ("GET /\r\n") or malformed, which pn_h1_parse_request tells. */
PN_NODISCARD pn_rc pn_h1_find_end(struct pn_h1_scan *scan, pn_str bytes,
                                  const struct pn_h1_limits *limits, size_t *ret_end,
                                  enum pn_h1_fault *ret_fault);

/** How the target is written (RFC 9112 s3.2). */
enum pn_target_form {
    PN_TARGET_ORIGIN,
    PN_TARGET_ABSOLUTE,
    PN_TARGET_AUTHORITY,
    PN_TARGET_ASTERISK
};

/** How the body is framed (RFC 9112 s6.3). */
enum pn_framing { PN_FRAMING_NONE, PN_FRAMING_LENGTH, PN_FRAMING_CHUNKED, PN_FRAMING_TO_CLOSE };

struct pn_h1_request {
    /** The request line without its end, as received (for %r); a copy in the pool. */
    pn_str line;
    /** Slices of the head, NUL-terminated; the target as received. */
    pn_str              method, target;
    enum pn_target_form form;
    /** Of an absolute or authority target, else empty; not NUL-terminated. */
    pn_str scheme, authority;
    /** "/a?b"; "*" for the asterisk form; "/" for an absolute target without a path; empty for the
     *  authority form. NUL-terminated but for the latter. */
    pn_str path_query;
    /** 1001 is HTTP/1.1, 1000 is 1.0, 9 is 0.9; 0 while unknown. Later versions in this framing
     *  count as 1.1 (RFC 9110 s2.5). */
    unsigned version;
    /** What version and Connection ask for (RFC 9112 s9.3). */
    bool keep_alive;
    /** Expect: 100-continue, of an HTTP/1.1 client. */
    bool expect_continue;
    /** An Expect that is not 100-continue: 417. */
    bool            expect_other;
    enum pn_framing framing;
    /** Bytes, for PN_FRAMING_LENGTH. */
    uint64_t content_length;
};

/** Parses a complete head in place. `head` is writable, head[n] is writable too (one byte more
 *  than n), and lives as long as the fields. `ret_headers` is initialised by the callee in `pool`.
 *  Checks here: request line grammar, version, Host present once in 1.1 and well-formed,
 *  Transfer-Encoding against Content-Length (both: PN_BAD), only "chunked" as coding, duplicate or
 *  bad Content-Length, obs-fold (joined by SP when !strict, refused when strict), bare CR, bare LF
 *  (accepted as line end only when !strict), NUL, white space before the colon, field name token.
 *  An absolute target's host replaces the value of Host (RFC 9112 s3.2.2). When !strict, also:
 *  runs of SP and HTAB between the parts of the request line, control characters in values.
 *  @return PN_OK; else PN_BAD or PN_LIMIT with *ret_fault, and as much of *ret as was understood
 *          (line, method, version), so that the answer can be logged and framed. *ret is written
 *          in either case. */
PN_NODISCARD pn_rc pn_h1_parse_request(apr_pool_t *pool, char *head, size_t n,
                                       const struct pn_h1_limits *limits, struct pn_h1_request *ret,
                                       struct pn_headers *ret_headers, enum pn_h1_fault *ret_fault);

struct pn_h1_response {
    unsigned        version; /* 0 when there is no status line (CGI) */
    int             status;  /* 100..999; 0 when there is no status line */
    pn_str          reason;
    bool            keep_alive;
    enum pn_framing framing; /* as the head says; HEAD, 1xx, 204, 304 are the caller's to know */
    uint64_t        content_length;
};
/** Parses an answer's head under the same rules. `cgi`: no status line needed, bare LF allowed as
 *  line end (RFC 3875 s6.2 and every script there is); a Status field is left to the caller. */
PN_NODISCARD pn_rc pn_h1_parse_response(apr_pool_t *pool, char *head, size_t n,
                                        const struct pn_h1_limits *limits, bool cgi,
                                        struct pn_h1_response *ret, struct pn_headers *ret_headers,
                                        enum pn_h1_fault *ret_fault);

/** Parses the trailer section with its final empty line in place (RFC 9112 s7.1.2), same field
 *  rules; bytes[n] need not be writable. Which names may stand in a trailer is the caller's to
 *  know (RFC 9110 s6.5.1). */
PN_NODISCARD pn_rc pn_h1_parse_trailer(apr_pool_t *pool, char *bytes, size_t n,
                                       const struct pn_h1_limits *limits,
                                       struct pn_headers *ret_headers, enum pn_h1_fault *ret_fault);

#endif
