/* pinion/form.h - fields of forms and queries: "name=value&name=value" with %XX and + for a space
 * (application/x-www-form-urlencoded). */
#ifndef PINION_FORM_H
#define PINION_FORM_H

#include <apr_tables.h>
#include <pinion/buf.h>

/** Most fields that are taken; a text with more is PN_LIMIT. */
#define PN_FORM_FIELDS_MAX 1000

/** Decodes a form. Of a name that comes twice the last value counts. Pairs without a name are skipped.
 *  @param ret_fields  names and values NUL-terminated, in pool; names compare without case.
 *  @return PN_OK; PN_BAD (a broken %XX, or a NUL, encoded or not); PN_LIMIT. */
PN_NODISCARD pn_rc pn_form_decode(apr_pool_t *pool, pn_str text, apr_table_t **ret_fields);
/** Appends "name=value" to a form, "&" before it when it is not the first. */
void pn_form_add(struct pn_buf *to, pn_str name, pn_str value);

#endif
