/* core_conf.h - settings of the core module: what the engine itself reads of a server and of a place.
 *
 * Filled by core_directives.c, core_options.c and core_sections.c; read all over src/http. Immutable. */
#ifndef PN_HTTP_CORE_CONF_H
#define PN_HTTP_CORE_CONF_H

#include <pinion/expr.h>
#include <pinion/read_limits.h>
#include <pinion/request.h>
#include <pinion/satisfy.h>
#include <pinion/spawn.h>

extern struct pn_module pn_module_core;

/** Options, by the bits that modules see. */
enum {
    PN_OPT_INDEXES = PN_OPTION_INDEXES,
    PN_OPT_INCLUDES = PN_OPTION_INCLUDES,
    PN_OPT_SYM_LINKS = PN_OPTION_SYM_LINKS,
    PN_OPT_EXECCGI = PN_OPTION_EXECCGI,
    PN_OPT_INC_NOEXEC = PN_OPTION_INC_NOEXEC,
    PN_OPT_SYM_OWNER = PN_OPTION_SYM_OWNER,
    PN_OPT_MULTI = PN_OPTION_MULTI,
    PN_OPT_ALL = PN_OPT_INDEXES | PN_OPT_INCLUDES | PN_OPT_SYM_LINKS | PN_OPT_EXECCGI
};

enum pn_section_kind { PN_SECTION_DIRECTORY, PN_SECTION_FILES, PN_SECTION_LOCATION, PN_SECTION_IF };
enum pn_if_kind { PN_IF, PN_ELSE_IF, PN_ELSE };

/** <Directory>, <Files>, <Location>, <If> and their Match forms, with the settings they hold. */
struct pn_section {
    enum pn_section_kind kind;
    pn_str               pattern;    /* path, glob or regex as written */
    bool                 glob;       /* pattern has * ? [ */
    struct pn_regex     *regex;      /* Match and ~ forms, else NULL */
    apr_array_header_t  *names;      /* of struct pn_section_name: named groups, may be NULL */
    unsigned             components; /* Directory: how many path components the pattern has */
    enum pn_if_kind      if_kind;
    const struct pn_expr *condition;  /* If and ElseIf */
    struct pn_conf_vec  *vec;        /* the settings inside */
    const char          *file;
    uint32_t             line;
};
struct pn_section_name { const char *env; unsigned group; }; /* "MATCH_FOO" */

enum pn_canonical { PN_CANONICAL_OFF, PN_CANONICAL_ON, PN_CANONICAL_DNS };
enum pn_trace { PN_TRACE_ON, PN_TRACE_OFF, PN_TRACE_EXTENDED };
enum pn_signature { PN_SIGNATURE_OFF, PN_SIGNATURE_ON, PN_SIGNATURE_EMAIL };
enum pn_tokens { PN_TOKENS_FULL, PN_TOKENS_OS, PN_TOKENS_MINIMAL, PN_TOKENS_MINOR, PN_TOKENS_MAJOR, PN_TOKENS_PROD };
enum pn_lookups { PN_LOOKUPS_OFF, PN_LOOKUPS_ON, PN_LOOKUPS_DOUBLE };
enum pn_accept_path_info { PN_ACCEPT_PATH_INFO_DEFAULT, PN_ACCEPT_PATH_INFO_ON, PN_ACCEPT_PATH_INFO_OFF };

struct pn_core_server {
    pn_str              document_root;   /* no slash at the end (but "/") */
    bool                document_root_set;
    bool                keep_alive;
    int64_t             max_keep_alive;  /* requests a connection, 0: unlimited */
    pn_usec             keep_alive_timeout;
    pn_usec             timeout;         /* of each wait for the peer */
    struct pn_read_limits read_limits;   /* RequestReadTimeout */
    int64_t             max_redirects, max_subrequests; /* LimitInternalRecursion; 0: the default */
    apr_hash_t         *methods;         /* RegisterHttpMethod, of the main server; may be NULL */
    int64_t             limit_line, limit_fields, limit_field_size;
    bool                strict, lenient_methods, allow_0_9, protocol_options_set; /* HttpProtocolOptions */
    bool                strict_host_check;
    int                 trace;           /* enum pn_trace */
    bool                merge_slashes, merge_trailers;
    int                 tokens;          /* enum pn_tokens; of the main server */
    apr_array_header_t *access_names;    /* AccessFileName: of pn_str */
    apr_array_header_t *directories;     /* of struct pn_section *: literal and glob by depth, then regex */
    apr_array_header_t *locations;       /* of struct pn_section *, configuration order */
    struct pn_location_index *location_index; /* of locations; NULL: they are few */
    apr_array_header_t *protocols;       /* of pn_str */
    bool                protocols_honor_order;
    /* logs */
    pn_str              error_log;       /* as written; empty: logs/error_log */
    struct pn_log_sink *error_sink;
    struct pn_log_format *error_format;  /* ErrorLogFormat, NULL: default */
    bool                error_log_set;
    /* of the main server only */
    const struct pn_satisfy_provider *satisfy; /* mod_access_compat's, or NULL */
    struct pn_vhosts   *vhosts;          /* address and name look-up, made by post_config */
    pn_str              server_header;   /* the Server field's value */
    int64_t             file_cache_bytes, file_cache_max_file; /* FileCacheSize, FileCacheMaxFile (ours) */
    int64_t             path_cache_entries; /* PathCacheEntries (ours) */
    bool                file_watch;         /* FileWatch (ours) */
    apr_array_header_t *resolver_servers;   /* ResolverAddress (ours): of pn_str; may be NULL */
    pn_usec             resolver_timeout;   /* ResolverTimeout (ours) */
    int64_t             resolver_entries;   /* ResolverCacheSize (ours) */
    bool                extended_status, see_request_tail; /* ExtendedStatus, SeeRequestTail */
};

struct pn_log_levels {
    int8_t  level;              /* enum pn_log_level for all; -1: not set */
    int8_t *modules;            /* by module index, -1: as level; may be NULL */
    unsigned n_modules;
};

/** ErrorDocument. */
struct pn_error_document {
    int     status;
    bool    is_default;         /* "default": back to the built-in page */
    pn_str  text;               /* message, local path or URL */
    enum { PN_ERRDOC_TEXT, PN_ERRDOC_LOCAL, PN_ERRDOC_EXTERNAL, PN_ERRDOC_EXPR } kind;
    const struct pn_expr *expr; /* local or text with %{...} */
};

/** FileETag. */
enum { PN_ETAG_INODE = 1, PN_ETAG_MTIME = 2, PN_ETAG_SIZE = 4, PN_ETAG_NONE = 8, PN_ETAG_DIGEST = 16, PN_ETAG_DEFAULT = PN_ETAG_MTIME | PN_ETAG_SIZE };

struct pn_core_dir {
    /* Options: absolute when !relative, else add and remove over the outer place */
    uint8_t  options;           /* PN_OPT_* in force */
    uint8_t  options_add, options_remove;
    bool     options_set, options_relative;
    uint8_t  override, override_options; /* AllowOverride: PN_OVR_* mask (with NONFATAL bits), and for Options=... which */
    bool     override_set;
    apr_hash_t *override_list;  /* AllowOverrideList: lower-case directive name to itself; may be NULL */
    bool     override_list_set;

    apr_array_header_t *files;  /* of struct pn_section *: nested <Files>, appended by merging */
    apr_array_header_t *ifs;    /* of struct pn_section * */

    int      accept_path_info;  /* enum pn_accept_path_info */
    bool     content_digest;
    bool     enable_mmap, enable_sendfile;
    int      hostname_lookups;  /* enum pn_lookups */
    int      use_canonical_name;/* enum pn_canonical */
    bool     use_canonical_port;
    int      signature;         /* enum pn_signature */
    pn_str   default_type;      /* DefaultType; empty or "none" */
    pn_str   force_type;        /* ForceType; "none" undoes */
    pn_str   handler;           /* SetHandler; "none" undoes */
    const struct pn_expr *handler_expr;
    bool     force_type_set, handler_set;
    apr_array_header_t *output_filters, *input_filters; /* Set*Filter: of pn_str */
    bool     output_filters_set, input_filters_set;
    bool     default_charset_on;
    pn_str   default_charset;   /* AddDefaultCharset */
    bool     default_charset_set;
    uint8_t  etag_bits, etag_add, etag_remove;
    bool     etag_set, etag_relative; /* relative: add and remove over the outer place */
    int      encoded_slashes;   /* enum pn_slash_policy */
    bool     encoded_slashes_set;
    int64_t  limit_body;        /* LimitRequestBody, bytes; 0: unlimited */
    int64_t  limit_xml_body;
    apr_hash_t *error_documents;/* int status (as 3-byte text) to struct pn_error_document *; may be NULL */
    int64_t  max_ranges, max_overlaps, max_reversals; /* -1: unlimited, 0: ranges off */
    bool     max_ranges_set, max_overlaps_set, max_reversals_set;
    bool     qualify_redirect_url;
    bool     cgi_pass_auth;
    bool     cgi_current_uri, cgi_uri_set; /* CGIVar REQUEST_URI */
    struct pn_resource_limit resource_limits[PN_RESOURCE__COUNT]; /* RLimit*, each by its set-bit */
    struct pn_log_levels *log_levels; /* LogLevel in a section; NULL: the outer place's */
};

static inline const struct pn_core_server *pn_core_server(const struct pn_server *s)
{
    return PN_SERVER_CONF(s, &pn_module_core);
}
static inline const struct pn_core_dir *pn_core_dir(const struct pn_conf_vec *vec)
{
    return PN_DIR_CONF(vec, &pn_module_core);
}

/** LimitInternalRecursion's defaults: internal redirects of one request, and depth of subrequests. */
#define PN_MAX_REDIRECTS 10
#define PN_MAX_SUBREQUESTS 10

#endif
