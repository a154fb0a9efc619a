/* registry.h - every module that the process knows: built in, or loaded from a shared object.
 *
 * Process-wide and filled by the master before threads exist; never shrinks, so that generations
 * that are still in use keep valid modules. A module gets its index when a configuration first
 * activates it, so the settings vectors hold no gaps for modules that nobody loads. Callers:
 * src/main (pn_registry_init), the loader, listings. */
#ifndef PN_CONF_REGISTRY_H
#define PN_CONF_REGISTRY_H

#include <pinion/module.h>

/** The index of a module that no configuration has activated yet. */
#define PN_MODULE_NO_INDEX UINT32_MAX

/** The list that src/main generates: all bundled modules, ends with NULL. */
extern struct pn_module *const pn_builtin_modules[];

/** What is worked out once about a module's rows. */
struct pn_module_info {
    struct pn_module *module;
    unsigned          n_rows;
    unsigned          n_words; /* 64-bit words of set-bits in front of each settings struct */
    uint16_t   *bit_of_row;    /* rows that fill the same slot share the bit of the first of them */
    bool        dir_lists;     /* has rows of the per-directory struct that merge by appending */
    bool        server_lists;
    bool        is_shared; /* from a shared object */
    const char *path;      /* of the shared object; NULL when built in */
};

/** Makes the built-in modules known. Call once a process (tests: pn_registry_forget first).
 *  @param modules ends with NULL; kept. */
void pn_registry_init(struct pn_module *const *modules);
/** Forgets all modules. For tests, when no generation exists any more. */
void pn_registry_forget(void);

/** Makes one more module known. @param path of its shared object (copied), NULL: built in.
 *  Asserts that the rows of the module make sense. */
const struct pn_module_info *pn_registry_add(struct pn_module *module, const char *path);
/** Gives the module its index when it has none. @return the index. */
unsigned pn_registry_number(struct pn_module *module);
/** One more than the highest index given so far. */
unsigned pn_registry_index_end(void);

/** By file name ("mod_alias.c"), symbol ("alias_module") or one of the further names; NULL when
 * unknown. */
struct pn_module *pn_registry_find(pn_str name);
/** Does the module go by this name? */
bool pn_module_named(const struct pn_module *module, pn_str name);
/** All known modules, in the order in which they became known. */
unsigned                     pn_registry_count(void);
const struct pn_module_info *pn_registry_at(unsigned i);
/** @param module known. */
const struct pn_module_info *pn_module_info(const struct pn_module *module);

/** Which of the two structs a row fills: PN_SCOPE_AUTO resolved. */
enum pn_conf_scope pn_row_scope(const struct pn_directive *row);
/** The row of that name (without case), or NULL. */
const struct pn_directive *pn_module_row(const struct pn_module *module, pn_str name);

#endif
