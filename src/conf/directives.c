/* directives.c - see directives.h. */
#include "conf/directives.h"

#include "base/ascii.h"
#include "conf/registry.h"
#include "conf/tree.h"

/* Longer names are not known: keys are folded in a buffer of this size. */
#define NAME_MAX_BYTES 96

struct pn_directive_table {
    apr_pool_t *pool;
    apr_hash_t *by_name; /* lower-case name to struct pn_directive_entry */
};

const char *pn_directive_plain_name(const struct pn_directive *row)
{
    return row->name[0] == '<' ? row->name + 1 : row->name;
}

/* @return false when the name is too long to be one. */
static bool fold(pn_str name, char *folded)
{
    if (name.n > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.n; i++)
        folded[i] = pn_ascii_lower(name.p[i]);
    return true;
}

struct pn_directive_table *pn_directive_table_new(apr_pool_t *pool)
{
    struct pn_directive_table *table = apr_palloc(pool, sizeof(*table));

    table->pool = pool;
    table->by_name = apr_hash_make(pool);
    return table;
}

static void add_row(struct pn_directive_table *table, struct pn_module *module, unsigned position)
{
    const struct pn_directive *row = &module->directives[position];
    pn_str key = pn_str_lower(table->pool, pn_str_z(pn_directive_plain_name(row)));
    struct pn_directive_entry *entry = apr_pcalloc(table->pool, sizeof(*entry));
    struct pn_directive_entry *last = apr_hash_get(table->by_name, key.p, (apr_ssize_t)key.n);

    pn_assert(key.n <= NAME_MAX_BYTES);
    entry->row = row;
    entry->module = module;
    entry->position = position;
    if (!last) {
        apr_hash_set(table->by_name, key.p, (apr_ssize_t)key.n, entry);
        return;
    }
    while (last->next)
        last = (struct pn_directive_entry *)last->next;
    last->next = entry;
}

void pn_directive_table_add(struct pn_directive_table *table, struct pn_module *module)
{
    unsigned n_rows = pn_module_info(module)->n_rows;

    for (unsigned i = 0; i < n_rows; i++)
        add_row(table, module, i);
}

const struct pn_directive_entry *pn_directive_find(const struct pn_directive_table *table,
                                                   pn_str                           name)
{
    char folded[NAME_MAX_BYTES];

    if (!fold(name, folded))
        return NULL;
    return apr_hash_get(table->by_name, folded, (apr_ssize_t)name.n);
}

static const char *nearest(const struct pn_directive_table *table, apr_pool_t *pool, pn_str name)
{
    unsigned     n = apr_hash_count(table->by_name), i = 0;
    const char **names = apr_palloc(pool, (n + 1) * sizeof(const char *));

    for (apr_hash_index_t *hi = apr_hash_first(pool, table->by_name); hi; hi = apr_hash_next(hi)) {
        const struct pn_directive_entry *entry = apr_hash_this_val(hi);

        names[i++] = pn_directive_plain_name(entry->row);
    }
    return pn_conf_suggest(name, names, n);
}

const char *pn_directive_suggest(const struct pn_directive_table *table, apr_pool_t *pool,
                                 pn_str name)
{
    const char                      *found = nearest(table, pool, name);
    const struct pn_directive_entry *entry =
        found ? pn_directive_find(table, pn_str_z(found)) : NULL;

    if (!entry || entry->row->args != PN_SECTION)
        return found;
    return pn_str_printf(pool, "<%s>", found).p;
}

static bool is_active(const struct pn_directive_table *table, const struct pn_module *module)
{
    const struct pn_directive_entry *entry =
        pn_directive_find(table, pn_str_z(pn_directive_plain_name(&module->directives[0])));

    for (; entry; entry = entry->next)
        if (entry->module == module)
            return true;
    return false;
}

const struct pn_module *pn_directive_inactive_owner(const struct pn_directive_table *table,
                                                    pn_str                           name)
{
    for (unsigned i = 0; i < pn_registry_count(); i++) {
        const struct pn_module *module = pn_registry_at(i)->module;

        if (pn_module_row(module, name) && !is_active(table, module))
            return module;
    }
    return NULL;
}
