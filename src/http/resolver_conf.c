/* resolver_conf.c - ResolverAddress and its kin: how a child looks names up. Directives of our own. */
#include "http/core_directives.h"

#define TIMEOUT_DEFAULT (5 * PN_USEC_PER_SEC)
#define TIMEOUT_MAX (300 * PN_USEC_PER_SEC)
#define DNS_PORT 53

/* "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353" as the text that the resolver takes. */
static const char *server_text(struct pn_conf_cmd *cmd, pn_str word, pn_str *ret)
{
    struct pn_addr addr;
    pn_str         host;
    char           text[64];
    bool           any;

    if (pn_addr_parse(word, &addr) == PN_OK)
        addr.port = DNS_PORT;
    else if (pn_addr_parse_port(word, &addr, &any, &host) != PN_OK || any)
        return pn_conf_error_text(cmd, "'%s' is no address of a name server: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:5353",
                                  word.p);
    if (addr.port == 0)
        addr.port = DNS_PORT;
    *ret = pn_str_dup(cmd->pool, pn_str_n(text, pn_addr_print_port(&addr, text)));
    return NULL;
}

const char *pn__set_resolver_address(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;

    if (!core->resolver_servers)
        core->resolver_servers = apr_array_make(cmd->pool, (int)argc, sizeof(pn_str));
    for (unsigned i = 0; i < argc; i++) {
        pn_str      text;
        const char *error = server_text(cmd, argv[i], &text);
        if (error)
            return error;
        *(pn_str *)apr_array_push(core->resolver_servers) = text;
    }
    return NULL;
}

const char *pn__set_resolver_timeout(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;

    (void)argc;
    if (pn_conf_duration(argv[0], cmd->row->unit, &core->resolver_timeout) != PN_OK || core->resolver_timeout <= 0 ||
        core->resolver_timeout > TIMEOUT_MAX)
        return "ResolverTimeout is more than nothing and at most 300 seconds: 5, 500ms";
    return NULL;
}

struct pn_resolver_options pn__resolver_options(const struct pn_generation *generation, apr_pool_t *pool)
{
    const struct pn_core_server *core = pn_core_server(generation->servers);
    struct pn_resolver_options   options = { .timeout = core->resolver_timeout ? core->resolver_timeout : TIMEOUT_DEFAULT,
                                             .cache_entries = (unsigned)core->resolver_entries };
    pn_str                       all = PN_STR("");

    for (int i = 0; core->resolver_servers && i < core->resolver_servers->nelts; i++)
        all = PN_CAT(pool, all, all.n ? PN_STR(",") : PN_STR(""), APR_ARRAY_IDX(core->resolver_servers, i, pn_str));
    options.servers = all.n ? all.p : NULL;
    return options;
}
