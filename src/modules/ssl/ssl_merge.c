/* ssl_merge.c - settings of an inner place over those of an outer one, where slots cannot say how. */
#include "mod_ssl.h"

static bool is_set(const void *conf, const char *directive)
{
    return pn_conf_is_set(conf, &pn_module_ssl, directive);
}

void ssl_server_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct ssl_server_conf *inner = add, *outer = base;
    struct ssl_server_conf       *out = merged;

    for (const struct ssl_file_row *row = ssl_file_rows; row->name; row++)
        if (is_set(add, row->name))
            memcpy((char *)merged + row->offset, (const char *)add + row->offset, sizeof(struct ssl_file));
    if (inner->engine_set) {
        out->engine = inner->engine;
        out->engine_set = true;
        out->engine_where = inner->engine_where;
    }
    if (inner->certificates) { /* its keys go with them: those of the outer server fit none of these */
        out->certificates = inner->certificates;
        out->keys = inner->keys;
    }
    else if (inner->keys)
        out->keys = inner->keys;
    if (inner->protocols_set) {
        out->protocols = inner->protocols;
        out->protocols_set = true;
    }
    if (is_set(add, "SSLCARevocationCheck")) {
        out->crl_check = inner->crl_check;
        out->crl_lenient = inner->crl_lenient;
    }
    if (is_set(add, "SSLOCSPEnable")) {
        out->ocsp = inner->ocsp;
        out->ocsp_no_check = inner->ocsp_no_check;
    }
    if (is_set(add, "SSLOCSPDefaultResponder"))
        out->ocsp_url = inner->ocsp_url;
    if (is_set(add, "SSLStaplingForceURL"))
        out->stapling_force_url = inner->stapling_force_url;
    if (inner->commands)
        out->commands = outer->commands ? apr_array_append(pool, outer->commands, inner->commands) : inner->commands;
    out->state = NULL;
}

static void merge_options(const struct ssl_dir_conf *outer, const struct ssl_dir_conf *inner, struct ssl_dir_conf *out)
{
    out->options_set = true;
    out->options_relative = inner->options_relative && (outer->options_relative || !outer->options_set);
    if (!inner->options_relative) {
        out->options = inner->options;
        return;
    }
    out->options = (outer->options | inner->options_add) & ~inner->options_remove;
    out->options_add = (outer->options_add & ~inner->options_remove) | inner->options_add;
    out->options_remove = (outer->options_remove & ~inner->options_add) | inner->options_remove;
}

void ssl_dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct ssl_dir_conf *outer = base, *inner = add;
    struct ssl_dir_conf       *out = merged;

    out->require_ssl = outer->require_ssl || inner->require_ssl;
    if (inner->requirements)
        out->requirements = outer->requirements ? apr_array_append(pool, outer->requirements, inner->requirements)
                                                : inner->requirements;
    if (inner->options_set) {
        merge_options(outer, inner, out);
    }
    if (inner->ciphers.p)
        out->ciphers = inner->ciphers;
    if (inner->ciphers13.p)
        out->ciphers13 = inner->ciphers13;
    if (inner->verify_set) {
        out->verify = inner->verify;
        out->verify_set = true;
    }
    if (inner->depth_set) {
        out->depth = inner->depth;
        out->depth_set = true;
    }
}

void ssl_dir_init(apr_pool_t *pool, void *conf)
{
    (void)pool;
    ((struct ssl_dir_conf *)conf)->depth = 1;
}
