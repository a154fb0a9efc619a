/* pinion/expr.h - the expression language of the configuration: <If>, Require expr, SetEnvIfExpr,
 * Header expr=, RewriteCond expr, SetHandler "expr=...", LogMessage, SSLRequire, and the conditions
 * of server-side includes.
 *
 * An expression is compiled once into an immutable tree in the configuration's pool and evaluated
 * any number of times, by any thread, against an environment that the caller fills in. Evaluation
 * allocates (from env->pool) only where a string has to be built. Nothing here logs.
 * Language: manual, "Expressions in Apache HTTP Server"; src/expr/node.h names the differences. */
#ifndef PINION_EXPR_H
#define PINION_EXPR_H

#include <apr_network_io.h>

#include <pinion/regex.h>
#include <pinion/str.h>

struct pn_expr;
struct pn_expr_env;

/** Which grammar a text follows. */
enum pn_expr_mode {
    PN_EXPR_CONDITION = 0, /* a truth value: <If>, Require expr, RewriteCond expr, ... */
    PN_EXPR_STRING, /* text with %{...} and $0-$9 in it: SetHandler, Header, ErrorDocument, ... */
    PN_EXPR_SSL,    /* SSLRequire: < and lt compare lengths first, then bytes */
    PN_EXPR_INCLUDE /* SSILegacyExprParser on: $VAR = /regex/ && ... */
};

enum pn_expr_flag {
    PN_EXPR_RESTRICTED = 1, /* from a .htaccess: file() and filesize() are errors */
    PN_EXPR_NO_FILES = 2,   /* from a page (SSI): -d -e -f -s -L -h -x are errors too */
    PN_EXPR_NO_VARY = 4,    /* header look-ups are not reported to ops->vary */
    PN_EXPR_REGEX_SET = 128 /* by PN_EXPR_REGEX() only */
};

/** Or'ed into the flags: regular expressions compile with these PN_REGEX_ flags
 *  (RegexDefaultOptions) instead of PN_REGEX_DOTALL, which is the default. */
#define PN_EXPR_REGEX(regex_flags) (PN_EXPR_REGEX_SET | (unsigned)(regex_flags) << 8)

/** Variables that the server knows by name: PN_EXPR_VAR_REQUEST_URI, ... */
enum pn_expr_var {
#define X(id, name, uses, header) PN_EXPR_VAR_##id,
#include "../../data/expr-vars.def"
#undef X
    PN_EXPR_VAR__COUNT
};

/** What ops->get looks up by name. */
enum pn_expr_get {
    PN_EXPR_GET_REQ,     /* request header: req(), req_novary(), http() */
    PN_EXPR_GET_RESP,    /* response header, error headers included */
    PN_EXPR_GET_REQENV,  /* request environment: reqenv(), v() */
    PN_EXPR_GET_NOTE,    /* request note */
    PN_EXPR_GET_SSL,     /* TLS variable, named as written: %{SSL_x}, %{ssl_x}, ssl('SSL_x') */
    PN_EXPR_GET_HC,      /* body of a proxy health check: hc('body') */
    PN_EXPR_GET_INCLUDE, /* $NAME in the legacy grammar of server-side includes */
    PN_EXPR_GET_FILE,    /* contents of the file of that name */
    PN_EXPR_GET_FILESIZE /* its size in bytes as decimal text */
};

/** What ops->check tests about a name. */
enum pn_expr_check {
    PN_EXPR_CHECK_DIR,      /* -d */
    PN_EXPR_CHECK_EXISTS,   /* -e */
    PN_EXPR_CHECK_FILE,     /* -f */
    PN_EXPR_CHECK_NONEMPTY, /* -s */
    PN_EXPR_CHECK_SYMLINK,  /* -L -h */
    PN_EXPR_CHECK_EXEC,     /* -x */
    PN_EXPR_CHECK_SUBFILE,  /* -F: a file that a subrequest may get */
    PN_EXPR_CHECK_SUBURI    /* -U -A: a URL that a subrequest may get */
};

/** What an expression depends on: a plan cached for a connection, a request line or for good may
 *  hold the result only as long as all of these stand still. No bit at all: the result never
 *  changes. */
enum pn_expr_use {
    PN_EXPR_USES_REQ_HEADERS = 1 << 0,
    PN_EXPR_USES_RESPONSE = 1 << 1, /* response headers, status, content type, handler */
    PN_EXPR_USES_ENV = 1 << 2,      /* request environment, notes */
    PN_EXPR_USES_REQUEST = 1 << 3,  /* request line, URI, file name, user, log id */
    PN_EXPR_USES_CONN = 1 << 4,     /* addresses and ports */
    PN_EXPR_USES_TLS = 1 << 5,
    PN_EXPR_USES_SERVER = 1 << 6, /* the virtual host's settings */
    PN_EXPR_USES_TIME = 1 << 7,
    PN_EXPR_USES_FILES = 1 << 8,
    PN_EXPR_USES_OSENV = 1 << 9,
    PN_EXPR_USES_SUBREQ = 1 << 10,   /* -F -U -A */
    PN_EXPR_USES_CAPTURES = 1 << 11, /* $0-$9 */
    PN_EXPR_SETS_CAPTURES = 1 << 12, /* =~ !~ */
    PN_EXPR_MAY_YIELD = 1 << 13 /* may suspend the fiber: subrequest, DNS, ident, file contents */
};

/** How an environment answers. A pn_str with p == NULL means "not set"; it counts as empty.
 *  Strings must outlive the evaluation and its result. A member may be NULL: nothing is set, no
 *  check is true. An rc other than PN_OK ends the evaluation with that rc. */
struct pn_expr_ops {
    PN_MAY_YIELD pn_rc (*var)(struct pn_expr_env *env, enum pn_expr_var id, pn_str *ret_value);
    PN_MAY_YIELD pn_rc (*get)(struct pn_expr_env *env, enum pn_expr_get what, pn_str name,
                              pn_str *ret_value);
    PN_MAY_YIELD pn_rc (*check)(struct pn_expr_env *env, enum pn_expr_check what, pn_str name,
                                bool *ret_true);
    /* The values of a list function: PeerExtList("1.2.3"), called by its lower-case name. */
    PN_MAY_YIELD pn_rc (*list)(struct pn_expr_env *env, pn_str func, pn_str arg,
                               const pn_str **ret_v, size_t *ret_n);
    /* The client's address for -R; NULL member: the text of REMOTE_ADDR is parsed instead. */
    const apr_sockaddr_t *(*client)(struct pn_expr_env *env);
    /* A request header, other than Host, took part in the result: the response varies by it. */
    void (*vary)(struct pn_expr_env *env, pn_str header);
};

/** One evaluation's surroundings; lives on the caller's stack or in its request. */
struct pn_expr_env {
    const struct pn_expr_ops *ops;
    void                     *arg;   /* the caller's */
    apr_pool_t               *pool;  /* for strings that must be built */
    struct pn_match          *match; /* $0-$9 in and out, zeroed at first; NULL: not kept */
    const char               *error; /* why the evaluation failed, or NULL; static text */
};

struct pn_expr_error {
    const char *text;   /* one line, with the place and what was expected; owned by the pool */
    size_t      offset; /* byte of the text where it went wrong */
};

/** Compile `text` (borrowed for the call).
 *  @param pool       owns the expression.
 *  @param flags      enum pn_expr_flag, PN_EXPR_REGEX().
 *  @param ret_error  may be NULL; filled on failure.
 *  @return PN_OK, PN_BAD (grammar, unknown name, bad regex), PN_DENIED (not for a restricted
 *          author), PN_LIMIT (nested too deep or text too long). Never yields. Names of
 *          variables and functions compare without case. */
PN_NODISCARD pn_rc pn_expr_compile(apr_pool_t *pool, pn_str text, enum pn_expr_mode mode,
                                   unsigned flags, const struct pn_expr **ret_expr,
                                   struct pn_expr_error *ret_error);

/** Is the condition true? A string expression is true when it is not empty.
 *  @param ret_true  written on PN_OK only: a failed evaluation is never true.
 *  @return PN_OK, PN_LIMIT (a regex exploded, a string grew over PN_EXPR_STRING_MAX), PN_BAD (a
 *          value that an operator can't take), or what an op returned. Yields only if
 *          pn_expr_uses() says so. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_expr_test(const struct pn_expr *expr, struct pn_expr_env *env,
                                             bool *ret_true);

/** The string that the expression yields; a condition yields "true" or "false".
 *  @param ret_value  borrowed: from the expression, the environment or env->pool. Never p ==
 *                    NULL on PN_OK. Not NUL-terminated.
 *  @return as pn_expr_test. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_expr_string(const struct pn_expr *expr, struct pn_expr_env *env,
                                               pn_str *ret_value);

/** enum pn_expr_use bits. O(1). */
unsigned pn_expr_uses(const struct pn_expr *expr);
/** A string expression without variables: its value is at hand. @return p == NULL when it is
 *  not. */
pn_str pn_expr_literal(const struct pn_expr *expr);
/** The text that was compiled. */
pn_str pn_expr_text(const struct pn_expr *expr);
/** The written name of a variable. */
pn_str pn_expr_var_name(enum pn_expr_var id);
/** Bits of enum pn_expr_use for one variable. */
unsigned pn_expr_var_uses(enum pn_expr_var id);

/** Longest string that an evaluation builds, bytes; also the most that file() hands back. */
#define PN_EXPR_STRING_MAX ((size_t)8 << 20)
/** Longest text that compiles, bytes. */
#define PN_EXPR_TEXT_MAX ((size_t)1 << 20)
/** How deep parentheses, functions and variables may nest. */
#define PN_EXPR_DEPTH_MAX 50

#endif
