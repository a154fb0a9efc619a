/* section_walk.c - <Location> and <If>: settings that apply by URL path and by expression, merged over r's.
 * Apache manual: "Configuration Sections", "How the sections are merged". */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>
#include <pinion/record.h>

#include <apr_fnmatch.h>

#include "conf/vec.h"
#include "http/location_index.h"
#include "http/request_core.h"
#include "http/section.h"
#include "http/vec_cache.h"

void pn__request_merge(struct pn_request *r, const struct pn_conf_vec *add)
{
    struct pn_worker *w = pn_worker_this();

    pn__request_set_vec(r, pn_vec_cache_merge(w->vecs, r->server, r->dir_conf, add));
}

/* Only regular expressions see several slashes in a row (MergeSlashes Off). */
static pn_str merged_slashes(apr_pool_t *pool, pn_str path)
{
    char  *to = apr_palloc(pool, path.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] != '/' || n == 0 || to[n - 1] != '/')
            to[n++] = path.p[i];
    to[n] = '\0';
    return pn_str_n(to, n);
}

/* A literal location matches itself and what lies below it; one that ends in a slash, only what begins with it. */
static pn_rc location_matches(const struct pn_section *section, pn_str path, struct pn_match *match)
{
    pn_str pattern = section->pattern;

    if (section->regex)
        return pn_regex_match(section->regex, path, match);
    if (section->glob)
        return apr_fnmatch(pattern.p, path.p, APR_FNM_PATHNAME) == APR_SUCCESS ? PN_OK : PN_NOT_FOUND;
    bool matches = pn_str_starts(path, pattern) && (path.n == pattern.n || pattern.n == 0 ||
                                                    pattern.p[pattern.n - 1] == '/' || path.p[pattern.n] == '/');
    return matches ? PN_OK : PN_NOT_FOUND;
}

/* Which sections to look at: those of the index, or all. */
struct candidates {
    const apr_array_header_t *locations;
    const uint32_t           *positions; /* NULL: all */
    unsigned                  n;
};

static struct candidates candidates_for(const struct pn_core_server *conf, apr_pool_t *pool, pn_str path)
{
    struct candidates of = { .locations = conf->locations, .n = (unsigned)conf->locations->nelts };

    if (conf->location_index)
        of.n = pn_location_index_find(conf->location_index, pool, path, &of.positions);
    return of;
}

static const struct pn_section *candidate(const struct candidates *of, unsigned i)
{
    return APR_ARRAY_IDX(of->locations, of->positions ? of->positions[i] : i, const struct pn_section *);
}

/* COMPAT: 2.4 merges the sections that apply with each other first, which AuthMerging can tell. */
int pn__location_walk(struct pn_request *r)
{
    const struct pn_core_server *conf = pn_core_server(r->server);
    const struct pn_conf_vec    *joined = NULL;
    struct pn_match              match;

    if (PN_LIKELY(!conf->locations) || r->path.n == 0 || r->path.p[0] != '/')
        return 0;
    pn_str            path = conf->merge_slashes ? r->path : merged_slashes(r->pool, r->path);
    struct candidates of = candidates_for(conf, r->pool, path);
    for (unsigned i = 0; i < of.n; i++) {
        const struct pn_section *section = candidate(&of, i);
        pn_rc                    rc = location_matches(section, section->regex ? r->path : path, &match);
        if (rc == PN_LIMIT) {
            PN_LOG_R(r, PN_LOG_ERR, 21160, 0, "the pattern of <LocationMatch> at %s:%u gave up on this URL (match limit)", section->file,
                     section->line);
            pn_conf_vec_unref(joined);
            return 500;
        }
        if (rc != PN_OK)
            continue;
        if (section->names)
            pn_section_capture(section, &match, r->pool, pn_env(r));
        PN_RECORD(r, PN_STEP_SECTION, section->file, section->line, "<Location%s \"%.*s\">", section->regex ? "Match" : "",
                  PN_FMT(section->pattern));
        joined = pn_vec_cache_join(pn_worker_this()->vecs, r->server, joined, section->vec);
    }
    if (joined)
        pn__request_merge(r, joined);
    pn_conf_vec_unref(joined);
    return 0;
}

/* Settings that a section adds may bring further <If>s: merging appends them behind those that were looked at. */
int pn__if_walk(struct pn_request *r)
{
    bool taken = false;

    for (int i = 0;; i++) {
        const apr_array_header_t *ifs = pn_core_dir(r->dir_conf)->ifs;
        if (PN_LIKELY(!ifs || i >= ifs->nelts))
            return 0;
        const struct pn_section *section = APR_ARRAY_IDX(ifs, i, const struct pn_section *);
        bool                     holds = section->if_kind == PN_ELSE;
        if (section->if_kind == PN_IF)
            taken = false;
        else if (taken)
            continue;
        if (section->condition && pn_expr_holds(r, section->condition, &holds) != PN_OK) {
            PN_LOG_R(r, PN_LOG_ERR, 20010, 0, "the condition of <If> at %s:%u cannot be evaluated", section->file, section->line);
            return 500;
        }
        PN_RECORD(r, PN_STEP_SECTION, section->file, section->line, "<%s %.*s>: %s",
                  section->if_kind == PN_IF ? "If" : section->if_kind == PN_ELSE ? "Else" : "ElseIf", PN_FMT(section->condition ? pn_expr_text(section->condition) : PN_STR("")),
                  holds ? "holds" : "does not hold");
        if (!holds)
            continue;
        taken = true;
        pn__request_merge(r, section->vec);
    }
}
