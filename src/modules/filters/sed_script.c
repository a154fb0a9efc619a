/* sed_script.c - compiling scripts of the stream editor (sed_script.h). POSIX.1-2017, utility sed; regular expressions are basic
 * ones (XBD 9.3) and are rewritten for PCRE2. */
#include "sed_script.h"

struct compiler {
    apr_pool_t        *pool;
    pn_str             rest;
    struct sed_script *script;
    const char        *error;
    apr_array_header_t*open;       /* of unsigned: blocks that are not closed */
    pn_str             last_regex; /* as written; an empty one means the last */
};

static void skip_blanks(struct compiler *c, const char *which)
{
    while (c->rest.n && strchr(which, c->rest.p[0]) && c->rest.p[0])
        c->rest = pn_str_from(c->rest, 1);
}

static char peek(const struct compiler *c)
{
    return c->rest.n ? c->rest.p[0] : '\0';
}

static void advance(struct compiler *c)
{
    c->rest = pn_str_from(c->rest, 1);
}

static bool fail(struct compiler *c, const char *why)
{
    if (!c->error)
        c->error = pn_str_printf(c->pool, "%s at: %.*s", why, PN_FMT(pn_str_head(c->rest, 40))).p;
    return false;
}

/* ---- regular expressions ---- */

/* A bracket expression as it is; its backslashes are plain characters. @return index behind it. */
static size_t copy_bracket(struct pn_buf *out, pn_str bre, size_t i)
{
    size_t from = i++;

    if (i < bre.n && bre.p[i] == '^')
        i++;
    if (i < bre.n && bre.p[i] == ']')
        i++;
    while (i < bre.n && bre.p[i] != ']') {
        if (bre.p[i] == '[' && i + 1 < bre.n && strchr(":.=", bre.p[i + 1])) {
            size_t end = pn_str_chr(bre, ']', i + 3 < bre.n ? i + 3 : bre.n);
            i = end == SIZE_MAX ? bre.n : end;
        }
        i++;
    }
    for (size_t k = from; k < i && k < bre.n; k++) {
        if (bre.p[k] == '\\' && !(k + 1 < i && bre.p[k + 1] == 'n'))
            pn_buf_ch(out, '\\');
        pn_buf_ch(out, bre.p[k]);
    }
    if (i < bre.n)
        pn_buf_ch(out, ']');
    return i + 1;
}

/* \( \) \{ \} are operators in a basic expression, ( ) { } + ? | are characters. */
static void put_escaped(struct pn_buf *out, char c)
{
    if (c == '(' || c == ')' || c == '{' || c == '}')
        pn_buf_ch(out, c);
    else if (c == '<')
        pn_buf_lit(out, "\\b(?=\\w)");
    else if (c == '>')
        pn_buf_lit(out, "\\b(?<=\\w)");
    else {
        pn_buf_ch(out, '\\');
        pn_buf_ch(out, c);
    }
}

static pn_str to_pcre(apr_pool_t *pool, pn_str bre)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");
    bool          begin = true; /* * is a character here, ^ an anchor */

    pn_buf_init(&out, pool, 12 * bre.n + 16);
    for (size_t i = 0; i < bre.n;) {
        char c = bre.p[i], after = i + 1 < bre.n ? bre.p[i + 1] : '\0';
        if (c == '[') {
            i = copy_bracket(&out, bre, i);
            begin = false;
            continue;
        }
        if (c == '\\' && after) {
            put_escaped(&out, after);
            begin = after == '(';
            i += 2;
            continue;
        }
        bool end_anchor = c == '$' && (!after || (after == '\\' && i + 2 < bre.n && bre.p[i + 2] == ')'));
        if ((c == '*' && begin) || (c == '^' && !begin) || (c == '$' && !end_anchor) || (c && strchr("(){}+?|", c)))
            pn_buf_ch(&out, '\\');
        pn_buf_ch(&out, c);
        begin = c == '^' && begin;
        i++;
    }
    pn_assert(pn_buf_done(&out, &text) == PN_OK);
    return text.p ? text : PN_STR("");
}

/* Text up to the delimiter, which is left out; \delimiter becomes the delimiter, \n a newline where `newlines`. */
static bool delimited(struct compiler *c, char delimiter, bool newlines, pn_str *ret)
{
    struct pn_buf out;

    pn_buf_init(&out, c->pool, c->rest.n + 1);
    for (size_t i = 0; i < c->rest.n; i++) {
        char ch = c->rest.p[i], after = i + 1 < c->rest.n ? c->rest.p[i + 1] : '\0';
        if (ch == '\\' && after) {
            i++;
            if (after == 'n' && newlines)
                pn_buf_ch(&out, '\n');
            else {
                if (after != delimiter)
                    pn_buf_ch(&out, '\\');
                pn_buf_ch(&out, after);
            }
            continue;
        }
        if (ch == delimiter) {
            c->rest = pn_str_from(c->rest, i + 1);
            *ret = out.n ? pn_buf_view(&out) : PN_STR("");
            return true;
        }
        pn_buf_ch(&out, ch);
    }
    return fail(c, "a delimiter is missing");
}

static bool regex_between(struct compiler *c, char delimiter, unsigned flags, const struct pn_regex **ret)
{
    struct pn_regex *regex;
    const char      *why;
    pn_str           bre;

    if (!delimited(c, delimiter, true, &bre))
        return false;
    if (bre.n == 0)
        bre = c->last_regex;
    if (bre.n == 0)
        return fail(c, "there is no expression before this empty one");
    c->last_regex = bre;
    if (pn_regex_compile(c->pool, to_pcre(c->pool, bre), flags | PN_REGEX_DOTALL, &regex, &why) != PN_OK)
        return fail(c, why);
    *ret = regex;
    return true;
}

/* ---- addresses ---- */

static bool address(struct compiler *c, struct sed_address *ret)
{
    char ch = peek(c);

    if (ch >= '0' && ch <= '9') {
        size_t n = 0;
        while (n < c->rest.n && c->rest.p[n] >= '0' && c->rest.p[n] <= '9')
            n++;
        ret->kind = SED_LINE;
        if (pn_str_to_u64(pn_str_head(c->rest, n), UINT64_MAX, &ret->line) != PN_OK)
            return fail(c, "a line number is too large");
        c->rest = pn_str_from(c->rest, n);
    }
    else if (ch == '$') {
        ret->kind = SED_LAST;
        advance(c);
    }
    else if (ch == '/' || ch == '\\') {
        advance(c);
        char delimiter = ch == '/' ? '/' : peek(c);
        if (ch == '\\')
            advance(c);
        ret->kind = SED_REGEX;
        return regex_between(c, delimiter, 0, &ret->regex);
    }
    return true;
}

static bool addresses(struct compiler *c, struct sed_command *command)
{
    if (!address(c, &command->from))
        return false;
    skip_blanks(c, " \t");
    if (command->from.kind != SED_ANY && peek(c) == ',') {
        advance(c);
        skip_blanks(c, " \t");
        if (!address(c, &command->to))
            return false;
        if (command->to.kind == SED_ANY)
            return fail(c, "an address is missing");
        command->range = c->script->ranges++;
    }
    skip_blanks(c, " \t");
    while (peek(c) == '!') {
        command->negated = true;
        advance(c);
        skip_blanks(c, " \t");
    }
    return true;
}

/* ---- arguments ---- */

static bool substitution(struct compiler *c, struct sed_command *command)
{
    char     delimiter = peek(c);
    unsigned flags = 0;
    pn_str   expression, after;

    advance(c);
    if (!delimiter || delimiter == '\n' || delimiter == '\\')
        return fail(c, "s needs a delimiter");
    expression = c->rest;
    if (!delimited(c, delimiter, true, &after) || !delimited(c, delimiter, false, &command->text))
        return false;
    for (;; advance(c)) {
        char flag = peek(c);
        if (flag == 'g')
            command->global = true;
        else if (flag == 'p')
            command->print = true;
        else if (flag == 'i' || flag == 'I')
            flags = PN_REGEX_ICASE;
        else if (flag >= '0' && flag <= '9' && command->nth < 1000)
            command->nth = command->nth * 10 + (unsigned)(flag - '0');
        else
            break;
    }
    pn_str rest = c->rest;
    c->rest = expression;
    if (!regex_between(c, delimiter, flags, &command->regex))
        return false;
    c->rest = rest;
    return true;
}

static bool transliteration(struct compiler *c, struct sed_command *command)
{
    char   delimiter = peek(c);
    pn_str from, to;

    advance(c);
    if (!delimiter || !delimited(c, delimiter, true, &from) || !delimited(c, delimiter, true, &to))
        return fail(c, "y needs two strings");
    if (from.n != to.n)
        return fail(c, "the strings of y differ in length");
    command->text = PN_CAT(c->pool, from, to);
    return true;
}

/* a\ text, with lines that end in a backslash going on. */
static bool text_argument(struct compiler *c, struct sed_command *command)
{
    struct pn_buf out;

    skip_blanks(c, " \t");
    if (peek(c) == '\\') {
        advance(c);
        skip_blanks(c, " \t");
        if (peek(c) == '\n')
            advance(c);
    }
    pn_buf_init(&out, c->pool, c->rest.n + 2);
    while (c->rest.n && peek(c) != '\n') {
        if (peek(c) == '\\' && c->rest.n > 1)
            advance(c);
        pn_buf_ch(&out, peek(c));
        advance(c);
    }
    pn_buf_ch(&out, '\n');
    command->text = pn_buf_view(&out);
    return true;
}

static bool label(struct compiler *c, struct sed_command *command)
{
    size_t n = 0;

    skip_blanks(c, " \t");
    while (n < c->rest.n && c->rest.p[n] != '\n' && c->rest.p[n] != ';' && c->rest.p[n] != '}')
        n++;
    command->text = pn_str_dup(c->pool, pn_str_trim(pn_str_head(c->rest, n)));
    c->rest = pn_str_from(c->rest, n);
    return true;
}

static bool close_block(struct compiler *c, unsigned here)
{
    unsigned *open = apr_array_pop(c->open);

    if (!open)
        return fail(c, "} without {");
    APR_ARRAY_IDX(c->script->commands, *open, struct sed_command).target = here;
    return true;
}

static bool argument(struct compiler *c, struct sed_command *command, unsigned here)
{
    switch (command->name) {
    case 's': return substitution(c, command);
    case 'y': return transliteration(c, command);
    case 'a': case 'i': case 'c': return text_argument(c, command);
    case 'b': case 't': case ':': return label(c, command);
    case '{': *(unsigned *)apr_array_push(c->open) = here; return true;
    case '}': return close_block(c, here);
    case 'd': case 'D': case 'g': case 'G': case 'h': case 'H': case 'l': case 'n': case 'N': case 'p': case 'P': case 'q':
    case 'x': case '=': return true;
    case 'r': case 'w': return fail(c, "r and w touch files, which a filter may not");
    default: return fail(c, "this command does not exist");
    }
}

static bool one_command(struct compiler *c)
{
    struct sed_command command = { 0 };
    unsigned           here = (unsigned)c->script->commands->nelts;

    if (!addresses(c, &command))
        return false;
    command.name = peek(c);
    if (!command.name)
        return fail(c, "a command is missing");
    advance(c);
    *(struct sed_command *)apr_array_push(c->script->commands) = command;
    if (!argument(c, &command, here))
        return false;
    unsigned target = APR_ARRAY_IDX(c->script->commands, here, struct sed_command).target;
    APR_ARRAY_IDX(c->script->commands, here, struct sed_command) = command;
    APR_ARRAY_IDX(c->script->commands, here, struct sed_command).target = target;
    return true;
}

/* Labels become positions; no label is the end. */
static bool resolve(struct compiler *c)
{
    apr_array_header_t *all = c->script->commands;

    for (int i = 0; i < all->nelts; i++) {
        struct sed_command *command = &APR_ARRAY_IDX(all, i, struct sed_command);
        if (command->name != 'b' && command->name != 't')
            continue;
        command->target = (unsigned)all->nelts;
        for (int k = 0; command->text.n && k < all->nelts; k++) {
            struct sed_command *to = &APR_ARRAY_IDX(all, k, struct sed_command);
            if (to->name == ':' && pn_str_eq(to->text, command->text))
                command->target = (unsigned)k;
        }
        if (command->text.n && command->target == (unsigned)all->nelts)
            return fail(c, pn_str_printf(c->pool, "there is no label %s", command->text.p).p);
    }
    return true;
}

pn_rc sed_compile(apr_pool_t *pool, pn_str text, struct sed_script **ret, const char **ret_error)
{
    struct compiler c = { .pool = pool, .rest = text, .open = apr_array_make(pool, 4, sizeof(unsigned)) };

    c.script = apr_pcalloc(pool, sizeof(*c.script));
    c.script->commands = apr_array_make(pool, 8, sizeof(struct sed_command));
    if (pn_str_starts(text, PN_STR("#n\n")))
        c.script->quiet = true;
    for (;;) {
        skip_blanks(&c, " \t\n;");
        if (c.rest.n == 0)
            break;
        if (peek(&c) == '#') {
            size_t end = pn_str_chr(c.rest, '\n', 0);
            c.rest = pn_str_from(c.rest, end);
            continue;
        }
        if (!one_command(&c))
            break;
    }
    *ret_error = c.error;
    if (c.error)
        return PN_BAD;
    if (c.open->nelts ? !fail(&c, "{ without }") : !resolve(&c)) {
        *ret_error = c.error;
        return PN_AGAIN;
    }
    *ret = c.script;
    return PN_OK;
}
