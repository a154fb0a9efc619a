/* slot.h - typed members of settings structs: text to value, default, copy, merge.
 *
 * A slot is a type and an offset (pinion/conf.h). Nothing here knows about set-bits or modules:
 * vec.c does. */
#ifndef PN_CONF_SLOT_H
#define PN_CONF_SLOT_H

#include <pinion/conf.h>

/** What parsing a value needs to know and may answer. */
struct pn_slot_in {
    apr_pool_t *pool;        /* owns what the slot keeps */
    apr_pool_t *temp;        /* for texts of errors */
    pn_str      server_root; /* for PN_SLOT_PATH */
    bool        fresh;       /* first line of this place: a list starts anew instead of growing */
    const char *cure;        /* out: set beside an error where something is near */
};

/** Sets the row's slot in `conf`. @param argv unquoted words.
 *  @return NULL, or the error as a sentence (owned by in->temp). Nothing is changed on an error. */
const char *pn_slot_set(struct pn_slot_in *in, const struct pn_directive *row, void *conf,
                        unsigned argc, const pn_str *argv);
/** Copies the slot's bytes; lists and strings are shared. */
void pn_slot_copy(const struct pn_slot *slot, void *to, const void *from);
/** to's list becomes base's followed by add's, in a new array of `pool`. */
void pn_slot_append(const struct pn_slot *slot, apr_pool_t *pool, void *to, const void *base,
                    const void *add);
/** Bytes of a value of that type. */
size_t pn_slot_size(enum pn_slot_type type);
/** `path` made absolute with `root`, NUL-terminated, owned by pool. */
pn_str pn_slot_path(apr_pool_t *pool, pn_str root, pn_str path);

#endif
