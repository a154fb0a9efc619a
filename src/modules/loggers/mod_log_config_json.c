/* mod_log_config_json.c - LogFormat "json: name=%item name=\"text with %items\" ...": one JSON object a line.
 *
 * A member of one numeric item is a number, an item without a value is null, everything else a string. Valid JSON whatever a
 * client sends; the library does the quoting. */
#include "mod_log_config.h"

#include <pinion/json.h>

/* What the line is given of its room; the rest is for one value at a time. */
#define OBJECT_BYTES (40 * 1024)

static const struct { pn_str name, text; } known[] = {
    { PN_STR_INIT("common"),
      PN_STR_INIT("client=%h user=%u time=%{%Y-%m-%dT%H:%M:%S%z}t request=%r status=%>s bytes=%b") },
    { PN_STR_INIT("default"),
      PN_STR_INIT("time=%{%Y-%m-%dT%H:%M:%S%z}t client=%a host=%V server=%v port=%p user=%u method=%m path=%U query=%q "
                  "protocol=%H status=%>s bytes=%B usec=%D referer=%{Referer}i agent=%{User-Agent}i request_id=%L "
                  "keepalives=%k connection=%X pid=%P") },
};

/* ---- compiling ---- */

/* The value's text: in quotes, or up to white space that is not in braces. */
static pn_str take_value(pn_str *rest)
{
    size_t i = 0;

    if (rest->n && (rest->p[0] == '"' || rest->p[0] == '\'')) {
        size_t end = pn_str_chr(*rest, rest->p[0], 1);
        pn_str value = pn_str_n(rest->p + 1, (end == SIZE_MAX ? rest->n : end) - 1);
        *rest = pn_str_from(*rest, end == SIZE_MAX ? rest->n : end + 1);
        return value;
    }
    for (bool braces = false; i < rest->n; i++) {
        char c = rest->p[i];
        if (c == '{' || c == '}')
            braces = c == '{';
        else if ((c == ' ' || c == '\t') && !braces)
            break;
    }
    pn_str value = pn_str_head(*rest, i);
    *rest = pn_str_from(*rest, i);
    return value;
}

static const char *take_member(struct pn_conf_cmd *cmd, pn_str *rest, apr_array_header_t *members, struct format *format)
{
    size_t equals = pn_str_chr(*rest, '=', 0);
    pn_str name = pn_str_head(*rest, equals == SIZE_MAX ? rest->n : equals);

    if (equals == SIZE_MAX || name.n == 0 || pn_str_chr(name, ' ', 0) != SIZE_MAX)
        return pn_conf_error_text(cmd, "A JSON log format is made of name=%%item; '%.*s' is not.", PN_FMT(*rest));
    struct member *member = apr_array_push(members);
    member->key = pn_str_dup(cmd->pool, name);
    *rest = pn_str_from(*rest, equals + 1);
    return log_items_compile(cmd, take_value(rest), &member->items, &member->n, &format->host);
}

const char *log_json_compile(struct pn_conf_cmd *cmd, pn_str text, struct format *format)
{
    apr_array_header_t *members = apr_array_make(cmd->pool, 16, sizeof(struct member));
    pn_str              rest = pn_str_trim(text);

    for (size_t i = 0; i < PN_COUNT(known); i++)
        if (pn_str_ieq(rest, known[i].name))
            rest = known[i].text;
    while (rest.n) {
        const char *error = take_member(cmd, &rest, members, format);
        if (error)
            return error;
        while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t'))
            rest = pn_str_from(rest, 1);
    }
    if (members->nelts == 0)
        return "A JSON log format needs members: json: name=%item ..., json:default or json:common.";
    format->members = (const struct member *)(void *)members->elts;
    format->n_members = (unsigned)members->nelts;
    return NULL;
}

/* ---- printing ---- */

/* @param room where values are put together. */
static void print_member(struct pn_json *json, const struct member *member, struct transaction *t, char *room, char *end)
{
    bool single = member->n == 1 && member->items[0].print && member->items[0].text.n == 0;

    t->line = (struct pn_log_line){ .p = room, .end = end, .raw = true };
    log_items_print(member->items, member->n, t);
    pn_str value = pn_str_n(room, (size_t)(t->line.p - room));
    if (single && t->line.none)
        pn_json_null(json, member->key);
    else if (single && member->items[0].number)
        pn_json_number(json, member->key, value);
    else
        pn_json_string(json, member->key, value);
}

/* Very long values are cut shorter and shorter until the object fits. */
void log_json_print(const struct format *format, struct transaction *t)
{
    struct pn_log_line whole = t->line;
    size_t             room = pn_log_room(&whole);
    size_t             object = room > OBJECT_BYTES ? OBJECT_BYTES : room / 2;
    size_t             n = 0;

    for (size_t value_max = 8192; value_max >= 16 && n == 0; value_max /= 8) {
        struct pn_json json;
        pn_json_begin(&json, whole.p, object, value_max);
        for (unsigned i = 0; i < format->n_members; i++)
            print_member(&json, &format->members[i], t, whole.p + object, whole.end);
        n = pn_json_end(&json, whole.p);
    }
    t->line = whole;
    t->line.p += n;
}
