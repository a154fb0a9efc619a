/* store_open.c - the path store's system calls that do not wait for the disk, and the warming of
 * what is cold.
 *
 * Called by the walk. A name that is not in the kernel's cache, or bytes that are not, give
 * EAGAIN (openat2 with RESOLVE_CACHED, preadv2 with RWF_NOWAIT); the walk is then given up, a
 * thread of the offload pool touches the path, and the walk starts again. Kernels without these
 * calls wait in place. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http/store_internal.h"
#include "rt/offload.h"

#if !defined(RESOLVE_CACHED)
#define RESOLVE_CACHED 0x20
#endif

/* As much of a .htaccess as warming reads ahead; a longer one is read by the walk in place. */
#define WARM_BYTES (1 << 20)

static int openat2_path(int dirfd, const char *name, uint64_t resolve)
{
    struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve };

    return (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
}

/* Sandboxes answer a call that they do not know with EPERM, too. */
static bool is_unknown_call(int error)
{
    return error == ENOSYS || error == EPERM;
}

int pn__open_path(struct pn_store *store, int dirfd, const char *name)
{
    int fd;

    if (!store->no_openat2 && store->nonblock && !store->no_cached) {
        fd = openat2_path(dirfd, name, RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED);
        if (fd >= 0 || (errno != EINVAL && !is_unknown_call(errno)))
            return fd;
        store->no_cached = true;
    }
    if (!store->no_openat2) {
        fd = openat2_path(dirfd, name, RESOLVE_NO_MAGICLINKS);
        if (fd >= 0 || !is_unknown_call(errno))
            return fd;
        store->no_openat2 = true;
    }
    return openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

ssize_t pn__read_now(struct pn_store *store, int fd, char *to, size_t n)
{
    size_t have = 0;

    while (have < n) {
        struct iovec piece = { to + have, n - have };
        ssize_t      got = preadv2(fd, &piece, 1, (off_t)have, store->nonblock ? RWF_NOWAIT : 0);

        if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
            got = pread(fd, piece.iov_base, piece.iov_len, (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

int pn__cold(struct pn_store *store, const struct store_node *dir, pn_str name, bool content)
{
    char  *base = pn__node_path(dir);
    size_t n = strlen(base) + name.n + 2;

    free(store->cold);
    store->cold = malloc(n);
    pn_assert(store->cold != NULL);
    snprintf(store->cold, n, "%s/%.*s", base, PN_FMT(name));
    store->cold_content = content;
    free(base);
    return EAGAIN;
}

/* ---- on a thread of the pool ---- */

struct warming {
    char                     *path; /* written to while it is walked */
    size_t                    path_n;
    char                     *cold;
    bool                      content;
    const apr_array_header_t *access_names;
};

static void touch(int dirfd, const char *path)
{
    struct stat st;

    /* What it says does not matter: the walk asks again, by descriptor. */
    if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return;
}

static void touch_access_files(const struct warming *w, const char *dir)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; fd >= 0 && w->access_names && i < w->access_names->nelts; i++)
        touch(fd, APR_ARRAY_IDX(w->access_names, i, pn_str).p);
    if (fd >= 0)
        close(fd);
}

static void touch_content(const char *path)
{
    enum { PIECE = 16 * 1024 };
    char       *buf = malloc(PIECE);
    struct stat st;
    int         fd = stat(path, &st) == 0 && S_ISREG(st.st_mode)
                         ? open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                         : -1;

    for (size_t have = 0; buf && fd >= 0 && have < WARM_BYTES; have += PIECE)
        if (pread(fd, buf, PIECE, (off_t)have) <= 0)
            break;
    if (fd >= 0)
        close(fd);
    free(buf);
}

static void warm_fn(void *arg)
{
    struct warming *w = arg;
    struct stat     st;

    for (size_t i = 1; i < w->path_n; i++) {
        if (w->path[i] != '/')
            continue;
        w->path[i] = '\0';
        if (stat(w->path, &st) != 0 || !S_ISDIR(st.st_mode))
            break;
        touch_access_files(w, w->path);
        w->path[i] = '/';
    }
    touch(AT_FDCWD, w->path);
    if (stat(w->path, &st) == 0 && S_ISDIR(st.st_mode))
        touch_access_files(w, w->path);
    if (w->cold)
        touch(AT_FDCWD, w->cold);
    if (w->cold && w->content)
        touch_content(w->cold);
}

bool pn__warm(struct pn_store *store, const struct pn_server *server, pn_str path)
{
    struct warming w = {
        .path = malloc(path.n + 1),
        .path_n = path.n,
        .cold = store->cold,
        .content = store->cold_content,
        .access_names = pn_core_server(server)->access_names,
    };

    pn_assert(w.path != NULL);
    memcpy(w.path, path.p, path.n);
    w.path[path.n] = '\0';
    store->cold = NULL;
    pn_rc rc = pn_offload(warm_fn, &w);
    free(w.path);
    free(w.cold);
    return rc == PN_OK;
}
