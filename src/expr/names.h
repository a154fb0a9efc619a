/* expr/names.h - the names that the language knows: functions, operators, variables. */
#ifndef PN_EXPR_NAMES_H
#define PN_EXPR_NAMES_H

#include "expr/node.h"

/* A function of one word: name, what it compiles to. */
struct pn__func {
    pn_str            name;
    uint8_t           op; /* enum pn__expr_op */
    uint8_t           sub;
    bool              vary;
    bool              restricted; /* not for PN_EXPR_RESTRICTED */
    unsigned          uses;
    pn__expr_pure_fn *pure;
};

/* An operator written -x or -name. */
struct pn__oper {
    pn_str   name; /* without the '-' */
    uint8_t  op;
    uint8_t  sub;
    bool     files; /* not for PN_EXPR_NO_FILES */
    unsigned uses;
};

/* NULL when there is none of that name. Functions, variables and binary operators compare
 * without case. */
const struct pn__func *pn__func_find(pn_str name);
const struct pn__oper *pn__unary_find(pn_str name);
const struct pn__oper *pn__binary_find(pn_str name);
/* PN_EXPR_VAR__COUNT when there is none. */
enum pn_expr_var pn__var_find(pn_str name);
/* Is this the list function PeerExtList? */
bool pn__listfunc_known(pn_str name);
/* The header a variable's use makes the response vary by; may be empty. */
pn_str pn__var_vary(enum pn_expr_var id);

/* The known name nearest to `name`, or an empty string when none is near. */
pn_str pn__func_near(pn_str name);
pn_str pn__var_near(pn_str name);

#endif
