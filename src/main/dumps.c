/* dumps.c - what -S, -M and -t -D DUMP_... print, in httpd's form. */
#include <stdio.h>
#include <stdlib.h>

#include "conf/listing.h"
#include "http/core_conf.h"
#include "http/vhost.h"
#include "main/boot.h"
#include "proc/mpm_conf.h"

/* ---- the settings of a run ---- */

static void dump_error_log(const struct pn_generation *generation, struct pn_buf *out)
{
    pn_str name = pn_core_server(generation->servers)->error_log;
    bool   is_path;

    if (name.n == 0)
        name = PN_STR("logs/error_log");
    is_path = name.p[0] != '|' && name.p[0] != '/' && !pn_str_istarts(name, PN_STR("syslog"));
    pn_buf_printf(out, "Main ErrorLog: \"%s%s%.*s\"\n", is_path ? generation->server_root.p : "", is_path ? "/" : "",
                  PN_FMT(name));
}

static void dump_mutexes(const struct pn_generation *generation, struct pn_buf *out)
{
    const struct pn_mpm_conf *conf = pn_mpm_conf(generation);
    const char               *dir = pn_mpm_runtime_dir(generation);
    bool                      is_default = false;

    for (int i = 0; i < conf->mutexes->nelts; i++) {
        const struct pn_mutex_line *line = &APR_ARRAY_IDX(conf->mutexes, i, struct pn_mutex_line);

        pn_buf_printf(out, "Mutex %.*s: dir=\"%s/\" mechanism=%.*s %s\n", PN_FMT(line->name),
                      line->path.n ? line->path.p : dir, PN_FMT(line->mechanism), line->omit_pid ? "[OmitPid]" : "");
        is_default = is_default || pn_str_ieq(line->name, PN_STR("default"));
    }
    if (!is_default)
        pn_buf_printf(out, "Mutex default: dir=\"%s/\" mechanism=default \n", dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void dump_define(const struct pn_generation *generation, const char *name, struct pn_buf *out)
{
    const char *value = apr_hash_get(generation->defines, name, APR_HASH_KEY_STRING);

    if (value && *value)
        pn_buf_printf(out, "Define: %s=%s\n", name, value);
    else
        pn_buf_printf(out, "Define: %s\n", name);
}

/* Those of the command line first, in their order, then those of the files. */
static void dump_defines(const struct pn_command *args, const struct pn_generation *generation, struct pn_buf *out)
{
    apr_array_header_t *names = apr_array_make(generation->pool, 8, sizeof(const char *));

    for (int i = 0; i < args->defines->nelts; i++)
        dump_define(generation, APR_ARRAY_IDX(args->defines, i, const char *), out);
    for (apr_hash_index_t *at = apr_hash_first(generation->pool, generation->defines); at; at = apr_hash_next(at))
        if (!pn_args_defined(args, apr_hash_this_key(at)))
            *(const char **)apr_array_push(names) = apr_hash_this_key(at);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_name);
    for (int i = 0; i < names->nelts; i++)
        dump_define(generation, APR_ARRAY_IDX(names, i, const char *), out);
}

static void dump_account(const char *title, pn_str name, uint32_t id, bool is_set, struct pn_buf *out)
{
    if (is_set)
        pn_buf_printf(out, "%s: name=\"%.*s\" id=%u\n", title, PN_FMT(name), id);
    else
        pn_buf_printf(out, "%s: name=\"#-1\" id=%u\n", title, UINT32_MAX);
}

static void dump_run(const struct pn_command *args, const struct pn_generation *generation, struct pn_buf *out)
{
    const struct pn_unixd_conf *unixd = pn_unixd_conf(generation);
    pn_str                      root = pn_core_server(generation->servers)->document_root;

    pn_buf_printf(out, "ServerRoot: \"%s\"\n", generation->server_root.p);
    pn_buf_printf(out, "Main DocumentRoot: \"%.*s\"\n", PN_FMT(root));
    dump_error_log(generation, out);
    dump_mutexes(generation, out);
    pn_buf_printf(out, "PidFile: \"%s\"\n", pn_mpm_conf(generation)->pid_file.p);
    dump_defines(args, generation, out);
    dump_account("User", unixd->user, unixd->uid, unixd->user_set, out);
    dump_account("Group", unixd->group, unixd->gid, unixd->group_set, out);
    if (unixd->chroot_dir.n)
        pn_buf_printf(out, "ChrootDir: \"%s\"\n", unixd->chroot_dir.p);
}

/* ---- files ---- */

static void dump_includes(const struct pn_load_report *report, struct pn_buf *out)
{
    pn_buf_lit(out, "Included configuration files:\n");
    for (int i = 0; report->includes && i < report->includes->nelts; i++) {
        const struct pn_conf_include *one = &APR_ARRAY_IDX(report->includes, i, struct pn_conf_include);
        int                           indent = 2 * (int)one->depth + 2;

        if (one->from_path)
            pn_buf_printf(out, "%*s(%u) %s\n", indent, "", one->from_line, one->path);
        else
            pn_buf_printf(out, "%*s(*) %s\n", indent, "", one->path);
    }
}

bool pn_dump(const struct pn_command *args, const struct pn_generation *generation, const struct pn_load_report *report)
{
    struct pn_buf out;
    bool          dumped;

    pn_buf_init(&out, NULL, SIZE_MAX);
    if (pn_args_defined(args, "DUMP_INCLUDES"))
        dump_includes(report, &out);
    if (pn_args_defined(args, "DUMP_VHOSTS"))
        pn_vhosts_dump(generation, &out);
    if (pn_args_defined(args, "DUMP_RUN_CFG"))
        dump_run(args, generation, &out);
    if (pn_args_defined(args, "DUMP_MODULES")) {
        pn_buf_lit(&out, "Loaded Modules:\n");
        pn_list_modules(generation, &out);
    }
    dumped = out.n != 0;
    if (dumped)
        fwrite(out.p, 1, out.n, stdout);
    pn_buf_release(&out);
    return dumped;
}
