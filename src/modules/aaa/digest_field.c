/* digest_field.c - see digest_field.h. */
#include "digest_field.h"

#include <pinion/headers.h>

pn_str digest_field_unquote(apr_pool_t *pool, pn_str value)
{
    char  *text;
    size_t n = 0;

    if (value.n < 2 || value.p[0] != '"' || value.p[value.n - 1] != '"')
        return value;
    text = apr_palloc(pool, value.n);
    for (size_t i = 1; i + 1 < value.n; i++) {
        if (value.p[i] == '\\' && i + 2 < value.n)
            i++;
        text[n++] = value.p[i];
    }
    text[n] = '\0';
    return pn_str_n(text, n);
}

static pn_str *member(struct digest_field *sent, pn_str name)
{
    const struct {
        const char *name;
        pn_str     *at;
    } members[] = {
        { "username", &sent->user },      { "realm", &sent->realm },   { "nonce", &sent->nonce },
        { "uri", &sent->uri },            { "response", &sent->response }, { "algorithm", &sent->algorithm },
        { "cnonce", &sent->cnonce },      { "nc", &sent->count_text }, { "qop", &sent->qop },
    };

    for (size_t i = 0; i < PN_COUNT(members); i++)
        if (pn_str_ieq(name, pn_str_z(members[i].name)))
            return members[i].at;
    return NULL;
}

bool digest_field_parse(apr_pool_t *pool, pn_str field, struct digest_field *ret)
{
    pn_str item;

    while ((item = pn_header_list_next(&field)).p) {
        pn_str  value, name = pn_str_trim(pn_str_cut(item, '=', &value));
        pn_str *at = member(ret, name);
        if (!at)
            continue;
        if (at->p || !value.p)
            return false;
        *at = digest_field_unquote(pool, pn_str_trim(value));
    }
    return true;
}

bool digest_field_is_complete(const struct digest_field *sent)
{
    return sent->user.p && sent->realm.p && sent->nonce.p && sent->uri.p && sent->response.p && sent->cnonce.p &&
           sent->count_text.p;
}

bool digest_field_count(pn_str text, uint32_t *ret)
{
    uint32_t n = 0;

    if (text.n != 8)
        return false;
    for (size_t i = 0; i < 8; i++) {
        char c = text.p[i];
        if (c >= '0' && c <= '9')
            n = n << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            n = n << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *ret = n;
    return true;
}
