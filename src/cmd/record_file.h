/* record_file.h - a text file of records, a line each, that is changed as a whole: a reader finds
 * the old one or the new one, and of two programs that change it at a time none undoes the other's
 * work. */
#ifndef PN_CMD_RECORD_FILE_H
#define PN_CMD_RECORD_FILE_H

#include <pinion/str.h>

struct record_file {
    apr_pool_t *pool;
    const char *path;
    int         fd;   /* open for writing, and locked */
    pn_str      text; /* what is in it */
};

/** Reads a file.
 *  @return false: it cannot be read, errno says why. */
PN_NODISCARD bool record_file_read(apr_pool_t *pool, const char *path, pn_str *ret_text);
/** Opens a file to change it, and waits until nobody else does.
 *  @param create  makes it when there is none; its text counts as empty.
 *  @return false: errno says why. */
PN_NODISCARD bool record_file_open(apr_pool_t *pool, const char *path, bool create,
                                   struct record_file *ret);
/** Puts this text in place of the file's. Owner and mode stay.
 *  @return false: it could not be written, errno says why; unless the file could not be replaced as
 *          a whole, it is as before. */
PN_NODISCARD bool record_file_replace(struct record_file *file, pn_str text);
/** Closes it; a text that was not replaced stays. */
void record_file_close(struct record_file *file);

/** The text without the records that begin with `prefix` ("user:"), with `record` (no line end;
 *  NULL: none) in place of the first of them, or at the end.
 *  @param ret_found  there was such a record. */
pn_str record_file_edit(apr_pool_t *pool, pn_str text, pn_str prefix, const char *record,
                        bool *ret_found);
/** What stands behind `prefix` in the first record that begins so.  @return PN_NOT_FOUND: there
 *  is none. */
PN_NODISCARD pn_rc record_file_find(pn_str text, pn_str prefix, pn_str *ret_rest);

#endif
