/* mod_userdir - /~user/ is a directory of that user.
 * Runs: translate_name, between mod_alias and mod_vhost_alias.   Yields: looking up users.
 * Config: struct userdir.   Spec: Apache manual, mod_userdir. */
#define PN_LOG_MODULE &pn_module_userdir
#include <pinion/log.h>

#include <pwd.h>
#include <sys/stat.h>

#include <pinion/request.h>
#include <pinion/uri.h>

enum by_default { DEFAULT_UNSET = 0, DEFAULT_ON, DEFAULT_OFF };

struct userdir {
    apr_array_header_t *dirs;     /* of pn_str, in order; NULL: none said */
    apr_hash_t         *enabled;  /* user names; NULL: none said */
    apr_hash_t         *disabled;
    enum by_default     by_default;
};

struct pn_module pn_module_userdir;

/* ---- directives ---- */

static void add_names(struct pn_conf_cmd *cmd, apr_hash_t **set, unsigned argc, const pn_str *argv)
{
    if (!*set)
        *set = apr_hash_make(cmd->pool);
    for (unsigned i = 0; i < argc; i++) {
        pn_str name = pn_str_dup(cmd->pool, argv[i]);
        apr_hash_set(*set, name.p, (apr_ssize_t)name.n, name.p);
    }
}

static const char *set_dirs(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct userdir *user = conf;

    if (pn_str_ieq(argv[0], PN_STR("disable")) || pn_str_ieq(argv[0], PN_STR("disabled"))) {
        if (argc == 1)
            user->by_default = DEFAULT_OFF;
        else
            add_names(cmd, &user->disabled, argc - 1, argv + 1);
        return NULL;
    }
    if (pn_str_ieq(argv[0], PN_STR("enable")) || pn_str_ieq(argv[0], PN_STR("enabled"))) {
        if (argc == 1)
            return "UserDir \"enable\" keyword requires a list of usernames";
        add_names(cmd, &user->enabled, argc - 1, argv + 1);
        return NULL;
    }
    user->dirs = apr_array_make(cmd->pool, (int)argc, sizeof(pn_str));
    for (unsigned i = 0; i < argc; i++)
        *(pn_str *)apr_array_push(user->dirs) = pn_str_dup(cmd->pool, argv[i]);
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "UserDir", .args = PN_LIST, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_dirs,
      .help = "directories of users, or enabled, disabled and names of users" },
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct userdir *inner = add;
    struct userdir       *merged = out;

    (void)pool, (void)base;
    if (inner->dirs)
        merged->dirs = inner->dirs;
    if (inner->enabled)
        merged->enabled = inner->enabled;
    if (inner->disabled)
        merged->disabled = inner->disabled;
    if (inner->by_default)
        merged->by_default = inner->by_default;
}

/* ---- users ---- */

static bool has_name(apr_hash_t *set, pn_str user)
{
    return set && apr_hash_get(set, user.p, (apr_ssize_t)user.n) != NULL;
}

static bool is_served(const struct userdir *conf, pn_str user)
{
    if (has_name(conf->disabled, user))
        return false;
    return conf->by_default != DEFAULT_OFF || has_name(conf->enabled, user);
}

#define ENTRY_BYTES 16384

/* A question to the system's user database, and whether a directory is there. */
struct question {
    const char *user;      /* NULL: no home is asked for */
    const char *below;     /* directory below the home, or the absolute one */
    char       *path;      /* room for PATH_MAX bytes */
    char       *entry;     /* room for ENTRY_BYTES */
    bool        known, exists;
};

/* Offload thread: user databases may lie behind a network. */
static void ask(void *arg)
{
    struct question *job = arg;
    struct passwd    space, *found = NULL;
    struct stat      info;

    if (job->user) {
        if (getpwnam_r(job->user, &space, job->entry, ENTRY_BYTES, &found) != 0 || !found)
            return;
        int n = snprintf(job->path, PATH_MAX, "%s/%s", space.pw_dir, job->below);
        if (n < 0 || n >= PATH_MAX)
            return;
    }
    job->known = true;
    job->exists = stat(job->user ? job->path : job->below, &info) == 0;
}

PN_MAY_YIELD static struct question *look_at(struct pn_request *r, const char *user, pn_str below)
{
    struct question *job = apr_pcalloc(r->pool, sizeof(*job));

    job->user = user;
    job->below = pn_str_zdup(r->pool, below);
    if (user) {
        job->path = apr_palloc(r->pool, PATH_MAX);
        job->entry = apr_palloc(r->pool, ENTRY_BYTES);
    }
    if (pn_run_blocking(r, ask, job) != PN_OK)
        job->known = false;
    return job;
}

/* ---- one of the directories ---- */

struct asked {
    pn_str user; /* NUL-terminated */
    pn_str rest; /* of the path, with its slash; may be empty */
};

static bool is_url(pn_str s)
{
    return pn_str_find(s, PN_STR("://")) != SIZE_MAX;
}

static enum pn_verdict send_away(struct pn_request *r, pn_str to, const struct asked *asked)
{
    return pn_redirect_external(r, 302, PN_CAT(r->pool, to, pn_uri_encode_path(r->pool, asked->rest)));
}

static pn_str with_slash(struct pn_request *r, pn_str dir)
{
    return dir.n && dir.p[dir.n - 1] == '/' ? dir : PN_CAT(r->pool, dir, PN_STR("/"));
}

/* The text with the user's name in the place of the star, or behind it. */
static pn_str with_user(struct pn_request *r, pn_str dir, pn_str user)
{
    size_t star = pn_str_chr(dir, '*', 0);

    if (star == SIZE_MAX)
        return PN_CAT(r->pool, with_slash(r, dir), user);
    return PN_CAT(r->pool, pn_str_head(dir, star), user, pn_str_from(dir, star + 1));
}

static void map_to(struct pn_request *r, pn_str dir, const struct asked *asked)
{
    r->filename = PN_CAT(r->pool, dir, asked->rest);
    r->context_prefix = PN_CAT(r->pool, PN_STR("/~"), asked->user);
    r->context_document_root = dir;
    apr_table_setn(pn_notes(r), "mod_userdir_user", asked->user.p);
}

/* @return PN_NEXT: try the next one. */
PN_MAY_YIELD static enum pn_verdict try_dir(struct pn_request *r, pn_str dir, const struct asked *asked, bool last)
{
    bool             absolute = dir.n && dir.p[0] == '/';
    struct question *found;

    if (!absolute && is_url(dir)) {
        pn_str to = with_user(r, dir, asked->user);
        if (asked->rest.n && to.p[to.n - 1] == '/')
            to.n--;
        return send_away(r, pn_str_dup(r->pool, to), asked);
    }
    if (!absolute && pn_str_chr(dir, '*', 0) != SIZE_MAX)
        return pn_reject(r, 404, PN_LOG_MODULE, 20720, "UserDir %s: only an absolute path can hold a star", dir.p);
    if (absolute) {
        pn_str path = with_user(r, dir, asked->user);
        found = last ? NULL : look_at(r, NULL, path);
        if (last || found->exists) {
            map_to(r, path, asked);
            return PN_HANDLED;
        }
        return PN_NEXT;
    }
    found = look_at(r, asked->user.p, dir);
    if (!found->known || (!found->exists && !last))
        return PN_NEXT;
    map_to(r, pn_str_z(found->path), asked);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict userdir_translate(struct pn_request *r)
{
    const struct userdir *conf = pn_server_conf(r->server, &pn_module_userdir);
    struct asked          asked;
    size_t                slash;

    if (!conf->dirs || !pn_str_starts(r->path, PN_STR("/~")))
        return PN_NEXT;
    slash = pn_str_chr(r->path, '/', 2);
    asked.user = pn_str_dup(r->pool, pn_str_n(r->path.p + 2, (slash == SIZE_MAX ? r->path.n : slash) - 2));
    asked.rest = slash == SIZE_MAX ? PN_STR("") : pn_str_from(r->path, slash);
    if (asked.user.n == 0 || pn_str_eq(asked.user, PN_STR(".")) || pn_str_eq(asked.user, PN_STR("..")) || !is_served(conf, asked.user))
        return PN_NEXT;
    for (int i = 0; i < conf->dirs->nelts; i++) {
        enum pn_verdict verdict = try_dir(r, APR_ARRAY_IDX(conf->dirs, i, pn_str), &asked, i + 1 == conf->dirs->nelts);
        if (verdict != PN_NEXT)
            return verdict;
    }
    return PN_NEXT;
}

static bool matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct userdir *conf = server_conf;

    (void)server, (void)dir_conf;
    return !conf || conf->dirs;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_translate_name(h, userdir_translate, { .after = "mod_alias.c", .before = "mod_vhost_alias.c", .when = matters });
}

struct pn_module pn_module_userdir = {
    .api = PN_MODULE_API,
    .name = "mod_userdir.c",
    .apache_id = "userdir_module",
    .directives = directives,
    .server_conf_size = sizeof(struct userdir),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
