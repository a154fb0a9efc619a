/* mod_auth_basic - a name and a password in each request.
 * Runs: check_authn, fixups.   Yields: as the providers do.   Config: struct basic_dir.   Spec: RFC 7617; Apache manual,
 * mod_auth_basic. */
#define PN_LOG_MODULE &pn_module_auth_basic
#include <apr_base64.h>
#include <apr_md5.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include <pinion/log.h>

#include "auth_providers.h"

enum hash_form { HASH_OFF, HASH_MD5 };

struct basic_dir {
    apr_array_header_t   *providers; /* of const struct pn_authn_provider *; NULL: file */
    bool                  authoritative;
    int                   use_digest; /* enum hash_form */
    const struct pn_expr *fake_user, *fake_password;
    bool                  fake_set;
};

struct pn_module pn_module_auth_basic;

/* ---- directives ---- */

static const char *set_provider(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct basic_dir *dir = conf;

    return auth_providers_add(cmd, &dir->providers, AUTH_NEEDS_PASSWORDS, argc, argv);
}

static const char *fake_expr(struct pn_conf_cmd *cmd, pn_str text, const struct pn_expr **ret)
{
    struct pn_expr_error wrong = { 0 };
    unsigned             flags = PN_EXPR_NO_VARY | (cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0);

    if (pn_expr_compile(cmd->pool, text, PN_EXPR_STRING, flags, ret, &wrong) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
}

static const char *set_fake(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct basic_dir *dir = conf;
    const char       *error;

    dir->fake_set = true;
    dir->fake_user = dir->fake_password = NULL;
    if (argc == 1 && pn_str_ieq(argv[0], PN_STR("off")))
        return NULL;
    if ((error = fake_expr(cmd, argv[0], &dir->fake_user)))
        return error;
    return fake_expr(cmd, argc > 1 ? argv[1] : PN_STR("password"), &dir->fake_password);
}

static const char *const hash_words[] = { "Off", "MD5", NULL };

static const struct pn_directive directives[] = {
    { .name = "AuthBasicProvider", .args = PN_LIST, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .set = set_provider,
      .help = "Who knows the passwords: file, dbm, anon ..., asked in this order" },
    { .name = "AuthBasicAuthoritative", .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct basic_dir, authoritative), .dflt = "On",
      .help = "Whether a name that no provider knows is refused here" },
    { .name = "AuthBasicFake", .args = PN_TAKE12, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .set = set_fake,
      .help = "Name and password that the request carries on from here, or Off" },
    { .name = "AuthBasicUseDigestAlgorithm", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT_AS(PN_SLOT_ENUM, struct basic_dir, use_digest), .choices = hash_words, .dflt = "Off",
      .help = "MD5: look passwords up in files made for digest authentication" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct basic_dir *inner = add;
    struct basic_dir       *merged = out;

    if (inner->providers)
        merged->providers = inner->providers;
    if (!inner->fake_set)
        return;
    merged->fake_set = true;
    merged->fake_user = inner->fake_user;
    merged->fake_password = inner->fake_password;
}

/* ---- what the client sent ---- */

static void challenge(struct pn_request *r)
{
    pn_str realm = pn_auth_name(r);
    pn_str text = PN_CAT(r->pool, PN_STR("Basic realm=\""), realm.p ? realm : PN_STR(""), PN_STR("\""));

    if (pn_header_value_ok(text))
        pn_headers_set(&r->err_out, PN_HDR_WWW_AUTHENTICATE, text);
}

static enum pn_verdict ask(struct pn_request *r)
{
    challenge(r);
    return pn_reject_quietly(r, 401);
}

static bool is_base64(pn_str text)
{
    size_t n = text.n;

    while (n && text.n - n < 2 && text.p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        char c = text.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return n % 4 != 1;
}

/* PN_NOT_FOUND: none were sent. PN_DECLINED: another scheme. PN_BAD: they break the grammar. */
static pn_rc read_credentials(struct pn_request *r, struct auth_password *ret)
{
    pn_str field = pn_headers_get(&r->in, PN_HDR_AUTHORIZATION), scheme = pn_str_word(&field);
    pn_str text = pn_str_trim(field), password;

    if (!scheme.n)
        return PN_NOT_FOUND;
    if (!pn_str_ieq(scheme, PN_STR("Basic")))
        return PN_DECLINED;
    if (!is_base64(text))
        return PN_BAD;
    text = pn_str_dup(r->pool, text);
    char  *plain = apr_palloc(r->pool, (size_t)apr_base64_decode_len(text.p) + 1);
    int    n = apr_base64_decode(plain, text.p);
    pn_str user = pn_str_cut(pn_str_n(plain, (size_t)n), ':', &password);
    if (memchr(plain, '\0', (size_t)n))
        return PN_BAD; /* RFC 7617 s2: no control characters; this one would hide what follows it */
    *ret = (struct auth_password){ pn_str_dup(r->pool, user), pn_str_dup(r->pool, password) };
    return PN_OK;
}

/* ---- asking the providers ---- */

/* AuthBasicUseDigestAlgorithm MD5: an auth_ask_fn. */
PN_MAY_YIELD static enum pn_authn check_as_digest(struct pn_request *r, const struct pn_authn_provider *provider, void *arg)
{
    const struct auth_password *sent = arg;
    unsigned char sum[APR_MD5_DIGESTSIZE];
    char          hex[2 * APR_MD5_DIGESTSIZE + 1];
    pn_str        stored, realm = pn_auth_name(r);
    pn_str        text = PN_CAT(r->pool, sent->user, PN_STR(":"), realm, PN_STR(":"), sent->password);

    if (!provider->realm_hash) {
        PN_LOG_R(r, PN_LOG_ERR, 2493, 0, "a provider cannot look up what AuthBasicUseDigestAlgorithm asks for");
        return PN_AUTHN_ERROR;
    }
    enum pn_authn result = provider->realm_hash(provider, r, sent->user, realm, &stored);
    if (result != PN_AUTHN_USER_FOUND)
        return result;
    apr_md5(sum, text.p, text.n);
    for (unsigned i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return stored.n == sizeof(hex) - 1 && CRYPTO_memcmp(stored.p, hex, stored.n) == 0 ? PN_AUTHN_GRANTED : PN_AUTHN_DENIED;
}

PN_MAY_YIELD static enum pn_authn ask_providers(struct pn_request *r, const struct basic_dir *dir,
                                                struct auth_password *sent)
{
    bool          asked;
    enum pn_authn result = auth_providers_ask(r, dir->providers, dir->use_digest == HASH_MD5 ? check_as_digest : auth_ask_password,
                                              sent, &asked);

    if (!asked)
        PN_LOG_R(r, PN_LOG_ERR, 1616, 0, "No Authn provider configured");
    return result;
}

/* ---- hooks ---- */

PN_MAY_YIELD static enum pn_verdict judge(struct pn_request *r, struct auth_password *sent)
{
    const struct basic_dir *dir = pn_dir_conf(r, &pn_module_auth_basic);
    enum pn_authn           result = ask_providers(r, dir, sent);

    if (result == PN_AUTHN_GRANTED)
        return PN_HANDLED;
    if (!dir->authoritative && result != PN_AUTHN_DENIED)
        return PN_NEXT;
    pn_str user = pn_str_escape(r->pool, sent->user), path = pn_str_escape(r->pool, r->path);
    switch (result) {
    case PN_AUTHN_DENIED:
        PN_LOG_R(r, PN_LOG_ERR, 1617, 0, "user %s: authentication failure for \"%s\": Password Mismatch", user.p, path.p);
        return ask(r);
    case PN_AUTHN_USER_NOT_FOUND:
        PN_LOG_R(r, PN_LOG_ERR, 1618, 0, "user %s not found: %s", user.p, path.p);
        return ask(r);
    default: return pn_reject_quietly(r, 500);
    }
}

PN_MAY_YIELD static enum pn_verdict check_authn(struct pn_request *r)
{
    struct auth_password sent;

    if (!pn_str_ieq(pn_auth_type(r), PN_STR("Basic")))
        return PN_NEXT;
    if (!pn_auth_name(r).p)
        return pn_reject(r, 500, PN_LOG_MODULE, 1615, "need AuthName: %s", pn_str_escape(r->pool, r->path).p);
    switch (read_credentials(r, &sent)) {
    case PN_OK: break;
    case PN_NOT_FOUND: return ask(r);
    case PN_DECLINED:
        PN_LOG_R(r, PN_LOG_ERR, 1614, 0, "client used wrong authentication scheme: %s", pn_str_escape(r->pool, r->path).p);
        return ask(r);
    default:
        PN_LOG_R(r, PN_LOG_ERR, 20300, 0, "malformed Basic credentials for %s", pn_str_escape(r->pool, r->path).p);
        return ask(r);
    }
    r->user = sent.user;
    r->auth_type = PN_STR("Basic");
    return judge(r, &sent);
}

/* AuthBasicFake: credentials for what is asked behind this server. */
PN_MAY_YIELD static enum pn_verdict fake(struct pn_request *r)
{
    const struct basic_dir *dir = pn_dir_conf(r, &pn_module_auth_basic);
    pn_str                  user, password;

    if (pn_expr_text_of(r, dir->fake_user, &user) != PN_OK || pn_expr_text_of(r, dir->fake_password, &password) != PN_OK) {
        PN_LOG_R(r, PN_LOG_ERR, 2455, 0, "the expressions of AuthBasicFake cannot be evaluated");
        return pn_reject_quietly(r, 500);
    }
    if (!user.n || !password.n) {
        PN_LOG_R(r, PN_LOG_INFO, 2458, 0, "AuthBasicFake gives no name or no password for %s", r->path.p);
        return PN_NEXT;
    }
    pn_str plain = PN_CAT(r->pool, user, PN_STR(":"), password);
    char  *text = apr_palloc(r->pool, (size_t)apr_base64_encode_len((int)plain.n) + 1);
    apr_base64_encode(text, plain.p, (int)plain.n);
    pn_headers_set(&r->in, PN_HDR_AUTHORIZATION, PN_CAT(r->pool, PN_STR("Basic "), pn_str_z(text)));
    return PN_NEXT;
}

static bool fakes(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct basic_dir *dir = dir_conf;

    return dir && dir->fake_user;
}

static const struct pn_auth_scheme scheme = { .challenge = challenge };

static void hooks(struct pn_hooks *h)
{
    pn_hook_check_authn(h, check_authn, { 0 });
    pn_hook_fixup(h, fake, { .pos = PN_ORDER_LAST, .when = fakes });
    pn_provide(h, PN_AUTH_SCHEME_GROUP, "basic", &scheme);
}

struct pn_module pn_module_auth_basic = {
    .api = PN_MODULE_API,
    .name = "mod_auth_basic.c",
    .apache_id = "auth_basic_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct basic_dir),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
