/* core_directives.c - the core module's table of directives. Apache manual: "Apache Core Features". */
#include "http/core_directives.h"

#include <pinion/uri.h>

#define SRV(member) PN_SLOT(struct pn_core_server, member)
#define DIR(member) PN_SLOT(struct pn_core_dir, member)
#define DIR_ENUM(member) PN_SLOT_AS(PN_SLOT_ENUM, struct pn_core_dir, member)
#define SRV_ENUM(member) PN_SLOT_AS(PN_SLOT_ENUM, struct pn_core_server, member)
#define SRV_USEC(member) PN_SLOT_AS(PN_SLOT_USEC, struct pn_core_server, member)

static const char *const canonical_words[] = { "Off", "On", "DNS", NULL };
static const char *const trace_words[] = { "On", "Off", "extended", NULL };
static const char *const signature_words[] = { "Off", "On", "EMail", NULL };
static const char *const token_words[] = { "Full", "OS", "Minimal", "Minor", "Major", "Prod", NULL };
static const char *const lookup_words[] = { "Off", "On", "Double", NULL };
static const char *const path_info_words[] = { "Default", "On", "Off", NULL };

#define GONE(directive, places, instead)                                                           \
    { .name = directive, .args = PN_RAW, .where = places, .override = PN_OVR_ALL, .gone = instead, .help = instead }

const struct pn_directive pn_core_directives[] = {
    /* sections */
    { .name = "VirtualHost", .args = PN_SECTION, .where = PN_CTX_MAIN, .set = pn__set_virtual_host,
      .help = "Settings for requests to an address and, by ServerName, a host" },
    { .name = "Directory", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_directory,
      .help = "Settings for a directory of the file system and what lies below it" },
    { .name = "DirectoryMatch", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .set = pn__set_directory_match, .help = "Settings for directories whose path matches a regular expression" },
    { .name = "Location", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_location,
      .help = "Settings for a URL path and what lies below it" },
    { .name = "LocationMatch", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .set = pn__set_location_match, .help = "Settings for URL paths that match a regular expression" },
    { .name = "Files", .args = PN_SECTION, .where = PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_IF | PN_CTX_HTACCESS,
      .override = PN_OVR_ALL, .set = pn__set_files, .help = "Settings for files of a name" },
    { .name = "FilesMatch", .args = PN_SECTION, .where = PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_IF | PN_CTX_HTACCESS,
      .override = PN_OVR_ALL, .set = pn__set_files_match, .help = "Settings for files whose name matches a regular expression" },
    { .name = "If", .args = PN_SECTION, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_if,
      .help = "Settings for requests for which an expression is true" },
    { .name = "ElseIf", .args = PN_SECTION, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_if,
      .help = "Settings when this expression is true and those before it were not" },
    { .name = "Else", .args = PN_SECTION, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_if,
      .help = "Settings when the expressions before it were not true" },
    { .name = "Limit", .args = PN_SECTION, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_limit,
      .help = "Access control for the methods named" },
    { .name = "LimitExcept", .args = PN_SECTION, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_limit_except,
      .help = "Access control for all methods but those named" },

    /* who the server is */
    { .name = "ServerName", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_server_name,
      .help = "Host name and port of this server: [scheme://]name[:port]" },
    { .name = "ServerAlias", .args = PN_LIST, .where = PN_CTX_VHOST, .scope = PN_SCOPE_SERVER, .set = pn__set_server_alias,
      .help = "Further names of a virtual host; * and ? stand for any characters" },
    { .name = "ServerAdmin", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_server_admin,
      .help = "Address shown with errors when ServerSignature is EMail" },
    { .name = "ServerPath", .args = PN_TAKE1, .where = PN_CTX_VHOST, .scope = PN_SCOPE_SERVER, .set = pn__set_server_path,
      .help = "URL path that leads to this virtual host for clients that send no name" },
    { .name = "NameVirtualHost", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER,
      .gone = "name-based virtual hosts need no NameVirtualHost since 2.4: remove the line" },
    { .name = "DocumentRoot", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_document_root,
      .help = "Directory whose files answer URL paths" },
    { .name = "UseCanonicalName", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .slot = DIR_ENUM(use_canonical_name),
      .choices = canonical_words, .dflt = "Off", .help = "Whether the server's own name or the client's is used in links to itself" },
    { .name = "UseCanonicalPhysicalPort", .args = PN_FLAG, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .slot = DIR(use_canonical_port),
      .dflt = "Off", .help = "Whether links to itself use the port that the connection came in on" },
    { .name = "ServerTokens", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV_ENUM(tokens),
      .choices = token_words, .dflt = "Full", .help = "How much the Server field tells" },
    { .name = "ServerSignature", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = DIR_ENUM(signature),
      .choices = signature_words, .dflt = "Off", .help = "Footer of pages that the server makes" },
    { .name = "StrictHostCheck", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(strict_host_check),
      .dflt = "Off", .help = "Refuse requests whose host name no server has" },

    /* connections and messages */
    { .name = "KeepAlive", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(keep_alive), .dflt = "On",
      .help = "Several requests on a connection" },
    { .name = "MaxKeepAliveRequests", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(max_keep_alive),
      .dflt = "100", .min = 0, .max = UINT32_MAX, .unit = "requests", .help = "Most requests on a connection, 0: unlimited" },
    { .name = "KeepAliveTimeout", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = SRV_USEC(keep_alive_timeout), .unit = "s", .dflt = "5", .help = "How long an idle connection waits for the next request" },
    { .name = "Timeout", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV_USEC(timeout), .unit = "s",
      .dflt = "60", .help = "How long to wait for the client in the middle of something" },
    { .name = "LimitRequestLine", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(limit_line),
      .dflt = "8190", .min = 1, .max = 1 << 20, .unit = "bytes", .help = "Longest request line" },
    { .name = "LimitRequestFields", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(limit_fields),
      .dflt = "100", .min = 0, .max = 32767, .help = "Most header fields of a request, 0: unlimited" },
    { .name = "LimitRequestFieldSize", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(limit_field_size),
      .dflt = "8190", .min = 1, .max = 1 << 20, .unit = "bytes", .help = "Longest header field of a request" },
    { .name = "LimitRequestBody", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = DIR(limit_body),
      .dflt = "1073741824", .min = 0, .max = INT64_MAX, .unit = "bytes", .help = "Largest request body, 0: unlimited" },
    { .name = "LimitXMLRequestBody", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .slot = DIR(limit_xml_body),
      .dflt = "1000000", .min = 0, .max = INT64_MAX, .unit = "bytes", .help = "Largest XML request body, 0: as much as can be" },
    { .name = "HttpProtocolOptions", .args = PN_LIST, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_protocol_options,
      .help = "Strict or Unsafe, RegisteredMethods or LenientMethods, Allow0.9 or Require1.0" },
    { .name = "TraceEnable", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV_ENUM(trace),
      .choices = trace_words, .dflt = "On", .help = "Whether TRACE is answered" },
    { .name = "MergeTrailers", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(merge_trailers), .dflt = "Off",
      .help = "Whether trailer fields count as header fields" },
    { .name = "MergeSlashes", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(merge_slashes), .dflt = "On",
      .help = "Whether several slashes in a URL path count as one" },
    { .name = "AllowEncodedSlashes", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_DIR, .set = pn__set_encoded_slashes,
      .dflt = NULL, .help = "On, Off or NoDecode: what %2F in a URL path means" },
    { .name = "Protocols", .args = PN_LIST, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(protocols),
      .help = "Protocols offered: h2 h2c http/1.1" },
    { .name = "ProtocolsHonorOrder", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(protocols_honor_order),
      .dflt = "On", .help = "Whether the order of Protocols decides, or the client's" },

    /* places */
    { .name = "Options", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS, .set = pn__set_options,
      .help = "What is allowed in a directory: Indexes Includes FollowSymLinks SymLinksIfOwnerMatch ExecCGI MultiViews, with + or -" },
    { .name = "AllowOverride", .args = PN_LIST, .where = PN_CTX_DIRECTORY, .set = pn__set_allow_override,
      .help = "Which directives a .htaccess may hold" },
    { .name = "AllowOverrideList", .args = PN_LIST, .where = PN_CTX_DIRECTORY, .set = pn__set_allow_override_list,
      .help = "Single directives that a .htaccess may hold" },
    { .name = "AccessFileName", .args = PN_LIST, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .slot = SRV(access_names),
      .dflt = ".htaccess", .help = "Names of the files that hold a directory's settings" },
    { .name = "AcceptPathInfo", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .slot = DIR_ENUM(accept_path_info),
      .choices = path_info_words, .dflt = "Default", .help = "Whether a path behind a file's name is accepted" },
    { .name = "ContentDigest", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS, .slot = DIR(content_digest), .dflt = "Off",
      .help = "Whether files are sent with a Content-MD5 field" },
    { .name = "EnableMMAP", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .slot = DIR(enable_mmap), .dflt = "On",
      .help = "Whether the content of files may be held in memory where the program reads it" },
    { .name = "EnableSendfile", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .slot = DIR(enable_sendfile), .dflt = "On",
      .help = "Whether the kernel sends files by itself" },
    { .name = "ErrorDocument", .args = PN_RAW, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_error_document,
      .help = "What answers an error: a text, a URL path, or a URL" },
    { .name = "FileETag", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_file_etag,
      .help = "What the ETag of a file is made of: MTime Size INode Digest All None, with + or -" },
    { .name = "DefaultType", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .slot = DIR(default_type),
      .help = "Media type of files that have no other (accepted as 2.2 had it)" },
    { .name = "ForceType", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_FILEINFO, .set = pn__set_force_type,
      .help = "Media type of every file here" },
    { .name = "SetHandler", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_handler,
      .help = "Handler of everything here, none, or expr=..." },
    { .name = "SetOutputFilter", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_filters,
      .help = "Filters for answers, separated by ;" },
    { .name = "SetInputFilter", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_filters,
      .help = "Filters for request bodies, separated by ;" },
    { .name = "AddDefaultCharset", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = pn__set_default_charset,
      .help = "charset of text/plain and text/html that name none: On, Off, or a name" },
    { .name = "HostnameLookups", .args = PN_TAKE1, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .slot = DIR_ENUM(hostname_lookups),
      .choices = lookup_words, .dflt = "Off", .help = "Whether clients' host names are looked up" },
    { .name = "MaxRanges", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_range_limit,
      .help = "Most ranges of one request: a number, default, unlimited or none" },
    { .name = "MaxRangeOverlaps", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_range_limit,
      .help = "Most overlapping ranges of one request" },
    { .name = "MaxRangeReversals", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_range_limit,
      .help = "Most times that the ranges of one request go backwards" },
    { .name = "QualifyRedirectURL", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO,
      .slot = DIR(qualify_redirect_url), .dflt = "Off", .help = "Whether REDIRECT_URL is a full URL" },

    /* programs */
    { .name = "CGIPassAuth", .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .slot = DIR(cgi_pass_auth), .dflt = "Off",
      .help = "Whether scripts are told the Authorization field" },
    { .name = "CGIVar", .args = PN_TAKE2, .where = PN_CTX_DIR, .override = PN_OVR_FILEINFO, .set = pn__set_cgi_var,
      .help = "REQUEST_URI as it was asked for (original-uri) or after redirections (current-uri)" },
    { .name = "RLimitCPU", .args = PN_TAKE12, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_resource_limit,
      .unit = "s", .help = "CPU time of a program that the server starts, soft and hard limit: seconds or max" },
    { .name = "RLimitMEM", .args = PN_TAKE12, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_resource_limit,
      .unit = "bytes", .help = "Memory of a program that the server starts, soft and hard limit: bytes or max" },
    { .name = "RLimitNPROC", .args = PN_TAKE12, .where = PN_CTX_ANY, .override = PN_OVR_ALL, .set = pn__set_resource_limit,
      .help = "Processes of the account that programs run as, soft and hard limit: a number or max" },

    /* logs */
    { .name = "ErrorLog", .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_error_log,
      .help = "Error log: a file, |program, syslog[:facility[:tag]]" },
    { .name = "ErrorLogFormat", .args = PN_TAKE12, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = pn__set_error_log_format,
      .help = "Form of error log lines; json: one JSON object a line" },
    { .name = "LogLevel", .args = PN_LIST, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .set = pn__set_log_level,
      .help = "How much is logged, for all or [module:]level" },

    { .name = "LimitInternalRecursion", .args = PN_TAKE12, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .set = pn__set_recursion, .help = "Most internal redirects of a request, and most subrequests inside one another" },
    { .name = "RegisterHttpMethod", .args = PN_LIST, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = pn__set_methods,
      .help = "Further methods that are known: refused with 405 instead of 501 where nothing answers them" },
    { .name = "RegexDefaultOptions", .args = PN_LIST, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = pn__set_regex_options,
      .help = "Options of regular expressions from here on: ICASE EXTENDED DOTALL DOLLAR_ENDONLY, with + or -, or none" },

    /* the scoreboard */
    { .name = "ExtendedStatus", .args = PN_FLAG, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(extended_status),
      .help = "Keep figures and the latest request of each slot for the status page; On when mod_status is loaded" },
    { .name = "SeeRequestTail", .args = PN_FLAG, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(see_request_tail),
      .dflt = "Off", .help = "Of a request line that is too long for the status page, keep the end instead of the beginning" },

    /* accepted, with nothing left to do */
    GONE("ReadBufferSize", PN_CTX_ANY, "files are sent by the kernel or from memory; buffers have a measured size"),
    GONE("FlushMaxThreshold", PN_CTX_SERVER, "answers are gathered and sent as they are made"),
    GONE("FlushMaxPipelined", PN_CTX_SERVER, "pipelined answers are sent one by one, each with one system call"),
    GONE("Protocol", PN_CTX_SERVER, "the second argument of Listen says what a port speaks"),
    GONE("GprofDir", PN_CTX_SERVER, "profiles are taken with perf, see CONTRIBUTING"),
    GONE("CGIMapExtension", PN_CTX_DIR, "it is about NetWare alone"),
    GONE("ScriptInterpreterSource", PN_CTX_ANY, "it is about Windows alone"),
    GONE("UNCList", PN_CTX_MAIN, "it is about Windows alone"),

    /* Pinion's own */
    { .name = "FileCacheSize", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(file_cache_bytes),
      .dflt = "67108864", .min = 0, .max = INT64_MAX, .unit = "bytes", .help = "Bytes of file content a child holds in memory" },
    { .name = "FileCacheMaxFile", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(file_cache_max_file),
      .dflt = "65536", .min = 0, .max = 1 << 30, .unit = "bytes", .help = "Largest file whose content is held in memory" },
    { .name = "PathCacheEntries", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(path_cache_entries),
      .dflt = "16384", .min = 16, .max = 1 << 24, .help = "File names whose walk a child remembers" },
    { .name = "FileWatch", .args = PN_FLAG, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(file_watch), .dflt = "On",
      .help = "Off: the file system is asked for each request, where inotify does not tell of changes and nothing shows it" },
    { .name = "ResolverAddress", .args = PN_LIST, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = pn__set_resolver_address,
      .help = "Name servers, each an address with or without a port; without it those of /etc/resolv.conf" },
    { .name = "ResolverTimeout", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = pn__set_resolver_timeout,
      .unit = "s", .dflt = NULL, .help = "How long a request waits for a host name at most, 5 seconds unless set" },
    { .name = "ResolverCacheSize", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .slot = SRV(resolver_entries),
      .dflt = "4096", .min = 16, .max = 1 << 22, .unit = "entries", .help = "Names and addresses whose look-up a child remembers" },
    { 0 }
};
