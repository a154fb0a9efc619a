/* pinion/keyed_file.h - password and group files: text files of "key:value" lines, held in memory and always as they are
 * on disk.
 *
 * Each look-up asks the path store whether the file is still the one that was read, so a change is seen by the next request;
 * where the file watch can be trusted, no system call is made for it. Reading is done off the loop. What is held is bounded, least recently used files go first. */
#ifndef PINION_KEYED_FILE_H
#define PINION_KEYED_FILE_H

#include <pinion/str.h>

struct pn_request;

enum pn_keyed_form {
    PN_KEYED_FIRST,  /* "key:value[:more]"; the first line of a key counts (AuthUserFile) */
    PN_KEYED_PAIR,   /* "user:realm:value", the key is "user:realm" (AuthUserFile of digest authentication) */
    PN_KEYED_MEMBERS /* "name: key key ...": the value is the names of the lines on which the key stands, a \n between
                      * them (AuthGroupFile) */
};

/** The value of a key. Empty lines, white space around a line, and lines that begin with # are skipped; a line that ends in
 *  \ goes on in the next one.
 *  @param path       absolute, NUL-terminated.
 *  @param ret_value  NUL-terminated, in r->pool.
 *  @return PN_OK, PN_NOT_FOUND (no such key), PN_SYSTEM (the file cannot be read; errno), PN_LIMIT (over 256 MB). */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_keyed_file_get(struct pn_request *r, pn_str path, enum pn_keyed_form form, pn_str key,
                                                  pn_str *ret_value);

#endif
