/* header_names.c - known field names: from received bytes to an id and back (data/headers.def),
 * and the grammar of names, values and lists (RFC 9110 s5.1, s5.5, s5.6.1).
 *
 * Workload: pn_hdr_id runs once for each received field: one multiply-add hash, one probe, one
 * comparison of eight bytes at a time. */
#include <pinion/headers.h>

#include "proto/chars.h"
#include "proto/gen_header_names.h"

static const pn_str known[PN_HDR__COUNT] = {
#define X(id, name) [PN_HDR_##id] = PN_STR_INIT(name),
#include "../../data/headers.def"
#undef X
};

_Static_assert(PN_HDR__COUNT <= 128, "struct pn_headers.present has 128 bits");

static inline uint64_t load(const char *p, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, p, n);
    return word;
}

/* Do received bytes equal a known name's bytes without case? `name` holds letters, digits and '-'
 * only; only at its letters (which have bit 0x40) may a difference in bit 0x20 be ignored, or CR
 * would pass for '-'. */
static inline bool same(uint64_t got, uint64_t name)
{
    const uint64_t letters = (name >> 1) & UINT64_C(0x2020202020202020);

    return ((got ^ name) & ~letters) == 0;
}

static bool equals(const char *got, pn_str name)
{
    size_t n = name.n;

    if (n < 8)
        return n < 4 ? same(load(got, n), load(name.p, n))
                     : same(load(got, 4), load(name.p, 4)) &&
                           same(load(got + n - 4, 4), load(name.p + n - 4, 4));
    for (size_t at = 0; at + 8 < n; at += 8) {
        if (!same(load(got + at, 8), load(name.p + at, 8)))
            return false;
    }
    return same(load(got + n - 8, 8), load(name.p + n - 8, 8));
}

enum pn_hdr pn_hdr_id(pn_str name)
{
    if (name.n == 0 || name.n > HDR_LONGEST)
        return PN_HDR_OTHER;
    uint32_t slot =
        HDR_HASH(name.n, (unsigned char)name.p[0] | 32, (unsigned char)name.p[name.n / 2] | 32,
                 (unsigned char)name.p[name.n - 1] | 32);
    unsigned id = hdr_table[slot];

    if (id && known[id].n == name.n && equals(name.p, known[id]))
        return (enum pn_hdr)id;
    return PN_HDR_OTHER;
}

pn_str pn_hdr_name(enum pn_hdr id)
{
    pn_assert((unsigned)id < PN_HDR__COUNT);
    return known[id];
}

bool pn_header_name_ok(pn_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!pn__char_is(name.p[i], PN__CHAR_TOKEN))
            return false;
    }
    return name.n > 0;
}

bool pn_header_value_ok(pn_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
    }
    return true;
}

/* Length of the list element that starts at s.p: up to a comma outside of quotes. */
static size_t element_length(pn_str s)
{
    bool   quoted = false;
    size_t i = 0;

    for (; i < s.n; i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (quoted && s.p[i] == '\\')
            i++; /* quoted-pair */
        else if (!quoted && s.p[i] == ',')
            break;
    }
    return i < s.n ? i : s.n; /* a backslash may be the last byte */
}

pn_str pn_header_list_next(pn_str *rest)
{
    while (rest->n) {
        size_t n = element_length(*rest);
        pn_str element = pn_str_trim(pn_str_head(*rest, n));

        *rest = pn_str_from(*rest, n + 1);
        if (element.n)
            return element;
    }
    return (pn_str){ 0 };
}

bool pn_header_has_token(pn_str list, pn_str token)
{
    for (pn_str one = pn_header_list_next(&list); one.p; one = pn_header_list_next(&list)) {
        if (pn_str_ieq(one, token))
            return true;
    }
    return false;
}
