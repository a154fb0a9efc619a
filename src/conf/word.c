/* word.c - splits a directive's line into arguments. Called by reading and by whoever applies a
 * directive. */
#include "base/ascii.h"
#include "conf/tree.h"

/* Bytes of a quoted string up to its closing quote, or all when there is none. */
static size_t quoted_length(pn_str s, char quote)
{
    size_t i = 0;

    while (i < s.n && s.p[i] != quote) {
        bool escape = s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == quote || s.p[i + 1] == '\\');

        i += escape ? 2 : 1;
    }
    return i;
}

/* COMPAT: 2.4 takes \\ for \ outside of quotes too, though the manual says otherwise. */
static pn_str unescape(apr_pool_t *pool, pn_str s, char quote)
{
    char  *copy = apr_palloc(pool, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '\\' || (quote && s.p[i + 1] == quote)))
            i++;
        copy[n++] = s.p[i];
    }
    copy[n] = '\0';
    return pn_str_n(copy, n);
}

static pn_str skip_space(pn_str s)
{
    size_t i = 0;

    while (i < s.n && pn_ascii_space(s.p[i]))
        i++;
    return pn_str_from(s, i);
}

pn_str pn_conf_word(apr_pool_t *pool, pn_str *rest)
{
    pn_str s = skip_space(*rest);
    pn_str word;
    char   quote = '\0';
    size_t n = 0;

    if (s.n == 0) {
        *rest = s;
        return pn_str_n(NULL, 0);
    }
    if (s.p[0] == '"' || s.p[0] == '\'') {
        quote = s.p[0];
        s = pn_str_from(s, 1);
        n = quoted_length(s, quote);
    }
    else {
        while (n < s.n && !pn_ascii_space(s.p[n]))
            n++;
    }
    word = unescape(pool, pn_str_head(s, n), quote);
    *rest = skip_space(pn_str_from(s, quote ? n + 1 : n));
    return word;
}
