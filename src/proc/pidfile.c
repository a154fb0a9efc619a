/* pidfile.c - see pidfile.h. */
#include "proc/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID_TEXT_MAX = 32 };

static bool number_in(int fd, pid_t *ret_pid)
{
    char     text[PID_TEXT_MAX];
    ssize_t  n = pread(fd, text, sizeof(text), 0);
    uint64_t pid;

    if (n <= 0 || pn_str_to_u64(pn_str_trim(pn_str_n(text, (size_t)n)), INT32_MAX, &pid) != PN_OK || pid == 0)
        return false;
    *ret_pid = (pid_t)pid;
    return true;
}

/* Nobody holds the lock when we can have it. A file system without locks is taken to hold what it says. */
static bool is_locked(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        flock(fd, LOCK_UN);
        return false;
    }
    return true;
}

static bool is_empty(int fd)
{
    struct stat found;

    return fstat(fd, &found) == 0 && found.st_size == 0;
}

enum pn_pid_state pn_pidfile_read(const char *path, pid_t *ret_pid)
{
    int               fd = open(path, O_RDONLY | O_CLOEXEC);
    enum pn_pid_state state = PN_PID_BAD;

    if (fd < 0)
        return errno == ENOENT ? PN_PID_NONE : PN_PID_BAD;
    if (number_in(fd, ret_pid)) {
        bool alive = kill(*ret_pid, 0) == 0 || errno == EPERM;

        state = alive && is_locked(fd) ? PN_PID_RUNNING : PN_PID_STALE;
    }
    else if (is_empty(fd) && !is_locked(fd))
        state = PN_PID_NONE; /* left by a master that could not remove it */
    close(fd);
    return state;
}

/* Opens and locks the file that has the name now: another master may remove it between the two. */
static pn_rc open_locked(const char *path, int *ret_fd)
{
    for (;;) {
        int         fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        struct stat ours, named;

        if (fd < 0)
            return PN_SYSTEM;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(fd);
            return PN_DENIED;
        }
        if (fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
            ours.st_dev == named.st_dev) {
            *ret_fd = fd;
            return PN_OK;
        }
        close(fd);
    }
}

pn_rc pn__pidfile_open(struct pn_pidfile *file, const char *path)
{
    pid_t earlier;
    int   fd;
    pn_rc rc = open_locked(path, &fd);

    if (rc != PN_OK)
        return rc;
    file->replaced = number_in(fd, &earlier);
    (void)fchmod(fd, 0644); /* whatever the umask: anybody may look who runs the server */
    if (ftruncate(fd, 0) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return PN_SYSTEM;
    }
    file->path = path;
    file->fd = fd;
    return PN_OK;
}

pn_rc pn__pidfile_write(const struct pn_pidfile *file)
{
    char text[PID_TEXT_MAX];
    int  n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (!file->path || (pwrite(file->fd, text, (size_t)n, 0) == n && ftruncate(file->fd, n) == 0))
        return PN_OK;
    return PN_SYSTEM;
}

bool pn__pidfile_adopt(struct pn_pidfile *file, const char *path, int fd)
{
    struct stat ours, named;

    if (fd < 0)
        return false;
    if (fstat(fd, &ours) != 0 || stat(path, &named) != 0 || ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) {
        close(fd);
        return false;
    }
    *file = (struct pn_pidfile){ .path = path, .fd = fd };
    return true;
}

void pn__pidfile_remove(struct pn_pidfile *file)
{
    if (!file->path)
        return;
    /* With -X the folder may be out of our reach by now; the file itself is not. */
    if (unlink(file->path) != 0)
        (void)!ftruncate(file->fd, 0);
    close(file->fd);
    file->path = NULL;
}

void pn__pidfile_leave(struct pn_pidfile *file)
{
    if (file->path)
        close(file->fd);
    file->path = NULL;
}
