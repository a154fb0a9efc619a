/* logresolve_lookup.c - see logresolve.h. c-ares does the asking; this file remembers, and waits in poll(2).
 *
 * A host is looked up once and then remembered, up to CACHE_MAX; past that, hosts that no line needs are forgotten, oldest
 * first. c-ares holds the system's rules: hosts file, servers, attempts. */
#include "cmd/logresolve.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_MAX 100000
#define BUCKETS 65536
#define TRIES 2
#define SHARES_OF_TRIES 3
#define WAIT_MAX_MS 1000

struct lr_host {
    struct lr_resolver *resolver;
    struct lr_address   address;
    struct lr_host     *chain;         /* of its bucket */
    struct lr_host     *newer, *older; /* in the order of arrival */
    unsigned            refs;          /* lines that wait for it */
    bool                done;
    char               *name;          /* malloc'd; NULL: none */
};

struct lr_resolver {
    struct lr_options options;
    ares_channel      channel;
    unsigned          under_way;
    struct lr_host   *newest, *oldest;
    struct lr_figures figures;
    struct lr_host   *buckets[BUCKETS];
};

/* ---- what is known ---- */

static struct lr_host **bucket_of(struct lr_resolver *resolver, const struct lr_address *address)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (size_t i = 0; i < sizeof(address->ip); i++)
        hash = (hash ^ address->ip[i]) * 16777619u;
    return &resolver->buckets[(hash ^ hash >> 16) % BUCKETS];
}

static bool same(const struct lr_address *a, const struct lr_address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static void forget(struct lr_resolver *resolver, struct lr_host *host)
{
    struct lr_host **at = bucket_of(resolver, &host->address);

    while (*at != host)
        at = &(*at)->chain;
    *at = host->chain;
    *(host->newer ? &host->newer->older : &resolver->newest) = host->older;
    *(host->older ? &host->older->newer : &resolver->oldest) = host->newer;
    resolver->figures.entries--;
    free(host->name);
    free(host);
}

static void forget_oldest(struct lr_resolver *resolver)
{
    struct lr_host *host = resolver->oldest;

    while (host && (host->refs || !host->done))
        host = host->newer;
    if (host)
        forget(resolver, host);
}

static struct lr_host *remember(struct lr_resolver *resolver, const struct lr_address *address)
{
    struct lr_host **bucket = bucket_of(resolver, address);
    struct lr_host  *host = calloc(1, sizeof(*host));

    if (!host)
        abort();
    if (resolver->figures.entries >= CACHE_MAX)
        forget_oldest(resolver);
    *host = (struct lr_host){ .resolver = resolver, .address = *address, .chain = *bucket, .older = resolver->newest };
    *bucket = host;
    *(resolver->newest ? &resolver->newest->newer : &resolver->oldest) = host;
    resolver->newest = host;
    resolver->figures.entries++;
    return host;
}

/* ---- look-ups ---- */

static void finish(struct lr_host *host)
{
    host->done = true;
    host->resolver->under_way--;
}

/* Names go into logs: nothing but what a host name is made of. */
static bool is_host_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return *name && name[strspn(name, allowed)] == '\0';
}

static bool leads_back(const struct lr_address *address, const struct ares_addrinfo *info)
{
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
        const struct sockaddr_in  *in = (const void *)node->ai_addr;
        const struct sockaddr_in6 *in6 = (const void *)node->ai_addr;
        if (node->ai_family != address->family)
            continue;
        if (memcmp(address->family == AF_INET ? (const void *)&in->sin_addr : (const void *)&in6->sin6_addr, address->ip,
                   address->family == AF_INET ? 4 : 16) == 0)
            return true;
    }
    return false;
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct lr_host *host = arg;

    (void)timeouts;
    if (status != ARES_SUCCESS || !leads_back(&host->address, info)) {
        host->resolver->figures.one_way++;
        free(host->name);
        host->name = NULL;
    }
    if (info)
        ares_freeaddrinfo(info);
    finish(host);
}

static void confirm(struct lr_host *host)
{
    const struct ares_addrinfo_hints hints = { .ai_family = host->address.family, .ai_socktype = SOCK_STREAM,
                                               .ai_flags = ARES_AI_NOSORT };

    ares_getaddrinfo(host->resolver->channel, host->name, NULL, &hints, got_addresses, host);
}

static void got_name(void *arg, int status, int timeouts, struct hostent *found)
{
    struct lr_host *host = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS && found->h_name && is_host_name(found->h_name))
        host->name = strdup(found->h_name);
    else
        host->resolver->figures.none++;
    if (host->name && host->resolver->options.both_ways)
        confirm(host);
    else
        finish(host);
}

struct lr_host *lr_host(struct lr_resolver *resolver, const struct lr_address *address)
{
    struct lr_host *host = *bucket_of(resolver, address);

    while (host && !same(&host->address, address))
        host = host->chain;
    if (host) {
        resolver->figures.hits++;
        host->refs++;
        return host;
    }
    host = remember(resolver, address);
    host->refs++;
    resolver->figures.lookups++;
    resolver->under_way++;
    ares_gethostbyaddr(resolver->channel, address->ip, address->family == AF_INET ? 4 : 16, address->family, got_name, host);
    return host;
}

void lr_host_release(struct lr_resolver *resolver, struct lr_host *host)
{
    host->refs--;
    if (resolver->figures.entries > CACHE_MAX)
        forget_oldest(resolver);
}

bool lr_host_done(const struct lr_host *host)
{
    return host->done;
}

const char *lr_host_name(const struct lr_host *host)
{
    return host->name;
}

bool lr_is_full(const struct lr_resolver *resolver)
{
    return resolver->under_way >= resolver->options.lookups;
}

/* ---- waiting ---- */

static void process(struct lr_resolver *resolver, int most_ms)
{
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    struct pollfd polled[ARES_GETSOCK_MAXNUM];
    nfds_t        n = 0;
    /* ARES_GETSOCK_READABLE and its kin, without their shift of a signed 1 into the sign. */
    unsigned bits = (unsigned)ares_getsock(resolver->channel, sockets, ARES_GETSOCK_MAXNUM);

    for (unsigned i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
        bool  reads = bits & (1u << i), writes = bits & (1u << (i + ARES_GETSOCK_MAXNUM));
        short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
        if (events)
            polled[n++] = (struct pollfd){ .fd = sockets[i], .events = events };
    }
    if (poll(polled, n, most_ms) <= 0) {
        ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        return;
    }
    for (nfds_t i = 0; i < n; i++)
        if (polled[i].revents)
            ares_process_fd(resolver->channel, polled[i].revents & ~POLLOUT ? polled[i].fd : ARES_SOCKET_BAD,
                            polled[i].revents & POLLOUT ? polled[i].fd : ARES_SOCKET_BAD);
}

void lr_step(struct lr_resolver *resolver)
{
    if (resolver->under_way)
        process(resolver, 0);
}

void lr_wait(struct lr_resolver *resolver)
{
    struct timeval most = { .tv_sec = WAIT_MAX_MS / 1000 }, room;

    if (resolver->under_way) {
        struct timeval *wait = ares_timeout(resolver->channel, &most, &room);
        process(resolver, (int)(wait->tv_sec * 1000 + (wait->tv_usec + 999) / 1000));
    }
}

/* ---- life ---- */

struct lr_resolver *lr_open(const struct lr_options *options)
{
    struct lr_resolver *resolver = calloc(1, sizeof(*resolver));
    struct ares_options ares = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_STAYOPEN, .tries = TRIES,
                                 .timeout = (int)(options->timeout_s * 1000 / SHARES_OF_TRIES) };

    if (!resolver || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        free(resolver);
        return NULL;
    }
    resolver->options = *options;
    if (ares_init_options(&resolver->channel, &ares, ARES_OPT_FLAGS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_DOMAINS) != ARES_SUCCESS) {
        free(resolver);
        return NULL;
    }
    if (options->servers && ares_set_servers_ports_csv(resolver->channel, options->servers) != ARES_SUCCESS) {
        lr_close(resolver);
        return NULL;
    }
    return resolver;
}

void lr_close(struct lr_resolver *resolver)
{
    ares_destroy(resolver->channel);
    while (resolver->oldest)
        forget(resolver, resolver->oldest);
    ares_library_cleanup();
    free(resolver);
}

struct lr_figures lr_figures(const struct lr_resolver *resolver)
{
    return resolver->figures;
}
