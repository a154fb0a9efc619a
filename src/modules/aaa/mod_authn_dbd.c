/* mod_authn_dbd - users and passwords from an SQL database.
 * Runs: as a provider of the authentication schemes.   Yields: while the database works and a hash is computed.
 * Config: struct dbd_dir.   Spec: Apache manual, mod_authn_dbd. */
#define PN_LOG_MODULE &pn_module_authn_dbd
#include <pinion/authn.h>
#include <pinion/dbd.h>
#include <pinion/log.h>

struct dbd_dir {
    pn_str password_query, realm_query; /* AuthDBDUserPWQuery, AuthDBDUserRealmQuery */
};

struct pn_module pn_module_authn_dbd;

/* AUTHENTICATE_ and the column's name as a variable has it. */
static const char *variable(apr_pool_t *pool, pn_str column)
{
    char *name = pn_str_zdup(pool, PN_CAT(pool, PN_STR("AUTHENTICATE_"), column));

    for (char *c = name; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c & ~0x20);
        else if (!((*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            *c = '_';
    }
    return name;
}

/* COMPAT: 2.4 tells what further columns hold, and the first, too. */
static void publish(struct pn_request *r, const struct pn_dbd_answer *answer)
{
    for (unsigned i = 0; i < answer->n_columns; i++) {
        pn_str value = pn_dbd_value(answer, 0, i);
        if (i && answer->names[i].n && value.p)
            apr_table_setn(pn_env(r), variable(r->pool, answer->names[i]), value.p);
    }
}

PN_MAY_YIELD static enum pn_authn find(struct pn_request *r, pn_str sql, const pn_str *parameters, unsigned n, pn_str *ret_value)
{
    const struct pn_dbd   *dbd = pn_dbd(r->server->generation);
    struct pn_dbd_question question = { .sql = sql, .parameters = parameters, .n = n, .max_rows = 1 };
    struct pn_dbd_answer   answer;

    if (!sql.n) {
        PN_LOG_R(r, PN_LOG_ERR, n == 1 ? 1649 : 1654, 0, "No %s has been specified", n == 1 ? "AuthDBDUserPWQuery" : "AuthDBDUserRealmQuery");
        return PN_AUTHN_ERROR;
    }
    if (dbd->ask(r, &question, &answer) != PN_OK)
        return PN_AUTHN_ERROR;
    if (!answer.n_rows || !answer.n_columns || !pn_dbd_value(&answer, 0, 0).p)
        return PN_AUTHN_USER_NOT_FOUND;
    publish(r, &answer);
    *ret_value = pn_dbd_value(&answer, 0, 0);
    return PN_AUTHN_USER_FOUND;
}

PN_MAY_YIELD static enum pn_authn check_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                                 pn_str password)
{
    const struct dbd_dir *dir = pn_dir_conf(r, &pn_module_authn_dbd);
    pn_str                stored;
    enum pn_authn         result = find(r, dir->password_query, &user, 1, &stored);

    return result == PN_AUTHN_USER_FOUND ? pn_auth_core(r->server->generation)->check_hash(r, password, stored) : result;
}

PN_MAY_YIELD static enum pn_authn realm_hash(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                             pn_str realm, pn_str *ret_hash)
{
    const struct dbd_dir *dir = pn_dir_conf(r, &pn_module_authn_dbd);
    const pn_str          parameters[] = { user, realm };

    return find(r, dir->realm_query, parameters, 2, ret_hash);
}

static const struct pn_authn_provider provider = { .check_password = check_password, .realm_hash = realm_hash };

static const struct pn_directive directives[] = {
    { .name = "AuthDBDUserPWQuery", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct dbd_dir, password_query),
      .help = "Statement that gives the hashed password of a user, %s" },
    { .name = "AuthDBDUserRealmQuery", .args = PN_TAKE1, .where = PN_CTX_SECTIONS, .slot = PN_SLOT(struct dbd_dir, realm_query),
      .help = "Statement that gives the hash of a user and realm, %s and %s" },
    { 0 }
};

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    if (pn_dbd(generation))
        return PN_OK;
    pn_generation_error(generation, "You must load mod_dbd to enable AuthDBD functions");
    return PN_BAD;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_provide(h, PN_AUTHN_GROUP, "dbd", &provider);
}

struct pn_module pn_module_authn_dbd = {
    .api = PN_MODULE_API,
    .name = "mod_authn_dbd.c",
    .apache_id = "authn_dbd_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct dbd_dir),
    .hooks = hooks,
};
