/* core_module.c - the core as a module: its settings' defaults and merging, its tables put together.
 * Apache manual: "Apache Core Features". */
#include "http/core_directives.h"

#include "http/location_index.h"
#include "http/log_error.h"
#include "http/server_header.h"
#include "http/vhost.h"
#include "net/addr.h"

static void dir_init(apr_pool_t *pool, void *conf)
{
    struct pn_core_dir *dir = conf;

    (void)pool;
    dir->options = PN_OPT_SYM_LINKS; /* Options' default since 2.3.11: FollowSymLinks */
    dir->etag_bits = PN_ETAG_DEFAULT;
    dir->max_ranges = 200;
    dir->max_overlaps = 20;
    dir->max_reversals = 20;
    dir->limit_body = 1 << 30;
}

static apr_array_header_t *joined(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    if (!outer || !inner)
        return outer ? outer : inner;
    return apr_array_append(pool, outer, inner);
}

static apr_hash_t *over(apr_pool_t *pool, apr_hash_t *outer, apr_hash_t *inner)
{
    if (!outer || !inner)
        return outer ? outer : inner;
    return apr_hash_overlay(pool, inner, outer);
}

static void merge_options(const struct pn_core_dir *outer, const struct pn_core_dir *inner, struct pn_core_dir *merged)
{
    if (!inner->options_set)
        return;
    if (!inner->options_relative) {
        merged->options = inner->options;
        merged->options_add = merged->options_remove = 0;
        merged->options_relative = false;
    }
    else {
        merged->options = (uint8_t)((outer->options & ~inner->options_remove) | inner->options_add);
        merged->options_add = (uint8_t)((outer->options_add & ~inner->options_remove) | inner->options_add);
        merged->options_remove = (uint8_t)((outer->options_remove & ~inner->options_add) | inner->options_remove);
        merged->options_relative = outer->options_relative || !outer->options_set;
        if (outer->options_set && !outer->options_relative)
            merged->options_relative = false;
    }
    merged->options_set = true;
}

static void merge_etag(const struct pn_core_dir *outer, const struct pn_core_dir *inner, struct pn_core_dir *merged)
{
    if (!inner->etag_set)
        return;
    if (!inner->etag_relative) {
        merged->etag_bits = inner->etag_bits;
        merged->etag_relative = false;
    }
    else {
        merged->etag_bits = (uint8_t)(((outer->etag_bits & ~PN_ETAG_NONE) | inner->etag_add) & ~inner->etag_remove);
        if (!merged->etag_bits)
            merged->etag_bits = PN_ETAG_NONE;
        merged->etag_add = (uint8_t)((outer->etag_add & ~inner->etag_remove) | inner->etag_add);
        merged->etag_remove = (uint8_t)((outer->etag_remove & ~inner->etag_add) | inner->etag_remove);
        merged->etag_relative = outer->etag_relative || !outer->etag_set;
    }
    merged->etag_set = true;
}

static void merge_types(const struct pn_core_dir *inner, struct pn_core_dir *merged)
{
    if (inner->force_type_set) {
        merged->force_type = inner->force_type;
        merged->force_type_set = true;
    }
    if (inner->handler_set) {
        merged->handler = inner->handler;
        merged->handler_expr = inner->handler_expr;
        merged->handler_set = true;
    }
    if (inner->output_filters_set) {
        merged->output_filters = inner->output_filters;
        merged->output_filters_set = true;
    }
    if (inner->input_filters_set) {
        merged->input_filters = inner->input_filters;
        merged->input_filters_set = true;
    }
    if (inner->default_charset_set) {
        merged->default_charset_on = inner->default_charset_on;
        merged->default_charset = inner->default_charset;
        merged->default_charset_set = true;
    }
}

static void merge_numbers(const struct pn_core_dir *inner, struct pn_core_dir *merged)
{
    if (inner->max_ranges_set) {
        merged->max_ranges = inner->max_ranges;
        merged->max_ranges_set = true;
    }
    if (inner->max_overlaps_set) {
        merged->max_overlaps = inner->max_overlaps;
        merged->max_overlaps_set = true;
    }
    if (inner->max_reversals_set) {
        merged->max_reversals = inner->max_reversals;
        merged->max_reversals_set = true;
    }
    if (inner->encoded_slashes_set) {
        merged->encoded_slashes = inner->encoded_slashes;
        merged->encoded_slashes_set = true;
    }
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct pn_core_dir *outer = base, *inner = add;
    struct pn_core_dir       *merged = out;

    merge_options(outer, inner, merged);
    merge_etag(outer, inner, merged);
    merge_types(inner, merged);
    merge_numbers(inner, merged);
    pn__cgi_conf_merge(inner, merged);
    if (inner->override_set) {
        merged->override = inner->override;
        merged->override_options = inner->override_options;
        merged->override_set = true;
    }
    if (inner->override_list_set) {
        merged->override_list = inner->override_list;
        merged->override_list_set = true;
    }
    merged->files = joined(pool, outer->files, inner->files);
    merged->ifs = joined(pool, outer->ifs, inner->ifs);
    merged->error_documents = over(pool, outer->error_documents, inner->error_documents);
    if (inner->log_levels)
        merged->log_levels = pn__log_levels_merge(pool, outer->log_levels, inner->log_levels);
}

static void server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    struct pn_core_server *core = conf;

    (void)pool, (void)server;
    core->strict = true;
    core->allow_0_9 = true;
    core->lenient_methods = true;
    core->read_limits = (struct pn_read_limits)PN_READ_LIMITS_DEFAULT;
}

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct pn_core_server *outer = base, *inner = add;
    struct pn_core_server       *merged = out;

    merged->directories = joined(pool, outer->directories, inner->directories);
    merged->locations = joined(pool, outer->locations, inner->locations);
    if (inner->protocol_options_set) {
        merged->strict = inner->strict;
        merged->lenient_methods = inner->lenient_methods;
        merged->allow_0_9 = inner->allow_0_9;
        merged->protocol_options_set = true;
    }
    if (inner->max_redirects) {
        merged->max_redirects = inner->max_redirects;
        merged->max_subrequests = inner->max_subrequests;
    }
    if (inner->document_root_set) {
        merged->document_root = inner->document_root;
        merged->document_root_set = true;
    }
    if (inner->error_format)
        merged->error_format = inner->error_format;
    if (inner->error_log_set) {
        merged->error_log = inner->error_log;
        merged->error_log_set = true;
    }
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct pn_core_server *main_conf = PN_SERVER_CONF(generation->servers, &pn_module_core);

    for (struct pn_server *s = generation->servers; s; s = s->next) {
        struct pn_core_server *conf = PN_SERVER_CONF(s, &pn_module_core);
        if (s == generation->servers || conf->directories != main_conf->directories)
            pn__sort_directories(conf->directories);
        conf->location_index = s != generation->servers && conf->locations == main_conf->locations
                                   ? main_conf->location_index
                                   : pn_location_index_new(pool, conf->locations);
        if (!check_only && pn__error_log_open(generation, s, conf) != PN_OK)
            return PN_BAD;
    }
    main_conf->satisfy = pn_provider(generation, "satisfy", PN_STR("access_compat"));
    main_conf->vhosts = pn_vhosts_build(generation);
    if (!pn_conf_is_set(main_conf, &pn_module_core, "ExtendedStatus"))
        main_conf->extended_status = pn_find_module(generation, PN_STR("mod_status.c")) != NULL;
    main_conf->server_header = pn__server_header(generation, (enum pn_tokens)main_conf->tokens);
    return PN_OK;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ .pos = PN_ORDER_REALLY_FIRST });
}

struct pn_module pn_module_core = {
    .api = PN_MODULE_API,
    .name = "core.c",
    .apache_id = "core_module",
    .directives = pn_core_directives,
    .dir_conf_size = sizeof(struct pn_core_dir),
    .server_conf_size = sizeof(struct pn_core_server),
    .dir_conf_init = dir_init,
    .dir_conf_merge = dir_merge,
    .server_conf_init = server_init,
    .server_conf_merge = server_merge,
    .hooks = hooks,
    .is_static = true,
};

/* A name that configurations ask for; what httpd's module of that name does is part of the core. */
struct pn_module pn_module_http = {
    .api = PN_MODULE_API,
    .name = "http_core.c",
    .apache_id = "http_module",
    .is_static = true,
};
