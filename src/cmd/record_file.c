/* record_file.c - see record_file.h. */
#include "cmd/record_file.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pinion/buf.h>

#define FILE_MAX_BYTES ((size_t)1 << 30)
#define PART_BYTES 65536

/* ---- bytes ---- */

static bool read_all(apr_pool_t *pool, int fd, pn_str *ret_text)
{
    struct pn_buf text;
    ssize_t       n;

    pn_buf_init(&text, pool, FILE_MAX_BYTES);
    for (;;) {
        char *room = pn_buf_reserve(&text, PART_BYTES);
        if (!room) {
            errno = EFBIG;
            return false;
        }
        n = read(fd, room, PART_BYTES);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text.n += (size_t)n;
    }
    *ret_text = pn_buf_view(&text);
    return true;
}

static bool write_all(int fd, pn_str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text = pn_str_from(text, (size_t)n);
    }
    return fsync(fd) == 0;
}

/* ---- opening ---- */

static bool is_regular(int fd, struct stat *ret)
{
    if (fstat(fd, ret) != 0)
        return false;
    errno = S_ISDIR(ret->st_mode) ? EISDIR : EINVAL;
    return S_ISREG(ret->st_mode);
}

bool record_file_read(apr_pool_t *pool, const char *path, pn_str *ret_text)
{
    int  fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read_all(pool, fd, ret_text);
    int  wrong = errno;

    if (fd >= 0)
        close(fd);
    errno = wrong;
    return good;
}

/* While we waited for the lock the name may have got to another file.
 * @return 1: locked, 0: it is another one now, -1: errno. */
static int lock(int fd, const char *path)
{
    struct stat ours, named;

    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return -1;
    if (!is_regular(fd, &ours))
        return -1;
    return stat(path, &named) == 0 && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

bool record_file_open(apr_pool_t *pool, const char *path, bool create, struct record_file *ret)
{
    struct record_file file = { .pool = pool };
    int                locked = 0, wrong;
    char              *whole;

    while (!locked) {
        file.fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | (create ? O_CREAT : 0), 0666);
        if (file.fd < 0)
            return false;
        locked = lock(file.fd, path);
        if (!locked)
            close(file.fd);
    }
    /* A link stays: what it leads to is replaced. */
    whole = locked > 0 ? realpath(path, NULL) : NULL;
    file.path = whole ? apr_pstrdup(pool, whole) : NULL;
    free(whole);
    if (!file.path || (!create && !read_all(pool, file.fd, &file.text))) {
        wrong = errno;
        close(file.fd);
        errno = wrong;
        return false;
    }
    *ret = file;
    return true;
}

void record_file_close(struct record_file *file)
{
    close(file->fd);
    file->fd = -1;
}

/* ---- replacing ---- */

/* What keeps a file from being replaced, but not from being written to: a directory that is not
 * ours, a mount, other names. */
static bool is_bound_to_place(int wrong)
{
    return wrong == EACCES || wrong == EPERM || wrong == EROFS || wrong == EBUSY ||
           wrong == EXDEV || wrong == EMLINK;
}

static bool fill_like(int fd, const struct stat *like, pn_str text)
{
    struct stat own;

    if (fstat(fd, &own) != 0)
        return false;
    if ((own.st_uid != like->st_uid || own.st_gid != like->st_gid) &&
        fchown(fd, like->st_uid, like->st_gid) != 0)
        return false;
    return fchmod(fd, like->st_mode & 07777) == 0 && write_all(fd, text);
}

static bool replace_whole(const struct record_file *file, pn_str text)
{
    char       *temporary = apr_pstrcat(file->pool, file->path, ".XXXXXX", NULL);
    struct stat st;
    bool        good;
    int         fd, wrong;

    if (fstat(file->fd, &st) != 0)
        return false;
    if (st.st_nlink > 1) {
        errno = EMLINK;
        return false;
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return false;
    good = fill_like(fd, &st, text) && rename(temporary, file->path) == 0;
    wrong = errno;
    close(fd);
    if (!good)
        unlink(temporary);
    errno = wrong;
    return good;
}

static bool overwrite(const struct record_file *file, pn_str text)
{
    return lseek(file->fd, 0, SEEK_SET) == 0 && ftruncate(file->fd, (off_t)text.n) == 0 &&
           write_all(file->fd, text);
}

bool record_file_replace(struct record_file *file, pn_str text)
{
    if (replace_whole(file, text))
        return true;
    return is_bound_to_place(errno) && overwrite(file, text);
}

/* ---- records ---- */

pn_str record_file_edit(apr_pool_t *pool, pn_str text, pn_str prefix, const char *record,
                        bool *ret_found)
{
    struct pn_buf out;
    bool          found = false;

    /* Two line ends at most are added. */
    pn_buf_init(&out, pool, text.n + (record ? strlen(record) : 0) + 2);
    while (text.n) {
        pn_str line = pn_str_cut(text, '\n', &text);
        bool   ours = pn_str_starts(line, prefix);
        if (ours ? record && !found : true) {
            pn_buf_str(&out, ours ? pn_str_z(record) : line);
            pn_buf_ch(&out, '\n');
        }
        found = found || ours;
    }
    if (record && !found) {
        pn_buf_str(&out, pn_str_z(record));
        pn_buf_ch(&out, '\n');
    }
    *ret_found = found;
    return pn_buf_view(&out);
}

pn_rc record_file_find(pn_str text, pn_str prefix, pn_str *ret_rest)
{
    while (text.n) {
        pn_str line = pn_str_cut(text, '\n', &text);
        if (pn_str_starts(line, prefix)) {
            *ret_rest = pn_str_from(line, prefix.n);
            return PN_OK;
        }
    }
    return PN_NOT_FOUND;
}
