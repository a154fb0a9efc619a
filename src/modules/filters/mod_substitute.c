/* mod_substitute - search and replace in answers: the output filter SUBSTITUTE.
 * Runs: as a filter.   Yields: as the body below.   Config: struct substitute_conf.   Spec: Apache manual, mod_substitute.
 *
 * Line by line, each pattern in turn over what the one before it left; memory is bounded by SubstituteMaxLineLength. */
#define PN_LOG_MODULE &pn_module_substitute
#include <pinion/log.h>

#include <apr_strings.h>

#include "lines.h"

/* Output is handed up in pieces of about this. */
#define GATHER_BYTES 8000

struct pattern {
    pn_str           text;        /* a fixed string, when regex is NULL */
    struct pn_regex *regex;
    pn_str           replacement;
    bool             ignore_case;
};

struct substitute_conf {
    apr_array_header_t *patterns; /* of struct pattern; may be NULL */
    int64_t             max_line_bytes;
    bool                inherit_before;
    bool                max_set, inherit_set;
};

struct substituted {
    struct pn_body                super;
    struct lines                  lines;
    const struct substitute_conf *conf;
    struct pn_buf                 edit[2];  /* a line before and after a pattern */
    struct pn_buf                 out;
    apr_pool_t                   *scratch;  /* of one line */
    bool                          ended;
};

struct pn_module pn_module_substitute;

/* ---- editing a line ---- */

/* Where the pattern matches in `rest`. @return false: nowhere. */
static bool find(const struct pattern *pattern, pn_str rest, struct pn_match *match, size_t *ret_at, size_t *ret_n)
{
    if (pattern->regex) {
        if (pn_regex_match(pattern->regex, rest, match) != PN_OK)
            return false;
        *ret_at = match->span[0].so;
        *ret_n = match->span[0].eo - match->span[0].so;
        return true;
    }
    *ret_at = pattern->ignore_case ? pn_str_ifind(rest, pattern->text) : pn_str_find(rest, pattern->text);
    *ret_n = pattern->text.n;
    return *ret_at != SIZE_MAX;
}

/* @return false: the pattern does not occur, `to` is as it was. */
static bool edit(struct substituted *self, const struct pattern *pattern, pn_str line, struct pn_buf *to)
{
    struct pn_match match;
    size_t          at, n;
    bool            found = false;

    while (line.n && find(pattern, line, &match, &at, &n)) {
        if (!found)
            pn_buf_clear(to);
        found = true;
        pn_buf_str(to, pn_str_head(line, at));
        pn_buf_str(to, pattern->regex ? pn_match_expand(self->scratch, pattern->replacement, &match) : pattern->replacement);
        if (n == 0 && at < line.n) /* an empty match: the byte behind it goes on as it is */
            pn_buf_ch(to, line.p[at]);
        line = pn_str_from(line, at + (n ? n : 1));
        if (to->full)
            return true;
    }
    if (found)
        pn_buf_str(to, line);
    return found;
}

static pn_rc edit_line(struct substituted *self, pn_str line)
{
    unsigned into = 0;

    apr_pool_clear(self->scratch);
    for (int i = 0; i < self->conf->patterns->nelts; i++) {
        struct pn_buf *to = &self->edit[into];
        if (!edit(self, &APR_ARRAY_IDX(self->conf->patterns, i, struct pattern), line, to))
            continue;
        if (to->full)
            return PN_LIMIT;
        line = pn_buf_view(to);
        into = 1 - into;
    }
    pn_buf_str(&self->out, line);
    return PN_OK;
}

/* ---- the body ---- */

static pn_rc too_long(struct substituted *self)
{
    return pn_fail(self->super.r, 500, PN_LOG_MODULE, 1328, "a line of %s is over SubstituteMaxLineLength (%lld bytes)",
                   self->super.r->filename.p, (long long)self->conf->max_line_bytes);
}

PN_MAY_YIELD static pn_rc substituted_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct substituted *self = PN_CONTAINER(body, struct substituted, super);
    pn_str              line;
    pn_rc               rc = PN_OK;

    if (self->ended)
        return PN_EOF;
    pn_buf_clear(&self->out);
    while (rc == PN_OK && self->out.n < GATHER_BYTES) {
        rc = lines_next(&self->lines, &line);
        if (rc == PN_OK)
            rc = edit_line(self, line);
    }
    if (rc == PN_LIMIT)
        return too_long(self);
    self->ended = rc == PN_EOF;
    if (self->ended && self->out.n == 0)
        return PN_EOF;
    if (rc != PN_OK && rc != PN_AGAIN && rc != PN_EOF)
        return rc;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_buf_view(&self->out), .last = self->ended,
                                    .flush = rc == PN_AGAIN };
    return PN_OK;
}

static void substituted_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct substituted, super)->lines.below);
}

static const struct pn_body_ops substituted_ops = { .name = "SUBSTITUTE", .next = substituted_next, .close = substituted_close };

static struct pn_body *substituted_wrap(struct pn_request *r, struct pn_body *below, void *arg)
{
    const struct substitute_conf *conf = pn_dir_conf(r, &pn_module_substitute);
    struct substituted           *self;
    size_t                        max = (size_t)conf->max_line_bytes;

    (void)arg;
    if (!conf->patterns || below->length == 0 || r->status == 304)
        return below;
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_MD5);
    self = apr_pcalloc(r->pool, sizeof(*self));
    self->super = (struct pn_body){ .ops = &substituted_ops, .r = r, .length = -1 };
    self->conf = conf;
    lines_init(&self->lines, r, below, max);
    pn_buf_init(&self->edit[0], r->pool, max);
    pn_buf_init(&self->edit[1], r->pool, max);
    pn_buf_init(&self->out, r->pool, GATHER_BYTES + max);
    apr_pool_create(&self->scratch, r->pool);
    return &self->super;
}

/* ---- settings ---- */

/* Up to the next delimiter that no backslash hides; such a backslash goes when it hides the delimiter. */
static bool cut_part(struct pn_conf_cmd *cmd, pn_str *rest, char delimiter, pn_str *ret_part)
{
    struct pn_buf part;

    pn_buf_init(&part, cmd->pool, rest->n + 1);
    for (size_t i = 0; i < rest->n; i++) {
        if (rest->p[i] == '\\' && i + 1 < rest->n) {
            if (rest->p[i + 1] != delimiter)
                pn_buf_ch(&part, rest->p[i]);
            pn_buf_ch(&part, rest->p[++i]);
        }
        else if (rest->p[i] == delimiter) {
            *rest = pn_str_from(*rest, i + 1);
            *ret_part = part.n ? pn_buf_view(&part) : PN_STR("");
            return true;
        }
        else
            pn_buf_ch(&part, rest->p[i]);
    }
    return false;
}

static const char *compile(struct pn_conf_cmd *cmd, struct pattern *pattern, pn_str flags)
{
    bool        fixed = false;
    const char *error;

    for (size_t i = 0; i < flags.n; i++) {
        switch (flags.p[i]) {
        case 'i': pattern->ignore_case = true; break;
        case 'n': fixed = true; break;
        case 'f': /* what a pattern leaves is always one piece for the next */
        case 'q': break;
        default: return "Bad Substitute flag, only s///[infq] are supported";
        }
    }
    if (fixed)
        return pattern->text.n ? NULL : "Substitute pattern is empty";
    if (pn_regex_compile(cmd->pool, pattern->text, pattern->ignore_case ? PN_REGEX_ICASE : 0, &pattern->regex, &error) != PN_OK)
        return pn_conf_error_text(cmd, "Substitute could not compile regex: %s", error);
    return NULL;
}

static const char *set_pattern(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct substitute_conf *substitute = conf;
    struct pattern          pattern = { 0 };
    pn_str                  rest = pn_str_from(argv[0], 2);

    (void)argc;
    if (argv[0].n < 2 || (argv[0].p[0] != 's' && argv[0].p[0] != 'S'))
        return "Bad Substitute format, must be an s/// pattern";
    if (!cut_part(cmd, &rest, argv[0].p[1], &pattern.text) || !cut_part(cmd, &rest, argv[0].p[1], &pattern.replacement))
        return "Bad Substitute format, must be a complete s/// pattern";
    const char *error = compile(cmd, &pattern, rest);
    if (error)
        return error;
    if (!substitute->patterns)
        substitute->patterns = apr_array_make(cmd->pool, 2, sizeof(pattern));
    *(struct pattern *)apr_array_push(substitute->patterns) = pattern;
    return NULL;
}

static const char *set_max(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const char       units[] = "bkmg";
    struct substitute_conf *substitute = conf;
    pn_str                  number = argv[0];
    uint64_t                value;
    unsigned                shift = 0;
    char                    last = number.n ? (char)(number.p[number.n - 1] | 0x20) : '\0';

    (void)argc;
    if (number.n && strchr(units, last)) {
        shift = 10 * (unsigned)(strchr(units, last) - units);
        number.n--;
    }
    if (pn_str_to_u64(number, INT64_C(1) << 32, &value) != PN_OK || value == 0 || (value << shift) > (UINT64_C(1) << 40))
        return pn_conf_error_text(cmd, "SubstituteMaxLineLength is a number with b, k, m or g, not '%.*s'", PN_FMT(argv[0]));
    substitute->max_line_bytes = (int64_t)(value << shift);
    substitute->max_set = true;
    return NULL;
}

static const char *set_inherit(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct substitute_conf *substitute = conf;

    (void)argc;
    if (pn_conf_flag(argv[0], &substitute->inherit_before) != PN_OK)
        return pn_conf_error_text(cmd, "SubstituteInheritBefore must be On or Off");
    substitute->inherit_set = true;
    return NULL;
}

#define ROW(directive, fn, text)                                                                   \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    ROW("Substitute", set_pattern, "s/pattern/replacement/ with flags i, n, f, q"),
    ROW("SubstituteInheritBefore", set_inherit, "Whether the patterns of outer places come first"),
    ROW("SubstituteMaxLineLength", set_max, "Longest line, bytes or with k, m, g; default 1m"),
    { 0 }
};

static void dir_init(apr_pool_t *pool, void *conf)
{
    (void)pool;
    ((struct substitute_conf *)conf)->max_line_bytes = 1 << 20;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct substitute_conf *outer = base, *inner = add;
    struct substitute_conf       *merged = out;

    if (inner->max_set) {
        merged->max_line_bytes = inner->max_line_bytes;
        merged->max_set = true;
    }
    if (inner->inherit_set) {
        merged->inherit_before = inner->inherit_before;
        merged->inherit_set = true;
    }
    if (!outer->patterns || !inner->patterns)
        merged->patterns = inner->patterns ? inner->patterns : outer->patterns;
    else if (merged->inherit_before)
        merged->patterns = apr_array_append(pool, outer->patterns, inner->patterns);
    else
        merged->patterns = apr_array_append(pool, inner->patterns, outer->patterns);
}

static void hooks(struct pn_hooks *h)
{
    static const struct pn_filter filter = { .name = "SUBSTITUTE", .type = PN_FILTER_RESOURCE, .wrap = substituted_wrap };

    pn_output_filter(h, &filter);
}

struct pn_module pn_module_substitute = {
    .api = PN_MODULE_API,
    .name = "mod_substitute.c",
    .apache_id = "substitute_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct substitute_conf),
    .dir_conf_init = dir_init,
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
