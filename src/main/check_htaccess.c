/* check_htaccess.c - `pinion -t --htaccess DIR`: the .htaccess files of a tree, checked as requests would meet them.
 *
 * Each file is read with what AllowOverride admits in its directory, for each server that serves a part of the tree.
 * Links to directories are not followed: what they lead to is checked where it is. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/htaccess.h"
#include "conf/vec.h"
#include "http/core_conf.h"
#include "http/section.h"
#include "main/boot.h"

/* As the server has it: longer files are an error. */
#define FILE_MAX_BYTES ((off_t)8 << 20)

struct checking {
    const char           *program;
    struct pn_generation *generation;
    apr_pool_t           *pool;  /* cleared for each file */
    apr_hash_t           *said;  /* messages, so that servers that agree say it once; of `pool` */
    unsigned              files, wrong, unread;
};

static bool lies_below(pn_str path, pn_str dir)
{
    return pn_str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/' || (dir.n && dir.p[dir.n - 1] == '/'));
}

/* Does the server serve a part of the tree? */
static bool concerns(const struct pn_server *server, pn_str dir)
{
    pn_str root = pn_core_server(server)->document_root;

    return lies_below(dir, root) || lies_below(root, dir);
}

/* What the sections of the configuration give the directory. @param dir ends in a slash. */
static const struct pn_conf_vec *settings_of(struct checking *check, struct pn_server *server, pn_str dir)
{
    const apr_array_header_t *sections = pn_core_server(server)->directories;
    const struct pn_conf_vec *vec = server->dir_conf;

    for (size_t slash = 0; slash != SIZE_MAX; slash = slash + 1 < dir.n ? pn_str_chr(dir, '/', slash + 1) : SIZE_MAX) {
        pn_str   part = pn_str_dup(check->pool, pn_str_head(dir, slash + 1));
        unsigned components = pn_section_components(part);

        for (int i = 0; sections && i < sections->nelts; i++) {
            const struct pn_section *section = APR_ARRAY_IDX(sections, i, const struct pn_section *);
            if (!section->regex && section->components <= components && pn_section_is_directory(section, part, components))
                vec = pn_conf_merge(server, vec, section->vec, check->pool);
        }
    }
    return vec;
}

static void say(struct checking *check, const char *text)
{
    if (apr_hash_get(check->said, text, APR_HASH_KEY_STRING))
        return;
    apr_hash_set(check->said, text, APR_HASH_KEY_STRING, text);
    fprintf(stderr, "%s\n", text);
}

/* @return false when the file cannot be read, which was said. */
static bool read_whole(struct checking *check, const char *path, pn_str *ret)
{
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *why = NULL;
    struct stat st;
    ssize_t     got = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        why = "it is no regular file";
    else if (st.st_size > FILE_MAX_BYTES)
        why = "it is larger than 8 MB";
    else {
        char *bytes = apr_palloc(check->pool, (size_t)st.st_size + 1);
        got = read(fd, bytes, (size_t)st.st_size);
        *ret = pn_str_n(bytes, got < 0 ? 0 : (size_t)got);
        why = got < 0 ? strerror(errno) : NULL;
    }
    if (fd >= 0)
        close(fd);
    if (why)
        say(check, apr_psprintf(check->pool, "%s cannot be read: %s; everything in its directory is denied", path, why));
    return !why;
}

/* @return false when something is wrong with it. */
static bool check_for(struct checking *check, struct pn_server *server, const char *path, pn_str dir, pn_str bytes)
{
    const struct pn_core_dir *core = pn_core_dir(settings_of(check, server, dir));
    struct pn_htaccess_in     in = { .server = server, .bytes = bytes, .path = path, .dir = dir, .override = core->override,
                                     .override_options = core->override_options, .override_list = core->override_list };
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec;
    apr_pool_t               *pool;
    bool                      fine;

    if (!(core->override & PN_OVR_ALL) && !(core->override_list && apr_hash_count(core->override_list))) {
        say(check, apr_psprintf(check->pool, "note: %s is not read: AllowOverride None holds in its directory", path));
        check->unread++;
        return true;
    }
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    fine = pn_htaccess_load(check->generation, &in, pool, &vec, &report) == PN_OK;
    if (!fine) {
        say(check, apr_pstrdup(check->pool, pn_conf_error_print(pool, &report.error)));
        apr_pool_destroy(pool);
        return false;
    }
    for (int i = 0; report.warnings && i < report.warnings->nelts; i++)
        say(check, apr_pstrdup(check->pool, APR_ARRAY_IDX(report.warnings, i, const char *)));
    pn_conf_vec_unref(vec);
    return true;
}

static void check_file(struct checking *check, const char *path)
{
    const char *slash = strrchr(path, '/');
    pn_str      dir, bytes = PN_STR("");
    bool        fine, concerned = false;

    apr_pool_clear(check->pool);
    check->said = apr_hash_make(check->pool);
    dir = pn_str_dup(check->pool, pn_str_n(path, (size_t)(slash - path) + 1));
    check->files++;
    fine = read_whole(check, path, &bytes);
    for (struct pn_server *server = check->generation->servers; fine && server; server = server->next)
        if (concerns(server, dir)) {
            concerned = true;
            fine = check_for(check, server, path, dir, bytes);
        }
    if (fine && !concerned)
        fine = check_for(check, check->generation->servers, path, dir, bytes);
    check->wrong += !fine;
}

/* Is it a name by which directories are configured, for any server? */
static bool is_access_name(const struct pn_generation *generation, const char *name)
{
    for (const struct pn_server *server = generation->servers; server; server = server->next) {
        const apr_array_header_t *names = pn_core_server(server)->access_names;
        for (int i = 0; names && i < names->nelts; i++)
            if (pn_str_eq(APR_ARRAY_IDX(names, i, pn_str), pn_str_z(name)))
                return true;
    }
    return false;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void walk(struct checking *check, char *root)
{
    char *const roots[] = { root, NULL };
    FTS        *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    FTSENT     *at;

    while (tree && (at = fts_read(tree))) {
        if (at->fts_info == FTS_DNR || at->fts_info == FTS_ERR || at->fts_info == FTS_NS) {
            fprintf(stderr, "%s: %s: %s\n", check->program, at->fts_path, strerror(at->fts_errno));
            check->wrong++;
        }
        else if (at->fts_info != FTS_D && at->fts_info != FTS_DP && is_access_name(check->generation, at->fts_name))
            check_file(check, at->fts_path);
        else if (at->fts_info == FTS_D && at->fts_level && is_access_name(check->generation, at->fts_name))
            check_file(check, at->fts_path); /* a directory of that name denies all */
    }
    if (tree)
        fts_close(tree);
}

unsigned pn_check_htaccess(const struct pn_command *args, struct pn_generation *generation, apr_pool_t *pool)
{
    struct checking check = { .program = args->program, .generation = generation };
    char           *root = realpath(args->htaccess_dir, NULL);
    struct stat     st;

    if (!root || stat(root, &st) != 0 || !S_ISDIR(st.st_mode)) {
        fprintf(stderr, "%s: %s: %s\n", args->program, args->htaccess_dir, strerror(root ? ENOTDIR : errno));
        free(root);
        return 1;
    }
    apr_pool_create(&check.pool, pool);
    walk(&check, root);
    fprintf(stderr, "%u .htaccess file%s checked: %u wrong, %u not read\n", check.files, check.files == 1 ? "" : "s", check.wrong,
            check.unread);
    free(root);
    return check.wrong;
}
