/* pinion/request.h - the request as modules see it: what was asked, where it maps to, what is answered.
 *
 * Three kinds of text are kept apart: `target` is as received, `path` is decoded and normalised once, `filename` is a
 * path on disk. All strings live in r->pool and are NUL-terminated unless they say otherwise. */
#ifndef PINION_REQUEST_H
#define PINION_REQUEST_H

#include <apr_strings.h>
#include <apr_tables.h>
#include <sys/stat.h>

#include <pinion/body.h>
#include <pinion/buf.h>
#include <pinion/expr.h>
#include <pinion/generation.h>
#include <pinion/headers.h>
#include <pinion/hooks.h>
#include <pinion/method.h>
#include <pinion/module.h>
#include <pinion/status.h>

/** An address without its socket: 24 bytes. */
struct pn_addr {
    uint8_t  family;   /* AF_INET, AF_INET6, AF_UNIX, 0: none */
    uint8_t  reserved;
    uint16_t port;     /* host order */
    uint32_t scope_id; /* IPv6 */
    uint8_t  ip[16];   /* network order; IPv4 in the first four; v4-mapped addresses are stored as IPv4 */
};
/** Text of the address alone ("::1", "127.0.0.1"), in a buffer of at least 48 bytes; returns its length. */
size_t pn_addr_print(const struct pn_addr *addr, char *to);
/** "127.0.0.1", "::1", "[::1]", "fe80::1%eth0"; no port, no names. PN_BAD otherwise. */
PN_NODISCARD pn_rc pn_addr_parse(pn_str text, struct pn_addr *ret);

struct pn_conn_ops;
struct pn_listener;
struct ssl_st;

/** A connection as modules see it; HTTP/2 streams share one. */
struct pn_conn {
    uint32_t                    magic;
    unsigned                    id;          /* unique in the child at a time */
    struct pn_addr              peer;
    struct pn_addr             *client;      /* whom the connection's preface names (pn_conn_set_client); NULL: the peer itself */
    const struct pn_listener   *listener;
    struct pn_server           *base_server; /* of the address, before a name is known */
    const struct pn_vhost_set  *vhosts;      /* the virtual hosts of that address; NULL: none */
    struct pn_generation       *generation;  /* referenced */
    uint32_t                    requests;    /* begun so far, this one included */
    uint64_t                    bytes_out;   /* sent with the answers that have ended; kept with ExtendedStatus */
    struct ssl_st              *tls;         /* its session (pinion/tls.h), from the handshake's begin on; NULL: none */
    bool                        secure;      /* what it says is protected by TLS */
    bool                        aborted;     /* the peer has gone */
    bool                        logged;      /* the error log has a line about it */
};
/** All requests of the connection come from this client, whoever the peer is: for prefaces (pinion/hooks.h). */
void pn_conn_set_client(struct pn_conn *conn, const struct pn_addr *client);
/** The address the client reached, by getsockname when the listener is a wildcard. */
struct pn_addr pn_conn_local(struct pn_conn *conn);

/** What is known of the thing `filename` names. */
enum pn_file_type { PN_FILE_NONE = 0, PN_FILE_REGULAR, PN_FILE_DIRECTORY, PN_FILE_OTHER };

struct pn_finfo {
    enum pn_file_type type;
    mode_t   mode;
    uid_t    uid;
    gid_t    gid;
    dev_t    device;
    ino_t    inode;
    uint64_t size;     /* bytes */
    pn_wall  mtime;
    uint32_t nlink;
};

struct pn_file;       /* a cached open file, http/file_cache.h; modules use the calls below */
struct pn_expr;

/** AcceptPathInfo, as a handler decides it. */
enum pn_path_info_policy { PN_PATH_INFO_DEFAULT = 0, PN_PATH_INFO_REJECT, PN_PATH_INFO_ACCEPT };

struct pn_request {
    uint32_t               magic;
    apr_pool_t            *pool;     /* cleared when the answer is out and logged */
    struct pn_conn        *conn;
    struct pn_server      *server;
    const struct pn_conf_vec *dir_conf; /* settings of the place, final from HEADER_PARSER on */

    struct pn_request *main;         /* the request this is a subrequest of, else NULL */
    struct pn_request *prev, *next;  /* internal redirects: where it came from, where it went */

    /* what was asked */
    pn_str          line;            /* request line as received, without its end */
    pn_str          method;          /* as received */
    enum pn_method  method_id;
    bool            head_only;       /* HEAD: headers as for GET, no body */
    unsigned        version;         /* 1001: HTTP/1.1, 1000: 1.0, 9: 0.9, 2000: HTTP/2 */
    pn_str          protocol;        /* "HTTP/1.1" */
    pn_str          target;          /* path and query as received (THE_REQUEST's middle) */
    pn_str          raw_path;        /* path as received, not decoded */
    pn_str          path;            /* decoded, normalised */
    pn_str          query;           /* without '?'; p == NULL: none */
    pn_str          hostname;        /* of target or Host, lower case, without port; empty: none */
    uint16_t        host_port;       /* of Host, 0: none */
    struct pn_headers in;            /* received fields */
    struct pn_headers *trailers;     /* received behind a chunked body, once it is read; NULL: none */
    pn_wall         time;            /* wall clock when the request line was read */
    pn_usec         begun;           /* monotonic, the same moment */

    /* where it maps to */
    pn_str          filename;        /* path on disk; empty until mapped */
    pn_str          path_info;       /* what is left of `path` behind the file; empty: none */
    pn_str          context_prefix, context_document_root; /* of mod_alias and mod_userdir; may be empty */
    struct pn_finfo finfo;           /* of filename; type NONE: nothing there */
    struct pn_file *file;            /* the cached open file behind finfo, or NULL */
    enum pn_path_info_policy path_info_policy;

    /* who asks */
    struct pn_addr  client;          /* the connection's peer, or whom a trusted proxy names (mod_remoteip); port 0: unknown */
    pn_str          user;            /* authenticated name; p == NULL: none */
    pn_str          auth_type;       /* "Basic" ... */

    /* what it is */
    pn_str          content_type;    /* with parameters; empty: none */
    pn_str          handler;         /* "cgi-script" ...; empty: by type, else the default handler */
    pn_str          content_encoding;/* "x-gzip", comma-separated; empty: none */
    apr_array_header_t *languages;   /* of pn_str; may be NULL */
    pn_str          charset;         /* from AddCharset; already part of content_type when that is set late */
    pn_str          vlist_validator; /* negotiation: stands in the ETag behind a ';'; hexadecimal digits */

    /* what is answered */
    int               status;        /* HTTP status; 200 until set */
    pn_str            reason;        /* own reason phrase; empty: the standard one */
    struct pn_headers out;           /* fields of a successful answer */
    struct pn_headers err_out;       /* fields sent with errors and over internal redirects too ("always") */
    struct pn_body   *body;          /* NULL: empty */
    pn_wall           mtime;         /* newest part of the answer, 0: unknown; for Last-Modified and conditions */
    bool              no_cache, no_local_copy; /* no conditional answers */
    bool              no_etag;
    bool              keep_alive;    /* may the connection be used again? Cleared to close it */
    bool              expecting_100; /* 100 Continue not sent yet */
    bool              assbackwards;  /* HTTP/0.9: no head */
    bool              sent_head;
    bool              is_error;      /* the answer comes from an ErrorDocument or is a default error page */

    apr_table_t      *env;           /* subprocess environment; made by pn_env(), may be NULL */
    apr_table_t      *notes;         /* made by pn_notes(), may be NULL */
    void            **ctx;           /* a pointer a module: pn_ctx() */
    pn_str            log_id;        /* request's id in logs (%L); made when asked for */

    /* for the logs */
    uint64_t          bytes_body;    /* body bytes sent (%b) */
    uint64_t          bytes_out;     /* bytes on the wire, head included (%O) */
    uint64_t          bytes_in;      /* bytes received, head included (%I) */
    int               first_status;  /* before internal redirects: of the original request */
    unsigned          redirects;     /* internal redirects so far */
    pn_usec           ended;         /* monotonic, when the last byte was handed to the kernel; 0: not yet */
    bool              body_broken;   /* the answer was cut: length or framing not fulfilled (%X is X) */

    struct pn_request_core *core;    /* the pipeline's own state */
};

/* ---- settings, per-module data ---- */

static inline const void *pn_dir_conf(const struct pn_request *r, const struct pn_module *m)
{
    return r->dir_conf->conf[m->index];
}
static inline const void *pn_server_conf(const struct pn_server *s, const struct pn_module *m)
{
    return s->conf[m->index];
}
/** This request's pointer of the module: readable and writable, NULL at first. */
void **pn_ctx(struct pn_request *r, const struct pn_module *m);
/** The table, made on first use. Keys of env are case-sensitive in use, APR compares without case. */
apr_table_t *pn_env(struct pn_request *r);
apr_table_t *pn_notes(struct pn_request *r);
/** Value, or NULL. */
const char *pn_env_get(const struct pn_request *r, const char *name);
const char *pn_note_get(const struct pn_request *r, const char *name);
/** This turn's clock. */
pn_wall pn_request_now(const struct pn_request *r);
/** The id for logs, made on first use. */
pn_str pn_request_log_id(struct pn_request *r);

/* ---- deciding ---- */

/** Ends the request with an error status from a hook: logs (level by `id`'s row, "error" by default) and returns PN_REJECTED. */
PN_PRINTF(5, 6) PN_COLD enum pn_verdict pn_reject(struct pn_request *r, int status, const struct pn_module *module, unsigned id,
                                          const char *fmt, ...);
/** The same without a message. */
enum pn_verdict pn_reject_quietly(struct pn_request *r, int status);
/** From bodies and filters: before the head is out it makes an error page, afterwards it aborts the stream. Returns PN_FAILED. */
PN_PRINTF(5, 6) PN_COLD pn_rc pn_fail(struct pn_request *r, int status, const struct pn_module *module, unsigned id,
                              const char *fmt, ...);
/** Answers with a redirection to `location` (absolute, or a path that is made absolute as UseCanonicalName says).
 *  @param status 301, 302, 303, 307, 308. Returns PN_REJECTED: the answer is made by the error path, as Apache does. */
enum pn_verdict pn_redirect_external(struct pn_request *r, int status, pn_str location);
/** Runs the request anew for another URL of this server: path and optional query, raw. In hooks and handlers: return its verdict.
 *  Method becomes GET unless it is HEAD. */
PN_MAY_YIELD enum pn_verdict pn_redirect_internal(struct pn_request *r, pn_str url);
/** The same within the phases before the handler, keeping the method, without REDIRECT_ variables of an error
 *  (DirectoryIndex, negotiation): takes over what the looked-up subrequest found. */
enum pn_verdict pn_take_over(struct pn_request *r, struct pn_request *sub);

/* ---- subrequests ---- */

/** Looks up another URL (raw path, optional ?query) of this server through the phases up to FIXUPS; relative URLs are relative to r.
 *  The result lives in r->pool. Its status is 200 when it may be run. */
PN_MAY_YIELD struct pn_request *pn_sub_lookup(struct pn_request *r, pn_str url, pn_str method);
/** Looks up a file name: absolute, or relative to r's directory. `path` is the URL path it stands for when known, else empty. */
PN_MAY_YIELD struct pn_request *pn_sub_lookup_file(struct pn_request *r, pn_str filename, pn_str path);
/** Runs its handler; sub->body then is the content (never NULL), sub->status the outcome. */
PN_MAY_YIELD pn_rc pn_sub_run(struct pn_request *sub);

/* ---- the request's body ---- */

/** Has the client announced a body? */
bool pn_has_request_body(const struct pn_request *r);
/** The body through the input filters; sends 100 Continue on the first pull. LimitRequestBody is enforced: PN_FAILED with 413.
 *  The same object each time. */
struct pn_body *pn_request_body(struct pn_request *r);
/** The status that a failure of that body (PN_FAILED) stands for: 413, 408, 400. */
int pn_request_body_status(const struct pn_request *r);
/** From now on the waits of r's fiber end with PN_CANCELLED when the client resets the connection (or the stream): for handlers
 *  that wait for a program or a backend and would go on in vain. */
void pn_watch_client(struct pn_request *r);
/** Reads and drops what is left. @return PN_OK or why it could not. */
PN_MAY_YIELD pn_rc pn_discard_request_body(struct pn_request *r);
/** From now on r is a request of this method with this body, which lives as long as r: for a body that was read to its end and
 *  holds another request (one that a login stood in the way of). An empty `type` and `body`: it has none. */
void pn_request_become(struct pn_request *r, pn_str method, pn_str type, pn_str body);
/** LimitRequestBody where r is, bytes; 0: unlimited. For filters that make the body larger. */
uint64_t pn_request_body_limit(const struct pn_request *r);
/** LimitXMLRequestBody where r is, bytes, never 0: for handlers that read a whole body as XML. */
size_t pn_xml_body_limit(const struct pn_request *r);
/** Keeps the request's body as it is read, up to `max` bytes, for subrequests: pn_request_body of those then yields it again. To be
 *  called before anybody has read of it, in INSERT_FILTER at the latest. A longer body fails with 413. */
void pn_keep_request_body(struct pn_request *r, size_t max);
/** Is the body of r, or of the request that it is a subrequest of, being kept? */
bool pn_keeps_request_body(const struct pn_request *r);

/* ---- names of this server, for links and redirections ---- */

/** Host name by UseCanonicalName (DNS: may wait for it, but not while the request is logged); port by
 *  UseCanonicalPhysicalPort; scheme. */
PN_MAY_YIELD pn_str pn_self_name(struct pn_request *r);
uint16_t pn_self_port(struct pn_request *r);
pn_str   pn_self_scheme(const struct pn_request *r);
/** "http://host[:port]" + path_query. */
pn_str   pn_self_url(struct pn_request *r, pn_str path_query);
/** The client's host name, or its address: see pinion/resolve.h. */
PN_MAY_YIELD pn_str pn_remote_host(struct pn_request *r, bool need);
/** DocumentRoot in force (context document root of an alias included when `context`). */
pn_str   pn_document_root(struct pn_request *r, bool context);

/* ---- files ---- */

/** Fills r->finfo and r->file for r->filename as the walk does, symlink options included. For handlers that change filename. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_stat_filename(struct pn_request *r);
/** An open descriptor of r->filename for reading, valid as long as the request; PN_NOT_FOUND, PN_DENIED, PN_SYSTEM. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_open_filename(struct pn_request *r, int *ret_fd);
/** Sets ETag by FileETag, Last-Modified and Accept-Ranges for r->finfo, and r->mtime. */
void pn_set_file_validators(struct pn_request *r);
/** Sets Last-Modified, ETag by FileETag, and r->mtime, as for a file of which this is known. */
void pn_set_validators(struct pn_request *r, const struct pn_finfo *info);
/** The entity tag of a file of which this is known, by the FileETag where r is: weak when it has just changed. Empty: it has none, or
 *  only a digest would give one. NUL-terminated, in r->pool. */
pn_str pn_file_etag(struct pn_request *r, const struct pn_finfo *info);
/** The client's conditions (RFC 9110 s13) against ETag and r->mtime. @return 0: go on; 304 or 412: answer so, without content. */
int pn_check_conditions(struct pn_request *r);

/** The Options in force where r is. */
enum pn_option_bit {
    PN_OPTION_INDEXES = 1, PN_OPTION_INCLUDES = 2, PN_OPTION_SYM_LINKS = 4, PN_OPTION_EXECCGI = 8,
    PN_OPTION_INC_NOEXEC = 16, PN_OPTION_SYM_OWNER = 32, PN_OPTION_MULTI = 64
};
unsigned pn_options(const struct pn_request *r);

/* ---- small things many handlers need ---- */

/** Sets content type with AddDefaultCharset's charset where Apache would add it. */
void pn_set_content_type(struct pn_request *r, pn_str type);
/** Methods this handler answers; sets Allow for OPTIONS and 405. Bits 1 << enum pn_method. */
enum pn_verdict pn_allow_methods(struct pn_request *r, uint64_t methods);
/** Is the method one of those bits? */
static inline bool pn_method_is(const struct pn_request *r, enum pn_method m)
{
    return r->method_id == m;
}
/** What r answers to an expression. @param match carries $0-$9 in and out; NULL: they live for one evaluation. */
struct pn_expr_env pn_request_expr_env(struct pn_request *r, struct pn_match *match);
/** Is the condition true for r? @return PN_OK, or why it could not be evaluated (then *ret_holds is not written). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_expr_holds(struct pn_request *r, const struct pn_expr *expr, bool *ret_holds);
/** The string that an expression yields for r, NUL-terminated, in r->pool. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_expr_text_of(struct pn_request *r, const struct pn_expr *expr, pn_str *ret_text);

/** Runs fn(arg) on a thread of the offload pool and suspends the fiber until it has returned. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_run_blocking(struct pn_request *r, void (*fn)(void *arg), void *arg);
/** Suspends the fiber for so long. @return PN_OK, or PN_CANCELLED: the client has gone. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_sleep(struct pn_request *r, pn_usec duration);

#endif
