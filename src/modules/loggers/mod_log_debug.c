/* mod_log_debug.c - LogMessage: own messages in the error log, with text and condition by expressions, at a chosen hook.
 *
 * Runs: the phases that its lines name; a line without a name when the request is logged.   Suspends: where an expression does.
 * Settings: struct debug_conf, a place's.   Apache manual: "Apache Module mod_log_debug". */
#define PN_LOG_MODULE &pn_module_log_debug
#include <pinion/log.h>

#include <pinion/request.h>

extern struct pn_module pn_module_log_debug;

/* One LogMessage. */
struct message {
    const struct pn_expr *text;
    const struct pn_expr *condition; /* NULL: always */
    uint32_t              phases;    /* a bit each */
};

struct debug_conf {
    apr_array_header_t *messages; /* of struct message; may be NULL */
};

#define PHASE(name) (UINT32_C(1) << PN_PHASE_##name)

/* Phases by the names that LogMessage gives them. Before the place of a request is known there are only the server's lines. */
static const struct { pn_str name; enum pn_phase phase; } phases[] = {
    { PN_STR_INIT("quick_handler"), PN_PHASE_QUICK_HANDLER },
    { PN_STR_INIT("pre_translate_name"), PN_PHASE_PRE_TRANSLATE_NAME },
    { PN_STR_INIT("translate_name"), PN_PHASE_TRANSLATE_NAME },
    { PN_STR_INIT("map_to_storage"), PN_PHASE_MAP_TO_STORAGE },
    { PN_STR_INIT("check_access"), PN_PHASE_ACCESS_CHECKER },
    { PN_STR_INIT("check_access_ex"), PN_PHASE_ACCESS_CHECKER_EX },
    { PN_STR_INIT("check_authn"), PN_PHASE_CHECK_AUTHN },
    { PN_STR_INIT("check_authz"), PN_PHASE_CHECK_AUTHZ },
    { PN_STR_INIT("type_checker"), PN_PHASE_TYPE_CHECKER },
    { PN_STR_INIT("fixups"), PN_PHASE_FIXUPS },
    { PN_STR_INIT("insert_filter"), PN_PHASE_INSERT_FILTER },
    { PN_STR_INIT("handler"), PN_PHASE_HANDLER },
    { PN_STR_INIT("log_transaction"), PN_PHASE_LOG_TRANSACTION },
};

/* ---- configuration ---- */

static const char *compile(struct pn_conf_cmd *cmd, pn_str text, enum pn_expr_mode mode, const struct pn_expr **ret)
{
    struct pn_expr_error error;

    if (pn_expr_compile(cmd->pool, text, mode, PN_EXPR_REGEX(pn_regex_defaults()), ret, &error) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "The expression '%.*s' cannot be understood: %s", PN_FMT(text), error.text);
}

static const char *set_hook(struct pn_conf_cmd *cmd, pn_str name, struct message *message)
{
    message->phases = 0;
    for (size_t i = 0; i < PN_COUNT(phases); i++)
        if (pn_str_ieq(name, phases[i].name) || pn_str_ieq(name, PN_STR("all")))
            message->phases |= UINT32_C(1) << phases[i].phase;
    if (message->phases)
        return NULL;
    return pn_conf_error_text(cmd, "LogMessage knows no hook '%.*s'; it knows translate_name, fixups, handler, "
                                   "log_transaction, all and others that its manual page lists.", PN_FMT(name));
}

static const char *set_message(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct debug_conf *self = conf;
    struct message     message = { .phases = PHASE(LOG_TRANSACTION) };
    const char        *error = compile(cmd, argv[0], PN_EXPR_STRING, &message.text);

    for (unsigned i = 1; i < argc && !error; i++) {
        if (pn_str_istarts(argv[i], PN_STR("hook=")))
            error = set_hook(cmd, pn_str_from(argv[i], 5), &message);
        else if (pn_str_istarts(argv[i], PN_STR("expr=")))
            error = compile(cmd, pn_str_from(argv[i], 5), PN_EXPR_CONDITION, &message.condition);
        else
            error = pn_conf_error_text(cmd, "LogMessage takes hook= and expr= behind its text; '%.*s' is neither.",
                                       PN_FMT(argv[i]));
    }
    if (error)
        return error;
    if (!self->messages)
        self->messages = apr_array_make(cmd->pool, 2, sizeof(struct message));
    *(struct message *)apr_array_push(self->messages) = message;
    return NULL;
}

static void merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct debug_conf *outer = base, *inner = add;
    struct debug_conf       *to = merged;

    to->messages = outer->messages && inner->messages ? apr_array_append(pool, outer->messages, inner->messages)
                   : outer->messages                  ? outer->messages
                                                      : inner->messages;
}

static const struct pn_directive directives[] = {
    { .name = "LogMessage", .args = PN_TAKE123, .where = PN_CTX_SERVER | PN_CTX_SECTIONS, .scope = PN_SCOPE_DIR,
      .set = set_message, .help = "A message of one's own for the error log: text, hook=name, expr=condition" },
    { 0 }
};

/* ---- requests ---- */

PN_MAY_YIELD static void say(struct pn_request *r, const struct message *message)
{
    bool   holds = true;
    pn_str text;

    if (!pn_log_on_r(r, PN_LOG_MODULE, PN_LOG_INFO))
        return;
    if (message->condition && pn_expr_holds(r, message->condition, &holds) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 642, 0, "Can't evaluate the condition of a LogMessage");
        return;
    }
    if (!holds)
        return;
    if (pn_expr_text_of(r, message->text, &text) == PN_OK)
        PN_LOG_R(r, PN_LOG_INFO, 0, 0, "%s", text.p);
    else
        PN_LOG_R(r, PN_LOG_ERR, 641, 0, "Can't evaluate the text of a LogMessage");
}

PN_MAY_YIELD static enum pn_verdict look(struct pn_request *r, enum pn_phase phase)
{
    const struct debug_conf *conf = pn_dir_conf(r, &pn_module_log_debug);

    for (int i = 0; conf->messages && i < conf->messages->nelts; i++) {
        const struct message *message = &APR_ARRAY_IDX(conf->messages, i, struct message);

        if (message->phases & UINT32_C(1) << phase)
            say(r, message);
    }
    return PN_NEXT;
}

#define HOOK(function, phase)                                                                      \
    PN_MAY_YIELD static enum pn_verdict function(struct pn_request *r)                             \
    {                                                                                              \
        return look(r, PN_PHASE_##phase);                                                          \
    }

HOOK(in_quick_handler, QUICK_HANDLER)
HOOK(in_pre_translate, PRE_TRANSLATE_NAME)
HOOK(in_translate, TRANSLATE_NAME)
HOOK(in_map, MAP_TO_STORAGE)
HOOK(in_access, ACCESS_CHECKER)
HOOK(in_access_ex, ACCESS_CHECKER_EX)
HOOK(in_authn, CHECK_AUTHN)
HOOK(in_authz, CHECK_AUTHZ)
HOOK(in_type, TYPE_CHECKER)
HOOK(in_fixups, FIXUPS)
HOOK(in_insert_filter, INSERT_FILTER)
HOOK(in_handler, HANDLER)

/* The place of a request is that of the last of a chain of redirections. */
PN_MAY_YIELD static enum pn_verdict in_log(struct pn_request *r)
{
    while (r->next)
        r = r->next;
    return look(r, PN_PHASE_LOG_TRANSACTION);
}

/* The early phases and the log have no place yet when plans are made: they look themselves. */
static bool has_messages(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct debug_conf *conf = dir_conf;

    return !conf || conf->messages;
}

static void hooks(struct pn_hooks *h)
{
    static const struct { enum pn_phase phase; pn_hook_fn *fn; bool early; } points[] = {
        { PN_PHASE_QUICK_HANDLER, in_quick_handler, true },   { PN_PHASE_PRE_TRANSLATE_NAME, in_pre_translate, true },
        { PN_PHASE_TRANSLATE_NAME, in_translate, true },      { PN_PHASE_MAP_TO_STORAGE, in_map, true },
        { PN_PHASE_ACCESS_CHECKER, in_access, false },
        { PN_PHASE_CHECK_AUTHN, in_authn, false },            { PN_PHASE_CHECK_AUTHZ, in_authz, false },
        { PN_PHASE_TYPE_CHECKER, in_type, false },            { PN_PHASE_FIXUPS, in_fixups, false },
        { PN_PHASE_INSERT_FILTER, in_insert_filter, false },  { PN_PHASE_HANDLER, in_handler, false },
        { PN_PHASE_LOG_TRANSACTION, in_log, true },
    };

    for (size_t i = 0; i < PN_COUNT(points); i++)
        pn_hook(h, points[i].phase, points[i].fn,
                (struct pn_order){ .pos = PN_ORDER_FIRST, .when = points[i].early ? NULL : has_messages });
    /* A hook of access_checker_ex would say that something is required here. Right before that phase is the same moment. */
    pn_hook(h, PN_PHASE_ACCESS_CHECKER, in_access_ex,
            (struct pn_order){ .pos = PN_ORDER_REALLY_LAST, .when = has_messages });
}

struct pn_module pn_module_log_debug = {
    .api = PN_MODULE_API,
    .name = "mod_log_debug.c",
    .apache_id = "log_debug_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct debug_conf),
    .dir_conf_merge = merge,
    .hooks = hooks,
};
