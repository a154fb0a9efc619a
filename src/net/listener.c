/* listener.c - listening sockets: opened by the master, inherited by children, taken over at a reload. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_INHERITED_FD 3

static bool system_has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool same_place(const struct pn_listener *a, const struct pn_listener *b)
{
    return pn_addr_eq(&a->addr, &b->addr, true);
}

static void append(apr_pool_t *pool, struct pn_listener **list, struct pn_addr addr, pn_str protocol)
{
    struct pn_listener **end = list;
    struct pn_listener  *made = apr_pcalloc(pool, sizeof(*made));

    *made = (struct pn_listener){ .addr = addr,
                                  .protocol = pn_str_dup(pool, protocol),
                                  .wildcard = pn_addr_is_any(&addr),
                                  .fd = -1,
                                  .io = { .fd = -1 } };
    for (; *end; end = &(*end)->next)
        if (same_place(*end, made))
            return;
    *end = made;
}

static pn_rc append_host(apr_pool_t *pool, struct pn_listener **list, pn_str host, uint16_t port, pn_str protocol,
                         const char **ret_error)
{
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    int              failed = getaddrinfo(pn_str_zdup(pool, host), NULL, &hints, &found);

    if (failed) {
        *ret_error = pn_str_printf(pool, "the host name '%.*s' cannot be resolved: %s", PN_FMT(host),
                                   gai_strerror(failed)).p;
        return PN_BAD;
    }
    for (struct addrinfo *one = found; one; one = one->ai_next) {
        union pn_sockaddr sa = { 0 };
        memcpy(&sa, one->ai_addr, one->ai_addrlen);
        struct pn_addr addr = pn_addr_from_sockaddr(&sa);
        addr.port = port;
        append(pool, list, addr, protocol);
    }
    freeaddrinfo(found);
    return PN_OK;
}

pn_rc pn_listener_add(apr_pool_t *pool, struct pn_listener **list, pn_str spec, pn_str protocol,
                      const char **ret_error)
{
    struct pn_addr addr;
    bool           any;
    pn_str         host = { NULL, 0 };
    pn_rc          rc = pn_addr_parse_port(spec, &addr, &any, &host);

    if (rc == PN_BAD || addr.port == 0) {
        *ret_error = "a port number from 1 to 65535 is needed, alone or behind an address: 80, 192.0.2.1:80, [2001:db8::1]:80";
        return PN_BAD;
    }
    if (protocol.n == 0)
        protocol = addr.port == 443 ? PN_STR("https") : PN_STR("http");
    if (rc == PN_DECLINED)
        return append_host(pool, list, host, addr.port, protocol, ret_error);
    if (any)
        addr.family = system_has_ipv6() ? AF_INET6 : AF_INET;
    append(pool, list, addr, protocol);
    return PN_OK;
}

static void set_int(int fd, int level, int option, int value)
{
    /* A refusal costs performance only, never correctness. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* A socket that listens, or -1 with errno. */
static int open_socket(const struct pn_listener *listener, const struct pn_listen_options *options)
{
    union pn_sockaddr sa;
    socklen_t         n = pn_addr_to_sockaddr(&listener->addr, &sa);
    int               fd = socket(listener->addr.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options->buckets > 1)
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (options->free_bind)
        set_int(fd, IPPROTO_IP, IP_FREEBIND, 1);
    if (options->receive_bytes)
        set_int(fd, SOL_SOCKET, SO_RCVBUF, options->receive_bytes);
    if (options->send_bytes)
        set_int(fd, SOL_SOCKET, SO_SNDBUF, options->send_bytes);
    if (listener->addr.family == AF_INET6)
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, listener->wildcard && !listener->v6only ? 0 : 1);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* inherited by accepted sockets: no system call for each */
    if (bind(fd, &sa.any, n) < 0 || listen(fd, options->backlog) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void close_one(struct pn_listener *listener)
{
    for (unsigned i = 0; i < listener->n_more; i++)
        close(listener->more[i]);
    listener->n_more = 0;
    if (listener->fd >= 0)
        close(listener->fd);
    listener->fd = -1;
}

/* All sockets of the address. @return false with errno, and none is open. */
static bool open_sockets(apr_pool_t *pool, struct pn_listener *listener, const struct pn_listen_options *options)
{
    unsigned n = options->buckets > 1 ? options->buckets : 1;

    listener->more = n > 1 ? apr_palloc(pool, (n - 1) * sizeof(int)) : NULL;
    listener->fd = open_socket(listener, options);
    while (listener->fd >= 0 && listener->n_more + 1 < n) {
        int fd = open_socket(listener, options);

        if (fd < 0) {
            int error = errno;

            close_one(listener);
            errno = error;
            return false;
        }
        listener->more[listener->n_more++] = fd;
    }
    return listener->fd >= 0;
}

static struct pn_listener *find_open(struct pn_listener *list, const struct pn_listener *like)
{
    for (; list; list = list->next)
        if (list->fd >= 0 && same_place(list, like))
            return list;
    return NULL;
}

/* Sockets of an address come in one entry of a list, or from the environment in several. */
static void take_over(apr_pool_t *pool, struct pn_listener *listener, struct pn_listener *earlier, int backlog)
{
    struct pn_listener *old = find_open(earlier, listener);
    apr_array_header_t *fds;

    if (!old)
        return;
    fds = apr_array_make(pool, 1 + (int)old->n_more, sizeof(int));
    for (; old; old = find_open(earlier, listener)) {
        *(int *)apr_array_push(fds) = old->fd;
        for (unsigned i = 0; i < old->n_more; i++)
            *(int *)apr_array_push(fds) = old->more[i];
        old->fd = -1;
        old->n_more = 0;
    }
    for (int i = 0; i < fds->nelts; i++)
        listen(APR_ARRAY_IDX(fds, i, int), backlog); /* it may have changed */
    listener->inherited = true;
    listener->fd = APR_ARRAY_IDX(fds, 0, int);
    listener->more = (int *)(void *)fds->elts + 1;
    listener->n_more = (unsigned)fds->nelts - 1;
}

pn_rc pn_listeners_open(apr_pool_t *pool, struct pn_listener *list, struct pn_listener *earlier,
                        const struct pn_listen_options *options, const char **ret_error)
{
    char where[64];

    for (struct pn_listener *one = list; one; one = one->next) {
        if (one->fd >= 0 || find_open(earlier, one))
            continue;
        if (open_sockets(pool, one, options))
            continue;
        int error = errno;
        pn_addr_print_port(&one->addr, where);
        *ret_error = pn_str_printf(pool, "could not bind to address %s: %s", where, strerror(error)).p;
        for (struct pn_listener *undo = list; undo != one; undo = undo->next)
            if (!undo->inherited)
                close_one(undo);
        errno = error;
        return PN_SYSTEM;
    }
    for (struct pn_listener *one = list; one; one = one->next)
        if (one->fd < 0)
            take_over(pool, one, earlier, options->backlog);
    return PN_OK;
}

void pn_listener_set_filter(struct pn_listener *listener, pn_str filter, unsigned defer_s)
{
    bool wait_for_data = pn_str_ieq(filter, PN_STR("data")) || pn_str_ieq(filter, PN_STR("httpready")) ||
                         pn_str_ieq(filter, PN_STR("dataready"));

    int  seconds = wait_for_data ? (int)defer_s : 0;

    set_int(listener->fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
    for (unsigned i = 0; i < listener->n_more; i++)
        set_int(listener->more[i], IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds);
}

void pn_listeners_use_bucket(struct pn_listener *list, unsigned bucket)
{
    for (; list; list = list->next) {
        unsigned at = bucket % (list->n_more + 1);
        int      kept = at ? list->more[at - 1] : list->fd;

        if (list->n_more == 0)
            continue;
        if (at)
            list->more[at - 1] = list->fd;
        list->fd = -1;
        close_one(list);
        list->fd = kept;
    }
}

void pn_listeners_close(struct pn_listener *list)
{
    for (; list; list = list->next)
        close_one(list);
}

struct pn_listener *pn_listeners_from_environment(apr_pool_t *pool)
{
    struct pn_listener *list = NULL, **end = &list;
    const char         *for_pid = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    uint64_t            pid, count;

    if (!for_pid || !count_text || pn_str_to_u64(pn_str_z(for_pid), INT32_MAX, &pid) != PN_OK ||
        pid != (uint64_t)getpid() || pn_str_to_u64(pn_str_z(count_text), 1000, &count) != PN_OK)
        return NULL;
    for (int fd = FIRST_INHERITED_FD; fd < FIRST_INHERITED_FD + (int)count; fd++) {
        union pn_sockaddr sa = { 0 };
        socklen_t         n = sizeof(sa);
        if (getsockname(fd, &sa.any, &n) < 0)
            continue;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        struct pn_listener *one = apr_pcalloc(pool, sizeof(*one));
        *one = (struct pn_listener){ .addr = pn_addr_from_sockaddr(&sa), .fd = fd, .inherited = true,
                                     .io = { .fd = -1 } };
        one->wildcard = pn_addr_is_any(&one->addr);
        *end = one;
        end = &one->next;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return list;
}

int pn_listener_accept(struct pn_listener *listener, struct pn_addr *ret_peer)
{
    union pn_sockaddr sa = { 0 };
    socklen_t         n = sizeof(sa);
    int               fd;

    do
        fd = accept4(listener->fd, &sa.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd >= 0)
        *ret_peer = pn_addr_from_sockaddr(&sa);
    return fd;
}
