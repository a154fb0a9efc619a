/* mod_ssl - HTTPS: certificates, sessions, certificates of clients, and what requests learn of them.
 * Runs: post_read_request, access_checker, check_authn before mod_auth_basic, fixups; and in handshakes, as the server's
 * provider of TLS.   Yields: asking a client for its certificate, OCSP.   Config: mod_ssl.h.   Spec: Apache manual, mod_ssl. */
#include "mod_ssl.h"

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    pn_rc       rc = ssl_make_state(generation, pool);
    const char *error;

    if (rc != PN_OK || check_only)
        return rc;
    error = ssl_open_shared(generation);
    if (!error)
        return PN_OK;
    pn_generation_error(generation, "%s", error);
    return PN_BAD;
}

static void child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    ssl_forget_phrases();
    ssl_stapling_child(generation, pool);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_master_tick(h, ssl_reload_tick, (struct pn_order){ 0 });
    pn_hook_child_init(h, child_init, (struct pn_order){ 0 });
    pn_provide(h, PN_TLS_GROUP, PN_TLS_SERVER, &ssl_provider);
    ssl_access_hooks(h);
}

struct pn_module pn_module_ssl = {
    .api = PN_MODULE_API,
    .name = "mod_ssl.c",
    .apache_id = "ssl_module",
    .directives = ssl_directives,
    .dir_conf_size = sizeof(struct ssl_dir_conf),
    .server_conf_size = sizeof(struct ssl_server_conf),
    .dir_conf_init = ssl_dir_init,
    .dir_conf_merge = ssl_dir_merge,
    .server_conf_merge = ssl_server_merge,
    .hooks = hooks,
};
