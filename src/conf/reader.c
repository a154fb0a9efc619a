/* reader.c - lines to nodes: directives, sections, what a condition skips, and files inside each
 * other.
 *
 * Sections are kept in a list and not on the C stack, so their nesting has no limit; files and
 * macros inside each other do recurse, up to reader->max_include_depth. */
#include <errno.h>

#include <apr_tables.h>

#include "conf/reading.h"

/* --- sections that are open --- */

static void push(struct pn_conf_reading *reading, struct pn__conf_source *source, int kind,
                 pn_str name)
{
    struct pn__conf_frame *frame = reading->spare;

    if (frame)
        reading->spare = frame->up;
    else
        frame = apr_palloc(reading->reader->pool, sizeof(*frame));
    *frame = (struct pn__conf_frame){
        .kind = kind, .name = name, .opened = source->at, .up = source->open
    };
    source->open = frame;
}

static void pop(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    struct pn__conf_frame *frame = source->open;

    source->open = frame->up;
    frame->up = reading->spare;
    reading->spare = frame;
}

/* --- nodes --- */

static struct pn_conf_node *append(struct pn_conf_reading       *reading,
                                   const struct pn__conf_source *source, pn_str name, pn_str args)
{
    struct pn_conf_node *parent = source->parent;
    struct pn_conf_node *node = apr_palloc(reading->reader->pool, sizeof(*node));

    *node = (struct pn_conf_node){ .file = source->at.file,
                                   .line = source->at.line,
                                   .name = name,
                                   .args = args,
                                   .text = source->at.text,
                                   .parent = parent };
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

static void prefill(const struct pn_conf_node *node, struct pn_conf_error *error)
{
    *error = (struct pn_conf_error){ .file = node->file, .line = node->line, .text = node->text };
}

static pn_rc announce(struct pn_conf_reading *reading, struct pn_conf_node *node)
{
    struct pn_conf_reader *reader = reading->reader;

    if (!reader->on_read)
        return PN_OK;
    prefill(node, reading->error);
    return reader->on_read(reader->arg, node, reading->error) == PN_OK ? PN_OK : PN_BAD;
}

/* --- sections --- */

/* The argument part of a section's line: cuts the closing '>' off. */
static pn_rc section_args(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                          pn_str *name, pn_str *args)
{
    bool   closed = name->n > 0 && name->p[name->n - 1] == '>';
    pn_str behind;
    size_t angle;

    if (closed)
        *name = pn_str_dup(reading->reader->pool, pn_str_head(*name, name->n - 1));
    if (name->n == 0)
        return pn__conf_fail(reading, at, "Write the name right behind '<'.",
                             "The section has no name.");
    if (closed && args->n == 0)
        return PN_OK;
    angle = pn_str_rchr(*args, '>');
    if (angle == SIZE_MAX)
        return pn__conf_fail(reading, at, NULL, "<%s> is missing its closing '>'.", name->p);
    behind = pn_str_from(*args, angle + 1);
    *args = pn_str_dup(reading->reader->pool, pn_str_trim(pn_str_head(*args, angle)));
    if (behind.n > 0)
        pn__conf_warn(reading, at, "A comment needs a line of its own.",
                      "What follows the closing '>' of <%s> is ignored.", name->p);
    return PN_OK;
}

static pn_rc open_raw(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str name,
                      pn_str args)
{
    struct pn_conf_reader *reader = reading->reader;
    struct pn_conf_node   *node = append(reading, source, name, args);
    apr_array_header_t    *places;
    pn_str                *lines;
    pn_rc                  rc = pn__conf_capture(reading, source, name, &places);

    node->section = true;
    if (rc != PN_OK || !reader->on_raw)
        return rc;
    lines = apr_palloc(reader->pool, ((size_t)places->nelts + 1) * sizeof(*lines));
    for (int i = 0; i < places->nelts; i++)
        lines[i] = APR_ARRAY_IDX(places, i, struct pn__conf_place).text;
    prefill(node, reading->error);
    rc = reader->on_raw(reader->arg, node, lines, (size_t)places->nelts, reading->error);
    return rc == PN_OK ? PN_OK : PN_BAD;
}

static pn_rc open_condition(struct pn_conf_reading *reading, struct pn__conf_source *source,
                            pn_str name, pn_str args)
{
    bool  holds = false;
    pn_rc rc = pn__conf_condition(reading, &source->at, name, args, &holds);

    if (rc == PN_OK)
        push(reading, source, holds ? PN__FRAME_TAKEN : PN__FRAME_SKIPPED, name);
    return rc;
}

/* @param name without '<', perhaps with its '>'. */
static pn_rc open_section(struct pn_conf_reading *reading, struct pn__conf_source *source,
                          pn_str name, pn_str args)
{
    struct pn_conf_reader *reader = reading->reader;
    pn_rc                  rc = section_args(reading, &source->at, &name, &args);

    if (rc != PN_OK)
        return rc;
    if (pn__conf_is_condition(name))
        return open_condition(reading, source, name, args);
    if (pn_str_ieq(name, PN_STR("Macro")) && !reader->htaccess)
        return pn__conf_macro(reading, source, args);
    if (reader->section_is_raw && reader->section_is_raw(reader->arg, name))
        return open_raw(reading, source, name, args);
    source->parent = append(reading, source, name, args);
    source->parent->section = true;
    push(reading, source, PN__FRAME_SECTION, name);
    return PN_OK;
}

/* A closing line without an open section: is one open in the file that includes this one? */
static pn_rc fail_unopened(struct pn_conf_reading *reading, const struct pn__conf_source *source,
                           pn_str name)
{
    const struct pn_conf_node *outer = source->parent;

    while (outer && !(outer->section && pn_str_ieq(outer->name, name)))
        outer = outer->parent;
    return pn__conf_fail(
        reading, &source->at, outer ? "A section must end in the file in which it begins." : NULL,
        "</%s> without matching <%s>: no such section is open here.", name.p, name.p);
}

/* @param name without "</", still with its '>'. */
static pn_rc close_section(struct pn_conf_reading *reading, struct pn__conf_source *source,
                           pn_str name, pn_str args)
{
    struct pn__conf_frame *frame = source->open;
    struct pn_conf_node   *node = source->parent;

    if (name.n == 0 || name.p[name.n - 1] != '>')
        return pn__conf_fail(reading, &source->at, "No space may stand between the name and '>'.",
                             "</%s is missing its closing '>'.", name.p);
    name = pn_str_dup(reading->reader->pool, pn_str_head(name, name.n - 1));
    if (!frame)
        return fail_unopened(reading, source, name);
    if (!pn_str_ieq(frame->name, name))
        return pn__conf_fail(reading, &source->at, NULL,
                             "Expected </%s> but saw </%s>: <%s> was opened on line %u.",
                             frame->name.p, name.p, frame->name.p, frame->opened.line);
    if (args.n > 0)
        pn__conf_warn(reading, &source->at, "A comment needs a line of its own.",
                      "What follows </%s> is ignored.", name.p);
    if (frame->kind == PN__FRAME_SECTION)
        source->parent = node->parent;
    pop(reading, source);
    return source->parent == node ? PN_OK : announce(reading, node);
}

/* --- lines --- */

static bool may_be_section(pn_str text)
{
    return text.p[0] == '<' || text.p[0] == '"' || text.p[0] == '\'';
}

/* Inside a condition that does not hold only the nesting counts; no variable is expanded. */
static pn_rc skip_line(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    pn_str args = source->at.text;
    pn_str name;

    if (!may_be_section(args))
        return PN_OK;
    name = pn_conf_word(reading->reader->pool, &args);
    if (name.n == 0 || name.p[0] != '<')
        return PN_OK;
    if (pn_str_starts(name, PN_STR("</")))
        return close_section(reading, source, pn_str_from(name, 2), args);
    name = pn_str_from(name, 1);
    if (name.n > 0 && name.p[name.n - 1] == '>')
        name = pn_str_dup(reading->reader->pool, pn_str_head(name, name.n - 1));
    push(reading, source, PN__FRAME_SKIPPED, name);
    return PN_OK;
}

static pn_rc take_line(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    pn__conf_builtin_fn *builtin;
    pn_str               name, args;
    pn_rc                rc = pn__conf_expand(reading, &source->at, &args);

    if (rc != PN_OK)
        return rc;
    name = pn_conf_word(reading->reader->pool, &args);
    if (name.n == 0) {
        if (args.n > 0)
            pn__conf_warn(reading, &source->at, NULL,
                          "The line names no directive and is ignored.");
        return PN_OK;
    }
    if (pn_str_starts(name, PN_STR("</")))
        return close_section(reading, source, pn_str_from(name, 2), args);
    if (name.p[0] == '<')
        return open_section(reading, source, pn_str_from(name, 1), args);
    builtin = pn__conf_builtin(reading->reader, name);
    return builtin ? builtin(reading, source, args)
                   : announce(reading, append(reading, source, name, args));
}

/* COMPAT: 2.4 lets the end of a file close a condition that holds, and nothing else. */
static pn_rc finish(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    while (source->open) {
        const struct pn__conf_frame *frame = source->open;

        if (frame->kind != PN__FRAME_TAKEN)
            return pn__conf_fail(reading, &frame->opened, NULL,
                                 "<%s> was not closed: </%s> is missing.", frame->name.p,
                                 frame->name.p);
        pn__conf_warn(reading, &frame->opened, NULL, "<%s> was not closed; it ends with its file.",
                      frame->name.p);
        pop(reading, source);
    }
    return PN_OK;
}

pn_rc pn__conf_read_source(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    pn_rc rc;

    reading->depth++;
    while ((rc = pn__conf_next(reading, source)) == PN_OK) {
        if (source->at.text.n == 0 || source->at.text.p[0] == '#')
            continue;
        rc = source->open && source->open->kind == PN__FRAME_SKIPPED ? skip_line(reading, source)
                                                                     : take_line(reading, source);
        if (rc != PN_OK)
            break;
    }
    if (rc == PN_EOF)
        rc = finish(reading, source);
    while (source->open)
        pop(reading, source);
    reading->depth--;
    return rc;
}

/* --- files --- */

static void record(struct pn_conf_reader *reader, const struct pn_conf_file *file)
{
    struct pn_conf_include *row;

    if (!reader->record_includes)
        return;
    if (!reader->includes)
        reader->includes = apr_array_make(reader->pool, 16, sizeof(*row));
    row = apr_array_push(reader->includes);
    *row = (struct pn_conf_include){ .path = file->path, .from_line = file->included_at };
    if (file->included_by)
        row->from_path = file->included_by->path;
    for (const struct pn_conf_file *outer = file->included_by; outer; outer = outer->included_by)
        row->depth += outer->macro ? 0 : 1;
}

static pn_rc fail_unreadable(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                             const char *path, pn_rc rc)
{
    char        buf[128];
    const char *reason = rc == PN_BAD     ? "it is not a regular file"
                         : rc == PN_LIMIT ? "it is too long"
                                          : apr_strerror(errno, buf, sizeof(buf));

    return pn__conf_fail(reading, at, NULL, "Could not open configuration file %s: %s.", path,
                         reason);
}

pn_rc pn__conf_read_path(struct pn_conf_reading *reading, const struct pn__conf_place *from,
                         const char *path, bool optional, struct pn_conf_node *parent)
{
    struct pn_conf_reader *reader = reading->reader;
    unsigned               max = pn__conf_max_depth(reader);
    struct pn_conf_file   *file = apr_pcalloc(reader->pool, sizeof(*file));
    struct pn__conf_source source = { .at = { .file = file, .text = PN_STR("") },
                                      .parent = parent };
    size_t                 n;
    char                  *text;
    pn_rc                  rc;

    *file = (struct pn_conf_file){ .path = path,
                                   .kind = "file",
                                   .included_by = from ? from->file : NULL,
                                   .included_at = from ? from->line : 0 };
    if (reading->depth > max)
        return pn__conf_fail(reading, from ? from : &source.at, "Does a file include itself?",
                             "Exceeded the maximum include depth of %u.", max);
    rc = pn__conf_slurp(reader->pool, path, pn__conf_max_bytes(reader), &text, &n);
    if (rc == PN_SYSTEM && optional && (errno == ENOENT || errno == ENOTDIR))
        return PN_NOT_FOUND;
    if (rc != PN_OK)
        return fail_unreadable(reading, from ? from : &source.at, path, rc);
    record(reader, file);
    pn__conf_lexer_init(&source.lexer, text, n);
    return pn__conf_read_source(reading, &source);
}
