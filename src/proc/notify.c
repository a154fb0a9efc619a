/* notify.c - see notify.h. */
#include "proc/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void pn__notify_open(struct pn_notify *notify, apr_pool_t *pool)
{
    const char *socket_name = getenv("NOTIFY_SOCKET"), *watchdog = getenv("WATCHDOG_USEC");
    const char *for_pid = getenv("WATCHDOG_PID");
    uint64_t    usec, pid = (uint64_t)getpid();

    notify->socket = socket_name ? pn_str_zdup(pool, pn_str_z(socket_name)) : NULL;
    notify->watchdog = PN_NEVER;
    if (for_pid && pn_str_to_u64(pn_str_z(for_pid), INT32_MAX, &pid) != PN_OK)
        pid = 0;
    if (watchdog && pid == (uint64_t)getpid() && pn_str_to_u64(pn_str_z(watchdog), INT64_MAX, &usec) == PN_OK && usec)
        notify->watchdog = (pn_usec)(usec / 2);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void pn__notify_send(const struct pn_notify *notify, const char *lines)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t             n = notify->socket ? strlen(notify->socket) : 0;
    int                fd;

    if (n == 0 || n >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, notify->socket, n);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0'; /* a name in the abstract name space */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}

void pn__notify_reloading(const struct pn_notify *notify)
{
    struct timespec now;
    char            lines[80];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000);
    pn__notify_send(notify, lines);
}
