/* mod_authn_core - AuthType, AuthName, aliases of providers, and the check of stored hashes that providers share.
 * Runs: check_authn, last.   Yields: while a hash is computed.   Config: struct authn_dir, struct authn_server.
 * Spec: Apache manual, mod_authn_core.
 *
 * A hash costs what its author wanted it to cost, once: that a password fits a stored hash is remembered for a short time.
 * What is kept is a digest, under a key that this process made up, of password and stored hash together, so a changed
 * password file needs no forgetting, and memory that leaks gives nothing away. */
#define PN_LOG_MODULE &pn_module_authn_core
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include <pinion/authn.h>
#include <pinion/log.h>

#include "authn_hash.h"

/* What AuthType or AuthName says. */
struct text {
    pn_str                literal;
    const struct pn_expr *expr; /* NULL: literal */
};

struct authn_dir {
    struct text type, name;
};

/* A set of 4 digests a bucket: 2,048 passwords in 80 KB. */
#define KNOWN_BUCKETS 512
#define KNOWN_WAYS 4
#define KNOWN_SECONDS 120
#define DIGEST_BYTES 32

struct known {
    uint8_t digest[DIGEST_BYTES];
    pn_usec until; /* 0: free */
};

/* What was right a short time ago. Made once a generation, written under the lock. */
struct memory {
    pthread_mutex_t lock;
    uint8_t         key[DIGEST_BYTES];
    EVP_MD         *md;
    EVP_MD_CTX     *ctx;
    struct known    known[KNOWN_BUCKETS][KNOWN_WAYS];
};

struct authn_server {
    apr_hash_t    *aliases; /* name to struct alias *; kept in the main server's */
    struct memory *memory;  /* the main server's */
};

/* <AuthnProviderAlias base name> */
struct alias {
    struct pn_authn_provider        super;
    const struct pn_authn_provider *base;
    const struct pn_conf_vec       *vec;
};

struct pn_module pn_module_authn_core;

/* ---- AuthType, AuthName ---- */

static const char *set_text(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authn_dir    *dir = conf;
    struct text         *text = strcasecmp(cmd->row->name, "AuthType") == 0 ? &dir->type : &dir->name;
    struct pn_expr_error wrong = { 0 };
    unsigned             flags = PN_EXPR_NO_VARY | (cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0);

    *text = (struct text){ .literal = argv[0] };
    if (pn_str_find(argv[0], PN_STR("%{")) == SIZE_MAX)
        return NULL;
    if (pn_expr_compile(cmd->pool, argv[0], PN_EXPR_STRING, flags, &text->expr, &wrong) != PN_OK)
        return pn_conf_error_text(cmd, "the expression does not parse: %s", wrong.text);
    return NULL;
}

PN_MAY_YIELD static pn_str text_of(struct pn_request *r, const struct text *text, unsigned id, const char *directive)
{
    pn_str made;

    if (!text->expr)
        return text->literal;
    if (pn_expr_text_of(r, text->expr, &made) == PN_OK)
        return made;
    PN_LOG_R(r, PN_LOG_ERR, id, 0, "the expression of %s cannot be evaluated", directive);
    return (pn_str){ NULL, 0 };
}

PN_MAY_YIELD static pn_str type_of(struct pn_request *r)
{
    const struct authn_dir *dir = pn_dir_conf(r, &pn_module_authn_core);
    pn_str                  type = text_of(r, &dir->type, 2834, "AuthType");

    return pn_str_ieq(type, PN_STR("None")) ? (pn_str){ NULL, 0 } : type;
}

/* For a quoted string: a quote that has no backslash before it gets one. */
static pn_str escape_quotes(apr_pool_t *pool, pn_str text)
{
    struct pn_buf out;
    pn_str        done = text;

    if (pn_str_chr(text, '"', 0) == SIZE_MAX)
        return text;
    pn_buf_init(&out, pool, text.n * 2 + 1);
    for (size_t i = 0; i < text.n; i++) {
        bool escaped = text.p[i] == '\\' && i + 1 < text.n;
        if (text.p[i] == '"')
            pn_buf_ch(&out, '\\');
        pn_buf_ch(&out, text.p[i]);
        if (escaped)
            pn_buf_ch(&out, text.p[++i]);
    }
    pn_assert(pn_buf_done(&out, &done) == PN_OK);
    return done;
}

PN_MAY_YIELD static pn_str name_of(struct pn_request *r)
{
    const struct authn_dir *dir = pn_dir_conf(r, &pn_module_authn_core);
    pn_str                  name = text_of(r, &dir->name, 2835, "AuthName");

    return name.p ? escape_quotes(r->pool, name) : name;
}

/* ---- <AuthnProviderAlias base name> ---- */

PN_MAY_YIELD static enum pn_authn alias_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                                 pn_str password)
{
    const struct alias       *alias = (const struct alias *)self;
    const struct pn_conf_vec *place = r->dir_conf;
    enum pn_authn             result;

    r->dir_conf = pn_conf_merge(r->server, place, alias->vec, r->pool);
    result = alias->base->check_password(alias->base, r, user, password);
    r->dir_conf = place;
    return result;
}

PN_MAY_YIELD static enum pn_authn alias_hash(const struct pn_authn_provider *self, struct pn_request *r, pn_str user,
                                             pn_str realm, pn_str *ret_hash)
{
    const struct alias       *alias = (const struct alias *)self;
    const struct pn_conf_vec *place = r->dir_conf;
    enum pn_authn             result;

    r->dir_conf = pn_conf_merge(r->server, place, alias->vec, r->pool);
    result = alias->base->realm_hash(alias->base, r, user, realm, ret_hash);
    r->dir_conf = place;
    return result;
}

static const struct pn_authn_provider *find_alias(const struct pn_generation *generation, pn_str name)
{
    const struct authn_server *server = pn_server_conf(generation->servers, &pn_module_authn_core);

    return server->aliases ? apr_hash_get(server->aliases, name.p, (apr_ssize_t)name.n) : NULL;
}

static const char *set_alias(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct authn_server *server = PN_SERVER_CONF(cmd->generation->servers, &pn_module_authn_core);
    struct alias        *alias = apr_pcalloc(cmd->pool, sizeof(*alias));
    struct pn_conf_vec  *vec = pn_conf_vec_new(cmd->generation, cmd->pool);
    pn_str               rest = argv[0], base = pn_conf_word(cmd->pool, &rest), name = pn_conf_word(cmd->pool, &rest);

    if (!name.n || pn_str_trim(rest).n)
        return "<AuthnProviderAlias> takes a provider's name and the new name";
    if (pn_authn_find(cmd->generation, name))
        return pn_conf_error_text(cmd, "'%s' is the name of a provider already", name.p);
    alias->base = pn_provider(cmd->generation, PN_AUTHN_GROUP, base);
    if (!alias->base)
        return pn_conf_error_text(cmd, "Unknown Authn provider: %s", base.p);
    if (alias->base->check_password)
        alias->super.check_password = alias_password;
    if (alias->base->realm_hash)
        alias->super.realm_hash = alias_hash;
    alias->vec = vec;
    if (!server->aliases)
        server->aliases = apr_hash_make(cmd->pool);
    apr_hash_set(server->aliases, name.p, (apr_ssize_t)name.n, &alias->super);
    return pn_conf_apply_children(cmd, vec, PN_CTX_DIRECTORY, cmd->path, false);
}

static const struct pn_directive directives[] = {
    { .name = "AuthType", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .set = set_text,
      .help = "How users say who they are: Basic, Digest, Form or None" },
    { .name = "AuthName", .args = PN_TAKE1, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG, .set = set_text,
      .help = "Name of the protected realm" },
    { .name = "AuthnProviderAlias", .args = PN_SECTION, .where = PN_CTX_SERVER, .scope = PN_SCOPE_SERVER, .set = set_alias,
      .help = "Another name for a provider with settings of its own" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct authn_dir *inner = add;
    struct authn_dir       *merged = out;

    if (inner->type.literal.p)
        merged->type = inner->type;
    if (inner->name.literal.p)
        merged->name = inner->name;
}

/* ---- stored hashes ---- */

/* One computation, off the loop. */
struct hashing {
    const char *password, *stored;
    bool        fits;
};

static void hash(void *arg)
{
    struct hashing *hashing = arg;

    hashing->fits = authn_hash_fits(hashing->password, hashing->stored);
}

/* ---- what was right before ---- */

static void digest(struct memory *memory, pn_str password, pn_str stored, uint8_t ret[DIGEST_BYTES])
{
    uint64_t n = password.n;

    EVP_DigestInit_ex(memory->ctx, memory->md, NULL);
    EVP_DigestUpdate(memory->ctx, memory->key, sizeof(memory->key));
    EVP_DigestUpdate(memory->ctx, &n, sizeof(n));
    EVP_DigestUpdate(memory->ctx, password.p, password.n);
    EVP_DigestUpdate(memory->ctx, stored.p, stored.n);
    EVP_DigestFinal_ex(memory->ctx, ret, NULL);
}

static struct known *bucket_of(struct memory *memory, const uint8_t digest[DIGEST_BYTES])
{
    return memory->known[(digest[0] | digest[1] << 8) % KNOWN_BUCKETS];
}

static bool is_known(struct memory *memory, const uint8_t digest[DIGEST_BYTES], pn_usec now)
{
    const struct known *bucket = bucket_of(memory, digest);

    for (unsigned i = 0; i < KNOWN_WAYS; i++)
        if (bucket[i].until > now && CRYPTO_memcmp(bucket[i].digest, digest, DIGEST_BYTES) == 0)
            return true;
    return false;
}

static void remember(struct memory *memory, const uint8_t digest[DIGEST_BYTES], pn_usec now)
{
    struct known *bucket = bucket_of(memory, digest), *oldest = bucket;

    for (unsigned i = 1; i < KNOWN_WAYS; i++)
        if (bucket[i].until < oldest->until)
            oldest = &bucket[i];
    memcpy(oldest->digest, digest, DIGEST_BYTES);
    oldest->until = now + KNOWN_SECONDS * PN_USEC_PER_SEC;
}

PN_MAY_YIELD static enum pn_authn check_hash(struct pn_request *r, pn_str password, pn_str stored)
{
    const struct authn_server *server = pn_server_conf(r->server->generation->servers, &pn_module_authn_core);
    struct memory             *memory = server->memory;
    struct hashing             hashing = { .password = password.p, .stored = stored.p };
    uint8_t                    sum[DIGEST_BYTES];
    bool                       known;

    if (password.n != strlen(password.p) || stored.n != strlen(stored.p))
        return PN_AUTHN_DENIED; /* a NUL would hide what follows */
    pthread_mutex_lock(&memory->lock);
    digest(memory, password, stored, sum);
    known = is_known(memory, sum, r->begun);
    pthread_mutex_unlock(&memory->lock);
    if (known)
        return PN_AUTHN_GRANTED;
    if (pn_run_blocking(r, hash, &hashing) != PN_OK || !hashing.fits)
        return PN_AUTHN_DENIED;
    pthread_mutex_lock(&memory->lock);
    remember(memory, sum, r->begun);
    pthread_mutex_unlock(&memory->lock);
    return PN_AUTHN_GRANTED;
}

static apr_status_t forget(void *arg)
{
    struct memory *memory = arg;

    EVP_MD_CTX_free(memory->ctx);
    EVP_MD_free(memory->md);
    pthread_mutex_destroy(&memory->lock);
    OPENSSL_cleanse(memory, sizeof(*memory));
    return APR_SUCCESS;
}

static void server_init(apr_pool_t *pool, struct pn_server *server, void *conf)
{
    struct authn_server *authn = conf;
    struct memory       *memory;

    if (!server->is_main)
        return;
    memory = apr_pcalloc(pool, sizeof(*memory));
    pthread_mutex_init(&memory->lock, NULL);
    memory->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    memory->ctx = EVP_MD_CTX_new();
    pn_assert(memory->md && memory->ctx && RAND_bytes(memory->key, sizeof(memory->key)) == 1);
    apr_pool_cleanup_register(pool, memory, forget, apr_pool_cleanup_null);
    authn->memory = memory;
}

/* ---- module ---- */

/* Nobody has taken on the AuthType of this place. */
PN_MAY_YIELD static enum pn_verdict nobody(struct pn_request *r)
{
    pn_str type = type_of(r);

    if (!type.p)
        return PN_NEXT;
    return pn_reject(r, 500, PN_LOG_MODULE, 1796, "AuthType %s configured without corresponding module", type.p);
}

static const struct pn_auth_core core = {
    .type = type_of, .name = name_of, .alias = find_alias, .check_hash = check_hash,
};

static void hooks(struct pn_hooks *h)
{
    pn_hook_check_authn(h, nobody, { .pos = PN_ORDER_LAST });
    pn_provide(h, "auth", "core", &core);
}

struct pn_module pn_module_authn_core = {
    .api = PN_MODULE_API,
    .name = "mod_authn_core.c",
    .apache_id = "authn_core_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct authn_dir),
    .server_conf_size = sizeof(struct authn_server),
    .server_conf_init = server_init,
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
