/* macro.c - <Macro name parameters>, Use and UndefMacro. Spec: Apache manual, mod_macro.
 *
 * A macro keeps the raw lines of its section. Use replaces parameters in each line by values, in
 * one pass from left to right, the longest parameter first; what a value holds is not looked at
 * again. The lines that come out are read like a file: their file struct says where the macro was
 * defined and where it was used. */
#include <stdlib.h>

#include <apr_tables.h>
#include <pinion/buf.h>

#include "conf/reading.h"

struct parameter {
    pn_str name;
    bool   used; /* somewhere in the macro's lines */
};

struct pn__macro {
    pn_str                name; /* as written */
    struct pn__conf_place defined;
    struct parameter     *parameter;
    size_t                parameter_count;
    const size_t         *longest_first; /* indexes of parameters */
    bool                  begins[256];   /* bytes that a parameter begins with */
    apr_array_header_t   *lines;         /* of struct pn__conf_place */
    bool                  in_use;
};

/* --- substitution --- */

/* The parameter that stands at the front of text, or SIZE_MAX. */
static size_t parameter_at(const struct pn__macro *macro, pn_str text)
{
    if (!macro->begins[(unsigned char)text.p[0]])
        return SIZE_MAX;
    for (size_t i = 0; i < macro->parameter_count; i++)
        if (pn_str_starts(text, macro->parameter[macro->longest_first[i]].name))
            return macro->longest_first[i];
    return SIZE_MAX;
}

static void add_quoted(struct pn_buf *out, pn_str value)
{
    pn_buf_ch(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"' || value.p[i] == '\\')
            pn_buf_ch(out, '\\');
        pn_buf_ch(out, value.p[i]);
    }
    pn_buf_ch(out, '"');
}

static void substitute(const struct pn__macro *macro, const pn_str *values, pn_str text,
                       struct pn_buf *out)
{
    size_t plain = 0; /* bytes before text that are no parameter and not yet copied */

    while (text.n > plain) {
        pn_str rest = pn_str_from(text, plain);
        size_t i = parameter_at(macro, rest);

        if (i == SIZE_MAX) {
            plain++;
            continue;
        }
        pn_buf_add(out, text.p, plain);
        if (macro->parameter[i].name.p[0] == '@')
            add_quoted(out, values[i]);
        else
            pn_buf_str(out, values[i]);
        text = pn_str_from(rest, macro->parameter[i].name.n);
        plain = 0;
    }
    pn_buf_str(out, text);
}

pn_rc pn__conf_macro_next(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    const struct pn__macro      *macro = source->macro;
    const struct pn__conf_place *line;
    struct pn_buf                out;
    pn_str                       text;

    if (source->macro_next >= (size_t)macro->lines->nelts)
        return PN_EOF;
    line = &APR_ARRAY_IDX(macro->lines, source->macro_next++, struct pn__conf_place);
    source->at.line = line->line;
    source->at.text = line->text;
    if (macro->parameter_count == 0 || line->text.n == 0 || line->text.p[0] == '#')
        return PN_OK;
    pn_buf_init(&out, NULL, pn__conf_max_line(reading->reader));
    substitute(macro, source->values, line->text, &out);
    if (pn_buf_done(&out, &text) != PN_OK) {
        pn_buf_release(&out);
        return pn__conf_fail(reading, &source->at, NULL,
                             "The line is longer than %zu bytes with its parameters.",
                             pn__conf_max_line(reading->reader));
    }
    source->at.text = pn_str_dup(reading->reader->pool, pn_str_trim(text));
    pn_buf_release(&out);
    return PN_OK;
}

/* --- definition --- */

static bool has_prefix(pn_str name)
{
    return name.n > 0 && memchr("$%@", name.p[0], 3) != NULL;
}

static pn_rc check_pair(struct pn_conf_reading *reading, const struct pn__macro *macro, size_t i,
                        size_t j)
{
    pn_str a = macro->parameter[i].name, b = macro->parameter[j].name;

    if (pn_str_eq(a, b))
        return pn__conf_fail(reading, &macro->defined, "Give each parameter a name of its own.",
                             "Macro '%s' has the parameter '%s' twice: number %zu and %zu.",
                             macro->name.p, a.p, i + 1, j + 1);
    if (pn_str_starts(a, b) || pn_str_starts(b, a))
        pn__conf_warn(reading, &macro->defined, "Where both fit, the longer one is taken.",
                      "Macro '%s': one of the parameters '%s' and '%s' begins with the other.",
                      macro->name.p, a.p, b.p);
    return PN_OK;
}

static pn_rc check_parameters(struct pn_conf_reading *reading, const struct pn__macro *macro)
{
    for (size_t i = 0; i < macro->parameter_count; i++) {
        pn_str name = macro->parameter[i].name;

        if (name.n == 0)
            return pn__conf_fail(reading, &macro->defined, NULL,
                                 "Macro '%s': parameter number %zu is empty.", macro->name.p,
                                 i + 1);
        if (!has_prefix(name))
            pn__conf_warn(reading, &macro->defined, "Begin parameters with one of $ % @.",
                          "Macro '%s': the parameter '%s' replaces any text like it.",
                          macro->name.p, name.p);
        else if (pn_str_starts(name, PN_STR("${")))
            pn__conf_warn(reading, &macro->defined, "Write $(name).",
                          "Macro '%s': the parameter '%s' looks like a variable of Define.",
                          macro->name.p, name.p);
        for (size_t j = 0; j < i; j++) {
            pn_rc rc = check_pair(reading, macro, j, i);

            if (rc != PN_OK)
                return rc;
        }
    }
    return PN_OK;
}

struct by_length {
    const struct parameter *parameter;
    size_t                  index;
};

static int longer_first(const void *a, const void *b)
{
    const struct by_length *left = a, *right = b;
    size_t                  m = left->parameter->name.n, n = right->parameter->name.n;

    return m != n ? (m < n ? 1 : -1) : (left->index > right->index) - (left->index < right->index);
}

static void sort_parameters(apr_pool_t *pool, struct pn__macro *macro)
{
    size_t            n = macro->parameter_count;
    struct by_length *order = apr_palloc(pool, (n + 1) * sizeof(*order));
    size_t           *index = apr_palloc(pool, (n + 1) * sizeof(*index));

    for (size_t i = 0; i < n; i++) {
        order[i] = (struct by_length){ &macro->parameter[i], i };
        macro->begins[(unsigned char)macro->parameter[i].name.p[0]] = true;
    }
    qsort(order, n, sizeof(*order), longer_first);
    for (size_t i = 0; i < n; i++)
        index[i] = order[i].index;
    macro->longest_first = index;
}

static void take_parameters(apr_pool_t *pool, struct pn__macro *macro, pn_str args)
{
    apr_array_header_t *all = apr_array_make(pool, 8, sizeof(struct parameter));
    pn_str              word;

    while ((word = pn_conf_word(pool, &args)).p)
        *(struct parameter *)apr_array_push(all) = (struct parameter){ .name = word };
    macro->parameter = (struct parameter *)(void *)all->elts;
    macro->parameter_count = (size_t)all->nelts;
}

static void mark_used(struct pn__macro *macro, pn_str text)
{
    while (text.n > 0) {
        size_t i = parameter_at(macro, text);

        if (i != SIZE_MAX)
            macro->parameter[i].used = true;
        text = pn_str_from(text, i != SIZE_MAX ? macro->parameter[i].name.n : 1);
    }
}

static void check_lines(struct pn_conf_reading *reading, struct pn__macro *macro)
{
    if (macro->lines->nelts == 0)
        pn__conf_warn(reading, &macro->defined, NULL, "Macro '%s' is empty.", macro->name.p);
    for (int i = 0; i < macro->lines->nelts; i++) {
        pn_str text = APR_ARRAY_IDX(macro->lines, i, struct pn__conf_place).text;

        if (text.n > 0 && text.p[0] != '#')
            mark_used(macro, text);
    }
    for (size_t i = 0; i < macro->parameter_count && macro->lines->nelts > 0; i++)
        if (!macro->parameter[i].used)
            pn__conf_warn(reading, &macro->defined, NULL,
                          "Macro '%s' never uses its parameter '%s'.", macro->name.p,
                          macro->parameter[i].name.p);
}

static struct pn__macro *find(const struct pn_conf_reading *reading, pn_str name)
{
    pn_str key = pn_str_lower(reading->reader->pool, name);

    return apr_hash_get(reading->macros, key.p, (apr_ssize_t)key.n);
}

static void enlist(struct pn_conf_reading *reading, struct pn__macro *macro)
{
    pn_str                  key = pn_str_lower(reading->reader->pool, macro->name);
    const struct pn__macro *old = find(reading, macro->name);

    if (old)
        pn__conf_warn(reading, &macro->defined, "UndefMacro makes its name free.",
                      "Macro '%s' was defined before, on line %u of %s.", macro->name.p,
                      old->defined.line, old->defined.file->path);
    apr_hash_set(reading->macros, key.p, (apr_ssize_t)key.n, macro);
}

pn_rc pn__conf_macro(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str args)
{
    apr_pool_t       *pool = reading->reader->pool;
    struct pn__macro *macro = apr_pcalloc(pool, sizeof(*macro));
    pn_rc             rc;

    macro->defined = source->at;
    macro->name = pn_conf_word(pool, &args);
    if (macro->name.n == 0)
        return pn__conf_fail(reading, &source->at, NULL, "<Macro> needs a name.");
    if (has_prefix(macro->name))
        pn__conf_warn(reading, &source->at, NULL, "The macro's name '%s' begins like a parameter.",
                      macro->name.p);
    take_parameters(pool, macro, args);
    rc = check_parameters(reading, macro);
    if (rc != PN_OK)
        return rc;
    sort_parameters(pool, macro);
    rc = pn__conf_capture(reading, source, PN_STR("Macro"), &macro->lines);
    if (rc != PN_OK)
        return rc;
    check_lines(reading, macro);
    enlist(reading, macro);
    return PN_OK;
}

/* --- use --- */

static const char *suggest(const struct pn_conf_reading *reading, pn_str name)
{
    apr_pool_t         *pool = reading->reader->pool;
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    const char         *near;

    for (apr_hash_index_t *i = apr_hash_first(pool, reading->macros); i; i = apr_hash_next(i)) {
        const struct pn__macro *macro = apr_hash_this_val(i);

        *(const char **)apr_array_push(names) = macro->name.p;
    }
    near = pn_conf_suggest(name, (const char *const *)(void *)names->elts, (size_t)names->nelts);
    return near ? pn_str_printf(pool, "Did you mean '%s'?", near).p
                : "Define it with <Macro> first.";
}

static pn_rc find_or_fail(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                          pn_str name, struct pn__macro **ret_macro)
{
    *ret_macro = find(reading, name);
    if (*ret_macro)
        return PN_OK;
    return pn__conf_fail(reading, at, suggest(reading, name), "Macro '%s' is not defined.", name.p);
}

static pn_rc take_values(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                         const struct pn__macro *macro, pn_str args, const pn_str **ret_values)
{
    apr_pool_t *pool = reading->reader->pool;
    pn_str     *values = apr_palloc(pool, (macro->parameter_count + 1) * sizeof(*values));
    size_t      n = 0;
    pn_str      word;

    for (; (word = pn_conf_word(pool, &args)).p; n++) {
        if (n < macro->parameter_count)
            values[n] = word;
        if (word.n == 0)
            pn__conf_warn(reading, at, NULL, "Macro '%s': value number %zu is empty.",
                          macro->name.p, n + 1);
    }
    *ret_values = values;
    if (n == macro->parameter_count)
        return PN_OK;
    return pn__conf_fail(reading, at, NULL,
                         "Macro '%s' takes %zu values and got %zu; it is defined on line %u of %s.",
                         macro->name.p, macro->parameter_count, n, macro->defined.line,
                         macro->defined.file->path);
}

static pn_rc expand_macro(struct pn_conf_reading *reading, struct pn__conf_source *user,
                          struct pn__macro *macro, const pn_str *values)
{
    struct pn_conf_file   *file = apr_pcalloc(reading->reader->pool, sizeof(*file));
    struct pn__conf_source source = { .at = { .file = file, .text = PN_STR("") },
                                      .parent = user->parent,
                                      .macro = macro,
                                      .values = values };
    pn_rc                  rc;

    *file = (struct pn_conf_file){ .path = macro->defined.file->path,
                                   .kind = "macro",
                                   .macro = macro->name.p,
                                   .included_by = user->at.file,
                                   .included_at = user->at.line };
    macro->in_use = true;
    rc = pn__conf_read_source(reading, &source);
    macro->in_use = false;
    return rc;
}

pn_rc pn__conf_use(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str args)
{
    unsigned          max = pn__conf_max_depth(reading->reader);
    pn_str            name = pn_conf_word(reading->reader->pool, &args);
    struct pn__macro *macro;
    const pn_str     *values;
    pn_rc             rc;

    if (name.n == 0)
        return pn__conf_fail(reading, &source->at, NULL, "Use needs the name of a macro.");
    rc = find_or_fail(reading, &source->at, name, &macro);
    if (rc == PN_OK && macro->in_use)
        return pn__conf_fail(reading, &source->at, NULL, "Macro '%s' uses itself.", macro->name.p);
    if (rc == PN_OK && reading->depth > max)
        return pn__conf_fail(reading, &source->at, NULL,
                             "Exceeded the maximum include depth of %u.", max);
    if (rc == PN_OK)
        rc = take_values(reading, &source->at, macro, args, &values);
    return rc == PN_OK ? expand_macro(reading, source, macro, values) : rc;
}

pn_rc pn__conf_undef_macro(struct pn_conf_reading *reading, struct pn__conf_source *source,
                           pn_str args)
{
    pn_str            name = pn_conf_word(reading->reader->pool, &args);
    struct pn__macro *macro;
    pn_rc             rc;
    pn_str            key;

    if (name.n == 0 || args.n > 0)
        return pn__conf_fail(reading, &source->at, NULL, "UndefMacro takes the name of a macro.");
    rc = find_or_fail(reading, &source->at, name, &macro);
    if (rc != PN_OK)
        return rc;
    key = pn_str_lower(reading->reader->pool, name);
    apr_hash_set(reading->macros, key.p, (apr_ssize_t)key.n, NULL);
    return PN_OK;
}
