/* mod_negotiation - the variant of a resource that suits the client best: type maps and MultiViews.
 * Runs: type_checker (MultiViews), fixups (names of codings), handler (type maps).   Yields: looking up variants.
 * Config: struct negotiation_conf.   Spec: Apache manual, "Content Negotiation"; RFC 9110 s12, RFC 2295, RFC 2296. */
#include "negotiation.h"

#include <apr_time.h>
#include <pinion/uri.h>

struct pn_module pn_module_negotiation;

struct negotiation_server { bool cache; };

/* ---- settings ---- */

static const char *set_priority(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct negotiation_conf *negotiation = conf;

    if (!negotiation->priority)
        negotiation->priority = apr_array_make(cmd->pool, (int)argc, sizeof(pn_str));
    for (unsigned i = 0; i < argc; i++)
        *(pn_str *)apr_array_push(negotiation->priority) = pn_str_dup(cmd->pool, argv[i]);
    return NULL;
}

static const char *set_force(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    unsigned force = FORCE_NONE;

    for (unsigned i = 0; i < argc; i++) {
        if (pn_str_ieq(argv[i], PN_STR("None"))) {
            if (argc > 1)
                return "ForceLanguagePriority None cannot stand beside Prefer or Fallback";
        }
        else if (pn_str_ieq(argv[i], PN_STR("Prefer")))
            force |= FORCE_PREFER;
        else if (pn_str_ieq(argv[i], PN_STR("Fallback")))
            force |= FORCE_FALLBACK;
        else
            return pn_conf_error_text(cmd, "ForceLanguagePriority takes None, Prefer and Fallback, not '%.*s'", PN_FMT(argv[i]));
    }
    ((struct negotiation_conf *)conf)->force = force;
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "LanguagePriority", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_priority,
      .help = "Languages in the order in which they are given to who has no preference" },
    { .name = "ForceLanguagePriority", .args = PN_LIST, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = set_force,
      .help = "None, or Prefer (instead of a choice among equals) and Fallback (instead of nothing acceptable)" },
    { .name = "CacheNegotiatedDocs", .args = PN_FLAG, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct negotiation_server, cache), .dflt = "Off",
      .help = "Whether caches of HTTP/1.0 may keep what was negotiated" },
    { 0 }
};

static void dir_init(apr_pool_t *pool, void *conf)
{
    (void)pool;
    ((struct negotiation_conf *)conf)->force = FORCE_PREFER;
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct negotiation_conf *inner = add;
    struct negotiation_conf       *merged = out;

    (void)pool, (void)base;
    if (pn_conf_is_set(inner, &pn_module_negotiation, "LanguagePriority"))
        merged->priority = inner->priority;
    if (pn_conf_is_set(inner, &pn_module_negotiation, "ForceLanguagePriority"))
        merged->force = inner->force;
}

/* ---- the answer ---- */

/* HTTP/1.0 knows no Vary: what was negotiated must not be kept. COMPAT: 2.4 says so of type maps only. */
static void forbid_caching(struct negotiation *n)
{
    const struct negotiation_server *server = pn_server_conf(n->r->server, &pn_module_negotiation);

    if (n->r->version >= 1001 || server->cache)
        return;
    char *now = apr_palloc(n->r->pool, APR_RFC822_DATE_LEN);
    apr_rfc822_date(now, n->r->time);
    pn_headers_set(&n->r->err_out, PN_HDR_EXPIRES, pn_str_z(now));
}

/* RFC 2295 s10.2: the variant, with the name under which it can be had directly. */
PN_MAY_YIELD static int make_choice(struct negotiation *n, struct variant *variant)
{
    struct pn_request *r = n->r, *sub = pn__variant_lookup(n, variant);
    pn_str             vary = pn_headers_get(&sub->err_out, PN_HDR_VARY);

    if (sub->status != 200)
        return sub->status;
    if (pn_headers_has(&sub->err_out, PN_HDR_TCN) || pn_str_eq(sub->handler, PN_STR("type-map")))
        return 506; /* a variant that is negotiated itself: RFC 2295 s8.1 */
    if (vary.p) {
        pn_headers_set_name(&r->err_out, PN_STR("Variant-Vary"), vary);
        pn_headers_set(&r->err_out, PN_HDR_VARY, vary);
        pn_headers_unset(&sub->err_out, PN_HDR_VARY);
    }
    pn_headers_set(&r->err_out, PN_HDR_CONTENT_LOCATION, pn_uri_encode_path(r->pool, variant->name));
    pn__negotiation_head(n, false);
    return 0;
}

/* @return 0 with the variant to send, or the status to fail with. */
PN_MAY_YIELD static int negotiate(struct negotiation *n, bool prefer_scripts, struct variant **ret_variant)
{
    int status = 0;

    pn__negotiation_begin(n, prefer_scripts);
    if (!pn__negotiation_choose(n, ret_variant)) {
        n->send_alternates = true;
        pn__negotiation_head(n, true);
        pn__negotiation_list(n);
        if (n->transparent && n->client_is_transparent)
            return 300;
        PN_LOG_R(n->r, PN_LOG_ERR, 690, 0, "no acceptable variant: %s", n->r->filename.p);
        return 406;
    }
    if (n->transparent)
        status = make_choice(n, *ret_variant);
    else
        pn__negotiation_head(n, false);
    return status;
}

static struct negotiation begin(struct pn_request *r)
{
    return (struct negotiation){ .r = r, .conf = pn_dir_conf(r, &pn_module_negotiation),
                                 .variants = apr_array_make(r->pool, 4, sizeof(struct variant)) };
}

/* ---- type maps ---- */

#define MAP_MAX ((size_t)4 << 20) /* bytes; bodies are part of it */

static int bad_map(struct pn_request *r, const struct pn_request *map, const struct map_error *error)
{
    const char *text = pn_str_escape(r->pool, pn_str_head(error->text, 200)).p, *name = map->filename.p;

    switch (error->fault) {
    case MAP_NO_COLON:
        PN_LOG_R(r, PN_LOG_ERR, 681, 0, "Syntax error in type map, no ':' in %s for header %s", name, text);
        break;
    case MAP_NO_VALUE:
        PN_LOG_R(r, PN_LOG_ERR, 682, 0, "Syntax error in type map --- no header body: %s for %s", text, name);
        break;
    case MAP_BAD_LENGTH:
        PN_LOG_R(r, PN_LOG_ERR, 684, 0, "Parse error in type map, Content-Length: '%s' in %s is invalid.", text, name);
        break;
    default:
        PN_LOG_R(r, PN_LOG_ERR, 685, 0, "Syntax error in type map, no end tag '%s' found in %s for Body: content.", text, name);
    }
    return 500;
}

static pn_str last_component(pn_str path)
{
    size_t slash = pn_str_rchr(path, '/');

    return slash == SIZE_MAX ? path : pn_str_from(path, slash + 1);
}

int pn__negotiation_read_map(struct negotiation *n, struct pn_request *map)
{
    struct pn_request *r = n->r;
    struct map_error   error = { 0 };
    pn_str             text;
    int                fd;
    pn_rc              rc = pn_open_filename(map, &fd);

    if (rc != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 683, 0, "cannot access type map file: %s", map->filename.p);
        return rc == PN_NOT_FOUND ? 404 : 403;
    }
    rc = pn_body_read_all(pn_body_in_memory(r, pn_body_file(r, fd, 0, map->finfo.size)), r->pool, MAP_MAX, &text);
    if (rc != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 683, 0, "cannot access type map file: %s (%s)", map->filename.p,
                 rc == PN_LIMIT ? "it is over 4 MB" : pn_rc_name(rc));
        return 500;
    }
    if (pn__type_map_parse(r->pool, text, pn_str_dup(r->pool, last_component(map->filename)), &n->variants, &error) != PN_OK)
        return bad_map(r, map, &error);
    n->from_map = true;
    r->vlist_validator = pn_str_printf(r->pool, "%llx", (unsigned long long)map->finfo.mtime);
    return 0;
}

/* A body inside of the map itself. */
PN_MAY_YIELD static enum pn_verdict send_body(struct pn_request *r, const struct variant *variant)
{
    enum pn_verdict verdict =
        pn_allow_methods(r, UINT64_C(1) << PN_METHOD_GET | UINT64_C(1) << PN_METHOD_POST);

    if (verdict != PN_NEXT)
        return verdict;
    /* The map's validators would be those of each of its bodies: there are none. */
    pn_headers_set(&r->out, PN_HDR_ACCEPT_RANGES, PN_STR("bytes"));
    if (variant->type.n)
        r->content_type = variant->charset.n ? PN_CAT(r->pool, variant->type, PN_STR("; charset="), variant->charset) : variant->type;
    if (variant->languages) {
        r->languages = variant->languages;
        pn_headers_unset(&r->out, PN_HDR_CONTENT_LANGUAGE);
        for (int i = 0; i < variant->languages->nelts; i++)
            pn_headers_merge(&r->out, PN_HDR_CONTENT_LANGUAGE, APR_ARRAY_IDX(variant->languages, i, pn_str));
    }
    if (variant->encoding.n) {
        r->content_encoding = variant->encoding;
        pn_headers_set(&r->out, PN_HDR_CONTENT_ENCODING, variant->encoding);
    }
    if (pn_discard_request_body(r) != PN_OK)
        return pn_reject_quietly(r, pn_request_body_status(r));
    r->body = pn_body_bytes(r, variant->body);
    return PN_HANDLED;
}

static bool is_type_map(const struct pn_request *r)
{
    return r->handler.n ? pn_str_eq(r->handler, PN_STR("type-map")) : pn_str_starts(r->content_type, PN_STR("application/x-type-map"));
}

static enum pn_verdict map_handler(struct pn_request *r)
{
    struct variant *best;

    if (PN_LIKELY(!is_type_map(r)) || r->finfo.type == PN_FILE_DIRECTORY)
        return PN_NEXT;
    struct negotiation n = begin(r);
    int                status = pn__negotiation_read_map(&n, r);
    if (status == 0)
        status = negotiate(&n, false, &best);
    if (status)
        return pn_reject_quietly(r, status);
    forbid_caching(&n);
    return best->body.p ? send_body(r, best) : pn_redirect_internal(r, pn__variant_url(r, best));
}

/* ---- MultiViews ---- */

static enum pn_verdict multi_type_checker(struct pn_request *r)
{
    struct pn_request *map = NULL;
    struct variant    *best;

    if (PN_LIKELY(r->finfo.type != PN_FILE_NONE) || !(pn_options(r) & PN_OPTION_MULTI) || r->filename.n == 0 ||
        r->filename.p[0] != '/')
        return PN_NEXT;
    struct negotiation n = begin(r);
    int                status = 0;
    if (!pn__negotiation_kept(&n))
        status = pn__negotiation_forms(&n, &map);
    if (status == 0 && map)
        status = pn__negotiation_read_map(&n, map);
    if (status)
        return pn_reject_quietly(r, status);
    if (n.variants->nelts == 0)
        return PN_NEXT;
    status = negotiate(&n, r->method_id != PN_METHOD_GET || r->query.n || r->path_info.n, &best);
    if (status)
        return pn_reject_quietly(r, status);
    struct pn_request *sub = pn__variant_lookup(&n, best);
    if (sub->status != 200)
        return pn_reject_quietly(r, sub->status);
    pn_str vlist = r->vlist_validator;
    pn_take_over(r, sub);
    if (vlist.n)
        r->vlist_validator = vlist;
    return PN_HANDLED;
}

/* ---- names of codings ---- */

/* A client that knows "x-gzip" is answered so, and one that knows "gzip" likewise (RFC 9110 s8.4.1). */
static enum pn_verdict coding_fixup(struct pn_request *r)
{
    pn_str coding = r->content_encoding, accepted, known_as = PN_STR("");

    if (PN_LIKELY(coding.n == 0))
        return PN_NEXT;
    if (pn_str_starts(coding, PN_STR("x-")))
        coding = pn_str_from(coding, 2);
    else if (!pn_str_eq(coding, PN_STR("gzip")) && !pn_str_eq(coding, PN_STR("compress")))
        return PN_NEXT;
    accepted = pn_headers_joined(&r->in, r->pool, PN_HDR_ACCEPT_ENCODING);
    struct accept_list list = pn__accept_list(r->pool, accepted);
    for (unsigned i = 0; i < list.n; i++) {
        pn_str name = list.items[i].name;
        bool   with_x = pn_str_starts(name, PN_STR("x-")) && pn_str_eq(pn_str_from(name, 2), coding);
        if (!with_x && !pn_str_eq(name, coding))
            continue;
        known_as = name;
        if (!with_x)
            break;
    }
    if (known_as.n) {
        r->content_encoding = known_as;
        pn_headers_set(&r->out, PN_HDR_CONTENT_ENCODING, known_as);
    }
    return PN_NEXT;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_type_checker(h, multi_type_checker, { .pos = PN_ORDER_FIRST, .by_name = true });
    pn_hook_fixup(h, coding_fixup, { .by_name = true });
    pn_hook_handler(h, map_handler, { 0 });
}

struct pn_module pn_module_negotiation = {
    .api = PN_MODULE_API,
    .name = "mod_negotiation.c",
    .apache_id = "negotiation_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct negotiation_conf),
    .server_conf_size = sizeof(struct negotiation_server),
    .dir_conf_init = dir_init,
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
