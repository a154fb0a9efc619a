/* mod_suexec - programs that run as another user, by way of the suexec program.
 * Runs: post_config; provides "run_as".   Yields: while an account is looked up.   Config: struct suexec_conf.
 * Spec: Apache manual, mod_suexec and "suEXEC Support".
 *
 * The wrapper's path is fixed at build time (suexec_bin). A request of a user's own directory, which mod_userdir notes as
 * "mod_userdir_user", runs as that user. */
#define PN_LOG_MODULE &pn_module_suexec
#include <pinion/log.h>
#include <pinion/run_as.h>

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct suexec_conf {
    const char *user, *group; /* numbers as text; NULL: not set */
};

struct pn_module pn_module_suexec;

/* The wrapper is there, root's, and becomes root. */
static bool is_usable(void)
{
    struct stat info;

    return stat(PN_SUEXEC_BIN, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_ISUID) && info.st_uid == 0 &&
           access(PN_SUEXEC_BIN, X_OK) == 0;
}

/* "#33" is a number. */
static bool number_of(pn_str text, const char **ret)
{
    uint64_t value;

    if (text.n < 2 || text.p[0] != '#' || pn_str_to_u64(pn_str_from(text, 1), UINT32_MAX - 1, &value) != PN_OK)
        return false;
    *ret = text.p + 1;
    return true;
}

static const char *set_user_group(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct suexec_conf  *suexec = conf;
    const struct passwd *account;
    const struct group  *group;

    if (!is_usable()) {
        cmd->cure = "Install " PN_SUEXEC_BIN " as root's, with mode 4750 and the group of the server";
        return "SuexecUserGroup configured, but suEXEC is disabled: the wrapper is missing or not setuid root";
    }
    if (!number_of(argv[0], &suexec->user)) {
        if (!(account = getpwnam(argv[0].p)))
            return pn_conf_error_text(cmd, "bad user name %s", argv[0].p);
        suexec->user = pn_str_printf(cmd->pool, "%lu", (unsigned long)account->pw_uid).p;
    }
    if (!number_of(argv[1], &suexec->group)) {
        if (!(group = getgrnam(argv[1].p)))
            return pn_conf_error_text(cmd, "bad group name %s", argv[1].p);
        suexec->group = pn_str_printf(cmd->pool, "%lu", (unsigned long)group->gr_gid).p;
    }
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "SuexecUserGroup", .args = PN_TAKE2, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_user_group,
      .help = "User and group that programs run as, by name or #number" },
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct suexec_conf *inner = add;
    struct suexec_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->user)
        *merged = *inner;
}

/* ---- whom ---- */

struct look_up {
    const char *name;
    gid_t       gid;
    bool        found;
};

static void look_up(void *arg)
{
    struct look_up *job = arg;
    struct passwd   account, *found = NULL;
    char           *room = malloc(65536);

    if (room && getpwnam_r(job->name, &account, room, 65536, &found) == 0 && found) {
        job->gid = found->pw_gid;
        job->found = true;
    }
    free(room);
}

PN_MAY_YIELD static pn_rc as_user(struct pn_request *r, const char *name, struct pn_run_as *ret)
{
    struct look_up *job = apr_pcalloc(r->pool, sizeof(*job));

    job->name = name;
    if (pn_run_blocking(r, look_up, job) != PN_OK || !job->found)
        return PN_NOT_FOUND;
    ret->user = apr_pstrcat(r->pool, "~", name, NULL);
    ret->group = apr_psprintf(r->pool, "%lu", (unsigned long)job->gid);
    return PN_OK;
}

static enum pn_run_as_wish wish(const struct pn_generation *generation)
{
    const struct pn_run_as_switch *by = pn_provider(generation, "run_as", PN_STR("switch"));

    return by ? by->wish(generation) : PN_RUN_AS_UNSET;
}

PN_MAY_YIELD static pn_rc run_as(struct pn_request *r, struct pn_run_as *ret)
{
    const struct suexec_conf *conf = pn_server_conf(r->server, &pn_module_suexec);
    const char               *user = pn_note_get(r, "mod_userdir_user");

    if (wish(r->conn->generation) == PN_RUN_AS_OFF)
        return PN_DECLINED;

    *ret = (struct pn_run_as){ .wrapper = PN_SUEXEC_BIN };
    if (user)
        return is_usable() ? as_user(r, user, ret) : PN_DECLINED;
    if (!conf->user)
        return PN_DECLINED;
    ret->user = conf->user;
    ret->group = conf->group;
    return PN_OK;
}

static const struct pn_run_as_provider provider = { .run_as = run_as };

/* Fails closed: programs that were to run as somebody else must not run as the server. */
static pn_rc refuse_what_is_off(struct pn_generation *generation)
{
    for (const struct pn_server *server = generation->servers; server; server = server->next) {
        const struct suexec_conf *conf = pn_server_conf(server, &pn_module_suexec);

        if (!conf->user)
            continue;
        pn_generation_error(generation, "SuexecUserGroup is set, but Suexec is Off: remove one of them");
        return PN_BAD;
    }
    return PN_OK;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool;
    if (wish(generation) == PN_RUN_AS_OFF)
        return refuse_what_is_off(generation);
    if (wish(generation) == PN_RUN_AS_ON && !is_usable()) {
        pn_generation_error(generation, "Suexec is On, but %s is missing or not setuid root: install it with mode 4750 and "
                                        "the group of the server, or set Suexec Off", PN_SUEXEC_BIN);
        return PN_BAD;
    }
    if (!check_only && is_usable())
        PN_LOG_S(generation->servers, PN_LOG_NOTICE, 1232, 0, "suEXEC mechanism enabled (wrapper: %s)", PN_SUEXEC_BIN);
    return PN_OK;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_provide(h, "run_as", "suexec", &provider);
}

struct pn_module pn_module_suexec = {
    .api = PN_MODULE_API,
    .name = "mod_suexec.c",
    .apache_id = "suexec_module",
    .directives = directives,
    .server_conf_size = sizeof(struct suexec_conf),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
