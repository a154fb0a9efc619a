/* notify.h - tells the service manager how the server is (systemd's sd_notify protocol over NOTIFY_SOCKET). */
#ifndef PN_PROC_NOTIFY_H
#define PN_PROC_NOTIFY_H

#include <pinion/str.h>

struct pn_notify {
    const char *socket;   /* NULL: nobody wants to know */
    pn_usec     watchdog; /* how often to say that all is well; PN_NEVER: not at all */
};

/** Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment, so that programs we start don't speak for us. */
void pn__notify_open(struct pn_notify *notify, apr_pool_t *pool);
/** Sends lines such as "READY=1". Failures are the service manager's loss. */
void pn__notify_send(const struct pn_notify *notify, const char *lines);
/** "RELOADING=1" with the time that it asks for. */
void pn__notify_reloading(const struct pn_notify *notify);

#endif
