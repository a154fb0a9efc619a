/* inflated_body.h - bodies in gzip form uncompressed on the way, for mod_deflate. */
#ifndef PN_FILTERS_INFLATED_BODY_H
#define PN_FILTERS_INFLATED_BODY_H

#include <pinion/request.h>

/** What a request body may become by inflating: mod_deflate's per-directory settings. */
struct inflate_limits {
    int64_t body_bytes; /* 0: no limit */
    int64_t ratio;      /* how many times larger than what came */
    int64_t burst;      /* how often it may be over that ratio */
    bool    body_set;   /* else LimitRequestBody holds */
};

/** Takes gzip off the answer's Content-Encoding. @return false: it is not the outermost coding. */
bool inflated_take_coding(struct pn_request *r);
/** The same of the request's fields; its Content-Length goes too. */
bool inflated_take_request_coding(struct pn_request *r);

/** `below` uncompressed, in constant memory. Members that follow one another are one content (RFC 1952 s2.2); what follows and is no
 *  member is dropped.
 *  @param limits        NULL: an answer, which is not limited.
 *  @param buffer_bytes  handed out at a time. */
struct pn_body *inflated_body(struct pn_request *r, struct pn_body *below, const struct inflate_limits *limits,
                              size_t buffer_bytes);

#endif
