/* test_proxy_header.c - src/proto/proxy_header.c. Each header is also offered byte by byte. */
#include "support.h"

#include <arpa/inet.h>

#include <pinion/proxy_header.h>

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x12\x34\x00\x50"
#define V6                                                                                         \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                   \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"                                                           \
    "\x00\x01\xff\xff"

static const struct {
    pn_str      in;
    pn_rc       rc;
    const char *out; /* as dump() writes it */
    size_t      n;   /* bytes eaten; 0: all */
} cases[] = {
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660 80\r\nGET"), PN_OK, "1 10.0.0.1:4660 10.0.0.2:80",
      38 },
    { BYTES("PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n"), PN_OK,
      "1 255.255.255.255:65535 0.0.0.0:0", 0 },
    { BYTES("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), PN_OK, "1 2001:db8::1:1 ::1:65535", 0 },
    { BYTES("PROXY UNKNOWN\r\n"), PN_OK, "1 unknown", 0 },
    { BYTES("PROXY UNKNOWN what ever it says\r\n"), PN_OK, "1 unknown", 0 },
    { BYTES("PROXY "), PN_AGAIN, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660 80\r"), PN_AGAIN, NULL, 0 },
    { BYTES(""), PN_AGAIN, NULL, 0 },
    { BYTES("PROXX"), PN_BAD, NULL, 0 },
    { BYTES("GET / HTTP/1.1\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY \r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP5 10.0.0.1 10.0.0.2 4660 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660 80\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660 80\rX"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4  10.0.0.1 10.0.0.2 4660 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660 80 \r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 4660\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 04660 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 65536 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1 10.0.0.2 +1 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0 10.0.0.2 1 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 ::1 ::1 1 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP6 10.0.0.1 10.0.0.2 1 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY TCP4 10.0.0.1\0 10.0.0.2 1 80\r\n"), PN_BAD, NULL, 0 },
    { BYTES("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789"),
      PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x11\x00\x0c" V4 "GET"), PN_OK, "2 10.0.0.1:4660 10.0.0.2:80", 28 },
    { BYTES(SIG "\x21\x21\x00\x24" V6), PN_OK, "2 2001:db8::1:1 ::1:65535", 0 },
    { BYTES(SIG "\x21\x12\x00\x0c" V4), PN_OK, "2 10.0.0.1:4660 10.0.0.2:80 datagram", 0 },
    { BYTES(SIG "\x21\x11\x00\x13" V4 "\x01\x00\x02h2\x04\x00\x00"), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x11\x00\x14" V4 "\x01\x00\x02h2\x04\x00\x00"), PN_OK,
      "2 10.0.0.1:4660 10.0.0.2:80", 0 },
    { BYTES(SIG "\x21\x11\x00\x11" V4 "\x01\x00\x03h2"), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x20\x00\x00\x00"), PN_OK, "2 local unknown", 0 },
    { BYTES(SIG "\x20\x11\x00\x0c" V4), PN_OK, "2 local unknown", 0 },
    { BYTES(SIG "\x21\x00\x00\x00"), PN_OK, "2 unknown", 0 },
    { BYTES(SIG "\x21\x11\x00\x0b"
                "\x0a\x00\x00\x01\x0a\x00\x00\x02\x12\x34\x00"),
      PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x31\x00\x0c" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x41\x00\x0c" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x13\x00\x0c" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x22\x11\x00\x0c" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x11\x11\x00\x0c" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x11\x10\x00" V4), PN_BAD, NULL, 0 },
    { BYTES(SIG "\x21\x11\x00\x0c"
                "\x0a"),
      PN_AGAIN, NULL, 0 },
    { BYTES("\r\n\r\n\0\r\nQUIT\r"), PN_BAD, NULL, 0 },
    { BYTES("\r\n\r\nGET"), PN_BAD, NULL, 0 },
};

static void dump_address(struct pn_buf *buf, enum pn_proxy_family family,
                         const struct pn_proxy_address *address)
{
    char text[INET6_ADDRSTRLEN];

    assert_non_null(inet_ntop(family == PN_PROXY_INET ? AF_INET : AF_INET6, address->bytes, text,
                              sizeof(text)));
    pn_buf_printf(buf, " %s:%u", text, address->port);
}

static pn_str dump(const struct pn_proxy_header *header)
{
    struct pn_buf buf;

    pn_buf_init(&buf, pool, 1000);
    pn_buf_printf(&buf, "%u%s", header->version, header->local ? " local" : "");
    if (header->family == PN_PROXY_INET || header->family == PN_PROXY_INET6) {
        dump_address(&buf, header->family, &header->source);
        dump_address(&buf, header->family, &header->destination);
    }
    else
        pn_buf_str(&buf, header->family == PN_PROXY_UNIX ? PN_STR(" unix") : PN_STR(" unknown"));
    if (header->datagram)
        pn_buf_lit(&buf, " datagram");
    return pn_buf_view(&buf);
}

static void check_whole(size_t i)
{
    struct pn_proxy_header header;
    pn_str                 in = cases[i].in;
    char                  *copy = tight_copy(in);
    size_t                 n = 0;

    check_rc(in, pn_proxy_header_parse(pn_str_n(copy, in.n), &header, &n), cases[i].rc);
    if (cases[i].rc == PN_OK) {
        check_z(in, dump(&header), cases[i].out);
        check_u64(in, n, cases[i].n ? cases[i].n : in.n);
    }
    free(copy);
}

/* A shorter piece is either enough, or not yet enough, or wrong where the whole is wrong. */
static void check_growing(size_t i)
{
    struct pn_proxy_header header;
    pn_str                 in = cases[i].in;
    size_t                 end = cases[i].n ? cases[i].n : in.n;

    for (size_t cut = 0; cut < in.n; cut++) {
        char  *copy = tight_copy(pn_str_head(in, cut));
        size_t n = 0;
        pn_rc  rc = pn_proxy_header_parse(pn_str_n(copy, cut), &header, &n);

        if (cases[i].rc != PN_BAD || rc != PN_BAD)
            check_rc(in, rc, cases[i].rc == PN_OK && cut >= end ? PN_OK : PN_AGAIN);
        free(copy);
    }
}

static void headers_are_parsed_however_they_come(void **state)
{
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        check_whole(i);
        check_growing(i);
    }
}

static void unix_addresses_are_named_only(void **state)
{
    struct pn_proxy_header header;
    char                   bytes[256] = SIG "\x21\x31\x00\xd8";
    size_t                 n = 0;

    assert_int_equal(pn_proxy_header_parse(pn_str_n(bytes, 16 + 216), &header, &n), PN_OK);
    check_z(PN_STR("unix"), dump(&header), "2 unix");
    check_u64(PN_STR("unix"), n, 232);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(headers_are_parsed_however_they_come),
        POOL_TEST(unix_addresses_are_named_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
