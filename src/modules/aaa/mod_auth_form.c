/* mod_auth_form - a name and a password sent once, by a form, and kept in a session.
 * Runs: check_authn, handlers form-login-handler and form-logout-handler.   Yields: as providers and sessions do.
 * Config: struct form_dir.   Spec: Apache manual, mod_auth_form.
 *
 * The session holds name and password under names that begin with AuthName; each request has them checked again, unless
 * the session also holds the digest of the site's passphrase (AuthFormSitePassphrase). */
#define PN_LOG_MODULE &pn_module_auth_form
#include <apr_base64.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <pinion/form.h>
#include <pinion/log.h>
#include <pinion/session.h>

#include "auth_providers.h"

struct form_dir {
    apr_array_header_t   *providers; /* of const struct pn_authn_provider *; NULL: file */
    bool                  authoritative, fake_basic, may_store;
    pn_str                user_field, password_field, location_field, method_field, type_field, body_field;
    int64_t               max_bytes;
    pn_str                site; /* AuthFormSitePassphrase, p == NULL: none */
    const struct pn_expr *required, *success, *logout; /* locations, NULL: not set */
};

/* What a form held. Members that were not sent have p == NULL. */
struct sent {
    struct auth_password who;
    pn_str               location, method, type, body;
};

struct pn_module pn_module_auth_form;

/* ---- directives ---- */

static const char *set_provider(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct form_dir *dir = conf;

    return auth_providers_add(cmd, &dir->providers, AUTH_NEEDS_PASSWORDS, argc, argv);
}

static const char *set_location(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct form_dir       *dir = conf;
    const struct pn_expr **expr = pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("AuthFormLogoutLocation"))          ? &dir->logout
                                  : pn_str_ieq(pn_str_z(cmd->row->name), PN_STR("AuthFormLoginSuccessLocation")) ? &dir->success
                                                                                                                 : &dir->required;
    struct pn_expr_error   wrong = { 0 };
    unsigned               flags = PN_EXPR_NO_VARY | (cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0);

    if (pn_expr_compile(cmd->pool, argv[0], PN_EXPR_STRING, flags, expr, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    return NULL;
}

#define PLACE(directive, arity) .name = directive, .args = arity, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG
#define FIELD(directive, member, name, text) \
    { PLACE(directive, PN_TAKE1), .slot = PN_SLOT(struct form_dir, member), .dflt = name, .help = "Form field with " text }

static const struct pn_directive directives[] = {
    { PLACE("AuthFormProvider", PN_LIST), .set = set_provider, .help = "Who knows the passwords: file, dbm ..., asked in this order" },
    { PLACE("AuthFormAuthoritative", PN_FLAG), .slot = PN_SLOT(struct form_dir, authoritative), .dflt = "On",
      .help = "Whether a name that no provider knows is refused here" },
    FIELD("AuthFormUsername", user_field, "httpd_username", "the name"),
    FIELD("AuthFormPassword", password_field, "httpd_password", "the password"),
    FIELD("AuthFormLocation", location_field, "httpd_location", "the URL to go to after the login"),
    FIELD("AuthFormMethod", method_field, "httpd_method", "the method of the request to make after the login"),
    FIELD("AuthFormMimetype", type_field, "httpd_mimetype", "the content type of that request"),
    FIELD("AuthFormBody", body_field, "httpd_body", "the body of that request"),
    { PLACE("AuthFormSize", PN_TAKE1), .slot = PN_SLOT(struct form_dir, max_bytes), .dflt = "8192", .min = 0, .max = 1 << 24,
      .unit = "bytes", .help = "The largest form that is read for a login" },
    { PLACE("AuthFormLoginRequiredLocation", PN_TAKE1), .set = set_location,
      .help = "Where a browser is sent that has to log in; an expression" },
    { PLACE("AuthFormLoginSuccessLocation", PN_TAKE1), .set = set_location, .help = "Where it is sent after a login; an expression" },
    { PLACE("AuthFormLogoutLocation", PN_TAKE1), .set = set_location, .help = "Where it is sent after a logout; an expression" },
    { PLACE("AuthFormSitePassphrase", PN_TAKE1), .slot = PN_SLOT(struct form_dir, site),
      .help = "Secret whose digest in a session makes further checks of the password unnecessary" },
    { PLACE("AuthFormFakeBasicAuth", PN_FLAG), .slot = PN_SLOT(struct form_dir, fake_basic), .dflt = "Off",
      .help = "Whether applications see the login as Basic credentials" },
    { PLACE("AuthFormDisableNoStore", PN_FLAG), .slot = PN_SLOT(struct form_dir, may_store), .dflt = "Off",
      .help = "Whether browsers may keep the answer that asks for a login" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct form_dir *inner = add;
    struct form_dir       *merged = out;

    if (inner->providers)
        merged->providers = inner->providers;
    if (inner->required)
        merged->required = inner->required;
    if (inner->success)
        merged->success = inner->success;
    if (inner->logout)
        merged->logout = inner->logout;
}

/* ---- the session ---- */

static const char *entry_name(struct pn_request *r, const char *suffix)
{
    return PN_CAT(r->pool, pn_auth_name(r), pn_str_z(suffix)).p;
}

/* COMPAT: 2.4 keeps these names, which applications know. */
static const char *const user_suffix = "-user", *const password_suffix = "-pw", *const site_suffix = "-site";

/* The digest of the passphrase, for this user: a session that was copied to another name opens nothing. */
static pn_str site_digest(struct pn_request *r, pn_str user, pn_str passphrase)
{
    pn_str   text = PN_CAT(r->pool, user, PN_STR("\n"), passphrase);
    uint8_t  sum[EVP_MAX_MD_SIZE];
    char    *made = apr_palloc(r->pool, 2 * EVP_MAX_MD_SIZE);
    unsigned n = 0;

    pn_assert(EVP_Digest(text.p, text.n, sum, &n, EVP_sha256(), NULL) == 1);
    apr_base64_encode_binary(made, sum, (int)n);
    return pn_str_z(made);
}

PN_MAY_YIELD static void remember(struct pn_request *r, const struct auth_password *who, pn_str site)
{
    struct pn_session *session = pn_session_get(r);

    if (!session) {
        PN_LOG_R(r, PN_LOG_ERR, 21102, 0, "a login cannot be kept: there is no session for %s (Session, SessionCookieName)",
                 pn_str_escape(r->pool, r->path).p);
        return;
    }
    session->dirty |= !who; /* a browser that logs out is told to forget, whatever it has */
    pn_session_set(session, entry_name(r, user_suffix), who ? who->user : (pn_str){ NULL, 0 });
    pn_session_set(session, entry_name(r, password_suffix), who ? who->password : (pn_str){ NULL, 0 });
    pn_session_set(session, entry_name(r, site_suffix), who && site.p ? site_digest(r, who->user, site) : (pn_str){ NULL, 0 });
}

/* @param ret_site digest of the site's passphrase, p == NULL: none. */
PN_MAY_YIELD static bool recall(struct pn_request *r, struct auth_password *ret_who, pn_str *ret_site)
{
    const struct pn_session *session = pn_session_get(r);

    if (!session)
        return false;
    *ret_who = (struct auth_password){ pn_session_value(session, entry_name(r, user_suffix)),
                                       pn_session_value(session, entry_name(r, password_suffix)) };
    *ret_site = pn_session_value(session, entry_name(r, site_suffix));
    return ret_who->user.n && ret_who->password.n;
}

static bool site_is_open(struct pn_request *r, const struct form_dir *dir, pn_str user, pn_str site)
{
    pn_str right;

    if (!dir->site.p || !site.p)
        return false;
    right = site_digest(r, user, dir->site);
    return right.n == site.n && CRYPTO_memcmp(right.p, site.p, site.n) == 0;
}

/* ---- the form ---- */

static bool is_form(const struct pn_request *r)
{
    pn_str rest, type = pn_headers_get(&r->in, PN_HDR_CONTENT_TYPE);

    return pn_str_ieq(pn_str_trim(pn_str_cut(type, ';', &rest)), PN_STR("application/x-www-form-urlencoded"));
}

/* @return 0, 401 when it does not hold a login, or why it could not be read. */
PN_MAY_YIELD static int read_form(struct pn_request *r, const struct form_dir *dir, struct sent *ret)
{
    apr_table_t *fields;
    pn_str       text;
    pn_rc        rc;

    if (!is_form(r))
        return 401;
    rc = pn_body_read_all(pn_request_body(r), r->pool, (size_t)dir->max_bytes, &text);
    if (rc == PN_LIMIT) {
        PN_LOG_R(r, PN_LOG_ERR, 21103, 0, "the form is larger than AuthFormSize (%lld bytes)", (long long)dir->max_bytes);
        return 413;
    }
    if (rc != PN_OK)
        return pn_request_body_status(r);
    if (pn_form_decode(r->pool, text, &fields) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 21104, 0, "what was sent for a login is no form");
        return 400;
    }
    *ret = (struct sent){ .who = { pn_str_z(apr_table_get(fields, dir->user_field.p)),
                                   pn_str_z(apr_table_get(fields, dir->password_field.p)) },
                          .location = pn_str_z(apr_table_get(fields, dir->location_field.p)),
                          .method = pn_str_z(apr_table_get(fields, dir->method_field.p)),
                          .type = pn_str_z(apr_table_get(fields, dir->type_field.p)),
                          .body = pn_str_z(apr_table_get(fields, dir->body_field.p)) };
    if (ret->who.user.n && ret->who.password.n)
        return 0;
    PN_LOG_R(r, PN_LOG_DEBUG, 2982, 0, "form parsed, but username or password field was missing or empty, unauthorized");
    return 401;
}

/* ---- checking ---- */

static void fake_basic(struct pn_request *r, const struct form_dir *dir, const struct auth_password *who)
{
    pn_str plain;
    char  *text;

    if (!dir->fake_basic)
        return;
    plain = PN_CAT(r->pool, who->user, PN_STR(":"), who->password);
    text = apr_palloc(r->pool, (size_t)apr_base64_encode_len((int)plain.n) + 1);
    apr_base64_encode(text, plain.p, (int)plain.n);
    pn_headers_set(&r->in, PN_HDR_AUTHORIZATION, PN_CAT(r->pool, PN_STR("Basic "), pn_str_z(text)));
}

/* 0: right. 401: wrong. 500: it cannot be told. -1: unknown, and another module may know (AuthFormAuthoritative Off). */
PN_MAY_YIELD static int check_password(struct pn_request *r, const struct form_dir *dir, struct auth_password *who)
{
    bool          asked;
    enum pn_authn result = auth_providers_ask(r, dir->providers, auth_ask_password, who, &asked);
    pn_str        user = pn_str_escape(r->pool, who->user), path = pn_str_escape(r->pool, r->path);

    if (!asked)
        PN_LOG_R(r, PN_LOG_ERR, 1806, 0, "no authn provider configured");
    if (result == PN_AUTHN_GRANTED)
        return 0;
    if (!dir->authoritative && result != PN_AUTHN_DENIED)
        return -1;
    if (result == PN_AUTHN_DENIED)
        PN_LOG_R(r, PN_LOG_ERR, 1807, 0, "user '%s': authentication failure for \"%s\": password Mismatch", user.p, path.p);
    else if (result == PN_AUTHN_USER_NOT_FOUND)
        PN_LOG_R(r, PN_LOG_ERR, 1808, 0, "user '%s' not found: %s", user.p, path.p);
    else
        return 500;
    return 401;
}

static void accept_user(struct pn_request *r, const struct form_dir *dir, const struct auth_password *who)
{
    r->user = who->user;
    r->auth_type = PN_STR("form"); /* COMPAT: as AuthType is written in 2.4's manual */
    fake_basic(r, dir, who);
}

/* By what the session holds: as check_password; 401 when it holds nothing. */
PN_MAY_YIELD static int check_session(struct pn_request *r, const struct form_dir *dir)
{
    struct auth_password who;
    pn_str               site;
    int                  status;

    if (!recall(r, &who, &site))
        return 401;
    who = (struct auth_password){ pn_str_dup(r->pool, who.user), pn_str_dup(r->pool, who.password) };
    status = site_is_open(r, dir, who.user, site) ? 0 : check_password(r, dir, &who);
    if (status == 0)
        accept_user(r, dir, &who);
    return status;
}

/* ---- answers ---- */

/* A Location that an expression or a form gave. Forms come from clients: what breaks a field is refused. */
static enum pn_verdict send_to(struct pn_request *r, int status, pn_str location)
{
    if (!pn_header_value_ok(location) || !location.n)
        return pn_reject(r, 400, PN_LOG_MODULE, 21105, "the URL to go to after a login or logout is none");
    return pn_redirect_external(r, status, pn_str_dup(r->pool, location));
}

PN_MAY_YIELD static enum pn_verdict send_to_expr(struct pn_request *r, int status, const struct pn_expr *expr)
{
    pn_str location;

    if (pn_expr_text_of(r, expr, &location) != PN_OK)
        return pn_reject(r, 500, PN_LOG_MODULE, 2339, "Can't evaluate the expression of a login or logout location: %.*s",
                         PN_FMT(pn_expr_text(expr)));
    return send_to(r, status, location);
}

PN_MAY_YIELD static enum pn_verdict refuse(struct pn_request *r, const struct form_dir *dir, int status)
{
    if (status == 401 && dir->required)
        return send_to_expr(r, 302, dir->required);
    if (status == 401 && !dir->may_store && !pn_str_starts(r->handler, PN_STR("form-")))
        pn_headers_merge(&r->err_out, PN_HDR_CACHE_CONTROL, PN_STR("no-store"));
    return pn_reject_quietly(r, status);
}

/* ---- logging in where one is ---- */

/* The login is right: the request becomes the one that it interrupted. */
PN_MAY_YIELD static enum pn_verdict go_on(struct pn_request *r, const struct form_dir *dir, const struct sent *sent)
{
    accept_user(r, dir, &sent->who);
    remember(r, &sent->who, dir->site);
    if (sent->location.n)
        return send_to(r, 302, sent->location);
    if (dir->success)
        return send_to_expr(r, 302, dir->success);
    if (!sent->method.n || !sent->type.n || !sent->body.p) {
        pn_request_become(r, PN_STR("GET"), PN_STR(""), PN_STR(""));
        return PN_HANDLED;
    }
    if (!pn_header_name_ok(sent->method) || !pn_header_value_ok(sent->type))
        return pn_reject(r, 400, PN_LOG_MODULE, 21106, "the form names no method or content type that could be");
    PN_LOG_R(r, PN_LOG_DEBUG, 1812, 0, "internal redirect to method '%s' and body mimetype '%s' for the uri: %s",
             sent->method.p, pn_str_escape(r->pool, sent->type).p, pn_str_escape(r->pool, r->path).p);
    pn_request_become(r, sent->method, sent->type, sent->body);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict log_in_here(struct pn_request *r, const struct form_dir *dir)
{
    struct sent sent;
    int         status = read_form(r, dir, &sent);

    if (status == 0)
        status = check_password(r, dir, &sent.who);
    if (status == -1)
        return PN_NEXT;
    return status ? refuse(r, dir, status) : go_on(r, dir, &sent);
}

PN_MAY_YIELD static enum pn_verdict check_authn(struct pn_request *r)
{
    const struct form_dir *dir = pn_dir_conf(r, &pn_module_auth_form);
    int                    status;

    if (!pn_str_ieq(pn_auth_type(r), PN_STR("form")))
        return PN_NEXT;
    if (!pn_auth_name(r).p)
        return pn_reject(r, 500, PN_LOG_MODULE, 1810, "need AuthName: %s", pn_str_escape(r->pool, r->path).p);
    status = check_session(r, dir);
    if (status == 0)
        return PN_HANDLED;
    if (status == -1)
        return PN_NEXT;
    if (status == 401 && pn_method_is(r, PN_METHOD_POST) && !r->main && !r->prev)
        return log_in_here(r, dir);
    return refuse(r, dir, status);
}

/* ---- the handlers ---- */

PN_MAY_YIELD static enum pn_verdict log_in(struct pn_request *r)
{
    const struct form_dir *dir = pn_dir_conf(r, &pn_module_auth_form);
    struct sent            sent;
    int                    status;

    if (!pn_method_is(r, PN_METHOD_POST)) {
        pn_headers_set(&r->err_out, PN_HDR_ALLOW, PN_STR("POST")); /* RFC 9110 s15.5.6 */
        PN_LOG_R(r, PN_LOG_ERR, 1811, 0, "the form-login-handler only supports the POST method for %s", pn_str_escape(r->pool, r->path).p);
        return pn_reject_quietly(r, 405);
    }
    if (!pn_auth_name(r).p)
        return pn_reject(r, 500, PN_LOG_MODULE, 1810, "need AuthName: %s", pn_str_escape(r->pool, r->path).p);
    status = read_form(r, dir, &sent);
    if (status == 0)
        status = check_password(r, dir, &sent.who);
    if (status)
        return refuse(r, dir, status == -1 ? 401 : status);
    remember(r, &sent.who, dir->site);
    if (sent.location.n)
        return send_to(r, 302, sent.location);
    if (dir->success)
        return send_to_expr(r, 302, dir->success);
    r->body = pn_body_empty(r);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict log_out(struct pn_request *r)
{
    const struct form_dir *dir = pn_dir_conf(r, &pn_module_auth_form);

    if (!pn_auth_name(r).p)
        return pn_reject(r, 500, PN_LOG_MODULE, 1810, "need AuthName: %s", pn_str_escape(r->pool, r->path).p);
    remember(r, NULL, (pn_str){ NULL, 0 });
    pn_headers_set(&r->err_out, PN_HDR_CACHE_CONTROL, PN_STR("no-store"));
    if (dir->logout)
        return send_to_expr(r, 307, dir->logout);
    r->body = pn_body_empty(r);
    return PN_HANDLED;
}

PN_MAY_YIELD static enum pn_verdict handle(struct pn_request *r)
{
    if (!pn_str_starts(r->handler, PN_STR("form-lo")))
        return PN_NEXT;
    if (pn_str_eq(r->handler, PN_STR("form-login-handler")))
        return log_in(r);
    return pn_str_eq(r->handler, PN_STR("form-logout-handler")) ? log_out(r) : PN_NEXT;
}

/* ---- module ---- */

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    if (pn_provider(generation, "session", PN_STR("core")))
        return PN_OK;
    pn_generation_error(generation, "You must load mod_session to enable the mod_auth_form functions");
    return PN_BAD;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ 0 });
    pn_hook_check_authn(h, check_authn, { 0 });
    pn_hook_handler(h, handle, { 0 });
}

struct pn_module pn_module_auth_form = {
    .api = PN_MODULE_API,
    .name = "mod_auth_form.c",
    .apache_id = "auth_form_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct form_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
