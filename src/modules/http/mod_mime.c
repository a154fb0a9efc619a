/* mod_mime - what a file is, by the extensions of its name: media type, charset, language, encoding, handler, filters.
 * Runs: type_checker.   Yields: never.   Config: struct mime_conf.   Spec: Apache manual, mod_mime.
 *
 * The extensions of a name are looked at from left to right, the first component is not one; each row that applies
 * adds to the answer, and a later media type replaces an earlier one. */
#define PN_LOG_MODULE &pn_module_mime
#include <pinion/log.h>
#include <pinion/mime.h>

#include <stdio.h>
#include <stdlib.h>

/* MATCH_FILTERS and MATCH_HANDLERS may stand together. */
enum multiviews_match { MATCH_NEGOTIATED = 0, MATCH_FILTERS = 1, MATCH_HANDLERS = 2, MATCH_ANY = 4 };

/* What an extension means. Members with p == NULL say nothing; an empty one was removed. */
struct extension {
    pn_str type, encoding, language, charset, handler, output_filters, input_filters;
};

struct mime_conf {
    apr_hash_t *extensions;      /* lower-case extension to struct extension * */
    pn_str      default_language;
    bool        use_path_info;   /* ModMimeUsePathInfo */
    int         multiviews;      /* enum multiviews_match */
    bool        default_language_set;
};

struct mime_server {
    pn_str      types_config;
    apr_hash_t *types;           /* extension to media type (char *), from TypesConfig */
};

struct pn_module pn_module_mime;

/* ---- directives ---- */

static struct extension *need_extension(struct pn_conf_cmd *cmd, struct mime_conf *conf, pn_str name)
{
    if (name.n && name.p[0] == '.')
        name = pn_str_from(name, 1);
    if (!conf->extensions)
        conf->extensions = apr_hash_make(cmd->pool);
    pn_str            key = pn_str_lower(cmd->pool, name);
    struct extension *found = apr_hash_get(conf->extensions, key.p, (apr_ssize_t)key.n);
    if (!found) {
        found = apr_pcalloc(cmd->pool, sizeof(*found));
        apr_hash_set(conf->extensions, key.p, (apr_ssize_t)key.n, found);
    }
    return found;
}

static pn_str *member_of(struct extension *ext, const char *directive)
{
    const char *what = strncasecmp(directive, "Remove", 6) == 0 ? directive + 6 : directive + 3;

    if (strcasecmp(what, "Type") == 0)
        return &ext->type;
    if (strcasecmp(what, "Encoding") == 0)
        return &ext->encoding;
    if (strcasecmp(what, "Language") == 0)
        return &ext->language;
    if (strcasecmp(what, "Charset") == 0)
        return &ext->charset;
    if (strcasecmp(what, "Handler") == 0)
        return &ext->handler;
    return strcasecmp(what, "OutputFilter") == 0 ? &ext->output_filters : &ext->input_filters;
}

static const char *set_add(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    bool keep_case = strstr(cmd->row->name, "Filter") != NULL || strstr(cmd->row->name, "Language") != NULL;

    if (argc < 2)
        return pn_conf_error_text(cmd, "%s requires at least two arguments, %s", cmd->row->name, cmd->row->help);
    pn_str value = keep_case ? pn_str_dup(cmd->pool, argv[0]) : pn_str_lower(cmd->pool, argv[0]);
    for (unsigned i = 1; i < argc; i++)
        *member_of(need_extension(cmd, conf, argv[i]), cmd->row->name) = value;
    return NULL;
}

static const char *set_remove(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    for (unsigned i = 0; i < argc; i++)
        *member_of(need_extension(cmd, conf, argv[i]), cmd->row->name) = PN_STR("");
    return NULL;
}

static const char *set_default_language(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct mime_conf *mime = conf;

    (void)argc;
    mime->default_language = pn_str_lower(cmd->pool, argv[0]);
    mime->default_language_set = true;
    return NULL;
}

static const char *set_multiviews(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct mime_conf *mime = conf;

    for (unsigned i = 0; i < argc; i++) {
        if (pn_str_ieq(argv[i], PN_STR("Any")))
            mime->multiviews = MATCH_ANY;
        else if (pn_str_ieq(argv[i], PN_STR("NegotiatedOnly")))
            mime->multiviews = MATCH_NEGOTIATED;
        else if (pn_str_ieq(argv[i], PN_STR("Filters")))
            mime->multiviews |= MATCH_FILTERS;
        else if (pn_str_ieq(argv[i], PN_STR("Handlers")))
            mime->multiviews |= MATCH_HANDLERS;
        else
            return pn_conf_error_text(cmd, "unrecognized MultiviewsMatch option %.*s: Any, NegotiatedOnly, Filters or Handlers",
                                      PN_FMT(argv[i]));
    }
    pn_conf_mark_set(conf, &pn_module_mime, "MultiviewsMatch");
    return NULL;
}

#define ADD(directive, text)                                                                       \
    { .name = directive, .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_add, .help = text }
#define REMOVE(directive, text)                                                                    \
    { .name = directive, .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_remove, .help = text }

static const struct pn_directive directives[] = {
    ADD("AddType", "a media type followed by file extensions"),
    ADD("AddEncoding", "a content encoding followed by file extensions"),
    ADD("AddLanguage", "a language followed by file extensions"),
    ADD("AddCharset", "a charset followed by file extensions"),
    ADD("AddHandler", "a handler followed by file extensions"),
    ADD("AddOutputFilter", "filters, separated by ;, followed by file extensions"),
    ADD("AddInputFilter", "filters, separated by ;, followed by file extensions"),
    REMOVE("RemoveType", "file extensions whose media type is taken back"),
    REMOVE("RemoveEncoding", "file extensions whose encoding is taken back"),
    REMOVE("RemoveLanguage", "file extensions whose language is taken back"),
    REMOVE("RemoveCharset", "file extensions whose charset is taken back"),
    REMOVE("RemoveHandler", "file extensions whose handler is taken back"),
    REMOVE("RemoveOutputFilter", "file extensions whose output filters are taken back"),
    REMOVE("RemoveInputFilter", "file extensions whose input filters are taken back"),
    { .name = "DefaultLanguage", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_default_language,
      .help = "Language of files that no extension gives one" },
    { .name = "MultiviewsMatch", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_multiviews,
      .help = "Which files take part in MultiViews: Any, NegotiatedOnly, Filters, Handlers" },
    { .name = "ModMimeUsePathInfo", .args = PN_FLAG, .where = PN_CTX_SECTIONS,
      .slot = PN_SLOT(struct mime_conf, use_path_info), .dflt = "Off", .help = "Whether path info counts as part of the name" },
    { .name = "TypesConfig", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT_AS(PN_SLOT_PATH, struct mime_server, types_config), .dflt = NULL,
      .help = "The file of media types; default: the system's, else conf/mime.types" },
    { 0 }
};

/* ---- merging ---- */

static void merge_str(pn_str *to, pn_str from)
{
    if (from.p)
        *to = from;
}

static void *merge_extension(apr_pool_t *pool, const void *key, apr_ssize_t n, const void *inner, const void *outer, const void *data)
{
    struct extension       *merged = apr_pmemdup(pool, outer, sizeof(*merged));
    const struct extension *add = inner;

    (void)key, (void)n, (void)data;
    merge_str(&merged->type, add->type);
    merge_str(&merged->encoding, add->encoding);
    merge_str(&merged->language, add->language);
    merge_str(&merged->charset, add->charset);
    merge_str(&merged->handler, add->handler);
    merge_str(&merged->output_filters, add->output_filters);
    merge_str(&merged->input_filters, add->input_filters);
    return merged;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct mime_conf *outer = base, *inner = add;
    struct mime_conf       *merged = out;

    if (outer->extensions && inner->extensions)
        merged->extensions = apr_hash_merge(pool, inner->extensions, outer->extensions, merge_extension, NULL);
    else
        merged->extensions = inner->extensions ? inner->extensions : outer->extensions;
    if (inner->default_language_set) {
        merged->default_language = inner->default_language;
        merged->default_language_set = true;
    }
    if (pn_conf_is_set(inner, &pn_module_mime, "MultiviewsMatch"))
        merged->multiviews = inner->multiviews;
}

/* ---- the file of types ---- */

static void read_types_line(apr_pool_t *pool, apr_hash_t *types, pn_str line)
{
    pn_str type = pn_str_word(&line), ext;

    if (type.n == 0 || type.p[0] == '#')
        return;
    const char *value = NULL;
    while ((ext = pn_str_word(&line)).n) {
        if (!value)
            value = pn_str_zdup(pool, type);
        pn_str key = pn_str_lower(pool, ext);
        apr_hash_set(types, key.p, (apr_ssize_t)key.n, value);
    }
}

static bool read_types(apr_pool_t *pool, apr_hash_t *types, const char *path)
{
    FILE  *file = fopen(path, "re");
    char  *line = NULL;
    size_t room = 0;
    ssize_t n;

    if (!file)
        return false;
    while ((n = getline(&line, &room, file)) >= 0)
        read_types_line(pool, types, pn_str_n(line, (size_t)n));
    free(line);
    fclose(file);
    return true;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct mime_server *conf = PN_SERVER_CONF(generation->servers, &pn_module_mime);
    const char         *path = conf->types_config.n ? conf->types_config.p : "/etc/mime.types";
    apr_hash_t         *types = apr_hash_make(generation->pool);

    (void)pool, (void)check_only;
    bool found = read_types(generation->pool, types, path);
    if (!found && !conf->types_config.n) {
        path = pn_str_printf(generation->pool, "%s/conf/mime.types", generation->server_root.p).p;
        found = read_types(generation->pool, types, path) || !conf->types_config.n;
    }
    if (!found) {
        pn_generation_error(generation, "TypesConfig: could not open mime types config file %s.", path);
        return PN_BAD;
    }
    for (struct pn_server *s = generation->servers; s; s = s->next)
        ((struct mime_server *)PN_SERVER_CONF(s, &pn_module_mime))->types = types;
    return PN_OK;
}

/* ---- the answer for a name ---- */

struct finding {
    pn_str              type, charset, handler;
    struct pn_buf       encodings;
    apr_array_header_t *languages;
};

static void add_language(struct pn_request *r, struct finding *found, pn_str language)
{
    if (!found->languages)
        found->languages = apr_array_make(r->pool, 2, sizeof(pn_str));
    *(pn_str *)apr_array_push(found->languages) = language;
}

static void add_filters(struct pn_request *r, pn_str list, bool output)
{
    while (list.n) {
        pn_str name = pn_str_trim(pn_str_cut(list, ';', &list));
        pn_rc  rc = name.n == 0 ? PN_OK : output ? pn_add_output_filter(r, name, NULL) : pn_add_input_filter(r, name, NULL);
        if (rc != PN_OK)
            PN_LOG_R(r, PN_LOG_ERR, 20021, 0, "no active module offers the filter '%.*s' (AddOutputFilter, AddInputFilter)", PN_FMT(name));
    }
}

static void apply_extension(struct pn_request *r, const struct extension *ext, const char *system_type, struct finding *found)
{
    if (ext && ext->type.n)
        found->type = ext->type;
    else if (system_type)
        found->type = pn_str_z(system_type);
    if (!ext)
        return;
    if (ext->charset.n)
        found->charset = ext->charset;
    if (ext->language.n)
        add_language(r, found, ext->language);
    if (ext->encoding.n) {
        if (found->encodings.n)
            pn_buf_lit(&found->encodings, ", ");
        pn_buf_str(&found->encodings, ext->encoding);
    }
    if (ext->handler.n)
        found->handler = ext->handler;
    add_filters(r, ext->output_filters, true);
    add_filters(r, ext->input_filters, false);
}

#define EXTENSION_MAX 64

/* One extension: by configuration in this place, else by the file of types. */
static void look_at(struct pn_request *r, const struct mime_conf *conf, const struct mime_server *server, pn_str ext,
                    struct finding *found)
{
    char                    lower[EXTENSION_MAX];
    const struct extension *row = NULL;

    if (ext.n == 0 || ext.n > sizeof(lower))
        return;
    for (size_t i = 0; i < ext.n; i++)
        lower[i] = ext.p[i] >= 'A' && ext.p[i] <= 'Z' ? (char)(ext.p[i] | 0x20) : ext.p[i];
    if (conf->extensions)
        row = apr_hash_get(conf->extensions, lower, (apr_ssize_t)ext.n);
    apply_extension(r, row, apr_hash_get(server->types, lower, (apr_ssize_t)ext.n), found);
}

static pn_str joined_languages(struct pn_request *r)
{
    struct pn_buf all;
    pn_str        text = PN_STR("");

    pn_buf_init(&all, r->pool, 4096);
    for (int i = 0; i < r->languages->nelts; i++) {
        if (i)
            pn_buf_ch(&all, ',');
        pn_buf_str(&all, APR_ARRAY_IDX(r->languages, i, pn_str));
    }
    return pn_buf_done(&all, &text) == PN_OK ? text : PN_STR("");
}

static void publish(struct pn_request *r, const struct mime_conf *conf, struct finding *found)
{
    if (found->type.n) {
        r->content_type = found->type;
        if (found->charset.n)
            r->content_type = PN_CAT(r->pool, found->type, PN_STR("; charset="), found->charset);
        r->charset = found->charset;
    }
    if (found->handler.n)
        r->handler = found->handler;
    if (found->encodings.n) {
        (void)!pn_buf_done(&found->encodings, &r->content_encoding);
        pn_headers_set(&r->out, PN_HDR_CONTENT_ENCODING, r->content_encoding);
    }
    if (found->languages)
        r->languages = found->languages;
    else if (conf->default_language.n) {
        add_language(r, found, conf->default_language);
        r->languages = found->languages;
    }
    if (r->languages)
        pn_headers_set(&r->out, PN_HDR_CONTENT_LANGUAGE, joined_languages(r));
}

static pn_str last_component(pn_str path)
{
    size_t slash = pn_str_rchr(path, '/');

    return slash == SIZE_MAX ? path : pn_str_from(path, slash + 1);
}

static enum pn_verdict mime_type_checker(struct pn_request *r)
{
    const struct mime_conf   *conf = pn_dir_conf(r, &pn_module_mime);
    const struct mime_server *server = pn_server_conf(r->server, &pn_module_mime);
    struct finding            found = { 0 };
    pn_str                    rest, name;

    if (r->finfo.type == PN_FILE_DIRECTORY) {
        r->content_type = PN_STR("httpd/unix-directory");
        return PN_HANDLED;
    }
    pn_buf_init(&found.encodings, r->pool, 1024);
    name = conf->use_path_info && r->path_info.n ? PN_CAT(r->pool, last_component(r->filename), r->path_info)
                                                 : last_component(r->filename);
    while (name.n && name.p[0] == '.') /* a leading dot begins the name of a hidden file, not an extension */
        name = pn_str_from(name, 1);
    pn_str_cut(name, '.', &rest);
    while (rest.p) {
        pn_str ext = pn_str_cut(rest, '.', &rest);
        look_at(r, conf, server, ext, &found);
    }
    publish(r, conf, &found);
    return PN_HANDLED;
}

/* ---- MultiViews: which names a file may be asked for by ---- */

static bool says_something(const struct mime_conf *conf, const struct mime_server *server, pn_str ext)
{
    char                    lower[EXTENSION_MAX];
    const struct extension *row = NULL;

    if (conf->multiviews == MATCH_ANY)
        return true;
    if (ext.n == 0 || ext.n > sizeof(lower))
        return false;
    for (size_t i = 0; i < ext.n; i++)
        lower[i] = ext.p[i] >= 'A' && ext.p[i] <= 'Z' ? (char)(ext.p[i] | 0x20) : ext.p[i];
    if (conf->extensions)
        row = apr_hash_get(conf->extensions, lower, (apr_ssize_t)ext.n);
    if (apr_hash_get(server->types, lower, (apr_ssize_t)ext.n))
        return true;
    if (!row)
        return false;
    if (row->type.n || row->charset.n || row->language.n || row->encoding.n)
        return true;
    if ((conf->multiviews & MATCH_HANDLERS) && row->handler.n)
        return true;
    return (conf->multiviews & MATCH_FILTERS) && (row->output_filters.n || row->input_filters.n);
}

static bool is_form_of(const struct pn_request *file, pn_str asked)
{
    const struct mime_conf   *conf = pn_dir_conf(file, &pn_module_mime);
    const struct mime_server *server = pn_server_conf(file->server, &pn_module_mime);
    pn_str                    name = last_component(file->filename), rest = asked;
    size_t                    dots = 0;
    bool                      any = false;

    while (dots < name.n && name.p[dots] == '.') /* they belong to the first component */
        dots++;
    size_t end = pn_str_chr(name, '.', dots);
    pn_str component = pn_str_head(name, end);
    for (;;) { /* a component of the name that must be one of `asked` */
        if (!rest.p)
            return false;
        pn_str wanted = pn_str_cut(rest, '.', &rest);
        while (!pn_str_eq(wanted, component)) {
            if (!rest.p)
                return false;
            wanted = pn_str_cut(rest, '.', &rest);
        }
        do { /* the next one that says nothing */
            if (end >= name.n)
                return any;
            size_t next = pn_str_chr(name, '.', end + 1);
            component = pn_str_n(name.p + end + 1, (next == SIZE_MAX ? name.n : next) - end - 1);
            end = next;
        } while (says_something(conf, server, component) && (any = true));
    }
}

static const struct pn_mime_provider provider = { .is_form_of = is_form_of };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, "mime", "mime", &provider);
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_type_checker(h, mime_type_checker, { .by_name = true });
}

struct pn_module pn_module_mime = {
    .api = PN_MODULE_API,
    .name = "mod_mime.c",
    .apache_id = "mime_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct mime_conf),
    .server_conf_size = sizeof(struct mime_server),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
