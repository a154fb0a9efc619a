/* mod_reflector - the handler "reflector": a request's body becomes the answer, through the output filters.
 * Runs: handler.   Yields: as the request body.   Config: struct reflector_conf.   Spec: Apache manual, mod_reflector. */
#include "coded_body.h"

struct reflected { pn_str from, to; };
struct reflector_conf { apr_array_header_t *fields; /* of struct reflected; may be NULL */ };

struct pn_module pn_module_reflector;

/* The first bytes are waited for here, so that a body that can't be read from the start is an error and no answer. */
PN_MAY_YIELD static enum pn_verdict take_body(struct pn_request *r)
{
    struct pn_body *body = pn_request_body(r);
    struct pn_chunk first = { .fd = -1 };
    pn_rc           rc = pn_body_next(body, &first);

    if (rc == PN_FAILED) /* it has said why */
        return PN_REJECTED;
    if (rc != PN_OK && rc != PN_EOF)
        return pn_reject_quietly(r, rc == PN_TIMEOUT ? 408 : 400);
    r->body = rc == PN_EOF ? pn_body_empty(r) : body_after(r, rc, &first, body);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict reflect(struct pn_request *r)
{
    const struct reflector_conf *conf = pn_dir_conf(r, &pn_module_reflector);

    if (!pn_str_eq(r->handler, PN_STR("reflector")))
        return PN_NEXT;
    enum pn_verdict verdict = pn_allow_methods(r, UINT64_C(1) << PN_METHOD_POST | UINT64_C(1) << PN_METHOD_OPTIONS);
    if (verdict != PN_NEXT)
        return verdict;
    for (int i = 0; conf->fields && i < conf->fields->nelts; i++) {
        const struct reflected *field = &APR_ARRAY_IDX(conf->fields, i, struct reflected);
        pn_str                  value = pn_headers_joined_name(&r->in, r->pool, field->from);
        if (value.p)
            pn_headers_set_name(&r->out, field->to, value);
    }
    pn_str type = pn_headers_get(&r->in, PN_HDR_CONTENT_TYPE);
    if (type.n)
        pn_set_content_type(r, type);
    return take_body(r);
}

static const char *set_field(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct reflector_conf *reflector = conf;

    if (!pn_header_name_ok(argv[0]) || !pn_header_name_ok(argv[argc - 1]))
        return pn_conf_error_text(cmd, "ReflectorHeader takes names of header fields");
    if (!reflector->fields)
        reflector->fields = apr_array_make(cmd->pool, 2, sizeof(struct reflected));
    *(struct reflected *)apr_array_push(reflector->fields) =
        (struct reflected){ pn_str_dup(cmd->pool, argv[0]), pn_str_dup(cmd->pool, argv[argc - 1]) };
    return NULL;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *merged)
{
    const struct reflector_conf *outer = base, *inner = add;

    if (inner->fields)
        ((struct reflector_conf *)merged)->fields = outer->fields ? apr_array_append(pool, outer->fields, inner->fields) : inner->fields;
}

static const struct pn_directive directives[] = {
    { .name = "ReflectorHeader", .args = PN_TAKE12, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS, .set = set_field,
      .help = "A field of the request that the answer has too, under its own or another name" },
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, reflect, { 0 });
}

struct pn_module pn_module_reflector = {
    .api = PN_MODULE_API,
    .name = "mod_reflector.c",
    .apache_id = "reflector_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct reflector_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
