/* include_text.c - the encodings of server-side includes: entity, url, urlencoded, base64, each in both directions. */
#include <apr_base64.h>

#include "include.h"

typedef pn_str recode_fn(apr_pool_t *pool, pn_str text);

static pn_str same(apr_pool_t *pool, pn_str text)
{
    (void)pool;
    return text;
}

/* What a builder of `max` bytes holds; appending never reached the maximum. */
static pn_str built(struct pn_buf *buf)
{
    pn_str text = PN_STR("");

    pn_assert(pn_buf_done(buf, &text) == PN_OK);
    return text.p ? text : PN_STR("");
}

/* ---- entities ---- */

static pn_str to_entities(apr_pool_t *pool, pn_str text)
{
    struct pn_buf out;

    pn_buf_init(&out, pool, 6 * text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        switch (text.p[i]) {
        case '<': pn_buf_lit(&out, "&lt;"); break;
        case '>': pn_buf_lit(&out, "&gt;"); break;
        case '&': pn_buf_lit(&out, "&amp;"); break;
        case '"': pn_buf_lit(&out, "&quot;"); break;
        default: pn_buf_ch(&out, text.p[i]);
        }
    }
    return built(&out);
}

/* The characters of ISO 8859-1 from 0xa0 on, by their HTML names. */
static const char *const latin1[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",   "laquo",
    "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",  "para",   "middot",
    "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave", "Iacute", "Icirc",  "Iuml",
    "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",
    "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute",
    "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

/* The byte that a reference without & and ; stands for, or -1. */
static int reference(pn_str name)
{
    static const struct { pn_str name; char c; } basic[] = {
        { PN_STR_INIT("lt"), '<' }, { PN_STR_INIT("gt"), '>' }, { PN_STR_INIT("amp"), '&' }, { PN_STR_INIT("quot"), '"' },
    };
    uint64_t code = 0;

    if (name.n > 1 && name.p[0] == '#')
        return pn_str_to_u64(pn_str_from(name, 1), 255, &code) == PN_OK && code ? (int)code : -1;
    for (size_t i = 0; i < PN_COUNT(basic); i++)
        if (pn_str_eq(name, basic[i].name))
            return basic[i].c;
    for (size_t i = 0; i < PN_COUNT(latin1); i++)
        if (pn_str_eq(name, pn_str_z(latin1[i])))
            return 0xa0 + (int)i;
    return -1;
}

pn_str include_unescape_entities(apr_pool_t *pool, pn_str text)
{
    struct pn_buf out;

    if (pn_str_chr(text, '&', 0) == SIZE_MAX)
        return text;
    pn_buf_init(&out, pool, text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        size_t end = text.p[i] == '&' ? pn_str_chr(pn_str_head(text, i + 12), ';', i) : SIZE_MAX;
        int    c = end == SIZE_MAX ? -1 : reference(pn_str_n(text.p + i + 1, end - i - 1));
        pn_buf_ch(&out, c < 0 ? text.p[i] : (char)c);
        if (c >= 0)
            i = end;
    }
    return built(&out);
}

/* ---- URLs ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static pn_str percent(apr_pool_t *pool, pn_str text, const char *plain, bool plus)
{
    static const char hex[] = "0123456789abcdef";
    struct pn_buf     out;

    pn_buf_init(&out, pool, 3 * text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (is_word((char)c) || (c && strchr(plain, c)))
            pn_buf_ch(&out, (char)c);
        else if (plus && c == ' ')
            pn_buf_ch(&out, '+');
        else {
            pn_buf_ch(&out, '%');
            pn_buf_ch(&out, hex[c >> 4]);
            pn_buf_ch(&out, hex[c & 15]);
        }
    }
    return built(&out);
}

static pn_str to_url(apr_pool_t *pool, pn_str text)
{
    return percent(pool, text, "$-_.+!*'(),:@&=/~;", false);
}

static pn_str to_urlencoded(apr_pool_t *pool, pn_str text)
{
    return percent(pool, text, ".-*_", true);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static pn_str unpercent(apr_pool_t *pool, pn_str text, bool plus)
{
    struct pn_buf out;

    pn_buf_init(&out, pool, text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        int high = text.p[i] == '%' && i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text.p[i + 2]) : -1;
        if (low >= 0) {
            pn_buf_ch(&out, (char)(high << 4 | low));
            i += 2;
        }
        else
            pn_buf_ch(&out, plus && text.p[i] == '+' ? ' ' : text.p[i]);
    }
    return built(&out);
}

static pn_str from_url(apr_pool_t *pool, pn_str text)
{
    return unpercent(pool, text, false);
}

static pn_str from_urlencoded(apr_pool_t *pool, pn_str text)
{
    return unpercent(pool, text, true);
}

/* ---- base64 ---- */

static pn_str to_base64(apr_pool_t *pool, pn_str text)
{
    char *to = apr_palloc(pool, (apr_size_t)apr_base64_encode_len((int)text.n));

    apr_base64_encode_binary(to, (const unsigned char *)text.p, (int)text.n);
    return pn_str_z(to);
}

static pn_str from_base64(apr_pool_t *pool, pn_str text)
{
    const char *z = pn_str_zdup(pool, text);
    char       *to = apr_palloc(pool, (apr_size_t)apr_base64_decode_len(z) + 1);
    int         n = apr_base64_decode_binary((unsigned char *)to, z);

    to[n] = '\0';
    return pn_str_n(to, (size_t)n);
}

/* ---- lists of names ---- */

static const struct { pn_str name; recode_fn *encode, *decode; } recodings[] = {
    { PN_STR_INIT("none"), same, same },
    { PN_STR_INIT("url"), to_url, from_url },
    { PN_STR_INIT("urlencoded"), to_urlencoded, from_urlencoded },
    { PN_STR_INIT("entity"), to_entities, include_unescape_entities },
    { PN_STR_INIT("base64"), to_base64, from_base64 },
};

static bool recode(apr_pool_t *pool, pn_str names, bool encode, pn_str *text)
{
    while (names.n) {
        pn_str name = pn_str_trim(pn_str_cut(names, ',', &names));
        size_t i = 0;
        while (i < PN_COUNT(recodings) && !pn_str_ieq(recodings[i].name, name))
            i++;
        if (i == PN_COUNT(recodings))
            return false;
        *text = (encode ? recodings[i].encode : recodings[i].decode)(pool, *text);
    }
    return true;
}

bool include_encode(apr_pool_t *pool, pn_str names, pn_str *text)
{
    return recode(pool, names, true, text);
}

bool include_decode(apr_pool_t *pool, pn_str names, pn_str *text)
{
    return recode(pool, names, false, text);
}
