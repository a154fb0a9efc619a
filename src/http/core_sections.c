/* core_sections.c - <VirtualHost>, <Directory>, <Location>, <Files>, <If>, <Limit> and their Match forms, read.
 * Apache manual: "Configuration Sections". */
#include "http/core_directives.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "conf/apply.h"
#include "conf/tree.h"
#include "conf/vec.h"
#include "http/section.h"
#include "http/vhost.h"

/* ---- what they share ---- */

static struct pn_section *new_section(struct pn_conf_cmd *cmd, enum pn_section_kind kind)
{
    struct pn_section *section = apr_pcalloc(cmd->pool, sizeof(*section));

    section->kind = kind;
    section->vec = pn_conf_vec_new(cmd->generation, cmd->pool);
    section->file = pn_conf_file_name(cmd);
    section->line = cmd->node->line;
    return section;
}

struct name_sink { apr_pool_t *pool; struct pn_section *section; };

static void add_name(void *arg, pn_str name, unsigned group)
{
    struct name_sink *sink = arg;
    char             *env = apr_psprintf(sink->pool, "MATCH_%.*s", PN_FMT(name));

    for (char *c = env; *c; c++)
        *c = pn_ascii_upper(*c);
    if (!sink->section->names)
        sink->section->names = apr_array_make(sink->pool, 2, sizeof(struct pn_section_name));
    *(struct pn_section_name *)apr_array_push(sink->section->names) = (struct pn_section_name){ env, group };
}

static const char *set_regex(struct pn_conf_cmd *cmd, struct pn_section *section, pn_str pattern)
{
    const char *error;

    if (pn_regex_compile(cmd->pool, pattern, 0, &section->regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "the regular expression does not compile: %s", error);
    pn_regex_names(section->regex, add_name, &(struct name_sink){ cmd->pool, section });
    return NULL;
}

/* The argument: a path or pattern; "~ regex" and the Match forms give a regular expression. */
static const char *take_pattern(struct pn_conf_cmd *cmd, struct pn_section *section, pn_str raw, bool match_form)
{
    pn_str rest = raw, word = pn_conf_word(cmd->pool, &rest);

    if (!match_form && pn_str_eq(word, PN_STR("~"))) {
        match_form = true;
        word = pn_conf_word(cmd->pool, &rest);
    }
    if (word.n == 0)
        return pn_conf_error_text(cmd, "<%s> needs a %s", cmd->row->name, match_form ? "regular expression" : "path");
    if (pn_str_trim(rest).n)
        return pn_conf_error_text(cmd, "<%s> takes one argument; put quotes around one with spaces", cmd->row->name);
    section->pattern = word;
    if (match_form)
        return set_regex(cmd, section, word);
    section->glob = pn_section_is_glob(word);
    return NULL;
}

static void push(struct pn_conf_cmd *cmd, apr_array_header_t **list, struct pn_section *section)
{
    if (!*list)
        *list = apr_array_make(cmd->pool, 4, sizeof(struct pn_section *));
    *(struct pn_section **)apr_array_push(*list) = section;
}

/* ---- <VirtualHost> ---- */

static const char *add_address(struct pn_conf_cmd *cmd, struct pn_server *server, pn_str word)
{
    struct pn_vhost_address addr = { .text = word };
    pn_str                  host = { NULL, 0 };
    bool                    fallback = pn_str_istarts(word, PN_STR("_default_"));

    if (fallback)
        word = PN_CAT(cmd->pool, PN_STR("*"), pn_str_from(word, strlen("_default_")));
    pn_rc rc = pn_addr_parse_port(word, &addr.addr, &addr.any, &host);
    if (rc == PN_DECLINED) {
        apr_sockaddr_t *found;
        if (apr_sockaddr_info_get(&found, pn_str_zdup(cmd->temp, host), APR_UNSPEC, addr.addr.port, 0, cmd->temp) !=
            APR_SUCCESS) {
            pn_conf_warn(cmd, "Could not resolve host name %.*s -- ignoring!", PN_FMT(host));
            return NULL;
        }
        uint16_t port = addr.addr.port;
        union pn_sockaddr sa = { 0 };
        memcpy(&sa, &found->sa, found->salen);
        addr.addr = pn_addr_from_sockaddr(&sa);
        addr.addr.port = port;
    }
    else if (rc != PN_OK)
        return pn_conf_error_text(cmd, "'%.*s' is no address: *:80, 192.0.2.1:80 or [2001:db8::1]:80 would be", PN_FMT(word));
    addr.fallback = fallback;
    *(struct pn_vhost_address *)apr_array_push(server->addresses) = addr;
    return NULL;
}

const char *pn__set_virtual_host(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_server *server = pn_conf_new_vhost(cmd);
    pn_str            rest = argv[0], word;
    const char       *error;

    (void)conf, (void)argc;
    server->addresses = apr_array_make(cmd->pool, 1, sizeof(struct pn_vhost_address));
    while ((word = pn_conf_word(cmd->pool, &rest)).p)
        if ((error = add_address(cmd, server, word)))
            return error;
    if (argv[0].n == 0)
        return "<VirtualHost> needs an address, such as *:80";
    return pn_conf_apply_server(cmd, server);
}

/* ---- <Directory> and <Location> ---- */

static const char *directory(struct pn_conf_cmd *cmd, struct pn_core_server *conf, pn_str raw, bool match_form)
{
    struct pn_section *section = new_section(cmd, PN_SECTION_DIRECTORY);
    const char        *error = take_pattern(cmd, section, raw, match_form);

    if (error)
        return error;
    if (!section->regex) {
        if (section->pattern.p[0] != '/' && !pn_str_eq(section->pattern, PN_STR("*")))
            section->pattern = pn_conf_path(cmd, section->pattern);
        section->components = pn_section_components(section->pattern);
    }
    push(cmd, &conf->directories, section);
    return pn_conf_apply_children(cmd, section->vec, PN_CTX_DIRECTORY, section->pattern, section->regex != NULL);
}

const char *pn__set_directory(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return directory(cmd, conf, argv[0], false);
}

const char *pn__set_directory_match(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return directory(cmd, conf, argv[0], true);
}

static const char *location(struct pn_conf_cmd *cmd, struct pn_core_server *conf, pn_str raw, bool match_form)
{
    struct pn_section *section = new_section(cmd, PN_SECTION_LOCATION);
    const char        *error = take_pattern(cmd, section, raw, match_form);

    if (error)
        return error;
    push(cmd, &conf->locations, section);
    return pn_conf_apply_children(cmd, section->vec, PN_CTX_LOCATION, section->pattern, section->regex != NULL);
}

const char *pn__set_location(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return location(cmd, conf, argv[0], false);
}

const char *pn__set_location_match(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return location(cmd, conf, argv[0], true);
}

/* ---- <Files> and <If> ---- */

static const char *files(struct pn_conf_cmd *cmd, struct pn_core_dir *conf, pn_str raw, bool match_form)
{
    struct pn_section *section = new_section(cmd, PN_SECTION_FILES);
    const char        *error = take_pattern(cmd, section, raw, match_form);

    if (error)
        return error;
    push(cmd, &conf->files, section);
    return pn_conf_apply_children(cmd, section->vec, (cmd->context & PN_CTX_HTACCESS) | PN_CTX_FILES, section->pattern,
                                  section->regex != NULL);
}

const char *pn__set_files(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return files(cmd, conf, argv[0], false);
}

const char *pn__set_files_match(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)argc;
    return files(cmd, conf, argv[0], true);
}

const char *pn__set_if(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir  *dir = conf;
    struct pn_section   *section = new_section(cmd, PN_SECTION_IF);
    struct pn_expr_error wrong = { 0 };
    pn_str               rest = argv[0], text = pn_conf_word(cmd->pool, &rest);
    unsigned             flags = cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;

    (void)argc;
    section->if_kind = pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("If")) ? PN_IF
                       : pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("ElseIf")) ? PN_ELSE_IF : PN_ELSE;
    if (pn_str_trim(rest).n) /* an expression with spaces and no quotes around the whole */
        text = argv[0];
    if (section->if_kind != PN_IF && (!dir->ifs || !dir->ifs->nelts))
        return pn_conf_error_text(cmd, "<%s> must come after an <If> or <ElseIf>", cmd->row->name);
    if (section->if_kind == PN_ELSE && text.n)
        return "<Else> takes no argument";
    if (section->if_kind != PN_ELSE && text.n == 0)
        return pn_conf_error_text(cmd, "<%s> needs an expression", cmd->row->name);
    if (section->if_kind != PN_ELSE &&
        pn_expr_compile(cmd->pool, text, PN_EXPR_CONDITION, flags, &section->condition, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    push(cmd, &dir->ifs, section);
    return pn_conf_apply_children(cmd, section->vec, (cmd->context & PN_CTX_HTACCESS) | PN_CTX_IF, text, false);
}

/* ---- <Limit> ---- */

static const char *methods_of(struct pn_conf_cmd *cmd, pn_str raw, uint64_t *ret_methods)
{
    pn_str word;

    *ret_methods = 0;
    while ((word = pn_conf_word(cmd->pool, &raw)).p) {
        enum pn_method method = pn_method_id(word);
        if (method == PN_METHOD_OTHER)
            return pn_conf_error_text(cmd, "unknown method '%.*s'; RegisterHttpMethod makes it known", PN_FMT(word));
        if (method == PN_METHOD_TRACE)
            return "TRACE cannot be controlled by <Limit>, see TraceEnable";
        *ret_methods |= UINT64_C(1) << method;
        if (method == PN_METHOD_GET)
            *ret_methods |= UINT64_C(1) << PN_METHOD_HEAD;
    }
    return *ret_methods ? NULL : pn_conf_error_text(cmd, "<%s> needs at least one method", cmd->row->name);
}

static const char *limit(struct pn_conf_cmd *cmd, pn_str raw, bool except)
{
    uint64_t    outer = cmd->limited, methods;
    const char *error = methods_of(cmd, raw, &methods);

    if (error)
        return error;
    if (outer)
        return pn_conf_error_text(cmd, "<%s> cannot stand inside another one", cmd->row->name);
    cmd->limited = except ? ~methods : methods;
    error = pn_conf_apply_children(cmd, cmd->vec, cmd->context | PN_CTX_LIMIT, cmd->path, cmd->is_regex);
    cmd->limited = outer;
    return error;
}

const char *pn__set_limit(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    return limit(cmd, argv[0], false);
}

const char *pn__set_limit_except(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    (void)conf, (void)argc;
    return limit(cmd, argv[0], true);
}

/* ---- order ---- */

struct ranked { struct pn_section *section; int at; };

static int by_depth(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    unsigned             dx = x->section->regex ? UINT32_MAX : x->section->components;
    unsigned             dy = y->section->regex ? UINT32_MAX : y->section->components;

    return dx != dy ? (dx > dy) - (dx < dy) : x->at - y->at;
}

void pn__sort_directories(apr_array_header_t *sections)
{
    if (!sections || sections->nelts < 2)
        return;
    struct ranked *ranked = malloc(sizeof(*ranked) * (size_t)sections->nelts);
    pn_assert(ranked != NULL);
    for (int i = 0; i < sections->nelts; i++)
        ranked[i] = (struct ranked){ APR_ARRAY_IDX(sections, i, struct pn_section *), i };
    qsort(ranked, (size_t)sections->nelts, sizeof(*ranked), by_depth);
    for (int i = 0; i < sections->nelts; i++)
        APR_ARRAY_IDX(sections, i, struct pn_section *) = ranked[i].section;
    free(ranked);
}
