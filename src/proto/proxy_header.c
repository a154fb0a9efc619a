/* proxy_header.c - strict parser of PROXY protocol headers (proxy_header.h).
 *
 * Called with all bytes so far until it says yes or no: headers are short, so starting over costs
 * nothing. */
#include <pinion/proxy_header.h>

#include <arpa/inet.h>

enum {
    LINE_MAX_BYTES = 107, /* longest version 1 line with its CRLF */
    V2_FIXED = 16,        /* signature, version and command, family, length */
    TLV_HEAD = 3,
    INET_BYTES = 12,
    INET6_BYTES = 36,
    UNIX_BYTES = 216
};

#define V2_SIGNATURE PN_STR("\r\n\r\n\0\r\nQUIT\n")

/* Is `bytes` a beginning of `text`, or the other way round? */
static bool may_become(pn_str bytes, pn_str text)
{
    size_t n = bytes.n < text.n ? bytes.n : text.n;

    return n == 0 || memcmp(bytes.p, text.p, n) == 0;
}

/* ---- version 1: a line of text ---- */

static pn_rc text_address(int family, pn_str text, struct pn_proxy_address *ret)
{
    char z[INET6_ADDRSTRLEN];

    if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, '\0', text.n))
        return PN_BAD;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    return inet_pton(family, z, ret->bytes) == 1 ? PN_OK : PN_BAD;
}

static pn_rc text_port(pn_str text, struct pn_proxy_address *ret)
{
    uint64_t port;

    if (text.n > 1 && text.p[0] == '0')
        return PN_BAD;
    if (pn_str_to_u64(text, UINT16_MAX, &port) != PN_OK)
        return PN_BAD;
    ret->port = (uint16_t)port;
    return PN_OK;
}

/* "TCP4 source destination source-port destination-port", single spaces */
static pn_rc parse_words(pn_str line, struct pn_proxy_header *header)
{
    pn_str protocol = pn_str_cut(line, ' ', &line);
    int    family = AF_INET;

    if (pn_str_eq(protocol, PN_STR("UNKNOWN")))
        return PN_OK; /* the rest of the line is to be ignored */
    header->family = PN_PROXY_INET;
    if (pn_str_eq(protocol, PN_STR("TCP6"))) {
        header->family = PN_PROXY_INET6;
        family = AF_INET6;
    }
    else if (!pn_str_eq(protocol, PN_STR("TCP4")))
        return PN_BAD;
    if (text_address(family, pn_str_cut(line, ' ', &line), &header->source) != PN_OK ||
        text_address(family, pn_str_cut(line, ' ', &line), &header->destination) != PN_OK ||
        text_port(pn_str_cut(line, ' ', &line), &header->source) != PN_OK)
        return PN_BAD;
    return text_port(line, &header->destination);
}

static pn_rc parse_v1(pn_str bytes, struct pn_proxy_header *ret, size_t *ret_n)
{
    struct pn_proxy_header header = { .version = 1 };
    pn_str                 line = pn_str_head(bytes, LINE_MAX_BYTES);
    size_t                 cr = pn_str_chr(line, '\r', 0);

    if (memchr(line.p, '\n', cr == SIZE_MAX ? line.n : cr))
        return PN_BAD;
    if (cr == SIZE_MAX || cr + 1 == line.n)
        return line.n == LINE_MAX_BYTES ? PN_BAD : PN_AGAIN;
    if (line.p[cr + 1] != '\n')
        return PN_BAD;
    if (parse_words(pn_str_from(pn_str_head(line, cr), 6), &header) != PN_OK)
        return PN_BAD;
    *ret = header;
    *ret_n = cr + 2;
    return PN_OK;
}

/* ---- version 2: binary ---- */

static uint16_t be16(const char *p)
{
    return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

/* Type, length and value of each extension must fill the rest exactly. */
static pn_rc check_extensions(pn_str rest)
{
    while (rest.n) {
        if (rest.n < TLV_HEAD)
            return PN_BAD;
        size_t n = TLV_HEAD + (size_t)be16(rest.p + 1);
        if (n > rest.n)
            return PN_BAD;
        rest = pn_str_from(rest, n);
    }
    return PN_OK;
}

/* Two addresses of `n` bytes each, then two ports. */
static void binary_addresses(const char *p, size_t n, struct pn_proxy_header *header)
{
    memcpy(header->source.bytes, p, n);
    memcpy(header->destination.bytes, p + n, n);
    header->source.port = be16(p + 2 * n);
    header->destination.port = be16(p + 2 * n + 2);
}

/* @param family_protocol high half: address family; low half: 1 stream, 2 datagram */
static pn_rc parse_addresses(pn_str body, unsigned family_protocol, struct pn_proxy_header *header)
{
    static const size_t lengths[] = { 0, INET_BYTES, INET6_BYTES, UNIX_BYTES };
    unsigned            family = family_protocol >> 4, protocol = family_protocol & 15;

    if (family >= PN_COUNT(lengths) || protocol > 2 || body.n < lengths[family])
        return PN_BAD;
    if (family == 0 || protocol == 0)
        return PN_OK; /* unspecified: nothing to be used */
    header->family = (enum pn_proxy_family)family;
    header->datagram = protocol == 2;
    if (header->family == PN_PROXY_INET)
        binary_addresses(body.p, 4, header);
    else if (header->family == PN_PROXY_INET6)
        binary_addresses(body.p, 16, header);
    return check_extensions(pn_str_from(body, lengths[family]));
}

static pn_rc parse_v2(pn_str bytes, struct pn_proxy_header *ret, size_t *ret_n)
{
    struct pn_proxy_header header = { .version = 2 };
    unsigned               command;
    size_t                 n;

    if (bytes.n > 12 && ((unsigned char)bytes.p[12] & 0xfe) != 0x20)
        return PN_BAD;
    if (bytes.n < V2_FIXED)
        return PN_AGAIN;
    command = (unsigned char)bytes.p[12] & 15;
    n = be16(bytes.p + 14);
    if (n > PN_PROXY_HEADER_MAX - V2_FIXED)
        return PN_BAD;
    if (bytes.n < V2_FIXED + n)
        return PN_AGAIN;
    header.local = command == 0;
    if (!header.local) {
        pn_str body = pn_str_n(bytes.p + V2_FIXED, n);
        if (parse_addresses(body, (unsigned char)bytes.p[13], &header) != PN_OK)
            return PN_BAD;
    }
    *ret = header;
    *ret_n = V2_FIXED + n;
    return PN_OK;
}

pn_rc pn_proxy_header_parse(pn_str bytes, struct pn_proxy_header *ret, size_t *ret_n)
{
    const pn_str v1 = PN_STR("PROXY "), v2 = V2_SIGNATURE;

    if (may_become(bytes, v1))
        return bytes.n < v1.n ? PN_AGAIN : parse_v1(bytes, ret, ret_n);
    if (may_become(bytes, v2))
        return bytes.n < v2.n ? PN_AGAIN : parse_v2(bytes, ret, ret_n);
    return PN_BAD;
}
