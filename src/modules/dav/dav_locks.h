/* dav_locks.h - write locks and where they are kept (RFC 4918 s6, s7).
 *
 * A database has one record a lock, by token. Who looks reads all of it into memory, which is small: a lock is held by somebody who
 * is editing. Beside it lies a file that is locked by whoever has the database open, threads and processes alike. A lock on a
 * name where there is nothing is all that there is of a "lock-null" resource. */
#ifndef PN_DAV_DAV_LOCKS_H
#define PN_DAV_DAV_LOCKS_H

#include "dav.h"

#define DAV_LOCKS_MAX 10000 /* of a database */
#define DAV_TOKEN_SCHEME "opaquelocktoken:"

struct dav_lock {
    pn_str  token;      /* a URI */
    pn_str  file, path; /* the locked resource: on disk, and its URL path */
    pn_str  owner;      /* an element as XML, complete in itself; empty: none */
    pn_str  user;       /* who made it; empty: not authenticated */
    bool    exclusive;
    bool    infinite;   /* holds for all below, too */
    int64_t expires_s;  /* since 1970; 0: never */
};

/** All locks of a database that have not expired. */
struct dav_locks {
    apr_array_header_t *all;     /* of struct dav_lock */
    apr_hash_t         *by_file; /* file to array of const struct dav_lock *, those on the very file */
};

struct dav_lock_db;
/** Blocks. @param write takes it for oneself, makes the files if need be, and drops what has expired.
 *  @param ret_db lives in `pool`.  @return 0 or an errno. */
int  dav_lock_db_open(apr_pool_t *pool, const struct dav_lock_place *place, bool write, struct dav_lock_db **ret_db);
/** As they were when it was opened. */
const struct dav_locks *dav_lock_db_locks(const struct dav_lock_db *db);
/** @return 0 or an errno: ENOSPC when there are too many, EMSGSIZE when the record is too large for this type of database. */
int  dav_lock_db_store(struct dav_lock_db *db, const struct dav_lock *lock);
int  dav_lock_db_remove(struct dav_lock_db *db, const struct dav_lock *lock);
/** Accepts NULL. */
void dav_lock_db_close(struct dav_lock_db *db);

/** Reads the locks that matter where r is, off the loop. @param pool of dav_pool, owns the result.
 *  @return 0, or the status to refuse with (logged). Without a database there are none. */
PN_MAY_YIELD int dav_locks_read(struct pn_request *r, apr_pool_t *pool, const struct dav_locks **ret_locks);
/** Removes the locks on `file` and below, off the loop. */
PN_MAY_YIELD void dav_locks_drop(struct pn_request *r, pn_str file);

/** Does the lock hold for `file`, as its own or that of a collection around it? */
bool dav_lock_covers(const struct dav_lock *lock, pn_str file);
/** The locks on `file` itself; NULL: none. */
const apr_array_header_t *dav_locks_on(const struct dav_locks *locks, pn_str file);
/** Calls fn for each lock that covers the file, until it returns true. @return did it? */
bool dav_locks_each(const struct dav_locks *locks, pn_str file, bool (*fn)(const struct dav_lock *lock, void *arg), void *arg);
/** The lock of that token among those that cover the file; NULL: none. */
const struct dav_lock *dav_locks_find(const struct dav_locks *locks, pn_str file, pn_str token);

/** Appends the element activelock. @param now_s seconds since 1970. */
void dav_lock_write(struct pn_request *r, struct pn_buf *out, const struct dav_lock *lock, int64_t now_s);

/* One record as bytes. */
pn_rc dav_lock_encode(struct pn_buf *out, const struct dav_lock *lock);
/** Slices of `bytes`. @return PN_OK or PN_BAD. */
PN_NODISCARD pn_rc dav_lock_decode(pn_str bytes, struct dav_lock *ret);

#endif
