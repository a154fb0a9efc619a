/* tree.h - configuration text to a tree of directives, each with file, line and text.
 *
 * Reading joins continuation lines, skips comments, expands ${VAR}, follows Include and IncludeOptional, and
 * decides <IfDefine>, <IfModule>, <IfVersion>, <IfFile>, <IfDirective> and <IfSection> as it goes (their contents
 * are spliced into the place where they stand). It knows no other directive: those come out as nodes.
 * Spec: Apache manual, "Configuration Files" and "Apache Core Features". Never suspends. */
#ifndef PN_CONF_TREE_H
#define PN_CONF_TREE_H

#include <apr_hash.h>
#include <pinion/str.h>

/** A file that was read, with who included it: error messages print the whole chain. */
struct pn_conf_file {
    const char                *path;        /* as named: ServerRoot-relative names made absolute */
    const struct pn_conf_file *included_by; /* NULL for the first; a macro's use is one level too */
    uint32_t                   included_at; /* line in included_by */
    const char                *kind;        /* "file", "command line", "macro", "htaccess" */
};

/** One directive or section. Lives in the tree's pool; strings are NUL-terminated. */
struct pn_conf_node {
    const struct pn_conf_file *file;
    uint32_t                   line;    /* first line of the logical line, from 1 */
    bool                       section; /* written <Name args> ... </Name> */
    pn_str                     name;    /* as written, without '<' */
    pn_str                     args;    /* the rest of the line, variables expanded, quotes kept, trimmed */
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

/** How reading asks the world around it. */
struct pn_conf_reader {
    apr_pool_t *pool;        /* owns the tree */
    const char *server_root; /* base of relative Include paths; updated by the user on ServerRoot */
    apr_hash_t *defines;     /* Define'd names and -D: const char * to const char * ("" without a value) */
    apr_pool_t *defines_pool;
    void       *arg;
    /** For <IfModule x>: x as mod_foo.c, foo_module or another symbol name. */
    bool (*module_loaded)(void *arg, pn_str name);
    /** For <IfDirective X> and <IfSection X>. */
    bool (*directive_known)(void *arg, pn_str name);
    bool (*section_known)(void *arg, pn_str name);
    /** Is this a name whose closing line must match (a known section)? Unknown sections are nested by their
     *  written form anyway. Called for each finished directive in reading order, before the next line is read,
     *  so that LoadModule, ServerRoot and Define take effect at once. May add to reader->extra
     *  through pn_conf_read_lines (mod_macro's Use). @return PN_OK, or PN_BAD with ret_error set. */
    pn_rc (*on_read)(void *arg, struct pn_conf_node *node, struct pn_conf_error *ret_error);
    /** A section whose raw lines on_section takes instead of parsing them (<Macro>): return true to get
     *  them in node->args' child-less form through `on_raw`. May be NULL. */
    bool (*section_is_raw)(void *arg, pn_str name);
    pn_rc (*on_raw)(void *arg, struct pn_conf_node *node, const pn_str *lines, size_t count,
                    struct pn_conf_error *ret_error);
    unsigned max_include_depth; /* 0: 128 */
    bool     htaccess;          /* no Include expansion of ServerRoot: nodes only */
    bool     record_includes;   /* -t -D DUMP_INCLUDES */
    apr_array_header_t *includes; /* of struct pn_conf_include, in reading order */
};

struct pn_conf_include { const char *path; const char *from_path; uint32_t from_line; unsigned depth; };

/** Reads a file with everything that it includes under `root` (a node made by pn_conf_root).
 *  @return PN_OK, or PN_BAD with *ret_error filled. */
PN_NODISCARD pn_rc pn_conf_read_file(struct pn_conf_reader *reader, const char *path,
                                     struct pn_conf_node *root, struct pn_conf_error *ret_error);
/** The same for text in memory: -c and -C directives, .htaccess bytes, a macro's expansion. */
PN_NODISCARD pn_rc pn_conf_read_text(struct pn_conf_reader *reader, const struct pn_conf_file *file,
                                     pn_str text, struct pn_conf_node *root,
                                     struct pn_conf_error *ret_error);
struct pn_conf_node *pn_conf_root(apr_pool_t *pool);

/** Next argument of a line: unquoted word, or a "..." or '...' string with \" and \\ undone; skips white
 *  space behind it. @return the word (pool copy, NUL-terminated); empty with p == NULL at the end. */
pn_str pn_conf_word(apr_pool_t *pool, pn_str *rest);

/** "file.conf:12" with the chain of includes, one a line, owned by pool; the form every message uses. */
const char *pn_conf_error_print(apr_pool_t *pool, const struct pn_conf_error *error);

/** The names nearest to `name` (edit distance, case-insensitive), or NULL when none is near. */
const char *pn_conf_suggest(pn_str name, const char *const *names, size_t count);

#endif
