/* filter.c - which filters a response gets, and the wrapping of its body in them. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>
#include <pinion/record.h>

#include <limits.h>

#include "conf/hooks.h"
#include "http/request_core.h"

static void insert_sorted(struct pn_request *r, apr_array_header_t **list, const struct pn_filter *filter, void *arg)
{
    if (!*list)
        *list = apr_array_make(r->pool, 4, sizeof(struct pn_filter_use));
    apr_array_push(*list);
    struct pn_filter_use *v = (struct pn_filter_use *)(*list)->elts;
    int                   at = (*list)->nelts - 1;
    for (; at > 0 && v[at - 1].filter->type > filter->type; at--)
        v[at] = v[at - 1];
    v[at] = (struct pn_filter_use){ filter, arg ? arg : filter->data };
}

pn_rc pn_add_output_filter(struct pn_request *r, pn_str name, void *arg)
{
    const struct pn_filter *filter = pn_find_output_filter(r->server->generation, name);

    if (!filter)
        return PN_NOT_FOUND;
    insert_sorted(r, &r->core->output_filters, filter, arg);
    return PN_OK;
}

pn_rc pn_add_input_filter(struct pn_request *r, pn_str name, void *arg)
{
    const struct pn_filter *filter = pn_find_input_filter(r->server->generation, name);

    if (!filter)
        return PN_NOT_FOUND;
    insert_sorted(r, &r->core->input_filters, filter, arg);
    return PN_OK;
}

void pn_remove_output_filter(struct pn_request *r, pn_str name)
{
    apr_array_header_t *list = r->core->output_filters;
    int                 kept = 0;

    for (int i = 0; list && i < list->nelts; i++) {
        struct pn_filter_use *use = &APR_ARRAY_IDX(list, i, struct pn_filter_use);
        if (!pn_str_ieq(pn_str_z(use->filter->name), name))
            APR_ARRAY_IDX(list, kept++, struct pn_filter_use) = *use;
    }
    if (list)
        list->nelts = kept;
}

static bool add_all(struct pn_request *r, const apr_array_header_t *names,
                    pn_rc (*add)(struct pn_request *, pn_str, void *))
{
    for (int i = 0; names && i < names->nelts; i++) {
        pn_str name = APR_ARRAY_IDX(names, i, pn_str);
        if (add(r, name, NULL) == PN_OK)
            continue;
        PN_LOG_R(r, PN_LOG_ERR, 20013, 0, "no active module offers the filter '%s' (SetOutputFilter, SetInputFilter)", name.p);
        return false;
    }
    return true;
}

bool pn__configured_filters(struct pn_request *r)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    return add_all(r, conf->output_filters, pn_add_output_filter) && add_all(r, conf->input_filters, pn_add_input_filter);
}

/* Wraps r->body in the filters whose type is in [from, to). */
PN_MAY_YIELD static bool apply(struct pn_request *r, int from, int to)
{
    const apr_array_header_t *list = r->core->output_filters;

    for (int i = 0; list && i < list->nelts; i++) {
        const struct pn_filter_use *use = &APR_ARRAY_IDX(list, i, struct pn_filter_use);
        if ((int)use->filter->type < from || (int)use->filter->type >= to)
            continue;
        struct pn_body *wrapped = use->filter->wrap(r, r->body, use->arg);
        if (!wrapped)
            return false;
        PN_RECORD(r, PN_STEP_FILTER, NULL, 0, "%s: %s", use->filter->name,
                  wrapped == r->body ? "nothing to do here" : wrapped->ops->name);
        r->body = wrapped;
    }
    return true;
}

void pn__filters_init(struct pn_request *r)
{
    const apr_array_header_t *list = r->core->output_filters;

    for (int i = 0; list && i < list->nelts; i++) {
        const struct pn_filter_use *use = &APR_ARRAY_IDX(list, i, struct pn_filter_use);
        if (use->filter->init)
            use->filter->init(r, use->arg);
    }
}

bool pn__filters_apply(struct pn_request *r)
{
    return apply(r, INT_MIN, PN_FILTER_TRANSCODE);
}

bool pn__late_filters_apply(struct pn_request *r)
{
    return apply(r, PN_FILTER_TRANSCODE, INT_MAX);
}
