/* dav_lock_db.c - the database of locks; see dav_locks.h. Everything here blocks. */
#include "dav_locks.h"

#include <apr_dbm.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX ((size_t)64 << 10)
#define RECORD_FIELDS 8

struct dav_lock_db {
    apr_pool_t      *pool;
    apr_dbm_t       *dbm;
    int              guard; /* the file that is locked while the database is open; -1: none */
    struct dav_locks locks;
};

/* ---- records ---- */

static void put_field(struct pn_buf *out, pn_str value)
{
    pn_buf_u64(out, value.n);
    pn_buf_ch(out, ':');
    pn_buf_str(out, value);
}

pn_rc dav_lock_encode(struct pn_buf *out, const struct dav_lock *lock)
{
    pn_str ignored;

    put_field(out, lock->exclusive ? PN_STR("X") : PN_STR("S"));
    put_field(out, lock->infinite ? PN_STR("I") : PN_STR("0"));
    put_field(out, pn_str_printf(out->pool, "%lld", (long long)lock->expires_s));
    put_field(out, lock->token);
    put_field(out, lock->file);
    put_field(out, lock->path);
    put_field(out, lock->owner);
    put_field(out, lock->user);
    return pn_buf_done(out, &ignored);
}

static bool take_field(pn_str *rest, pn_str *ret)
{
    uint64_t n;
    pn_str   after, length = pn_str_cut(*rest, ':', &after);

    if (!after.p || pn_str_to_u64(length, RECORD_MAX, &n) != PN_OK || n > after.n)
        return false;
    *ret = pn_str_head(after, (size_t)n);
    *rest = pn_str_from(after, (size_t)n);
    return true;
}

pn_rc dav_lock_decode(pn_str bytes, struct dav_lock *ret)
{
    pn_str  field[RECORD_FIELDS];
    int64_t expires_s;

    for (size_t i = 0; i < RECORD_FIELDS; i++)
        if (!take_field(&bytes, &field[i]))
            return PN_BAD;
    if (pn_str_to_i64(field[2], 0, INT64_MAX, &expires_s) != PN_OK || field[3].n == 0 || field[4].n == 0 || field[4].p[0] != '/')
        return PN_BAD;
    *ret = (struct dav_lock){ .exclusive = pn_str_eq(field[0], PN_STR("X")), .infinite = pn_str_eq(field[1], PN_STR("I")),
                              .expires_s = expires_s, .token = field[3], .file = field[4], .path = field[5], .owner = field[6],
                              .user = field[7] };
    return PN_OK;
}

/* ---- opening ---- */

/* Serialises all who use the database; the database library's own locks bind processes only. */
static int take_guard(struct dav_lock_db *db, const struct dav_lock_place *place, bool write)
{
    const char *name = apr_pstrcat(db->pool, place->path.p, ".guard", NULL);

    db->guard = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (db->guard < 0)
        return errno;
    while (flock(db->guard, write ? LOCK_EX : LOCK_SH) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* Is there a database at all? Most of the time nobody has locked anything yet. */
static bool exists(apr_pool_t *pool, const struct dav_lock_place *place)
{
    const char *first = NULL, *second = NULL;
    struct stat st;

    return apr_dbm_get_usednames_ex(pool, place->type.p, place->path.p, &first, &second) == APR_SUCCESS && stat(first, &st) == 0;
}

static void keep(struct dav_locks *locks, apr_pool_t *pool, const struct dav_lock *lock)
{
    APR_ARRAY_PUSH(locks->all, struct dav_lock) = (struct dav_lock){
        .token = pn_str_dup(pool, lock->token), .file = pn_str_dup(pool, lock->file), .path = pn_str_dup(pool, lock->path),
        .owner = pn_str_dup(pool, lock->owner), .user = pn_str_dup(pool, lock->user), .exclusive = lock->exclusive,
        .infinite = lock->infinite, .expires_s = lock->expires_s
    };
}

static void read_all(struct dav_lock_db *db)
{
    apr_datum_t key = { NULL, 0 }, value = { NULL, 0 };
    int64_t     now_s = time(NULL);

    apr_status_t status = apr_dbm_firstkey(db->dbm, &key);
    while (status == APR_SUCCESS && key.dptr && db->locks.all->nelts <= DAV_LOCKS_MAX) {
        struct dav_lock lock;
        if (apr_dbm_fetch(db->dbm, key, &value) == APR_SUCCESS && value.dptr && value.dsize <= RECORD_MAX &&
            dav_lock_decode(pn_str_n(value.dptr, value.dsize), &lock) == PN_OK && (lock.expires_s == 0 || lock.expires_s > now_s))
            keep(&db->locks, db->pool, &lock);
        status = apr_dbm_nextkey(db->dbm, &key);
    }
}

static void index_all(struct dav_lock_db *db)
{
    for (int i = 0; i < db->locks.all->nelts; i++) {
        const struct dav_lock *lock = &APR_ARRAY_IDX(db->locks.all, i, struct dav_lock);
        apr_array_header_t    *here = apr_hash_get(db->locks.by_file, lock->file.p, (apr_ssize_t)lock->file.n);
        if (!here) {
            here = apr_array_make(db->pool, 1, sizeof(const struct dav_lock *));
            apr_hash_set(db->locks.by_file, lock->file.p, (apr_ssize_t)lock->file.n, here);
        }
        APR_ARRAY_PUSH(here, const struct dav_lock *) = lock;
    }
}

int dav_lock_db_open(apr_pool_t *pool, const struct dav_lock_place *place, bool write, struct dav_lock_db **ret_db)
{
    struct dav_lock_db *db = apr_pcalloc(pool, sizeof(*db));
    int                 error;

    db->pool = pool;
    db->guard = -1;
    db->locks.all = apr_array_make(pool, 4, sizeof(struct dav_lock));
    db->locks.by_file = apr_hash_make(pool);
    if (write || exists(pool, place)) {
        error = take_guard(db, place, write);
        if (error == 0)
            error = (int)apr_dbm_open_ex(&db->dbm, place->type.p, place->path.p, write ? APR_DBM_RWCREATE : APR_DBM_READONLY,
                                         APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
        if (error) {
            db->dbm = NULL;
            dav_lock_db_close(db);
            return error;
        }
        read_all(db);
        index_all(db);
    }
    *ret_db = db;
    return 0;
}

const struct dav_locks *dav_lock_db_locks(const struct dav_lock_db *db)
{
    return &db->locks;
}

/* Records that no longer count, or can't be read, make room. */
static void drop_expired(struct dav_lock_db *db)
{
    apr_array_header_t *gone = apr_array_make(db->pool, 4, sizeof(pn_str));
    apr_datum_t         key = { NULL, 0 }, value = { NULL, 0 };
    int64_t             now_s = time(NULL);

    apr_status_t status = apr_dbm_firstkey(db->dbm, &key);
    while (status == APR_SUCCESS && key.dptr) {
        struct dav_lock lock;
        if (apr_dbm_fetch(db->dbm, key, &value) != APR_SUCCESS || !value.dptr ||
            dav_lock_decode(pn_str_n(value.dptr, value.dsize), &lock) != PN_OK || (lock.expires_s && lock.expires_s <= now_s))
            APR_ARRAY_PUSH(gone, pn_str) = pn_str_dup(db->pool, pn_str_n(key.dptr, key.dsize));
        status = apr_dbm_nextkey(db->dbm, &key);
    }
    for (int i = 0; i < gone->nelts; i++) {
        pn_str name = APR_ARRAY_IDX(gone, i, pn_str);
        apr_dbm_delete(db->dbm, (apr_datum_t){ (char *)(uintptr_t)name.p, name.n });
    }
}

int dav_lock_db_store(struct dav_lock_db *db, const struct dav_lock *lock)
{
    struct pn_buf record;
    apr_datum_t   key = { (char *)(uintptr_t)lock->token.p, lock->token.n };

    if (db->locks.all->nelts >= DAV_LOCKS_MAX)
        return ENOSPC;
    pn_buf_init(&record, db->pool, RECORD_MAX);
    if (dav_lock_encode(&record, lock) != PN_OK)
        return EMSGSIZE;
    drop_expired(db);
    apr_status_t status = apr_dbm_store(db->dbm, key, (apr_datum_t){ record.p, record.n });
    return status == APR_EINVAL ? EMSGSIZE : (int)status;
}

int dav_lock_db_remove(struct dav_lock_db *db, const struct dav_lock *lock)
{
    return (int)apr_dbm_delete(db->dbm, (apr_datum_t){ (char *)(uintptr_t)lock->token.p, lock->token.n });
}

void dav_lock_db_close(struct dav_lock_db *db)
{
    if (!db)
        return;
    if (db->dbm)
        apr_dbm_close(db->dbm);
    if (db->guard >= 0)
        close(db->guard);
    db->dbm = NULL;
    db->guard = -1;
}
