/* fuzz_htaccess.c - any bytes as a .htaccess file, applied with all built-in modules as the path store does it: read, obeyed
 * under what AllowOverride admits, and merged over a directory's settings, with the <Files> sections in it. Checks that an
 * error has a place and prints, and that a place has a plan. */
#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/htaccess.h"
#include "conf/load.h"
#include "conf/registry.h"
#include "conf/vec.h"
#include "http/core_conf.h"

extern struct pn_module *const pn_builtin_modules[];
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Kept for the whole run, and let go at its end so that a leak is one. */
static struct pn_generation *generation;
static apr_pool_t           *world;

static void let_go(void)
{
    pn_generation_unref(generation);
    pn_registry_forget();
    apr_pool_destroy(world);
    apr_terminate();
}

/* LoadModule for all of them, of the process models one. */
static const char *const *module_lines(apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, 128, sizeof(const char *));

    for (struct pn_module *const *at = pn_builtin_modules; *at; at++)
        if (!(*at)->is_static && (*at)->apache_id &&
            (!pn_str_starts(pn_str_z((*at)->apache_id), PN_STR("mpm_")) || strcmp((*at)->apache_id, "mpm_event_module") == 0))
            *(const char **)apr_array_push(lines) = apr_psprintf(pool, "LoadModule %s built-in.so", (*at)->apache_id);
    *(const char **)apr_array_push(lines) = NULL;
    return (const char *const *)(const void *)lines->elts;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct pn_load_report report = { 0 };

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&world, NULL) != APR_SUCCESS)
        return 1;
    pn_registry_init(pn_builtin_modules);
    const struct pn_load_options options = { .server_root = "/", .before = module_lines(world), .no_docroot_check = true,
                                             .no_post_config = true };
    if (pn_generation_load(&options, world, &generation, &report) != PN_OK) {
        fprintf(stderr, "%s\n", apr_array_pstrcat(world, report.errors, '\n'));
        return 1;
    }
    return atexit(let_go);
}

static void merge_files(struct pn_server *server, const struct pn_conf_vec *place)
{
    const apr_array_header_t *files = pn_core_dir(place)->files;

    for (int i = 0; files && i < files->nelts; i++) {
        const struct pn_section  *section = APR_ARRAY_IDX(files, i, const struct pn_section *);
        const struct pn_conf_vec *merged = pn_conf_merge(server, place, section->vec, NULL);
        pn_assert(merged->plan != NULL);
        pn_conf_vec_unref(merged);
    }
}

static void apply(pn_str text, unsigned override)
{
    struct pn_server         *server = generation->servers;
    struct pn_htaccess_in     in = { .server = server, .bytes = text, .path = "/srv/www/.htaccess", .dir = PN_STR_INIT("/srv/www/"),
                                     .override = override, .override_options = UINT8_MAX };
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec;
    apr_pool_t               *pool;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    if (pn_htaccess_load(generation, &in, pool, &vec, &report) != PN_OK) {
        pn_assert(pn_conf_error_print(pool, &report.error)[0] != '\0');
        apr_pool_destroy(pool);
        return;
    }
    const struct pn_conf_vec *place = pn_conf_merge(server, server->dir_conf, vec, NULL);
    const struct pn_conf_vec *below = pn_conf_merge(server, place, vec, NULL);
    pn_assert(place->plan != NULL && below->plan != NULL);
    merge_files(server, below);
    pn_conf_vec_unref(below);
    pn_conf_vec_unref(place);
    pn_conf_vec_unref(vec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pn_str text = pn_str_n((const char *)data, size);

    apply(text, PN_OVR_ALL);
    apply(text, PN_OVR_NONFATAL_OVERRIDE | PN_OVR_NONFATAL_UNKNOWN | (size & PN_OVR_ALL));
    return 0;
}
