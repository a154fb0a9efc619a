/* variant.c - other forms of cached files (pinion/variant.h): made off the loop, once, however many ask at the same time.
 *
 * A file owns the list of its variants; a ring of the thread holds the ready ones by last use. A variant is malloc'd with its
 * name; each request that sends it holds a reference, so eviction takes it out of list and ring at once and frees it later.
 * Invariant: a variant being made is in its file's list and not in the ring, and its maker holds a reference on the file. */
#include <pinion/variant.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/core_conf.h"
#include "http/variant.h"
#include "rt/offload.h"

/* A file changed so short a time ago may change again under the same time stamp. */
#define SETTLED_NS (INT64_C(50) * 1000 * 1000)
/* What a form may be larger than its source: incompressible content and the form's own head. */
#define GROWTH_BYTES(n) ((n) / 16 + 1024)

enum variant_state { MAKING, READY, REFUSED };

struct waiter { struct pn_fiber *fiber; struct waiter *next; };

struct pn_variant {
    struct pn_variant *next;            /* of the same file */
    struct pn_variant *newer, *older;   /* ring; NULL: not in it */
    struct pn_file    *file;            /* NULL once it is out of the file's list */
    struct waiter     *waiters;
    uint32_t           refs;
    enum variant_state state;
    struct pn_buf      bytes;           /* malloc'd */
    size_t             name_n;
    char               name[];
};

/* The ring of a thread: each serving thread has files of its own. */
static _Thread_local struct variant_ring {
    struct pn_variant *newest; /* newest->newer is the oldest */
    size_t             bytes;
} ring;

size_t pn__variant_bytes(void)
{
    return ring.bytes;
}

static void ring_remove(struct pn_variant *variant)
{
    if (!variant->newer)
        return;
    ring.bytes -= variant->bytes.cap + sizeof(*variant);
    if (variant->newer == variant)
        ring.newest = NULL;
    else {
        variant->newer->older = variant->older;
        variant->older->newer = variant->newer;
        if (ring.newest == variant)
            ring.newest = variant->older;
    }
    variant->newer = variant->older = NULL;
}

static void ring_add(struct pn_variant *variant)
{
    ring.bytes += variant->bytes.cap + sizeof(*variant);
    if (!ring.newest)
        variant->newer = variant->older = variant;
    else {
        variant->older = ring.newest;
        variant->newer = ring.newest->newer;
        variant->older->newer = variant;
        variant->newer->older = variant;
    }
    ring.newest = variant;
}

static void unref(struct pn_variant *variant)
{
    if (--variant->refs)
        return;
    pn_buf_release(&variant->bytes);
    free(variant);
}

/* Out of its file's list and out of the ring. */
static void drop(struct pn_variant *variant)
{
    struct pn_variant **at;

    if (!variant->file)
        return;
    for (at = &variant->file->variants; *at != variant; at = &(*at)->next)
        ;
    *at = variant->next;
    variant->file = NULL;
    ring_remove(variant);
    unref(variant);
}

void pn__variants_release(struct pn_file *file)
{
    while (file->variants)
        drop(file->variants);
}

static size_t limit_bytes(const struct pn_request *r)
{
    int64_t bytes = pn_core_server(r->conn->generation->servers)->file_cache_bytes;

    return bytes > 0 ? (size_t)bytes : 0;
}

static void evict(size_t max)
{
    while (ring.newest && ring.bytes > max)
        drop(ring.newest->newer);
}

static struct pn_variant *find(const struct pn_file *file, pn_str name)
{
    struct pn_variant *variant = file->variants;

    while (variant && !pn_str_eq(pn_str_n(variant->name, variant->name_n), name))
        variant = variant->next;
    return variant;
}

static struct pn_variant *variant_new(struct pn_file *file, pn_str name)
{
    struct pn_variant *variant = calloc(1, sizeof(*variant) + name.n);

    pn_assert(variant != NULL);
    memcpy(variant->name, name.p, name.n);
    variant->name_n = name.n;
    variant->refs = 1;
    variant->file = file;
    variant->next = file->variants;
    file->variants = variant;
    return variant;
}

/* ---- making ---- */

struct making {
    const struct pn_file         *file;
    const struct pn_variant_kind *kind;
    struct pn_buf                *out;
    pn_rc                         rc;
};

/* Reads all of the file. @return malloc'd, or NULL: it is not what it was. */
static char *read_source(const struct pn_file *file, size_t n)
{
    char  *bytes = malloc(n);
    size_t at = 0;

    while (bytes && at < n) {
        ssize_t got = pread(file->fd, bytes + at, n - at, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        at += (size_t)got;
    }
    return bytes;
}

static void make_fn(void *arg)
{
    struct making *job = arg;
    size_t         n = (size_t)job->file->info.size;
    char          *read = NULL;
    pn_str         source = job->file->bytes;

    job->rc = PN_SYSTEM;
    if (!source.p) {
        read = read_source(job->file, n);
        if (!read)
            return;
        source = pn_str_n(read, n);
    }
    pn_buf_init(job->out, NULL, n + GROWTH_BYTES(n));
    job->rc = job->kind->make(source, job->kind->arg, job->out);
    if (job->rc == PN_OK && job->out->full)
        job->rc = PN_LIMIT;
    free(read);
}

static void shrink(struct pn_buf *buf)
{
    char *fitted = buf->n ? realloc(buf->p, buf->n) : NULL;

    if (!fitted)
        return;
    buf->p = fitted;
    buf->cap = buf->n;
}

static void wake(struct pn_variant *variant)
{
    while (variant->waiters) {
        struct waiter *waiter = variant->waiters;
        variant->waiters = waiter->next;
        pn_fiber_resume(waiter->fiber, PN_OK);
    }
}

PN_MAY_YIELD static void make(struct pn_request *r, struct pn_variant *variant, const struct pn_variant_kind *kind)
{
    struct pn_file *file = pn_file_ref(variant->file);
    struct making   job = { .file = file, .kind = kind, .out = &variant->bytes, .rc = PN_SYSTEM };

    variant->refs++;
    if (!pn_fiber_this() || pn_offload(make_fn, &job) != PN_OK)
        make_fn(&job);
    variant->state = job.rc == PN_OK ? READY : REFUSED;
    if (variant->state == REFUSED)
        pn_buf_release(&variant->bytes);
    else
        shrink(&variant->bytes);
    wake(variant);
    if (job.rc == PN_SYSTEM)
        drop(variant); /* worth another try */
    else if (variant->file) {
        ring_add(variant);
        evict(limit_bytes(r));
    }
    unref(variant);
    pn_file_unref(file);
}

/* Waits until another request has made it. */
PN_MAY_YIELD static void wait_for(struct pn_variant *variant)
{
    struct waiter self = { .fiber = pn_fiber_this(), .next = variant->waiters };

    variant->waiters = &self;
    (void)!pn_fiber_suspend_shielded(); /* the maker wakes everybody, and it can't be cancelled either */
}

/* ---- for modules ---- */

bool pn_chunk_is_whole_file(const struct pn_request *r, const struct pn_chunk *chunk)
{
    const struct pn_file *file = r->file;

    if (!file || file->fd < 0 || !chunk->stable || !chunk->last)
        return false;
    if (chunk->kind == PN_CHUNK_FILE)
        return chunk->fd == file->fd && chunk->offset == 0 && chunk->n == file->info.size;
    return chunk->bytes.p == file->bytes.p && chunk->bytes.n == file->bytes.n && chunk->bytes.p;
}

/* Content that is not held in memory is not known to stand still between two changes of the clock's tick. */
static bool is_settled(const struct pn_request *r, const struct pn_file *file)
{
    return file->bytes.p || pn_request_now(r) * 1000 - file->ctime_ns > SETTLED_NS;
}

static apr_status_t unref_cleanup(void *variant)
{
    unref(variant);
    return APR_SUCCESS;
}

/* Keeps the bytes for as long as the request's pool. */
static void hold(struct pn_request *r, struct pn_variant *variant)
{
    variant->refs++;
    apr_pool_cleanup_register(r->pool, variant, unref_cleanup, apr_pool_cleanup_null);
}

pn_rc pn_variant_of_file(struct pn_request *r, const struct pn_variant_kind *kind, pn_str *ret_bytes)
{
    struct pn_file    *file = r->file;
    struct pn_variant *variant;

    if (!file || file->fd < 0)
        return PN_DECLINED;
    variant = find(file, kind->name);
    if (PN_UNLIKELY(!variant)) {
        size_t max = limit_bytes(r);
        if (file->info.size > PN_VARIANT_SOURCE_MAX || file->info.size > max / 4 || !is_settled(r, file))
            return PN_DECLINED;
        variant = variant_new(file, kind->name);
        variant->refs++;
        make(r, variant, kind);
    }
    else {
        variant->refs++;
        if (PN_UNLIKELY(variant->state == MAKING))
            wait_for(variant);
        if (variant->newer && ring.newest != variant) {
            ring_remove(variant);
            ring_add(variant);
        }
    }
    pn_rc rc = variant->state == READY ? PN_OK : PN_DECLINED;
    if (rc == PN_OK) {
        hold(r, variant);
        *ret_bytes = pn_buf_view(&variant->bytes);
    }
    unref(variant);
    return rc;
}
