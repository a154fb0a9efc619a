/* dbd_pool.c - see dbd_pool.h. */
#include "dbd_pool.h"

#include <apr_hash.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct connection {
    apr_pool_t        *pool;     /* its own */
    apr_dbd_t         *handle;
    apr_hash_t        *prepared; /* text to apr_dbd_prepared_t * */
    bool               reused;   /* it has answered before */
    struct connection *next;
    int64_t            used_s;   /* monotonic */
};

struct dbd_pool {
    struct dbd_settings settings;
    pthread_mutex_t     lock;
    pthread_cond_t      returned;
    struct connection  *idle; /* used last comes first */
    unsigned            n_idle, n_open;
};

/* Statements that a connection keeps prepared: a configuration has a few. */
#define PREPARED_MAX 256

static int abort_on_oom(int status)
{
    pn_assert_failed(__FILE__, __LINE__, "out of memory");
    return status;
}

static apr_pool_t *new_memory(void)
{
    apr_pool_t *pool;

    apr_pool_create_unmanaged_ex(&pool, abort_on_oom, NULL);
    return pool;
}

static int64_t now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* ---- one connection ---- */

static void close_connection(const struct dbd_pool *dbd, struct connection *c)
{
    if (c->handle)
        apr_dbd_close(dbd->settings.driver, c->handle);
    apr_pool_destroy(c->pool);
}

static const char *run_init(const struct dbd_pool *dbd, struct connection *c, apr_pool_t *pool)
{
    const apr_array_header_t *list = dbd->settings.init_sql;
    int                       rows, status;

    for (int i = 0; list && i < list->nelts; i++) {
        status = apr_dbd_query(dbd->settings.driver, c->handle, &rows, APR_ARRAY_IDX(list, i, pn_str).p);
        if (status)
            return apr_pstrcat(pool, "DBDInitSQL: ", apr_dbd_error(dbd->settings.driver, c->handle, status), NULL);
    }
    return NULL;
}

/* NULL with *ret_error in pool. */
static struct connection *open_connection(const struct dbd_pool *dbd, apr_pool_t *pool, const char **ret_error)
{
    apr_pool_t        *own = new_memory();
    struct connection *c = apr_pcalloc(own, sizeof(*c));
    const char        *error = NULL;

    c->pool = own;
    c->prepared = apr_hash_make(own);
    if (apr_dbd_open_ex(dbd->settings.driver, own, dbd->settings.params, &c->handle, &error) != APR_SUCCESS) {
        *ret_error = apr_pstrcat(pool, "the database cannot be reached: ", error ? error : "no reason given", NULL);
        c->handle = NULL;
        close_connection(dbd, c);
        return NULL;
    }
    if ((*ret_error = run_init(dbd, c, pool))) {
        close_connection(dbd, c);
        return NULL;
    }
    return c;
}

/* ---- the pool ---- */

/* An idle one, or NULL when a new one may be opened, which counts already. */
static struct connection *take_idle(struct dbd_pool *dbd)
{
    struct connection *c;

    pthread_mutex_lock(&dbd->lock);
    while (!dbd->idle && dbd->n_open >= dbd->settings.max)
        pthread_cond_wait(&dbd->returned, &dbd->lock);
    c = dbd->idle;
    if (c) {
        dbd->idle = c->next;
        dbd->n_idle--;
    }
    else
        dbd->n_open++;
    pthread_mutex_unlock(&dbd->lock);
    return c;
}

static void forget_one(struct dbd_pool *dbd)
{
    pthread_mutex_lock(&dbd->lock);
    dbd->n_open--;
    pthread_cond_signal(&dbd->returned);
    pthread_mutex_unlock(&dbd->lock);
}

/* One that works. */
static struct connection *acquire(struct dbd_pool *dbd, apr_pool_t *pool, const char **ret_error)
{
    struct connection *c = take_idle(dbd);

    if (c && apr_dbd_check_conn(dbd->settings.driver, pool, c->handle) != APR_SUCCESS) {
        close_connection(dbd, c);
        c = NULL;
    }
    if (!c)
        c = open_connection(dbd, pool, ret_error);
    if (!c)
        forget_one(dbd);
    return c;
}

/* Those at the list's end were used longest ago. @return those to close. */
static struct connection *take_expired(struct dbd_pool *dbd)
{
    struct connection **at = &dbd->idle, *expired;
    int64_t             limit = now_s() - dbd->settings.idle_s;

    for (unsigned i = 0; *at && (i < dbd->settings.keep || (*at)->used_s >= limit); i++)
        at = &(*at)->next;
    expired = *at;
    *at = NULL;
    for (struct connection *c = expired; c; c = c->next) {
        dbd->n_idle--;
        dbd->n_open--;
    }
    return expired;
}

static void close_all(const struct dbd_pool *dbd, struct connection *list)
{
    while (list) {
        struct connection *next = list->next;
        close_connection(dbd, list);
        list = next;
    }
}

static void give_back(struct dbd_pool *dbd, struct connection *c)
{
    struct connection *expired;

    if (!dbd->settings.persist) {
        close_connection(dbd, c);
        forget_one(dbd);
        return;
    }
    c->used_s = now_s();
    c->reused = true;
    pthread_mutex_lock(&dbd->lock);
    c->next = dbd->idle;
    dbd->idle = c;
    dbd->n_idle++;
    expired = take_expired(dbd);
    pthread_cond_signal(&dbd->returned);
    pthread_mutex_unlock(&dbd->lock);
    close_all(dbd, expired);
}

void dbd_pool_close(struct dbd_pool *dbd)
{
    struct connection *list;

    pthread_mutex_lock(&dbd->lock);
    list = dbd->idle;
    dbd->idle = NULL;
    dbd->n_open -= dbd->n_idle;
    dbd->n_idle = 0;
    pthread_mutex_unlock(&dbd->lock);
    close_all(dbd, list);
}

static apr_status_t on_gone(void *arg)
{
    struct dbd_pool *dbd = arg;

    dbd_pool_close(dbd);
    pthread_cond_destroy(&dbd->returned);
    pthread_mutex_destroy(&dbd->lock);
    return APR_SUCCESS;
}

struct dbd_pool *dbd_pool_new(apr_pool_t *pool, const struct dbd_settings *settings)
{
    struct dbd_pool *dbd = apr_pcalloc(pool, sizeof(*dbd));

    dbd->settings = *settings;
    pthread_mutex_init(&dbd->lock, NULL);
    pthread_cond_init(&dbd->returned, NULL);
    apr_pool_cleanup_register(pool, dbd, on_gone, apr_pool_cleanup_null);
    return dbd;
}

/* ---- statements ---- */

static const char *prepare(const struct dbd_pool *dbd, struct connection *c, pn_str sql, apr_pool_t *pool, apr_dbd_prepared_t **ret)
{
    int status;

    *ret = apr_hash_get(c->prepared, sql.p, (apr_ssize_t)sql.n);
    if (*ret)
        return NULL;
    if (apr_hash_count(c->prepared) >= PREPARED_MAX)
        return "too many different statements";
    sql = pn_str_dup(c->pool, sql); /* the connection outlives the configuration's memory of a reload */
    status = apr_dbd_prepare(dbd->settings.driver, c->pool, c->handle, sql.p, NULL, ret);
    if (status)
        return apr_pstrcat(pool, "the statement cannot be prepared: ", apr_dbd_error(dbd->settings.driver, c->handle, status), NULL);
    apr_hash_set(c->prepared, sql.p, (apr_ssize_t)sql.n, *ret);
    return NULL;
}

static void take_names(const apr_dbd_driver_t *driver, apr_dbd_results_t *rows, struct dbd_job *job)
{
    pn_str *names = apr_pcalloc(job->pool, (job->answer.n_columns + 1) * sizeof(pn_str));

    for (unsigned i = 0; i < job->answer.n_columns; i++)
        names[i] = pn_str_z(apr_dbd_get_name(driver, rows, (int)i));
    job->answer.names = names;
}

static const char *take_rows(const apr_dbd_driver_t *driver, apr_dbd_results_t *rows, struct dbd_job *job)
{
    struct pn_dbd_answer *answer = &job->answer;
    apr_array_header_t   *values = apr_array_make(job->pool, 8, sizeof(pn_str));
    apr_dbd_row_t        *row = NULL;
    size_t                bytes = 0;

    answer->n_columns = (unsigned)apr_dbd_num_cols(driver, rows);
    take_names(driver, rows, job);
    /* All are asked for: some drivers leave a statement open until its end was seen. */
    while (apr_dbd_get_row(driver, job->pool, rows, &row, -1) == 0) {
        if (answer->n_rows >= job->question->max_rows)
            continue;
        for (unsigned i = 0; i < answer->n_columns; i++) {
            pn_str value = pn_str_z(apr_dbd_get_entry(driver, row, (int)i));
            bytes += value.n + sizeof(value);
            if (bytes > PN_DBD_ANSWER_MAX)
                return "the answer is too large";
            *(pn_str *)apr_array_push(values) = value.p ? pn_str_dup(job->pool, value) : value;
        }
        answer->n_rows++;
    }
    answer->values = (const pn_str *)(const void *)values->elts;
    return NULL;
}

static const char *run(struct connection *c, struct dbd_job *job)
{
    const struct pn_dbd_question *question = job->question;
    const apr_dbd_driver_t       *driver = job->dbd->settings.driver;
    const char                   *args[PN_DBD_PARAMETERS_MAX], *error;
    apr_dbd_prepared_t           *statement = NULL;
    apr_dbd_results_t            *rows = NULL;
    int                           status;

    if ((error = prepare(job->dbd, c, question->sql, job->pool, &statement)))
        return error;
    for (unsigned i = 0; i < question->n; i++)
        args[i] = pn_str_zdup(job->pool, question->parameters[i]);
    if (question->changes)
        status = apr_dbd_pquery(driver, job->pool, c->handle, &job->answer.changed, statement, (int)question->n, args);
    else
        status = apr_dbd_pselect(driver, job->pool, c->handle, &rows, statement, 0, (int)question->n, args);
    if (status)
        return apr_pstrcat(job->pool, "the statement failed: ", apr_dbd_error(driver, c->handle, status), NULL);
    return question->changes ? NULL : take_rows(driver, rows, job);
}

/* @return false when an old connection failed, which may be its age's fault (a server that was restarted, a table that was
 * made anew): another try is worth it. */
static bool ask_once(struct dbd_job *job)
{
    struct connection *c = acquire(job->dbd, job->pool, &job->error);
    bool               reused;

    if (!c)
        return true;
    job->answer = (struct pn_dbd_answer){ 0 };
    job->error = run(c, job);
    if (!job->error) {
        give_back(job->dbd, c);
        return true;
    }
    reused = c->reused;
    close_connection(job->dbd, c);
    forget_one(job->dbd);
    return !reused || job->question->changes;
}

void dbd_pool_ask(void *arg)
{
    struct dbd_job *job = arg;

    job->pool = new_memory();
    while (!ask_once(job))
        ;
}
