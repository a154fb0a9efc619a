/* mutex.c - see mutex.h and pinion/mutex.h. Apache manual: Mutex. */
#include "proc/mutex.h"

#include <errno.h>
#include <pinion/mutex.h>
#include <stdatomic.h>
#include <unistd.h>

#include "proc/identity.h"
#include "rt/fiber.h"

#define TRY_AGAIN_USEC PN_USEC_PER_MSEC

struct pn_mutex {
    apr_proc_mutex_t *lock; /* NULL: Mutex none */
    const char       *file; /* of its lock, or NULL */
    atomic_flag       busy; /* of this process: what the system gives to a process keeps its fibers and threads not apart */
};

/* ---- the choice ---- */

static bool mechanism_of(pn_str word, struct pn__mutex_choice *choice)
{
    static const struct {
        const char    *word;
        apr_lockmech_e mechanism;
    } mechanisms[] = { { "flock", APR_LOCK_FLOCK },           { "fcntl", APR_LOCK_FCNTL },
                       { "file", APR_LOCK_FCNTL },            { "sysvsem", APR_LOCK_SYSVSEM },
                       { "posixsem", APR_LOCK_POSIXSEM },     { "sem", APR_LOCK_POSIXSEM },
                       { "pthread", APR_LOCK_PROC_PTHREAD } };

    choice->mechanism = APR_LOCK_DEFAULT;
    choice->none = pn_str_ieq(word, PN_STR("none")) || pn_str_ieq(word, PN_STR("no"));
    for (size_t i = 0; i < PN_COUNT(mechanisms); i++)
        if (pn_str_ieq(word, pn_str_z(mechanisms[i].word))) {
            choice->mechanism = mechanisms[i].mechanism;
            return true;
        }
    return false;
}

struct pn__mutex_choice pn__mutex_choose(const struct pn_mpm_conf *conf, const char *name)
{
    struct pn__mutex_choice choice = { .mechanism = APR_LOCK_DEFAULT };

    for (int i = 0; i < conf->mutexes->nelts; i++) {
        const struct pn_mutex_line *line = &APR_ARRAY_IDX(conf->mutexes, i, struct pn_mutex_line);
        bool                        named = pn_str_ieq(line->name, pn_str_z(name));

        if (!named && (choice.named || !pn_str_ieq(line->name, PN_STR("default"))))
            continue;
        choice.line = line;
        choice.named = named;
    }
    if (choice.line)
        (void)mechanism_of(choice.line->mechanism, &choice);
    return choice;
}

/* ---- making ---- */

static const char *file_name(struct pn_generation *generation, const char *name, const struct pn_mutex_line *line)
{
    const char *directory = line && line->path.n ? line->path.p : pn_mpm_runtime_dir(generation);

    if (line && line->omit_pid)
        return pn_str_printf(generation->pool, "%s/%s", directory, name).p;
    return pn_str_printf(generation->pool, "%s/%s.%ld", directory, name, (long)getpid()).p;
}

apr_status_t pn__mutex_make(struct pn_generation *generation, const char *name, const struct pn__mutex_choice *choice,
                            const char *file, apr_proc_mutex_t **ret_lock)
{
    const struct pn_unixd_conf *unixd = pn_unixd_conf(generation);
    apr_status_t                status;

    if (!file)
        file = file_name(generation, name, choice->line);
    /* After a reload the children of the earlier configuration still have theirs. */
    if (generation->number > 1)
        file = pn_str_printf(generation->pool, "%s.%u", file, generation->number).p;
    if (choice->mechanism == APR_LOCK_FLOCK || choice->mechanism == APR_LOCK_FCNTL)
        (void)unlink(file); /* one that a killed server left */
    status = apr_proc_mutex_create(ret_lock, file, choice->mechanism, generation->pool);
    if (status != APR_SUCCESS || geteuid() != 0 || !unixd->user_set)
        return status;
    status = apr_proc_mutex_perms_set(*ret_lock, APR_FPROT_UREAD | APR_FPROT_UWRITE, unixd->uid,
                                      unixd->n_groups ? unixd->groups[0] : unixd->gid);
    return APR_STATUS_IS_ENOTIMPL(status) ? APR_SUCCESS : status; /* such mechanisms ask nobody for rights */
}

pn_rc pn_mutex_create(struct pn_generation *generation, const char *name, bool may_be_none, struct pn_mutex **ret_mutex)
{
    struct pn__mutex_choice choice = pn__mutex_choose(pn_mpm_conf(generation), name);
    struct pn_mutex        *mutex = apr_pcalloc(generation->pool, sizeof(*mutex));
    apr_status_t            status;

    atomic_flag_clear(&mutex->busy);
    *ret_mutex = mutex;
    if (choice.none && may_be_none)
        return PN_OK;
    if (choice.none) {
        pn_generation_error(generation, "Mutex none: %s cannot be without a mutex", name);
        return PN_BAD;
    }
    status = pn__mutex_make(generation, name, &choice, NULL, &mutex->lock);
    if (status != APR_SUCCESS) {
        pn_generation_error(generation, "the mutex %s cannot be made: %s", name, strerror(status));
        return PN_BAD;
    }
    mutex->file = apr_proc_mutex_lockfile(mutex->lock);
    return PN_OK;
}

/* ---- in a child ---- */

pn_rc pn_mutex_child_init(struct pn_mutex *mutex, apr_pool_t *pool)
{
    apr_status_t status = mutex->lock ? apr_proc_mutex_child_init(&mutex->lock, mutex->file, pool) : APR_SUCCESS;

    if (status == APR_SUCCESS)
        return PN_OK;
    errno = status;
    return PN_SYSTEM;
}

pn_rc pn_mutex_lock(struct pn_mutex *mutex)
{
    for (;;) {
        if (!atomic_flag_test_and_set(&mutex->busy)) {
            apr_status_t status = mutex->lock ? apr_proc_mutex_trylock(mutex->lock) : APR_SUCCESS;

            if (status == APR_SUCCESS)
                return PN_OK;
            atomic_flag_clear(&mutex->busy);
            if (!APR_STATUS_IS_EBUSY(status)) {
                errno = status;
                return PN_SYSTEM;
            }
        }
        if (pn_fiber_sleep(TRY_AGAIN_USEC) != PN_OK)
            return PN_CANCELLED;
    }
}

void pn_mutex_unlock(struct pn_mutex *mutex)
{
    if (mutex->lock)
        (void)apr_proc_mutex_unlock(mutex->lock);
    atomic_flag_clear(&mutex->busy);
}
