/* fuzz_proxy_header.c - the PROXY protocol. Byte 0: where the input is cut; then the bytes of a
 * connection. Holds: a cut input is never judged otherwise than the whole. */
#include <pinion/proxy_header.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_proxy_header header, cut_header;
    size_t                 n = 0, cut_n = 0;

    if (size < 1)
        return 0;
    pn_str in = { (const char *)data + 1, size - 1 };
    pn_rc  rc = pn_proxy_header_parse(in, &header, &n);
    pn_rc  cut_rc =
        pn_proxy_header_parse(pn_str_head(in, data[0] % (in.n + 1)), &cut_header, &cut_n);

    pn_assert(rc != PN_OK || (n > 0 && n <= in.n && n <= PN_PROXY_HEADER_MAX));
    pn_assert(cut_rc == rc || cut_rc == PN_AGAIN);
    pn_assert(cut_rc != PN_OK || cut_n == n);
    return 0;
}
