/* rewrite_effect.c - what a matching rule does beside rewriting: environment, cookies, content type and handler, Vary. */
#include <apr_time.h>

#include "mod_rewrite.h"

#define TOO_LONG "a flag of RewriteRule '%.*s' grows too long"

static pn_rc expand(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_text *text, pn_str *ret)
{
    if (pn__rewrite_text_expand(run, text, NULL, ret) == PN_OK)
        return PN_OK;
    run->status = 500;
    return pn_fail(run->r, 500, PN_LOG_MODULE, 20706, TOO_LONG, PN_FMT(rule->pattern));
}

PN_MAY_YIELD static pn_rc set_env(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_env *env)
{
    struct pn_request *r = run->r;
    pn_str             name, value;

    if (expand(run, rule, env->name, &name) != PN_OK || expand(run, rule, env->value, &value) != PN_OK)
        return PN_FAILED;
    if (env->unset) {
        if (r->env)
            apr_table_unset(r->env, pn_str_zdup(r->pool, name));
        REWRITE_TRACE(run, 5, "environment: %.*s unset", PN_FMT(name));
        return PN_OK;
    }
    apr_table_set(pn_env(r), pn_str_zdup(r->pool, name), pn_str_zdup(r->pool, value));
    REWRITE_TRACE(run, 5, "environment: %.*s = \"%.*s\"", PN_FMT(name), PN_FMT(value));
    return PN_OK;
}

/* ---- cookies ---- */

enum { NAME, VALUE, DOMAIN, LIFETIME, PATH, SECURE, HTTP_ONLY, SAME_SITE, FIELDS };

static bool yes(pn_str word, const char *own)
{
    return pn_str_ieq(word, PN_STR("true")) || pn_str_eq(word, PN_STR("1")) || pn_str_ieq(word, pn_str_z(own));
}

/* Minutes from the time of the request; Apache's form of the date, which all browsers know. */
static void add_expiry(struct pn_request *r, struct pn_buf *out, pn_str minutes)
{
    apr_time_exp_t tm;
    char           text[64];
    apr_size_t     n = 0;
    bool           negative = minutes.n && minutes.p[0] == '-';
    uint64_t       value;

    if (pn_str_to_u64(pn_str_from(minutes, negative), UINT64_C(100000000), &value) != PN_OK || value == 0)
        return;
    apr_time_t span = (apr_time_t)value * 60 * PN_USEC_PER_SEC;
    if (apr_time_exp_gmt(&tm, r->time + (negative ? -span : span)) != APR_SUCCESS ||
        apr_strftime(text, &n, sizeof(text), "%a, %d-%b-%Y %H:%M:%S GMT", &tm) != APR_SUCCESS)
        return;
    pn_buf_lit(out, "; expires=");
    pn_buf_add(out, text, n);
}

static pn_str cookie_text(struct pn_request *r, const pn_str *field)
{
    struct pn_buf out;
    pn_str        text = { NULL, 0 };

    pn_buf_init(&out, r->pool, 2 * REWRITE_TEXT_MAX);
    pn_buf_str(&out, field[NAME]);
    pn_buf_ch(&out, '=');
    pn_buf_str(&out, field[VALUE]);
    pn_buf_lit(&out, "; path=");
    pn_buf_str(&out, field[PATH].n ? field[PATH] : PN_STR("/"));
    pn_buf_lit(&out, "; domain=");
    pn_buf_str(&out, field[DOMAIN]);
    add_expiry(r, &out, field[LIFETIME]);
    if (yes(field[SECURE], "secure"))
        pn_buf_lit(&out, "; secure");
    if (yes(field[HTTP_ONLY], "HttpOnly"))
        pn_buf_lit(&out, "; HttpOnly");
    if (field[SAME_SITE].n && !pn_str_eq(field[SAME_SITE], PN_STR("0")) && !pn_str_ieq(field[SAME_SITE], PN_STR("false"))) {
        pn_buf_lit(&out, "; SameSite=");
        pn_buf_str(&out, field[SAME_SITE]);
    }
    if (pn_buf_done(&out, &text) != PN_OK)
        return (pn_str){ NULL, 0 };
    return text;
}

/* "name:value:domain[:minutes[:path[:secure[:httponly[:samesite]]]]]", or the same with ; when it begins with one. A cookie is
 * set once a request, however often rules run. */
PN_MAY_YIELD static pn_rc set_cookie(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_text *text)
{
    struct pn_request *r = run->r, *first = r;
    pn_str             rest, field[FIELDS];
    char               separator = ':';

    if (expand(run, rule, text, &rest) != PN_OK)
        return PN_FAILED;
    if (rest.n && rest.p[0] == ';') {
        separator = ';';
        rest = pn_str_from(rest, 1);
    }
    for (unsigned i = 0; i < FIELDS; i++)
        field[i] = rest.p ? pn_str_cut(rest, separator, &rest) : PN_STR("");
    if (field[NAME].n == 0 || field[DOMAIN].n == 0)
        return PN_OK;
    while (first->main)
        first = first->main;
    pn_str note = PN_CAT(r->pool, PN_STR("rewrite-cookie-"), field[NAME]);
    if (pn_note_get(first, note.p))
        return PN_OK;
    pn_str line = cookie_text(r, field);
    if (!line.p || !pn_header_value_ok(line))
        return PN_OK;
    apr_table_setn(pn_notes(first), note.p, "set");
    pn_headers_add_name(&first->err_out, PN_STR("Set-Cookie"), line);
    REWRITE_TRACE(run, 5, "cookie: %s", line.p);
    return PN_OK;
}

pn_rc pn__rewrite_effects(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    for (int i = 0; rule->env && i < rule->env->nelts; i++)
        if (set_env(run, rule, &APR_ARRAY_IDX(rule->env, i, struct rewrite_env)) != PN_OK)
            return PN_FAILED;
    for (int i = 0; rule->cookies && i < rule->cookies->nelts; i++)
        if (set_cookie(run, rule, APR_ARRAY_IDX(rule->cookies, i, struct rewrite_text *)) != PN_OK)
            return PN_FAILED;
    return PN_OK;
}

/* ---- content type and handler: noted, and put in force by the hook that runs behind the type checkers ---- */

static pn_rc note_lower(struct rewrite_run *run, const struct rewrite_rule *rule, const struct rewrite_text *text, const char *note)
{
    pn_str value;

    if (!text)
        return PN_OK;
    if (expand(run, rule, text, &value) != PN_OK)
        return PN_FAILED;
    if (value.n && pn_header_value_ok(value))
        apr_table_setn(pn_notes(run->r), note, pn_str_lower(run->r->pool, value).p);
    return PN_OK;
}

pn_rc pn__rewrite_types(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    pn_rc rc = note_lower(run, rule, rule->type, "rewrite-type");

    return rc == PN_OK ? note_lower(run, rule, rule->handler, "rewrite-handler") : rc;
}

void pn__rewrite_publish_vary(struct rewrite_run *run)
{
    pn_str text;

    if (run->vary.n && pn_buf_done(&run->vary, &text) == PN_OK)
        pn_headers_merge(&run->r->out, PN_HDR_VARY, pn_str_dup(run->r->pool, text));
    pn_buf_clear(&run->vary);
}
