/* fuzz_chunked.c - the chunked coding. Byte 0: where the input is cut; then the coded body.
 * Holds: the same data and result whole and cut; data lies within the input. */
#include <stdlib.h>

#include <pinion/buf.h>

#include "proto/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes up to the end of `bytes`; appends what it yields. */
static pn_rc decode(struct pn_chunked *decoder, pn_str *bytes, struct pn_buf *out)
{
    pn_rc  rc;
    pn_str run;

    while ((rc = pn_chunked_next(decoder, bytes, &run)) == PN_OK) {
        pn_assert(run.n > 0);
        pn_buf_str(out, run);
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_chunked whole, parts;
    struct pn_buf     whole_out, parts_out;

    if (size < 1)
        return 0;
    pn_str in = { (const char *)data + 1, size - 1 }, rest = in;
    size_t cut = data[0] % (in.n + 1);
    pn_buf_init(&whole_out, NULL, size);
    pn_buf_init(&parts_out, NULL, size);
    pn_chunked_init(&whole);
    pn_chunked_init(&parts);

    pn_rc  rc = decode(&whole, &rest, &whole_out);
    pn_str parts_rest = pn_str_head(in, cut);
    pn_rc  parts_rc = decode(&parts, &parts_rest, &parts_out);
    if (parts_rc == PN_AGAIN) {
        pn_assert(parts_rest.n == 0);
        parts_rest = pn_str_from(in, cut);
        parts_rc = decode(&parts, &parts_rest, &parts_out);
    }
    pn_assert(rc == parts_rc && pn_str_eq(pn_buf_view(&whole_out), pn_buf_view(&parts_out)));
    pn_assert(whole.total == whole_out.n && !whole_out.full);

    size_t n;
    if (rc == PN_EOF && pn_chunked_trailer_end(rest, 8192, &n) == PN_OK)
        pn_assert(n >= 1 && n <= rest.n && rest.p[n - 1] == '\n');
    pn_buf_release(&whole_out);
    pn_buf_release(&parts_out);
    return 0;
}
