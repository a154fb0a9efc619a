/* mod_session - a few named texts that a browser brings back with its next request.
 * Runs: fixups (loading, SessionEnv), response_head (storing).   Yields: as the stores do.   Config: struct session_dir.
 * Spec: Apache manual, mod_session.
 *
 * The stored text is a form, "name=value&name=value", which the seal may have made unreadable. An expiry time lies in it
 * under a name of its own. Sessions belong to the request that the client sent: its subrequests and redirections find them
 * there, and they are stored once, when the head of the answer is about to leave. */
#define PN_LOG_MODULE &pn_module_session
#include <pinion/form.h>
#include <pinion/log.h>
#include <pinion/session.h>

#define EXPIRY_NAME "expiry" /* COMPAT: 2.4 keeps microseconds since 1970 under this name */
#define TEXT_MAX_BYTES ((size_t)64 * 1024)

struct session_dir {
    bool                active, env;
    pn_str              header;            /* SessionHeader */
    apr_array_header_t *include, *exclude; /* of pn_str; NULL: all, none */
    int64_t             max_age_s;         /* 0: sessions do not expire */
    int64_t             update_interval_s;
};

struct session_server {
    apr_array_header_t           *stores; /* of const struct pn_session_store *; the main server's */
    const struct pn_session_seal *seal;   /* NULL: none */
};

struct pn_module pn_module_session;

#define ROW(directive, arity, member) \
    .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .slot = PN_SLOT(struct session_dir, member)

static const struct pn_directive directives[] = {
    { ROW("Session", PN_FLAG, active), .dflt = "Off", .help = "Whether there are sessions here" },
    { ROW("SessionMaxAge", PN_TAKE1, max_age_s), .dflt = "0", .min = 0, .max = INT32_MAX, .unit = "s",
      .help = "How long a session lasts without a request, 0: without end" },
    { ROW("SessionHeader", PN_TAKE1, header), .help = "Response field whose text is taken into the session" },
    { ROW("SessionEnv", PN_FLAG, env), .dflt = "Off", .help = "Whether scripts find the session in HTTP_SESSION" },
    { ROW("SessionInclude", PN_TAKE1, include), .merge = PN_MERGE_APPEND, .help = "URL path below which there are sessions" },
    { ROW("SessionExclude", PN_TAKE1, exclude), .merge = PN_MERGE_APPEND, .help = "URL path below which there are none" },
    { ROW("SessionExpiryUpdateInterval", PN_TAKE1, update_interval_s), .dflt = "0", .min = 0, .max = INT32_MAX, .unit = "s",
      .help = "A session in which nothing but its expiry changed is stored no more often than this" },
    { 0 }
};

static const struct session_server *stores_of(const struct pn_request *r)
{
    return pn_server_conf(r->server->generation->servers, &pn_module_session);
}

/* The request that the client sent. */
static struct pn_request *original(struct pn_request *r)
{
    while (r->main || r->prev)
        r = r->main ? r->main : r->prev;
    return r;
}

static bool lies_below(const apr_array_header_t *prefixes, pn_str path)
{
    for (int i = 0; prefixes && i < prefixes->nelts; i++)
        if (pn_str_starts(path, APR_ARRAY_IDX(prefixes, i, pn_str)))
            return true;
    return false;
}

static bool applies(const struct pn_request *r)
{
    const struct session_dir *dir = pn_dir_conf(r, &pn_module_session);

    if (!dir->active || !r->path.p)
        return false;
    return (!dir->include || lies_below(dir->include, r->path)) && !lies_below(dir->exclude, r->path);
}

/* ---- text ---- */

/* @return false when it is no form. */
static bool take_text(struct pn_session *session, pn_str text)
{
    apr_table_t              *fields;
    const apr_array_header_t *all;

    if (pn_form_decode(apr_table_elts(session->entries)->pool, text, &fields) != PN_OK)
        return false;
    all = apr_table_elts(fields);
    for (int i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if (strcmp(e->key, EXPIRY_NAME) == 0) {
            if (pn_str_to_i64(pn_str_z(e->val), 0, INT64_MAX, &session->expiry) != PN_OK)
                return false;
        }
        else if (*e->val)
            apr_table_setn(session->entries, e->key, e->val);
        else
            apr_table_unset(session->entries, e->key);
    }
    return true;
}

/* Empty when the session is. @return PN_LIMIT when it is too large. */
static pn_rc make_text(apr_pool_t *pool, const struct pn_session *session, pn_str *ret)
{
    const apr_array_header_t *all = apr_table_elts(session->entries);
    struct pn_buf             text;

    pn_buf_init(&text, pool, TEXT_MAX_BYTES);
    for (int i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *e = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        pn_form_add(&text, pn_str_z(e->key), pn_str_z(e->val));
    }
    if (text.n && session->expiry)
        pn_form_add(&text, PN_STR(EXPIRY_NAME), pn_str_printf(pool, "%lld", (long long)session->expiry));
    *ret = PN_STR("");
    return text.n ? pn_buf_done(&text, ret) : PN_OK;
}

/* ---- loading ---- */

/* What is stored, if it can be read and has not expired. */
PN_MAY_YIELD static void read_stored(struct pn_request *r, struct pn_session *session)
{
    const struct pn_session_seal *seal = stores_of(r)->seal;
    pn_str                        text, plain;

    if (session->store->load(r, session, &text) != PN_OK || !text.n)
        return;
    switch (seal ? seal->open(r, text, &plain) : PN_DECLINED) {
    case PN_OK: break;
    case PN_DECLINED: plain = text; break;
    default: return;
    }
    if (!take_text(session, plain)) {
        PN_LOG_R(r, PN_LOG_ERR, 1817, 0, "error while decoding the session, session not loaded: %s", pn_str_escape(r->pool, r->path).p);
        apr_table_clear(session->entries);
        session->expiry = 0;
    }
    else if (session->expiry && session->expiry < pn_request_now(r)) {
        apr_table_clear(session->entries);
        session->expiry = 0;
        session->dirty = true; /* the store forgets it */
    }
}

PN_MAY_YIELD static struct pn_session *load(struct pn_request *r, const struct pn_session_store *store, pn_str place)
{
    const struct session_dir *dir = pn_dir_conf(r, &pn_module_session);
    struct pn_request        *first = original(r);
    void                    **slot = pn_ctx(first, &pn_module_session);
    struct pn_session        *session = *slot;

    while (session && !(session->store == store && pn_str_eq(session->place, place)))
        session = session->next;
    if (!session) {
        session = apr_pcalloc(first->pool, sizeof(*session));
        *session = (struct pn_session){ .store = store, .place = pn_str_dup(first->pool, place), .next = *slot };
        session->entries = apr_table_make(first->pool, 4);
        *slot = session;
        read_stored(r, session);
    }
    session->max_age_s = dir->max_age_s;
    return session;
}

PN_MAY_YIELD static struct pn_session *get(struct pn_request *r)
{
    const apr_array_header_t *stores = stores_of(r)->stores;

    if (!applies(r))
        return NULL;
    for (int i = 0; stores && i < stores->nelts; i++) {
        const struct pn_session_store *store = APR_ARRAY_IDX(stores, i, const struct pn_session_store *);
        pn_str                         place = store->place(r);
        if (place.p)
            return load(r, store, place);
    }
    PN_LOG_R(r, PN_LOG_WARNING, 1815, 0, "session is enabled but no session modules have been configured, session not loaded: %s",
             pn_str_escape(r->pool, r->path).p);
    return NULL;
}

/* ---- storing ---- */

/* Is there anything to store? Moves the expiry on. */
static bool is_due(const struct pn_request *r, struct pn_session *session)
{
    const struct session_dir *dir = pn_dir_conf(r, &pn_module_session);
    pn_wall                   before = session->expiry;

    if (session->max_age_s)
        session->expiry = pn_request_now(r) + session->max_age_s * PN_USEC_PER_SEC;
    if (session->dirty)
        return true;
    if (apr_is_empty_table(session->entries))
        return false;
    return session->max_age_s && !(before && session->expiry - before < dir->update_interval_s * PN_USEC_PER_SEC);
}

PN_MAY_YIELD static void save(struct pn_request *r, struct pn_request *answer, struct pn_session *session)
{
    const struct pn_session_seal *seal = stores_of(r)->seal;
    pn_str                        plain, text;

    if (session->written || !is_due(r, session))
        return;
    session->written = true;
    if (make_text(r->pool, session, &plain) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 1820, 0, "error while encoding the session (it is larger than %zu bytes), session not saved: %s",
                 TEXT_MAX_BYTES, pn_str_escape(r->pool, r->path).p);
        return;
    }
    switch (plain.n && seal ? seal->seal(r, plain, &text) : PN_DECLINED) {
    case PN_OK: break;
    case PN_DECLINED: text = plain; break;
    default: return; /* never stored in clear where it was to be sealed */
    }
    if (session->store->save(r, answer, session, text) != PN_OK)
        PN_LOG_R(r, PN_LOG_ERR, 1822, 0, "error while saving the session, session not saved: %s", pn_str_escape(r->pool, r->path).p);
}

/* SessionHeader: what an application says is to be kept. It is for the server alone. */
static void take_header(struct pn_request *r, struct pn_request *answer, struct pn_session *session)
{
    const struct session_dir *dir = pn_dir_conf(r, &pn_module_session);
    pn_str                    text;

    if (!dir->header.n)
        return;
    text = pn_headers_get_name(&answer->err_out, dir->header);
    if (!text.p)
        text = pn_headers_get_name(&answer->out, dir->header);
    if (!text.p)
        return;
    text = pn_str_dup(r->pool, text);
    pn_headers_unset_name(&answer->err_out, dir->header);
    pn_headers_unset_name(&answer->out, dir->header);
    session->dirty = true;
    if (!take_text(session, text))
        PN_LOG_R(r, PN_LOG_ERR, 21100, 0, "the response field %s (SessionHeader) holds no form: it is not taken into the session",
                 dir->header.p);
}

/* Each request of the chain may have had its own. */
PN_MAY_YIELD static enum pn_verdict store_sessions(struct pn_request *answer)
{
    for (struct pn_request *r = answer; r; r = r->prev) {
        struct pn_session *session = applies(r) ? get(r) : NULL;
        if (!session)
            continue;
        take_header(r, answer, session);
        save(r, answer, session);
    }
    return PN_NEXT;
}

/* The session is loaded whether somebody asks for it or not: SessionCookieRemove and answers that may not be cached depend
 * on it. */
PN_MAY_YIELD static enum pn_verdict fixup(struct pn_request *r)
{
    const struct session_dir *dir = pn_dir_conf(r, &pn_module_session);
    const struct pn_session  *session = get(r);
    pn_str                    text;

    if (session && dir->env && make_text(r->pool, session, &text) == PN_OK && text.n)
        apr_table_setn(pn_env(r), "HTTP_SESSION", pn_str_zdup(r->pool, text));
    return PN_NEXT;
}

/* ---- module ---- */

static bool has_sessions(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct session_dir *dir = dir_conf;

    return dir && dir->active;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct session_server *server = PN_SERVER_CONF(generation->servers, &pn_module_session);
    apr_array_header_t    *names = pn_provider_names(generation, pool, PN_SESSION_STORE_GROUP);

    server->stores = apr_array_make(pool, names->nelts, sizeof(const struct pn_session_store *));
    for (int i = 0; i < names->nelts; i++)
        *(const struct pn_session_store **)apr_array_push(server->stores) =
            pn_provider(generation, PN_SESSION_STORE_GROUP, pn_str_z(APR_ARRAY_IDX(names, i, const char *)));
    server->seal = pn_provider(generation, PN_SESSION_SEAL_GROUP, PN_STR("crypto"));
    return PN_OK;
}

static const struct pn_session_core core = { .get = get };

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_fixup(h, fixup, { .when = has_sessions });
    /* COMPAT: 2.4 lets Header edit what is set here. */
    pn_hook_response_head(h, store_sessions, { .before = "mod_headers.c" });
    pn_provide(h, "session", "core", &core);
}

struct pn_module pn_module_session = {
    .api = PN_MODULE_API,
    .name = "mod_session.c",
    .apache_id = "session_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct session_dir),
    .server_conf_size = sizeof(struct session_server),
    .hooks = hooks,
};
