/* expr/node.h - the tree that an expression compiles to; private to src/expr.
 *
 * Nodes are made by the parsers (parse.c, template.c, include_legacy.c), never change
 * afterwards, live in the configuration's pool and are walked by eval.c and word.c. The tree is
 * never deeper than a small multiple of PN_EXPR_DEPTH_MAX, so the walkers may recurse.
 *
 * COMPAT, decided against 2.4.71 with tests of real servers:
 *  - keywords (true and eq in ...) and unary operators are lower case or as written in the
 *    manual, other names compare without case;
 *  - a delimiter inside /regex/ may be escaped by a backslash (an error there);
 *  - quotes are plain text inside %{func:...} (a crash there);
 *  - -ipmatch never resolves host names (getaddrinfo there): what is no address does not match;
 *  - a match without groups leaves $0-$9 alone, one with groups sets or clears them, also under
 *    !~;
 *  - legacy include grammar: && and || bind alike and to the right; "()", a string or regex
 *    without its end, and a broken regex are errors (the first is true there, a broken regex
 *    matches). */
#ifndef PN_EXPR_NODE_H
#define PN_EXPR_NODE_H

#include <pinion/expr.h>

enum pn__expr_op {
    /* conditions */
    PN__OP_CONST, /* sub: 0 or 1 */
    PN__OP_NOT,   /* kid 0 */
    PN__OP_AND,   /* all kids, left to right */
    PN__OP_OR,
    PN__OP_CHAIN,     /* legacy include: kids joined by links, a string of '&' and '|' in text */
    PN__OP_COMPARE,   /* kid 0, kid 1; sub: enum pn__expr_rel; how: enum pn__expr_how */
    PN__OP_IN,        /* kid 0 equals one of the others */
    PN__OP_IN_FUNC,   /* kid 0, kid 1 the argument; text: the list function */
    PN__OP_MATCH,     /* kid 0 matches regex; sub: negated */
    PN__OP_MATCH_DYN, /* kid 0 matches the regex that kid 1 yields; sub: negated */
    PN__OP_NONEMPTY,  /* -n */
    PN__OP_EMPTY,     /* -z */
    PN__OP_TRUTH,     /* -T */
    PN__OP_CHECK,     /* kid 0; sub: enum pn_expr_check */
    PN__OP_CLIENT,    /* -R; subnet */
    PN__OP_IPMATCH,   /* kid 0; subnet */
    PN__OP_FNMATCH,   /* kid 0, kid 1 the pattern; sub: APR_FNM_ flags */
    /* words: they yield strings */
    PN__OP_LITERAL, /* text */
    PN__OP_VAR,     /* sub: enum pn_expr_var; text: header to report to ops->vary */
    PN__OP_GET,     /* kid 0 the name; sub: enum pn_expr_get */
    PN__OP_ENV,     /* kid 0: note, then request environment, then system environment */
    PN__OP_OSENV,   /* kid 0 */
    PN__OP_PURE,    /* kid 0; pure */
    PN__OP_BACKREF, /* sub: 0..9 */
    PN__OP_CONCAT   /* all kids */
};

enum pn__expr_rel { PN__REL_EQ, PN__REL_NE, PN__REL_LT, PN__REL_LE, PN__REL_GT, PN__REL_GE };

/* How a comparison orders its words. */
enum pn__expr_how {
    PN__HOW_BYTES,
    PN__HOW_INT,
    PN__HOW_LENGTH /* SSLRequire: the shorter is less, bytes decide among equals */
};

/* A function of its argument alone. @return PN_OK, PN_LIMIT. */
typedef pn_rc pn__expr_pure_fn(apr_pool_t *pool, pn_str arg, pn_str *ret_value);

struct pn__node {
    uint8_t  op; /* enum pn__expr_op */
    uint8_t  sub;
    uint8_t  how;
    bool     vary;       /* a look-up that is reported to ops->vary */
    bool     sets_match; /* PN__OP_CHAIN: this or a kid runs a regex, never skipped */
    uint32_t n;          /* kids */
    const struct pn__node *const *kids;
    pn_str                        text;
    union {
        struct pn_regex  *regex;
        apr_ipsubnet_t   *subnet;
        pn__expr_pure_fn *pure;
    };
};

struct pn_expr {
    const struct pn__node *root;
    pn_str                 text;
    enum pn_expr_mode      mode;
    unsigned               uses;
    unsigned               regex_flags;
};

/* One evaluation. */
struct pn__run {
    struct pn_expr_env *env;
    struct pn_match    *match;
    unsigned            regex_flags; /* for patterns known at run time only */
    bool                keep_plain;  /* a regex without groups leaves the captures alone */
};

PN_MAY_YIELD PN_NODISCARD pn_rc pn__expr_cond(struct pn__run *run, const struct pn__node *node,
                                              bool *ret_true);
PN_MAY_YIELD PN_NODISCARD pn_rc pn__expr_word(struct pn__run *run, const struct pn__node *node,
                                              pn_str *ret_value);
static inline pn_rc             pn__expr_fail(struct pn__run *run, pn_rc rc, const char *why)
{
    run->env->error = why;
    return rc;
}

#endif
