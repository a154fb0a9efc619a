/* mod_info.h - what the files of mod_info share: one page at work. Everything lives in the request's pool. */
#ifndef MOD_INFO_H
#define MOD_INFO_H

#include <pinion/buf.h>
#include <pinion/inspect.h>
#include <pinion/request.h>

extern struct pn_module pn_module_info_page;

/** AddModuleInfo: what the administrator has to say of a module. */
struct info_note {
    pn_str module; /* mod_x.c */
    pn_str html;
};

struct info_conf {
    apr_array_header_t *notes; /* of struct info_note; may be NULL */
};

struct info_page {
    struct pn_request             *r;
    const struct pn_generation    *generation;
    struct pn_buf                  out;
    const struct pn_module       **modules; /* active ones by name */
    apr_array_header_t            *hooks;   /* of struct pn_hook_info */
    bool                           whole;   /* links go within the page */
};

/** Text that is escaped for HTML. */
void info_put_text(struct info_page *page, pn_str text);
/** A link to what is said of a module. */
void info_put_link(struct info_page *page, const struct pn_module *module);

/* ---- mod_info_parts.c: sections of the page ---- */

void info_put_server(struct info_page *page);
void info_put_list(struct info_page *page);
void info_put_hooks(struct info_page *page);
void info_put_providers(struct info_page *page);

/* ---- mod_info_config.c: lines of the configuration ---- */

/** All of them, by file. */
void info_put_config(struct info_page *page);
/** A module: what it takes part in, its directives, and the lines that use them. */
void info_put_module(struct info_page *page, const struct pn_module *module);

#endif
