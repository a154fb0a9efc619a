/* provider.c - providers and filters by name, as the active modules of a generation offer them.
 * See hooks.h. */
#include <pinion/inspect.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "conf/core.h"
#include "conf/hooks.h"

/* Longer filter names are not known: keys are folded in a buffer of this size. */
#define FILTER_NAME_MAX_BYTES 64

struct pn_provider_table {
    apr_pool_t *pool;
    apr_hash_t *groups;         /* group to hash of name to object */
    apr_hash_t *output, *input; /* lower-case name to const struct pn_filter */
};

struct pn_provider_table *pn__provider_table_new(apr_pool_t *pool)
{
    struct pn_provider_table *table = apr_palloc(pool, sizeof(*table));

    table->pool = pool;
    table->groups = apr_hash_make(pool);
    table->output = apr_hash_make(pool);
    table->input = apr_hash_make(pool);
    return table;
}

/* ---- providers ---- */

void pn_provide(struct pn_hooks *h, const char *group, const char *name, const void *object)
{
    struct pn_provider_table *table = pn__hooks_providers(h);
    apr_hash_t               *names = apr_hash_get(table->groups, group, APR_HASH_KEY_STRING);

    if (!names) {
        names = apr_hash_make(table->pool);
        apr_hash_set(table->groups, group, APR_HASH_KEY_STRING, names);
    }
    apr_hash_set(names, name, APR_HASH_KEY_STRING, object);
}

static apr_hash_t *find_group(const struct pn_generation *generation, const char *group)
{
    const struct pn_provider_table *table = pn__hooks_providers(generation->core->hooks);

    return apr_hash_get(table->groups, group, APR_HASH_KEY_STRING);
}

const void *pn_provider(const struct pn_generation *generation, const char *group, pn_str name)
{
    apr_hash_t *names = find_group(generation, group);

    return names && name.n ? apr_hash_get(names, name.p, (apr_ssize_t)name.n) : NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static apr_array_header_t *sorted_keys(apr_hash_t *hash, apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 8, sizeof(const char *));

    for (apr_hash_index_t *hi = hash ? apr_hash_first(pool, hash) : NULL; hi;
         hi = apr_hash_next(hi))
        *(const char **)apr_array_push(keys) = apr_hash_this_key(hi);
    if (keys->nelts)
        qsort(keys->elts, (size_t)keys->nelts, sizeof(const char *), compare_names);
    return keys;
}

apr_array_header_t *pn_provider_names(const struct pn_generation *generation, apr_pool_t *pool,
                                      const char *group)
{
    return sorted_keys(find_group(generation, group), pool);
}

apr_array_header_t *pn_provider_groups(const struct pn_generation *generation, apr_pool_t *pool)
{
    return sorted_keys(pn__hooks_providers(generation->core->hooks)->groups, pool);
}

/* ---- filters ---- */

static void add_filter(struct pn_hooks *h, apr_hash_t *filters, const struct pn_filter *filter)
{
    pn_str key = pn_str_lower(pn__hooks_providers(h)->pool, pn_str_z(filter->name));

    pn_assert(key.n && key.n <= FILTER_NAME_MAX_BYTES);
    apr_hash_set(filters, key.p, (apr_ssize_t)key.n, filter);
}

static const struct pn_filter *find_filter(apr_hash_t *filters, pn_str name)
{
    char folded[FILTER_NAME_MAX_BYTES];

    if (name.n == 0 || name.n > sizeof(folded))
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        folded[i] = pn_ascii_lower(name.p[i]);
    return apr_hash_get(filters, folded, (apr_ssize_t)name.n);
}

void pn_output_filter(struct pn_hooks *h, const struct pn_filter *filter)
{
    add_filter(h, pn__hooks_providers(h)->output, filter);
}

void pn_input_filter(struct pn_hooks *h, const struct pn_filter *filter)
{
    add_filter(h, pn__hooks_providers(h)->input, filter);
}

pn_rc pn_define_filter(struct pn_generation *generation, const struct pn_filter *filter, bool input)
{
    struct pn_provider_table *table = pn__hooks_providers(generation->core->hooks);
    size_t                    n = strlen(filter->name);

    if (n == 0 || n > FILTER_NAME_MAX_BYTES)
        return PN_LIMIT;
    add_filter(generation->core->hooks, input ? table->input : table->output, filter);
    return PN_OK;
}

apr_array_header_t *pn_filter_names(const struct pn_generation *generation, apr_pool_t *pool, bool input)
{
    const struct pn_provider_table *table = pn__hooks_providers(generation->core->hooks);

    return sorted_keys(input ? table->input : table->output, pool);
}

const struct pn_filter *pn_find_output_filter(const struct pn_generation *generation, pn_str name)
{
    return find_filter(pn__hooks_providers(generation->core->hooks)->output, name);
}

const struct pn_filter *pn_find_input_filter(const struct pn_generation *generation, pn_str name)
{
    return find_filter(pn__hooks_providers(generation->core->hooks)->input, name);
}
