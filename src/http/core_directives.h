/* core_directives.h - the parts that make up the core module's table of directives. */
#ifndef PN_HTTP_CORE_DIRECTIVES_H
#define PN_HTTP_CORE_DIRECTIVES_H

#include "http/core_conf.h"
#include "net/resolver.h"

extern const struct pn_directive pn_core_directives[];

/* core_sections.c */
pn_directive_fn pn__set_virtual_host, pn__set_directory, pn__set_directory_match, pn__set_location, pn__set_location_match,
    pn__set_files, pn__set_files_match, pn__set_if, pn__set_limit, pn__set_limit_except;
/** <Directory> in the order of the walk: fewest components first, regular expressions last, otherwise as configured. In place. */
void pn__sort_directories(apr_array_header_t *sections);

/* core_options.c */
pn_directive_fn pn__set_options, pn__set_allow_override, pn__set_allow_override_list, pn__set_file_etag, pn__set_protocol_options;

/* core_server.c */
pn_directive_fn pn__set_server_name, pn__set_server_alias, pn__set_server_admin, pn__set_server_path, pn__set_document_root,
    pn__set_error_document, pn__set_encoded_slashes, pn__set_default_charset, pn__set_force_type, pn__set_handler, pn__set_range_limit,
    pn__set_filters, pn__set_recursion, pn__set_methods, pn__set_regex_options;

/* resolver_conf.c */
pn_directive_fn pn__set_resolver_address, pn__set_resolver_timeout;
/** How a child of this generation looks names up. The text is owned by pool. */
struct pn_resolver_options pn__resolver_options(const struct pn_generation *generation, apr_pool_t *pool);

/* cgi_conf.c */
pn_directive_fn pn__set_resource_limit, pn__set_cgi_var;
/** What of these the inner place has set. */
void pn__cgi_conf_merge(const struct pn_core_dir *inner, struct pn_core_dir *merged);

/* log_levels.c */
pn_directive_fn pn__set_log_level;
/* log_error.c */
pn_directive_fn pn__set_error_log, pn__set_error_log_format;

#endif
