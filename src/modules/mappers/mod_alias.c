/* mod_alias - URL paths that stand for other places of the file system, and redirections.
 * Runs: translate_name, fixups.   Yields: never.   Config: struct alias_server, struct alias_dir.   Spec: Apache manual, mod_alias.
 *
 * Redirections of the server's own settings are looked at before aliases; those of a directory, at fixups. */
#define PN_LOG_MODULE &pn_module_alias
#include <pinion/log.h>
#include <pinion/request.h>
#include <pinion/uri.h>

struct alias_entry {
    pn_str                fake;     /* URL path prefix, or the pattern as written */
    pn_str                real;     /* file path or URL, with $1 when it has a regex */
    struct pn_regex      *regex;
    const struct pn_expr *expr;     /* of `real`, inside <Location> */
    pn_str                where;    /* of the directive, when it has a regex: "httpd.conf:12" */
    bool                  script;   /* ScriptAlias */
    int                   status;   /* redirections; 410 and other codes without a target have real.p == NULL */
};

struct alias_server {
    apr_array_header_t *aliases;    /* of struct alias_entry, configuration order */
    apr_array_header_t *redirects;
    bool                has_any;
};

struct alias_dir {
    apr_array_header_t *redirects;
    struct alias_entry *alias;      /* Alias, ScriptAlias with one argument inside <Location> */
    struct alias_entry *redirect;   /* Redirect with one argument inside <Location> */
    bool                relative;   /* RedirectRelative */
    bool                preserve;   /* AliasPreservePath */
    bool                has_any;
};

struct pn_module pn_module_alias;

/* ---- directives ---- */

static bool row_is(const struct pn_conf_cmd *cmd, const char *name)
{
    return strcasecmp(cmd->row->name, name) == 0;
}

static const char *take_regex(struct pn_conf_cmd *cmd, struct alias_entry *entry, pn_str pattern)
{
    const char *error;

    entry->where = pn_conf_where(cmd);
    if (pn_regex_compile(cmd->pool, pattern, 0, &entry->regex, &error) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "Regular expression could not be compiled: %s", error);
}

static const char *take_expr(struct pn_conf_cmd *cmd, struct alias_entry *entry, pn_str text)
{
    struct pn_expr_error wrong = { 0 };

    if (pn_expr_compile(cmd->pool, text, PN_EXPR_STRING, cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0, &entry->expr,
                        &wrong) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "Can't parse the expression: %s", wrong.text);
}

static void push(apr_pool_t *pool, apr_array_header_t **list, const struct alias_entry *entry)
{
    if (!*list)
        *list = apr_array_make(pool, 4, sizeof(*entry));
    *(struct alias_entry *)apr_array_push(*list) = *entry;
}

/* Alias, ScriptAlias /fake /real; one argument inside <Location>. */
static const char *set_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct alias_dir   *dir = conf;
    struct alias_entry  entry = { .script = row_is(cmd, "ScriptAlias") };
    struct alias_server *server = pn_conf_server_settings(cmd, &pn_module_alias);

    if (argc == 1) {
        if (!(cmd->context & (PN_CTX_LOCATION | PN_CTX_DIRECTORY)))
            return pn_conf_error_text(cmd, "%s needs a URL path and a directory outside <Location>", cmd->row->name);
        dir->alias = apr_pmemdup(cmd->pool, &entry, sizeof(entry));
        dir->has_any = true;
        return take_expr(cmd, dir->alias, argv[0]);
    }
    if (cmd->context & PN_CTX_DIR)
        return pn_conf_error_text(cmd, "%s inside a section takes only the target", cmd->row->name);
    entry.fake = pn_str_dup(cmd->pool, argv[0]);
    entry.real = pn_conf_path(cmd, argv[1]);
    if (argv[1].n && argv[1].p[argv[1].n - 1] == '/' && entry.real.p[entry.real.n - 1] != '/')
        entry.real = PN_CAT(cmd->pool, entry.real, PN_STR("/"));
    push(cmd->pool, &server->aliases, &entry);
    server->has_any = true;
    return NULL;
}

static const char *set_alias_match(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct alias_server *server = conf;
    struct alias_entry   entry = { .script = row_is(cmd, "ScriptAliasMatch"), .fake = pn_str_dup(cmd->pool, argv[0]),
                                   .real = pn_str_dup(cmd->pool, argv[1]) };
    const char          *error = take_regex(cmd, &entry, entry.fake);

    (void)argc;
    if (error)
        return error;
    if (entry.real.n && entry.real.p[0] != '/' && entry.real.p[0] != '$')
        entry.real = pn_conf_path(cmd, entry.real);
    push(cmd->pool, &server->aliases, &entry);
    server->has_any = true;
    return NULL;
}

static bool status_word(pn_str word, int *ret_status)
{
    uint64_t number;

    if (pn_str_ieq(word, PN_STR("permanent")))
        *ret_status = 301;
    else if (pn_str_ieq(word, PN_STR("temp")))
        *ret_status = 302;
    else if (pn_str_ieq(word, PN_STR("seeother")))
        *ret_status = 303;
    else if (pn_str_ieq(word, PN_STR("gone")))
        *ret_status = 410;
    else if (pn_str_to_u64(word, 599, &number) == PN_OK && word.n == 3)
        *ret_status = (int)number;
    else
        return false;
    return true;
}

static bool is_url(pn_str s)
{
    size_t colon = pn_str_find(s, PN_STR("://"));

    return colon != SIZE_MAX && colon > 0;
}

/* Target of a redirection with a status from 300 to 399; none for others. */
static const char *take_target(struct pn_conf_cmd *cmd, struct alias_entry *entry, bool given, pn_str target)
{
    bool redirection = entry->status >= 300 && entry->status < 400;

    if (redirection && !given)
        return "URL to redirect to is missing";
    if (!redirection && given)
        return "Redirect URL not valid for this status";
    if (!given)
        return NULL;
    entry->real = pn_str_dup(cmd->pool, target);
    if (!entry->regex && !is_url(target) && (target.n == 0 || target.p[0] != '/'))
        return "Redirect to non-URL";
    return NULL;
}

/* Redirect [status] [path] [url]: what is there tells which is which. */
static const char *set_redirect(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct alias_dir    *dir = conf;
    struct alias_server *server = pn_conf_server_settings(cmd, &pn_module_alias);
    struct alias_entry   entry = { .status = row_is(cmd, "RedirectPermanent") ? 301 : 302 };
    bool                 match = row_is(cmd, "RedirectMatch"), has_status = false;
    unsigned             at = 0;

    if (!row_is(cmd, "RedirectPermanent") && !row_is(cmd, "RedirectTemp") && argc > 1)
        at = (has_status = status_word(argv[0], &entry.status));
    else if (argc == 1 && (has_status = status_word(argv[0], &entry.status)))
        at = 1;
    if (argc == 3 && !has_status)
        return pn_conf_error_text(cmd, "Redirect: '%.*s' is no status: permanent, temp, seeother, gone or a number", PN_FMT(argv[0]));
    bool located = (cmd->context & (PN_CTX_LOCATION | PN_CTX_IF)) != 0 && argc - at < 2 && !match &&
                   (argc - at == 0 || entry.status / 100 == 3);
    if (located) {
        bool given = argc > at;
        const char *error = given == (entry.status / 100 == 3) ? NULL : take_target(cmd, &entry, given, given ? argv[at] : PN_STR(""));
        if (!error && given)
            error = take_expr(cmd, &entry, argv[at]);
        dir->redirect = apr_pmemdup(cmd->pool, &entry, sizeof(entry));
        dir->has_any = true;
        return error;
    }
    if (argc == at)
        return "Redirect needs a URL path";
    entry.fake = pn_str_dup(cmd->pool, argv[at]);
    const char *error = match ? take_regex(cmd, &entry, entry.fake) : NULL;
    if (!error && !match && (entry.fake.n == 0 || entry.fake.p[0] != '/'))
        error = "Redirect from a URL path that does not begin with a slash";
    if (!error)
        error = take_target(cmd, &entry, argc > at + 1, argc > at + 1 ? argv[at + 1] : PN_STR(""));
    if (error)
        return error;
    if (cmd->context & (PN_CTX_DIR | PN_CTX_LIMIT)) {
        push(cmd->pool, &dir->redirects, &entry);
        dir->has_any = true;
    }
    else {
        push(cmd->pool, &server->redirects, &entry);
        server->has_any = true;
    }
    return NULL;
}

#define SECTIONS (PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_LOCATION)
#define REDIRECT(directive, arity, text)                                                           \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_redirect, .help = text }

static const struct pn_directive directives[] = {
    { .name = "Alias", .args = PN_TAKE12, .where = SECTIONS, .scope = PN_SCOPE_DIR, .set = set_alias,
      .help = "a URL path and the directory that it stands for" },
    { .name = "ScriptAlias", .args = PN_TAKE12, .where = SECTIONS, .scope = PN_SCOPE_DIR, .set = set_alias,
      .help = "a URL path and the directory of CGI programs that it stands for" },
    { .name = "AliasMatch", .args = PN_TAKE2, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_alias_match,
      .help = "a regular expression and what a matching URL path stands for" },
    { .name = "ScriptAliasMatch", .args = PN_TAKE2, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_alias_match,
      .help = "a regular expression and the CGI program that a matching URL path stands for" },
    { .name = "AliasPreservePath", .args = PN_FLAG, .where = SECTIONS, .slot = PN_SLOT(struct alias_dir, preserve), .dflt = "Off",
      .help = "Whether the path behind <Location> is added to an Alias inside it" },
    REDIRECT("Redirect", PN_TAKE123, "[status] URL path and the URL to send clients to"),
    REDIRECT("RedirectMatch", PN_TAKE23, "[status] regular expression and the URL to send clients to"),
    REDIRECT("RedirectTemp", PN_TAKE2, "URL path and the URL to send clients to (302)"),
    REDIRECT("RedirectPermanent", PN_TAKE2, "URL path and the URL to send clients to (301)"),
    { .name = "RedirectRelative", .args = PN_FLAG, .where = SECTIONS, .slot = PN_SLOT(struct alias_dir, relative), .dflt = "Off",
      .help = "Whether a redirection to a path is left relative" },
    { 0 }
};

/* ---- merging: the inner place's entries come first ---- */

static apr_array_header_t *inner_first(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    if (!outer || !inner)
        return inner ? inner : outer;
    return apr_array_append(pool, inner, outer);
}

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct alias_server *outer = base, *inner = add;
    struct alias_server       *merged = out;

    merged->aliases = inner_first(pool, outer->aliases, inner->aliases);
    merged->redirects = inner_first(pool, outer->redirects, inner->redirects);
    merged->has_any = outer->has_any || inner->has_any;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct alias_dir *outer = base, *inner = add;
    struct alias_dir       *merged = out;

    merged->redirects = inner_first(pool, outer->redirects, inner->redirects);
    merged->alias = inner->alias ? inner->alias : outer->alias;
    merged->redirect = inner->redirect ? inner->redirect : outer->redirect;
    merged->has_any = outer->has_any || inner->has_any;
}

/* ---- matching ---- */

/* How much of the path the prefix covers; 0: it does not. Runs of slashes count as one on both sides. */
static size_t covered(pn_str path, pn_str prefix)
{
    size_t p = 0, f = 0;

    while (f < prefix.n) {
        if (prefix.p[f] == '/') {
            if (p >= path.n || path.p[p] != '/')
                return 0;
            while (p < path.n && path.p[p] == '/')
                p++;
            while (f < prefix.n && prefix.p[f] == '/')
                f++;
        }
        else if (p >= path.n || path.p[p++] != prefix.p[f++])
            return 0;
    }
    if (f && prefix.p[f - 1] != '/' && p < path.n && path.p[p] != '/')
        return 0;
    return p;
}

static void set_context(struct pn_request *r, const struct alias_entry *entry)
{
    r->context_prefix = entry->fake;
    r->context_document_root = entry->real;
}

/* An alias or redirection behind may open what this one is there to close: the request ends. */
PN_COLD static enum pn_verdict exploded(struct pn_request *r, const struct alias_entry *entry)
{
    return pn_reject(r, 500, PN_LOG_MODULE, 21161, "the pattern '%.*s' at %s gave up on this URL (match limit)", PN_FMT(entry->fake),
                     entry->where.p);
}

/* @param ret_filename what the aliases give; not written when none applies (PN_NEXT). */
static enum pn_verdict alias_of(struct pn_request *r, const apr_array_header_t *list, const struct alias_entry **ret_entry,
                                pn_str *ret_filename)
{
    for (int i = 0; list && i < list->nelts; i++) {
        const struct alias_entry *entry = &APR_ARRAY_IDX(list, i, struct alias_entry);
        struct pn_match           match;
        *ret_entry = entry;
        if (entry->regex) {
            pn_rc rc = pn_regex_match(entry->regex, r->path, &match);
            if (rc == PN_NOT_FOUND)
                continue;
            if (rc != PN_OK)
                return exploded(r, entry);
            *ret_filename = pn_match_expand(r->pool, entry->real, &match);
            return PN_HANDLED;
        }
        size_t n = covered(r->path, entry->fake);
        if (n) {
            set_context(r, entry);
            *ret_filename = PN_CAT(r->pool, entry->real, pn_str_from(r->path, n));
            return PN_HANDLED;
        }
    }
    return PN_NEXT;
}

/* Query and fragment of the answer: those of the rule win, else the request's query goes along. */
static pn_str with_query(struct pn_request *r, pn_str url)
{
    if (!r->query.n || pn_str_chr(url, '?', 0) != SIZE_MAX)
        return url;
    size_t hash = pn_str_chr(url, '#', 0);
    if (hash == SIZE_MAX)
        return PN_CAT(r->pool, url, PN_STR("?"), r->query);
    return PN_CAT(r->pool, pn_str_head(url, hash), PN_STR("?"), r->query, pn_str_from(url, hash));
}

static enum pn_verdict redirect_to(struct pn_request *r, const struct alias_entry *entry, pn_str url)
{
    const struct alias_dir *conf = pn_dir_conf(r, &pn_module_alias);

    if (!entry->real.p && !entry->expr)
        return pn_reject_quietly(r, entry->status);
    url = with_query(r, url);
    if (url.n && url.p[0] == '/' && !conf->relative)
        url = pn_self_url(r, url);
    if (!pn_header_value_ok(url))
        return pn_reject(r, 400, PN_LOG_MODULE, 20022, "a redirection to a URL with control characters was refused");
    pn_headers_set(&r->out, PN_HDR_LOCATION, url);
    return pn_reject_quietly(r, entry->status);
}

static enum pn_verdict try_redirects(struct pn_request *r, const apr_array_header_t *list)
{
    for (int i = 0; list && i < list->nelts; i++) {
        const struct alias_entry *entry = &APR_ARRAY_IDX(list, i, struct alias_entry);
        struct pn_match           match;
        if (entry->regex) {
            pn_rc rc = pn_regex_match(entry->regex, r->path, &match);
            if (rc == PN_NOT_FOUND)
                continue;
            return rc == PN_OK ? redirect_to(r, entry, pn_match_expand(r->pool, entry->real, &match)) : exploded(r, entry);
        }
        size_t n = covered(r->path, entry->fake);
        if (n)
            return redirect_to(r, entry, PN_CAT(r->pool, entry->real, pn_uri_encode_path(r->pool, pn_str_from(r->path, n))));
    }
    return PN_NEXT;
}

/* ---- hooks ---- */

static void take_script(struct pn_request *r, const struct alias_entry *entry)
{
    if (!entry->script)
        return;
    r->handler = PN_STR("cgi-script");
    apr_table_setn(pn_notes(r), "alias-forced-type", "cgi-script");
}

PN_MAY_YIELD static enum pn_verdict alias_translate(struct pn_request *r)
{
    const struct alias_server *server = pn_server_conf(r->server, &pn_module_alias);
    const struct alias_dir    *dir = pn_dir_conf(r, &pn_module_alias);
    const struct alias_entry  *entry = NULL;
    pn_str                     filename = { NULL, 0 };

    if (r->path.n == 0 || r->path.p[0] != '/')
        return PN_NEXT;
    enum pn_verdict verdict = try_redirects(r, server->redirects);
    if (verdict != PN_NEXT)
        return verdict;
    if (dir->alias) {
        entry = dir->alias;
        if (pn_expr_text_of(r, entry->expr, &filename) != PN_OK)
            return pn_reject(r, 500, PN_LOG_MODULE, 2825, "the expression of Alias cannot be evaluated");
    }
    else if ((verdict = alias_of(r, server->aliases, &entry, &filename)) == PN_REJECTED)
        return verdict;
    if (!filename.p)
        return PN_NEXT;
    take_script(r, entry);
    r->filename = filename;
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict alias_fixup(struct pn_request *r)
{
    const struct alias_dir *dir = pn_dir_conf(r, &pn_module_alias);
    pn_str                  target = PN_STR("");

    if (dir->redirect) {
        if (dir->redirect->expr && pn_expr_text_of(r, dir->redirect->expr, &target) != PN_OK)
            return pn_reject(r, 500, PN_LOG_MODULE, 2826, "the expression of Redirect cannot be evaluated");
        return redirect_to(r, dir->redirect, target);
    }
    return try_redirects(r, dir->redirects);
}

static bool dir_matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct alias_dir *dir = dir_conf;

    (void)server, (void)server_conf;
    return !dir || dir->has_any;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_translate_name(h, alias_translate, { .before = "mod_userdir.c,mod_vhost_alias.c" });
    pn_hook_fixup(h, alias_fixup, { .when = dir_matters });
}

struct pn_module pn_module_alias = {
    .api = PN_MODULE_API,
    .name = "mod_alias.c",
    .apache_id = "alias_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct alias_dir),
    .server_conf_size = sizeof(struct alias_server),
    .dir_conf_merge = dir_merge,
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
