/* mod_autoindex_entry.c - what becomes of a name: would a client get it, what is it, what goes beside it.
 *
 * Workload: up to hundreds of thousands of entries, in batches: stat off the loop, look-ups on it in memory that is given
 * back after each batch, titles off the loop again. Between batches other requests run. */
#include "mod_autoindex.h"

#include <fcntl.h>
#include <pinion/entry.h>
#include <stdlib.h>

#define BATCH 256

struct batch {
    struct autoindex_listing *listing;
    size_t                    first, n;
    struct stat               stat[BATCH];      /* of the names themselves; st_mode 0: gone */
    bool                      wants_title[BATCH];
    char                     *title[BATCH];     /* malloc'd */
};

/* A link that leads nowhere is not there: nobody need be told of it. */
static void stat_entry(int fd, const struct autoindex_entry *entry, struct stat *ret)
{
    struct stat target;

    if (fstatat(fd, entry->name, ret, AT_SYMLINK_NOFOLLOW) == 0 &&
        (!S_ISLNK(ret->st_mode) || fstatat(fd, entry->name, &target, 0) == 0))
        return;
    *ret = (struct stat){ 0 };
}

static void stat_batch(void *arg)
{
    struct batch *batch = arg;

    if (batch->listing->fd < 0)
        batch->listing->fd = open(batch->listing->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < batch->n; i++)
        if (!batch->listing->v[batch->first + i].is_parent)
            stat_entry(batch->listing->fd, &batch->listing->v[batch->first + i], &batch->stat[i]);
}

/* A turn of the loop for the others. */
static void rest(void *arg)
{
    (void)arg;
}

static void read_titles(void *arg)
{
    struct batch *batch = arg;

    for (size_t i = 0; i < batch->n; i++)
        batch->title[i] = batch->wants_title[i]
                              ? pn__autoindex_title(batch->listing->fd, batch->listing->v[batch->first + i].name)
                              : NULL;
}

struct pn_finfo pn__autoindex_info(const struct stat *st)
{
    return (struct pn_finfo){
        .type = S_ISREG(st->st_mode) ? PN_FILE_REGULAR : S_ISDIR(st->st_mode) ? PN_FILE_DIRECTORY : PN_FILE_NONE,
        .mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid, .device = st->st_dev, .inode = st->st_ino,
        .size = (uint64_t)st->st_size, .nlink = (uint32_t)st->st_nlink,
        .mtime = st->st_mtim.tv_sec * PN_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000,
    };
}

/* Would the client get it? */
static bool is_shown(const struct pn_request *sub, const struct autoindex_view *view)
{
    if (sub->finfo.type != PN_FILE_REGULAR && sub->finfo.type != PN_FILE_DIRECTORY)
        return false;
    if (sub->status < 400)
        return true;
    return (sub->status == 401 || sub->status == 403) && (view->options & INDEX_SHOW_FORBIDDEN);
}

/* ---- icon, alternate text, description ---- */

static const pn_str *found_or(const pn_str *found, const pn_str *otherwise)
{
    return found ? found : otherwise;
}

static void decorate(const struct autoindex_conf *conf, struct autoindex_entry *entry, pn_str path, pn_str name, pn_str type,
                     pn_str encoding)
{
    static const pn_str directory = PN_STR_INIT("^^DIRECTORY^^"), dir = PN_STR_INIT("DIR"), parent = PN_STR_INIT("PARENTDIR");
    const pn_str        none = PN_STR("");

    entry->icon = pn__autoindex_find(conf->icons, path, name, type, encoding);
    entry->alt = pn__autoindex_find(conf->alts, path, name, type, encoding);
    entry->description = pn__autoindex_find(conf->descriptions, path, name, type, encoding);
    if (!entry->is_directory)
        return;
    entry->icon = found_or(entry->icon, pn__autoindex_find(conf->icons, directory, directory, none, none));
    entry->alt = found_or(entry->alt, pn__autoindex_find(conf->alts, directory, directory, none, none));
    entry->alt = found_or(entry->alt, entry->is_parent ? &parent : &dir);
}

/* The media type without its parameters. */
static pn_str bare_type(pn_str type)
{
    pn_str rest;

    return pn_str_trim(pn_str_cut(type, ';', &rest));
}

static bool may_have_title(const struct pn_request *sub, const struct autoindex_entry *entry)
{
    pn_str type = bare_type(sub->content_type);

    return !entry->is_directory && !entry->description && !sub->content_encoding.n && sub->status == 200 &&
           (pn_str_ieq(type, PN_STR("text/html")) || pn_str_ieq(type, PN_STR("application/xhtml+xml")));
}

static void become_directory(struct autoindex_entry *entry)
{
    entry->is_directory = true;
    entry->name[entry->name_n] = '/';
    entry->name[entry->name_n + 1] = '\0';
}

static void describe(const struct autoindex_conf *conf, struct autoindex_entry *entry, const struct pn_request *sub, pn_str name)
{
    if (sub->finfo.type == PN_FILE_DIRECTORY)
        become_directory(entry);
    else
        entry->size = (int64_t)sub->finfo.size;
    entry->mtime = sub->finfo.mtime;
    decorate(conf, entry, sub->filename, name, bare_type(sub->content_type), sub->content_encoding);
}

/* ---- a batch ---- */

struct looking {
    struct pn_request           *r;
    const struct autoindex_conf *conf;
    const struct autoindex_view *view;
    struct batch                *batch;
    apr_pool_t                  *scratch;
    bool                         any_title;
};

/* @return is it listed? */
PN_MAY_YIELD static bool look_up(struct looking *at, size_t i)
{
    struct autoindex_entry *entry = &at->batch->listing->v[at->batch->first + i];
    bool                    fancy = (at->view->options & INDEX_FANCY) != 0;
    struct pn_finfo         info = { .type = (enum pn_file_type)entry->hint };

    if (entry->is_parent) {
        if (fancy)
            decorate(at->conf, entry, PN_STR(".."), PN_STR(".."), PN_STR(""), PN_STR(""));
        return true;
    }
    if (fancy || !entry->hint) {
        if (!at->batch->stat[i].st_mode) {
            pn__autoindex_kept_other(at->batch->listing->keeper, pn_str_n(entry->name, entry->name_n), entry->hint);
            return false;
        }
        info = pn__autoindex_info(&at->batch->stat[i]);
    }
    pn_str             name = pn_str_dup(at->scratch, pn_str_n(entry->name, entry->name_n));
    struct pn_request *sub = pn_entry_lookup(at->r, at->scratch, name, &info);
    bool               shown = is_shown(sub, at->view);
    if (shown && fancy) {
        describe(at->conf, entry, sub, name);
        at->batch->wants_title[i] = (at->view->options & INDEX_SCAN_TITLES) && may_have_title(sub, entry);
        at->any_title |= at->batch->wants_title[i];
    }
    else if (shown && sub->finfo.type == PN_FILE_DIRECTORY)
        become_directory(entry);
    entry->is_alike = shown && info.type == PN_FILE_REGULAR && info.nlink <= 1 && !sub->content_encoding.n;
    if (!entry->is_alike)
        pn__autoindex_kept_other(at->batch->listing->keeper, name, entry->hint);
    pn_entry_release(sub);
    return shown;
}

/* Titles live as long as the request. */
static void take_titles(struct looking *at)
{
    for (size_t i = 0; i < at->batch->n; i++) {
        if (!at->batch->title[i])
            continue;
        pn_str *text = apr_palloc(at->r->pool, sizeof(*text));
        *text = pn_str_dup(at->r->pool, pn_str_z(at->batch->title[i]));
        at->batch->listing->v[at->batch->first + i].description = text;
        free(at->batch->title[i]);
    }
}

/* Look-ups of this many entries may run without a pause. */
#define PAUSE_EVERY (8 * BATCH)

static bool needs_stat(const struct looking *at)
{
    for (size_t i = 0; i < at->batch->n; i++) {
        const struct autoindex_entry *entry = &at->batch->listing->v[at->batch->first + i];
        if (!entry->is_parent && ((at->view->options & INDEX_FANCY) || !entry->hint))
            return true;
    }
    return false;
}

/* @param kept how many entries before the batch are listed; those of the batch that are follow them. */
PN_MAY_YIELD static pn_rc do_batch(struct looking *at, size_t *kept)
{
    struct batch             *batch = at->batch;
    struct autoindex_listing *listing = batch->listing;
    bool                      shown[BATCH];
    pn_rc                     rc = PN_OK;

    if (needs_stat(at))
        rc = pn_run_blocking(at->r, stat_batch, batch);
    else if (batch->first % PAUSE_EVERY == PAUSE_EVERY - BATCH)
        rc = pn_run_blocking(at->r, rest, NULL);
    if (rc != PN_OK)
        return rc;
    at->any_title = false;
    memset(batch->wants_title, 0, sizeof(batch->wants_title));
    for (size_t i = 0; i < batch->n; i++)
        shown[i] = look_up(at, i);
    if (at->any_title) {
        rc = pn_run_blocking(at->r, read_titles, batch);
        if (rc != PN_OK)
            return rc;
        take_titles(at);
    }
    for (size_t i = 0; i < batch->n; i++)
        if (shown[i])
            listing->v[(*kept)++] = listing->v[batch->first + i];
    apr_pool_clear(at->scratch);
    return PN_OK;
}

pn_rc pn__autoindex_look_up(struct pn_request *r, const struct autoindex_conf *conf, const struct autoindex_view *view,
                            struct autoindex_listing *listing)
{
    struct looking at = { .r = r, .conf = conf, .view = view, .batch = apr_pcalloc(r->pool, sizeof(*at.batch)) };
    size_t         kept = 0;
    pn_rc          rc = PN_OK;

    apr_pool_create(&at.scratch, r->pool);
    at.batch->listing = listing;
    for (size_t i = 0; i < listing->n && rc == PN_OK; i += BATCH) {
        at.batch->first = i;
        at.batch->n = listing->n - i < BATCH ? listing->n - i : BATCH;
        rc = do_batch(&at, &kept);
    }
    listing->n = kept;
    apr_pool_destroy(at.scratch);
    return rc;
}
