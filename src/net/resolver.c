/* resolver.c - what is known of names and addresses, who waits for it, and what is forgotten (resolver.h).
 *
 * Called by fibers of the resolver's loop. Owns a table of entries, one for each address and name that was asked for. An
 * entry under way is never dropped, nor one that a fiber holds; others go when the table is full, the longest unused first.
 * A failure is an answer too and is remembered for a while, or a dead server would delay each request anew. */
#include "net/resolver_internal.h"

#include <apr_hash.h>
#include <stdlib.h>

/* How long answers hold whose records say nothing, or less or more than is useful. */
#define TTL_MIN_S 1
#define TTL_MAX_S 86400
#define NONE_TTL_S 60
#define NONE_TTL_MAX_S 3600
#define FAILED_TTL_S 10
/* Look-ups under way at a time, whatever the size of the table. */
#define PENDING_MAX 1024

enum state { PENDING, FOUND, NONE, FAILED };

struct waiter {
    struct pn_fiber *fiber;
    struct waiter   *next, **link; /* link NULL: told */
};

struct pn__entry {
    struct pn_resolver *resolver;
    struct pn__entry   *newer, *older; /* by last use */
    struct waiter      *waiters;
    enum state          state;
    unsigned            refs;          /* fibers that wait, or read the value */
    pn_usec             begun;         /* PENDING */
    pn_usec             expires;       /* otherwise */
    char               *value;         /* FOUND: a name, or n addresses */
    unsigned            n;             /* bytes of the name, or addresses */
    unsigned            key_n;
    char                key[];         /* 'p' and the address, or 'a' and the name */
};

struct pn_resolver {
    struct pn_loop    *loop;
    struct pn__dns    *dns;
    apr_pool_t        *pool;
    apr_hash_t        *table;
    struct pn__entry  *newest, *oldest;
    pn_usec            timeout;
    unsigned           limit;
    bool               closing;
    struct pn_resolver_stats stats;
};

/* ---- names ---- */

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool pn_host_name_ok(pn_str name)
{
    bool letter_last = false; /* in the last label: digits alone would read as an address */
    char before = '.';

    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n == 0 || name.n > PN_HOST_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; before = name.p[i++]) {
        char c = name.p[i];
        if (!name_byte(c) || (c == '.' && before == '.'))
            return false;
        letter_last = c != '.' && (letter_last || c < '0' || c > '9');
    }
    return letter_last;
}

/* ---- the table ---- */

static void unlink_use(struct pn_resolver *resolver, struct pn__entry *entry)
{
    *(entry->newer ? &entry->newer->older : &resolver->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &resolver->oldest) = entry->newer;
}

static void link_use(struct pn_resolver *resolver, struct pn__entry *entry)
{
    entry->newer = NULL;
    entry->older = resolver->newest;
    *(resolver->newest ? &resolver->newest->newer : &resolver->oldest) = entry;
    resolver->newest = entry;
}

static void drop(struct pn_resolver *resolver, struct pn__entry *entry)
{
    unlink_use(resolver, entry);
    apr_hash_set(resolver->table, entry->key, (apr_ssize_t)entry->key_n, NULL);
    resolver->stats.entries--;
    free(entry->value);
    free(entry);
}

/* @return false when everything in the table is in use. */
static bool make_room(struct pn_resolver *resolver)
{
    struct pn__entry *entry = resolver->oldest;

    if (resolver->stats.entries < resolver->limit)
        return true;
    while (entry && (entry->state == PENDING || entry->refs))
        entry = entry->newer;
    if (!entry)
        return false;
    drop(resolver, entry);
    return true;
}

static struct pn__entry *new_entry(struct pn_resolver *resolver, const char *key, size_t n)
{
    struct pn__entry *entry;

    if (resolver->stats.pending >= PENDING_MAX || !make_room(resolver))
        return NULL;
    entry = calloc(1, sizeof(*entry) + n + 1);
    pn_assert(entry != NULL);
    entry->resolver = resolver;
    entry->key_n = (unsigned)n;
    memcpy(entry->key, key, n);
    apr_hash_set(resolver->table, entry->key, (apr_ssize_t)n, entry);
    link_use(resolver, entry);
    resolver->stats.entries++;
    return entry;
}

/* ---- answers ---- */

static int64_t clamp(int64_t ttl_s, int64_t unknown_s, int64_t most_s)
{
    if (ttl_s < 0)
        return unknown_s;
    return ttl_s < TTL_MIN_S ? TTL_MIN_S : ttl_s > most_s ? most_s : ttl_s;
}

static void take_name(struct pn__entry *entry, pn_str name)
{
    if (!pn_host_name_ok(name)) {
        entry->state = FAILED;
        return;
    }
    if (name.p[name.n - 1] == '.')
        name.n--;
    entry->value = malloc(name.n);
    pn_assert(entry->value != NULL);
    for (size_t i = 0; i < name.n; i++)
        entry->value[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    entry->n = (unsigned)name.n;
    entry->state = FOUND;
}

static void take_addresses(struct pn__entry *entry, const struct pn_addr *v, unsigned n)
{
    entry->value = malloc(n * sizeof(*v));
    pn_assert(entry->value != NULL);
    memcpy(entry->value, v, n * sizeof(*v));
    entry->n = n;
    entry->state = FOUND;
}

static void wake(struct pn__entry *entry)
{
    struct waiter *waiter;

    while ((waiter = entry->waiters)) {
        entry->waiters = waiter->next;
        if (waiter->next)
            waiter->next->link = &entry->waiters;
        waiter->link = NULL;
        pn_fiber_resume(waiter->fiber, PN_OK);
    }
}

static void done(struct pn__entry *entry, const struct pn__dns_answer *answer)
{
    struct pn_resolver *resolver = entry->resolver;
    int64_t             ttl_s = FAILED_TTL_S;

    resolver->stats.pending--;
    if (answer->outcome == PN__DNS_NONE)
        entry->state = NONE;
    else if (answer->outcome == PN__DNS_FAILED)
        entry->state = FAILED;
    else if (answer->v)
        take_addresses(entry, answer->v, answer->n);
    else
        take_name(entry, answer->name);
    if (entry->state == NONE)
        ttl_s = clamp(answer->ttl_s, NONE_TTL_S, NONE_TTL_MAX_S);
    else if (entry->state == FOUND)
        ttl_s = clamp(answer->ttl_s, TTL_MIN_S, TTL_MAX_S);
    entry->expires = pn_loop_now(resolver->loop) + ttl_s * PN_USEC_PER_SEC;
    if (!resolver->closing)
        wake(entry);
}

/* ---- asking ---- */

static void start(struct pn__entry *entry)
{
    struct pn_resolver *resolver = entry->resolver;

    free(entry->value);
    entry->value = NULL;
    entry->n = 0;
    entry->state = PENDING;
    entry->begun = pn_loop_now(resolver->loop);
    resolver->stats.pending++;
    resolver->stats.started++;
    if (entry->key[0] == 'p') {
        struct pn_addr addr = { .family = entry->key_n == 5 ? AF_INET : AF_INET6 };
        memcpy(addr.ip, entry->key + 1, entry->key_n - 1);
        pn__dns_ask_name(resolver->dns, &addr, entry);
    }
    else
        pn__dns_ask_addresses(resolver->dns, entry->key + 1, entry);
}

static struct pn__entry *find(const struct pn_resolver *resolver, const char *key, size_t n)
{
    return apr_hash_get(resolver->table, key, (apr_ssize_t)n);
}

static bool is_fresh(const struct pn__entry *entry)
{
    return entry->state != PENDING && entry->expires > pn_loop_now(entry->resolver->loop);
}

/* Waits until the entry is no longer under way. */
PN_MAY_YIELD static pn_rc wait_for(struct pn__entry *entry, pn_usec deadline)
{
    struct waiter waiter = { .fiber = pn_fiber_this(), .next = entry->waiters, .link = &entry->waiters };
    pn_usec       limit = entry->begun + entry->resolver->timeout;

    if (deadline < limit)
        limit = deadline;
    if (limit <= pn_loop_now(entry->resolver->loop))
        return PN_TIMEOUT;
    if (entry->waiters)
        entry->waiters->link = &waiter.next;
    entry->waiters = &waiter;
    pn_rc rc = pn_fiber_suspend_until(limit);
    if (waiter.link) {
        *waiter.link = waiter.next;
        if (waiter.next)
            waiter.next->link = waiter.link;
    }
    return rc;
}

/* The entry of this key, looked up when it is not known; the caller lets go of it when PN_OK is returned. */
PN_MAY_YIELD static pn_rc ask(struct pn_resolver *resolver, const char *key, size_t n, pn_usec deadline,
                              struct pn__entry **ret_entry)
{
    struct pn__entry *entry = find(resolver, key, n);
    pn_rc             rc = PN_OK;

    resolver->stats.asked++;
    if (!entry && !(entry = new_entry(resolver, key, n)))
        return PN_LIMIT;
    unlink_use(resolver, entry);
    link_use(resolver, entry);
    entry->refs++;
    /* A new entry counts as expired. What others still read is not thrown away under them: it is used once more. */
    if (entry->state == PENDING ? entry->begun == 0 : (!is_fresh(entry) && entry->refs == 1))
        start(entry);
    if (entry->state == PENDING)
        rc = wait_for(entry, deadline);
    if (rc == PN_OK && entry->state != FOUND)
        rc = entry->state == NONE ? PN_NOT_FOUND : PN_BAD;
    if (rc != PN_OK)
        entry->refs--;
    *ret_entry = entry;
    return rc;
}

static size_t key_of_addr(const struct pn_addr *addr, char key[17])
{
    size_t n = addr->family == AF_INET ? 4 : 16;

    key[0] = 'p';
    memcpy(key + 1, addr->ip, n);
    return n + 1;
}

/* @return bytes, 0: no host name. */
static size_t key_of_name(pn_str name, char key[PN_HOST_NAME_MAX + 2])
{
    if (!pn_host_name_ok(name))
        return 0;
    if (name.p[name.n - 1] == '.')
        name.n--;
    key[0] = 'a';
    for (size_t i = 0; i < name.n; i++)
        key[i + 1] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];
    return name.n + 1;
}

pn_rc pn_resolver_name(struct pn_resolver *resolver, const struct pn_addr *addr, pn_usec deadline, apr_pool_t *pool,
                       pn_str *ret_name)
{
    struct pn__entry *entry;
    char              key[17];

    if (addr->family != AF_INET && addr->family != AF_INET6)
        return PN_NOT_FOUND;
    pn_rc rc = ask(resolver, key, key_of_addr(addr, key), deadline, &entry);
    if (rc != PN_OK)
        return rc;
    *ret_name = pn_str_dup(pool, pn_str_n(entry->value, entry->n));
    entry->refs--;
    return PN_OK;
}

PN_MAY_YIELD static pn_rc addresses_of(struct pn_resolver *resolver, pn_str name, pn_usec deadline, apr_pool_t *pool,
                                       struct pn_addr **ret_v, unsigned *ret_n)
{
    struct pn__entry *entry;
    char              key[PN_HOST_NAME_MAX + 2];
    size_t            n = key_of_name(name, key);

    if (n == 0)
        return PN_BAD;
    pn_rc rc = ask(resolver, key, n, deadline, &entry);
    if (rc != PN_OK)
        return rc;
    *ret_v = apr_pmemdup(pool, entry->value, entry->n * sizeof(**ret_v));
    *ret_n = entry->n;
    entry->refs--;
    return PN_OK;
}

pn_rc pn_resolver_addresses(struct pn_resolver *resolver, pn_str name, bool search, pn_usec deadline, apr_pool_t *pool,
                            struct pn_addr **ret_v, unsigned *ret_n)
{
    pn_rc       rc = addresses_of(resolver, name, deadline, pool, ret_v, ret_n);
    const char *domain;

    if (!search || pn_str_chr(name, '.', 0) != SIZE_MAX)
        return rc;
    for (unsigned i = 0; rc == PN_NOT_FOUND && (domain = pn__dns_search(resolver->dns, i)); i++)
        rc = addresses_of(resolver, PN_CAT(pool, name, PN_STR("."), pn_str_z(domain)), deadline, pool, ret_v, ret_n);
    return rc;
}

bool pn_resolver_knows(struct pn_resolver *resolver, const struct pn_addr *addr, bool confirm)
{
    char                    key[PN_HOST_NAME_MAX + 2];
    const struct pn__entry *entry;

    if (addr->family != AF_INET && addr->family != AF_INET6)
        return true;
    entry = find(resolver, key, key_of_addr(addr, key));
    if (!entry || !is_fresh(entry))
        return false;
    if (!confirm || entry->state != FOUND)
        return true;
    entry = find(resolver, key, key_of_name(pn_str_n(entry->value, entry->n), key));
    return entry && is_fresh(entry);
}

/* ---- life ---- */

pn_rc pn_resolver_open(struct pn_loop *loop, const struct pn_resolver_options *options, struct pn_resolver **ret)
{
    struct pn_resolver *resolver = calloc(1, sizeof(*resolver));

    pn_assert(resolver != NULL && options->timeout > 0 && options->cache_entries > 0);
    resolver->loop = loop;
    resolver->timeout = options->timeout;
    resolver->limit = options->cache_entries;
    pn_rc rc = pn__dns_open(loop, options, done, &resolver->dns);
    if (rc != PN_OK) {
        free(resolver);
        return rc;
    }
    apr_pool_create(&resolver->pool, NULL);
    resolver->table = apr_hash_make(resolver->pool);
    *ret = resolver;
    return PN_OK;
}

void pn_resolver_close(struct pn_resolver *resolver)
{
    if (resolver == NULL)
        return;
    resolver->closing = true;
    pn__dns_close(resolver->dns);
    while (resolver->oldest) {
        pn_assert(resolver->oldest->refs == 0);
        drop(resolver, resolver->oldest);
    }
    apr_pool_destroy(resolver->pool);
    free(resolver);
}

pn_usec pn_resolver_deadline(const struct pn_resolver *resolver)
{
    return pn_loop_now(resolver->loop) + resolver->timeout;
}

struct pn_resolver_stats pn_resolver_stats(const struct pn_resolver *resolver)
{
    return resolver->stats;
}
