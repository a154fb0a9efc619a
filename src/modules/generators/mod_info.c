/* mod_info.c - the handler server-info: the modules, the configuration as it was read, hooks, filters and providers.
 *
 * Runs: handler.   Suspends: never.   Settings: struct info_conf, a server's.   Apache manual: "Apache Module mod_info".
 * It shows what is in the configuration, secrets included, to everybody who may ask for it: as there, access to it is the
 * administrator's to limit. */
#include "mod_info.h"

#include <pinion/uri.h>
#include <stdlib.h>

#include "page_policy.h"

#define PAGE_MAX_BYTES (32 * 1024 * 1024)

static const char style[] =
    ":root{--ground:#f4f5f2;--panel:#fff;--ink:#1c2326;--soft:#5c6970;--line:#dfe4e2;--link:#3558b8;--key:#0b7261;"
    "color-scheme:light dark}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#111617;--panel:#192022;--ink:#e3e9e7;--soft:#94a3a6;--line:#2a3437;"
    "--link:#86a4ff;--key:#45c4a9}}\n"
    "body{margin:0 auto;max-width:1080px;padding:26px 20px 40px;background:var(--ground);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",sans-serif}\n"
    "h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:0 0 10px;overflow-wrap:anywhere}h3{font-size:13px;"
    "color:var(--soft);font-weight:500;margin:14px 0 4px}\n"
    "section{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:14px 0;"
    "overflow-wrap:anywhere}\n"
    "nav{color:var(--soft)}nav a{margin-right:14px}a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\n"
    "a:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 22px;margin:0}dt{color:var(--soft)}dd{margin:0}\n"
    "ol,ul{margin:0;padding:0;list-style:none}.many{columns:17rem;column-gap:24px}\n"
    ".lines,code{font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,monospace}.lines{white-space:pre-wrap}\n"
    ".lines i{color:var(--soft);font-style:normal;display:inline-block;min-width:4ch;text-align:right;margin-right:2ch;"
    "user-select:none}.lines b{color:var(--key);font-weight:600}\n"
    ".soft{color:var(--soft)}:target h2{color:var(--key)}\n"
    "@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin:0 0 6px}}\n";

/* ---- AddModuleInfo ---- */

static const char *add_note(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct info_conf *self = conf;

    if (!self->notes)
        self->notes = apr_array_make(cmd->pool, 4, sizeof(struct info_note));
    *(struct info_note *)apr_array_push(self->notes) = (struct info_note){ argv[0], argv[1] };
    return NULL;
}

static void merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct info_conf *outer = base, *inner = add;
    struct info_conf       *to = merged;

    to->notes = outer->notes && inner->notes ? apr_array_append(pool, outer->notes, inner->notes)
                : outer->notes               ? outer->notes
                                             : inner->notes;
}

static const struct pn_directive directives[] = {
    { .name = "AddModuleInfo", .args = PN_TAKE2, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = add_note,
      .help = "HTML that the page of mod_info shows with a module: mod_x.c and the text" },
    { 0 }
};

/* ---- the page ---- */

void info_put_text(struct info_page *page, pn_str text)
{
    pn_buf_str(&page->out, pn_html_escape(page->r->pool, text));
}

void info_put_link(struct info_page *page, const struct pn_module *module)
{
    pn_buf_printf(&page->out, "<a href=\"%s%s\">%s</a>", page->whole ? "#" : "?", module->name, module->name);
}

static int by_name(const void *a, const void *b)
{
    const struct pn_module *const *one = a, *const *other = b;

    return strcmp((*one)->name, (*other)->name);
}

static void sort_modules(struct info_page *page)
{
    const struct pn_generation *generation = page->generation;

    page->modules = apr_palloc(page->r->pool, (generation->n_modules + 1) * sizeof(*page->modules));
    for (unsigned i = 0; i < generation->n_modules; i++)
        page->modules[i] = generation->modules[i];
    qsort(page->modules, generation->n_modules, sizeof(*page->modules), by_name);
}

static void put_top(struct info_page *page, const char *nonce)
{
    struct pn_buf *out = &page->out;

    pn_buf_printf(out,
                  "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>Server Information</title>\n<style nonce=\"%s\">\n%s</style>\n</head>\n<body>\n"
                  "<h1>%s Server Information</h1>\n",
                  nonce, style, pn_server_version());
    pn_buf_lit(out, "<nav><a href=\"?config\">Configuration</a><a href=\"?server\">Server</a><a href=\"?list\">Modules</a>"
                    "<a href=\"?hooks\">Hooks</a><a href=\"?providers\">Providers</a><a href=\"?\">All</a></nav>\n");
}

static void put_modules(struct info_page *page, pn_str only)
{
    for (unsigned i = 0; i < page->generation->n_modules; i++)
        if (only.n == 0 || pn_str_ieq(only, pn_str_z(page->modules[i]->name)))
            info_put_module(page, page->modules[i]);
}

/* COMPAT: 2.4 shows nothing but its heading for a name that it does not know. */
static void put_parts(struct info_page *page, pn_str what)
{
    static const struct {
        pn_str name;
        void (*put)(struct info_page *page);
    } parts[] = {
        { PN_STR_INIT("list"), info_put_list },           { PN_STR_INIT("server"), info_put_server },
        { PN_STR_INIT("config"), info_put_config },       { PN_STR_INIT("hooks"), info_put_hooks },
        { PN_STR_INIT("providers"), info_put_providers },
    };
    bool found = false;

    for (size_t i = 0; i < PN_COUNT(parts); i++) {
        bool chosen = pn_str_ieq(what, parts[i].name);

        if (chosen || (page->whole && !pn_str_eq(parts[i].name, PN_STR("config"))))
            parts[i].put(page);
        found |= chosen;
    }
    if (!found)
        put_modules(page, what);
}

static enum pn_verdict handler(struct pn_request *r)
{
    struct info_page page = { .r = r, .generation = r->conn->generation };
    pn_str           content;

    if (!pn_str_eq(r->handler, PN_STR("server-info")))
        return PN_NEXT;
    if (!pn_method_is(r, PN_METHOD_GET) && !pn_method_is(r, PN_METHOD_HEAD))
        return PN_NEXT;
    pn_buf_init(&page.out, r->pool, PAGE_MAX_BYTES);
    pn_buf_reserve(&page.out, 128 * 1024);
    page.whole = r->query.n == 0;
    page.hooks = pn_hook_infos(page.generation, r->pool);
    sort_modules(&page);
    put_top(&page, page_policy(r, false));
    put_parts(&page, r->query);
    pn_buf_lit(&page.out, "</body>\n</html>\n");
    if (pn_buf_done(&page.out, &content) != PN_OK)
        return pn_reject_quietly(r, 500);
    pn_set_content_type(r, PN_STR("text/html; charset=utf-8"));
    r->body = pn_body_bytes(r, content);
    return PN_HANDLED;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, handler, { 0 });
}

struct pn_module pn_module_info_page = {
    .api = PN_MODULE_API,
    .name = "mod_info.c",
    .apache_id = "info_module",
    .directives = directives,
    .server_conf_size = sizeof(struct info_conf),
    .server_conf_merge = merge,
    .wants_lines = true,
    .hooks = hooks,
};
