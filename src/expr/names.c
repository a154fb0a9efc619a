/* names.c - the tables of functions, operators and variables, their look-up, and the nearest
 * name for an error message. Called while compiling only. */
#include "expr/names.h"

#include <apr_fnmatch.h>

#include "base/ascii.h"
#include "expr/pure.h"

#define GET(fname, what, use)                                                                      \
    {                                                                                              \
        .name = PN_STR_INIT(fname), .op = PN__OP_GET, .sub = PN_EXPR_GET_##what, .uses = (use)     \
    }
#define PURE(fname, fn)                                                                            \
    {                                                                                              \
        .name = PN_STR_INIT(fname), .op = PN__OP_PURE, .pure = (fn)                                \
    }

#define REQ_USES PN_EXPR_USES_REQ_HEADERS
#define SUBREQ_USES (PN_EXPR_USES_SUBREQ | PN_EXPR_MAY_YIELD)

static const struct pn__func funcs[] = {
    { .name = PN_STR_INIT("req"),
      .op = PN__OP_GET,
      .sub = PN_EXPR_GET_REQ,
      .vary = true,
      .uses = REQ_USES },
    { .name = PN_STR_INIT("http"),
      .op = PN__OP_GET,
      .sub = PN_EXPR_GET_REQ,
      .vary = true,
      .uses = REQ_USES },
    GET("req_novary", REQ, REQ_USES),
    GET("resp", RESP, PN_EXPR_USES_RESPONSE),
    GET("reqenv", REQENV, PN_EXPR_USES_ENV),
    GET("v", REQENV, PN_EXPR_USES_ENV),
    GET("note", NOTE, PN_EXPR_USES_ENV),
    GET("ssl", SSL, PN_EXPR_USES_TLS),
    GET("hc", HC, PN_EXPR_USES_RESPONSE),
    { .name = PN_STR_INIT("file"),
      .op = PN__OP_GET,
      .sub = PN_EXPR_GET_FILE,
      .restricted = true,
      .uses = PN_EXPR_USES_FILES | PN_EXPR_MAY_YIELD },
    { .name = PN_STR_INIT("filesize"),
      .op = PN__OP_GET,
      .sub = PN_EXPR_GET_FILESIZE,
      .restricted = true,
      .uses = PN_EXPR_USES_FILES },
    { .name = PN_STR_INIT("env"), .op = PN__OP_ENV, .uses = PN_EXPR_USES_ENV | PN_EXPR_USES_OSENV },
    { .name = PN_STR_INIT("osenv"), .op = PN__OP_OSENV, .uses = PN_EXPR_USES_OSENV },
    PURE("tolower", pn__pure_tolower),
    PURE("toupper", pn__pure_toupper),
    PURE("escape", pn__pure_escape),
    PURE("unescape", pn__pure_unescape),
    PURE("base64", pn__pure_base64),
    PURE("unbase64", pn__pure_unbase64),
    PURE("md5", pn__pure_md5),
    PURE("sha1", pn__pure_sha1),
    PURE("ldap", pn__pure_ldap),
};

#define CHECK(letter, what)                                                                        \
    {                                                                                              \
        .name = PN_STR_INIT(letter), .op = PN__OP_CHECK, .sub = PN_EXPR_CHECK_##what,              \
        .files = true, .uses = PN_EXPR_USES_FILES                                                  \
    }
#define SUBREQ(letter, what)                                                                       \
    {                                                                                              \
        .name = PN_STR_INIT(letter), .op = PN__OP_CHECK, .sub = PN_EXPR_CHECK_##what,              \
        .uses = SUBREQ_USES                                                                        \
    }

static const struct pn__oper unary[] = {
    { .name = PN_STR_INIT("n"), .op = PN__OP_NONEMPTY },
    { .name = PN_STR_INIT("z"), .op = PN__OP_EMPTY },
    { .name = PN_STR_INIT("T"), .op = PN__OP_TRUTH },
    { .name = PN_STR_INIT("R"),
      .op = PN__OP_CLIENT,
      .uses = PN_EXPR_USES_CONN | PN_EXPR_USES_REQUEST },
    CHECK("d", DIR),
    CHECK("e", EXISTS),
    CHECK("f", FILE),
    CHECK("s", NONEMPTY),
    CHECK("L", SYMLINK),
    CHECK("h", SYMLINK),
    CHECK("x", EXEC),
    SUBREQ("F", SUBFILE),
    SUBREQ("U", SUBURI),
    SUBREQ("A", SUBURI),
};

static const struct pn__oper binary[] = {
    { .name = PN_STR_INIT("ipmatch"), .op = PN__OP_IPMATCH },
    { .name = PN_STR_INIT("strmatch"), .op = PN__OP_FNMATCH },
    { .name = PN_STR_INIT("strcmatch"), .op = PN__OP_FNMATCH, .sub = APR_FNM_CASE_BLIND },
    { .name = PN_STR_INIT("fnmatch"), .op = PN__OP_FNMATCH, .sub = APR_FNM_PATHNAME },
};

static const struct {
    pn_str   name;
    pn_str   vary;
    unsigned uses;
} vars[] = {
#define X(id, name, uses, header) { PN_STR_INIT(name), PN_STR_INIT(header), (uses) },
#include "../../data/expr-vars.def"
#undef X
};

const struct pn__func *pn__func_find(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(funcs); i++)
        if (pn_str_ieq(funcs[i].name, name))
            return &funcs[i];
    return NULL;
}

const struct pn__oper *pn__unary_find(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(unary); i++)
        if (pn_str_eq(unary[i].name, name))
            return &unary[i];
    return NULL;
}

const struct pn__oper *pn__binary_find(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(binary); i++)
        if (pn_str_ieq(binary[i].name, name))
            return &binary[i];
    return NULL;
}

enum pn_expr_var pn__var_find(pn_str name)
{
    for (unsigned i = 0; i < PN_EXPR_VAR__COUNT; i++)
        if (pn_str_ieq(vars[i].name, name))
            return (enum pn_expr_var)i;
    return PN_EXPR_VAR__COUNT;
}

bool pn__listfunc_known(pn_str name)
{
    return pn_str_ieq(name, PN_STR("peerextlist"));
}

pn_str pn__var_vary(enum pn_expr_var id)
{
    pn_assert((unsigned)id < PN_EXPR_VAR__COUNT);
    return vars[id].vary;
}

pn_str pn_expr_var_name(enum pn_expr_var id)
{
    pn_assert((unsigned)id < PN_EXPR_VAR__COUNT);
    return vars[id].name;
}

unsigned pn_expr_var_uses(enum pn_expr_var id)
{
    pn_assert((unsigned)id < PN_EXPR_VAR__COUNT);
    return vars[id].uses;
}

#define NEAR_MAX 32 /* longer names are not compared */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* How many single-letter edits lie between two names (Levenshtein), letters without case. */
static unsigned edits(pn_str a, pn_str b)
{
    unsigned row[NEAR_MAX + 1];

    for (unsigned j = 0; j <= b.n; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            unsigned above = row[j];
            unsigned differ = pn_ascii_lower(a.p[i - 1]) != pn_ascii_lower(b.p[j - 1]);

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + differ);
            diagonal = above;
        }
    }
    return row[b.n];
}

/* Takes `candidate` when it is nearer than what was found. */
static void nearer(pn_str name, pn_str candidate, unsigned *best, pn_str *found)
{
    if (name.n > NEAR_MAX || candidate.n > NEAR_MAX)
        return;
    unsigned distance = edits(name, candidate);
    if (distance < *best) {
        *best = distance;
        *found = candidate;
    }
}

/* At most this many edits still count as a slip of the pen. */
static unsigned tolerance(pn_str name)
{
    return name.n < 4 ? 2 : 3;
}

pn_str pn__func_near(pn_str name)
{
    pn_str   found = { 0 };
    unsigned best = tolerance(name);

    for (size_t i = 0; i < PN_COUNT(funcs); i++)
        nearer(name, funcs[i].name, &best, &found);
    return found;
}

pn_str pn__var_near(pn_str name)
{
    pn_str   found = { 0 };
    unsigned best = tolerance(name);

    for (size_t i = 0; i < PN_COUNT(vars); i++)
        nearer(name, vars[i].name, &best, &found);
    return found;
}
