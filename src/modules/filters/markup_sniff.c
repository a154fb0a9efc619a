/* markup_sniff.c - see markup_sniff.h. Bytes of a peer: every step is bounded by their length. */
#include "markup_sniff.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* Is this the end of an element's name? */
static bool ends_name(pn_str bytes, size_t at)
{
    return at >= bytes.n || is_space(bytes.p[at]) || bytes.p[at] == '>' || bytes.p[at] == '/';
}

/* The value behind `at`, which stands behind a name: = and a value, quoted or not. p == NULL: there is none. */
static pn_str value_at(pn_str text, size_t at, size_t *ret_end)
{
    while (at < text.n && is_space(text.p[at]))
        at++;
    if (at >= text.n || text.p[at] != '=')
        return (pn_str){ 0 };
    do
        at++;
    while (at < text.n && is_space(text.p[at]));
    char quote = at < text.n && (text.p[at] == '"' || text.p[at] == '\'') ? text.p[at++] : '\0';
    size_t end = at;
    while (end < text.n && (quote ? text.p[end] != quote : !is_space(text.p[end]) && text.p[end] != ';' && text.p[end] != '>'))
        end++;
    *ret_end = end + (quote && end < text.n);
    return pn_str_n(text.p + at, end - at);
}

/* An attribute's value inside a tag, not a word inside of another one's value; p == NULL: it has none. */
static pn_str attribute(pn_str tag, pn_str name)
{
    size_t at = 0, end;

    while (at < tag.n) {
        size_t begin = at;
        while (at < tag.n && !is_space(tag.p[at]) && tag.p[at] != '=' && tag.p[at] != '/')
            at++;
        pn_str key = pn_str_n(tag.p + begin, at - begin), value = value_at(tag, at, &end);
        if (pn_str_ieq(key, name))
            return value;
        if (value.p)
            at = end;
        else if (at == begin)
            at++; /* space or a slash between attributes */
    }
    return (pn_str){ 0 };
}

pn_str markup_charset_param(pn_str content_type)
{
    pn_str rest;
    size_t end;

    pn_str_cut(content_type, ';', &rest);
    while (rest.p) {
        pn_str param = pn_str_trim(pn_str_cut(rest, ';', &rest));
        if (pn_str_istarts(param, PN_STR("charset")))
            return value_at(param, sizeof("charset") - 1, &end);
    }
    return (pn_str){ 0 };
}

static bool byte_order_mark(pn_str bytes, struct markup_sniff *ret)
{
    if (pn_str_starts(bytes, PN_STR("\xEF\xBB\xBF")))
        *ret = (struct markup_sniff){ .charset = PN_STR("UTF-8"), .skip = 3 };
    else if (pn_str_starts(bytes, PN_STR("\xFE\xFF")))
        *ret = (struct markup_sniff){ .charset = PN_STR("UTF-16BE"), .skip = 2 };
    else if (pn_str_starts(bytes, PN_STR("\xFF\xFE")))
        *ret = (struct markup_sniff){ .charset = PN_STR("UTF-16LE"), .skip = 2 };
    else
        return false;
    return true;
}

/* <?xml version="1.0" encoding="..."?>: the declaration of the encoding goes, the rest stays. */
static bool xml_declaration(pn_str bytes, struct markup_sniff *ret)
{
    size_t end = pn_str_find(bytes, PN_STR("?>")), after;

    if (!pn_str_starts(bytes, PN_STR("<?xml")) || end == SIZE_MAX)
        return false;
    pn_str tag = pn_str_head(bytes, end);
    size_t at = pn_str_find(tag, PN_STR(" encoding"));
    if (at == SIZE_MAX)
        return false;
    ret->charset = value_at(tag, at + sizeof(" encoding") - 1, &after);
    if (!ret->charset.n)
        return false;
    ret->cut = at;
    ret->cut_end = after;
    return true;
}

/* One <meta ...>, from its name to its end. @return does it tell a character set? */
static bool meta_tells(pn_str tag, pn_str *ret_charset)
{
    pn_str kind = attribute(tag, PN_STR("http-equiv"));

    if (pn_str_ieq(kind, PN_STR("content-type")))
        *ret_charset = markup_charset_param(attribute(tag, PN_STR("content")));
    else
        *ret_charset = attribute(tag, PN_STR("charset"));
    return ret_charset->n > 0;
}

void markup_sniff(pn_str bytes, struct markup_sniff *ret)
{
    size_t at = 0, found;

    *ret = (struct markup_sniff){ 0 };
    if (byte_order_mark(bytes, ret) || xml_declaration(bytes, ret))
        return;
    while ((found = pn_str_ifind(pn_str_from(bytes, at), PN_STR("<meta"))) != SIZE_MAX) {
        size_t begin = at + found, end = pn_str_chr(bytes, '>', begin);
        at = begin + sizeof("<meta") - 1;
        if (end == SIZE_MAX)
            return;
        if (!ends_name(bytes, at) || !meta_tells(pn_str_n(bytes.p + at, end - at), &ret->charset))
            continue;
        ret->cut = begin;
        ret->cut_end = end + 1;
        return;
    }
}

size_t markup_find_element(pn_str bytes, const pn_str *names, int count)
{
    size_t at = 0, found;

    while ((found = pn_str_chr(bytes, '<', at)) != SIZE_MAX) {
        at = found + 1;
        for (int i = 0; i < count; i++)
            if (pn_str_istarts(pn_str_from(bytes, at), names[i]) && ends_name(bytes, at + names[i].n))
                return found;
    }
    return SIZE_MAX;
}
