/* store_file.c - the path store's open files: descriptor, bytes of small ones, validators.
 *
 * Called by the walk when it ends at a regular file, and by look-ups. Files are shared by inode:
 * names that lead to the same file share its descriptor and bytes. A change of the file makes it
 * unfindable at once, so that nobody can meet old bytes whose times happen to look the same. */
#include "http/store_internal.h"
#include "http/variant.h"

#include <apr_base64.h>
#include <apr_sha1.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/validator.h"
#include "rt/offload.h"

/* ---- files by inode ---- */

static uint64_t hash_of(dev_t device, ino_t inode)
{
    return (((uint64_t)inode ^ (uint64_t)device << 40) * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
}

static struct file **bucket_of(const struct pn_store *store, dev_t device, ino_t inode)
{
    return &store->files[hash_of(device, inode) & (store->n_file_buckets - 1)];
}

static void grow_files(struct pn_store *store)
{
    size_t        n = store->n_file_buckets * 2;
    struct file **bigger = calloc(n, sizeof(struct file *));

    if (bigger == NULL)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < store->n_file_buckets; i++) {
        for (struct file *file = store->files[i], *next; file; file = next) {
            size_t at = hash_of(file->super.info.device, file->super.info.inode) & (n - 1);

            next = file->hash_next;
            file->hash_next = bigger[at];
            bigger[at] = file;
        }
    }
    free(store->files);
    store->files = bigger;
    store->n_file_buckets = n;
}

void pn__file_forget(struct pn_store *store, struct pn_file *pub)
{
    struct file  *file = PN_CONTAINER(pub, struct file, super);
    struct file **at;

    if (!file->hashed)
        return;
    at = bucket_of(store, pub->info.device, pub->info.inode);
    while (*at != file)
        at = &(*at)->hash_next;
    *at = file->hash_next;
    file->hashed = false;
}

static struct file *find(const struct pn_store *store, const struct store_node *node)
{
    struct file *file = *bucket_of(store, node->info.device, node->info.inode);

    while (file &&
           (file->super.info.inode != node->info.inode ||
            file->super.info.device != node->info.device ||
            file->super.ctime_ns != node->ctime_ns || file->super.info.size != node->info.size ||
            file->super.info.mtime != node->info.mtime))
        file = file->hash_next;
    return file;
}

struct pn_file *pn_file_ref(struct pn_file *file)
{
    file->refs++;
    return file;
}

void pn_file_unref(struct pn_file *pub)
{
    struct file     *file;
    struct pn_store *store;

    if (pub == NULL || --pub->refs)
        return;
    file = PN_CONTAINER(pub, struct file, super);
    store = pub->store;
    pn__file_forget(store, pub);
    pn__variants_release(pub);
    if (pub->fd >= 0) {
        close(pub->fd);
        store->fds--;
    }
    if (pub->bytes.p) {
        store->stats.file_bytes -= pub->bytes.n;
        free((char *)pub->bytes.p);
    }
    free(file);
    store->stats.files--;
    pn__store_unlive(store);
}

/* ---- opening ---- */

static struct file *file_new(struct pn_store *store, const struct store_node *node, int fd,
                             int error)
{
    static _Atomic uint64_t last_id;
    struct file            *file = calloc(1, sizeof(*file));

    pn_assert(file != NULL);
    file->super = (struct pn_file){ .refs = 1,
                                    .fd = fd,
                                    .error = error,
                                    .info = node->info,
                                    .id = ++last_id,
                                    .ctime_ns = node->ctime_ns,
                                    .checked = pn_loop_now(store->worker->loop),
                                    .store = store };
    /* Bytes would hide a change that nobody tells of. */
    file->read_tried = node->ask || node->info.nlink > 1;
    if (fd >= 0)
        store->fds++;
    store->stats.files++;
    store->live++;
    return file;
}

/* The descriptor of the very file that the node stands for. @return -1 with errno; ESTALE: it is
   another one. */
static int open_same(struct store_node *node)
{
    struct stat st;
    int         fd = openat(pn__node_final(node->parent)->dir->fd, node->name,
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        if (errno == ENOENT || errno == ELOOP || errno == ENXIO)
            errno = ESTALE;
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == node->info.inode &&
        st.st_dev == node->info.device) {
        pn__node_set_stat(node, &st); /* newer than what the node has, if it changed in between */
        return fd;
    }
    close(fd);
    errno = ESTALE;
    return -1;
}

static bool passes(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ESTALE ||
           error == EINTR;
}

int pn__file_attach(struct pn_store *store, struct store_node *node)
{
    struct file *file;
    int          fd;

    if (node->file)
        return 0;
    file = find(store, node);
    if (file) {
        node->file = pn_file_ref(&file->super);
        return 0;
    }
    fd = open_same(node);
    if (fd < 0 && passes(errno))
        return errno;
    file = file_new(store, node, fd, fd < 0 ? errno : 0);
    if (store->stats.files > store->n_file_buckets)
        grow_files(store);
    file->hash_next = *bucket_of(store, node->info.device, node->info.inode);
    *bucket_of(store, node->info.device, node->info.inode) = file;
    file->hashed = true;
    node->file = &file->super;
    pn__file_fill(store, &file->super);
    return 0;
}

void pn__file_fill(struct pn_store *store, struct pn_file *pub)
{
    struct file *file = PN_CONTAINER(pub, struct file, super);
    size_t       n = (size_t)pub->info.size;
    struct stat  st;
    bool         before = store->nonblock;
    char        *bytes;
    ssize_t      got;

    if (file->read_tried || !file->hashed)
        return;
    file->read_tried = true;
    if (pub->fd < 0 || pub->info.size > store->max_file ||
        n + store->stats.file_bytes > store->max_bytes)
        return;
    bytes = malloc(n + 1);
    if (bytes == NULL)
        return;
    store->nonblock = true; /* bytes can always be had later */
    got = pn__read_now(store, pub->fd, bytes, n);
    store->nonblock = before;
    if (got < 0 &&
        errno == EAGAIN) /* cold: the next request finds it warmed by this one's sendfile */
        file->read_tried = false;
    if (got != (ssize_t)n || fstat(pub->fd, &st) != 0 ||
        !pn__same_stat(&pub->info, pub->ctime_ns, &st)) {
        free(bytes);
        return;
    }
    bytes[n] = '\0';
    pub->bytes = pn_str_n(bytes, n);
    store->stats.file_bytes += n;
}

bool pn__file_same(struct pn_store *store, struct pn_file *file, pn_usec now)
{
    struct stat st;

    if (file->fd < 0)
        return true; /* what could be told of it, the walk asked about */
    store->stats.asks++;
    if (fstat(file->fd, &st) != 0 || !pn__same_stat(&file->info, file->ctime_ns, &st))
        return false;
    file->checked = now;
    return true;
}

bool pn__file_current(struct pn_store *store, struct pn_file *file)
{
    pn_usec now = pn_loop_now(store->worker->loop);
    bool    doubtful = file->info.nlink > 1 || now - file->checked > PN_FILE_CHECK_USEC;

    return !doubtful || pn__file_same(store, file, now);
}

/* ---- validators ---- */

static size_t put_hex(char *to, size_t at, uint64_t value)
{
    int n = snprintf(to + at, 18, "%s%llx", at > 1 ? "-" : "", (unsigned long long)value);

    return at + (size_t)n;
}

size_t pn__put_tag(char *to, unsigned bits, const struct pn_finfo *info)
{
    size_t n = 0;

    to[n++] = '"';
    if (bits & PN_ETAG_INODE)
        n = put_hex(to, n, (uint64_t)info->inode);
    if (bits & PN_ETAG_SIZE)
        n = put_hex(to, n, info->size);
    if (bits & PN_ETAG_MTIME)
        n = put_hex(to, n, (uint64_t)info->mtime);
    if (n == 1)
        return 0;
    to[n++] = '"';
    return n;
}

void pn__place_validators(struct place *place)
{
    const struct pn_finfo *info = &place->super.finfo;
    unsigned               bits = pn_core_dir(place->super.vec)->etag_bits;
    pn_wall                now = pn_loop_wall(place->super.store->worker->loop);
    size_t                 n;

    pn_http_date(info->mtime, place->last_modified);
    place->super.last_modified = pn_str_n(place->last_modified, PN_HTTP_DATE_LEN);
    if (bits & PN_ETAG_NONE || bits & PN_ETAG_DIGEST)
        return;
    n = pn__put_tag(place->etag + 2, bits, info);
    if (n == 0)
        return;
    memcpy(place->etag, "W/", 2);
    place->super.etag = pn_str_n(place->etag + 2, n);
    /* RFC 9110 s8.8.1: within the second of its change a file may change again under the same
       time. */
    if (now - info->mtime <= PN_USEC_PER_SEC) {
        place->super.etag = pn_str_n(place->etag, n + 2);
        place->weak_until = info->mtime + PN_USEC_PER_SEC;
    }
}

struct digest {
    int           fd;
    pn_str        bytes;
    bool          failed;
    unsigned char sha1[APR_SHA1_DIGESTSIZE];
};

static void digest_fn(void *arg)
{
    enum { PIECE = 64 * 1024 };
    struct digest *d = arg;
    apr_sha1_ctx_t sha1;
    char          *buf = d->bytes.p ? NULL : malloc(PIECE);
    ssize_t        got = 0;

    apr_sha1_init(&sha1);
    if (d->bytes.p)
        apr_sha1_update(&sha1, d->bytes.p, (unsigned)d->bytes.n);
    for (off_t at = 0; buf && (got = pread(d->fd, buf, PIECE, at)) > 0; at += got)
        apr_sha1_update(&sha1, buf, (unsigned)got);
    d->failed = got < 0 || (!buf && !d->bytes.p);
    free(buf);
    apr_sha1_final(d->sha1, &sha1);
}

void pn__place_digest(struct place *place)
{
    const struct pn_file *file = place->super.file;
    struct digest         d = { 0 };
    int                   n;

    if (file == NULL || file->fd < 0 || place->super.vec == NULL ||
        (pn_core_dir(place->super.vec)->etag_bits & (PN_ETAG_DIGEST | PN_ETAG_NONE)) !=
            PN_ETAG_DIGEST)
        return;
    d.fd = file->fd;
    d.bytes = file->bytes;
    if (d.bytes.p || pn_fiber_this() == NULL || pn_offload(digest_fn, &d) != PN_OK)
        digest_fn(&d);
    if (d.failed)
        return;
    place->etag[0] = '"';
    n = apr_base64_encode_binary(place->etag + 1, d.sha1, sizeof(d.sha1)) -
        1; /* it counts its NUL */
    place->etag[n + 1] = '"';
    place->super.etag = pn_str_n(place->etag, (size_t)n + 2);
}
