/* error.c - errors and warnings of a configuration: how they are made and how they read. */
#include <pinion/buf.h>

#include "conf/reading.h"

/* Bytes of the offending line that a message shows. */
#define SHOWN_LINE_BYTES 200
#define SHOWN_REASON_BYTES 2000
/* Levels of the chain of includes that a message shows: a loop has as many as the depth limit. */
#define SHOWN_LEVELS 12

static void fill(struct pn_conf_reading *reading, const struct pn__conf_place *at, const char *cure,
                 const char *reason, struct pn_conf_error *ret_error)
{
    *ret_error = (struct pn_conf_error){
        .file = at->file, .line = at->line, .text = at->text, .reason = reason, .cure = cure
    };
}

pn_rc pn__conf_fail(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                    const char *cure, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fill(reading, at, cure, pn_str_vprintf(reading->reader->pool, fmt, ap).p, reading->error);
    va_end(ap);
    return PN_BAD;
}

void pn__conf_warn(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                   const char *cure, const char *fmt, ...)
{
    struct pn_conf_error warning;
    va_list              ap;

    if (!reading->reader->warn)
        return;
    va_start(ap, fmt);
    fill(reading, at, cure, pn_str_vprintf(reading->reader->pool, fmt, ap).p, &warning);
    va_end(ap);
    reading->reader->warn(reading->reader->arg, &warning);
}

/* Length of the UTF-8 sequence at the front that a terminal can show, 0 when there is none (also
 * for the control characters U+0080 to U+009F). */
static size_t utf8_length(pn_str s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t        n = c >= 0xC2 && c < 0xE0   ? 2
                      : c >= 0xE0 && c < 0xF0 ? 3
                      : c >= 0xF0 && c < 0xF5 ? 4
                                              : 0;

    if (n == 0 || n > s.n || (c == 0xC2 && (unsigned char)s.p[1] < 0xA0))
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

/* Configuration text may hold any byte: what could steer a terminal or forge a line of a log is
 * shown as \xhh. */
static void add_shown(struct pn_buf *out, pn_str s, size_t max)
{
    pn_str rest = pn_str_head(s, max);

    while (rest.n > 0) {
        unsigned char c = (unsigned char)rest.p[0];
        size_t        n = c >= ' ' && c < 0x7F ? 1 : utf8_length(rest);

        if (c == '\t')
            pn_buf_ch(out, ' ');
        else if (n > 0)
            pn_buf_add(out, rest.p, n);
        else
            pn_buf_printf(out, "\\x%02x", c);
        rest = pn_str_from(rest, n > 0 ? n : 1);
    }
    if (s.n > max)
        pn_buf_lit(out, "...");
}

static const char *path_of(const struct pn_conf_file *file)
{
    return file && file->path ? file->path : "(no file)";
}

/* A node that a macro made has the line of the macro's text; the level above it is the line of
 * Use. */
static void add_chain(struct pn_buf *out, const struct pn_conf_file *file)
{
    unsigned shown = 0, more = 0;

    for (; file; file = file->included_by) {
        if (file->macro && shown < SHOWN_LEVELS) {
            pn_buf_lit(out, "\nin macro '");
            add_shown(out, pn_str_z(file->macro), SHOWN_LINE_BYTES);
            pn_buf_ch(out, '\'');
        }
        if (!file->included_by)
            break;
        if (shown++ >= SHOWN_LEVELS) {
            more++;
            continue;
        }
        pn_buf_printf(out, "%s on line %u of ", file->macro ? ", used" : "\nincluded",
                      file->included_at);
        add_shown(out, pn_str_z(path_of(file->included_by)), SHOWN_REASON_BYTES);
    }
    if (more)
        pn_buf_printf(out, "\nand so on, %u levels more", more);
}

static void add_place(struct pn_buf *out, const struct pn_conf_error *error)
{
    pn_buf_printf(out, "AH00526: Syntax error on line %u of ", error->line);
    add_shown(out, pn_str_z(path_of(error->file)), SHOWN_REASON_BYTES);
    pn_buf_ch(out, ':');
    if (error->text.n > 0) {
        pn_buf_printf(out, "\n%8u | ", error->line);
        add_shown(out, error->text, SHOWN_LINE_BYTES);
    }
    pn_buf_ch(out, '\n');
}

/* An error of line 0 is about a file that could not be opened, which the reason names. */
const char *pn_conf_error_print(apr_pool_t *pool, const struct pn_conf_error *error)
{
    struct pn_buf out;

    pn_buf_init(&out, pool, (size_t)1 << 20);
    if (error->line > 0)
        add_place(&out, error);
    add_shown(&out, pn_str_z(error->reason), SHOWN_REASON_BYTES);
    if (error->cure) {
        pn_buf_ch(&out, '\n');
        add_shown(&out, pn_str_z(error->cure), SHOWN_REASON_BYTES);
    }
    add_chain(&out, error->file);
    return pn_str_zdup(pool, pn_buf_view(&out));
}

const char *pn_conf_error_line(apr_pool_t *pool, const struct pn_conf_error *error)
{
    struct pn_buf out;

    pn_buf_init(&out, pool, (size_t)1 << 20);
    add_shown(&out, pn_str_z(path_of(error->file)), SHOWN_REASON_BYTES);
    if (error->line > 0)
        pn_buf_printf(&out, ":%u", error->line);
    pn_buf_lit(&out, ": ");
    add_shown(&out, pn_str_z(error->reason), SHOWN_REASON_BYTES);
    if (error->cure) {
        pn_buf_ch(&out, ' ');
        add_shown(&out, pn_str_z(error->cure), SHOWN_REASON_BYTES);
    }
    return pn_str_zdup(pool, pn_buf_view(&out));
}
