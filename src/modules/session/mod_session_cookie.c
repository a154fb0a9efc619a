/* mod_session_cookie - keeps a session in a cookie of the browser.
 * Runs: as a store of mod_session.   Yields: never.   Config: struct cookie_dir.   Spec: RFC 6265; Apache manual,
 * mod_session_cookie. */
#define PN_LOG_MODULE &pn_module_session_cookie
#include <pinion/log.h>
#include <pinion/session.h>

/* One SessionCookieName line. */
struct cookie {
    pn_str name;       /* p == NULL: not set */
    pn_str attributes; /* as written; empty: the defaults */
};

struct cookie_dir {
    struct cookie cookie, cookie2; /* SessionCookieName, SessionCookieName2 */
    bool          remove;          /* SessionCookieRemove */
    bool          send_max_age;    /* SessionCookieMaxAge */
};

/* COMPAT: 2.4 sends these where the directive names none. */
#define DEFAULT_ATTRIBUTES "HttpOnly;Secure;Version=1"

struct pn_module pn_module_session_cookie;

/* ---- directives ---- */

static const char *set_cookie(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct cookie_dir *dir = conf;
    struct cookie     *cookie = strcasecmp(cmd->row->name, "SessionCookieName2") == 0 ? &dir->cookie2 : &dir->cookie;
    pn_str             rest = argv[0], name = pn_conf_word(cmd->pool, &rest);

    if (!name.n || !pn_header_name_ok(name))
        return pn_conf_error_text(cmd, "%s takes a cookie's name and its attributes", cmd->row->name);
    if (!pn_header_value_ok(rest))
        return "the attributes of a cookie are printable text";
    cookie->name = name;
    cookie->attributes = pn_str_dup(cmd->pool, pn_str_trim(rest));
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "SessionCookieName", .args = PN_RAW, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .set = set_cookie,
      .help = "Name and attributes of the cookie that holds the session" },
    { .name = "SessionCookieName2", .args = PN_RAW, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG, .set = set_cookie,
      .help = "The same for a Set-Cookie2 field (RFC 2965)" },
    { .name = "SessionCookieRemove", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct cookie_dir, remove), .dflt = "Off", .help = "Whether applications do not see the cookie" },
    { .name = "SessionCookieMaxAge", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct cookie_dir, send_max_age), .dflt = "On",
      .help = "Whether the cookie lasts as SessionMaxAge says, and not only until the browser ends" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct cookie_dir *inner = add;
    struct cookie_dir       *merged = out;

    if (inner->cookie.name.p)
        merged->cookie = inner->cookie;
    if (inner->cookie2.name.p)
        merged->cookie2 = inner->cookie2;
}

/* COMPAT: 2.4 reads the second cookie where both are set. */
static pn_str place(struct pn_request *r)
{
    const struct cookie_dir *dir = pn_dir_conf(r, &pn_module_session_cookie);

    return dir->cookie2.name.p ? dir->cookie2.name : dir->cookie.name;
}

/* ---- reading ---- */

/* Looks for the cookie among all that were sent, and leaves the others in *rest. @return how often it was there. */
static unsigned find_cookie(pn_str field, pn_str name, struct pn_buf *rest, pn_str *ret_value)
{
    unsigned count = 0;

    while (field.n) {
        pn_str value, pair = pn_str_cut(field, ';', &field), key = pn_str_trim(pn_str_cut(pair, '=', &value));
        if (value.p && pn_str_eq(key, name)) {
            *ret_value = pn_str_trim(value);
            count++;
        }
        else if (pn_str_trim(pair).n) {
            if (rest->n)
                pn_buf_lit(rest, "; ");
            pn_buf_str(rest, pn_str_trim(pair));
        }
    }
    return count;
}

/* SessionCookieRemove. */
static void hide(struct pn_request *r, struct pn_buf *others)
{
    pn_str left;

    if (others->n && pn_buf_done(others, &left) == PN_OK)
        pn_headers_set(&r->in, PN_HDR_COOKIE, left);
    else
        pn_headers_unset(&r->in, PN_HDR_COOKIE);
}

static pn_rc load(struct pn_request *r, struct pn_session *session, pn_str *ret_text)
{
    const struct cookie_dir *dir = pn_dir_conf(r, &pn_module_session_cookie);
    pn_str                   field = pn_headers_joined(&r->in, r->pool, PN_HDR_COOKIE), value = PN_STR("");
    struct pn_buf            others;
    unsigned                 count;

    /* What one browser is shown with its session is nobody else's. */
    pn_headers_merge(&r->out, PN_HDR_CACHE_CONTROL, PN_STR("no-cache, private"));
    if (!field.n)
        return PN_NOT_FOUND;
    pn_buf_init(&others, r->pool, field.n * 2 + 1);
    count = find_cookie(field, session->place, &others, &value);
    if (count && dir->remove)
        hide(r, &others);
    if (count > 1) { /* whose is it? One of them may be planted by a neighbour host */
        PN_LOG_R(r, PN_LOG_ERR, 21101, 0, "the client sent the cookie '%s' more than once: the session is not loaded", session->place.p);
        return PN_FAILED;
    }
    if (!count)
        return PN_NOT_FOUND;
    *ret_text = pn_str_dup(r->pool, value);
    return PN_OK;
}

/* ---- writing ---- */

static void send_cookie(struct pn_request *answer, pn_str field, const struct cookie *cookie, int64_t age_s, pn_str text)
{
    pn_str attributes = cookie->attributes.n ? cookie->attributes : PN_STR(DEFAULT_ATTRIBUTES);
    pn_str age = PN_STR("");

    if (!text.n)
        age = PN_STR("Max-Age=0;");
    else if (age_s)
        age = pn_str_printf(answer->pool, "Max-Age=%lld;", (long long)age_s);
    pn_headers_add_name(&answer->err_out, field,
                        PN_CAT(answer->pool, cookie->name, PN_STR("="), text, PN_STR(";"), age, attributes));
}

static pn_rc save(struct pn_request *r, struct pn_request *answer, struct pn_session *session, pn_str text)
{
    const struct cookie_dir *dir = pn_dir_conf(r, &pn_module_session_cookie);
    int64_t                  age_s = dir->send_max_age ? session->max_age_s : 0;

    if (!pn_header_value_ok(text))
        return PN_FAILED;
    if (dir->cookie.name.p)
        send_cookie(answer, PN_STR("Set-Cookie"), &dir->cookie, age_s, text);
    if (dir->cookie2.name.p)
        send_cookie(answer, PN_STR("Set-Cookie2"), &dir->cookie2, age_s, text);
    return PN_OK;
}

static const struct pn_session_store store = { .place = place, .load = load, .save = save };

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_SESSION_STORE_GROUP, "cookie", &store);
}

struct pn_module pn_module_session_cookie = {
    .api = PN_MODULE_API,
    .name = "mod_session_cookie.c",
    .apache_id = "session_cookie_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct cookie_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
