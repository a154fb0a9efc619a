/* mod_cgi - runs programs that make the answer (RFC 3875), also under the name mod_cgid.
 * Runs: handler.   Yields: while the program runs.   Config: struct cgi_server, struct cgi_dir.   Spec: RFC 3875; Apache manual,
 * mod_cgi and mod_cgid.
 *
 * The server's helper process starts the programs (pinion/spawn.h). cgi_run.c feeds and reads one, cgi_answer.c makes its
 * output the answer, cgi_log.c keeps ScriptLog. */
#define PN_LOG_MODULE &pn_module_cgi
#include <pinion/log.h>

#include "cgi.h"

static const struct pn_directive directives[] = {
    { .name = "ScriptLog", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct cgi_server, log), .help = "A file for what went wrong with scripts, for debugging" },
    { .name = "ScriptLogLength", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct cgi_server, log_length), .dflt = "10385760", .min = 0, .max = INT64_MAX, .unit = "bytes",
      .help = "Size at which nothing more is written to ScriptLog" },
    { .name = "ScriptLogBuffer", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct cgi_server, log_buffer), .dflt = "1024", .min = 0, .max = 1 << 24, .unit = "bytes",
      .help = "How much of a request's body ScriptLog shows" },
    { .name = "ScriptSock", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct cgi_server, socket), .help = "Accepted; the process that starts scripts needs no socket file" },
    { .name = "CGIScriptTimeout", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL,
      .slot = PN_SLOT_AS(PN_SLOT_USEC, struct cgi_dir, timeout), .unit = "s", .dflt = "0",
      .help = "How long to wait for more output of a script, 0: as Timeout says" },
    { .name = "CGIDScriptTimeout", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL,
      .slot = PN_SLOT_AS(PN_SLOT_USEC, struct cgi_dir, timeout), .unit = "s", .dflt = "0",
      .help = "The same as CGIScriptTimeout" },
    { 0 }
};

static bool is_script(const struct pn_request *r)
{
    if (r->handler.n)
        return pn_str_eq(r->handler, PN_STR("cgi-script")) || pn_str_eq(r->handler, PN_STR("application/x-httpd-cgi"));
    return pn_str_eq(r->content_type, PN_STR("application/x-httpd-cgi"));
}

static bool is_script_alias(const struct pn_request *r)
{
    const char *forced = pn_note_get(r, "alias-forced-type");

    return forced && strcmp(forced, "cgi-script") == 0;
}

static bool is_nph(const struct pn_request *r)
{
    size_t slash = pn_str_rchr(r->filename, '/');

    return pn_str_starts(pn_str_from(r->filename, slash == SIZE_MAX ? 0 : slash + 1), PN_STR("nph-"));
}

/* May and can this file be run? PN_NEXT: yes. */
PN_MAY_YIELD static enum pn_verdict check(struct pn_request *r)
{
    const char *file = r->filename.p;

    if (!(pn_options(r) & PN_OPTION_EXECCGI) && !is_script_alias(r))
        return cgi_reject(r, NULL, 403, 2809, "Options ExecCGI is off in this directory: %s", file);
    if (is_nph(r) && r->main)
        return cgi_reject(r, NULL, 403, 2810, "attempt to include NPH CGI script: %s", file);
    if (r->finfo.type == PN_FILE_NONE)
        return cgi_reject(r, NULL, 404, 2811, "script not found or unable to stat: %s", file);
    if (r->finfo.type == PN_FILE_DIRECTORY)
        return cgi_reject(r, NULL, 403, 2812, "attempt to invoke directory as script: %s", file);
    if (r->path_info.n && r->path_info_policy == PN_PATH_INFO_REJECT)
        return cgi_reject(r, NULL, 404, 2813, "AcceptPathInfo off disallows user's path: %s", file);
    return PN_NEXT;
}

PN_MAY_YIELD static enum pn_verdict cgi_handler(struct pn_request *r)
{
    const struct cgi_dir *conf = pn_dir_conf(r, &pn_module_cgi);
    int                   status;

    if (!is_script(r))
        return PN_NEXT;
    enum pn_verdict verdict = check(r);
    if (verdict != PN_NEXT)
        return verdict;
    pn_cgi_set_vars(r);
    struct cgi_run *run = cgi_start(r, conf->timeout ? conf->timeout : pn_request_timeout(r), &status);
    return run ? cgi_answer(run, is_nph(r)) : pn_reject_quietly(r, status);
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)generation, (void)pool, (void)check_only;
    pn_spawn_will_be_used();
    return PN_OK;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_handler(h, cgi_handler, { 0 });
}

struct pn_module pn_module_cgi = {
    .api = PN_MODULE_API,
    .name = "mod_cgi.c",
    .apache_id = "cgi_module",
    .also = (const char *const[]){ "mod_cgid.c", "cgid_module", NULL },
    .directives = directives,
    .dir_conf_size = sizeof(struct cgi_dir),
    .server_conf_size = sizeof(struct cgi_server),
    .hooks = hooks,
};
