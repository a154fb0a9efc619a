/* keyed_text.h - the text of a password or group file, taken apart. Pure. For keyed_file.c and its fuzz target. */
#ifndef PN_HTTP_KEYED_TEXT_H
#define PN_HTTP_KEYED_TEXT_H

#include <apr_hash.h>
#include <pinion/keyed_file.h>

struct pn_keyed_value {
    pn_str                 text;
    struct pn_keyed_value *next; /* PN_KEYED_MEMBERS: further names */
};

/** Key to struct pn_keyed_value *. What is no line of a key is skipped. @param text borrowed: lives as long as pool. */
apr_hash_t *pn__keyed_text_parse(apr_pool_t *pool, enum pn_keyed_form form, pn_str text);

/** Lets go of all files that are held (keyed_file.c): for a program that ends orderly. */
void pn__keyed_files_drop(void);

#endif
