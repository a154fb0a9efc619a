/* reading.h - what the files that read configuration text share with each other; nobody else
 * includes this.
 *
 * A reading belongs to a reader (tree.h) and lives in its pool. A source is one file, text or use
 * of a macro while its lines are taken, and lives on the C stack of pn__conf_read_source.
 * Sections may not cross the ends of their source. */
#ifndef PN_CONF_READING_H
#define PN_CONF_READING_H

#include "conf/lexer.h"
#include "conf/tree.h"

struct pn__macro;

/** A line and where it stands. */
struct pn__conf_place {
    const struct pn_conf_file *file;
    uint32_t                   line;
    pn_str                     text; /* as written, NUL-terminated */
};

/** A section that is open in the source at hand. */
struct pn__conf_frame {
    enum {
        PN__FRAME_SECTION, /* a node of the tree */
        PN__FRAME_TAKEN,   /* a condition that holds */
        PN__FRAME_SKIPPED  /* a condition that does not hold, or any section inside one */
    } kind;
    pn_str                 name;
    struct pn__conf_place  opened;
    struct pn__conf_frame *up;
};

struct pn__conf_source {
    struct pn__conf_place  at;     /* the line at hand */
    struct pn_conf_node   *parent; /* where the next node goes */
    struct pn__conf_frame *open;   /* innermost section, NULL outside of all */
    struct pn_conf_lexer   lexer;  /* where lines come from, unless macro is set */
    struct pn__macro      *macro;
    const pn_str          *values; /* of the macro's parameters */
    size_t                 macro_next;
};

struct pn_conf_reading {
    struct pn_conf_reader *reader;
    struct pn_conf_error  *error;  /* of the call at hand */
    apr_hash_t            *vars;   /* lower-case name to struct pn_str */
    apr_hash_t            *macros; /* lower-case name to struct pn__macro */
    struct pn__conf_frame *spare;  /* frames to use again */
    unsigned               depth;  /* sources being read inside each other */
    uint64_t               bytes;  /* read so far, against reader->max_bytes */
};

/* The reader's limits, with their defaults. */

static inline unsigned pn__conf_max_depth(const struct pn_conf_reader *reader)
{
    return reader->max_include_depth ? reader->max_include_depth : 128;
}

/** Longest logical line, before and after ${VAR} and macro parameters are expanded. */
static inline size_t pn__conf_max_line(const struct pn_conf_reader *reader)
{
    return reader->htaccess ? 8190 : (size_t)16 << 20;
}

static inline uint64_t pn__conf_max_bytes(const struct pn_conf_reader *reader)
{
    return reader->max_bytes ? reader->max_bytes : UINT64_C(1) << 30;
}

/* source.c: lines, whatever they come from. */

/** Moves source->at to the next line. @return PN_OK, PN_EOF, PN_BAD with the error filled. */
PN_NODISCARD pn_rc pn__conf_next(struct pn_conf_reading *reading, struct pn__conf_source *source);
/** The lines up to the one that closes the section at hand, which is taken too; sections of the
 *  same name nest.
 *  @param ret_lines new array of struct pn__conf_place. */
PN_NODISCARD pn_rc pn__conf_capture(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                    pn_str name, apr_array_header_t **ret_lines);
/** Reads a whole file into the pool, with a writable byte behind it. @return PN_OK, PN_BAD (no
 *  regular file), PN_LIMIT (over max bytes) or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__conf_slurp(apr_pool_t *pool, const char *path, uint64_t max, char **ret_text,
                                  size_t *ret_n);

/* reader.c: lines to nodes. */

/** Reads a source to its end. Counts as one level of depth. */
PN_NODISCARD pn_rc pn__conf_read_source(struct pn_conf_reading *reading,
                                        struct pn__conf_source *source);
/** Reads one file below `parent`. @param from the line that includes it; NULL for the first.
 *  @return PN_OK; PN_NOT_FOUND (only when `optional`); PN_BAD. */
PN_NODISCARD pn_rc pn__conf_read_path(struct pn_conf_reading      *reading,
                                      const struct pn__conf_place *from, const char *path,
                                      bool optional, struct pn_conf_node *parent);
/* error.c */

/** Fills the error of the call at hand. @param cure what would be right, or NULL.
 *  @return PN_BAD. */
PN_PRINTF(4, 5)
PN_COLD pn_rc pn__conf_fail(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                            const char *cure, const char *fmt, ...);
PN_PRINTF(4, 5)
PN_COLD void pn__conf_warn(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                           const char *cure, const char *fmt, ...);

/* define.c */

/** Takes the values of reader->defines in. */
void               pn__conf_vars_init(struct pn_conf_reading *reading);
PN_NODISCARD pn_rc pn__conf_define(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                   pn_str args);
PN_NODISCARD pn_rc pn__conf_undefine(struct pn_conf_reading *reading,
                                     struct pn__conf_source *source, pn_str args);
bool               pn__conf_is_defined(const struct pn_conf_reading *reading, pn_str name);
/** The line at hand with each ${VAR} replaced; the line itself when it has none. */
PN_NODISCARD pn_rc pn__conf_expand(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                                   pn_str *ret_text);

/* include.c */

PN_NODISCARD pn_rc pn__conf_include(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                    pn_str args);
PN_NODISCARD pn_rc pn__conf_include_optional(struct pn_conf_reading *reading,
                                             struct pn__conf_source *source, pn_str args);

/* condition.c */

/** Does this section's name say that it is a condition? */
bool pn__conf_is_condition(pn_str name);
/** Decides it. @param args the section's, without '>'. */
PN_NODISCARD pn_rc pn__conf_condition(struct pn_conf_reading      *reading,
                                      const struct pn__conf_place *at, pn_str name, pn_str args,
                                      bool *ret_holds);

/* version.c */

/** <IfVersion>: decides about PN_CONF_HTTPD_VERSION. */
PN_NODISCARD pn_rc pn__conf_if_version(struct pn_conf_reading      *reading,
                                       const struct pn__conf_place *at, pn_str args,
                                       bool *ret_holds);

/* macro.c */

/** The section <Macro name parameters>, whose line is at hand: takes its lines too. */
PN_NODISCARD pn_rc pn__conf_macro(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                  pn_str args);
PN_NODISCARD pn_rc pn__conf_use(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                pn_str args);
PN_NODISCARD pn_rc pn__conf_undef_macro(struct pn_conf_reading *reading,
                                        struct pn__conf_source *source, pn_str args);
/** The next line of the macro that `source` expands. @return PN_OK, PN_EOF, PN_BAD. */
PN_NODISCARD pn_rc pn__conf_macro_next(struct pn_conf_reading *reading,
                                       struct pn__conf_source *source);

/* builtin.c: the directives that reading obeys itself. */

typedef pn_rc(pn__conf_builtin_fn)(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                   pn_str args);

/** What obeys this directive, or NULL when it becomes a node. */
pn__conf_builtin_fn *pn__conf_builtin(const struct pn_conf_reader *reader, pn_str name);

#endif
