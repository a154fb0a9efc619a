/* form.c - see pinion/form.h. */
#include <pinion/form.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static pn_rc decode(apr_pool_t *pool, pn_str s, const char **ret)
{
    char  *to = apr_palloc(pool, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '+' ? ' ' : s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || digit(s.p[i + 1]) < 0 || digit(s.p[i + 2]) < 0)
                return PN_BAD;
            c = (char)(digit(s.p[i + 1]) << 4 | digit(s.p[i + 2]));
            i += 2;
        }
        if (c == '\0')
            return PN_BAD;
        to[n++] = c;
    }
    to[n] = '\0';
    *ret = to;
    return PN_OK;
}

pn_rc pn_form_decode(apr_pool_t *pool, pn_str text, apr_table_t **ret_fields)
{
    apr_table_t *fields = apr_table_make(pool, 8);
    const char  *name, *value;
    unsigned     count = 0;

    while (text.n) {
        pn_str behind, before = pn_str_cut(pn_str_cut(text, '&', &text), '=', &behind);
        if (!before.n)
            continue;
        if (++count > PN_FORM_FIELDS_MAX)
            return PN_LIMIT;
        if (decode(pool, before, &name) != PN_OK || decode(pool, behind, &value) != PN_OK)
            return PN_BAD;
        apr_table_setn(fields, name, value);
    }
    *ret_fields = fields;
    return PN_OK;
}

static void add_encoded(struct pn_buf *to, pn_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._*", c))
            pn_buf_ch(to, (char)c);
        else if (c == ' ')
            pn_buf_ch(to, '+');
        else
            pn_buf_printf(to, "%%%02x", c);
    }
}

void pn_form_add(struct pn_buf *to, pn_str name, pn_str value)
{
    if (to->n)
        pn_buf_ch(to, '&');
    add_encoded(to, name);
    pn_buf_ch(to, '=');
    add_encoded(to, value);
}
