/* entry.c - see pinion/entry.h. */
#include <pinion/entry.h>
#include <pinion/uri.h>

#include "http/request_core.h"

/* May a <Location> apply to an entry and not to the directory whose URL path is `path`? */
static bool locations_differ(const struct pn_server *server, pn_str path)
{
    const apr_array_header_t *locations = pn_core_server(server)->locations;

    for (int i = 0; locations && i < locations->nelts; i++) {
        const struct pn_section *section = APR_ARRAY_IDX(locations, i, const struct pn_section *);
        if (section->regex || section->glob)
            return true;
        if (section->pattern.n > path.n && pn_str_starts(section->pattern, path))
            return true;
    }
    return false;
}

/* Does a file in the directory have the settings that the directory has? */
static bool shares_settings(const struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    return r->core->access_ok && !(conf->files && conf->files->nelts) && !(conf->ifs && conf->ifs->nelts) &&
           !locations_differ(r->server, r->path);
}

bool pn_entries_are_alike(const struct pn_request *r)
{
    return r->dir_conf->plan->by_name && shares_settings(r);
}

bool pn_entry_is_alike(const struct pn_request *r, const struct pn_request *entry)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    return r->core->access_ok && entry->dir_conf == r->dir_conf && r->dir_conf->plan->by_name && !(conf->ifs && conf->ifs->nelts) &&
           entry->finfo.type == PN_FILE_REGULAR && entry->finfo.nlink <= 1;
}

/* The phases that are left when place, settings and access are known. */
PN_MAY_YIELD static int finish_look_up(struct pn_request *sub)
{
    if (pn__run_phase(sub, sub->dir_conf->plan, PN_PHASE_TYPE_CHECKER) == PN_REJECTED)
        return sub->core->reject_status;
    pn__override_type(sub);
    return pn__run_phase(sub, sub->dir_conf->plan, PN_PHASE_FIXUPS) == PN_REJECTED ? sub->core->reject_status : 0;
}

static pn_str below(apr_pool_t *pool, pn_str directory, pn_str name)
{
    bool slash = directory.n && directory.p[directory.n - 1] == '/';

    return PN_CAT(pool, directory, slash ? PN_STR("") : PN_STR("/"), name);
}

struct pn_request *pn_entry_lookup(struct pn_request *r, apr_pool_t *pool, pn_str name, const struct pn_finfo *info)
{
    struct pn_request *sub = pn__request_derive_in(r, pool);
    int                status;

    sub->main = r;
    sub->core->depth = r->core->depth + 1;
    sub->method = PN_STR("GET");
    sub->method_id = PN_METHOD_GET;
    sub->head_only = false;
    sub->core->framing = PN_FRAMING_NONE;
    if (r->env)
        sub->env = apr_table_copy(pool, r->env);
    sub->filename = below(pool, r->filename, name);
    sub->path = below(pool, r->path, name);
    sub->raw_path = sub->target = pn_uri_encode_path(pool, sub->path);
    if (sub->core->depth > PN_MAX_SUBREQUESTS)
        status = 500;
    else if (info->type == PN_FILE_REGULAR && shares_settings(r)) {
        sub->dir_conf = r->dir_conf;
        sub->finfo = *info;
        sub->core->access_ok = true;
        status = finish_look_up(sub);
    }
    else
        status = pn__pipeline_lookup(sub);
    sub->status = status ? status : 200;
    return sub;
}

void pn_entry_release(struct pn_request *entry)
{
    pn__request_release(entry);
}
