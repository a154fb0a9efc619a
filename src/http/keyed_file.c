/* keyed_file.c - see pinion/keyed_file.h.
 *
 * One table a process, shared by its loops under a mutex that is never held across a wait. A file that changed less than
 * two seconds before it was read may change again without its time telling: it is read anew until its time has settled.
 * From then on the path store says whether the file is still that one, without a system call where the file watch can be
 * trusted; a path that the store may not walk (a symbolic link that Options forbid) is asked about with stat. */
#include <pinion/keyed_file.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pinion/request.h>

#include "http/keyed_text.h"
#include "http/store.h"

#define FILE_MAX_BYTES ((size_t)256 << 20)
#define HELD_MAX_BYTES ((size_t)64 << 20) /* of all files together, as they are on disk */
#define HELD_MAX_FILES 64
#define SETTLE_SECONDS 2
#define READ_TRIES 3

/* Tells one state of a file from another. */
struct stamp {
    dev_t           device;
    ino_t           inode;
    off_t           size;
    struct timespec mtime, ctime;
};

/* A file as it was read. Owns its pool. */
struct held {
    apr_pool_t        *pool;
    char              *path;
    enum pn_keyed_form form;
    struct stamp       stamp;
    bool               settled;
    uint64_t           state;  /* pn_file's id that stood for this content; 0: none */
    apr_hash_t        *values; /* see keyed_text.h */
    uint64_t           used;   /* rises with each look-up */
};

static struct {
    pthread_mutex_t lock;
    struct held    *files[HELD_MAX_FILES];
    unsigned        n;
    size_t          bytes;
    uint64_t        clock;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- reading, on a thread of the offload pool ---- */

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){ .device = st->st_dev, .inode = st->st_ino, .size = st->st_size, .mtime = st->st_mtim,
                           .ctime = st->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && same_time(a->mtime, b->mtime) &&
           same_time(a->ctime, b->ctime);
}

static bool is_settled(const struct stamp *stamp)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return stamp->ctime.tv_sec + SETTLE_SECONDS < now.tv_sec && stamp->mtime.tv_sec + SETTLE_SECONDS < now.tv_sec;
}

struct reading {
    const char        *path;
    enum pn_keyed_form form;
    struct held       *held; /* the result */
    pn_rc              rc;
    int                error;
};

static pn_rc read_bytes(int fd, size_t size, apr_pool_t *pool, pn_str *ret)
{
    char  *bytes = apr_palloc(pool, size + 1);
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return PN_SYSTEM;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret = pn_str_n(bytes, n);
    return PN_OK;
}

/* Opens without waiting: a FIFO in the file's place must not hang a thread. */
static pn_rc read_once(struct reading *reading, struct held *held)
{
    struct stat  before, after;
    struct stamp again;
    pn_str       bytes;
    pn_rc        rc = PN_SYSTEM;
    int          fd = open(reading->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return PN_SYSTEM;
    if (fstat(fd, &before) == 0) {
        errno = EISDIR;
        if (S_ISREG(before.st_mode) && (size_t)before.st_size > FILE_MAX_BYTES)
            rc = PN_LIMIT;
        else if (S_ISREG(before.st_mode))
            rc = read_bytes(fd, (size_t)before.st_size, held->pool, &bytes);
    }
    if (rc == PN_OK && fstat(fd, &after) != 0)
        rc = PN_SYSTEM;
    int error = errno;
    close(fd);
    errno = error;
    if (rc != PN_OK)
        return rc;
    held->stamp = stamp_of(&before);
    again = stamp_of(&after);
    if (!same_stamp(&held->stamp, &again))
        return PN_AGAIN;
    held->settled = is_settled(&again);
    held->values = pn__keyed_text_parse(held->pool, held->form, bytes);
    return PN_OK;
}

static struct held *new_held(const char *path, enum pn_keyed_form form)
{
    apr_allocator_t *allocator;
    apr_pool_t      *pool;
    struct held     *held;

    pn_assert(apr_allocator_create(&allocator) == APR_SUCCESS);
    apr_pool_create_unmanaged_ex(&pool, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
    held = apr_pcalloc(pool, sizeof(*held));
    held->pool = pool;
    held->path = apr_pstrdup(pool, path);
    held->form = form;
    return held;
}

static void read_file(void *arg)
{
    struct reading *reading = arg;

    for (unsigned i = 0; i < READ_TRIES; i++) {
        struct held *held = new_held(reading->path, reading->form);
        reading->rc = read_once(reading, held);
        reading->error = errno;
        if (reading->rc == PN_OK) {
            reading->held = held;
            return;
        }
        apr_pool_destroy(held->pool);
        if (reading->rc != PN_AGAIN)
            return;
    }
    reading->rc = PN_SYSTEM; /* somebody writes without end */
    reading->error = EBUSY;
}

/* ---- the table ---- */

static struct held **find(const char *path, enum pn_keyed_form form)
{
    for (unsigned i = 0; i < table.n; i++)
        if (table.files[i]->form == form && strcmp(table.files[i]->path, path) == 0)
            return &table.files[i];
    return NULL;
}

static void drop(struct held **at)
{
    struct held *held = *at;

    *at = table.files[--table.n];
    table.bytes -= (size_t)held->stamp.size;
    apr_pool_destroy(held->pool);
}

static struct held **least_used(void)
{
    struct held **least = &table.files[0];

    for (unsigned i = 1; i < table.n; i++)
        if (table.files[i]->used < (*least)->used)
            least = &table.files[i];
    return least;
}

/* Takes the file over. */
static void publish(struct held *held)
{
    struct held **before = find(held->path, held->form);

    if (before)
        drop(before);
    while (table.n && (table.n == HELD_MAX_FILES || table.bytes + (size_t)held->stamp.size > HELD_MAX_BYTES))
        drop(least_used());
    held->used = ++table.clock;
    table.bytes += (size_t)held->stamp.size;
    table.files[table.n++] = held;
}

static pn_rc value_of(const struct held *held, apr_pool_t *pool, pn_str key, pn_str *ret_value)
{
    const struct pn_keyed_value *value = apr_hash_get(held->values, key.p, (apr_ssize_t)key.n);

    if (!value)
        return PN_NOT_FOUND;
    pn_str text = pn_str_dup(pool, value->text);
    while ((value = value->next))
        text = PN_CAT(pool, text, PN_STR("\n"), value->text);
    *ret_value = text;
    return PN_OK;
}

/* A look-up on its way. */
struct asking {
    pn_str             path;
    enum pn_keyed_form form;
    pn_str             key;
    uint64_t           state; /* what the store calls the file's content now; 0: it cannot tell */
};

/* PN_AGAIN: it has to be read. @param now what stat says; NULL: the state decides. */
static pn_rc get_held(struct pn_request *r, const struct asking *asking, const struct stamp *now, pn_str *ret_value)
{
    pn_rc         rc = PN_AGAIN;
    struct held **found, *held;

    pthread_mutex_lock(&table.lock);
    found = find(asking->path.p, asking->form);
    held = found && (*found)->settled ? *found : NULL;
    if (held && (now ? same_stamp(&held->stamp, now) : held->state == asking->state)) {
        held->used = ++table.clock;
        held->state = asking->state;
        rc = value_of(held, r->pool, asking->key, ret_value);
    }
    pthread_mutex_unlock(&table.lock);
    return rc;
}

/* As the store wants its names. */
static bool is_canonical(pn_str path)
{
    static const pn_str bad[] = { PN_STR_INIT("//"), PN_STR_INIT("/./"), PN_STR_INIT("/../") };

    for (size_t i = 0; i < PN_COUNT(bad); i++)
        if (pn_str_find(path, bad[i]) != SIZE_MAX)
            return false;
    return path.n < PATH_MAX && path.p[0] == '/' && !pn_str_ends(path, PN_STR("/.")) && !pn_str_ends(path, PN_STR("/.."));
}

/* The state of the file, as of the watch's last word, which came after this request. */
PN_MAY_YIELD static uint64_t state_of(struct pn_request *r, pn_str path)
{
    struct pn_place *place;
    uint64_t         state = 0;

    if (!is_canonical(path))
        return 0;
    place = pn_store_find(pn_worker_this()->store, r->conn->generation->servers, path);
    if (place->status == 0 && place->file && place->file_n == place->filename.n)
        state = place->file->id;
    pn_place_unref(place);
    return state;
}

PN_MAY_YIELD static pn_rc read_anew(struct pn_request *r, const struct asking *asking, pn_str *ret_value)
{
    struct reading reading = { .path = asking->path.p, .form = asking->form };
    pn_rc          rc = pn_run_blocking(r, read_file, &reading);

    if (rc != PN_OK)
        return rc;
    if (reading.rc != PN_OK) {
        errno = reading.error;
        return reading.rc;
    }
    reading.held->state = asking->state;
    rc = value_of(reading.held, r->pool, asking->key, ret_value);
    pthread_mutex_lock(&table.lock);
    publish(reading.held);
    pthread_mutex_unlock(&table.lock);
    return rc;
}

pn_rc pn_keyed_file_get(struct pn_request *r, pn_str path, enum pn_keyed_form form, pn_str key, pn_str *ret_value)
{
    struct asking asking = { .path = path, .form = form, .key = key, .state = state_of(r, path) };
    struct stamp  now;
    struct stat   st;
    pn_rc         rc = asking.state ? get_held(r, &asking, NULL, ret_value) : PN_AGAIN;

    if (rc != PN_AGAIN)
        return rc;
    if (stat(path.p, &st) != 0)
        return PN_SYSTEM;
    now = stamp_of(&st);
    rc = get_held(r, &asking, &now, ret_value);
    return rc == PN_AGAIN ? read_anew(r, &asking, ret_value) : rc;
}

void pn__keyed_files_drop(void)
{
    pthread_mutex_lock(&table.lock);
    while (table.n)
        drop(&table.files[0]);
    pthread_mutex_unlock(&table.lock);
}
