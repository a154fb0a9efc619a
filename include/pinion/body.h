/* pinion/body.h - a body is a source that yields chunks when pulled; a filter is a body that wraps a body.
 *
 * The protocol layer pulls the outermost body of a response and decides how chunks leave. A request body is the
 * same thing in the other direction. Back-pressure needs no code: nobody pulls while the peer does not read. */
#ifndef PINION_BODY_H
#define PINION_BODY_H

#include <pinion/str.h>

struct pn_request;
struct pn_body;
struct pn_body_ops;

enum pn_chunk_kind { PN_CHUNK_BYTES, PN_CHUNK_FILE };

struct pn_chunk {
    enum pn_chunk_kind kind;
    bool     stable; /* the bytes live as long as the request; else until the next pull of the same body */
    bool     last;   /* a hint that PN_EOF would follow; the puller need not ask again */
    bool     flush;  /* send now what has been gathered, more will take time */
    pn_str   bytes;  /* PN_CHUNK_BYTES: may be empty with flush */
    int      fd;     /* PN_CHUNK_FILE: a regular file, open as long as the request */
    uint64_t offset; /* bytes into the file */
    uint64_t n;      /* PN_CHUNK_FILE: bytes */
};

struct pn_body {
    const struct pn_body_ops *ops;
    struct pn_request        *r;
    int64_t                   length; /* bytes to come, -1: not known; set before the first pull */
};

struct pn_body_ops {
    const char *name; /* for traces and `pinion explain` */
    /** The next chunk. @return PN_OK; PN_EOF at the normal end; PN_CANCELLED, PN_TIMEOUT (the peer); PN_FAILED (reported).
     *  After anything but PN_OK it is not called again. */
    PN_MAY_YIELD pn_rc (*next)(struct pn_body *body, struct pn_chunk *ret_chunk);
    /** Gives back what is not memory of the request's pool (descriptors have pool cleanups: usually NULL). Called
     *  once, from the request's fiber, also when the body was not pulled to its end; may wait for a task of the body to
     *  end (shielded). May be NULL. A wrapping body closes what it wraps. */
    void (*close)(struct pn_body *body);
};

/** Pulls. */
PN_MAY_YIELD static inline pn_rc pn_body_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    return body->ops->next(body, ret_chunk);
}
/** Accepts NULL. */
static inline void pn_body_close(struct pn_body *body)
{
    if (body && body->ops->close)
        body->ops->close(body);
}

/** The empty body. */
struct pn_body *pn_body_empty(struct pn_request *r);
/** Bytes that live as long as the request. */
struct pn_body *pn_body_bytes(struct pn_request *r, pn_str bytes);
/** A run of an open regular file; `fd` stays open as long as the request (the caller sees to it). */
struct pn_body *pn_body_file(struct pn_request *r, int fd, uint64_t offset, uint64_t n);
/** One after the other. `parts` is copied. */
struct pn_body *pn_body_concat(struct pn_request *r, struct pn_body *const *parts, size_t count);
/** Hands out the bytes of file chunks in memory (reads them, off the loop when cold), in pieces of at most 64 KB: for
 *  filters that look at bytes. Byte chunks pass through. */
struct pn_body *pn_body_in_memory(struct pn_request *r, struct pn_body *below);

/** Reads all of a body into memory. @return PN_OK, PN_LIMIT over max bytes, or the body's own result. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_body_read_all(struct pn_body *body, apr_pool_t *pool, size_t max, pn_str *ret);

/* ---- filters ---- */

/** When a filter is wrapped around the body: content filters first (innermost), then what changes the representation
 *  (compression), then the protocol's own. Same order as Apache's AP_FTYPE_*. */
enum pn_filter_type {
    PN_FILTER_RESOURCE = 10,   /* makes or changes content: INCLUDES, SUBSTITUTE */
    PN_FILTER_CONTENT_SET = 20,/* the representation: DEFLATE, CACHE */
    PN_FILTER_PROTOCOL = 30,   /* BYTERANGE, CONTENT_LENGTH */
    PN_FILTER_TRANSCODE = 40   /* after the message is made: RATE_LIMIT */
};

/** Wraps `below`, or returns it as it is when the filter has nothing to do for this response. May change the response's
 *  headers (the head is not out yet) and the length. @return NULL when it failed (reported by pn_fail). */
typedef PN_MAY_YIELD struct pn_body *pn_filter_fn(struct pn_request *r, struct pn_body *below, void *arg);

struct pn_filter {
    const char         *name; /* upper case, as SetOutputFilter names it */
    enum pn_filter_type type;
    pn_filter_fn       *wrap;
    /** Before the handler runs: says on the request what the handler must know (no_etag, no_local_copy). May be NULL. */
    void (*init)(struct pn_request *r, void *arg);
    void *data; /* handed to wrap and init as arg when the filter was added with none; may be NULL */
};

struct pn_hooks;
struct pn_generation;
/** Makes a filter known by name (configuration refers to it case-insensitively). */
void pn_output_filter(struct pn_hooks *h, const struct pn_filter *filter);
void pn_input_filter(struct pn_hooks *h, const struct pn_filter *filter);
/** The same for filters that the configuration defines; from post_config hooks. `filter` lives as long as the generation.
 *  @return PN_OK; PN_LIMIT: the name is empty or too long. */
PN_NODISCARD pn_rc pn_define_filter(struct pn_generation *generation, const struct pn_filter *filter, bool input);
/** Adds a filter to this request, in INSERT_FILTER or before; order among one type is the order of adding.
 *  @return PN_OK or PN_NOT_FOUND. */
PN_NODISCARD pn_rc pn_add_output_filter(struct pn_request *r, pn_str name, void *arg);
PN_NODISCARD pn_rc pn_add_input_filter(struct pn_request *r, pn_str name, void *arg);
void pn_remove_output_filter(struct pn_request *r, pn_str name);

/** The filter of that name (without case); NULL when no active module offers it. */
const struct pn_filter *pn_find_output_filter(const struct pn_generation *generation, pn_str name);
const struct pn_filter *pn_find_input_filter(const struct pn_generation *generation, pn_str name);

#endif
