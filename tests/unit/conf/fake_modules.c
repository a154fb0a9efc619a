/* fake_modules.c - see fake_modules.h. */
#include "fake_modules.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "conf/module_load.h"

/* ---- core ---- */

static const char *set_vhost(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return pn_conf_apply_server(cmd, pn_conf_new_vhost(cmd));
}

static struct fake_section *push_section(apr_array_header_t **list, struct pn_conf_cmd *cmd,
                                         pn_str path)
{
    struct fake_section *section;

    if (!*list)
        *list = apr_array_make(cmd->pool, 2, sizeof(struct fake_section));
    section = apr_array_push(*list);
    section->path = path;
    section->vec = pn_conf_vec_new(cmd->generation, cmd->pool);
    return section;
}

static const char *set_directory(struct pn_conf_cmd *cmd, void *conf, unsigned argc,
                                 const pn_str *argv)
{
    struct core_server  *core = conf;
    struct fake_section *section = push_section(&core->sections, cmd, argv[0]);

    return pn_conf_apply_children(cmd, section->vec, PN_CTX_DIRECTORY, argv[0], false);
}

static const char *set_files(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct core_dir     *core = conf;
    struct fake_section *section = push_section(&core->files, cmd, argv[0]);

    return pn_conf_apply_children(cmd, section->vec, PN_CTX_FILES, argv[0], false);
}

static const char *set_limit(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    cmd->limited = 6;
    return pn_conf_apply_children(cmd, cmd->vec, cmd->context | PN_CTX_LIMIT, cmd->path,
                                  cmd->is_regex);
}

static const char *set_limit_note(struct pn_conf_cmd *cmd, void *conf, unsigned argc,
                                  const pn_str *argv)
{
    ((struct core_dir *)conf)->limited = cmd->limited;
    return NULL;
}

static const char *set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc,
                               const pn_str *argv)
{
    if (pn_str_eq(argv[0], PN_STR("Odd"))) {
        cmd->cure = "Leave the odd ones out.";
        return pn_conf_error_text(cmd, "Options does not know %.*s", PN_FMT(argv[0]));
    }
    ((struct core_dir *)conf)->options = cmd->override_options;
    return NULL;
}

static const char *set_nothing(struct pn_conf_cmd *cmd, void *conf, unsigned argc,
                               const pn_str *argv)
{
    return NULL;
}

static const char *set_name(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    cmd->server->name = argv[0];
    return NULL;
}

static const char *set_admin(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    cmd->server->admin = argv[0];
    return NULL;
}

static const char *const trace_choices[] = { "on", "off", "extended", NULL };

static const struct pn_directive core_rows[] = {
    { .name = "VirtualHost", .args = PN_SECTION, .where = PN_CTX_MAIN, .set = set_vhost },
    { .name = "<Directory", .args = PN_SECTION, .where = PN_CTX_SERVER, .set = set_directory },
    { .name = "Files",
      .args = PN_SECTION,
      .override = PN_OVR_ALL,
      .set = set_files,
      .where = PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_FILES | PN_CTX_HTACCESS },
    { .name = "Limit",
      .args = PN_SECTION,
      .where = PN_CTX_ANY,
      .override = PN_OVR_ALL,
      .set = set_limit },
    { .name = "LimitNote",
      .args = PN_NO_ARGS,
      .where = PN_CTX_DIR | PN_CTX_LIMIT,
      .override = PN_OVR_LIMIT,
      .set = set_limit_note },
    { .name = "ServerName", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_name },
    { .name = "ServerAdmin", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_admin },
    { .name = "ServerRoot", .args = PN_TAKE1, .where = PN_CTX_MAIN, .set = set_nothing },
    { .name = "KeepAlive",
      .args = PN_FLAG,
      .where = PN_CTX_SERVER,
      .dflt = "On",
      .slot = PN_SLOT(struct core_server, keep_alive) },
    { .name = "Timeout",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .dflt = "60",
      .unit = "s",
      .slot = PN_SLOT_AS(PN_SLOT_USEC, struct core_server, timeout),
      .min = 1,
      .max = 3600,
      .help = "How long to wait for the peer" },
    { .name = "MaxRequestWorkers",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .dflt = "400",
      .slot = PN_SLOT(struct core_server, workers),
      .min = 1,
      .max = 20000 },
    { .name = "MaxClients",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .slot = PN_SLOT(struct core_server, workers),
      .min = 1,
      .max = 20000 },
    { .name = "TraceEnable",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .choices = trace_choices,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct core_server, trace) },
    { .name = "DocumentRoot",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .dflt = "htdocs",
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct core_server, document_root) },
    { .name = "Note",
      .args = PN_RAW,
      .where = PN_CTX_SERVER,
      .slot = PN_SLOT(struct core_server, note) },
    { .name = "LockFile", .gone = "locks need no file" },
    { .name = "EnableSendfile",
      .args = PN_FLAG,
      .where = PN_CTX_ANY,
      .override = PN_OVR_FILEINFO,
      .slot = PN_SLOT(struct core_dir, sendfile) },
    { .name = "DefaultType",
      .args = PN_TAKE1,
      .where = PN_CTX_ANY,
      .dflt = "none",
      .override = PN_OVR_FILEINFO | PN_OVR_INDEXES,
      .slot = PN_SLOT(struct core_dir, type) },
    { .name = "Options",
      .args = PN_LIST,
      .where = PN_CTX_ANY,
      .override = PN_OVR_OPTIONS,
      .set = set_options },
    { .name = "Sections",
      .args = PN_NO_ARGS,
      .where = PN_CTX_DIRECTORY | PN_CTX_LOCATION,
      .set = set_nothing },
    { 0 }
};

static void core_dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct core_dir *a = base, *b = add;

    if (pn_conf_is_set(b, &fake_core, "Options"))
        ((struct core_dir *)merged)->options = b->options;
    if (a->files && b->files)
        ((struct core_dir *)merged)->files = apr_array_append(pool, a->files, b->files);
    else if (b->files)
        ((struct core_dir *)merged)->files = b->files;
}

static void core_server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    ((struct core_server *)conf)->owner = server;
}

static void core_server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    ((struct core_server *)merged)->owner = ((const struct core_server *)add)->owner;
    ((struct core_server *)merged)->sections = ((const struct core_server *)add)->sections;
}

struct pn_module fake_core = {
    .api = PN_MODULE_API,
    .name = "core.c",
    .apache_id = "core_module",
    .directives = core_rows,
    .dir_conf_size = sizeof(struct core_dir),
    .server_conf_size = sizeof(struct core_server),
    .server_conf_init = core_server_init,
    .dir_conf_merge = core_dir_merge,
    .server_conf_merge = core_server_merge,
    .is_static = true,
};

/* ---- paint ---- */

static const char *const shine_choices[] = { "matt", "satin", "gloss", NULL };

static const struct pn_directive paint_rows[] = {
    { .name = "Paint",
      .args = PN_FLAG,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct paint_dir, active) },
    { .name = "PaintLayers",
      .args = PN_TAKE1,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct paint_dir, layers),
      .min = 1,
      .max = 9,
      .dflt = "2",
      .unit = "layers" },
    { .name = "PaintColour",
      .args = PN_TAKE1,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct paint_dir, colour),
      .dflt = "white" },
    { .name = "PaintBrush",
      .args = PN_LIST,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct paint_dir, brushes),
      .dflt = "flat \"very round\"" },
    { .name = "PaintCoat",
      .args = PN_LIST,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct paint_dir, coats),
      .merge = PN_MERGE_APPEND },
    { .name = "PaintShine",
      .args = PN_TAKE1,
      .where = PN_CTX_ANY,
      .override = PN_OVR_INDEXES,
      .choices = shine_choices,
      .dflt = "satin",
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct paint_dir, shine) },
    { .name = "PaintEngine",
      .args = PN_FLAG,
      .where = PN_CTX_SERVER,
      .slot = PN_SLOT(struct paint_server, on) },
    { .name = "PaintBuckets",
      .args = PN_TAKE1,
      .where = PN_CTX_SERVER,
      .slot = PN_SLOT(struct paint_server, buckets),
      .dflt = "7" },
    /* Both modules have it: all rows of a name run. */
    { .name = "ServerName", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_nothing },
    { 0 }
};

static void paint_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    ((struct paint_dir *)merged)->merges++;
}

static bool paint_is_active(const struct pn_server *server, const void *server_conf,
                            const void *dir_conf)
{
    return ((const struct paint_dir *)dir_conf)->active;
}

static bool paint_engine_is_on(const struct pn_server *server, const void *server_conf,
                               const void *dir_conf)
{
    return ((const struct paint_server *)server_conf)->on;
}

static enum pn_verdict paint_fixup(struct pn_request *r)
{
    return PN_NEXT;
}

static enum pn_verdict paint_translate(struct pn_request *r)
{
    return PN_NEXT;
}

static enum pn_verdict paint_handler(struct pn_request *r)
{
    return PN_NEXT;
}

static enum pn_verdict paint_log(struct pn_request *r)
{
    return PN_NEXT;
}

static const struct pn_filter paint_filter = { .name = "PAINT", .type = PN_FILTER_RESOURCE };
static const struct pn_filter strip_filter = { .name = "STRIP", .type = PN_FILTER_RESOURCE };
static const char             oil[] = "oil", water[] = "water";

static void paint_hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, paint_fixup, { .when = paint_is_active });
    pn_hook_translate_name(h, paint_translate, { .when = paint_engine_is_on });
    pn_hook_handler(h, paint_handler, { .pos = PN_ORDER_LAST });
    pn_hook_log_transaction(h, paint_log, { .when = paint_is_active });
    pn_provide(h, "paint", "oil", oil);
    pn_provide(h, "paint", "acrylic", water);
    pn_provide(h, "brush", "flat", water);
    pn_output_filter(h, &paint_filter);
    pn_input_filter(h, &strip_filter);
}

static const char *const paint_also[] = { "mod_colour.c", NULL };

struct pn_module fake_paint = {
    .api = PN_MODULE_API,
    .name = "mod_paint.c",
    .apache_id = "paint_module",
    .also = paint_also,
    .directives = paint_rows,
    .dir_conf_size = sizeof(struct paint_dir),
    .server_conf_size = sizeof(struct paint_server),
    .dir_conf_merge = paint_merge,
    .hooks = paint_hooks,
};

/* ---- spare: known, and only active where it is loaded; late: hooks that are ordered ---- */

static const struct pn_directive spare_rows[] = {
    { .name = "SpareWheel", .args = PN_TAKE1, .where = PN_CTX_SERVER, .set = set_nothing }, { 0 }
};

struct pn_module fake_spare = {
    .api = PN_MODULE_API,
    .name = "mod_spare.c",
    .apache_id = "spare_module",
    .directives = spare_rows,
};

struct pn_module fake_late = {
    .api = PN_MODULE_API,
    .name = "mod_late.c",
    .apache_id = "late_module",
};

struct pn_module *const fake_modules[] = { &fake_core,  &pn_module_so, &fake_paint,
                                           &fake_spare, &fake_late,    NULL };

/* ---- loading ---- */

int fake_setup(void **state)
{
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    pn_registry_init(fake_modules);
    *state = pool;
    return 0;
}

int fake_teardown(void **state)
{
    apr_pool_destroy(*state);
    pn_registry_forget();
    apr_terminate();
    return 0;
}

struct fake_load fake_load_text(apr_pool_t *pool, const char *text)
{
    char                   path[] = "/tmp/pn_conf_test_XXXXXX";
    int                    fd = mkstemp(path);
    FILE                  *file = fdopen(fd, "w");
    struct pn_load_options options = { .config_file = path, .server_root = "/srv/", .number = 1 };
    struct fake_load       load = { 0 };

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    if (pn_generation_load(&options, pool, &load.generation, &load.report) != PN_OK)
        assert_null(load.generation);
    remove(path);
    return load;
}

struct pn_generation *fake_load_good(apr_pool_t *pool, const char *text)
{
    struct fake_load load = fake_load_text(pool, text);

    for (int i = 0; i < load.report.errors->nelts; i++)
        print_error("%s\n", APR_ARRAY_IDX(load.report.errors, i, const char *));
    for (int i = 0; i < load.report.warnings->nelts; i++)
        print_error("%s\n", APR_ARRAY_IDX(load.report.warnings, i, const char *));
    assert_non_null(load.generation);
    assert_int_equal(load.report.warnings->nelts, 0);
    return load.generation;
}

const char *fake_load_error(apr_pool_t *pool, const char *text)
{
    struct fake_load load = fake_load_text(pool, text);

    if (load.generation)
        print_error("no error for:\n%s\n", text);
    assert_null(load.generation);
    assert_int_equal(load.report.errors->nelts, 1);
    return APR_ARRAY_IDX(load.report.errors, 0, const char *);
}

struct pn_conf_vec *fake_section(const struct pn_server *server, int n)
{
    const struct core_server *core = PN_SERVER_CONF(server, &fake_core);

    assert_true(core->sections && n < core->sections->nelts);
    return APR_ARRAY_IDX(core->sections, n, struct fake_section).vec;
}

const char *fake_words(apr_pool_t *pool, const apr_array_header_t *list)
{
    const char *text = NULL;

    for (int i = 0; list && i < list->nelts; i++)
        text = apr_pstrcat(pool, text ? text : "", text ? "," : "",
                           APR_ARRAY_IDX(list, i, pn_str).p, NULL);
    return text ? text : "-";
}

void fake_assert_contains(const char *text, const char *part, const char *file, int line)
{
    if (text && strstr(text, part))
        return;
    print_error("\"%s\" is not in:\n%s\n", part, text ? text : "(null)");
    _fail(file, line);
}
