/* dav_if.c - see dav_if.h. */
#include "dav_if.h"

struct parsing {
    apr_pool_t         *pool;
    pn_str              rest;
    apr_array_header_t *lists;
    unsigned            conditions, tags;
};

static bool looks_at(struct parsing *in, char c)
{
    in->rest = pn_str_trim(in->rest);
    return in->rest.n && in->rest.p[0] == c;
}

/* What stands up to `close`; the first byte has been looked at. */
static pn_rc take_until(struct parsing *in, char close, pn_str *ret)
{
    size_t end = pn_str_chr(in->rest, close, 1);

    if (end == SIZE_MAX || end == 1)
        return PN_BAD;
    *ret = pn_str_n(in->rest.p + 1, end - 1);
    in->rest = pn_str_from(in->rest, end + 1);
    return PN_OK;
}

/* An entity tag may hold any of the brackets: it ends at its quote. */
static pn_rc take_etag(struct parsing *in, pn_str *ret)
{
    pn_str s = pn_str_trim(pn_str_from(in->rest, 1));
    size_t start = pn_str_starts(s, PN_STR("W/")) ? 2 : 0, end;

    if (s.n <= start || s.p[start] != '"' || (end = pn_str_chr(s, '"', start + 1)) == SIZE_MAX)
        return PN_BAD;
    *ret = pn_str_head(s, end + 1);
    s = pn_str_trim(pn_str_from(s, end + 1));
    if (s.n == 0 || s.p[0] != ']')
        return PN_BAD;
    in->rest = pn_str_from(s, 1);
    return PN_OK;
}

static pn_rc take_condition(struct parsing *in, struct dav_if_condition *ret)
{
    struct dav_if_condition condition = { 0 };
    pn_rc                   rc;

    if (pn_str_istarts(in->rest, PN_STR("Not"))) {
        condition.negated = true;
        in->rest = pn_str_from(in->rest, 3);
    }
    if (looks_at(in, '<'))
        rc = take_until(in, '>', &condition.value);
    else if (looks_at(in, '[')) {
        condition.is_etag = true;
        rc = take_etag(in, &condition.value);
    }
    else
        return PN_BAD;
    if (rc == PN_OK)
        *ret = condition;
    return rc;
}

static pn_rc take_list(struct parsing *in, pn_str tag)
{
    struct dav_if_list *list = apr_array_push(in->lists);

    *list = (struct dav_if_list){ tag, apr_array_make(in->pool, 2, sizeof(struct dav_if_condition)) };
    in->rest = pn_str_from(in->rest, 1);
    while (!looks_at(in, ')')) {
        if (++in->conditions > DAV_IF_CONDITIONS_MAX)
            return PN_LIMIT;
        pn_rc rc = take_condition(in, apr_array_push(list->conditions));
        if (rc != PN_OK)
            return rc;
    }
    in->rest = pn_str_from(in->rest, 1);
    return list->conditions->nelts ? PN_OK : PN_BAD;
}

pn_rc dav_if_parse(apr_pool_t *pool, pn_str value, apr_array_header_t **ret)
{
    struct parsing in = { .pool = pool, .rest = value, .lists = apr_array_make(pool, 2, sizeof(struct dav_if_list)) };
    pn_str         tag = { NULL, 0 };
    bool           due = true; /* a list must follow */
    pn_rc          rc = PN_OK;

    while (rc == PN_OK && pn_str_trim(in.rest).n) {
        if (looks_at(&in, '(')) {
            rc = take_list(&in, tag);
            due = false;
            continue;
        }
        /* all lists have a tag before them, or none has */
        if (!looks_at(&in, '<') || (in.lists->nelts && !tag.p) || (tag.p && due))
            return PN_BAD;
        if (++in.tags > DAV_IF_TAGS_MAX)
            return PN_LIMIT;
        rc = take_until(&in, '>', &tag);
        due = true;
    }
    if (rc != PN_OK || due)
        return rc != PN_OK ? rc : PN_BAD;
    *ret = in.lists;
    return PN_OK;
}

static pn_str opaque(pn_str etag)
{
    return pn_str_starts(etag, PN_STR("W/")) ? pn_str_from(etag, 2) : etag;
}

bool dav_if_holds(const struct dav_if_list *list, pn_str etag, bool (*holds_token)(pn_str token, void *arg), void *arg)
{
    for (int i = 0; i < list->conditions->nelts; i++) {
        const struct dav_if_condition *c = &APR_ARRAY_IDX(list->conditions, i, struct dav_if_condition);
        bool holds = c->is_etag ? etag.n && pn_str_eq(opaque(c->value), opaque(etag)) : holds_token(c->value, arg);
        if (holds == c->negated)
            return false;
    }
    return true;
}
