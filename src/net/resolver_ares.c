/* resolver_ares.c - the resolver's way to the servers: c-ares on a loop (resolver_internal.h).
 *
 * Called by resolver.c. Owns two channels: one for the servers, one for the hosts file alone, since only c-ares' own way to
 * it ends before it returns. Sockets are c-ares' own; the loop is told of them, and forgets them before c-ares closes them.
 * c-ares gives up by itself: a dead server costs each query at most the time limit, and nobody else anything. */
#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>

#include "net/resolver_internal.h"
#include "rt/timer.h"

/* Tries a server, each twice as long as the one before: together they take the time limit. */
#define TRIES 2
#define SHARES_OF_TRIES 3
/* Rounds of receiving at one event, so that a server which never stops talking does not hold the loop. */
#define ROUNDS_AN_EVENT 64

struct dns_socket {
    struct pn_io       io;
    struct pn__dns    *dns;
    struct dns_socket *next; /* in use, or free */
};

struct pn__dns {
    struct pn_loop    *loop;
    pn__dns_done_fn   *done;
    ares_channel       servers, hosts; /* hosts: NULL when the system does not look there */
    struct ares_options system;        /* what the system's files say; owned by c-ares */
    bool               system_known;
    struct pn_timer    timer;
    struct dns_socket *sockets, *free_sockets;
};

/* One query under way; freed by its callback. */
struct query {
    struct pn__dns   *dns;
    struct pn__entry *entry;
};

/* ---- the loop ---- */

static void set_timer(struct pn__dns *dns)
{
    struct timeval  room;
    struct timeval *wait = ares_timeout(dns->servers, NULL, &room);

    if (wait == NULL)
        pn_timer_clear(dns->loop, &dns->timer);
    else
        pn_timer_set(dns->loop, &dns->timer,
                     pn_loop_now(dns->loop) + wait->tv_sec * PN_USEC_PER_SEC + wait->tv_usec + PN_USEC_PER_MSEC);
}

static void on_timer(struct pn_timer *timer)
{
    struct pn__dns *dns = PN_CONTAINER(timer, struct pn__dns, timer);

    ares_process_fd(dns->servers, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(dns);
}

/* The loop tells edges, c-ares reads as much as it likes: what is left is looked for. */
static bool more_to_read(const struct pn_io *io, int fd)
{
    struct pollfd look = { .fd = fd, .events = POLLIN };

    return io->fd == fd && poll(&look, 1, 0) > 0 && (look.revents & POLLIN);
}

static void on_io(struct pn_io *io, unsigned events)
{
    struct pn__dns *dns = PN_CONTAINER(io, struct dns_socket, io)->dns;
    int             fd = io->fd;

    ares_process_fd(dns->servers, events & PN_IO_IN ? fd : ARES_SOCKET_BAD, events & PN_IO_OUT ? fd : ARES_SOCKET_BAD);
    for (int round = 1; round < ROUNDS_AN_EVENT && more_to_read(io, fd); round++)
        ares_process_fd(dns->servers, fd, ARES_SOCKET_BAD);
    if (io->fd == fd)
        io->ready = 0;
    set_timer(dns);
}

static struct dns_socket **find_socket(struct pn__dns *dns, int fd)
{
    struct dns_socket **at = &dns->sockets;

    while (*at && (*at)->io.fd != fd)
        at = &(*at)->next;
    return at;
}

static void forget_socket(struct pn__dns *dns, struct dns_socket **at)
{
    struct dns_socket *one = *at;

    pn_io_detach(dns->loop, &one->io);
    one->io.fd = -1;
    *at = one->next;
    one->next = dns->free_sockets; /* kept: c-ares may have been called from this socket's event */
    dns->free_sockets = one;
}

/* A socket that the loop does not take is never told of: its queries run into their time limit. */
static void add_socket(struct pn__dns *dns, int fd)
{
    struct dns_socket *one = dns->free_sockets;

    if (one)
        dns->free_sockets = one->next;
    else
        one = calloc(1, sizeof(*one));
    pn_assert(one != NULL);
    *one = (struct dns_socket){ .dns = dns, .io = { .fd = -1 } };
    if (pn_io_open(dns->loop, &one->io, fd, on_io, false) == PN_OK) {
        one->next = dns->sockets;
        dns->sockets = one;
        return;
    }
    one->io.fd = -1;
    one->next = dns->free_sockets;
    dns->free_sockets = one;
}

static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    struct pn__dns     *dns = data;
    struct dns_socket **at = find_socket(dns, fd);

    if (!readable && !writable) {
        if (*at)
            forget_socket(dns, at);
    }
    else if (!*at)
        add_socket(dns, fd);
}

/* ---- life ---- */

/* Which files and domains the system's configuration names, and which servers unless others are given. */
static pn_rc read_system(struct pn__dns *dns)
{
    ares_channel channel;
    int          mask;

    if (ares_init(&channel) != ARES_SUCCESS)
        return PN_BAD;
    dns->system_known = ares_save_options(channel, &dns->system, &mask) == ARES_SUCCESS;
    ares_destroy(channel);
    return dns->system_known ? PN_OK : PN_BAD;
}

static pn_rc open_servers(struct pn__dns *dns, const struct pn_resolver_options *options)
{
    int                 try_ms = (int)(options->timeout / SHARES_OF_TRIES / PN_USEC_PER_MSEC);
    struct ares_options ares = {
        .flags = ARES_FLAG_NOSEARCH,
        .timeout = try_ms > 0 ? try_ms : 1,
        .tries = TRIES,
        .ndomains = 0, /* the search list is walked by resolver.c, for names that want it */
        .sock_state_cb = on_socket,
        .sock_state_cb_data = dns,
    };

    if (ares_init_options(&dns->servers, &ares, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
                                                    ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
        dns->servers = NULL;
        return PN_BAD;
    }
    return options->servers && ares_set_servers_ports_csv(dns->servers, options->servers) != ARES_SUCCESS ? PN_BAD : PN_OK;
}

static pn_rc open_hosts(struct pn__dns *dns)
{
    char                files[] = "f";
    struct ares_options ares = { .lookups = files };

    if (dns->system.lookups && !strchr(dns->system.lookups, 'f'))
        return PN_OK;
    if (ares_init_options(&dns->hosts, &ares, ARES_OPT_LOOKUPS) == ARES_SUCCESS)
        return PN_OK;
    dns->hosts = NULL;
    return PN_BAD;
}

pn_rc pn__dns_open(struct pn_loop *loop, const struct pn_resolver_options *options, pn__dns_done_fn *done,
                   struct pn__dns **ret_dns)
{
    struct pn__dns *dns;

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return PN_BAD;
    dns = calloc(1, sizeof(*dns));
    pn_assert(dns != NULL);
    dns->loop = loop;
    dns->done = done;
    pn_timer_init(&dns->timer, on_timer);
    if (read_system(dns) != PN_OK || open_servers(dns, options) != PN_OK || open_hosts(dns) != PN_OK) {
        pn__dns_close(dns);
        return PN_BAD;
    }
    *ret_dns = dns;
    return PN_OK;
}

static void free_sockets(struct dns_socket *one)
{
    while (one) {
        struct dns_socket *next = one->next;
        free(one);
        one = next;
    }
}

void pn__dns_close(struct pn__dns *dns)
{
    if (dns == NULL)
        return;
    if (dns->servers)
        ares_destroy(dns->servers);
    if (dns->hosts)
        ares_destroy(dns->hosts);
    pn_timer_clear(dns->loop, &dns->timer);
    while (dns->sockets)
        forget_socket(dns, &dns->sockets);
    free_sockets(dns->free_sockets);
    if (dns->system_known)
        ares_destroy_options(&dns->system);
    ares_library_cleanup();
    free(dns);
}

const char *pn__dns_search(const struct pn__dns *dns, unsigned i)
{
    return i < (unsigned)dns->system.ndomains ? dns->system.domains[i] : NULL;
}

/* ---- answers ---- */

static struct query *new_query(struct pn__dns *dns, struct pn__entry *entry)
{
    struct query *query = malloc(sizeof(*query));

    pn_assert(query != NULL);
    *query = (struct query){ dns, entry };
    return query;
}

static void finish(struct query *query, const struct pn__dns_answer *answer)
{
    struct query own = *query;

    free(query);
    own.dns->done(own.entry, answer);
}

static int outcome_of(int status)
{
    switch (status) {
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_ENONAME: return PN__DNS_NONE;
    default: return PN__DNS_FAILED;
    }
}

static int64_t shortest(int64_t ttl_s, int64_t other_s)
{
    return ttl_s < 0 || other_s < ttl_s ? other_s : ttl_s;
}

/* How long a message says that it holds: its answers, or without any the zone's record (RFC 2308 s5). */
static int64_t ttl_of(const unsigned char *bytes, int n)
{
    int64_t ttl_s = -1;
    ns_msg  message;
    ns_rr   record;

    if (bytes == NULL || ns_initparse(bytes, n, &message) != 0)
        return ttl_s;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
        if (ns_parserr(&message, ns_s_an, i, &record) == 0)
            ttl_s = shortest(ttl_s, ns_rr_ttl(record));
    for (int i = 0; ttl_s < 0 && i < ns_msg_count(message, ns_s_ns); i++)
        if (ns_parserr(&message, ns_s_ns, i, &record) == 0 && ns_rr_type(record) == ns_t_soa)
            ttl_s = ns_rr_ttl(record);
    return ttl_s;
}

/* The first name in the order of the answer; c-ares lists all of them as aliases. */
static pn_str first_name(const struct hostent *host)
{
    return pn_str_z(host->h_aliases && host->h_aliases[0] ? host->h_aliases[0] : host->h_name);
}

static void got_name(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
    struct query         *query = arg;
    struct pn__dns_answer answer = { .outcome = outcome_of(status), .ttl_s = ttl_of(bytes, n) };
    struct hostent       *host = NULL;

    (void)timeouts;
    if (status == ARES_SUCCESS) {
        status = ares_parse_ptr_reply(bytes, n, NULL, 0, AF_INET, &host);
        answer.outcome = status == ARES_SUCCESS ? PN__DNS_FOUND : outcome_of(status);
    }
    if (host)
        answer.name = first_name(host);
    finish(query, &answer);
    if (host)
        ares_free_hostent(host);
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct pn_addr        *v = NULL;
    struct pn__dns_answer  answer = { .outcome = outcome_of(status), .ttl_s = -1 };

    (void)timeouts;
    if (status == ARES_SUCCESS) {
        v = calloc(PN_RESOLVER_ADDRESSES, sizeof(*v));
        pn_assert(v != NULL);
        for (const struct ares_addrinfo_node *node = info->nodes; node && answer.n < PN_RESOLVER_ADDRESSES; node = node->ai_next) {
            union pn_sockaddr sa = { 0 };
            if (node->ai_addrlen > sizeof(sa))
                continue;
            memcpy(&sa, node->ai_addr, node->ai_addrlen);
            v[answer.n++] = pn_addr_from_sockaddr(&sa);
            answer.ttl_s = shortest(answer.ttl_s, node->ai_ttl);
        }
        for (const struct ares_addrinfo_cname *cname = info->cnames; cname; cname = cname->next)
            answer.ttl_s = shortest(answer.ttl_s, cname->ttl);
        answer.v = v;
        answer.outcome = answer.n ? PN__DNS_FOUND : PN__DNS_NONE;
    }
    if (info)
        ares_freeaddrinfo(info);
    finish(arg, &answer);
    free(v);
}

/* ---- questions ---- */

/* What the hosts file says; told before ares_gethostbyaddr returns. */
static void got_from_file(void *arg, int status, int timeouts, struct hostent *host)
{
    (void)timeouts;
    if (status == ARES_SUCCESS && host->h_name)
        *(char **)arg = strdup(host->h_name);
}

static char *name_in_file(struct pn__dns *dns, const struct pn_addr *addr)
{
    char *name = NULL;

    if (dns->hosts)
        ares_gethostbyaddr(dns->hosts, addr->ip, addr->family == AF_INET ? 4 : 16, addr->family, got_from_file, &name);
    return name;
}

/* "4.3.2.1.in-addr.arpa", or a nibble a label below ip6.arpa (RFC 1035 s3.5, RFC 3596 s2.5). */
static void reverse_name(const struct pn_addr *addr, char *to, size_t room)
{
    static const char hex[] = "0123456789abcdef";

    if (addr->family == AF_INET) {
        snprintf(to, room, "%u.%u.%u.%u.in-addr.arpa", addr->ip[3], addr->ip[2], addr->ip[1], addr->ip[0]);
        return;
    }
    for (int i = 15; i >= 0; i--) {
        *to++ = hex[addr->ip[i] & 15];
        *to++ = '.';
        *to++ = hex[addr->ip[i] >> 4];
        *to++ = '.';
    }
    memcpy(to, "ip6.arpa", sizeof("ip6.arpa"));
}

void pn__dns_ask_name(struct pn__dns *dns, const struct pn_addr *addr, struct pn__entry *entry)
{
    char  question[80];
    char *name = name_in_file(dns, addr);

    if (name) {
        struct pn__dns_answer answer = { .outcome = PN__DNS_FOUND, .name = pn_str_z(name), .ttl_s = -1 };
        dns->done(entry, &answer);
        free(name);
        return;
    }
    reverse_name(addr, question, sizeof(question));
    ares_query(dns->servers, question, ns_c_in, ns_t_ptr, got_name, new_query(dns, entry));
    set_timer(dns);
}

void pn__dns_ask_addresses(struct pn__dns *dns, const char *name, struct pn__entry *entry)
{
    const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT };

    ares_getaddrinfo(dns->servers, name, NULL, &hints, got_addresses, new_query(dns, entry));
    set_timer(dns);
}
