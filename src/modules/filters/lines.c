/* lines.c - a body read line by line (lines.h). A line that lies in one chunk is not copied. */
#include "lines.h"

void lines_init(struct lines *lines, struct pn_request *r, struct pn_body *below, size_t max_bytes)
{
    *lines = (struct lines){ .below = pn_body_in_memory(r, below) };
    pn_buf_init(&lines->carry, r->pool, max_bytes);
}

PN_MAY_YIELD static pn_rc pull(struct lines *lines)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(lines->below, &chunk);

    if (rc == PN_EOF)
        lines->ended = true;
    else if (rc != PN_OK)
        return rc;
    else {
        lines->in = chunk.bytes;
        lines->flush = chunk.flush;
        lines->ended = chunk.last;
    }
    return PN_OK;
}

/* What is at hand holds no end of a line. */
static pn_rc carry_on(struct lines *lines, pn_str more)
{
    pn_buf_str(&lines->carry, more);
    return lines->carry.full ? PN_LIMIT : PN_OK;
}

static pn_rc hand_out_carried(struct lines *lines, pn_str *ret_line)
{
    lines->carried = true;
    *ret_line = pn_buf_view(&lines->carry);
    return PN_OK;
}

pn_rc lines_next(struct lines *lines, pn_str *ret_line)
{
    pn_rc rc;

    if (lines->carried)
        pn_buf_clear(&lines->carry);
    lines->carried = false;
    for (;;) {
        size_t end = pn_str_chr(lines->in, '\n', 0);
        pn_str head = pn_str_head(lines->in, end == SIZE_MAX ? lines->in.n : end + 1);
        lines->in = pn_str_from(lines->in, head.n);
        if (end != SIZE_MAX && lines->carry.n == 0) {
            *ret_line = head;
            return head.n > lines->carry.max ? PN_LIMIT : PN_OK;
        }
        if ((rc = carry_on(lines, head)) != PN_OK)
            return rc;
        if (end != SIZE_MAX)
            return hand_out_carried(lines, ret_line);
        if (lines->ended)
            return lines->carry.n ? hand_out_carried(lines, ret_line) : PN_EOF;
        if (lines->flush) {
            lines->flush = false;
            return PN_AGAIN;
        }
        if ((rc = pull(lines)) != PN_OK)
            return rc;
    }
}
