/* mod_info_config.c - the configuration on the page of mod_info: whole, and what of it concerns a module. */
#include "mod_info.h"

static void put_indent(struct pn_buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        pn_buf_lit(out, "    ");
}

static void put_line(struct info_page *page, const struct pn_config_line *line)
{
    struct pn_buf *out = &page->out;

    if (line->end)
        pn_buf_lit(out, "<i></i>");
    else
        pn_buf_printf(out, "<i>%u</i>", line->line);
    put_indent(out, line->depth);
    pn_buf_str(out, line->end ? PN_STR("&lt;/<b>") : line->section ? PN_STR("&lt;<b>") : PN_STR("<b>"));
    info_put_text(page, line->name);
    pn_buf_lit(out, "</b>");
    if (!line->end && line->args.n) {
        pn_buf_ch(out, ' ');
        info_put_text(page, line->args);
    }
    pn_buf_str(out, line->end || line->section ? PN_STR("&gt;\n") : PN_STR("\n"));
}

static void put_file(struct info_page *page, const char *file)
{
    pn_buf_lit(&page->out, "<span class=\"soft\">In file: ");
    info_put_text(page, pn_str_z(file));
    pn_buf_lit(&page->out, "</span>\n");
}

void info_put_config(struct info_page *page)
{
    const apr_array_header_t *lines = pn_config_lines(page->generation);
    const char               *file = "";

    pn_buf_lit(&page->out, "<section id=\"config\"><h2>Configuration</h2>\n<div class=\"lines\">");
    for (int i = 0; lines && i < lines->nelts; i++) {
        const struct pn_config_line *line = &APR_ARRAY_IDX(lines, i, struct pn_config_line);

        if (strcmp(file, line->file) != 0)
            put_file(page, file = line->file);
        put_line(page, line);
    }
    pn_buf_lit(&page->out, "</div></section>\n");
}

/* ---- a module ---- */

/* Does the section at `from` hold a line of the module? */
static bool holds(const apr_array_header_t *lines, int from, const struct pn_module *module)
{
    unsigned depth = APR_ARRAY_IDX(lines, from, struct pn_config_line).depth;

    for (int i = from + 1; i < lines->nelts; i++) {
        const struct pn_config_line *line = &APR_ARRAY_IDX(lines, i, struct pn_config_line);

        if (line->depth <= depth)
            return false;
        if (line->module == module)
            return true;
    }
    return false;
}

/* Lines of the module with the sections around them. */
static void put_current(struct info_page *page, const struct pn_module *module)
{
    const apr_array_header_t *lines = pn_config_lines(page->generation);
    const char               *file = "";
    apr_array_header_t       *open = apr_array_make(page->r->pool, 8, sizeof(bool)); /* by depth: is the section shown? */
    bool                      any = false;

    for (int i = 0; lines && i < lines->nelts; i++) {
        const struct pn_config_line *line = &APR_ARRAY_IDX(lines, i, struct pn_config_line);
        bool                         shown = line->module == module;

        while (open->nelts <= (int)line->depth)
            *(bool *)apr_array_push(open) = false;
        if (line->section)
            shown = APR_ARRAY_IDX(open, (int)line->depth, bool) = shown || holds(lines, i, module);
        if (line->end)
            shown = APR_ARRAY_IDX(open, (int)line->depth, bool);
        if (!shown)
            continue;
        if (!any)
            pn_buf_lit(&page->out, "<h3>Current Configuration</h3>\n<div class=\"lines\">");
        any = true;
        if (strcmp(file, line->file) != 0)
            put_file(page, file = line->file);
        put_line(page, line);
    }
    if (any)
        pn_buf_lit(&page->out, "</div>\n");
}

static void put_hooks_of(struct info_page *page, const struct pn_module *module, bool life)
{
    bool        any = false;
    const char *last = "";

    for (int i = 0; i < page->hooks->nelts; i++) {
        const struct pn_hook_info *hook = &APR_ARRAY_IDX(page->hooks, i, struct pn_hook_info);

        if (hook->module != module || hook->life != life || strcmp(last, hook->point) == 0)
            continue;
        pn_buf_printf(&page->out, "%s%s", any ? ", " : "", hook->point);
        last = hook->point;
        any = true;
    }
    if (!any)
        pn_buf_lit(&page->out, "<span class=\"soft\">none</span>");
}

static bool has_handler(const struct info_page *page, const struct pn_module *module)
{
    for (int i = 0; i < page->hooks->nelts; i++) {
        const struct pn_hook_info *hook = &APR_ARRAY_IDX(page->hooks, i, struct pn_hook_info);

        if (hook->module == module && strcmp(hook->point, "handler") == 0)
            return true;
    }
    return false;
}

static void put_settings(struct info_page *page, const struct pn_module *module)
{
    pn_buf_str(&page->out, module->dir_conf_size && module->server_conf_size ? PN_STR("per directory, per server")
                           : module->dir_conf_size                           ? PN_STR("per directory")
                           : module->server_conf_size                        ? PN_STR("per server")
                                                      : PN_STR("<span class=\"soft\">none</span>"));
}

static void put_directives(struct info_page *page, const struct pn_module *module)
{
    const struct pn_directive *row = module->directives;

    pn_buf_lit(&page->out, "<h3>Module Directives</h3>\n");
    if (!row || !row->name) {
        pn_buf_lit(&page->out, "<span class=\"soft\">none</span>\n");
        return;
    }
    pn_buf_lit(&page->out, "<ul>\n");
    for (; row->name; row++) {
        pn_buf_lit(&page->out, "<li><code>");
        info_put_text(page, pn_str_z(row->name));
        pn_buf_lit(&page->out, "</code> <span class=\"soft\">");
        info_put_text(page, pn_str_z(row->help ? row->help : ""));
        pn_buf_lit(&page->out, "</span></li>\n");
    }
    pn_buf_lit(&page->out, "</ul>\n");
}

/* What AddModuleInfo says is HTML of the administrator's. */
static void put_notes(struct info_page *page, const struct pn_module *module)
{
    const struct info_conf *conf = pn_server_conf(page->r->server, &pn_module_info_page);

    for (int i = 0; conf->notes && i < conf->notes->nelts; i++) {
        const struct info_note *note = &APR_ARRAY_IDX(conf->notes, i, struct info_note);

        if (!pn_str_ieq(note->module, pn_str_z(module->name)))
            continue;
        pn_buf_lit(&page->out, "<h3>Additional Information</h3>\n");
        pn_buf_str(&page->out, note->html);
        pn_buf_lit(&page->out, "\n");
    }
}

void info_put_module(struct info_page *page, const struct pn_module *module)
{
    struct pn_buf *out = &page->out;

    pn_buf_printf(out, "<section id=\"%s\"><h2>%s</h2>\n<dl><dt>Content handlers</dt><dd>%s</dd>\n", module->name, module->name,
                  has_handler(page, module) ? "yes" : "<span class=\"soft\">none</span>");
    pn_buf_lit(out, "<dt>Settings</dt><dd>");
    put_settings(page, module);
    pn_buf_lit(out, "</dd>\n<dt>Configuration Phase Participation</dt><dd>");
    put_hooks_of(page, module, true);
    pn_buf_lit(out, "</dd>\n<dt>Request Phase Participation</dt><dd>");
    put_hooks_of(page, module, false);
    pn_buf_lit(out, "</dd></dl>\n");
    put_directives(page, module);
    put_current(page, module);
    put_notes(page, module);
    pn_buf_lit(out, "</section>\n");
}
