/* tree.h - configuration text to a tree of directives, each with file, line and text.
 *
 * Reading joins continuation lines, skips comments, expands ${VAR}, follows Include and
 * IncludeOptional, obeys Define and UnDefine, expands the macros of <Macro> and Use, raises what
 * Error says, and decides <IfDefine>, <IfModule>, <IfVersion>, <IfFile>, <IfDirective> and
 * <IfSection> as it goes (their contents are spliced into the place where they stand). None of
 * those is in the tree. It knows no other directive: those come out as nodes.
 *
 * Spec: Apache manual, "Configuration Files", "Apache Core Features" and mod_macro; what the manual
 * leaves open is as httpd 2.4.71 does it (tests/unit/conf/test_httpd_table.c lists the
 * differences). Never suspends. */
#ifndef PN_CONF_TREE_H
#define PN_CONF_TREE_H

#include <apr_hash.h>
#include <apr_tables.h>
#include <pinion/str.h>

/** A file that was read, with who included it: error messages print the whole chain. */
struct pn_conf_file {
    const char                *path;        /* as named: ServerRoot-relative names made absolute */
    const struct pn_conf_file *included_by; /* NULL for the first; a macro's use is one level too */
    uint32_t                   included_at; /* line in included_by */
    const char                *kind;        /* "file", "command line", "macro", "htaccess" */
    const char                *macro;       /* kind "macro": its name; path: where it is defined */
};

/** One directive or section. Lives in the tree's pool; strings are NUL-terminated. */
struct pn_conf_node {
    const struct pn_conf_file *file;
    uint32_t                   line;    /* first line of the logical line, from 1 */
    bool                       section; /* written <Name args> ... </Name> */
    pn_str                     name;    /* as written, without '<' */
    pn_str                     args;    /* the rest of the line, variables expanded, quotes kept,
                                         * trimmed; a section's without its closing '>' */
    pn_str                     text;    /* the logical line as written, for messages */
    struct pn_conf_node       *parent, *first, *last, *next;
    void                      *cookie;  /* the user's of the tree (the registry's row) */
};

/** What went wrong and where; message texts are complete sentences without the place. */
struct pn_conf_error {
    const struct pn_conf_file *file;
    uint32_t                   line;
    pn_str                     text;   /* the offending line; may be empty */
    const char                *reason; /* what is wrong */
    const char                *cure;   /* what would be right, or NULL */
};

/** How reading asks the world around it. Zero it, then fill in what is needed: every callback may
 *  be NULL (then no module is loaded and no directive is known). One reader serves a whole
 *  configuration: macros and variables last from one pn_conf_read_* call to the next. */
struct pn_conf_reader {
    apr_pool_t *pool;        /* owns the tree */
    const char *server_root; /* base of relative Include paths; updated by the user on ServerRoot */
    apr_hash_t *defines;     /* Define'd names and -D: const char * to const char *, "" without a
                              * value. <IfDefine> compares with case; ${VAR} without, and takes
                              * what is here at the first read */
    apr_pool_t *defines_pool;
    void       *arg;
    /** For <IfModule x>: x as mod_foo.c, foo_module or another symbol name. */
    bool (*module_loaded)(void *arg, pn_str name);
    /** For <IfDirective X> and <IfSection X>; not asked about what reading itself knows. */
    bool (*directive_known)(void *arg, pn_str name);
    bool (*section_known)(void *arg, pn_str name);
    /** Called for each directive when its line has been read and for each section when its
     *  closing line has been, before the next line is read, so that LoadModule and ServerRoot
     *  take effect at once. May call pn_conf_read_text. ret_error comes filled with the place;
     *  the callee adds reason and cure.
     *  @return PN_OK, or another to end the reading with *ret_error. */
    pn_rc (*on_read)(void *arg, struct pn_conf_node *node, struct pn_conf_error *ret_error);
    /** Is this a section whose lines are not directives? They go to on_raw (joined and trimmed,
     *  nothing expanded, comments kept) in place of on_read, and the node has no children. */
    bool (*section_is_raw)(void *arg, pn_str name);
    pn_rc (*on_raw)(void *arg, struct pn_conf_node *node, const pn_str *lines, size_t count,
                    struct pn_conf_error *ret_error);
    /** What is suspect and no error: an undefined ${VAR}, a macro's unused parameter... Valid for
     *  the call. */
    void (*warn)(void *arg, const struct pn_conf_error *warning);
    unsigned max_include_depth; /* files and macros inside each other; 0: 128 */
    uint64_t max_bytes;         /* of all text read, macros' expansions counted; 0: 1 GiB */
    bool     htaccess; /* lines of 8190 bytes; Include, Define and macros stay nodes */
    bool     no_files; /* Include stays a node, <IfFile> is false: the file system is not touched */
    bool     record_includes;        /* -t -D DUMP_INCLUDES */
    apr_array_header_t *includes;    /* of struct pn_conf_include, in reading order; may be NULL */
    struct pn_conf_reading *reading; /* private to reading, NULL at first */
};

struct pn_conf_include {
    const char *path;
    const char *from_path; /* NULL for the first file */
    uint32_t    from_line;
    unsigned    depth;     /* 0 for the first file */
};

/** The version of httpd whose configuration language this is; what <IfVersion> compares with. */
#define PN_CONF_HTTPD_VERSION "2.4.71"

/** Reads a file with everything that it includes under `root` (a node made by pn_conf_root).
 *  @return PN_OK, or PN_BAD with *ret_error filled. */
PN_NODISCARD pn_rc pn_conf_read_file(struct pn_conf_reader *reader, const char *path,
                                     struct pn_conf_node *root, struct pn_conf_error *ret_error);
/** The same for text in memory: the lines of -C or -c joined by newlines (a section may span them),
 *  .htaccess bytes. @param file borrowed for the life of the tree.  @param text copied. */
PN_NODISCARD pn_rc pn_conf_read_text(struct pn_conf_reader *reader, const struct pn_conf_file *file,
                                     pn_str text, struct pn_conf_node *root,
                                     struct pn_conf_error *ret_error);
/** An empty tree: a node without a name that is no section. */
struct pn_conf_node *pn_conf_root(apr_pool_t *pool);

/** Next argument of a line: unquoted word, or a "..." or '...' string with its escaped quotes
 *  undone; \\ is \ in both. A string without its closing quote runs to the end. Skips white space
 *  behind the word.
 *  @return the word (pool copy, NUL-terminated); empty with p == NULL at the end. */
pn_str pn_conf_word(apr_pool_t *pool, pn_str *rest);

/** The form every message uses, without a newline at the end, owned by pool:
 *      AH00526: Syntax error on line 12 of /srv/vhosts.conf:
 *          12 | DocumentRot "/srv/www"
 *      Invalid command 'DocumentRot'.
 *      Did you mean 'DocumentRoot'?
 *      included on line 40 of /etc/httpd.conf
 *  The first line is httpd's own form, since scripts look for it. */
const char *pn_conf_error_print(apr_pool_t *pool, const struct pn_conf_error *error);

/** The same for one line of a log: "/srv/vhosts.conf:12: reason. cure". */
const char *pn_conf_error_line(apr_pool_t *pool, const struct pn_conf_error *error);

/** The name nearest to `name`: fewest insertions, deletions, replacements and swaps of
 *  neighbours, case-insensitive.
 *  @return one of names (the first of equals), or NULL when none is within max(1, a third of
 *    name's length). */
const char *pn_conf_suggest(pn_str name, const char *const *names, size_t count);

#endif
