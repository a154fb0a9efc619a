/* mod_authz_dbd - Require dbd-group, dbd-login and dbd-logout: groups in an SQL database, and logins that it keeps.
 * Runs: as providers of mod_authz_core; fixups (where a login sends the browser).   Yields: while the database works.
 * Config: struct dbd_dir.   Spec: Apache manual, mod_authz_dbd. */
#define PN_LOG_MODULE &pn_module_authz_dbd
#include <pinion/dbd.h>
#include <pinion/log.h>

#include "authz_groups.h"

#define GROUPS_MAX 10000

struct dbd_dir {
    pn_str query, redirect_query; /* AuthzDBDQuery, AuthzDBDRedirectQuery */
    bool   to_referer;            /* AuthzDBDLoginToReferer */
};

struct pn_module pn_module_authz_dbd;

static const struct pn_directive directives[] = {
    { .name = "AuthzDBDQuery", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct dbd_dir, query),
      .help = "Statement that gives the groups of a user, %s, or that notes a login or logout" },
    { .name = "AuthzDBDRedirectQuery", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct dbd_dir, redirect_query),
      .help = "Statement that gives the URL where a user, %s, goes after a login or logout" },
    { .name = "AuthzDBDLoginToReferer", .args = PN_FLAG, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct dbd_dir, to_referer),
      .dflt = "Off", .help = "Whether a login or logout sends the browser back where it came from" },
    { 0 }
};

/* ---- dbd-group ---- */

PN_MAY_YIELD static enum pn_authz groups_of(struct pn_request *r, pn_str *ret_groups)
{
    const struct dbd_dir  *dir = pn_dir_conf(r, &pn_module_authz_dbd);
    struct pn_dbd_question question = { .sql = dir->query, .parameters = &r->user, .n = 1, .max_rows = GROUPS_MAX };
    struct pn_dbd_answer   answer;
    struct pn_buf          groups;

    if (!dir->query.n) {
        PN_LOG_R(r, PN_LOG_ERR, 1643, 0, "No query configured for dbd-group!");
        return PN_AUTHZ_ERROR;
    }
    if (pn_dbd(r->server->generation)->ask(r, &question, &answer) != PN_OK)
        return PN_AUTHZ_ERROR;
    pn_buf_init(&groups, r->pool, PN_DBD_ANSWER_MAX + GROUPS_MAX);
    for (unsigned i = 0; answer.n_columns && i < answer.n_rows; i++) {
        pn_buf_str(&groups, pn_dbd_value(&answer, i, 0));
        pn_buf_ch(&groups, '\0');
    }
    return groups.n && pn_buf_done(&groups, ret_groups) != PN_OK ? PN_AUTHZ_ERROR : PN_AUTHZ_GRANTED;
}

static void refused(struct pn_request *r, pn_str group)
{
    PN_LOG_R(r, PN_LOG_ERR, 21111, 0,
             "Authorization of user %s to access %s failed, reason: not in any of the groups that Require dbd-group names",
             pn_str_escape(r->pool, r->user).p, pn_str_escape(r->pool, r->path).p);
}

/* No value of a database holds a NUL here. */
static const struct authz_groups groups = { .separator = '\0', .find = groups_of, .refused = refused };

PN_MAY_YIELD static enum pn_authz group_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return authz_groups_check(r, args, &groups);
}

static const struct pn_authz_provider group_provider = { .takes_expressions = true, .check = group_check };

/* ---- dbd-login, dbd-logout ---- */

/* Where the browser goes now; p == NULL: nowhere else. */
PN_MAY_YIELD static enum pn_authz destination(struct pn_request *r, const struct dbd_dir *dir, pn_str *ret)
{
    struct pn_dbd_question question = { .sql = dir->redirect_query, .parameters = &r->user, .n = 1, .max_rows = 1 };
    struct pn_dbd_answer   answer;

    *ret = dir->to_referer ? pn_headers_get(&r->in, PN_HDR_REFERER) : (pn_str){ NULL, 0 };
    if (ret->p || !dir->redirect_query.n)
        return PN_AUTHZ_GRANTED;
    if (pn_dbd(r->server->generation)->ask(r, &question, &answer) != PN_OK)
        return PN_AUTHZ_ERROR;
    if (answer.n_rows && answer.n_columns)
        *ret = pn_dbd_value(&answer, 0, 0);
    return PN_AUTHZ_GRANTED;
}

PN_MAY_YIELD static enum pn_authz note_check(struct pn_request *r, const struct pn_authz_args *args)
{
    const struct dbd_dir  *dir = pn_dir_conf(r, &pn_module_authz_dbd);
    struct pn_dbd_question question = { .sql = dir->query, .parameters = &r->user, .n = 1, .changes = true };
    void                 **slot = pn_ctx(r, &pn_module_authz_dbd);
    struct pn_dbd_answer   answer;
    enum pn_authz          result;
    pn_str                 where;

    if (!r->user.p)
        return PN_AUTHZ_DENIED_NO_USER;
    if (!dir->query.n) {
        PN_LOG_R(r, PN_LOG_ERR, 1642, 0, "No query configured for %s!", (const char *)args->parsed);
        return PN_AUTHZ_ERROR;
    }
    if (pn_dbd(r->server->generation)->ask(r, &question, &answer) != PN_OK)
        return PN_AUTHZ_ERROR;
    if (answer.changed == 0)
        PN_LOG_R(r, PN_LOG_WARNING, 21112, 0, "%s changed nothing in the database for user %s", (const char *)args->parsed,
                 pn_str_escape(r->pool, r->user).p);
    result = destination(r, dir, &where);
    if (result == PN_AUTHZ_GRANTED && where.n && pn_header_value_ok(where))
        *slot = pn_str_zdup(r->pool, where);
    return result;
}

static const char *login_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    args->parsed = (void *)"dbd-login";
    return NULL;
}

static const char *logout_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    args->parsed = (void *)"dbd-logout";
    return NULL;
}

static const struct pn_authz_provider login_provider = { .parse = login_parse, .check = note_check };
static const struct pn_authz_provider logout_provider = { .parse = logout_parse, .check = note_check };

/* The login is noted: on to where it leads. */
static enum pn_verdict go_on(struct pn_request *r)
{
    const char *where = *pn_ctx(r, &pn_module_authz_dbd);

    return where ? pn_redirect_external(r, 302, pn_str_z(where)) : PN_NEXT;
}

static bool leads_on(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct dbd_dir *dir = dir_conf;

    return dir && (dir->to_referer || dir->redirect_query.n);
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    if (pn_dbd(generation))
        return PN_OK;
    pn_generation_error(generation, "You must load mod_dbd to enable AuthzDBD functions");
    return PN_BAD;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_fixup(h, go_on, { .when = leads_on });
    pn_provide(h, PN_AUTHZ_GROUP, "dbd-group", &group_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "dbd-login", &login_provider);
    pn_provide(h, PN_AUTHZ_GROUP, "dbd-logout", &logout_provider);
}

struct pn_module pn_module_authz_dbd = {
    .api = PN_MODULE_API,
    .name = "mod_authz_dbd.c",
    .apache_id = "authz_dbd_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dbd_dir),
    .hooks = hooks,
};
