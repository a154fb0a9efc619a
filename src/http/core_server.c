/* core_server.c - ServerName and its kin, DocumentRoot, ErrorDocument, and other single directives of the core. */
#include "http/core_directives.h"

#include <sys/stat.h>

#include "base/ascii.h"
#include "conf/tree.h"
#include <pinion/uri.h>

/* ---- names ---- */

static bool host_ok(pn_str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (!pn_ascii_alnum(host.p[i]) && !memchr("-._:[]", host.p[i], 6))
            return false;
    return host.n != 0;
}

const char *pn__set_server_name(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    pn_str   text = argv[0];
    size_t   scheme = pn_str_find(text, PN_STR("://"));
    uint64_t port = 0;

    (void)conf, (void)argc;
    if (scheme != SIZE_MAX) {
        cmd->server->scheme = pn_str_lower(cmd->pool, pn_str_head(text, scheme));
        text = pn_str_from(text, scheme + 3);
    }
    size_t colon = pn_str_rchr(text, ':'), bracket = pn_str_rchr(text, ']');
    if (colon != SIZE_MAX && (bracket == SIZE_MAX || colon > bracket)) {
        if (pn_str_to_u64(pn_str_from(text, colon + 1), 65535, &port) != PN_OK || port == 0)
            return "the port of ServerName is a number from 1 to 65535";
        text = pn_str_head(text, colon);
    }
    if (!host_ok(text))
        return pn_conf_error_text(cmd, "Invalid ServerName \"%.*s\" use ServerAlias to set multiple server names.", PN_FMT(argv[0]));
    cmd->server->name = pn_str_dup(cmd->pool, text);
    cmd->server->port = (uint16_t)port;
    return NULL;
}

static void push_name(struct pn_conf_cmd *cmd, apr_array_header_t **list, pn_str name)
{
    if (!*list)
        *list = apr_array_make(cmd->pool, 2, sizeof(pn_str));
    *(pn_str *)apr_array_push(*list) = pn_str_lower(cmd->pool, name);
}

const char *pn__set_server_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_server *s = cmd->server;

    (void)conf;
    for (unsigned i = 0; i < argc; i++) {
        bool wild = pn_str_chr(argv[i], '*', 0) != SIZE_MAX || pn_str_chr(argv[i], '?', 0) != SIZE_MAX;
        push_name(cmd, wild ? &s->wild_aliases : &s->aliases, argv[i]);
    }
    return NULL;
}

const char *pn__set_server_admin(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    cmd->server->admin = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

const char *pn__set_server_path(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    if (argv[0].n == 0 || argv[0].p[0] != '/')
        return "ServerPath begins with a slash";
    cmd->server->path = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

const char *pn__set_document_root(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;
    pn_str                 path = pn_conf_path(cmd, argv[0]);
    struct stat            found;

    (void)argc;
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    path = pn_str_dup(cmd->pool, path);
    if (!cmd->generation->no_docroot_check && (stat(path.p, &found) != 0 || !S_ISDIR(found.st_mode)))
        pn_conf_warn(cmd, "DocumentRoot [%s] does not exist", path.p);
    core->document_root = path;
    core->document_root_set = true;
    return NULL;
}

/* ---- ErrorDocument ---- */

static const char *document_text(struct pn_conf_cmd *cmd, struct pn_error_document *doc, pn_str word, pn_str raw)
{
    bool quoted = raw.n && (raw.p[0] == '"' || raw.p[0] == '\'');

    doc->text = word;
    if (pn_str_ieq(word, PN_STR("default")) && !quoted) {
        doc->is_default = true;
        return NULL;
    }
    if (word.n && word.p[0] == '/')
        doc->kind = PN_ERRDOC_LOCAL;
    else if (pn_str_istarts(word, PN_STR("http://")) || pn_str_istarts(word, PN_STR("https://")))
        doc->kind = PN_ERRDOC_EXTERNAL;
    else {
        doc->kind = PN_ERRDOC_TEXT;
        if (!quoted)
            doc->text = pn_str_dup(cmd->pool, raw); /* 1.3 style: the rest of the line */
    }
    if (pn_str_find(doc->text, PN_STR("%{")) == SIZE_MAX)
        return NULL;
    struct pn_expr_error wrong = { 0 };
    if (pn_expr_compile(cmd->pool, doc->text, PN_EXPR_STRING, cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0, &doc->expr,
                        &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "Cannot parse expression in ErrorDocument: %s", wrong.text);
    return NULL;
}

const char *pn__set_error_document(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir       *dir = conf;
    pn_str                    rest = argv[0], code = pn_conf_word(cmd->pool, &rest);
    uint64_t                  status;
    struct pn_error_document *doc = apr_pcalloc(cmd->pool, sizeof(*doc));

    (void)argc;
    if (pn_str_to_u64(code, 599, &status) != PN_OK || status < 300 || !pn_status_known((int)status))
        return pn_conf_error_text(cmd, "Unsupported HTTP response code %.*s", PN_FMT(code));
    pn_str raw = pn_str_trim(rest), word = pn_conf_word(cmd->pool, &rest);
    if (!word.p)
        return "ErrorDocument needs a status and a document: ErrorDocument 404 /missing.html";
    const char *error = document_text(cmd, doc, word, raw);
    if (error)
        return error;
    if (status == 401 && doc->kind == PN_ERRDOC_EXTERNAL) {
        pn_conf_warn(cmd, "cannot use a full URL in a 401 ErrorDocument directive --- ignoring!");
        return NULL;
    }
    doc->status = (int)status;
    if (!dir->error_documents)
        dir->error_documents = apr_hash_make(cmd->pool);
    apr_hash_set(dir->error_documents, &doc->status, sizeof(doc->status), doc);
    return NULL;
}

/* ---- types, handlers, filters ---- */

const char *pn__set_force_type(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;

    (void)cmd, (void)argc;
    dir->force_type = pn_str_lower(cmd->pool, argv[0]);
    dir->force_type_set = true;
    return NULL;
}

const char *pn__set_handler(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir  *dir = conf;
    struct pn_expr_error wrong = { 0 };

    (void)argc;
    dir->handler_set = true;
    dir->handler_expr = NULL;
    if (!pn_str_istarts(argv[0], PN_STR("expr="))) {
        dir->handler = pn_str_lower(cmd->pool, argv[0]);
        if (pn_str_istarts(argv[0], PN_STR("proxy:"))) /* a URL keeps its letters */
            dir->handler = pn_str_dup(cmd->pool, argv[0]);
        return NULL;
    }
    dir->handler = PN_STR("none");
    if (pn_expr_compile(cmd->pool, pn_str_from(argv[0], 5), PN_EXPR_STRING, cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0,
                        &dir->handler_expr, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    return NULL;
}

const char *pn__set_filters(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir  *dir = conf;
    apr_array_header_t  *list = apr_array_make(cmd->pool, 2, sizeof(pn_str));
    pn_str               rest = argv[0];
    bool                 output = pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("SetOutputFilter"));

    (void)argc;
    while (rest.n) {
        pn_str name = pn_str_trim(pn_str_cut(rest, ';', &rest));
        if (name.n && !pn_str_ieq(name, PN_STR("none")))
            *(pn_str *)apr_array_push(list) = pn_str_dup(cmd->pool, name);
    }
    *(output ? &dir->output_filters : &dir->input_filters) = list;
    *(output ? &dir->output_filters_set : &dir->input_filters_set) = true;
    return NULL;
}

const char *pn__set_default_charset(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;
    bool                on = true;

    (void)argc;
    dir->default_charset_set = true;
    if (pn_conf_flag(argv[0], &on) == PN_OK)
        dir->default_charset = PN_STR("iso-8859-1");
    else
        dir->default_charset = pn_str_dup(cmd->pool, argv[0]);
    dir->default_charset_on = on;
    return NULL;
}

/* ---- numbers and words ---- */

const char *pn__set_encoded_slashes(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;
    bool                on;

    (void)argc;
    if (pn_str_ieq(argv[0], PN_STR("NoDecode")))
        dir->encoded_slashes = PN_SLASH_KEEP;
    else if (pn_conf_flag(argv[0], &on) == PN_OK)
        dir->encoded_slashes = on ? PN_SLASH_DECODE : PN_SLASH_REFUSE;
    else
        return pn_conf_error_text(cmd, "AllowEncodedSlashes must be On, Off, or NoDecode, not '%.*s'", PN_FMT(argv[0]));
    dir->encoded_slashes_set = true;
    return NULL;
}

const char *pn__set_range_limit(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;
    bool                ranges = pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("MaxRanges"));
    int64_t             value;

    (void)argc;
    if (pn_str_ieq(argv[0], PN_STR("none")))
        value = 0;
    else if (pn_str_ieq(argv[0], PN_STR("default")))
        value = ranges ? 200 : 20;
    else if (pn_str_ieq(argv[0], PN_STR("unlimited")))
        value = -1;
    else if (pn_str_to_i64(argv[0], 1, INT32_MAX, &value) != PN_OK)
        return pn_conf_error_text(cmd, "%s takes a positive number, none, default or unlimited", cmd->row->name);
    if (ranges) {
        dir->max_ranges = value;
        dir->max_ranges_set = true;
    }
    else if (pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("MaxRangeOverlaps"))) {
        dir->max_overlaps = value;
        dir->max_overlaps_set = true;
    }
    else {
        dir->max_reversals = value;
        dir->max_reversals_set = true;
    }
    return NULL;
}

/* ---- limits, methods, regular expressions ---- */

const char *pn__set_recursion(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;

    if (pn_str_to_i64(argv[0], 1, 10000, &core->max_redirects) != PN_OK ||
        pn_str_to_i64(argv[argc - 1], 1, 10000, &core->max_subrequests) != PN_OK)
        return pn_conf_error_text(cmd, "LimitInternalRecursion takes one or two numbers from 1 to 10000");
    return NULL;
}

const char *pn__set_methods(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;

    if (!core->methods)
        core->methods = apr_hash_make(cmd->pool);
    for (unsigned i = 0; i < argc; i++) {
        if (!pn_header_name_ok(argv[i])) /* a method is a token too */
            return pn_conf_error_text(cmd, "'%.*s' cannot be a method: it is no token", PN_FMT(argv[i]));
        pn_str name = pn_str_dup(cmd->pool, argv[i]);
        apr_hash_set(core->methods, name.p, (apr_ssize_t)name.n, name.p);
    }
    return NULL;
}

static const struct { const char *name; unsigned flag; } regex_words[] = {
    { "ICASE", PN_REGEX_ICASE },
    { "EXTENDED", PN_REGEX_EXTENDED },
    { "DOTALL", PN_REGEX_DOTALL },
    { "DOLLAR_ENDONLY", PN_REGEX_DOLLAR_ENDONLY },
};

const char *pn__set_regex_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    unsigned flags = pn_regex_defaults();

    (void)conf;
    for (unsigned i = 0; i < argc; i++) {
        pn_str word = argv[i];
        char   sign = word.p[0] == '+' || word.p[0] == '-' ? word.p[0] : '\0';
        size_t at = 0;
        if (sign)
            word = pn_str_from(word, 1);
        if (pn_str_ieq(word, PN_STR("none"))) {
            flags = 0;
            continue;
        }
        while (at < PN_COUNT(regex_words) && !pn_str_ieq(word, pn_str_z(regex_words[at].name)))
            at++;
        if (at == PN_COUNT(regex_words))
            return pn_conf_error_text(cmd, "unknown option '%.*s': ICASE, EXTENDED, DOTALL, DOLLAR_ENDONLY or none", PN_FMT(word));
        if (!sign && i == 0)
            flags = 0; /* a list without signs says all of it */
        flags = sign == '-' ? flags & ~regex_words[at].flag : flags | regex_words[at].flag;
    }
    pn_regex_set_defaults(flags);
    return NULL;
}
