/* rewrite_map_text.c - RewriteMap of types txt and rnd: a file of lines "key value", held in memory as a hash.
 *
 * Each look-up asks the file system whether the file is still the one that was read (one call); a changed file is read anew
 * on the offload pool, so it is seen at once and no reading keeps the loop. Threads share the table that is in force under a
 * lock that is held for a few instructions; whoever reads the file holds another one, so a change is read once.
 * Workload: up to millions of lines. */
#include <apr_hash.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mod_rewrite.h"

#define FILE_MAX ((off_t)2 << 30)

/* The lines of a file as of a moment. Keys and values lie in `bytes`. */
struct table {
    unsigned        refs;  /* under the map's lock */
    apr_pool_t     *pool;
    char           *bytes;
    apr_hash_t     *values; /* key to char *, NUL-terminated */
    struct timespec mtime, ctime;
    off_t           size;
    ino_t           inode;
};

struct text_map {
    pthread_mutex_t lock;    /* of `now` */
    pthread_mutex_t reading; /* held by who reads the file; never on the loop's thread */
    struct table   *now;     /* NULL: not read yet */
    const char     *path;
    bool            random;
};

static void table_free(struct table *table)
{
    apr_pool_destroy(table->pool);
    free(table->bytes);
    free(table);
}

static void table_unref(struct text_map *map, struct table *table)
{
    pthread_mutex_lock(&map->lock);
    bool last = table && --table->refs == 0;
    pthread_mutex_unlock(&map->lock);
    if (last)
        table_free(table);
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_of(const struct table *table, const struct stat *info)
{
    return table->size == info->st_size && table->inode == info->st_ino && same_time(table->mtime, info->st_mtim) &&
           same_time(table->ctime, info->st_ctim);
}

/* The table in force when it is of the file as it is now; referenced. */
static struct table *fresh(struct text_map *map, const struct stat *info)
{
    struct table *table;

    pthread_mutex_lock(&map->lock);
    table = map->now && is_of(map->now, info) ? map->now : NULL;
    if (table)
        table->refs++;
    pthread_mutex_unlock(&map->lock);
    return table;
}

/* ---- reading ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* "key value"; a line that begins with white space or # says nothing, nor does one without a value. The first line of a key
 * counts. What stands behind the value is a comment. */
static void take_line(struct table *table, char *line, char *end)
{
    char *key = line, *value;

    if (line == end || *line == '#' || is_blank(*line))
        return;
    while (line < end && !is_blank(*line))
        line++;
    char *key_end = line;
    while (line < end && is_blank(*line))
        line++;
    if (line == end)
        return;
    value = line;
    while (line < end && !is_blank(*line))
        line++;
    *line = '\0'; /* the white space behind, or the byte behind the last line */
    apr_ssize_t n = key_end - key;
    if (!apr_hash_get(table->values, key, n))
        apr_hash_set(table->values, key, n, value);
}

static bool read_bytes(int fd, char *to, size_t n)
{
    while (n) {
        ssize_t got = read(fd, to, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false; /* it became shorter: a writer is at work, the next look-up reads again */
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static struct table *table_read(const char *path)
{
    struct table *table;
    struct stat   info;
    int           fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    table = calloc(1, sizeof(*table));
    pn_assert(table != NULL);
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size < FILE_MAX)
        table->bytes = malloc((size_t)info.st_size + 1);
    if (!table->bytes || !read_bytes(fd, table->bytes, (size_t)info.st_size)) {
        free(table->bytes);
        free(table);
        close(fd);
        return NULL;
    }
    close(fd);
    table->mtime = info.st_mtim;
    table->ctime = info.st_ctim;
    table->size = info.st_size;
    table->inode = info.st_ino;
    apr_pool_create_unmanaged_ex(&table->pool, NULL, NULL);
    table->values = apr_hash_make(table->pool);
    char *at = table->bytes, *end = table->bytes + info.st_size;
    while (at < end) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line_end = newline ? newline : end;
        take_line(table, at, line_end);
        at = line_end + 1;
    }
    return table;
}

struct refresh { struct text_map *map; struct table *got; };

/* Offload thread: reads the file unless somebody else has just done so. */
static void refresh(void *arg)
{
    struct refresh  *job = arg;
    struct text_map *map = job->map;
    struct stat      info;

    pthread_mutex_lock(&map->reading);
    job->got = stat(map->path, &info) == 0 ? fresh(map, &info) : NULL;
    if (!job->got && (job->got = table_read(map->path)) != NULL) {
        struct table *before;
        job->got->refs = 2; /* the map's and the caller's */
        pthread_mutex_lock(&map->lock);
        before = map->now;
        map->now = job->got;
        pthread_mutex_unlock(&map->lock);
        if (before)
            table_unref(map, before);
    }
    pthread_mutex_unlock(&map->reading);
}

/* ---- looking up ---- */

/* One of the parts between bars, each as likely as the others. */
static pn_str pick(apr_pool_t *pool, pn_str value)
{
    uint32_t random = 0;
    unsigned parts = 1;
    pn_str   rest = value;

    for (size_t i = 0; i < value.n; i++)
        parts += value.p[i] == '|';
    if (parts == 1)
        return value;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return PN_STR("");
    for (unsigned i = random % parts; i; i--)
        pn_str_cut(rest, '|', &rest);
    return pn_str_dup(pool, pn_str_cut(rest, '|', &rest));
}

PN_MAY_YIELD static pn_str text_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    struct text_map *text = map->data;
    struct stat      info;
    struct table    *table = NULL;
    pn_str           value = { NULL, 0 };

    if (stat(text->path, &info) == 0)
        table = fresh(text, &info);
    if (!table) {
        struct refresh job = { .map = text };
        if (pn_run_blocking(r, refresh, &job) == PN_OK)
            table = job.got;
    }
    if (!table) {
        PN_LOG_R(r, PN_LOG_ERR, 660, errno, "RewriteMap %s: the text file %s cannot be read", map->name.p, text->path);
        return value;
    }
    const char *found = apr_hash_get(table->values, key.p, (apr_ssize_t)key.n);
    if (found)
        value = pn_str_dup(r->pool, pn_str_z(found));
    table_unref(text, table);
    return value.n && text->random ? pick(r->pool, value) : value;
}

/* ---- life ---- */

static apr_status_t text_release(void *arg)
{
    struct text_map *map = arg;

    if (map->now)
        table_unref(map, map->now);
    map->now = NULL;
    pthread_mutex_destroy(&map->lock);
    pthread_mutex_destroy(&map->reading);
    return APR_SUCCESS;
}

static const char *text_make(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options)
{
    struct text_map *text = apr_pcalloc(cmd->pool, sizeof(*text));
    struct stat      info;

    (void)options;
    text->path = pn_conf_path(cmd, map->source).p;
    text->random = map->ops == &pn__rewrite_map_rnd;
    if (stat(text->path, &info) != 0)
        return pn_conf_error_text(cmd, "RewriteMap: file for map %s not found: %s", map->name.p, text->path);
    pthread_mutex_init(&text->lock, NULL);
    pthread_mutex_init(&text->reading, NULL);
    apr_pool_cleanup_register(cmd->pool, text, text_release, apr_pool_cleanup_null);
    map->data = text;
    return NULL;
}

const struct rewrite_map_ops pn__rewrite_map_txt = { .prefix = "txt:", .make = text_make, .look_up = text_look_up };
const struct rewrite_map_ops pn__rewrite_map_rnd = { .prefix = "rnd:", .make = text_make, .look_up = text_look_up };
