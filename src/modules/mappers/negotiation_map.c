/* negotiation_map.c - type maps: text that lists the variants of a resource, each a group of "Name: value" lines.
 * Spec: Apache manual, mod_negotiation, "Type maps". Pure; a map is the author's of a directory, not of the server. */
#include "negotiation.h"

struct reading {
    apr_pool_t         *pool;
    pn_str              rest;     /* of the map */
    pn_str              self;
    apr_array_header_t *variants;
    struct variant      variant;  /* being read */
    bool                has_content; /* one line said what it is */
    struct map_error   *error;
};

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One line without its end. */
static pn_str next_line(pn_str *rest)
{
    pn_str line = pn_str_cut(*rest, '\n', rest);

    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* A line with what is continued on the next ones; comments are skipped. p == NULL at the end. */
static pn_str next_field(struct reading *at)
{
    pn_str line = next_line(&at->rest);

    while (line.n && line.p[0] == '#' && at->rest.p)
        line = next_line(&at->rest);
    if (line.n && line.p[0] == '#')
        return (pn_str){ NULL, 0 };
    if (pn_str_trim(line).n == 0 || !at->rest.n || !is_blank(at->rest.p[0]))
        return line;
    struct pn_buf joined;
    pn_str        text = line;
    pn_buf_init(&joined, at->pool, line.n + at->rest.n + 1);
    pn_buf_str(&joined, line);
    while (at->rest.n && is_blank(at->rest.p[0])) {
        pn_str more = next_line(&at->rest);
        if (pn_str_trim(more).n == 0) /* looks empty, and ends the group */
            break;
        pn_buf_ch(&joined, ' ');
        pn_buf_str(&joined, pn_str_trim(more));
    }
    (void)!pn_buf_done(&joined, &text);
    return text;
}

/* Text in parentheses is a comment, in quotes it is text. */
static pn_str without_comments(apr_pool_t *pool, pn_str value)
{
    bool   quoted = false;
    size_t n = 0;

    if (pn_str_chr(value, '(', 0) == SIZE_MAX)
        return value;
    char *to = apr_palloc(pool, value.n + 1);
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"')
            quoted = !quoted;
        if (!quoted && value.p[i] == '(') {
            while (i < value.n && value.p[i] != ')')
                i++;
            to[n++] = ' ';
            continue;
        }
        to[n++] = value.p[i];
    }
    to[n] = '\0';
    return pn_str_n(to, n);
}

/* ---- fields ---- */

static pn_rc fail(struct reading *at, enum map_fault fault, pn_str text)
{
    *at->error = (struct map_error){ fault, text };
    return PN_BAD;
}

/* The first word; a quoted one loses its quotes. */
static pn_str token(pn_str value)
{
    pn_str word;

    value = pn_str_trim(value);
    if (value.n && value.p[0] == '"') {
        value = pn_str_from(value, 1);
        return pn_str_head(value, pn_str_chr(value, '"', 0));
    }
    word = pn_str_word(&value);
    return pn_str_head(word, pn_str_chr(word, ';', 0));
}

static apr_array_header_t *languages_of(apr_pool_t *pool, pn_str value)
{
    apr_array_header_t *list = apr_array_make(pool, 2, sizeof(pn_str));

    for (pn_str one; (one = pn_header_list_next(&value)).p;) {
        one = token(one);
        if (one.n && list->nelts < ACCEPT_ITEMS_MAX)
            *(pn_str *)apr_array_push(list) = pn_str_lower(pool, one);
    }
    return list->nelts ? list : NULL;
}

static pn_rc take_length(struct reading *at, pn_str value)
{
    uint64_t bytes;

    if (pn_str_to_u64(pn_str_trim(value), INT64_MAX, &bytes) != PN_OK)
        return fail(at, MAP_BAD_LENGTH, value);
    at->variant.bytes = (int64_t)bytes;
    return PN_OK;
}

/* The lines up to one that begins with the tag. */
static pn_rc take_body(struct reading *at, pn_str tag)
{
    const char *begin = at->rest.p;

    while (at->rest.p) {
        const char *line_begin = at->rest.p;
        if (pn_str_starts(next_line(&at->rest), tag)) {
            at->variant.body = pn_str_n(begin, (size_t)(line_begin - begin));
            at->variant.bytes = (int64_t)at->variant.body.n;
            at->variant.name = at->self;
            return PN_OK;
        }
    }
    return fail(at, MAP_NO_END, tag);
}

static pn_rc take_field(struct reading *at, pn_str name, pn_str value)
{
    struct variant *variant = &at->variant;

    if (pn_str_ieq(name, PN_STR("body")))
        return take_body(at, value);
    value = without_comments(at->pool, value);
    if (pn_str_ieq(name, PN_STR("uri"))) {
        variant->name = pn_str_dup(at->pool, token(value));
        return PN_OK;
    }
    if (pn_str_ieq(name, PN_STR("description"))) {
        variant->description = value.n && value.p[0] == '"' ? token(value) : value;
        return PN_OK;
    }
    if (pn_str_ieq(name, PN_STR("content-type")))
        pn__variant_set_type(at->pool, variant, value);
    else if (pn_str_ieq(name, PN_STR("content-language")))
        variant->languages = languages_of(at->pool, value);
    else if (pn_str_ieq(name, PN_STR("content-encoding")))
        variant->encoding = pn_str_lower(at->pool, token(value));
    else if (!pn_str_ieq(name, PN_STR("content-length")))
        return PN_OK; /* says nothing that is known here */
    else if (take_length(at, value) != PN_OK)
        return PN_BAD;
    at->has_content = true;
    return PN_OK;
}

static void end_variant(struct reading *at)
{
    if (at->variant.name.n && at->has_content && at->variants->nelts < VARIANTS_MAX)
        *(struct variant *)apr_array_push(at->variants) = at->variant;
    pn__variant_init(&at->variant);
    at->has_content = false;
}

pn_rc pn__type_map_parse(apr_pool_t *pool, pn_str map, pn_str self, apr_array_header_t **ret, struct map_error *ret_error)
{
    struct reading at = { .pool = pool, .rest = map, .self = self, .error = ret_error };

    at.variants = apr_array_make(pool, 4, sizeof(struct variant));
    pn__variant_init(&at.variant);
    while (at.rest.p) {
        pn_str line = next_field(&at), value;
        if (pn_str_trim(line).n == 0) {
            end_variant(&at);
            continue;
        }
        pn_str name = pn_str_trim(pn_str_cut(line, ':', &value));
        if (!value.p)
            return fail(&at, MAP_NO_COLON, line);
        value = pn_str_trim(value);
        if (value.n == 0)
            return fail(&at, MAP_NO_VALUE, line);
        pn_rc rc = take_field(&at, name, value);
        if (rc != PN_OK)
            return rc;
    }
    end_variant(&at);
    *ret = at.variants;
    return PN_OK;
}
