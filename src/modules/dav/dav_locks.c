/* dav_locks.c - what is known of locks, in memory; see dav_locks.h. */
#define PN_LOG_MODULE &pn_module_dav
#include "dav_locks.h"

#include <pinion/log.h>
#include <pinion/uri.h>

bool dav_lock_covers(const struct dav_lock *lock, pn_str file)
{
    return pn_str_eq(lock->file, file) || (lock->infinite && dav_is_below(file, lock->file));
}

const apr_array_header_t *dav_locks_on(const struct dav_locks *locks, pn_str file)
{
    return locks ? apr_hash_get(locks->by_file, file.p, (apr_ssize_t)file.n) : NULL;
}

bool dav_locks_each(const struct dav_locks *locks, pn_str file, bool (*fn)(const struct dav_lock *lock, void *arg), void *arg)
{
    pn_str at = file;

    if (!locks || locks->all->nelts == 0)
        return false;
    for (;;) {
        const apr_array_header_t *here = dav_locks_on(locks, at);
        for (int i = 0; here && i < here->nelts; i++) {
            const struct dav_lock *lock = APR_ARRAY_IDX(here, i, const struct dav_lock *);
            if (dav_lock_covers(lock, file) && fn(lock, arg))
                return true;
        }
        if (at.n <= 1)
            return false;
        at = dav_parent(at);
    }
}

struct search {
    pn_str                 token;
    const struct dav_lock *found;
};

static bool has_token(const struct dav_lock *lock, void *arg)
{
    struct search *search = arg;

    if (!pn_str_eq(lock->token, search->token))
        return false;
    search->found = lock;
    return true;
}

const struct dav_lock *dav_locks_find(const struct dav_locks *locks, pn_str file, pn_str token)
{
    struct search search = { .token = token };

    return dav_locks_each(locks, file, has_token, &search) ? search.found : NULL;
}

void dav_lock_write(struct pn_request *r, struct pn_buf *out, const struct dav_lock *lock, int64_t now_s)
{
    pn_buf_printf(out, "<D:activelock>\n<D:locktype><D:write/></D:locktype>\n<D:lockscope><D:%s/></D:lockscope>\n<D:depth>%s</D:depth>\n",
                  lock->exclusive ? "exclusive" : "shared", lock->infinite ? "infinity" : "0");
    pn_buf_str(out, lock->owner);
    pn_buf_lit(out, "<D:timeout>");
    if (lock->expires_s)
        pn_buf_printf(out, "Second-%lld", (long long)(lock->expires_s > now_s ? lock->expires_s - now_s : 0));
    else
        pn_buf_lit(out, "Infinite");
    pn_buf_lit(out, "</D:timeout>\n<D:locktoken>\n<D:href>");
    dav_xml_text(out, lock->token, false);
    pn_buf_lit(out, "</D:href>\n</D:locktoken>\n<D:lockroot>\n<D:href>");
    dav_xml_text(out, pn_uri_encode_path(r->pool, lock->path), false);
    pn_buf_lit(out, "</D:href>\n</D:lockroot>\n</D:activelock>\n");
}

/* ---- jobs ---- */

struct reading {
    apr_pool_t             *pool;
    struct dav_lock_place   place;
    const struct dav_locks *locks;
    int                     error;
};

static void read_locks(void *arg)
{
    struct reading     *job = arg;
    struct dav_lock_db *db = NULL;

    job->error = dav_lock_db_open(job->pool, &job->place, false, &db);
    if (db)
        job->locks = dav_lock_db_locks(db);
    dav_lock_db_close(db);
}

int dav_locks_read(struct pn_request *r, apr_pool_t *pool, const struct dav_locks **ret_locks)
{
    struct reading job = { .pool = pool };

    dav_provider_of(r)->lock_place(r, &job.place);
    *ret_locks = NULL;
    if (job.place.path.n == 0)
        return 0;
    if (pn_run_blocking(r, read_locks, &job) != PN_OK)
        return 503;
    if (job.error) {
        PN_LOG_R(r, PN_LOG_ERR, 21460, job.error, "The lock database %s cannot be read", job.place.path.p);
        return 500;
    }
    *ret_locks = job.locks;
    return 0;
}

struct dropping {
    apr_pool_t           *pool;
    struct dav_lock_place place;
    pn_str                file;
    int                   error;
};

static void drop_locks(void *arg)
{
    struct dropping        *job = arg;
    struct dav_lock_db     *db = NULL;
    const struct dav_locks *locks;

    job->error = dav_lock_db_open(job->pool, &job->place, true, &db);
    locks = db ? dav_lock_db_locks(db) : NULL;
    for (int i = 0; locks && i < locks->all->nelts && job->error == 0; i++) {
        const struct dav_lock *lock = &APR_ARRAY_IDX(locks->all, i, struct dav_lock);
        if (pn_str_eq(lock->file, job->file) || dav_is_below(lock->file, job->file))
            job->error = dav_lock_db_remove(db, lock);
    }
    dav_lock_db_close(db);
}

void dav_locks_drop(struct pn_request *r, pn_str file)
{
    struct dropping job = { .pool = dav_pool(r), .file = file };

    dav_provider_of(r)->lock_place(r, &job.place);
    if (job.place.path.n && (pn_run_blocking(r, drop_locks, &job) != PN_OK || job.error))
        PN_LOG_R(r, PN_LOG_ERR, 21461, job.error, "The lock database %s cannot be written", job.place.path.p);
    dav_pool_end(r, job.pool);
}
