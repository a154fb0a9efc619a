/* identity.c - see identity.h. */
#include "proc/identity.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

const char *pn__identity_check(const struct pn_unixd_conf *conf)
{
    if (geteuid() == 0 && !conf->user_set)
        return "started as root, the server needs a User line that names the account of its children";
    return NULL;
}

const char *pn__identity_take(const struct pn_unixd_conf *conf)
{
    if (geteuid() != 0)
        return NULL;
    pn_assert(conf->n_groups > 0);
    if (setgid(conf->groups[0]) != 0)
        return "setgid";
    if (setgroups((size_t)conf->n_groups, conf->groups) != 0)
        return "setgroups";
    if (conf->chroot_dir.n && (chdir(conf->chroot_dir.p) != 0 || chroot(conf->chroot_dir.p) != 0 || chdir("/") != 0))
        return "chroot";
    if (setuid(conf->uid) != 0)
        return "setuid";
    if (setuid(0) == 0) { /* it must be gone for good */
        errno = EPERM;
        return "giving up root";
    }
    return NULL;
}
