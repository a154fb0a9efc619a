/* mod_headers.h - what the files of mod_headers share: rules and the formats of their values. */
#ifndef PN_MOD_HEADERS_H
#define PN_MOD_HEADERS_H

#define PN_LOG_MODULE &pn_module_headers
#include <pinion/log.h>
#include <pinion/request.h>

extern struct pn_module pn_module_headers;

/** A value with %-formats in it, or an expression. */
struct header_format;

/** Compiles a value: "expr=..." or text with %t, %D, %l, %i, %b, %{NAME}e, %{NAME}s and %%.
 *  @return NULL, or the error. */
const char *pn__header_format_compile(struct pn_conf_cmd *cmd, pn_str text, const struct header_format **ret);
/** The value for r, NUL-terminated, in r->pool. @return PN_OK, or why an expression could not be evaluated. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__header_format_value(struct pn_request *r, const struct header_format *format, pn_str *ret);

#endif
