/* directives.h - the directives that a generation knows: those of its active modules, by name,
 * without case.
 *
 * Several modules may define one name: all their rows run. Filled while the configuration is
 * read (LoadModule adds a module's rows at once), immutable afterwards. Callers: apply.c, the
 * reader's questions, listings. */
#ifndef PN_CONF_DIRECTIVES_H
#define PN_CONF_DIRECTIVES_H

#include <pinion/module.h>

/** One row of one module under a name. */
struct pn_directive_entry {
    const struct pn_directive       *row;
    struct pn_module                *module;
    unsigned                         position; /* in the module's table */
    const struct pn_directive_entry *next;     /* of the same name, in the order of loading */
};

struct pn_directive_table;

struct pn_directive_table *pn_directive_table_new(apr_pool_t *pool);
/** Adds the rows of a module. */
void pn_directive_table_add(struct pn_directive_table *table, struct pn_module *module);
/** The rows of that name, or NULL. O(1). */
const struct pn_directive_entry *pn_directive_find(const struct pn_directive_table *table,
                                                   pn_str                           name);
/** The row's name without a leading '<'. */
const char *pn_directive_plain_name(const struct pn_directive *row);
/** The known name nearest to this one as it is written ("<Files>" for a section), or NULL. Owned by
 * pool. */
const char *pn_directive_suggest(const struct pn_directive_table *table, apr_pool_t *pool,
                                 pn_str name);
/** The module that has this directive among those that are known but not active, or NULL. */
const struct pn_module *pn_directive_inactive_owner(const struct pn_directive_table *table,
                                                    pn_str                           name);

#endif
