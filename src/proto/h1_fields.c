/* h1_fields.c - the field section of a head, parsed in place, and the framing that it asks for.
 *
 * Invariant: no byte of a head is read twice on the good path but those of names and of the few
 * values that frame the message; every fault path runs once a connection and may be slow. */
#include "proto/h1_fields.h"

#include "proto/chars.h"
#include "proto/headers_append.h"
#include "proto/scan16.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

PN_COLD enum pn_h1_fault pn__h1_stray(const char *p, const char *end, enum pn_h1_fault other)
{
    if (p == end)
        return PN_H1_INCOMPLETE;
    if (*p == '\0')
        return PN_H1_NUL;
    if (*p == '\n')
        return PN_H1_BARE_LF;
    if (*p == '\r')
        return PN_H1_BARE_CR;
    return other;
}

enum pn_h1_fault pn__h1_line(struct pn__h1_section *section, char **ret_end)
{
    char *lf = pn__byte_find(section->p, section->end, '\n');
    char *eol = lf;

    if (lf == section->end)
        return PN_H1_INCOMPLETE;
    if (eol > section->p && eol[-1] == '\r')
        eol--;
    else if (!section->lf_ok)
        return PN_H1_BARE_LF;
    section->p = lf + 1;
    *ret_end = eol;
    return PN_H1_FINE;
}

/* If a line ends at p: its length in bytes (1 or 2), else 0. */
static inline size_t line_end(const struct pn__h1_section *section, const char *p)
{
    if (PN_LIKELY(section->end - p >= 2 && p[0] == '\r' && p[1] == '\n'))
        return 2;
    return section->lf_ok && p < section->end && *p == '\n' ? 1 : 0;
}

/* Why [name, colon) is no field name; colon == end when the section has none. */
PN_COLD static enum pn_h1_fault name_fault(const struct pn__h1_section *section, const char *name,
                                           const char *colon)
{
    const char *p = name;

    while (p < colon && pn__char_is(*p, PN__CHAR_TOKEN))
        p++;
    if (p == colon)
        return colon == section->end ? PN_H1_FIELD_NO_COLON : PN_H1_FIELD_NAME_EMPTY;
    if (*p == '\n' || (*p == '\r' && line_end(section, p)))
        return *p == '\n' && !section->lf_ok ? PN_H1_BARE_LF : PN_H1_FIELD_NO_COLON;
    if (is_blank(*p)) {
        while (p < colon && is_blank(*p))
            p++;
        return p == colon && colon != section->end ? PN_H1_SPACE_BEFORE_COLON : PN_H1_FIELD_NAME;
    }
    return pn__h1_stray(p, section->end, PN_H1_FIELD_NAME);
}

/* The first byte that no value may hold, or the line's end. */
static inline char *value_end(const struct pn__h1_section *section, char *p)
{
    p = pn__text_end(p, section->end);
    if (PN_LIKELY(section->strict))
        return p;
    while (p < section->end && *p != '\r' && *p != '\n' && *p != '\0')
        p = pn__text_end(p + 1, section->end);
    return p;
}

static inline char *trim_end(char *start, char *end)
{
    while (end > start && is_blank(end[-1]))
        end--;
    return end;
}

/* Joins the continuation lines at the cursor to the value [value, *end) with one SP each (RFC 9112
 * s5.2), moving their text down in place. */
PN_COLD static enum pn_h1_fault unfold(struct pn__h1_section *section, const char *value,
                                       char **end)
{
    while (section->p < section->end && is_blank(*section->p)) {
        char *from = section->p;

        while (from < section->end && is_blank(*from))
            from++;
        char  *stop = value_end(section, from);
        size_t eol = line_end(section, stop);
        if (!eol)
            return pn__h1_stray(stop, section->end, PN_H1_FIELD_CTL);
        section->p = stop + eol;
        size_t n = (size_t)(trim_end(from, stop) - from);
        if (n == 0)
            continue;
        if (*end > value)
            *(*end)++ = ' ';
        memmove(*end, from, n);
        *end += n;
    }
    return PN_H1_FINE;
}

static inline void add(struct pn__h1_section *section, struct pn_headers *headers, pn_str name,
                       pn_str value, enum pn_hdr id)
{
    uint64_t bit = UINT64_C(1) << (id & 63);

    if (id != PN_HDR_OTHER)
        section->twice[id >> 6] |= headers->present[id >> 6] & bit;
    pn__headers_append(headers, id, name, value);
}

/* A token (RFC 9110 s5.6.2)? Plain words are seen to be so in one step; `end` bounds what may be
 * read. */
static inline bool is_token(pn_str name, const char *end)
{
    if (PN_LIKELY(name.n <= 16 && end - name.p >= 16)) {
        unsigned others = ~pn__mask_word(name.p);
        if ((others & ((1u << name.n) - 1)) == 0)
            return name.n > 0;
    }
    return pn_header_name_ok(name);
}

/* One field at the cursor, which is not at an empty line. */
static inline enum pn_h1_fault field(struct pn__h1_section *section, struct pn_headers *headers)
{
    char       *name = section->p;
    char       *colon = pn__byte_find(name, section->end, ':');
    pn_str      name_str = { name, (size_t)(colon - name) };
    enum pn_hdr id = colon == section->end ? PN_HDR_OTHER : pn_hdr_id(name_str);

    if (id == PN_HDR_OTHER && (colon == section->end || !is_token(name_str, section->end)))
        return name_fault(section, name, colon);

    char *value = colon + 1;
    while (value < section->end && is_blank(*value))
        value++;
    char  *stop = value_end(section, value);
    size_t eol = line_end(section, stop);
    if (PN_UNLIKELY(!eol))
        return pn__h1_stray(stop, section->end, PN_H1_FIELD_CTL);
    char *end = trim_end(value, stop);

    section->p = stop + eol;
    if (PN_UNLIKELY(section->p < section->end && is_blank(*section->p))) {
        if (section->strict)
            return PN_H1_OBS_FOLD;
        enum pn_h1_fault fault = unfold(section, value, &end);
        if (fault)
            return fault;
    }
    if (PN_UNLIKELY((size_t)(section->p - name) - eol > section->limits->field_bytes))
        return PN_H1_FIELD_TOO_LONG;
    *colon = '\0';
    *end = '\0';
    add(section, headers, name_str, pn_str_n(value, (size_t)(end - value)), id);
    return PN_H1_FINE;
}

enum pn_h1_fault pn__h1_fields(struct pn__h1_section *section, struct pn_headers *headers)
{
    const unsigned max = section->limits->fields ? section->limits->fields : UINT32_MAX;

    if (section->p < section->end && is_blank(*section->p))
        return PN_H1_SPACE_BEFORE_FIELDS;
    while (section->p < section->end) {
        char c = *section->p;

        if (PN_UNLIKELY(c == '\r' || c == '\n')) {
            size_t eol = line_end(section, section->p);
            if (!eol)
                return pn__h1_stray(section->p, section->end, PN_H1_BARE_CR);
            section->p += eol;
            return section->p == section->end ? PN_H1_FINE : PN_H1_INCOMPLETE;
        }
        if (PN_UNLIKELY(headers->n >= max))
            return PN_H1_TOO_MANY_FIELDS;
        enum pn_h1_fault fault = field(section, headers);
        if (PN_UNLIKELY(fault))
            return fault;
    }
    return PN_H1_INCOMPLETE;
}

/* RFC 9112 s6.1, s6.3 item 4: chunked must be there once and last; other codings are not spoken
 * here. */
static enum pn_h1_fault transfer_codings(const struct pn_headers *headers)
{
    unsigned chunked = 0, others = 0;
    bool     last_chunked = false;

    for (const struct pn_header *f = pn_headers_begin(headers); f < pn_headers_end(headers); f++) {
        pn_str rest = f->value;

        if (f->id != PN_HDR_TRANSFER_ENCODING)
            continue;
        for (pn_str one = pn_header_list_next(&rest); one.p; one = pn_header_list_next(&rest)) {
            last_chunked = pn_str_ieq(one, PN_STR("chunked"));
            chunked += last_chunked;
            others += !last_chunked;
        }
    }
    if (!last_chunked || chunked > 1)
        return PN_H1_TE_NOT_CHUNKED;
    return others ? PN_H1_TE_UNKNOWN : PN_H1_FINE;
}

enum pn_h1_fault pn__h1_framing(const struct pn__h1_section *section,
                                const struct pn_headers *headers, unsigned version,
                                struct pn__h1_framing *ret)
{
    if (pn_headers_has(headers, PN_HDR_TRANSFER_ENCODING)) {
        if (pn_headers_has(headers, PN_HDR_CONTENT_LENGTH))
            return PN_H1_CL_AND_TE; /* either could be a smuggler's: RFC 9112 s11.2 */
        if (version == 1000)
            return PN_H1_TE_1_0;
        ret->kind = PN_FRAMING_CHUNKED;
        return transfer_codings(headers);
    }
    if (!pn_headers_has(headers, PN_HDR_CONTENT_LENGTH))
        return PN_H1_FINE;
    if (pn__h1_twice(section, PN_HDR_CONTENT_LENGTH))
        return PN_H1_CL_TWICE;
    pn_str value = pn_headers_get(headers, PN_HDR_CONTENT_LENGTH);
    if (pn_str_to_u64(value, INT64_MAX, &ret->length) != PN_OK)
        return PN_H1_CL;
    ret->kind = PN_FRAMING_LENGTH;
    return PN_H1_FINE;
}

bool pn__h1_keep_alive(const struct pn_headers *headers, unsigned version)
{
    bool close = false, keep = version >= 1001;

    if (!pn_headers_has(headers, PN_HDR_CONNECTION))
        return keep;
    for (const struct pn_header *f = pn_headers_begin(headers); f < pn_headers_end(headers); f++) {
        if (f->id != PN_HDR_CONNECTION)
            continue;
        close |= pn_header_has_token(f->value, PN_STR("close"));
        keep |= version == 1000 && pn_header_has_token(f->value, PN_STR("keep-alive"));
    }
    return keep && !close;
}
