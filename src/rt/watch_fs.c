/* watch_fs.c - which file systems' change reports are complete.
 *
 * Called by watch_inotify.c before it watches. inotify tells of changes made through this
 * kernel's VFS; what another host or a user-space server changes behind a network or FUSE mount,
 * or what a stacked file system's lower layer changes, is not told. So only known local file
 * systems are trusted: for an unknown one, asking the file system each time is slower, and never
 * wrong. */
#include <sys/vfs.h>

#include "rt/watch_internal.h"

/* f_type values, from statfs(2) and the kernel's magic.h. */
static const uint32_t trusted[] = {
    0xef53,     /* ext2, ext3, ext4 */
    0x01021994, /* tmpfs */
    0x58465342, /* xfs */
    0x9123683e, /* btrfs */
    0x794c7630, /* overlayfs: its layers must not be changed while it is mounted */
    0x2fc12fc1, /* zfs */
    0xf2f52010, /* f2fs */
    0xca451a4e, /* bcachefs */
    0x3153464a, /* jfs */
    0x52654973, /* reiserfs */
    0x3434,     /* nilfs2 */
    0x858458f6, /* ramfs */
    0x73717368, /* squashfs */
    0xe0f5e1e2, /* erofs */
    0x9660,     /* iso9660 */
    0x15013346, /* udf */
    0x4d44,     /* vfat */
    0x2011bab0, /* exfat */
    0x7366746e, /* ntfs3 */
    0x24051905, /* ubifs */
    0x72b6,     /* jffs2 */
};

bool pn__watch_fs_trusted(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) != 0)
        return false;
    for (size_t i = 0; i < PN_COUNT(trusted); i++)
        if ((uint32_t)fs.f_type == trusted[i])
            return true;
    return false;
}
