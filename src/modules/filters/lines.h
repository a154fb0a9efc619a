/* lines.h - a body read line by line, in memory bounded by the longest line; for the filters that edit text. */
#ifndef PN_FILTERS_LINES_H
#define PN_FILTERS_LINES_H

#include <pinion/request.h>

struct lines {
    struct pn_body *below;     /* hands out bytes, not files */
    pn_str          in;        /* of the chunk at hand */
    struct pn_buf   carry;     /* the beginning of a line that goes on in the next chunk */
    bool            carried;   /* the line handed out last lies there */
    bool            flush, ended;
};

/** @param max_bytes longest line, its end included. */
void lines_init(struct lines *lines, struct pn_request *r, struct pn_body *below, size_t max_bytes);
/** The next line with its \n; the last one may have none. Valid until the next call.
 *  @return PN_OK; PN_AGAIN: what was read so far is to go out now, more takes time; PN_EOF; PN_LIMIT: a line is too long; else
 *  the result of the body below. */
PN_MAY_YIELD pn_rc lines_next(struct lines *lines, pn_str *ret_line);

#endif
