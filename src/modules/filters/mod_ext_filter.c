/* mod_ext_filter - programs as filters, of answers and of request bodies: ExtFilterDefine.
 * Runs: as filters of the names that the configuration gives.   Yields: as the body below and the program.
 * Config: struct ext_filter_server, struct ext_filter_dir.   Spec: Apache manual, mod_ext_filter. */
#define PN_LOG_MODULE &pn_module_ext_filter
#include <pinion/log.h>

#include <pinion/cgi.h>
#include <pinion/spawn.h>

#include "ext_filter.h"

struct ext_filter_server { apr_array_header_t *defined; /* of struct ext_filter *; of the main server; may be NULL */ };

struct pn_module pn_module_ext_filter;

/* ---- the filter ---- */

/* Are intype, enableenv and disableenv content with this request? */
static bool applies(const struct pn_request *r, const struct ext_filter *def)
{
    pn_str type = def->input ? pn_headers_get(&r->in, PN_HDR_CONTENT_TYPE) : r->content_type;

    if (def->intype.n && !pn_str_ieq(pn_str_trim(pn_str_cut(type, ';', &type)), def->intype))
        return false;
    if (def->enable_env && !pn_env_get(r, def->enable_env))
        return false;
    return !def->disable_env || !pn_env_get(r, def->disable_env);
}

PN_MAY_YIELD static struct pn_body *failed(struct pn_request *r, struct pn_body *below, const struct ext_filter *def)
{
    const struct ext_filter_dir *conf = pn_dir_conf(r, &pn_module_ext_filter);

    if (conf->remove_on_failure) {
        PN_LOG_R(r, PN_LOG_WARNING, 1459, 0, "the filter %s cannot be started: goes on without it", def->filter.name);
        return below;
    }
    (void)!pn_fail(r, 500, PN_LOG_MODULE, 1467, "the filter %s cannot be started", def->filter.name);
    return NULL;
}

PN_MAY_YIELD static struct pn_body *output_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct ext_filter *def = arg;
    struct pn_body          *body;

    if (!applies(r, def) || r->status == 304 || r->status == 204)
        return below;
    body = ext_filter_body(r, below, def);
    if (!body)
        return failed(r, below, def);
    if (def->outtype.n)
        pn_set_content_type(r, def->outtype);
    if (!def->keeps_length)
        pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    return body;
}

PN_MAY_YIELD static struct pn_body *input_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct ext_filter *def = arg;
    struct pn_body          *body;

    if (!applies(r, def) || !pn_has_request_body(r))
        return below;
    body = ext_filter_body(r, below, def);
    return body ? body : failed(r, below, def);
}

/* ---- settings ---- */

static const char *set_command(struct pn_conf_cmd *cmd, struct ext_filter *def, pn_str text)
{
    char **argv;

    if (text.n > 1 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = pn_str_n(text.p + 1, text.n - 2);
    if (apr_tokenize_to_argv(pn_str_zdup(cmd->pool, text), &argv, cmd->pool) != APR_SUCCESS || !argv[0])
        return "Invalid cmd= parameter: there is no program in it";
    def->argv = (const char *const *)argv;
    if (argv[0][0] != '/')
        return pn_conf_error_text(cmd, "cmd= needs the path of a program that begins with a slash, not '%s'", argv[0]);
    return NULL;
}

static const char *set_type(struct ext_filter *def, pn_str value)
{
    uint64_t type = 0;

    if (pn_str_to_u64(value, 1000, &type) != PN_OK)
        return "Invalid ftype= parameter: it is a number, 10 for content, 20 for what changes its form";
    def->filter.type = (enum pn_filter_type)type;
    return NULL;
}

static const char *set_mode(struct ext_filter *def, pn_str value)
{
    if (!pn_str_ieq(value, PN_STR("input")) && !pn_str_ieq(value, PN_STR("output")))
        return "Invalid mode: it is input or output";
    def->input = pn_str_ieq(value, PN_STR("input"));
    return NULL;
}

static const char *set_parameter(struct pn_conf_cmd *cmd, struct ext_filter *def, pn_str name, pn_str value)
{
    if (pn_str_ieq(name, PN_STR("preservescontentlength")) && !value.p) {
        def->keeps_length = true;
        return NULL;
    }
    if (!value.p)
        return pn_conf_error_text(cmd, "Unexpected parameter: `%.*s'", PN_FMT(name));
    if (pn_str_ieq(name, PN_STR("cmd")))
        return set_command(cmd, def, value);
    if (pn_str_ieq(name, PN_STR("mode")))
        return set_mode(def, value);
    if (pn_str_ieq(name, PN_STR("ftype")))
        return set_type(def, value);
    if (pn_str_ieq(name, PN_STR("intype")))
        def->intype = pn_str_eq(value, PN_STR("*/*")) ? PN_STR("") : value;
    else if (pn_str_ieq(name, PN_STR("outtype")))
        def->outtype = value;
    else if (pn_str_ieq(name, PN_STR("enableenv")))
        def->enable_env = value.p;
    else if (pn_str_ieq(name, PN_STR("disableenv")))
        def->disable_env = value.p;
    else
        return pn_conf_error_text(cmd, "Unexpected parameter: `%.*s'", PN_FMT(name));
    return NULL;
}

/* A word of the line; quotes may begin behind its equals sign, and hold blanks. */
static pn_str parameter(apr_pool_t *pool, pn_str *rest)
{
    bool   quoted = false;
    size_t n = 0;

    *rest = pn_str_trim(*rest);
    while (n < rest->n && (quoted || (rest->p[n] != ' ' && rest->p[n] != '\t'))) {
        if (rest->p[n] == '\\' && quoted && n + 1 < rest->n)
            n++;
        else if (rest->p[n] == '"')
            quoted = !quoted;
        n++;
    }
    pn_str word = pn_str_dup(pool, pn_str_head(*rest, n));
    *rest = pn_str_from(*rest, n);
    return word;
}

static const char *define(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ext_filter_server *server = conf;
    struct ext_filter        *def = apr_pcalloc(cmd->pool, sizeof(*def));
    pn_str                    rest = argv[0];
    const char               *error = NULL;

    def->filter = (struct pn_filter){ .name = pn_conf_word(cmd->pool, &rest).p, .type = PN_FILTER_RESOURCE, .data = def };
    if (!def->filter.name)
        return "ExtFilterDefine needs a filter name and parameters";
    for (rest = pn_str_trim(rest); rest.n && !error; rest = pn_str_trim(rest)) {
        pn_str value, name = pn_str_cut(parameter(cmd->pool, &rest), '=', &value);
        error = set_parameter(cmd, def, name, value);
    }
    if (error)
        return error;
    if (!def->argv)
        return "no cmd= parameter";
    def->filter.wrap = def->input ? input_wrap : output_wrap;
    if (!server->defined)
        server->defined = apr_array_make(cmd->pool, 4, sizeof(def));
    *(struct ext_filter **)apr_array_push(server->defined) = def;
    return NULL;
}

static const char *set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct ext_filter_dir *dir = conf;

    for (unsigned i = 0; i < argc; i++) {
        bool log = pn_str_ieq(argv[i], PN_STR("LogStderr")), remove = pn_str_ieq(argv[i], PN_STR("Onfail=remove"));
        if (log || pn_str_ieq(argv[i], PN_STR("NoLogStderr"))) {
            dir->log_errors = log;
            dir->log_errors_set = true;
        }
        else if (remove || pn_str_ieq(argv[i], PN_STR("Onfail=abort"))) {
            dir->remove_on_failure = remove;
            dir->remove_on_failure_set = true;
        }
        else if (pn_str_istarts(argv[i], PN_STR("DebugLevel=")))
            pn_conf_warn(cmd, "ExtFilterOptions DebugLevel has no effect: use LogLevel ext_filter:debug");
        else
            return pn_conf_error_text(cmd, "Invalid ExtFilterOptions option: %.*s", PN_FMT(argv[i]));
    }
    return NULL;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct ext_filter_dir *inner = add;
    struct ext_filter_dir       *merged = out;

    (void)pool, (void)base;
    if (inner->log_errors_set) {
        merged->log_errors = inner->log_errors;
        merged->log_errors_set = true;
    }
    if (inner->remove_on_failure_set) {
        merged->remove_on_failure = inner->remove_on_failure;
        merged->remove_on_failure_set = true;
    }
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    const struct ext_filter_server *conf = pn_server_conf(generation->servers, &pn_module_ext_filter);

    (void)pool, (void)check_only;
    for (int i = 0; conf->defined && i < conf->defined->nelts; i++) {
        const struct ext_filter *def = APR_ARRAY_IDX(conf->defined, i, struct ext_filter *);
        if (pn_define_filter(generation, &def->filter, def->input) != PN_OK) {
            pn_generation_error(generation, "the name of the filter %s is too long", def->filter.name);
            return PN_BAD;
        }
        pn_spawn_will_be_used();
    }
    return PN_OK;
}

static const struct pn_directive directives[] = {
    { .name = "ExtFilterDefine", .args = PN_RAW, .where = PN_CTX_MAIN, .set = define,
      .help = "A filter that is a program: name cmd=\"/path args\" [mode=input|output] [intype=] [outtype=] [ftype=] [enableenv=] "
              "[disableenv=] [PreservesContentLength]" },
    { .name = "ExtFilterOptions", .args = PN_LIST, .where = PN_CTX_SECTIONS, .set = set_options, .dflt = "NoLogStderr Onfail=abort",
      .help = "LogStderr: what filter programs write to standard error goes to the error log; Onfail=remove: go on without a filter "
              "that cannot be started" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
}

struct pn_module pn_module_ext_filter = {
    .api = PN_MODULE_API,
    .name = "mod_ext_filter.c",
    .apache_id = "ext_filter_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct ext_filter_dir),
    .dir_conf_merge = dir_merge,
    .server_conf_size = sizeof(struct ext_filter_server),
    .hooks = hooks,
};
