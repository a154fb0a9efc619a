/* dav_check.c - see dav_check.h. */
#define PN_LOG_MODULE &pn_module_dav
#include "dav_check.h"

#include <pinion/log.h>
#include <pinion/uri.h>

#include "dav_if.h"

/* ---- URLs in fields ---- */

static bool is_name_of(const struct pn_server *server, pn_str host)
{
    if (pn_str_ieq(host, server->name))
        return true;
    for (int i = 0; server->aliases && i < server->aliases->nelts; i++)
        if (pn_str_ieq(host, APR_ARRAY_IDX(server->aliases, i, pn_str)))
            return true;
    return false;
}

/* RFC 4918 s10.3: the scheme may have been changed by a proxy in front of us, so host and port decide. */
static bool is_here(const struct pn_request *r, const struct pn_uri *uri)
{
    if (!uri->host.p)
        return true;
    if (pn_str_ieq(uri->host, r->hostname))
        return !uri->port || !r->host_port || uri->port == r->host_port;
    return is_name_of(r->server, uri->host);
}

int dav_look_up(struct pn_request *r, pn_str url, struct dav_resource *ret)
{
    struct pn_uri uri;

    if (pn_uri_split(url, &uri) != PN_OK || uri.path.n == 0 || uri.path.p[0] != '/' || uri.query.p || uri.fragment.p)
        return 400;
    if (!is_here(r, &uri))
        return 502;
    struct pn_request *sub = pn_sub_lookup(r, pn_str_dup(r->pool, uri.path), r->method);
    bool               to_slash = sub->status == 301 && sub->finfo.type == PN_FILE_DIRECTORY;
    if (sub->status != 200 && !to_slash)
        return sub->status;
    return dav_resource_of(sub, ret);
}

/* ---- If ---- */

struct state {
    const struct dav_locks *locks;
    pn_str                  file;
};

static bool is_locked_with(pn_str token, void *arg)
{
    const struct state *state = arg;

    return dav_locks_find(state->locks, state->file, token) != NULL;
}

PN_MAY_YIELD static bool list_holds(struct pn_request *r, const struct dav_if_list *list, const struct dav_resource *own,
                                    const struct dav_locks *locks)
{
    struct dav_resource named;

    if (list->tag.p && dav_look_up(r, list->tag, &named) != 0)
        return false;
    const struct dav_resource *what = list->tag.p ? &named : own;
    struct state               state = { locks, what->file };
    return dav_if_holds(list, what->exists ? pn_file_etag(what->r, &what->info) : PN_STR(""), is_locked_with, &state);
}

static int parse_if(struct pn_request *r, apr_array_header_t **ret_lists)
{
    pn_str value = pn_headers_joined(&r->in, r->pool, PN_HDR_IF);

    *ret_lists = NULL;
    if (!value.p || dav_if_parse(r->pool, value, ret_lists) == PN_OK)
        return 0;
    PN_LOG_R(r, PN_LOG_INFO, 21462, 0, "The If field has a mistake in it");
    return 400;
}

int dav_submitted(struct pn_request *r, apr_array_header_t **ret_tokens)
{
    apr_array_header_t *lists;
    int                 status = parse_if(r, &lists);

    *ret_tokens = apr_array_make(r->pool, 2, sizeof(pn_str));
    for (int i = 0; lists && i < lists->nelts; i++) {
        const apr_array_header_t *conditions = APR_ARRAY_IDX(lists, i, struct dav_if_list).conditions;
        for (int j = 0; j < conditions->nelts; j++) {
            const struct dav_if_condition *c = &APR_ARRAY_IDX(conditions, j, struct dav_if_condition);
            if (!c->is_etag && !c->negated)
                APR_ARRAY_PUSH(*ret_tokens, pn_str) = c->value;
        }
    }
    return status;
}

PN_MAY_YIELD static int check_if(struct pn_request *r, const struct dav_resource *own, const struct dav_locks *locks)
{
    apr_array_header_t *lists;
    int                 status = parse_if(r, &lists);

    if (status || !lists)
        return status;
    for (int i = 0; i < lists->nelts; i++)
        if (list_holds(r, &APR_ARRAY_IDX(lists, i, struct dav_if_list), own, locks))
            return 0;
    return 412;
}

/* If-Match and its kin (RFC 9110 s13), on what is there now. */
static int check_conditions(struct pn_request *r, const struct dav_resource *what)
{
    int status;

    if (what->exists && !what->collection)
        pn_set_validators(r, &what->info);
    status = pn_check_conditions(r);
    pn_headers_unset(&r->out, PN_HDR_ETAG);
    pn_headers_unset(&r->out, PN_HDR_LAST_MODIFIED);
    r->mtime = 0;
    return status == 304 ? 412 : status;
}

/* ---- locks ---- */

struct holding {
    const struct pn_request  *r;
    const apr_array_header_t *tokens;
    bool                      locked, submitted, of_another;
};

static bool look_at(const struct dav_lock *lock, void *arg)
{
    struct holding *holding = arg;

    holding->locked = true;
    for (int i = 0; i < holding->tokens->nelts; i++) {
        if (!pn_str_eq(APR_ARRAY_IDX(holding->tokens, i, pn_str), lock->token))
            continue;
        if (lock->user.n && !pn_str_eq(lock->user, holding->r->user))
            holding->of_another = true;
        else
            holding->submitted = true;
    }
    return false;
}

/* RFC 4918 s7: of an exclusive lock its token, of shared ones a token must have been submitted, by the user who got it. */
static int check_file(const struct pn_request *r, const struct dav_locks *locks, pn_str file, const apr_array_header_t *tokens)
{
    struct holding holding = { .r = r, .tokens = tokens };

    dav_locks_each(locks, file, look_at, &holding);
    if (!holding.locked || holding.submitted)
        return 0;
    return holding.of_another ? 403 : 423;
}

static bool is_listed(const apr_array_header_t *failures, pn_str file)
{
    for (int i = 0; i < failures->nelts; i++)
        if (pn_str_eq(APR_ARRAY_IDX(failures, i, struct dav_failure).file, file))
            return true;
    return false;
}

static void check_members(const struct pn_request *r, struct dav_check *check, pn_str file, const apr_array_header_t *tokens)
{
    const apr_array_header_t *all = check->locks ? check->locks->all : NULL;

    for (int i = 0; all && i < all->nelts; i++) {
        pn_str at = APR_ARRAY_IDX(all, i, struct dav_lock).file;
        int    status = dav_is_below(at, file) ? check_file(r, check->locks, at, tokens) : 0;
        if (status && !is_listed(check->failures, at))
            APR_ARRAY_PUSH(check->failures, struct dav_failure) = (struct dav_failure){ at, status };
    }
}

int dav_check_locked(struct pn_request *r, const struct dav_target *targets, size_t n_targets, struct dav_check *check)
{
    apr_array_header_t *tokens;
    int                 status = check_conditions(r, targets[0].what);

    if (status == 0)
        status = check_if(r, targets[0].what, check->locks);
    if (status == 0)
        status = dav_submitted(r, &tokens);
    for (size_t i = 0; i < n_targets && status == 0; i++) {
        pn_str file = targets[i].what->file;
        if (targets[i].only_read) /* a lock does not keep others from reading */
            continue;
        status = check_file(r, check->locks, file, tokens);
        if (status == 0 && targets[i].parent)
            status = check_file(r, check->locks, dav_parent(file), tokens);
        if (status == 0 && targets[i].members)
            check_members(r, check, file, tokens);
    }
    return status ? status : check->failures->nelts ? 207 : 0;
}

int dav_check(struct pn_request *r, const struct dav_target *targets, size_t n_targets, struct dav_check *ret)
{
    *ret = (struct dav_check){ .pool = dav_pool(r), .failures = apr_array_make(r->pool, 2, sizeof(struct dav_failure)) };
    int status = dav_locks_read(r, ret->pool, &ret->locks);

    return status ? status : dav_check_locked(r, targets, n_targets, ret);
}
