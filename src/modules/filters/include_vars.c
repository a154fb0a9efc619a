/* include_vars.c - the variables of server-side includes, substitution, and conditions. Apache manual: mod_include, "Include
 * Variables", "Variable Substitution", "Flow Control Elements".
 *
 * A variable is looked for among those that the page has set, the include variables, the request's environment, and last the
 * CGI variables, which are computed when a page first needs them: most pages never do. */
#define PN_LOG_MODULE &pn_module_include
#include <pinion/log.h>

#include <apr_strings.h>
#include <pinion/cgi.h>
#include <pwd.h>
#include <time.h>

#include "include.h"

#define TIME_TEXT_MAX 256

/* ---- include variables ---- */

pn_str include_time(struct include *self, pn_wall when, bool gmt)
{
    time_t    seconds = (time_t)(when / PN_USEC_PER_SEC);
    struct tm parts;
    char     *text = apr_palloc(self->scratch, TIME_TEXT_MAX);

    if (!(gmt ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)))
        return PN_STR("");
    return pn_str_n(text, strftime(text, TIME_TEXT_MAX, self->time_format.p, &parts));
}

struct owner_job { uid_t uid; char *buffer; size_t room; struct passwd entry, *found; };

static void owner_fn(void *arg)
{
    struct owner_job *job = arg;

    if (getpwuid_r(job->uid, &job->entry, job->buffer, job->room, &job->found) != 0)
        job->found = NULL;
}

/* The name of the user who owns the document. */
PN_MAY_YIELD static pn_str owner_name(struct include *self)
{
    struct pn_request *base = self->vars->base;
    struct owner_job   job = { .uid = base->finfo.uid, .room = 4096 };

    job.buffer = apr_palloc(self->scratch, job.room);
    if (base->finfo.type == PN_FILE_NONE || pn_run_blocking(base, owner_fn, &job) != PN_OK || !job.found)
        return PN_STR("<unknown>");
    return pn_str_z(job.found->pw_name);
}

/* Characters that mean something to a shell get a backslash. */
static pn_str shell_escaped(apr_pool_t *pool, pn_str text)
{
    struct pn_buf out;
    pn_str        escaped = PN_STR("");

    pn_buf_init(&out, pool, 2 * text.n + 1);
    for (size_t i = 0; i < text.n; i++) {
        if (memchr("&;`'\"|*?~<>^()[]{}$\\\n", text.p[i], 21))
            pn_buf_ch(&out, '\\');
        pn_buf_ch(&out, text.p[i]);
    }
    pn_assert(pn_buf_done(&out, &escaped) == PN_OK);
    return escaped.p ? escaped : PN_STR("");
}

static pn_str query_unescaped(struct include *self)
{
    pn_str text = self->vars->base->query;

    if (!text.p || !include_decode(self->scratch, PN_STR("url"), &text))
        return (pn_str){ NULL, 0 };
    return shell_escaped(self->scratch, text);
}

static pn_str document_name(const struct pn_request *base)
{
    size_t slash = pn_str_rchr(base->filename, '/');

    return slash == SIZE_MAX ? base->path : pn_str_from(base->filename, slash + 1);
}

enum special { DATE_LOCAL, DATE_GMT, LAST_MODIFIED, DOCUMENT_URI, DOCUMENT_ARGS, DOCUMENT_PATH_INFO, USER_NAME, DOCUMENT_NAME,
               QUERY_STRING_UNESCAPED };
static const pn_str special_names[] = {
    [DATE_LOCAL] = PN_STR_INIT("DATE_LOCAL"), [DATE_GMT] = PN_STR_INIT("DATE_GMT"),
    [LAST_MODIFIED] = PN_STR_INIT("LAST_MODIFIED"), [DOCUMENT_URI] = PN_STR_INIT("DOCUMENT_URI"),
    [DOCUMENT_ARGS] = PN_STR_INIT("DOCUMENT_ARGS"), [DOCUMENT_PATH_INFO] = PN_STR_INIT("DOCUMENT_PATH_INFO"),
    [USER_NAME] = PN_STR_INIT("USER_NAME"), [DOCUMENT_NAME] = PN_STR_INIT("DOCUMENT_NAME"),
    [QUERY_STRING_UNESCAPED] = PN_STR_INIT("QUERY_STRING_UNESCAPED"),
};

PN_MAY_YIELD static pn_str special_value(struct include *self, enum special which)
{
    const struct pn_request *base = self->vars->base;

    switch (which) {
    case DATE_LOCAL: return include_time(self, base->time, false);
    case DATE_GMT: return include_time(self, base->time, true);
    case LAST_MODIFIED: return include_time(self, base->finfo.mtime, false);
    case DOCUMENT_URI: return base->path;
    case DOCUMENT_ARGS: return base->query.p ? base->query : PN_STR("");
    case DOCUMENT_PATH_INFO: return base->path_info.n ? base->path_info : (pn_str){ NULL, 0 };
    case USER_NAME: return owner_name(self);
    case DOCUMENT_NAME: return document_name(base);
    case QUERY_STRING_UNESCAPED: return query_unescaped(self);
    }
    return (pn_str){ NULL, 0 };
}

static int special_of(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(special_names); i++)
        if (pn_str_ieq(special_names[i], name))
            return (int)i;
    return -1;
}

PN_MAY_YIELD static void need_cgi(struct include *self)
{
    if (self->vars->has_cgi)
        return;
    self->vars->has_cgi = true;
    pn_cgi_set_vars(self->vars->base);
}

/* $0 to $9 of the last condition. */
static pn_str captured(struct include *self, pn_str name)
{
    unsigned group = (unsigned)(name.p[0] - '0');

    if (group >= self->match.groups) {
        PN_LOG_R(self->super.r, PN_LOG_WARNING, 1330, 0, "regex capture $%u is out of range in %s", group, self->super.r->filename.p);
        return PN_STR("");
    }
    return pn_match_group(&self->match, group);
}

pn_str include_var(struct include *self, pn_str name)
{
    struct include_vars *vars = self->vars;
    const char          *key = pn_str_zdup(self->scratch, name), *value;

    if (name.n == 1 && name.p[0] >= '0' && name.p[0] <= '9')
        return captured(self, name);
    if (vars->set && (value = apr_table_get(vars->set, key)))
        return pn_str_z(value);
    int special = special_of(name);
    if (special >= 0)
        return special_value(self, (enum special)special);
    value = pn_env_get(vars->base, key);
    if (!value && !vars->has_cgi) {
        need_cgi(self);
        value = pn_env_get(vars->base, key);
    }
    return pn_str_z(value);
}

void include_set(struct include *self, pn_str name, pn_str value)
{
    struct include_vars *vars = self->vars;
    const char          *key = pn_str_zdup(vars->base->pool, name), *text = pn_str_zdup(vars->base->pool, value);

    if (!vars->set)
        vars->set = apr_table_make(vars->base->pool, 8);
    apr_table_setn(vars->set, key, text);
    apr_table_setn(pn_env(vars->base), key, text); /* for programs that are run, and for expressions elsewhere */
}

static void print_one(struct include *self, const char *name, pn_str value)
{
    pn_str key = pn_str_z(name);

    (void)!include_encode(self->scratch, PN_STR("entity"), &key);
    (void)!include_encode(self->scratch, PN_STR("entity"), &value);
    pn_buf_str(&self->out, key);
    pn_buf_ch(&self->out, '=');
    pn_buf_str(&self->out, value);
    pn_buf_ch(&self->out, '\n');
}

void include_print_all(struct include *self)
{
    struct include_vars *vars = self->vars;

    need_cgi(self);
    const apr_array_header_t *all = apr_table_elts(pn_env(vars->base));
    for (int i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if (e->key && special_of(pn_str_z(e->key)) < 0)
            print_one(self, e->key, include_var(self, pn_str_z(e->key)));
    }
    for (size_t i = 0; i < PN_COUNT(special_names); i++) {
        pn_str value = include_var(self, special_names[i]);
        if (value.p)
            print_one(self, special_names[i].p, value);
    }
}

/* ---- substitution ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name behind the $ at `at`. @return bytes from the $ on; 0: it is just a $, SIZE_MAX: a brace is missing. */
static size_t reference_at(pn_str text, size_t at, pn_str *ret_name)
{
    size_t begin = at + 1, end;
    bool   braced = begin < text.n && text.p[begin] == '{';

    if (braced) {
        end = pn_str_chr(text, '}', ++begin);
        if (end == SIZE_MAX)
            return SIZE_MAX;
    }
    else
        for (end = begin; end < text.n && is_name_char(text.p[end]); end++)
            ;
    *ret_name = pn_str_n(text.p + begin, end - begin);
    return end == begin ? 0 : end + braced - at;
}

pn_str include_expand(struct include *self, pn_str text)
{
    struct pn_buf out;
    pn_str        name = PN_STR(""), result = PN_STR("");

    if (pn_str_chr(text, '$', 0) == SIZE_MAX)
        return text;
    pn_buf_init(&out, self->scratch, PN_EXPR_STRING_MAX);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] == '$') {
            pn_buf_ch(&out, text.p[++i]);
            continue;
        }
        size_t n = text.p[i] == '$' ? reference_at(text, i, &name) : 0;
        if (n == SIZE_MAX) {
            PN_LOG_R(self->super.r, PN_LOG_WARNING, 1331, 0, "Missing '}' on variable \"%s\" in %s",
                     pn_str_escape(self->scratch, pn_str_from(text, i + 2)).p, self->super.r->filename.p);
            break;
        }
        if (n == 0) {
            pn_buf_ch(&out, text.p[i]);
            continue;
        }
        pn_buf_str(&out, include_var(self, name));
        i += n - 1;
    }
    return pn_buf_done(&out, &result) == PN_OK && result.p ? result : PN_STR("");
}

/* ---- conditions ---- */

/* The request's environment, with the page's own variables before it. */
struct page_env {
    struct pn_expr_env        env;
    const struct pn_expr_ops *below;
    struct pn_expr_ops        ops;
    struct include           *self;
};

PN_MAY_YIELD static pn_rc page_get(struct pn_expr_env *env, enum pn_expr_get what, pn_str name, pn_str *ret_value)
{
    struct page_env *page = PN_CONTAINER(env, struct page_env, env);

    if (what != PN_EXPR_GET_REQENV && what != PN_EXPR_GET_INCLUDE)
        return page->below->get(env, what, name, ret_value);
    *ret_value = include_var(page->self, name);
    return PN_OK;
}

/* Captures outlive the strings that they were found in. */
static void keep_match(struct include *self)
{
    if (self->match.groups)
        self->match.subject = pn_str_dup(self->super.r->pool, self->match.subject);
}

bool include_holds(struct include *self, pn_str condition, bool *ret_ok)
{
    struct pn_request    *r = self->super.r;
    struct page_env       page = { .env = pn_request_expr_env(r, &self->match), .self = self };
    const struct pn_expr *expr;
    struct pn_expr_error  error = { 0 };
    bool                  legacy = self->conf->legacy_expr, holds = false;

    *ret_ok = false;
    if (pn_expr_compile(self->scratch, condition, legacy ? PN_EXPR_INCLUDE : PN_EXPR_CONDITION,
                        legacy ? PN_EXPR_RESTRICTED : PN_EXPR_RESTRICTED | PN_EXPR_NO_FILES, &expr, &error) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 1337, 0, "Could not parse expr \"%s\" in %s: %s", pn_str_escape(self->scratch, condition).p,
                 r->filename.p, error.text);
        return false;
    }
    page.below = page.env.ops;
    page.ops = *page.env.ops;
    page.ops.get = page_get;
    page.env.ops = &page.ops;
    page.env.pool = self->scratch;
    if (pn_expr_test(expr, &page.env, &holds) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 1338, 0, "Could not evaluate expr \"%s\" in %s: %s", pn_str_escape(self->scratch, condition).p,
                 r->filename.p, page.env.error ? page.env.error : "it failed");
        return false;
    }
    keep_match(self);
    *ret_ok = true;
    return holds;
}
