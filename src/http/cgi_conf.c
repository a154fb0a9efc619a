/* cgi_conf.c - the core's directives about programs: RLimit*, CGIVar. Apache manual: "Apache Core Features". */
#include "http/core_directives.h"

static const char *limit_value(struct pn_conf_cmd *cmd, pn_str word, uint64_t *ret)
{
    if (pn_str_ieq(word, PN_STR("max")))
        *ret = PN_RESOURCE_MAX;
    else if (pn_str_to_u64(word, INT64_MAX, ret) != PN_OK)
        return pn_conf_error_text(cmd, "%s takes numbers or max, not '%.*s'", cmd->row->name, PN_FMT(word));
    return NULL;
}

const char *pn__set_resource_limit(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const char *const names[PN_RESOURCE__COUNT] = {
        [PN_RESOURCE_CPU] = "RLimitCPU", [PN_RESOURCE_MEMORY] = "RLimitMEM", [PN_RESOURCE_PROCESSES] = "RLimitNPROC"
    };
    struct pn_core_dir       *dir = conf;
    struct pn_resource_limit limit = { .soft_set = true, .hard_set = argc > 1 };
    const char              *error = limit_value(cmd, argv[0], &limit.soft);

    if (!error && argc > 1)
        error = limit_value(cmd, argv[1], &limit.hard);
    if (error)
        return error;
    if (limit.hard_set && limit.soft != PN_RESOURCE_MAX && limit.soft > limit.hard)
        return pn_conf_error_text(cmd, "%s: the soft limit is above the hard one", cmd->row->name);
    for (unsigned i = 0; i < PN_RESOURCE__COUNT; i++)
        if (strcasecmp(cmd->row->name, names[i]) == 0)
            dir->resource_limits[i] = limit;
    return NULL;
}

const char *pn__set_cgi_var(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;

    if (!pn_str_eq(argv[0], PN_STR("REQUEST_URI")))
        return pn_conf_error_text(cmd, "CGIVar knows only REQUEST_URI, not '%.*s'", PN_FMT(argv[0]));
    if (!pn_str_ieq(argv[1], PN_STR("current-uri")) && !pn_str_ieq(argv[1], PN_STR("original-uri")))
        return pn_conf_error_text(cmd, "CGIVar REQUEST_URI is original-uri or current-uri, not '%.*s'", PN_FMT(argv[1]));
    dir->cgi_current_uri = pn_str_ieq(argv[1], PN_STR("current-uri"));
    dir->cgi_uri_set = true;
    return NULL;
}

void pn__cgi_conf_merge(const struct pn_core_dir *inner, struct pn_core_dir *merged)
{
    for (unsigned i = 0; i < PN_RESOURCE__COUNT; i++)
        if (inner->resource_limits[i].soft_set)
            merged->resource_limits[i] = inner->resource_limits[i];
    if (inner->cgi_uri_set) {
        merged->cgi_current_uri = inner->cgi_current_uri;
        merged->cgi_uri_set = true;
    }
}
