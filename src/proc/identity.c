/* identity.c - see identity.h. */
#include "proc/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

const char *pn__identity_check(const struct pn_unixd_conf *conf)
{
    if (geteuid() == 0 && !conf->user_set)
        return "started as root, the server needs a User line that names the account of its children";
    return NULL;
}

static gid_t group_of(const struct pn_unixd_conf *conf, const struct passwd *account)
{
    if (conf->group_set)
        return conf->gid;
    return account ? account->pw_gid : (gid_t)conf->uid;
}

const char *pn__identity_take(const struct pn_unixd_conf *conf)
{
    const struct passwd *account;
    gid_t                gid;

    if (geteuid() != 0)
        return NULL;
    account = getpwuid(conf->uid); /* before chroot: the account files lie outside */
    gid = group_of(conf, account);
    if (setgid(gid) != 0)
        return "setgid";
    if (account ? initgroups(account->pw_name, gid) != 0 : setgroups(1, &gid) != 0)
        return "initgroups";
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
