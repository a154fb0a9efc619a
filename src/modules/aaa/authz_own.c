/* authz_own.c - the Require lines that mod_authz_core decides by itself: all, env, method, expr.
 *
 * Called through the table of providers. expr may suspend the fiber, as its functions do. */
#define PN_LOG_MODULE &pn_module_authz_core
#include "authz_core.h"

#include <pinion/log.h>
#include <pinion/method.h>
#include <pinion/request.h>

static const char *all_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    if (args->n == 1 && pn_str_ieq(args->words[0], PN_STR("granted")))
        args->parsed = args; /* anything but NULL */
    else if (args->n != 1 || !pn_str_ieq(args->words[0], PN_STR("denied")))
        return "Require all takes granted or denied";
    return NULL;
}

static enum pn_authz all_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return args->parsed ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

const struct pn_authz_provider authz_all = { .parse = all_parse, .check = all_check };

static enum pn_authz env_check(struct pn_request *r, const struct pn_authz_args *args)
{
    for (unsigned i = 0; i < args->n; i++)
        if (pn_env_get(r, args->words[i].p))
            return PN_AUTHZ_GRANTED;
    return PN_AUTHZ_DENIED;
}

const struct pn_authz_provider authz_env = { .check = env_check };

static const char *method_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    uint64_t *methods = apr_pcalloc(cmd->pool, sizeof(*methods));

    for (unsigned i = 0; i < args->n; i++) {
        enum pn_method method = pn_method_id(args->words[i]);
        if (method == PN_METHOD_OTHER)
            return pn_conf_error_text(cmd, "'%s' is no known method; RegisterHttpMethod makes one known",
                                      args->words[i].p);
        *methods |= UINT64_C(1) << method;
        if (method == PN_METHOD_GET || method == PN_METHOD_HEAD) /* COMPAT: 2.4 takes them for one */
            *methods |= UINT64_C(1) << PN_METHOD_GET | UINT64_C(1) << PN_METHOD_HEAD;
    }
    args->parsed = methods;
    return NULL;
}

static enum pn_authz method_check(struct pn_request *r, const struct pn_authz_args *args)
{
    return *(const uint64_t *)args->parsed >> r->method_id & 1 ? PN_AUTHZ_GRANTED : PN_AUTHZ_DENIED;
}

const struct pn_authz_provider authz_method = { .parse = method_parse, .check = method_check };

static const char *expr_parse(struct pn_conf_cmd *cmd, struct pn_authz_args *args)
{
    struct pn_expr_error  wrong = { 0 };
    const struct pn_expr *expr;
    pn_str                text = pn_str_trim(args->raw);

    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = pn_str_n(text.p + 1, text.n - 2);
    if (pn_expr_compile(cmd->pool, text, PN_EXPR_CONDITION, authz_expr_flags(cmd), &expr, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    args->parsed = (void *)expr;
    return NULL;
}

PN_MAY_YIELD static enum pn_authz expr_check(struct pn_request *r, const struct pn_authz_args *args)
{
    const struct pn_expr *expr = args->parsed;
    bool                  holds;

    if (pn_expr_holds(r, expr, &holds) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 2320, 0, "the expression of 'Require expr' cannot be evaluated: %.*s",
                 PN_FMT(pn_expr_text(expr)));
        return PN_AUTHZ_ERROR;
    }
    if (holds)
        return PN_AUTHZ_GRANTED;
    if (!r->user.p && pn_str_ifind(pn_expr_text(expr), PN_STR("REMOTE_USER")) != SIZE_MAX)
        return PN_AUTHZ_DENIED_NO_USER;
    return PN_AUTHZ_DENIED;
}

const struct pn_authz_provider authz_expr = { .takes_raw = true, .parse = expr_parse, .check = expr_check };
