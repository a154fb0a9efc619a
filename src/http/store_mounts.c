/* store_mounts.c - mounting changes what names mean, and no directory's watch tells of it: the
 * kernel's list of mounts does.
 *
 * Called when a store opens and closes. A change of the mounts clears the store; they are rare.
 * Where /proc is not to be had, a mount over a directory that is in use is seen when the places
 * below are evicted or the server reloads. */
#include "http/store_internal.h"

#include <fcntl.h>
#include <unistd.h>

static void on_mounts(struct pn_io *io, unsigned events)
{
    if (events & PN_IO_HUP) /* the list is always readable; a change counts as an error */
        pn_store_clear(PN_CONTAINER(io, struct pn_store, mounts));
}

void pn__mounts_watch(struct pn_store *store)
{
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    store->mounts.fd = -1;
    if (fd >= 0 && pn_io_open(store->worker->loop, &store->mounts, fd, on_mounts, false) != PN_OK) {
        close(fd);
        store->mounts.fd = -1;
    }
}

void pn__mounts_unwatch(struct pn_store *store)
{
    if (store->mounts.fd >= 0)
        pn_io_close(store->worker->loop, &store->mounts);
}
