/* mod_info_parts.c - sections of the page of mod_info: the server, the list of modules, hooks, filters and providers. */
#include "mod_info.h"

#include <apr_version.h>
#include <apu_version.h>
#include <pinion/regex.h>
#include <pinion/scoreboard.h>

/* ---- the server ---- */

static void put_item(struct info_page *page, const char *name, pn_str value)
{
    pn_buf_printf(&page->out, "<dt>%s</dt><dd>", name);
    info_put_text(page, value);
    pn_buf_lit(&page->out, "</dd>\n");
}

static void put_model(struct info_page *page)
{
    struct pn_board_info info;

    if (!pn_board_info(page->generation, &info))
        return;
    put_item(page, "MPM Name", pn_str_z(info.model));
    put_item(page, "MPM Information",
             pn_str_printf(page->r->pool, "Max Daemons: %u Threaded: %s Forked: yes", info.max_children,
                           strcmp(info.model, "worker") == 0 ? "yes" : "no"));
}

void info_put_server(struct info_page *page)
{
    struct pn_request *r = page->r;
    apr_pool_t        *pool = r->pool;
    pn_usec            timeout, keep_alive;

    pn_server_timeouts(r->server, &timeout, &keep_alive);
    pn_buf_lit(&page->out, "<section id=\"server\"><h2>Server Settings</h2>\n<dl>");
    put_item(page, "Server Version", pn_str_z(pn_server_version()));
    put_item(page, "Server Built", pn_str_z(pn_server_built()));
    put_item(page, "Server loaded APR Version", pn_str_z(apr_version_string()));
    put_item(page, "Compiled with APR Version", PN_STR(APR_VERSION_STRING));
    put_item(page, "Server loaded APU Version", pn_str_z(apu_version_string()));
    put_item(page, "Compiled with APU Version", PN_STR(APU_VERSION_STRING));
    put_item(page, "Server loaded PCRE Version", pn_str_z(pn_regex_library()));
    put_item(page, "Hostname/port", pn_str_printf(pool, "%s:%u", pn_self_name(r).p, pn_self_port(r)));
    put_item(page, "Timeouts",
             pn_str_printf(pool, "connection: %lld keep-alive: %lld", (long long)(timeout / PN_USEC_PER_SEC),
                           (long long)(keep_alive / PN_USEC_PER_SEC)));
    put_model(page);
    put_item(page, "Server Architecture", pn_str_printf(pool, "%zu-bit", sizeof(void *) * 8));
    put_item(page, "Server Root", page->generation->server_root);
    put_item(page, "Config File", pn_config_file(page->generation));
    pn_buf_lit(&page->out, "</dl></section>\n");
}

/* ---- modules ---- */

void info_put_list(struct info_page *page)
{
    pn_buf_lit(&page->out, "<section id=\"modules\"><h2>Server Module List</h2>\n<ul class=\"many\">\n");
    for (unsigned i = 0; i < page->generation->n_modules; i++) {
        pn_buf_lit(&page->out, "<li>");
        info_put_link(page, page->modules[i]);
        if (pn_module_is_shared(page->modules[i]))
            pn_buf_lit(&page->out, " <span class=\"soft\">(shared object)</span>");
        pn_buf_lit(&page->out, "</li>\n");
    }
    pn_buf_lit(&page->out, "</ul></section>\n");
}

/* ---- hooks ---- */

static void put_points(struct info_page *page, bool life)
{
    const char *point = NULL;

    for (int i = 0; i < page->hooks->nelts; i++) {
        const struct pn_hook_info *hook = &APR_ARRAY_IDX(page->hooks, i, struct pn_hook_info);

        if (hook->life != life)
            continue;
        if (!point || strcmp(point, hook->point) != 0) {
            pn_buf_printf(&page->out, "%s<h3>%s</h3>\n<ol class=\"many\">", point ? "</ol>\n" : "", hook->point);
            point = hook->point;
        }
        pn_buf_printf(&page->out, "<li><code>%3d</code> ", hook->position);
        info_put_link(page, hook->module);
        pn_buf_lit(&page->out, "</li>\n");
    }
    if (point)
        pn_buf_lit(&page->out, "</ol>\n");
}

void info_put_hooks(struct info_page *page)
{
    pn_buf_lit(&page->out, "<section id=\"startup_hooks\"><h2>Startup Hooks</h2>\n");
    put_points(page, true);
    pn_buf_lit(&page->out, "</section>\n<section id=\"request_hooks\"><h2>Request Hooks</h2>\n");
    put_points(page, false);
    pn_buf_lit(&page->out, "</section>\n");
}

/* ---- providers ---- */

static void put_names(struct info_page *page, const char *title, const apr_array_header_t *names)
{
    pn_buf_printf(&page->out, "<h3>%s</h3>\n<ul class=\"many\">", title);
    for (int i = 0; i < names->nelts; i++) {
        pn_buf_lit(&page->out, "<li><code>");
        info_put_text(page, pn_str_z(APR_ARRAY_IDX(names, i, const char *)));
        pn_buf_lit(&page->out, "</code></li>\n");
    }
    pn_buf_lit(&page->out, "</ul>\n");
}

void info_put_providers(struct info_page *page)
{
    apr_pool_t         *pool = page->r->pool;
    apr_array_header_t *groups = pn_provider_group_names(page->generation, pool);

    pn_buf_lit(&page->out, "<section id=\"providers\"><h2>Providers</h2>\n");
    for (int i = 0; i < groups->nelts; i++) {
        const char *group = APR_ARRAY_IDX(groups, i, const char *);

        put_names(page, group, pn_provider_names(page->generation, pool, group));
    }
    put_names(page, "output filters", pn_filter_names(page->generation, pool, false));
    put_names(page, "input filters", pn_filter_names(page->generation, pool, true));
    pn_buf_lit(&page->out, "</section>\n");
}
