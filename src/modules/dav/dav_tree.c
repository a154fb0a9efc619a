/* dav_tree.c - see dav_tree.h. */
#include "dav_tree.h"

#include <apr_uuid.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dav_props.h"

#define COPY_BYTES ((size_t)1 << 20)

static void note(apr_array_header_t *failures, pn_str file, int error)
{
    int status = dav_status_of_errno(error);

    APR_ARRAY_PUSH(failures, struct dav_failure) = (struct dav_failure){ pn_str_dup(failures->pool, file), status };
}

/* ---- copying a file ---- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        p += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static int copy_by_hand(int from, int to)
{
    char *buffer = malloc(COPY_BYTES);
    int   error = 0;

    pn_assert(buffer != NULL);
    for (;;) {
        ssize_t got = read(from, buffer, COPY_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = errno;
        if (got <= 0 || (error = write_all(to, buffer, (size_t)got)))
            break;
    }
    free(buffer);
    return error;
}

/* Lets the file system share blocks where it can. */
int dav_tree_copy_bytes(int from, int to)
{
    for (;;) {
        ssize_t copied = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
        if (copied == 0)
            return 0;
        if (copied < 0 && errno != EINTR)
            return errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ? copy_by_hand(from, to) : errno;
    }
}

pn_str dav_temp_name(apr_pool_t *pool, pn_str file)
{
    char       text[APR_UUID_FORMATTED_LENGTH + 1];
    apr_uuid_t id;
    pn_str     dir = dav_parent(file);

    apr_uuid_get(&id);
    apr_uuid_format(text, &id);
    return PN_CAT(pool, dir.n == 1 ? PN_STR("") : dir, PN_STR("/" DAV_TEMP_PREFIX), pn_str_z(text));
}

static int copy_to(int from, pn_str temp, pn_str to)
{
    struct stat st;
    int         out, error = 0;

    if (fstat(from, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EPERM;
    out = open(temp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out < 0)
        return errno;
    error = dav_tree_copy_bytes(from, out);
    if (error == 0 && fchmod(out, st.st_mode & 0777) != 0)
        error = errno;
    if (close(out) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temp.p, to.p) != 0)
        error = errno;
    if (error)
        unlink(temp.p);
    return error;
}

int dav_tree_copy_file(apr_pool_t *pool, pn_str from, pn_str to)
{
    int error, in = open(from.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (in < 0)
        return errno;
    error = copy_to(in, dav_temp_name(pool, to), to);
    close(in);
    return error;
}

/* ---- trees ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *open_tree(pn_str file)
{
    char *roots[] = { (char *)(uintptr_t)file.p, NULL };

    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);
}

/* The properties of a member go with the member's directory. */
static bool is_state(const FTSENT *entry)
{
    for (; entry && entry->fts_level > 0; entry = entry->fts_parent)
        if (strcmp(entry->fts_name, DAV_STATE_DIR) == 0)
            return true;
    return false;
}

static int remove_entry(const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_D: return 0; /* before its members */
    case FTS_DP: return rmdir(entry->fts_path) == 0 || errno == ENOENT ? 0 : errno;
    case FTS_DNR: case FTS_ERR: case FTS_NS: return entry->fts_errno;
    default: return unlink(entry->fts_path) == 0 || errno == ENOENT ? 0 : errno;
    }
}

static int remove_tree(pn_str file, apr_array_header_t *failures)
{
    FTS    *tree = open_tree(file);
    FTSENT *entry;
    int     own = 0;

    if (!tree)
        return errno;
    while ((entry = fts_read(tree)) != NULL) {
        int error = remove_entry(entry);
        if (error && entry->fts_level == 0)
            own = error;
        else if (error && error != ENOTEMPTY && !is_state(entry))
            note(failures, pn_str_z(entry->fts_path), error);
    }
    fts_close(tree);
    return own == ENOTEMPTY && failures->nelts ? 0 : own;
}

int dav_tree_remove(apr_pool_t *pool, pn_str file, bool collection, apr_array_header_t *failures)
{
    if (collection)
        return remove_tree(file, failures);
    if (unlink(file.p) != 0)
        return errno;
    return dav_props_delete(pool, file, false);
}

static int copy_entry(apr_pool_t *pool, const FTSENT *entry, pn_str to)
{
    switch (entry->fts_info) {
    case FTS_D: return mkdir(to.p, 0777) == 0 ? 0 : errno;
    case FTS_F: return dav_tree_copy_file(pool, pn_str_z(entry->fts_path), to);
    case FTS_DNR: case FTS_ERR: case FTS_NS: return entry->fts_errno;
    default: return 0; /* links and devices are not copied */
    }
}

static int copy_tree(apr_pool_t *pool, pn_str from, pn_str to, apr_array_header_t *failures)
{
    FTS    *tree = open_tree(from);
    FTSENT *entry;
    int     own = 0;

    if (!tree)
        return errno;
    while (own == 0 && (entry = fts_read(tree)) != NULL) {
        pn_str target = PN_CAT(pool, to, pn_str_from(pn_str_z(entry->fts_path), from.n));
        if (strncmp(entry->fts_name, DAV_TEMP_PREFIX, sizeof(DAV_TEMP_PREFIX) - 1) == 0)
            continue;
        int error = copy_entry(pool, entry, target);
        if (error && entry->fts_info == FTS_D)
            fts_set(tree, entry, FTS_SKIP);
        if (error && entry->fts_level == 0)
            own = error;
        else if (error && !is_state(entry))
            note(failures, target, error);
    }
    fts_close(tree);
    return own;
}

int dav_tree_copy(apr_pool_t *pool, pn_str from, pn_str to, bool collection, bool deep, apr_array_header_t *failures)
{
    if (collection && deep)
        return copy_tree(pool, from, to, failures);
    int error = !collection ? dav_tree_copy_file(pool, from, to) : mkdir(to.p, 0777) == 0 ? 0 : errno;
    return error ? error : dav_props_copy(pool, from, to, collection);
}

int dav_tree_move(apr_pool_t *pool, pn_str from, pn_str to, bool collection, apr_array_header_t *failures)
{
    int error;

    if (rename(from.p, to.p) == 0) {
        if (collection) /* they are inside */
            return 0;
        error = dav_props_copy(pool, from, to, false);
        return error ? error : dav_props_delete(pool, from, false);
    }
    if (errno != EXDEV)
        return errno;
    error = dav_tree_copy(pool, from, to, collection, true, failures);
    if (error || failures->nelts) /* what could not be copied must not be lost */
        return error;
    return dav_tree_remove(pool, from, collection, failures);
}
