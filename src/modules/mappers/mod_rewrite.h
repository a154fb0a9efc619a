/* mod_rewrite.h - what the files of mod_rewrite share; nobody else includes it (its tests may).
 *
 * A rule set is compiled once, when its directives are read, and is immutable from then on. A run of a rule set over one
 * request (struct rewrite_run) lives on the stack of its hook; what it makes lives in the request's pool.
 *
 *   mod_rewrite.c     hooks: what becomes of a run's result
 *   rewrite_conf.c    settings, directives, merging
 *   rewrite_rule.c    RewriteRule and its flags to a struct rewrite_rule
 *   rewrite_cond.c    RewriteCond: parse and test
 *   rewrite_text.c    texts with $1 %1 %{VAR} ${map:key|default}: parse and expand
 *   rewrite_var.c     variables
 *   rewrite_gate.c    tells without a regex that a pattern can't match
 *   rewrite_engine.c  the rules, one after the other
 *   rewrite_url.c     absolute URLs, queries, our own host
 *   rewrite_effect.c  what rules do beside rewriting: [E] [CO] [T] [H] and Vary
 *   rewrite_map*.c    RewriteMap by type */
#ifndef PN_MOD_REWRITE_H
#define PN_MOD_REWRITE_H

#define PN_LOG_MODULE &pn_module_rewrite
#include <pinion/log.h>
#include <pinion/regex.h>
#include <pinion/request.h>
#include <pinion/uri.h>

extern struct pn_module pn_module_rewrite;

/* ---- texts ---- */

enum rewrite_part_kind { PART_LITERAL, PART_RULE_GROUP, PART_COND_GROUP, PART_VAR, PART_MAP };

/* Where a variable's value comes from. */
enum rewrite_var_kind {
    VAR_UNKNOWN, /* expands to nothing, as in httpd */
    VAR_SERVER,  /* .id: the expression language knows it too */
    VAR_SERVER_ADDR,
    VAR_ENV, VAR_HTTP, VAR_SSL,  /* .name */
    VAR_AHEAD_URL, VAR_AHEAD_FILE /* .ahead, as a subrequest sees it */
};

struct rewrite_var {
    enum rewrite_var_kind     kind;
    enum pn_expr_var          id;
    pn_str                    name;   /* NUL-terminated */
    pn_str                    vary;   /* header that the answer varies by when this is looked at; empty: none */
    const struct rewrite_var *ahead;
};

struct rewrite_text;
struct rewrite_part {
    enum rewrite_part_kind kind;
    unsigned               group;
    pn_str                 literal;   /* also a map's name */
    struct rewrite_var     var;
    struct rewrite_text   *key, *dflt; /* of a map; dflt NULL: none */
};
struct rewrite_text {
    unsigned                   n;
    const struct rewrite_part *parts;
    pn_str                     source;
};

/* ---- conditions ---- */

enum rewrite_test {
    TEST_REGEX, TEST_EXPR, TEST_LT, TEST_GT, TEST_EQ, TEST_LE, TEST_GE,
    TEST_INT_EQ, TEST_INT_NE, TEST_INT_LT, TEST_INT_LE, TEST_INT_GT, TEST_INT_GE,
    TEST_DIR, TEST_FILE, TEST_NONEMPTY, TEST_LINK, TEST_EXEC, TEST_SUB_FILE, TEST_SUB_URL
};

struct rewrite_cond {
    struct rewrite_text  *input;
    enum rewrite_test     test;
    bool                  negated, no_case, or_next, no_vary;
    pn_str                pattern;    /* as written, operator included */
    pn_str                where;      /* of the directive: "httpd.conf:12" */
    pn_str                operand;    /* without operator */
    int64_t               number;
    struct pn_regex      *regex;
    const struct pn_expr *expr;
};

/* ---- rules ---- */

enum rewrite_flag {
    RULE_NOT = 1 << 0,           /* !pattern */
    RULE_NO_SUB = 1 << 1,        /* substitution is "-" or does not count */
    RULE_CHAIN = 1 << 2,
    RULE_DISCARD_PATH_INFO = 1 << 3,
    RULE_END = 1 << 4,
    RULE_LAST = 1 << 5,
    RULE_NEXT = 1 << 6,
    RULE_NO_ESCAPE = 1 << 7,
    RULE_NO_SUBREQ = 1 << 8,
    RULE_PROXY = 1 << 9,
    RULE_PASS = 1 << 10,
    RULE_QUERY_APPEND = 1 << 11,
    RULE_QUERY_DISCARD = 1 << 12,
    RULE_QUERY_LAST = 1 << 13,
    RULE_QUERY_NONE = 1 << 14,   /* the substitution ends in a bare "?" */
    RULE_REDIRECT = 1 << 15,
    RULE_STATUS = 1 << 16,       /* ends the request with .status */
    RULE_UNSAFE_3F = 1 << 17,
    RULE_UNSAFE_PREFIX = 1 << 18,
    RULE_ESCAPE = 1 << 19,       /* .escape says which bytes of backreferences */
    RULE_SPACE_AS_HEX = 1 << 20,
    RULE_NO_CASE = 1 << 21,
    RULE_KEEP_SLASHES = 1 << 22  /* UNC */
};

struct rewrite_env { struct rewrite_text *name, *value; bool unset; };

struct rewrite_rule {
    unsigned             flags;
    int                  status;      /* of [R] [F] [G] */
    unsigned             skip;
    unsigned             max_rounds;  /* of [N] */
    struct pn_regex     *regex;
    pn_str               pattern;     /* as written, without "!" */
    pn_str               where;       /* of the directive: "httpd.conf:12" */
    struct rewrite_text *output;
    struct rewrite_cond *conds;
    unsigned             n_conds;
    apr_array_header_t  *env;         /* of struct rewrite_env; NULL: none */
    apr_array_header_t  *cookies;     /* of struct rewrite_text * */
    struct rewrite_text *type, *handler;
    uint64_t             escape[4];   /* a bit for each byte that is escaped in backreferences */
    pn_str               root;        /* first component of a literal absolute substitution ("/srv"): may be a file path */
    pn_str               fixed;       /* literal directories at the substitution's begin ("/srv/www/") */
    bool                 from_root;   /* the substitution begins with %{DOCUMENT_ROOT} */
    bool                 from_value;  /* begins with a backreference, variable or map */
};

/* A cheap necessary condition of a pattern: the first or last eight bytes of the subject, under a mask. */
struct rewrite_gate {
    uint64_t mask, word; /* mask 0: always open */
};
/* Another one: pairs of bytes that stand somewhere in every subject that matches, as a set of bits. A pattern with alternatives
 * has a set for each; one of them must be there whole. */
#define REWRITE_PAIR_SETS 4
struct rewrite_pairs {
    uint64_t sets[REWRITE_PAIR_SETS]; /* an empty one is always there: always open */
};
struct rewrite_gates {
    struct rewrite_gate  head, tail;
    struct rewrite_pairs pairs;
};

struct rewrite_set {
    unsigned                   n;
    const struct rewrite_rule *rules;
    const struct rewrite_gate *heads;  /* one a rule, close together: this is what most rules are read of */
    const struct rewrite_gate *tails;
    const struct rewrite_pairs *pairs;
    bool                       has_types; /* some rule has [T] or [H] */
};

/* ---- maps ---- */

struct rewrite_map;
struct rewrite_run;

struct rewrite_map_ops {
    const char *prefix; /* "txt:"; the type's name and a colon */
    /* @return NULL or an error. The source is `map->source`. */
    const char *(*make)(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options);
    /* What has to wait for the child: processes. May be NULL. */
    void (*child_init)(struct rewrite_map *map);
    void (*child_exit)(struct rewrite_map *map);
    /* The value, NUL-terminated in r->pool; p == NULL: no such key. */
    PN_MAY_YIELD pn_str (*look_up)(struct rewrite_map *map, struct pn_request *r, pn_str key);
};

struct rewrite_map {
    const struct rewrite_map_ops *ops;
    pn_str name, source; /* NUL-terminated */
    void  *data;         /* the type's */
};

extern const struct rewrite_map_ops pn__rewrite_map_txt, pn__rewrite_map_rnd, pn__rewrite_map_dbm, pn__rewrite_map_dbm_typed,
    pn__rewrite_map_int, pn__rewrite_map_prg, pn__rewrite_map_dbd, pn__rewrite_map_fastdbd;

/* ---- settings ---- */

enum rewrite_option {
    OPT_INHERIT = 1, OPT_INHERIT_BEFORE = 2, OPT_INHERIT_DOWN = 4, OPT_INHERIT_DOWN_BEFORE = 8, OPT_IGNORE_INHERIT = 16,
    OPT_ALLOW_NO_SLASH = 32, OPT_ALLOW_ANY_URI = 64, OPT_MERGE_BASE = 128, OPT_IGNORE_CONTEXT = 256, OPT_LEGACY_PREFIX = 512
};

/* What settings of servers and directories have in common. A list that is handed on by merging is not changed any more. */
struct rewrite_place {
    bool                on, on_set, options_set;
    unsigned            options;
    apr_array_header_t *rules;   /* of struct rewrite_rule */
    apr_array_header_t *pending; /* of struct rewrite_cond: conditions of the rule to come */
    apr_array_header_t *heads, *tails; /* of struct rewrite_gate, one a rule */
    apr_array_header_t *pairs;         /* of struct rewrite_pairs, one a rule */
    struct rewrite_set  set;     /* rules and gates as a run takes them */
};

/* Settings of a server stand in its per-directory defaults, since most directives may stand in both. */
struct rewrite_conf {
    /* of a server; what is merged over it keeps them */
    const struct pn_server *owner; /* whose rules these are; another: this virtual host says nothing of its own */
    struct rewrite_place    server;
    apr_hash_t             *maps;  /* name to struct rewrite_map *; may be NULL */
    /* of a directory */
    struct rewrite_place    place;
    pn_str                  dir;   /* file path that is stripped, with a slash at the end; empty: nothing set here */
    pn_str                  base;  /* RewriteBase; p == NULL: none */
};

static inline const struct rewrite_conf *pn__rewrite_server_conf(const struct pn_server *server)
{
    return PN_DIR_CONF(server->dir_conf, &pn_module_rewrite);
}

/* ---- a run ---- */

enum rewrite_result {
    REWRITE_SAME,   /* nothing was substituted */
    REWRITE_DONE,   /* name and query are new */
    REWRITE_STATUS, /* ends with run->status */
    REWRITE_FAILED  /* reported; ends with run->status */
};

struct rewrite_run {
    struct pn_request        *r;
    const struct rewrite_conf *dir;      /* NULL: in server context */
    pn_str                    name;      /* what is rewritten: URL path, URL or file path; NUL-terminated */
    pn_str                    query;     /* p == NULL: none */
    pn_str                    path_info;
    pn_str                    subject;   /* what patterns see of name */
    const struct rewrite_rule *last;     /* the rule that made name */
    struct pn_match           rule_match, cond_match;
    int                       status;
    unsigned                  trace;     /* highest trace level that is on; 0: none */
    bool                      no_escape, pass, proxy, end, reduced;
    bool                      encoded;   /* name holds %XX that [B] made */
    bool                      no_vary;   /* while a [NV] condition is tested */
    struct pn_buf             vary;      /* headers that the rule at work has looked at */
    pn_str                    query_before;
    size_t                    mark_first, mark_last; /* the outermost ? of the last substitution that came from a reference,
                                                      * variable or map; SIZE_MAX: none */
};

#define REWRITE_TRACE(run, level, ...)                                                             \
    (PN_UNLIKELY((run)->trace >= (level)) ? pn__rewrite_trace((run), (level), __VA_ARGS__) : (void)0)
PN_PRINTF(3, 4) PN_COLD void pn__rewrite_trace(const struct rewrite_run *run, unsigned level, const char *fmt, ...);

/* Longest text that an expansion builds, and longest name that rules may make. */
#define REWRITE_TEXT_MAX ((size_t)64 << 10)
#define REWRITE_NAME_MAX ((size_t)16380) /* twice the usual LimitRequestLine, as httpd */

/* rewrite_text.c: @return NULL on a text nested too deep. */
struct rewrite_text *pn__rewrite_text_parse(apr_pool_t *pool, pn_str source);
/* Expands in r->pool, NUL-terminated. `rule`: whose [B] escapes apply to backreferences, NULL: none.
 * @return PN_OK, PN_LIMIT over REWRITE_TEXT_MAX. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__rewrite_text_expand(struct rewrite_run *run, const struct rewrite_text *text,
                                                        const struct rewrite_rule *rule, pn_str *ret);
/* A text that is one variable and nothing else; NULL otherwise. */
const struct rewrite_var *pn__rewrite_text_var(const struct rewrite_text *text);

/* rewrite_var.c */
struct rewrite_var pn__rewrite_var_parse(apr_pool_t *pool, pn_str name);
/* The value, borrowed or in r->pool; empty when not set. */
PN_MAY_YIELD pn_str pn__rewrite_var_value(struct rewrite_run *run, const struct rewrite_var *var);
void pn__rewrite_vary(struct rewrite_run *run, pn_str header);
/* Subrequests of a subrequest for the same URL would have no end. */
bool pn__rewrite_may_look_ahead(const struct rewrite_run *run);
/* The subrequest for the name as it stands. */
PN_MAY_YIELD struct pn_request *pn__rewrite_look_ahead(struct rewrite_run *run, bool by_file);

/* rewrite_cond.c */
const char *pn__rewrite_cond_parse(struct pn_conf_cmd *cmd, pn_str line, struct rewrite_cond *ret);
/* @return PN_OK, or PN_FAILED with run->status. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__rewrite_cond_test(struct rewrite_run *run, const struct rewrite_rule *rule,
                                                      const struct rewrite_cond *cond, bool *ret_holds);

/* rewrite_rule.c */
/* The next argument of a line: quoted by " or ', or up to white space that no backslash precedes. p == NULL: none. */
pn_str pn__rewrite_argument(pn_str *line);
/* Calls fn for each "key[=value]" of "[...]". @return NULL or the error. */
typedef const char *pn__rewrite_flag_fn(struct pn_conf_cmd *cmd, void *arg, pn_str key, pn_str value);
const char *pn__rewrite_flags(struct pn_conf_cmd *cmd, pn_str flags, pn__rewrite_flag_fn *fn, void *arg);
const char *pn__rewrite_rule_parse(struct pn_conf_cmd *cmd, pn_str line, struct rewrite_rule *ret);

/* rewrite_gate.c */
/* `open`: gates that are never closed. */
struct rewrite_gates pn__rewrite_gates_of(pn_str pattern, bool no_case, bool open);
/* The words of a subject. */
struct rewrite_ends { uint64_t head, tail, pairs; };
struct rewrite_ends pn__rewrite_ends_of(pn_str subject);
static inline bool pn__rewrite_has_pairs(const struct rewrite_pairs *pairs, uint64_t of_subject)
{
    return !(pairs->sets[0] & ~of_subject) || !(pairs->sets[1] & ~of_subject) || !(pairs->sets[2] & ~of_subject) ||
           !(pairs->sets[3] & ~of_subject);
}
static inline bool pn__rewrite_is_open(const struct rewrite_gate *gate, uint64_t word)
{
    return (word & gate->mask) == gate->word;
}

/* rewrite_conf.c */
extern const struct pn_directive pn__rewrite_directives[];
void pn__rewrite_dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged);

/* rewrite_engine.c */
/* What a run takes is these lists from now on. */
/* One of each a rule, or all NULL. */
struct rewrite_lists {
    apr_array_header_t *rules, *heads, *tails, *pairs;
};
void pn__rewrite_set_lists(struct rewrite_place *place, const struct rewrite_lists *lists);
/* The last rule of place->rules is new. */
void pn__rewrite_set_add(apr_pool_t *pool, struct rewrite_place *place);
PN_MAY_YIELD enum rewrite_result pn__rewrite_run(struct rewrite_run *run, const struct rewrite_set *set);

/* rewrite_url.c */
/* How long "scheme://" (or "news:") at the start of an absolute URL is; 0: it is none. */
size_t pn__rewrite_scheme(pn_str url, bool *ret_has_query);
/* name?query taken apart by the rule's flags. @return 0 or the status to fail with. */
int pn__rewrite_split_query(struct rewrite_run *run, const struct rewrite_rule *rule);
/* Strips scheme and host when they are this server's. */
void pn__rewrite_reduce(struct rewrite_run *run);
/* Puts this server's scheme and host before name. */
void pn__rewrite_qualify(struct rewrite_run *run);
/* The Location of an absolute URL in name, escaped unless the rule said [NE]; p == NULL: it may not be sent. */
pn_str pn__rewrite_location(struct rewrite_run *run);
/* `path` with `from` (ends in a slash) at its beginning replaced by `to`; unchanged when it does not begin so. */
pn_str pn__rewrite_prefix(apr_pool_t *pool, pn_str path, pn_str from, pn_str to);

/* rewrite_effect.c */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__rewrite_effects(struct rewrite_run *run, const struct rewrite_rule *rule);
PN_MAY_YIELD PN_NODISCARD pn_rc pn__rewrite_types(struct rewrite_run *run, const struct rewrite_rule *rule);
void pn__rewrite_publish_vary(struct rewrite_run *run);

/* rewrite_map.c */
const char *pn__rewrite_map_make(struct pn_conf_cmd *cmd, pn_str name, pn_str source, pn_str options,
                                 struct rewrite_map **ret);
PN_MAY_YIELD pn_str pn__rewrite_map_look_up(struct rewrite_run *run, pn_str map_name, pn_str key);

#endif
