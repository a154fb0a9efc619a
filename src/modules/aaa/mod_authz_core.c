/* mod_authz_core - who may come in: Require, its sections, and the decision.
 * Runs: access_checker_ex, check_authz.   Yields: as the providers do.   Config: struct authz_dir.   Spec: Apache manual,
 * mod_authz_core.
 *
 * The Require lines of a place are a tree: leaves ask a provider (group "authz"), inner nodes combine. Each node keeps
 * what it answers whoever asks, where that is known: a place whose tree always grants has no hook at all. Merging shares
 * trees. The parts are in authz_core.h. */
#define PN_LOG_MODULE &pn_module_authz_core
#include "authz_core.h"

#include <pinion/authn.h>
#include <pinion/log.h>
#include <pinion/record.h>

static const char *const merging_words[] = { "Off", "And", "Or", NULL };

#define SECTION(directive, text)                                                                   \
    { .name = directive, .args = PN_SECTION, .where = PN_CTX_DIR | PN_CTX_LIMIT, .override = PN_OVR_AUTHCONFIG,          \
      .set = authz_set_section, .help = text }

/* Directives of 2.2: what they kept or passed on, RequireAny and RequireAll say now. */
#define GONE(directive)                                                                            \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,      \
      .gone = "Require lines and sections decide alone since 2.4", .help = "Accepted" }

static const struct pn_directive directives[] = {
    { .name = "Require", .args = PN_RAW, .where = PN_CTX_DIR | PN_CTX_LIMIT, .override = PN_OVR_AUTHCONFIG,
      .set = authz_set_require, .help = "Who may come in: [not] a provider's name and its arguments" },
    SECTION("RequireAll", "None of the lines in it may fail, and one must hold"),
    SECTION("RequireAny", "One of the lines in it must hold"),
    SECTION("RequireNone", "None of the lines in it may hold"),
    { .name = "AuthMerging", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct authz_dir, merging), .choices = merging_words, .dflt = "Off",
      .help = "How the Require lines of a section combine with those of the place around it" },
    { .name = "AuthzSendForbiddenOnFailure", .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct authz_dir, send_forbidden), .dflt = "Off",
      .help = "Answer 403 and not 401 to a user who may not come in" },
    { .name = "AuthzProviderAlias", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = authz_set_alias,
      .help = "Another name for a provider with arguments and settings of its own" },
    GONE("AuthzDefaultAuthoritative"),
    GONE("AuthzUserAuthoritative"),
    GONE("AuthzGroupFileAuthoritative"),
    GONE("AuthzOwnerAuthoritative"),
    GONE("AuthzDBMAuthoritative"),
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct authz_dir *outer = base, *inner = add;
    struct authz_dir       *merged = out;

    if (!inner->root)
        merged->root = outer->root;
    else if (inner->merging == AUTHZ_MERGE_OFF || !outer->root)
        merged->root = inner->root;
    else
        merged->root = authz_both(pool, inner->merging == AUTHZ_MERGE_AND ? AUTHZ_ALL : AUTHZ_ANY, outer->root, inner->root);
    if (inner->root) /* COMPAT: 2.4: the last section with Require lines says how all that are joined meet the place */
        merged->merging = inner->merging;
    merged->open = NULL;
}

/* ---- deciding ---- */

/* The line's answer with the settings of an alias over those of the place. */
PN_MAY_YIELD static enum pn_authz ask_alias(struct pn_request *r, const struct authz_judge *judge, const struct pn_authz_args *args)
{
    const struct pn_conf_vec *place = r->dir_conf;
    enum pn_authz             result;

    r->dir_conf = pn_conf_merge(r->server, place, judge->vec, r->pool);
    result = judge->provider->check(r, args);
    r->dir_conf = place;
    return result;
}

PN_MAY_YIELD static enum pn_authz ask(struct pn_request *r, const struct authz_judge *judge)
{
    struct pn_authz_args        made = { 0 };
    const struct pn_authz_args *args = &judge->args;

    if (judge->expr) {
        if (pn_expr_text_of(r, judge->expr, &made.raw) != PN_OK) {
            PN_LOG_R(r, PN_LOG_ERR, 2592, 0, "the arguments of a Require line cannot be evaluated: %.*s",
                     PN_FMT(pn_expr_text(judge->expr)));
            return PN_AUTHZ_DENIED;
        }
        authz_split(r->pool, &made);
        args = &made;
    }
    return judge->vec ? ask_alias(r, judge, args) : judge->provider->check(r, args);
}

static const char *result_text(enum pn_authz result)
{
    static const char *const texts[] = {
        [PN_AUTHZ_DENIED] = "denied", [PN_AUTHZ_GRANTED] = "granted", [PN_AUTHZ_NEUTRAL] = "neutral",
        [PN_AUTHZ_DENIED_NO_USER] = "denied (no authenticated user yet)", [PN_AUTHZ_ERROR] = "error",
    };
    return texts[result];
}

/* @param outer what the answer is combined by: a line for other methods is neutral, and alone stands in nobody's way. */
PN_MAY_YIELD static enum pn_authz judge_node(struct pn_request *r, const struct authz_node *node, enum authz_kind outer)
{
    enum pn_authz result = PN_AUTHZ_NEUTRAL;

    if (!(node->methods >> r->method_id & 1)) {
        result = outer == AUTHZ_ALL ? PN_AUTHZ_GRANTED : PN_AUTHZ_NEUTRAL;
        PN_RECORD(r, PN_STEP_REQUIRE, node->file, node->line, "%s: %s (for other methods)", node->text, result_text(result));
        PN_LOG_R(r, PN_LOG_DEBUG, 1625, 0, "authorization result of %s: %s (directive limited to other methods)", node->text,
                 result_text(result));
        return result;
    }
    if (node->kind == AUTHZ_LINE)
        result = ask(r, &node->judge);
    for (unsigned i = 0; i < node->n; i++)
        if (authz_combine(node->kind, &result, judge_node(r, node->children[i], node->kind)))
            break;
    if (node->negated)
        result = authz_negate(result);
    PN_RECORD(r, PN_STEP_REQUIRE, node->file, node->line, "%s: %s", node->text, result_text(result));
    PN_LOG_R(r, PN_LOG_DEBUG, 1626, 0, "authorization result of %s: %s", node->text, result_text(result));
    return result;
}

PN_COLD static enum pn_verdict refuse(struct pn_request *r)
{
    bool   named = r->filename.n != 0;
    pn_str what = pn_str_escape(r->pool, named ? r->filename : r->path);

    return pn_reject(r, 403, PN_LOG_MODULE, 1630, "client denied by server configuration: %s%s", named ? "" : "uri ", what.p);
}

PN_MAY_YIELD PN_COLD static enum pn_verdict refuse_user(struct pn_request *r, bool send_forbidden)
{
    pn_str                       type = pn_auth_type(r);
    const struct pn_auth_scheme *scheme;

    if (!type.p)
        return refuse(r);
    PN_LOG_R(r, PN_LOG_ERR, 1631, 0, "user %s: authorization failure for \"%s\": ",
             r->user.p ? pn_str_escape(r->pool, r->user).p : "(null)", pn_str_escape(r->pool, r->path).p);
    if (send_forbidden)
        return pn_reject_quietly(r, 403);
    scheme = pn_provider(r->server->generation, PN_AUTH_SCHEME_GROUP, pn_str_lower(r->pool, type));
    if (scheme)
        scheme->challenge(r);
    return pn_reject_quietly(r, 401);
}

PN_MAY_YIELD static enum pn_verdict before_authn(struct pn_request *r)
{
    const struct authz_dir *dir = pn_dir_conf(r, &pn_module_authz_core);

    switch (judge_node(r, dir->root, AUTHZ_ALL)) {
    case PN_AUTHZ_GRANTED: return PN_HANDLED;
    case PN_AUTHZ_DENIED_NO_USER: return PN_NEXT; /* ask who it is */
    case PN_AUTHZ_ERROR: return pn_reject_quietly(r, 500);
    default: return refuse(r);
    }
}

PN_MAY_YIELD static enum pn_verdict after_authn(struct pn_request *r)
{
    const struct authz_dir *dir = pn_dir_conf(r, &pn_module_authz_core);

    switch (judge_node(r, dir->root, AUTHZ_ALL)) {
    case PN_AUTHZ_GRANTED: return PN_HANDLED;
    case PN_AUTHZ_DENIED_NO_USER:
        return pn_reject(r, 403, PN_LOG_MODULE, 1629, "authorization failure (no authenticated user): %s",
                         pn_str_escape(r->pool, r->path).p);
    case PN_AUTHZ_ERROR: return pn_reject_quietly(r, 500);
    default: return refuse_user(r, dir->send_forbidden);
    }
}

static bool guards(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct authz_dir *dir = dir_conf;

    return dir && dir->root && !authz_always_grants(dir->root);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook(h, PN_PHASE_ACCESS_CHECKER_EX, before_authn, (struct pn_order){ .pos = PN_ORDER_LAST, .when = guards });
    pn_hook_check_authz(h, after_authn, { .pos = PN_ORDER_LAST, .when = guards });
    pn_provide(h, PN_AUTHZ_GROUP, "all", &authz_all);
    pn_provide(h, PN_AUTHZ_GROUP, "env", &authz_env);
    pn_provide(h, PN_AUTHZ_GROUP, "method", &authz_method);
    pn_provide(h, PN_AUTHZ_GROUP, "expr", &authz_expr);
}

struct pn_module pn_module_authz_core = {
    .api = PN_MODULE_API,
    .name = "mod_authz_core.c",
    .apache_id = "authz_core_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct authz_dir),
    .server_conf_size = sizeof(struct authz_server),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
