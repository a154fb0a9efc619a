/* mod_log_config_format.c - LogFormat's text to items, and items to a line. Apache manual: mod_log_config, "Custom Log Formats"
 * and "Modifiers". */
#include "mod_log_config.h"

#include <pinion/generation.h>

/* ---- compiling ---- */

struct compiler {
    struct pn_conf_cmd *cmd;
    apr_array_header_t *items;    /* of struct item */
    pn_str              rest;
    char               *text;     /* literal text before the next item */
    size_t              n;
    bool                host;
};

/* \n, \t and \r are control characters, \\ is one backslash; other pairs stay as they are (COMPAT: 2.4). */
static void take_escape(struct compiler *c)
{
    char next = c->rest.n > 1 ? c->rest.p[1] : '\0';

    switch (next) {
    case 'n': c->text[c->n++] = '\n'; break;
    case 't': c->text[c->n++] = '\t'; break;
    case 'r': c->text[c->n++] = '\r'; break;
    case '\\': c->text[c->n++] = '\\'; break;
    case '\0': c->text[c->n++] = '\\'; break;
    default:
        c->text[c->n++] = '\\';
        c->text[c->n++] = next;
    }
    c->rest = pn_str_from(c->rest, 2);
}

static const char *take_statuses(struct compiler *c, apr_array_header_t *statuses)
{
    uint64_t status = 0;
    size_t   i = 0;

    while (i < c->rest.n && c->rest.p[i] >= '0' && c->rest.p[i] <= '9')
        i++;
    if (pn_str_to_u64(pn_str_head(c->rest, i), 999, &status) != PN_OK)
        return "a status has three digits";
    *(uint16_t *)apr_array_push(statuses) = (uint16_t)status;
    c->rest = pn_str_from(c->rest, i);
    return NULL;
}

/* What stands between % and the letter, in any order: !, statuses, <, >, {argument}.
 *  @param ret_choice '<', '>' or 0. */
static const char *take_modifiers(struct compiler *c, struct item *item, char *ret_choice)
{
    apr_array_header_t *statuses = apr_array_make(c->cmd->pool, 2, sizeof(uint16_t));
    const char         *error = NULL;

    while (c->rest.n && !error) {
        char ch = c->rest.p[0];
        if (ch >= '0' && ch <= '9') {
            error = take_statuses(c, statuses);
            continue;
        }
        if (ch == '!')
            item->negated = !item->negated;
        else if (ch == '<' || ch == '>')
            *ret_choice = ch;
        else if (ch == '{') {
            size_t end = pn_str_chr(c->rest, '}', 1);
            if (end == SIZE_MAX)
                return "a { has no } behind it";
            item->arg = pn_str_dup(c->cmd->pool, pn_str_n(c->rest.p + 1, end - 1));
            c->rest = pn_str_from(c->rest, end);
        }
        else if (ch != ',')
            break;
        c->rest = pn_str_from(c->rest, 1);
    }
    item->n_statuses = (uint16_t)statuses->nelts;
    item->statuses = (const uint16_t *)(void *)statuses->elts;
    return error;
}

static void print_foreign(struct transaction *t, struct pn_request *r, const struct item *item)
{
    item->foreign->print(r, item->arg, &t->line);
}

static const char *resolve(struct compiler *c, struct item *item, pn_str name)
{
    if (log_item_find(name, item) == PN_OK)
        return NULL;
    item->foreign = pn_provider(c->cmd->generation, PN_LOG_ITEM_GROUP, name);
    if (item->foreign) {
        item->print = print_foreign;
        item->original = item->foreign->original;
        item->number = item->foreign->number;
        return NULL;
    }
    if (name.n == 1 && strchr("IOS", name.p[0]))
        c->cmd->cure = "%I, %O and %S need mod_logio: LoadModule logio_module modules/mod_logio.so";
    return pn_conf_error_text(c->cmd, "Unrecognized LogFormat directive %%%.*s", PN_FMT(name));
}

static void end_item(struct compiler *c, const struct item *item)
{
    struct item *added = apr_array_push(c->items);

    *added = *item;
    added->text = pn_str_dup(c->cmd->pool, pn_str_n(c->text, c->n));
    c->n = 0;
    c->host = c->host || item->host;
}

static const char *take_item(struct compiler *c)
{
    struct item item = { .header = PN_HDR_OTHER };
    char        choice = 0;

    c->rest = pn_str_from(c->rest, 1);
    if (c->rest.n && c->rest.p[0] == '%') {
        c->text[c->n++] = '%';
        c->rest = pn_str_from(c->rest, 1);
        return NULL;
    }
    const char *error = take_modifiers(c, &item, &choice);
    if (error)
        return pn_conf_error_text(c->cmd, "In a log format: %s.", error);
    size_t letters = c->rest.n && c->rest.p[0] == '^' ? 3 : 1;
    if (c->rest.n < letters)
        return "A log format ends within an item that % begins.";
    pn_str name = pn_str_head(c->rest, letters);
    c->rest = pn_str_from(c->rest, letters);
    if ((error = resolve(c, &item, name)))
        return error;
    if (choice)
        item.original = choice == '<';
    end_item(c, &item);
    return NULL;
}

const char *log_items_compile(struct pn_conf_cmd *cmd, pn_str text, const struct item **ret_items, unsigned *ret_n, bool *host)
{
    struct compiler c = { .cmd = cmd, .items = apr_array_make(cmd->pool, 16, sizeof(struct item)), .rest = text };
    const char     *error = NULL;

    c.text = apr_palloc(cmd->temp, text.n + 2);
    while (c.rest.n && !error) {
        if (c.rest.p[0] == '%')
            error = take_item(&c);
        else if (c.rest.p[0] == '\\')
            take_escape(&c);
        else {
            c.text[c.n++] = c.rest.p[0];
            c.rest = pn_str_from(c.rest, 1);
        }
    }
    if (error)
        return error;
    if (c.n)
        end_item(&c, &(struct item){ .print = NULL });
    *host = *host || c.host;
    *ret_items = (const struct item *)(void *)c.items->elts;
    *ret_n = (unsigned)c.items->nelts;
    return NULL;
}

const char *log_format_compile(struct pn_conf_cmd *cmd, pn_str text, const struct format **ret)
{
    struct format *format = apr_pcalloc(cmd->pool, sizeof(*format));
    const char    *error;

    if (pn_str_istarts(text, PN_STR("json:")))
        error = log_json_compile(cmd, pn_str_from(text, 5), format);
    else
        error = log_items_compile(cmd, text, &format->items, &format->n, &format->host);
    *ret = format;
    return error;
}

/* ---- printing ---- */

/* Do the statuses of the item admit this answer? */
static bool admitted(const struct item *item, int status)
{
    for (unsigned i = 0; i < item->n_statuses; i++)
        if (item->statuses[i] == status)
            return !item->negated;
    return item->negated;
}

void log_items_print(const struct item *items, unsigned n, struct transaction *t)
{
    for (unsigned i = 0; i < n; i++) {
        const struct item *item = &items[i];
        pn_log_str(&t->line, item->text);
        if (PN_UNLIKELY(item->n_statuses && !admitted(item, t->last->status)))
            pn_log_none(&t->line);
        else if (item->print)
            item->print(t, item->original ? t->first : t->last, item);
    }
}

void log_format_print(const struct format *format, struct transaction *t)
{
    if (PN_UNLIKELY(format->members))
        log_json_print(format, t);
    else
        log_items_print(format->items, format->n, t);
}
