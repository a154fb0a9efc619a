/* load.c - see load.h. */
#include "conf/load.h"

#include <pinion/regex.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "conf/apply.h"
#include "conf/at_once.h"
#include "conf/core.h"
#include "conf/dump.h"
#include "conf/inspect.h"
#include "conf/slot.h"
#include "conf/vec.h"

/* Free memory that merged settings keep for the next ones. */
#define VEC_SPARE_BYTES (256 * 1024)

/* One load at work. */
struct loading {
    const struct pn_load_options *options;
    struct pn_load_report        *report;
    struct pn_generation         *generation;
    struct pn_generation_core    *core;
    struct pn_conf_node          *root;
    struct pn_conf_error          error;
};

static int abort_on_oom(int status)
{
    pn_assert_failed(__FILE__, __LINE__, "out of memory");
    return status;
}

/* A pool that gives all of its memory back to the system when it is destroyed. */
static apr_pool_t *new_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t      *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS)
        abort_on_oom(0);
    if (apr_pool_create_ex(&pool, NULL, abort_on_oom, allocator) != APR_SUCCESS)
        abort_on_oom(0);
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

static apr_status_t close_allocator(void *allocator)
{
    apr_allocator_destroy(allocator);
    return APR_SUCCESS;
}

/* Pools of merged settings come and go while children serve, in worker children from several
 * threads. */
static void open_vec_allocator(struct pn_generation_core *core, apr_pool_t *pool)
{
    apr_thread_mutex_t *mutex = NULL;

    if (apr_allocator_create(&core->vec_allocator) != APR_SUCCESS ||
        apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS)
        abort_on_oom(0);
    apr_allocator_mutex_set(core->vec_allocator, mutex);
    apr_allocator_max_free_set(core->vec_allocator, VEC_SPARE_BYTES);
    apr_pool_cleanup_register(pool, core->vec_allocator, close_allocator, apr_pool_cleanup_null);
    core->abort = abort_on_oom;
}

/* ---- begin ---- */

static void take_defines(struct pn_generation *generation, const char *const *defines)
{
    generation->defines = apr_hash_make(generation->pool);
    for (; defines && *defines; defines++) {
        pn_str value, name = pn_str_cut(pn_str_z(*defines), '=', &value);

        apr_hash_set(generation->defines, pn_str_zdup(generation->pool, name), APR_HASH_KEY_STRING,
                     pn_str_zdup(generation->pool, value));
    }
}

static struct pn_generation *new_generation(const struct pn_load_options *options)
{
    apr_pool_t                *pool = new_pool();
    struct pn_generation      *generation = apr_pcalloc(pool, sizeof(*generation));
    struct pn_generation_core *core = apr_pcalloc(pool, sizeof(*core));

    generation->pool = pool;
    generation->number = options->number;
    generation->no_docroot_check = options->no_docroot_check;
    generation->refs = 1;
    generation->core = core;
    generation->server_root =
        pn_slot_path(pool, pn_str_z(options->server_root ? options->server_root : "/"), PN_STR(""));
    take_defines(generation, options->defines);
    core->magic = PN_GENERATION_MAGIC;
    core->modules = apr_array_make(pool, 64, sizeof(struct pn_module *));
    core->info_list = apr_array_make(pool, 64, sizeof(struct pn_module_info *));
    core->directives = pn_directive_table_new(pool);
    core->file_names = apr_hash_make(pool);
    core->temp = new_pool();
    open_vec_allocator(core, pool);
    return generation;
}

static void activate_static(struct pn_generation *generation)
{
    for (unsigned i = 0; i < pn_registry_count(); i++)
        if (pn_registry_at(i)->module->is_static)
            pn__generation_activate(generation, pn_registry_at(i)->module);
}

/* ---- reading ---- */

static pn_rc read_lines(struct loading *loading, struct pn_conf_reader *reader,
                        const char *const *lines)
{
    static const struct pn_conf_file file = { .path = "-c/-C directives", .kind = "command line" };

    for (; lines && *lines; lines++) {
        pn_rc rc =
            pn_conf_read_text(reader, &file, pn_str_z(*lines), loading->root, &loading->error);

        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

static pn_rc read_all(struct loading *loading, struct pn_conf_reader *reader)
{
    const struct pn_load_options *options = loading->options;
    apr_pool_t                   *pool = reader->pool;
    pn_rc                         rc = read_lines(loading, reader, options->before);
    pn_str                        path;

    if (rc == PN_OK && options->config_file) {
        /* COMPAT: -f is relative to ServerRoot as -d or a -C have set it. */
        path = pn_slot_path(pool, loading->generation->server_root, pn_str_z(options->config_file));
        rc = pn_conf_read_file(reader, path.p, loading->root, &loading->error);
    }
    return rc == PN_OK ? read_lines(loading, reader, options->after) : rc;
}

static void report_includes(struct pn_load_report *report, const struct pn_conf_reader *reader)
{
    apr_pool_t *pool = report->errors->pool;

    report->includes = apr_array_make(pool, 8, sizeof(struct pn_conf_include));
    for (int i = 0; reader->includes && i < reader->includes->nelts; i++) {
        const struct pn_conf_include *from =
            &((const struct pn_conf_include *)(void *)reader->includes->elts)[i];
        struct pn_conf_include *to = apr_array_push(report->includes);

        *to = *from;
        to->path = apr_pstrdup(pool, from->path);
        if (from->from_path)
            to->from_path = apr_pstrdup(pool, from->from_path);
    }
}

static pn_rc read_tree(struct loading *loading)
{
    struct pn_generation *generation = loading->generation;
    struct pn_conf_reader reader = { .pool = loading->core->temp,
                                     .server_root = generation->server_root.p,
                                     .defines = generation->defines,
                                     .defines_pool = generation->pool,
                                     .record_includes = loading->options->record_includes };
    pn_rc                 rc;

    pn__at_once_attach(&reader, generation, loading->report->warnings);
    loading->root = pn_conf_root(reader.pool);
    rc = read_all(loading, &reader);
    if (reader.record_includes)
        report_includes(loading->report, &reader);
    if (rc == PN_OK && loading->options->dump)
        pn_conf_dump(loading->options->dump, loading->root);
    return rc;
}

/* ---- from the tree on ---- */

static pn_rc apply_tree(struct loading *loading)
{
    struct pn_generation *generation = loading->generation;
    struct pn_conf_state  state;
    struct pn_server     *main_server;
    pn_rc                 rc;

    pn_conf_state_init(&state, generation, generation->pool, loading->core->temp);
    state.report_pool = loading->report->warnings->pool;
    state.warnings = loading->report->warnings;
    pn__conf_prepare_defaults(generation);
    main_server = pn__server_new(generation);
    pn__conf_server_complete(main_server, generation->pool);
    rc = pn_conf_apply_tree(&state, main_server, main_server->dir_conf, PN_CTX_MAIN, PN_STR(""),
                            loading->root);
    loading->error = state.error;
    return rc;
}

/* Virtual hosts get what the main server has at the end of the files, so what stands behind them
 * counts too. */
static void finish_servers(struct pn_generation *generation)
{
    struct pn_generation_core *core = generation->core;

    core->plans = pn_plan_set_new(generation->pool, core->hooks);
    for (struct pn_server *server = generation->servers; server; server = server->next) {
        if (!server->is_main)
            pn__conf_server_inherit(server, generation->servers, generation->pool);
        server->plan = pn_plan_for(core->plans, server, server->dir_conf);
        server->dir_conf->plan = server->plan;
    }
}

static pn_rc run_post_config(struct loading *loading)
{
    if (loading->options->no_post_config)
        return PN_OK;
    if (pn_run_post_config(loading->generation, loading->options->check_only) != PN_OK &&
        loading->report->errors->nelts == 0)
        pn_generation_error(loading->generation, "A module refused the configuration");
    return loading->report->errors->nelts ? PN_BAD : PN_OK;
}

static pn_rc report_error(struct loading *loading)
{
    apr_array_header_t *errors = loading->report->errors;

    *(const char **)apr_array_push(errors) = pn_conf_error_print(errors->pool, &loading->error);
    return PN_BAD;
}

static pn_rc load(struct loading *loading)
{
    struct pn_generation *generation = loading->generation;

    loading->core->errors = loading->report->errors;
    activate_static(generation);
    if (read_tree(loading) != PN_OK)
        return report_error(loading);
    loading->core->hooks =
        pn_hooks_new(generation->pool, generation->modules, generation->n_modules);
    if (apply_tree(loading) != PN_OK)
        return report_error(loading);
    pn__inspect_keep(generation, loading->root, loading->options->config_file);
    finish_servers(generation);
    return run_post_config(loading);
}

pn_rc pn_generation_load(const struct pn_load_options *options, apr_pool_t *report_pool,
                         struct pn_generation **ret, struct pn_load_report *ret_report)
{
    struct loading loading = { .options = options, .report = ret_report };
    pn_rc          rc;

    *ret_report = (struct pn_load_report){
        .warnings = apr_array_make(report_pool, 8, sizeof(const char *)),
        .errors = apr_array_make(report_pool, 4, sizeof(const char *)),
    };
    pn_regex_set_defaults(PN_REGEX_AT_START); /* what an earlier configuration said is over */
    loading.generation = new_generation(options);
    loading.core = loading.generation->core;
    rc = load(&loading);
    apr_pool_destroy(loading.core->temp);
    loading.core->temp = NULL;
    loading.core->errors = NULL;
    if (rc == PN_OK)
        *ret = loading.generation;
    else
        pn_generation_unref(loading.generation);
    return rc;
}
