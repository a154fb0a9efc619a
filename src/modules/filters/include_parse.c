/* include_parse.c - server-side includes as a stream (include_parse.h). Apache manual: mod_include, "Available Elements".
 *
 * One pass over the bytes, a state machine. The end tag counts only where an argument may begin and behind the element's name:
 * quoted values may hold it, and a value without quotes ends at white space. Tokens gather in one buffer; until the element is
 * complete they are kept as positions in it, for the buffer may move. */
#include "include_parse.h"

enum state { TEXT, NAME_FIRST, NAME, ARG, ARG_NAME, ARG_EQUALS, VALUE_FIRST, VALUE_BARE, VALUE_QUOTED };

void ssi_init(struct ssi_parser *parser, apr_pool_t *pool, pn_str start, pn_str end)
{
    memset(parser, 0, sizeof(*parser));
    parser->start = start;
    parser->end = end;
    parser->state = TEXT;
    pn_buf_init(&parser->buf, pool, SSI_ELEMENT_MAX);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* How many bytes of `tag` are matched after c, when `matched` were before it. */
static size_t tag_step(pn_str tag, size_t matched, char c)
{
    for (size_t k = matched + 1; k > 0; k--) {
        /* is tag[0, k) the end of tag[0, matched) + c? */
        if (tag.p[k - 1] == c && memcmp(tag.p, tag.p + matched + 1 - k, k - 1) == 0)
            return k;
    }
    return 0;
}

/* ---- text ---- */

static void begin_element(struct ssi_parser *parser)
{
    parser->state = NAME_FIRST;
    parser->matched = 0;
    parser->begun = 0;
    parser->escaped = false;
    parser->element.fault = SSI_OK;
    parser->element.n_args = 0;
    pn_buf_clear(&parser->buf);
}

/* Length of the longest end of `text` that begins the tag. */
static size_t tail_match(pn_str text, pn_str tag)
{
    size_t k = text.n < tag.n - 1 ? text.n : tag.n - 1;

    while (k > 0 && memcmp(text.p + text.n - k, tag.p, k) != 0)
        k--;
    return k;
}

/* A start tag that began in an earlier piece of input goes on here. @return SSI_TEXT: it was none, at least not from there. */
static enum ssi_event carried_text(struct ssi_parser *parser, pn_str *in, pn_str *ret_text)
{
    while (in->n) {
        size_t before = parser->matched, now = tag_step(parser->start, before, in->p[0]);
        parser->matched = now;
        if (now == before + 1) {
            *in = pn_str_from(*in, 1);
            if (now < parser->start.n)
                continue;
            begin_element(parser);
            return SSI_MORE;
        }
        if (now) /* c is the last byte of another beginning */
            *in = pn_str_from(*in, 1);
        *ret_text = pn_str_head(parser->start, now ? before + 1 - now : before);
        return SSI_TEXT;
    }
    return SSI_MORE;
}

static enum ssi_event next_text(struct ssi_parser *parser, pn_str *in, pn_str *ret_text)
{
    if (parser->matched)
        return carried_text(parser, in, ret_text);
    const char *tag = in->n ? memmem(in->p, in->n, parser->start.p, parser->start.n) : NULL;
    if (tag) {
        *ret_text = pn_str_head(*in, (size_t)(tag - in->p));
        *in = pn_str_from(*in, ret_text->n + parser->start.n);
        begin_element(parser);
    }
    else {
        parser->matched = tail_match(*in, parser->start);
        *ret_text = pn_str_head(*in, in->n - parser->matched);
        *in = pn_str_from(*in, in->n);
    }
    return ret_text->n ? SSI_TEXT : SSI_MORE;
}

/* ---- elements ---- */

static void fault(struct ssi_parser *parser, enum ssi_fault what)
{
    if (parser->element.fault == SSI_OK)
        parser->element.fault = what;
}

static void put(struct ssi_parser *parser, char c)
{
    pn_buf_ch(&parser->buf, c);
    if (parser->buf.full)
        fault(parser, SSI_TOO_LONG);
}

static void put_lower(struct ssi_parser *parser, char c)
{
    put(parser, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

/* The token that was begun, as a length; its place is known from the order of tokens. */
static pn_str take_token(struct ssi_parser *parser)
{
    pn_str token = { "", parser->buf.n - parser->begun };

    parser->begun = parser->buf.n;
    return token;
}

static void end_arg_name(struct ssi_parser *parser)
{
    struct ssi_element *element = &parser->element;

    if (element->n_args == SSI_ARGS_MAX) {
        fault(parser, SSI_TOO_LONG);
        element->n_args--;
    }
    element->args[element->n_args].name = take_token(parser);
    element->args[element->n_args++].value = (pn_str){ NULL, 0 };
    parser->state = ARG_EQUALS;
}

static void end_value(struct ssi_parser *parser)
{
    struct ssi_element *element = &parser->element;

    if (element->n_args)
        element->args[element->n_args - 1].value = take_token(parser);
    parser->state = ARG;
}

/* Lengths become slices, once the buffer stands still. */
static void settle(struct ssi_parser *parser)
{
    struct ssi_element *element = &parser->element;
    const char         *at = parser->buf.p ? parser->buf.p : "";

    element->name.p = at;
    at += element->name.n;
    for (unsigned i = 0; element->fault == SSI_OK && i < element->n_args; i++) {
        element->args[i].name.p = at;
        at += element->args[i].name.n;
        if (element->args[i].value.p) {
            element->args[i].value.p = at;
            at += element->args[i].value.n;
        }
    }
    if (element->fault != SSI_OK)
        element->n_args = 0;
    parser->state = TEXT;
    parser->matched = 0;
}

/* One byte where the end tag may stand. @return true when the tag is complete. */
static bool step_end(struct ssi_parser *parser, char c, bool *ret_used)
{
    size_t before = parser->matched, now = tag_step(parser->end, before, c);

    parser->matched = now;
    *ret_used = now > 0;
    for (size_t i = 0; i < (now ? before + 1 - now : before); i++) /* they were no tag: part of a name */
        put_lower(parser, parser->end.p[i]);
    return now == parser->end.n;
}

static void step_name(struct ssi_parser *parser, char c)
{
    if (is_blank(c)) {
        parser->element.name = take_token(parser);
        parser->state = ARG;
    }
    else
        put_lower(parser, c);
}

static void step_arg(struct ssi_parser *parser, char c)
{
    bool begun = parser->buf.n > parser->begun; /* bytes that looked like an end tag */

    if (!begun && is_blank(c))
        return;
    if (!begun && (c == '"' || c == '\'' || c == '`')) {
        fault(parser, SSI_NO_ARG_NAME);
        parser->quote = c;
        parser->state = VALUE_QUOTED;
        return;
    }
    parser->state = ARG_NAME;
    if (is_blank(c))
        end_arg_name(parser);
    else if (c == '=') {
        end_arg_name(parser);
        parser->state = VALUE_FIRST;
    }
    else
        put_lower(parser, c);
}

static void step_arg_name(struct ssi_parser *parser, char c)
{
    if (c != '=' && !is_blank(c)) {
        put_lower(parser, c);
        return;
    }
    end_arg_name(parser);
    if (c == '=')
        parser->state = VALUE_FIRST;
}

static void step_value_first(struct ssi_parser *parser, char c)
{
    if (is_blank(c))
        return;
    if (c == '"' || c == '\'' || c == '`') {
        parser->quote = c;
        parser->state = VALUE_QUOTED;
        return;
    }
    parser->state = VALUE_BARE;
    put(parser, c);
}

/* A backslash before the quote makes it part of the value; before anything else it stays. */
static void step_value_quoted(struct ssi_parser *parser, char c)
{
    if (parser->escaped) {
        parser->escaped = false;
        if (c != parser->quote)
            put(parser, '\\');
        put(parser, c);
    }
    else if (c == '\\')
        parser->escaped = true;
    else if (c == parser->quote)
        end_value(parser);
    else
        put(parser, c);
}

/* @return false: the byte is to be looked at again in the new state. */
static bool step(struct ssi_parser *parser, char c)
{
    switch ((enum state)parser->state) {
    case NAME: step_name(parser, c); return true;
    case ARG: step_arg(parser, c); return true;
    case ARG_NAME: step_arg_name(parser, c); return true;
    case VALUE_FIRST: step_value_first(parser, c); return true;
    case VALUE_QUOTED: step_value_quoted(parser, c); return true;
    case VALUE_BARE:
        if (is_blank(c))
            end_value(parser);
        else
            put(parser, c);
        return true;
    case NAME_FIRST:
        if (is_blank(c))
            fault(parser, SSI_NO_NAME);
        parser->state = NAME;
        return is_blank(c);
    case ARG_EQUALS:
        if (is_blank(c))
            return true;
        parser->state = c == '=' ? VALUE_FIRST : ARG;
        return c == '=';
    case TEXT: break;
    }
    return true;
}

enum ssi_event ssi_next(struct ssi_parser *parser, pn_str *in, pn_str *ret_text)
{
    if (parser->state == TEXT) {
        enum ssi_event event = next_text(parser, in, ret_text);
        if (event == SSI_TEXT || parser->state == TEXT)
            return event;
    }
    while (in->n) {
        char c = in->p[0];
        bool used = false, ended = false;
        if (parser->state == NAME || parser->state == ARG)
            ended = step_end(parser, c, &used);
        if (used || step(parser, c))
            *in = pn_str_from(*in, 1);
        if (!ended)
            continue;
        if (parser->state == NAME)
            parser->element.name = take_token(parser);
        settle(parser);
        return SSI_ELEMENT;
    }
    return SSI_MORE;
}

enum ssi_event ssi_end(struct ssi_parser *parser, pn_str *ret_text)
{
    if (parser->state == TEXT) {
        *ret_text = pn_str_head(parser->start, parser->matched);
        parser->matched = 0;
        return ret_text->n ? SSI_TEXT : SSI_MORE;
    }
    parser->element.name = (pn_str){ "", 0 };
    parser->element.fault = SSI_UNFINISHED;
    settle(parser);
    return SSI_ELEMENT;
}
