/* multipart.c - boundaries, part heads and Content-Range values (multipart.h). */
#include "proto/multipart.h"

/* Delimiter, type and range lines; a Content-Type longer than this makes pn_multipart_length say
 * PN_LIMIT. */
enum { PART_HEAD_MAX = 16384 };

void pn_multipart_init(struct pn_multipart *multipart, uint64_t random, pn_str content_type,
                       uint64_t total)
{
    *multipart = (struct pn_multipart){ .content_type = content_type, .total = total };
    for (unsigned i = 0; i < PN_MULTIPART_BOUNDARY_LEN; i++, random >>= 4)
        multipart->boundary[i] = "0123456789abcdef"[random & 15];
}

static void add_boundary(const struct pn_multipart *multipart, struct pn_buf *buf)
{
    pn_buf_add(buf, multipart->boundary, PN_MULTIPART_BOUNDARY_LEN);
}

void pn_multipart_type(const struct pn_multipart *multipart, struct pn_buf *buf)
{
    pn_buf_lit(buf, "multipart/byteranges; boundary=");
    add_boundary(multipart, buf);
}

void pn_multipart_part(const struct pn_multipart *multipart, struct pn_range range,
                       struct pn_buf *buf)
{
    pn_buf_lit(buf, "\r\n--");
    add_boundary(multipart, buf);
    if (multipart->content_type.n) {
        pn_buf_lit(buf, "\r\nContent-type: ");
        pn_buf_str(buf, multipart->content_type);
    }
    pn_buf_lit(buf, "\r\nContent-range: ");
    pn_content_range(range, multipart->total, buf);
    pn_buf_lit(buf, "\r\n\r\n");
}

void pn_multipart_end(const struct pn_multipart *multipart, struct pn_buf *buf)
{
    pn_buf_lit(buf, "\r\n--");
    add_boundary(multipart, buf);
    pn_buf_lit(buf, "--\r\n");
}

/* Adds what the writers wrote to `scratch` since the last call, and `data` bytes of a range. */
static bool add_written(uint64_t *sum, struct pn_buf *scratch, uint64_t data)
{
    bool fits = !scratch->full && !__builtin_add_overflow(*sum, scratch->n, sum) &&
                !__builtin_add_overflow(*sum, data, sum);

    pn_buf_clear(scratch);
    return fits && *sum <= INT64_MAX;
}

pn_rc pn_multipart_length(const struct pn_multipart *multipart, const struct pn_range_set *set,
                          uint64_t *ret_bytes)
{
    struct pn_buf scratch;
    uint64_t      sum = 0;
    bool          fits = true;

    /* The lengths are those of real heads, so that they can not differ from what is sent. */
    pn_buf_init(&scratch, NULL, PART_HEAD_MAX);
    for (unsigned i = 0; fits && i < set->n; i++) {
        pn_multipart_part(multipart, set->v[i], &scratch);
        fits = add_written(&sum, &scratch, set->v[i].last - set->v[i].first + 1);
    }
    pn_multipart_end(multipart, &scratch);
    fits = fits && add_written(&sum, &scratch, 0);
    pn_buf_release(&scratch);
    if (!fits)
        return PN_LIMIT;
    *ret_bytes = sum;
    return PN_OK;
}

void pn_content_range(struct pn_range range, uint64_t total, struct pn_buf *buf)
{
    pn_buf_lit(buf, "bytes ");
    pn_buf_u64(buf, range.first);
    pn_buf_ch(buf, '-');
    pn_buf_u64(buf, range.last);
    pn_buf_ch(buf, '/');
    pn_buf_u64(buf, total);
}

void pn_content_range_none(uint64_t total, struct pn_buf *buf)
{
    pn_buf_lit(buf, "bytes */");
    pn_buf_u64(buf, total);
}
