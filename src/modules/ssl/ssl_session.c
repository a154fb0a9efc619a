/* ssl_session.c - what lets a client resume: ticket keys and a session cache, in memory that all children share.
 *
 * The memory is made by the master before its first child and stays for the server's life, so a ticket is good in every child
 * and after a reload. Each part has its lock; a child that dies in the middle of a change loses that part's content and
 * nothing else. Callbacks may run on any thread. */
#include "mod_ssl.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define KEYS 3
#define KEY_LIFE_S (12 * 3600) /* the newest encrypts so long; the others still decrypt */
#define FILE_KEY_BYTES 48
#define SHARDS 16
#define CACHE_DEFAULT_BYTES ((size_t)512 * 1024)
#define CACHE_MIN_BYTES ((size_t)8192)
#define SESSION_MAX_BYTES 4096
#define ENTRY_BYTES 192 /* of a usual session: how many places a shard has */

struct ticket_key {
    unsigned char name[16], hmac[32], aes[32];
    int64_t       made; /* wall clock, seconds */
};

/* The ring of a shard: entries in the order they came; the oldest make room. */
struct entry {
    unsigned char id[SSL_MAX_SSL_SESSION_ID_LENGTH];
    uint32_t      id_n, at, n; /* bytes of data, from `at` of the ring on, around its end */
    int64_t       expires;     /* 0: removed */
};

struct shard {
    pthread_mutex_t lock;
    uint32_t        first, count, data_first, data_n;
    uint32_t        entries, bytes; /* room for so many */
    size_t          entries_at, data_at; /* from the beginning of the memory */
};

struct shared {
    pthread_mutex_t   lock;       /* of the keys */
    struct ticket_key keys[KEYS]; /* the newest first; made 0: none yet */
    size_t            total_bytes, cache_bytes;
    struct shard      shards[SHARDS];
};

/* Of this server, whatever generation it is at. */
static struct shared *shared;

/* ---- locks ---- */

static bool make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;
    bool                good;

    if (pthread_mutexattr_init(&attr) != 0)
        return false;
    good = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0 &&
           pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 && pthread_mutex_init(lock, &attr) == 0;
    pthread_mutexattr_destroy(&attr);
    return good;
}

/* @return was the one who held it before killed in the middle? */
static bool lock_it(pthread_mutex_t *lock)
{
    int rc = pthread_mutex_lock(lock);

    if (rc == EOWNERDEAD)
        pthread_mutex_consistent(lock);
    return rc == EOWNERDEAD;
}

static void lock_shard(struct shard *shard)
{
    if (lock_it(&shard->lock))
        shard->first = shard->count = shard->data_first = shard->data_n = 0;
}

/* ---- ticket keys ---- */

/* Lock held. */
static bool renew_keys(void)
{
    int64_t           now = (int64_t)time(NULL);
    struct ticket_key fresh = { .made = now };

    if (shared->keys[0].made && now - shared->keys[0].made < KEY_LIFE_S && now >= shared->keys[0].made)
        return true;
    if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 || RAND_priv_bytes(fresh.hmac, sizeof(fresh.hmac)) != 1 ||
        RAND_priv_bytes(fresh.aes, sizeof(fresh.aes)) != 1)
        return shared->keys[0].made != 0;
    memmove(&shared->keys[1], &shared->keys[0], sizeof(fresh) * (KEYS - 1));
    shared->keys[0] = fresh;
    OPENSSL_cleanse(&fresh, sizeof(fresh));
    return true;
}

/* The key to encrypt with. */
static bool newest_key(struct ticket_key *ret)
{
    bool good;

    (void)lock_it(&shared->lock);
    good = renew_keys();
    *ret = shared->keys[0];
    pthread_mutex_unlock(&shared->lock);
    return good;
}

/* @return how old the key of that name is: 0 is the newest; -1: unknown. */
static int key_named(const unsigned char *name, struct ticket_key *ret)
{
    int found = -1;

    (void)lock_it(&shared->lock);
    for (int i = 0; i < KEYS && found < 0; i++)
        if (shared->keys[i].made && memcmp(shared->keys[i].name, name, sizeof(ret->name)) == 0) {
            *ret = shared->keys[i];
            found = i;
        }
    pthread_mutex_unlock(&shared->lock);
    return found;
}

static bool set_mac(EVP_MAC_CTX *mac, unsigned char *key, size_t n)
{
    static char digest[] = "SHA256";
    OSSL_PARAM  params[] = { OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, key, n),
                             OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int with_key(struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    if (encrypt && RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
        return -1;
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, encrypt) == 1 && set_mac(mac, key->hmac, sizeof(key->hmac))
               ? 1 : -1;
}

static int shared_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    struct ticket_key key;
    int               age = 0, result;

    (void)ssl;
    if (encrypt && !newest_key(&key))
        return 0;
    if (encrypt)
        memcpy(name, key.name, sizeof(key.name));
    else if ((age = key_named(name, &key)) < 0)
        return 0;
    result = with_key(&key, iv, cipher, mac, encrypt);
    OPENSSL_cleanse(&key, sizeof(key));
    return result == 1 && age > 0 ? 2 : result; /* 2: good, and the client gets a new one */
}

/* SSLSessionTicketKeyFile: name, HMAC key, AES key, 16 bytes each. */
static int file_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    const struct ssl_site *site = ssl_site(pn_tls_conn(ssl)->base_server);
    unsigned char         *key = site->ticket_key;

    if (!key)
        return 0;
    if (encrypt) {
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_128_cbc())) != 1)
            return -1;
        memcpy(name, key, 16);
    }
    else if (memcmp(name, key, 16) != 0)
        return 0;
    return EVP_CipherInit_ex(cipher, EVP_aes_128_cbc(), NULL, key + 32, iv, encrypt) == 1 && set_mac(mac, key + 16, 16) ? 1 : -1;
}

const char *ssl_load_ticket_keys(struct pn_server *server, SSL_CTX *context, struct ssl_site *site, apr_pool_t *pool)
{
    const struct ssl_file *file = &ssl_server_conf(server)->ticket_keys;
    BIO                   *in;
    int                    n;

    if (!file->path.p) {
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, shared_ticket);
        return NULL;
    }
    site->ticket_key = apr_palloc(pool, FILE_KEY_BYTES);
    in = BIO_new_file(file->path.p, "rb");
    n = in ? BIO_read(in, site->ticket_key, FILE_KEY_BYTES) : -1;
    BIO_free(in);
    if (n != FILE_KEY_BYTES)
        return pn_str_printf(pool, "%s: SSLSessionTicketKeyFile %s has fewer than %d bytes", file->where.p, file->path.p, FILE_KEY_BYTES).p;
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, file_ticket);
    return NULL;
}

/* ---- the cache ---- */

static struct entry *entry_at(const struct shard *shard, uint32_t i)
{
    struct entry *all = (struct entry *)(void *)((char *)shared + shard->entries_at);

    return &all[(shard->first + i) % shard->entries];
}

static void drop_oldest(struct shard *shard)
{
    const struct entry *oldest = entry_at(shard, 0);

    shard->data_first = (shard->data_first + oldest->n) % shard->bytes;
    shard->data_n -= oldest->n;
    shard->first = (shard->first + 1) % shard->entries;
    shard->count--;
}

/* Bytes of the ring, around its end. */
static void copy_ring(const struct shard *shard, uint32_t at, unsigned char *bytes, uint32_t n, bool in)
{
    unsigned char *ring = (unsigned char *)shared + shard->data_at;
    uint32_t       first = n < shard->bytes - at ? n : shard->bytes - at;

    memcpy(in ? ring + at : bytes, in ? bytes : ring + at, first);
    memcpy(in ? ring : bytes + first, in ? bytes + first : ring, n - first);
}

static struct shard *shard_of(const unsigned char *id, unsigned n)
{
    return &shared->shards[n ? id[0] % SHARDS : 0]; /* ids are random */
}

static struct entry *find(struct shard *shard, const unsigned char *id, unsigned n)
{
    for (uint32_t i = 0; i < shard->count; i++) {
        struct entry *one = entry_at(shard, i);
        if (one->expires && one->id_n == n && memcmp(one->id, id, n) == 0)
            return one;
    }
    return NULL;
}

static void store(const unsigned char *id, unsigned id_n, unsigned char *bytes, uint32_t n, int64_t expires)
{
    struct shard *shard = shard_of(id, id_n);
    struct entry *one;

    if (n > shard->bytes || id_n > sizeof(one->id))
        return;
    lock_shard(shard);
    while (shard->count && (shard->count == shard->entries || shard->bytes - shard->data_n < n))
        drop_oldest(shard);
    one = entry_at(shard, shard->count);
    *one = (struct entry){ .id_n = id_n, .at = (shard->data_first + shard->data_n) % shard->bytes, .n = n, .expires = expires };
    memcpy(one->id, id, id_n);
    copy_ring(shard, one->at, bytes, n, true);
    shard->data_n += n;
    shard->count++;
    pthread_mutex_unlock(&shard->lock);
}

/* @return bytes, 0: not there. */
static uint32_t load(const unsigned char *id, unsigned id_n, unsigned char *to)
{
    struct shard       *shard = shard_of(id, id_n);
    const struct entry *one;
    uint32_t            n = 0;

    lock_shard(shard);
    one = find(shard, id, id_n);
    if (one && one->expires > (int64_t)time(NULL) && one->n <= SESSION_MAX_BYTES) {
        n = one->n;
        copy_ring(shard, one->at, to, n, false);
    }
    pthread_mutex_unlock(&shard->lock);
    return n;
}

static int session_made(SSL *ssl, SSL_SESSION *session)
{
    unsigned             id_n;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_n);
    unsigned char       *bytes = NULL;
    int                  n;

    /* A ticket holds it: it need not be kept here as well. */
    if (SSL_version(ssl) >= TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET))
        return 0;
    n = i2d_SSL_SESSION(session, &bytes);
    if (n > 0 && n <= SESSION_MAX_BYTES)
        store(id, id_n, bytes, (uint32_t)n, (int64_t)time(NULL) + SSL_SESSION_get_timeout(session));
    OPENSSL_clear_free(bytes, n > 0 ? (size_t)n : 0);
    return 0;
}

static SSL_SESSION *session_wanted(SSL *ssl, const unsigned char *id, int id_n, int *ret_copy)
{
    unsigned char       *bytes = malloc(SESSION_MAX_BYTES);
    const unsigned char *p = bytes;
    SSL_SESSION         *session = NULL;
    uint32_t             n = bytes && id_n > 0 ? load(id, (unsigned)id_n, bytes) : 0;

    (void)ssl;
    *ret_copy = 0;
    if (n)
        session = d2i_SSL_SESSION(NULL, &p, (long)n);
    OPENSSL_cleanse(bytes, n);
    free(bytes);
    return session;
}

static void session_bad(SSL_CTX *context, SSL_SESSION *session)
{
    unsigned             id_n;
    const unsigned char *id = SSL_SESSION_get_id(session, &id_n);
    struct shard        *shard = shard_of(id, id_n);
    struct entry        *one;

    (void)context;
    lock_shard(shard);
    one = find(shard, id, id_n);
    if (one)
        one->expires = 0;
    pthread_mutex_unlock(&shard->lock);
}

static bool cache_wanted(const struct pn_generation *generation)
{
    pn_str cache = ssl_server_conf(generation->servers)->cache;

    return cache.n && !pn_str_ieq(cache, PN_STR("none")) && !pn_str_ieq(cache, PN_STR("nonenotnull"));
}

/* "shmcb:/path/name(512000)": the name means nothing here, the memory has none. */
static size_t cache_bytes(pn_str text)
{
    size_t   open = pn_str_rchr(text, '(');
    uint64_t bytes;

    if (open == SIZE_MAX || !pn_str_ends(text, PN_STR(")")) ||
        pn_str_to_u64(pn_str_head(pn_str_from(text, open + 1), text.n - open - 2), 1 << 30, &bytes) != PN_OK)
        return CACHE_DEFAULT_BYTES;
    return bytes < CACHE_MIN_BYTES ? CACHE_MIN_BYTES : (size_t)bytes;
}

void ssl_set_session_rules(struct pn_server *server, SSL_CTX *context)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned      n = 0;
    char          text[320];
    int           length = snprintf(text, sizeof(text), "%.255s:%u:%u", server->name.p ? server->name.p : "", server->port, server->index);

    /* A session is good for the server that made it, also after a reload. */
    if (EVP_Digest(text, (size_t)length, sum, &n, EVP_sha256(), NULL) == 1)
        SSL_CTX_set_session_id_context(context, sum, n < SSL_MAX_SID_CTX_LENGTH ? n : SSL_MAX_SID_CTX_LENGTH);
    SSL_CTX_set_timeout(context, (long)(ssl_server_conf(server)->session_timeout / PN_USEC_PER_SEC));
    if (!cache_wanted(server->generation)) {
        SSL_CTX_set_session_cache_mode(context, pn_str_ieq(ssl_server_conf(server->generation->servers)->cache, PN_STR("nonenotnull"))
                                                    ? SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
        return;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, session_made);
    SSL_CTX_sess_set_get_cb(context, session_wanted);
    SSL_CTX_sess_set_remove_cb(context, session_bad);
}

/* ---- the memory ---- */

static bool lay_out(struct shared *memory, size_t bytes)
{
    size_t   each = bytes / SHARDS, at = (sizeof(*memory) + 63) & ~(size_t)63;
    uint32_t entries = (uint32_t)(each / (ENTRY_BYTES + sizeof(struct entry)));

    if (!make_lock(&memory->lock))
        return false;
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &memory->shards[i];
        if (!make_lock(&shard->lock))
            return false;
        shard->entries = entries ? entries : 1;
        shard->entries_at = at + i * each;
        shard->data_at = shard->entries_at + shard->entries * sizeof(struct entry);
        shard->bytes = (uint32_t)(each - shard->entries * sizeof(struct entry));
    }
    memory->cache_bytes = bytes;
    return true;
}

const char *ssl_open_shared(struct pn_generation *generation)
{
    size_t bytes = cache_wanted(generation) ? cache_bytes(ssl_server_conf(generation->servers)->cache) : CACHE_MIN_BYTES;
    size_t total;

    bytes &= ~(size_t)1023;
    if (shared && (shared->cache_bytes >= bytes || !cache_wanted(generation)))
        return NULL; /* what is there is large enough; children of the generation before use it, too */
    total = sizeof(struct shared) + 64 + bytes;
    struct shared *memory = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return "no memory can be had for the session cache";
    if (!lay_out(memory, bytes))
        return "the locks of the session cache cannot be made";
    memory->total_bytes = total;
    if (shared) { /* the cache grows: tickets stay good */
        memcpy(memory->keys, shared->keys, sizeof(memory->keys));
        munmap(shared, shared->total_bytes);
    }
    shared = memory;
    return NULL;
}
