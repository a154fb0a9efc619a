/* dbd_pool.h - connections to one database, shared by the threads that run statements.
 *
 * Called by mod_dbd on threads of the offload pool. A pool is made with the configuration and opens nothing before it is
 * asked. Owns its connections; each has memory of its own. */
#ifndef PN_DATABASE_DBD_POOL_H
#define PN_DATABASE_DBD_POOL_H

#include <apr_dbd.h>
#include <pinion/dbd.h>

struct dbd_settings {
    const apr_dbd_driver_t   *driver;
    const char               *params;
    const apr_array_header_t *init_sql;   /* of pn_str, run on each new connection; may be NULL */
    unsigned                  keep, max;  /* connections that stay, and that there may be */
    bool                      persist;    /* false: each question has a connection of its own */
    int64_t                   idle_s;     /* longer unused ones above `keep` are closed */
};

struct dbd_pool;

/** @param pool owns it, and closes the connections when it goes.  @param settings copied. */
struct dbd_pool *dbd_pool_new(apr_pool_t *pool, const struct dbd_settings *settings);
/** Closes the connections that nobody uses. */
void dbd_pool_close(struct dbd_pool *dbd);

/** A question on its way through a thread. */
struct dbd_job {
    struct dbd_pool              *dbd;
    const struct pn_dbd_question *question;
    apr_pool_t                   *pool;   /* made by dbd_pool_ask: owns answer and error; the caller destroys it */
    struct pn_dbd_answer          answer;
    const char                   *error;  /* NULL: it went well */
};
/** Blocks until the database has answered. @param arg a struct dbd_job *. */
void dbd_pool_ask(void *arg);

#endif
