/* proxy_html_meta.c - ProxyHTMLMeta: <meta http-equiv="Name" content="value"> as fields of the answer.
 *
 * The page is trusted with that as far as the manual says; what would change the message itself is not taken from it. */
#include "proxy_html.h"

/* An attribute's value inside a tag: name, =, quoted or bare. p == NULL: none. */
static pn_str attribute(pn_str tag, pn_str name)
{
    size_t at = pn_str_ifind(tag, name);

    if (at == SIZE_MAX)
        return (pn_str){ 0 };
    pn_str rest = pn_str_trim(pn_str_from(tag, at + name.n));
    if (rest.n == 0 || rest.p[0] != '=')
        return (pn_str){ 0 };
    rest = pn_str_trim(pn_str_from(rest, 1));
    if (rest.n && (rest.p[0] == '"' || rest.p[0] == '\'')) {
        size_t end = pn_str_chr(rest, rest.p[0], 1);
        return end == SIZE_MAX ? (pn_str){ 0 } : pn_str_n(rest.p + 1, end - 1);
    }
    return pn_str_word(&rest);
}

/* Fields that say how the message is to be read are the server's: a page that has them is not asked. */
static bool is_taken(pn_str name)
{
    static const char *const never[] = { "Connection", "Transfer-Encoding", "Trailer", "Upgrade", "Keep-Alive", "TE",
                                         "Date", "Server", "Set-Cookie2" };

    if (pn_str_istarts(name, PN_STR("Content-")) || !pn_header_name_ok(name))
        return false;
    for (size_t i = 0; i < PN_COUNT(never); i++)
        if (pn_str_ieq(name, pn_str_z(never[i])))
            return false;
    return true;
}

void proxy_html_meta(struct pn_request *r, pn_str page)
{
    size_t at = 0, found;

    while ((found = pn_str_ifind(pn_str_from(page, at), PN_STR("<meta"))) != SIZE_MAX) {
        size_t begin = at + found + sizeof("<meta") - 1, end = pn_str_chr(page, '>', begin);
        if (end == SIZE_MAX)
            return;
        at = end + 1;
        pn_str tag = pn_str_n(page.p + begin, end - begin);
        if (tag.n && tag.p[tag.n - 1] == '/')
            tag.n--;
        pn_str name = attribute(tag, PN_STR("http-equiv")), value = attribute(tag, PN_STR("content"));
        if (value.p && is_taken(name) && pn_header_value_ok(value))
            pn_headers_set_name(&r->out, pn_str_dup(r->pool, name), pn_str_dup(r->pool, value));
    }
}
