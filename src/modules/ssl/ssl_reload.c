/* ssl_reload.c - SSLCertificateReload: the master looks at certificates and keys, and asks itself for a graceful restart when
 * they have changed.
 *
 * The master looks because children may not read keys. Certificate and key change one after the other, so it waits until
 * nothing has changed between two looks; what does not fit then is refused by the reload, and the old certificate stays. */
#include "mod_ssl.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_USEC PN_USEC_PER_SEC

struct ssl_watch {
    apr_array_header_t *files;    /* of struct watched */
    pn_usec             next;
    bool                changing; /* the last look found a change */
};

struct watched {
    const char *path;
    dev_t       device;
    ino_t       inode;
    off_t       size;
    int64_t     mtime_ns;
};

/* @return has it changed since the last look? A file that is not there now is between two states. */
static bool look_at(struct watched *file)
{
    struct stat info;

    if (stat(file->path, &info) != 0)
        return false;
    int64_t mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    bool    changed = info.st_dev != file->device || info.st_ino != file->inode || info.st_size != file->size ||
                   mtime_ns != file->mtime_ns;
    *file = (struct watched){ .path = file->path, .device = info.st_dev, .inode = info.st_ino, .size = info.st_size, .mtime_ns = mtime_ns };
    return changed;
}

static void add(apr_array_header_t *files, const struct ssl_file *file)
{
    struct watched *one;

    if (!file->path.p)
        return;
    one = apr_array_push(files);
    *one = (struct watched){ .path = file->path.p };
    (void)look_at(one);
}

static void add_all(apr_array_header_t *files, const apr_array_header_t *list)
{
    for (int i = 0; list && i < list->nelts; i++)
        add(files, &APR_ARRAY_IDX(list, i, struct ssl_file));
}

struct ssl_watch *ssl_watch_files(struct pn_generation *generation, apr_pool_t *pool)
{
    struct ssl_watch *watch;

    if (!ssl_server_conf(generation->servers)->reload)
        return NULL;
    watch = apr_pcalloc(pool, sizeof(*watch));
    watch->files = apr_array_make(pool, 8, sizeof(struct watched));
    for (const struct pn_server *s = generation->servers; s; s = s->next) {
        const struct ssl_server_conf *conf = ssl_server_conf(s);

        add_all(watch->files, conf->certificates);
        add_all(watch->files, conf->keys);
        add(watch->files, &conf->chain);
    }
    return watch;
}

pn_usec ssl_reload_tick(struct pn_generation *generation, pn_usec now)
{
    struct ssl_watch *watch = ssl_server_conf(generation->servers)->state->watch;
    bool              changed = false;

    if (!watch)
        return PN_NEVER;
    if (now < watch->next)
        return watch->next;
    for (int i = 0; i < watch->files->nelts; i++)
        changed |= look_at(&APR_ARRAY_IDX(watch->files, i, struct watched));
    if (watch->changing && !changed) {
        PN_LOG_S(generation->servers, PN_LOG_NOTICE, 21307, 0, "a certificate or key has changed: reloading gracefully");
        (void)kill(getpid(), SIGUSR1);
    }
    watch->changing = changed;
    watch->next = now + LOOK_USEC;
    return watch->next;
}
