/* listen_directives.c - Listen and AcceptFilter. Apache manual: "Binding to Addresses and Ports". */
#include "base/ascii.h"
#include "proc/mpm_conf.h"

/* options=freebind,... : comma-separated. */
static const char *take_options(struct pn_conf_cmd *cmd, struct pn_mpm_conf *mpm, pn_str list)
{
    while (list.p && list.n) {
        pn_str option = pn_str_cut(list, ',', &list);

        if (pn_str_ieq(option, PN_STR("freebind")))
            mpm->free_bind = true;
        else if (!pn_str_ieq(option, PN_STR("reuseport")))
            return pn_conf_error_text(cmd, "Listen does not know the option '%.*s': it takes freebind and reuseport",
                                      PN_FMT(option));
    }
    return NULL;
}

static bool is_protocol(pn_str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (!pn_ascii_alnum(word.p[i]) && word.p[i] != '-' && word.p[i] != '/' && word.p[i] != '.')
            return false;
    return word.n > 0;
}

const char *pn__set_listen(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf *mpm = conf;
    pn_str              protocol = PN_STR("");
    const char         *error = NULL;
    pn_str              prefix = PN_STR("options=");

    if (argc > 3)
        return "Listen takes an address, a protocol and options, no more";
    for (unsigned i = 1; i < argc && !error; i++) {
        if (pn_str_istarts(argv[i], prefix))
            error = take_options(cmd, mpm, pn_str_from(argv[i], prefix.n));
        else if (protocol.n == 0 && is_protocol(argv[i]))
            protocol = pn_str_lower(cmd->pool, argv[i]);
        else
            error = pn_conf_error_text(cmd, "Listen: '%s' is neither a protocol nor options=...", argv[i].p);
    }
    if (!error && pn_listener_add(cmd->pool, &mpm->listeners, argv[0], protocol, &error) != PN_OK)
        error = pn_conf_error_text(cmd, "Listen %s: %s", argv[0].p, error);
    return error;
}

const char *pn__set_accept_filter(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const char *const known[] = { "none", "data", "connect", "httpready", "dataready" };
    struct pn_mpm_conf      *mpm = conf;

    for (size_t i = 0; i < PN_COUNT(known); i++) {
        if (!pn_str_ieq(argv[1], pn_str_z(known[i])))
            continue;
        *(struct pn_accept_filter *)apr_array_push(mpm->accept_filters) = (struct pn_accept_filter){
            .protocol = pn_str_lower(cmd->pool, argv[0]), .filter = pn_str_lower(cmd->pool, argv[1])
        };
        return NULL;
    }
    return pn_conf_error_text(cmd, "AcceptFilter must be none, data or connect, not '%s'", argv[1].p);
}
