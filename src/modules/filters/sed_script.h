/* sed_script.h - a script of the stream editor: compiled once, run line by line. POSIX sed, less what touches files. */
#ifndef PN_FILTERS_SED_SCRIPT_H
#define PN_FILTERS_SED_SCRIPT_H

#include <apr_tables.h>

#include <pinion/buf.h>
#include <pinion/regex.h>

/** Longest line, and largest pattern or hold space, bytes. */
#define SED_SPACE_MAX ((size_t)8 << 20)
/** Most commands that are executed for one line: a script that branches for ever ends here. */
#define SED_STEPS_MAX 1000000

enum sed_address_kind { SED_ANY, SED_LINE, SED_LAST, SED_REGEX };

struct sed_address {
    enum sed_address_kind  kind;
    uint64_t               line;
    const struct pn_regex *regex;
};

struct sed_command {
    struct sed_address     from, to; /* to.kind SED_ANY: one address */
    unsigned               range;    /* index of the range's state, when there are two addresses */
    bool                   negated;
    char                   name;     /* the command's letter; ':' for a label, '{' and '}' */
    unsigned               target;   /* b t {: the command to go on with */
    pn_str                 text;     /* a i c: text; b t and labels: the label; y: pairs of bytes; s: replacement */
    const struct pn_regex *regex;    /* s */
    bool                   global, print; /* s///gp */
    unsigned               nth;      /* s///3; 0: the first */
};

struct sed_script {
    apr_array_header_t *commands;    /* of struct sed_command */
    unsigned            ranges;
    bool                quiet;       /* begins with #n */
};

/** Compiles a script. @return PN_OK; PN_BAD, or PN_AGAIN where more lines could mend it (a block that is not closed, a label that
 *  is not there yet), with *ret_error, a sentence owned by pool. */
PN_NODISCARD pn_rc sed_compile(apr_pool_t *pool, pn_str text, struct sed_script **ret, const char **ret_error);

/** A run of a script over one content. */
struct sed_run {
    const struct sed_script *script;
    apr_pool_t              *scratch;   /* of one cycle */
    struct pn_buf            space, hold, edit; /* the pattern space, the hold space, room for edits */
    struct pn_buf            appended;  /* by `a`: comes out at the end of the cycle */
    struct pn_buf           *out;
    bool                    *active;    /* of each range */
    uint64_t                 line_number;
    unsigned                 resume;    /* N: the command to go on with when the next line is there; 0: begin */
    bool                     waiting;   /* n or N asked for the next line */
    bool                     substituted, quit, endless;
};

void sed_begin(struct sed_run *run, const struct sed_script *script, apr_pool_t *pool, struct pn_buf *out);
/** One line, without its \n. @param last no line follows.
 *  @return PN_OK; PN_LIMIT: a space is over SED_SPACE_MAX, or more than SED_STEPS_MAX steps. After `q` run->quit is set. */
PN_NODISCARD pn_rc sed_line(struct sed_run *run, pn_str line, bool last);

#endif
