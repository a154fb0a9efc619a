/* mod_vhost_alias - document roots named by the host or the address that was asked for: mass virtual hosting.
 * Runs: translate_name, after mod_alias and mod_userdir.   Yields: host names by DNS (UseCanonicalName DNS).
 * Config: struct vhost_alias.   Spec: Apache manual, mod_vhost_alias.
 *
 * What comes from a host name is letters, digits, "-", "." and "_" only (the request's head has been checked), and the parts
 * that "..", or nothing, would make of a component are refused. */
#define PN_LOG_MODULE &pn_module_vhost_alias
#include <pinion/log.h>
#include <pinion/request.h>

enum root_kind { ROOT_NONE = 0, ROOT_BY_NAME, ROOT_BY_ADDRESS };

struct root {
    enum root_kind kind;
    pn_str         text; /* with %N.M */
    bool           set;
};

struct vhost_alias {
    struct root docs, scripts;
};

#define SCRIPTS PN_STR("/cgi-bin/")

struct pn_module pn_module_vhost_alias;

/* ---- directives ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "-2+" at *at: sign, one or more digits, plus. */
static bool skip_selector(pn_str text, size_t *at)
{
    size_t i = *at;

    i += i < text.n && text.p[i] == '-';
    if (i >= text.n || !is_digit(text.p[i]))
        return false;
    while (i < text.n && is_digit(text.p[i]))
        i++;
    i += i < text.n && text.p[i] == '+';
    *at = i;
    return true;
}

static const char *check_text(struct pn_conf_cmd *cmd, pn_str text)
{
    for (size_t i = 0; i < text.n;) {
        if (text.p[i++] != '%')
            continue;
        if (i < text.n && (text.p[i] == '%' || text.p[i] == 'p'))
            i++;
        else if (!skip_selector(text, &i))
            return pn_conf_error_text(cmd, "%s: behind %% there may be %%, p, or a number like 1, -2+ or 2.1", cmd->row->name);
        else if (i + 1 < text.n && text.p[i] == '.' && (is_digit(text.p[i + 1]) || text.p[i + 1] == '-')) {
            i++;
            if (!skip_selector(text, &i))
                return pn_conf_error_text(cmd, "%s: a number is missing behind the dot", cmd->row->name);
        }
    }
    return NULL;
}

static const char *set_root(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct vhost_alias *alias = conf;
    bool                scripts = pn_str_istarts(pn_str_z(cmd->row->name), PN_STR("VirtualScript"));
    struct root        *root = scripts ? &alias->scripts : &alias->docs;

    (void)argc;
    root->set = true;
    root->kind = ROOT_NONE;
    if (pn_str_ieq(argv[0], PN_STR("none")))
        return NULL;
    if (argv[0].n == 0 || argv[0].p[0] != '/')
        return pn_conf_error_text(cmd, "%s: the directory must be an absolute path, not '%.*s'", cmd->row->name, PN_FMT(argv[0]));
    root->kind = pn_str_iends(pn_str_z(cmd->row->name), PN_STR("IP")) ? ROOT_BY_ADDRESS : ROOT_BY_NAME;
    root->text = pn_str_dup(cmd->pool, argv[0]);
    return check_text(cmd, argv[0]);
}

#define ROW(directive, text)                                                                       \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_root, .help = text }

static const struct pn_directive directives[] = {
    ROW("VirtualDocumentRoot", "a document root with parts of the host name in it, as %0 or %2.1+; none"),
    ROW("VirtualDocumentRootIP", "a document root with parts of the server's address in it; none"),
    ROW("VirtualScriptAlias", "the directory of /cgi-bin/ with parts of the host name in it; none"),
    ROW("VirtualScriptAliasIP", "the directory of /cgi-bin/ with parts of the server's address in it; none"),
    { 0 }
};

static void server_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct vhost_alias *inner = add;
    struct vhost_alias       *merged = out;

    (void)pool, (void)base;
    if (inner->docs.set)
        merged->docs = inner->docs;
    if (inner->scripts.set)
        merged->scripts = inner->scripts;
}

/* ---- names into directories ---- */

struct selector { size_t number; bool from_end, plus; };

static struct selector take_selector(pn_str text, size_t *at)
{
    struct selector s = { .from_end = text.p[*at] == '-' };

    *at += s.from_end;
    while (*at < text.n && is_digit(text.p[*at])) {
        s.number = s.number < 100000 ? s.number * 10 + (size_t)(text.p[*at] - '0') : s.number;
        (*at)++;
    }
    s.plus = *at < text.n && text.p[*at] == '+';
    *at += s.plus;
    return s;
}

static size_t count_parts(pn_str name)
{
    size_t n = 1;

    for (size_t i = 0; i < name.n; i++)
        n += name.p[i] == '.';
    return n;
}

/* Where the part of this number (from 0) begins. */
static size_t part_begin(pn_str name, size_t number)
{
    size_t at = 0;

    while (number--)
        at = pn_str_chr(name, '.', at) + 1;
    return at;
}

static size_t part_end(pn_str name, size_t number)
{
    size_t dot = pn_str_chr(name, '.', part_begin(name, number));

    return dot == SIZE_MAX ? name.n : dot;
}

/* The first and last of `count` things that the selector names, from 0. @return false: there are not so many. */
static bool range_of(struct selector s, size_t count, size_t *ret_first, size_t *ret_last)
{
    size_t index;

    *ret_first = 0;
    *ret_last = count - 1;
    if (s.number == 0)
        return count > 0;
    if (s.number > count)
        return false;
    index = s.from_end ? count - s.number : s.number - 1;
    if (!s.plus || !s.from_end)
        *ret_first = index;
    if (!s.plus || s.from_end)
        *ret_last = index;
    return true;
}

/* What "%N.M" stands for; an underscore when the name has not so many parts or characters. */
static pn_str select_part(pn_str name, struct selector part, struct selector byte)
{
    size_t first, last;
    pn_str chosen;

    if (!range_of(part, count_parts(name), &first, &last))
        return PN_STR("_");
    chosen = pn_str_n(name.p + part_begin(name, first), part_end(name, last) - part_begin(name, first));
    if (!range_of(byte, chosen.n, &first, &last))
        return PN_STR("_");
    return pn_str_n(chosen.p + first, last + 1 - first);
}

static void add_selected(struct pn_buf *out, pn_str text, size_t *at, pn_str name)
{
    struct selector part = take_selector(text, at), byte = { 0 };

    if (*at + 1 < text.n && text.p[*at] == '.' && (is_digit(text.p[*at + 1]) || text.p[*at + 1] == '-')) {
        (*at)++;
        byte = take_selector(text, at);
    }
    pn_buf_str(out, select_part(name, part, byte));
}

#define NAME_MAX_BYTES 4096

static pn_str interpolate(struct pn_request *r, pn_str text, pn_str name)
{
    struct pn_buf out;
    pn_str        bytes = { NULL, 0 };

    pn_buf_init(&out, r->pool, NAME_MAX_BYTES);
    for (size_t i = 0; i < text.n;) {
        char c = text.p[i++];
        if (c != '%')
            pn_buf_ch(&out, c);
        else if (text.p[i] == '%') {
            pn_buf_ch(&out, '%');
            i++;
        }
        else if (text.p[i] == 'p') {
            pn_buf_u64(&out, pn_self_port(r));
            i++;
        }
        else
            add_selected(&out, text, &i, name);
    }
    while (out.n > 1 && out.p[out.n - 1] == '/')
        out.n--;
    if (pn_buf_done(&out, &bytes) != PN_OK)
        return (pn_str){ NULL, 0 };
    return bytes;
}

/* A name can make a component "..", or an empty one, of a text like "/%1.1%2": no directory of that name is meant. */
static bool is_plain_path(pn_str path)
{
    pn_str rest = pn_str_from(path, 1);

    while (rest.p) {
        pn_str part = pn_str_cut(rest, '/', &rest);
        if (pn_str_eq(part, PN_STR("..")) || pn_str_eq(part, PN_STR(".")))
            return false;
    }
    return true;
}

PN_MAY_YIELD static pn_str name_for(struct pn_request *r, enum root_kind kind)
{
    struct pn_addr local;
    char           text[48];

    if (kind == ROOT_BY_NAME)
        return pn_str_lower(r->pool, pn_self_name(r));
    local = pn_conn_local(r->conn);
    return pn_str_dup(r->pool, pn_str_n(text, pn_addr_print(&local, text)));
}

PN_MAY_YIELD static enum pn_verdict vhost_alias_translate(struct pn_request *r)
{
    const struct vhost_alias *conf = pn_server_conf(r->server, &pn_module_vhost_alias);
    bool                      script = conf->scripts.kind != ROOT_NONE && pn_str_starts(r->path, SCRIPTS);
    const struct root        *root = script ? &conf->scripts : &conf->docs;
    pn_str                    dir;

    if (root->kind == ROOT_NONE || r->path.n == 0 || r->path.p[0] != '/')
        return PN_NEXT;
    dir = interpolate(r, root->text, name_for(r, root->kind));
    if (!dir.p || !is_plain_path(dir))
        return pn_reject_quietly(r, 404);
    if (script) {
        r->handler = PN_STR("cgi-script");
        apr_table_setn(pn_notes(r), "alias-forced-type", "cgi-script");
        r->filename = PN_CAT(r->pool, dir, pn_str_from(r->path, SCRIPTS.n - 1));
        return PN_HANDLED;
    }
    r->context_document_root = dir;
    r->filename = PN_CAT(r->pool, dir.n == 1 ? PN_STR("") : dir, r->path);
    return PN_HANDLED;
}

static bool matters(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct vhost_alias *conf = server_conf;

    (void)server, (void)dir_conf;
    return !conf || conf->docs.kind != ROOT_NONE || conf->scripts.kind != ROOT_NONE;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_translate_name(h, vhost_alias_translate, { .after = "mod_alias.c,mod_userdir.c", .when = matters });
}

struct pn_module pn_module_vhost_alias = {
    .api = PN_MODULE_API,
    .name = "mod_vhost_alias.c",
    .apache_id = "vhost_alias_module",
    .directives = directives,
    .server_conf_size = sizeof(struct vhost_alias),
    .server_conf_merge = server_merge,
    .hooks = hooks,
};
