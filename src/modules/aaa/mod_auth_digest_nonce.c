/* mod_auth_digest_nonce.c - see mod_auth_digest_nonce.h.
 *
 * The table is made of buckets of four. When a bucket is full the oldest nonce leaves it and the bucket remembers its time:
 * a nonce from before that time which is not in the bucket may have been used already, so it counts as expired and the
 * client is handed a new one. So a full table costs clients a round trip, never a replay. */
#include "mod_auth_digest_nonce.h"

#include <apr_base64.h>
#include <apr_shm.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>

#define SECRET_BYTES 32
#define SEAL_BYTES 16
#define WAYS 4
#define WINDOW 64 /* counts below the highest that may still come: requests overtake each other */

/* A nonce before it is text: 32 bytes. */
struct nonce {
    int64_t  made_us;
    uint64_t id;
    uint8_t  seal[SEAL_BYTES];
};

/* A nonce in use. */
struct seen {
    uint64_t id;
    int64_t  made_us;  /* 0: free */
    uint64_t window;   /* bit n: the count `high - n` was used */
    uint32_t high;
};

struct bucket {
    int64_t     floor_us; /* nonces up to this time that are not here are not counted any more */
    struct seen seen[WAYS];
};

struct table {
    pthread_mutex_t lock;
    unsigned        n;
    struct bucket   buckets[];
};

struct digest_nonces {
    uint8_t       secret[SECRET_BYTES];
    struct table *table; /* in shared memory */
};

/* ---- shared memory ---- */

static bool open_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;
    bool                ok = pthread_mutexattr_init(&attr) == 0 &&
              pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0 &&
              pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 && pthread_mutex_init(lock, &attr) == 0;

    pthread_mutexattr_destroy(&attr);
    return ok;
}

static apr_status_t forget(void *arg)
{
    struct digest_nonces *nonces = arg;

    OPENSSL_cleanse(nonces->secret, sizeof(nonces->secret));
    return APR_SUCCESS;
}

struct digest_nonces *digest_nonces_new(apr_pool_t *pool, size_t bytes)
{
    struct digest_nonces *nonces = apr_pcalloc(pool, sizeof(*nonces));
    apr_shm_t            *shm;

    if (bytes < sizeof(struct table) + sizeof(struct bucket) || apr_shm_create(&shm, bytes, NULL, pool) != APR_SUCCESS)
        return NULL;
    nonces->table = apr_shm_baseaddr_get(shm);
    memset(nonces->table, 0, sizeof(struct table));
    nonces->table->n = (unsigned)((apr_shm_size_get(shm) - sizeof(struct table)) / sizeof(struct bucket));
    if (!open_lock(&nonces->table->lock) || RAND_bytes(nonces->secret, SECRET_BYTES) != 1)
        return NULL;
    apr_pool_cleanup_register(pool, nonces, forget, apr_pool_cleanup_null);
    return nonces;
}

/* ---- making and reading ---- */

static void seal(const struct digest_nonces *nonces, struct nonce *nonce, pn_str realm, uint8_t ret[SEAL_BYTES])
{
    uint8_t  sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    uint8_t  inner[SECRET_BYTES] = { 0 };

    /* the realm is hashed under the secret first, so that its length cannot be played with */
    pn_assert(HMAC(EVP_sha256(), nonces->secret, SECRET_BYTES, (const uint8_t *)realm.p, realm.n, inner, &n) != NULL);
    pn_assert(HMAC(EVP_sha256(), inner, SECRET_BYTES, (const uint8_t *)nonce, offsetof(struct nonce, seal), sum, &n) != NULL);
    memcpy(ret, sum, SEAL_BYTES);
}

pn_str digest_nonce_make(struct digest_nonces *nonces, apr_pool_t *pool, pn_str realm, pn_usec now)
{
    struct nonce nonce = { .made_us = now };
    char        *text = apr_palloc(pool, DIGEST_NONCE_LENGTH + 1);

    pn_assert(RAND_bytes((uint8_t *)&nonce.id, sizeof(nonce.id)) == 1);
    seal(nonces, &nonce, realm, nonce.seal);
    apr_base64_encode_binary(text, (const uint8_t *)&nonce, sizeof(nonce));
    return pn_str_n(text, DIGEST_NONCE_LENGTH);
}

static bool open_nonce(const struct digest_nonces *nonces, pn_str text, pn_str realm, struct nonce *ret)
{
    char    copy[DIGEST_NONCE_LENGTH + 1];
    uint8_t bytes[DIGEST_NONCE_LENGTH];
    uint8_t right[SEAL_BYTES];

    if (text.n != DIGEST_NONCE_LENGTH)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (apr_base64_decode_len(copy) > (int)sizeof(bytes) || apr_base64_decode_binary(bytes, copy) != (int)sizeof(*ret))
        return false;
    memcpy(ret, bytes, sizeof(*ret));
    seal(nonces, ret, realm, right);
    return CRYPTO_memcmp(right, ret->seal, SEAL_BYTES) == 0;
}

/* ---- counting ---- */

static enum digest_nonce_state count_again(struct seen *seen, uint32_t count)
{
    uint32_t below = seen->high - count;

    if (count > seen->high) {
        uint32_t above = count - seen->high;
        seen->window = above < WINDOW ? seen->window << above | 1 : 1;
        seen->high = count;
        return DIGEST_NONCE_GOOD;
    }
    if (below >= WINDOW || seen->window >> below & 1)
        return DIGEST_NONCE_REPLAYED;
    seen->window |= UINT64_C(1) << below;
    return DIGEST_NONCE_GOOD;
}

static enum digest_nonce_state count_first(struct bucket *bucket, const struct nonce *nonce, uint32_t count)
{
    struct seen *place = &bucket->seen[0];

    if (nonce->made_us <= bucket->floor_us)
        return DIGEST_NONCE_EXPIRED;
    for (unsigned i = 1; i < WAYS; i++)
        if (bucket->seen[i].made_us < place->made_us)
            place = &bucket->seen[i];
    if (place->made_us > bucket->floor_us)
        bucket->floor_us = place->made_us;
    *place = (struct seen){ .id = nonce->id, .made_us = nonce->made_us, .window = 1, .high = count };
    return DIGEST_NONCE_GOOD;
}

static enum digest_nonce_state count_in(struct table *table, const struct nonce *nonce, uint32_t count)
{
    struct bucket *bucket = &table->buckets[nonce->id % table->n];

    for (unsigned i = 0; i < WAYS; i++)
        if (bucket->seen[i].made_us == nonce->made_us && bucket->seen[i].id == nonce->id)
            return count_again(&bucket->seen[i], count);
    return count_first(bucket, nonce, count);
}

/* A child may have died with the lock: what it left is whole enough, each entry stands for itself. */
static void take_lock(pthread_mutex_t *lock)
{
    if (pthread_mutex_lock(lock) == EOWNERDEAD)
        pthread_mutex_consistent(lock);
}

enum digest_nonce_state digest_nonce_use(struct digest_nonces *nonces, const struct digest_use *use)
{
    struct nonce            nonce;
    enum digest_nonce_state state;
    bool                    once = use->lifetime_s == 0;

    if (!open_nonce(nonces, use->nonce, use->realm, &nonce))
        return DIGEST_NONCE_FOREIGN;
    if (use->lifetime_s > 0 && (use->now - nonce.made_us) / PN_USEC_PER_SEC >= use->lifetime_s)
        return DIGEST_NONCE_EXPIRED;
    if (!use->check_count && !once)
        return DIGEST_NONCE_GOOD;
    take_lock(&nonces->table->lock);
    state = count_in(nonces->table, &nonce, once ? 1 : use->count);
    pthread_mutex_unlock(&nonces->table->lock);
    return once && state == DIGEST_NONCE_REPLAYED ? DIGEST_NONCE_EXPIRED : state;
}
