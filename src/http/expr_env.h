/* expr_env.h - what a request answers to an expression: variables, headers, file tests. */
#ifndef PN_HTTP_EXPR_ENV_H
#define PN_HTTP_EXPR_ENV_H

#include <pinion/expr.h>
#include <pinion/request.h>

/** An environment for expressions about r; `match` carries $0-$9 between expressions or is NULL. */
struct pn_expr_env pn_expr_env_of(struct pn_request *r, struct pn_match *match);
/** Evaluates a condition. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__expr_holds(struct pn_request *r, const struct pn_expr *expr, bool *ret_holds);

#endif
