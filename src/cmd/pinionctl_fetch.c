/* pinionctl_fetch.c - one GET, as much of HTTP as it takes to read a status page. */
#include <apr_strings.h>
#include <apr_uri.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pinion/buf.h>

#include "cmd/pinionctl.h"

#define ANSWER_MAX_BYTES ((size_t)64 << 20)
#define PART_BYTES 16384
#define WAIT_S 10

static int connect_to(const struct addrinfo *address)
{
    struct timeval wait = { .tv_sec = WAIT_S };
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    int wrong;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    wrong = errno;
    close(fd);
    errno = wrong;
    return -1;
}

/* @return -1: what was wrong has been said. */
static int connect_by_name(const char *host, const char *port)
{
    struct addrinfo  wanted = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;
    int              fd = -1, code = getaddrinfo(host, port, &wanted, &list);

    if (code != 0) {
        fprintf(stderr, CTL_PROGRAM ": %s: %s\n", host, gai_strerror(code));
        return -1;
    }
    for (const struct addrinfo *address = list; address && fd < 0; address = address->ai_next)
        fd = connect_to(address);
    if (fd < 0)
        fprintf(stderr, CTL_PROGRAM ": cannot connect to %s port %s: %s\n", host, port,
                strerror(errno));
    freeaddrinfo(list);
    return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}

static bool receive_all(apr_pool_t *pool, int fd, pn_str *ret)
{
    struct pn_buf answer;

    pn_buf_init(&answer, pool, ANSWER_MAX_BYTES);
    for (;;) {
        char   *room = pn_buf_reserve(&answer, PART_BYTES);
        ssize_t n;
        if (!room) {
            errno = EMSGSIZE;
            return false;
        }
        n = recv(fd, room, PART_BYTES, 0);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            answer.n += (size_t)n;
    }
    *ret = pn_buf_view(&answer);
    return true;
}

/* The body of an answer with 200. HTTP/1.0 was asked for, so it is all that follows the head. */
static bool take_body(apr_pool_t *pool, const char *url, pn_str answer, pn_str *ret_body)
{
    size_t head = pn_str_find(answer, PN_STR("\r\n\r\n"));
    pn_str rest, line = pn_str_cut(answer, '\r', &rest), version = pn_str_cut(line, ' ', &rest);

    if (!pn_str_starts(version, PN_STR("HTTP/1.")) || head == SIZE_MAX) {
        fprintf(stderr, CTL_PROGRAM ": %s: what answers there is no web server\n", url);
        return false;
    }
    if (!pn_str_starts(rest, PN_STR("200"))) {
        fprintf(stderr, CTL_PROGRAM ": %s: the server answers '%s'\n", url,
                pn_str_escape(pool, rest).p);
        return false;
    }
    *ret_body = pn_str_from(answer, head + 4);
    return true;
}

static bool parse_url(apr_pool_t *pool, const char *url, apr_uri_t *ret)
{
    if (apr_uri_parse(pool, url, ret) == APR_SUCCESS && ret->scheme &&
        strcmp(ret->scheme, "http") == 0 && ret->hostname)
        return true;
    fprintf(stderr, CTL_PROGRAM ": '%s' is no http: URL\n", url);
    return false;
}

bool ctl_fetch(apr_pool_t *pool, const char *url, pn_str *ret_body)
{
    apr_uri_t   uri;
    const char *request, *target;
    pn_str      answer;
    bool        good;
    int         fd;

    if (!parse_url(pool, url, &uri))
        return false;
    target = apr_uri_unparse(pool, &uri, APR_URI_UNP_OMITSITEPART);
    request = apr_psprintf(
        pool, "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: " CTL_PROGRAM "/" PN_VERSION "\r\n\r\n",
        uri.path ? target : "/", uri.hostinfo);
    fd = connect_by_name(uri.hostname, uri.port_str && *uri.port_str ? uri.port_str : "80");
    if (fd < 0)
        return false;
    good = send_all(fd, request, strlen(request)) && receive_all(pool, fd, &answer);
    if (!good)
        fprintf(stderr, CTL_PROGRAM ": %s: %s\n", url,
                errno == EAGAIN ? "no answer in time" : strerror(errno));
    close(fd);
    return good && take_body(pool, url, answer, ret_body);
}
