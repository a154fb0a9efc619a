/* mod_autoindex_read.c - the names in a directory, and the titles of HTML files. All of it runs off the loop, in memory
 * that the listing owns: a request's pool may not be used by another thread. */
#include "mod_autoindex.h"

#include <apr_fnmatch.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Names lie one after another in blocks: a hundred thousand allocations would cost more than the reading. */
#define BLOCK_BYTES 65536

struct autoindex_block {
    struct autoindex_block *next;
    size_t                  used;
    char                    bytes[BLOCK_BYTES];
};

static apr_status_t release(void *arg)
{
    struct autoindex_listing *listing = arg;

    while (listing->blocks) {
        struct autoindex_block *next = listing->blocks->next;
        free(listing->blocks);
        listing->blocks = next;
    }
    free(listing->v);
    listing->v = NULL;
    listing->n = 0;
    if (listing->fd >= 0)
        close(listing->fd);
    listing->fd = -1;
    return APR_SUCCESS;
}

static char *keep_name(struct autoindex_listing *listing, pn_str name)
{
    struct autoindex_block *block = listing->blocks;

    if (!block || block->used + name.n + 2 > sizeof(block->bytes)) {
        block = malloc(sizeof(*block));
        pn_assert(block);
        block->next = listing->blocks;
        block->used = 0;
        listing->blocks = block;
    }
    char *kept = block->bytes + block->used;
    memcpy(kept, name.p, name.n + 1); /* with its NUL; one byte more for a slash */
    block->used += name.n + 2;
    return kept;
}

void pn__autoindex_append(struct autoindex_listing *listing, pn_str name, enum pn_file_type hint)
{
    if (listing->n == listing->room) {
        listing->room = listing->room ? 2 * listing->room : 128;
        listing->v = reallocarray(listing->v, listing->room, sizeof(*listing->v));
        pn_assert(listing->v);
    }
    listing->v[listing->n++] = (struct autoindex_entry){
        .name = keep_name(listing, name),
        .name_n = (uint32_t)name.n,
        .hint = (uint8_t)hint,
        .size = -1,
        .mtime = -1,
    };
}

static enum pn_file_type hint_of(unsigned char type)
{
    return type == DT_REG ? PN_FILE_REGULAR : type == DT_DIR ? PN_FILE_DIRECTORY : PN_FILE_NONE;
}

struct read_job {
    const struct autoindex_conf *conf;
    const char                  *path, *pattern; /* pattern: of the client, NULL: none */
    struct autoindex_listing    *listing;
    int                          error;
};

static bool is_ignored(const struct autoindex_conf *conf, pn_str name)
{
    for (int i = 0; conf->ignored && i < conf->ignored->nelts; i++)
        if (pn__autoindex_match(APR_ARRAY_IDX(conf->ignored, i, struct autoindex_rule).pattern, name))
            return true;
    return false;
}

static bool is_wanted(const struct read_job *job, pn_str name)
{
    if (pn_str_eq(name, PN_STR(".")) || pn_str_eq(name, PN_STR("..")) || is_ignored(job->conf, name))
        return false;
    return !job->pattern || apr_fnmatch(job->pattern, name.p, APR_FNM_NOESCAPE) == APR_SUCCESS;
}

static void read_names(void *arg)
{
    struct read_job *job = arg;
    int              fd = open(job->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR             *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent   *found;

    if (!dir) {
        job->error = errno;
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((found = readdir(dir))) {
        pn_str name = pn_str_z(found->d_name);
        /* DT_LNK and file systems that tell no type are looked at later */
        if (is_wanted(job, name) && found->d_type != DT_FIFO && found->d_type != DT_SOCK && found->d_type != DT_CHR &&
            found->d_type != DT_BLK)
            pn__autoindex_append(job->listing, name, hint_of(found->d_type));
    }
    job->listing->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    closedir(dir);
}

void pn__autoindex_add_parent(struct pn_request *r, const struct autoindex_conf *conf, struct autoindex_listing *listing)
{
    if (pn_str_eq(r->path, PN_STR("/")) || is_ignored(conf, PN_STR("..")))
        return;
    pn__autoindex_append(listing, PN_STR(".."), PN_FILE_DIRECTORY);
    listing->v[listing->n - 1].is_parent = true;
    listing->v[listing->n - 1].is_directory = true;
}

struct autoindex_listing *pn__autoindex_listing_new(struct pn_request *r)
{
    struct autoindex_listing *listing = apr_pcalloc(r->pool, sizeof(*listing));

    listing->fd = -1;
    listing->path = r->filename.p;
    apr_pool_cleanup_register(r->pool, listing, release, apr_pool_cleanup_null);
    return listing;
}

pn_rc pn__autoindex_read(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                         struct autoindex_listing **ret, int *ret_error)
{
    struct read_job *job = apr_pcalloc(r->pool, sizeof(*job));

    *job = (struct read_job){ .conf = conf, .path = r->filename.p, .pattern = view->pattern.n ? view->pattern.p : NULL };
    job->listing = pn__autoindex_listing_new(r);
    pn__autoindex_add_parent(r, conf, job->listing);
    pn_rc rc = pn_run_blocking(r, read_names, job);
    if (rc != PN_OK)
        return rc;
    if (job->error) {
        *ret_error = job->error;
        return PN_SYSTEM;
    }
    *ret = job->listing;
    return PN_OK;
}

/* ---- titles ---- */

#define TITLE_SEARCH_BYTES 8192
#define TITLE_MAX 255

static ssize_t read_start(int fd, const char *name, char *to, size_t room)
{
    int     file = openat(fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    size_t  n = 0;
    ssize_t got = -1;

    if (file < 0)
        return -1;
    while (n < room && (got = read(file, to + n, room - n)) > 0)
        n += (size_t)got;
    close(file);
    return (ssize_t)n;
}

/* Up to the next tag, on one line. */
static char *copy_title(pn_str text)
{
    while (text.n && (text.p[0] == '\r' || text.p[0] == '\n'))
        text = pn_str_from(text, 1);
    text = pn_str_head(pn_str_cut(text, '<', &(pn_str){ NULL, 0 }), TITLE_MAX);
    char *title = malloc(text.n + 1);
    pn_assert(title);
    for (size_t i = 0; i < text.n; i++)
        title[i] = isspace((unsigned char)text.p[i]) || !text.p[i] ? ' ' : text.p[i];
    title[text.n] = '\0';
    return title;
}

char *pn__autoindex_title(int fd, const char *name)
{
    char   *start = malloc(TITLE_SEARCH_BYTES), *title = NULL;
    ssize_t n = start ? read_start(fd, name, start, TITLE_SEARCH_BYTES) : -1;
    size_t  at = n > 0 ? pn_str_ifind(pn_str_n(start, (size_t)n), PN_STR("<title>")) : SIZE_MAX;

    if (at != SIZE_MAX)
        title = copy_title(pn_str_from(pn_str_n(start, (size_t)n), at + strlen("<title>")));
    free(start);
    return title;
}
