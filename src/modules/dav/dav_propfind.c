/* dav_propfind.c - PROPFIND: the properties of a resource and of what is in it (RFC 4918 s9.1).
 *
 * Entries are found in batches, each by one job, and written one by one in the fiber: who may see an entry and what type it has is
 * decided as for a request of its own. A short answer is sent whole; a long one is made while it is sent, and holds one batch
 * in memory. Names that are only locked come last. */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <fts.h>
#include <pinion/entry.h>
#include <pinion/log.h>
#include <pinion/uri.h>
#include <sys/stat.h>
#include <time.h>

#include "dav_check.h"
#include "dav_entry.h"

#define BATCH_ENTRIES 64
#define BATCH_BYTES ((size_t)4 << 20) /* of dead properties: no further entry then */
#define NAMES_MAX 1000
#define WHOLE_BYTES ((size_t)256 << 10)
#define PIECE_MAX_BYTES ((size_t)256 << 20) /* one batch with all its properties */

struct propfind {
    struct pn_body          super;
    struct pn_request      *r;
    struct dav_resource     what;
    enum dav_depth          depth;
    struct dav_wanted       wanted;
    const struct dav_locks *locks;
    struct dav_lock_place   place;
    int64_t                 now_s;
    FTS                    *tree;      /* NULL: not begun, or ended */
    bool                    begun, ended;
    apr_pool_t             *batch_pool;
    apr_array_header_t     *batch;     /* of struct dav_entry */
    size_t                  batch_bytes; /* of their dead properties */
    struct pn_request      *around;    /* for the members of this directory ... */
    pn_str                  around_file; /* ... which is this one */
    pn_str                  denied;    /* a directory whose members nobody is told of; empty: none */
    int                     error;
    struct pn_buf           out;
};

/* ---- what is asked for ---- */

static int take_names(struct pn_request *r, const struct dav_node *prop, struct dav_wanted *wanted)
{
    wanted->names = apr_array_make(r->pool, 8, sizeof(struct dav_name));
    for (const struct dav_node *name = dav_xml_first(prop); name; name = dav_xml_next(name)) {
        if (wanted->names->nelts >= NAMES_MAX)
            return 413;
        APR_ARRAY_PUSH(wanted->names, struct dav_name) = (struct dav_name){ name->ns, name->name };
    }
    return 0;
}

static int take_wanted(struct pn_request *r, const struct dav_node *root, struct dav_wanted *wanted)
{
    const struct dav_node *prop;

    wanted->kind = DAV_WANT_ALL;
    if (!root)
        return 0;
    if (!dav_xml_is(root, PN_STR("propfind")))
        return 400;
    if (dav_xml_child(root, PN_STR("allprop"))) /* what "include" may name is in it */
        return 0;
    if (dav_xml_child(root, PN_STR("propname"))) {
        wanted->kind = DAV_WANT_NAMES;
        return 0;
    }
    prop = dav_xml_child(root, PN_STR("prop"));
    if (!prop)
        return 400;
    wanted->kind = DAV_WANT_SOME;
    return take_names(r, prop, wanted);
}

/* ---- the job: a batch of entries ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void open_tree(struct propfind *find)
{
    char *roots[] = { (char *)(uintptr_t)find->what.file.p, NULL };

    find->begun = true;
    find->tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!find->tree)
        find->error = errno;
}

static void add_entry(struct propfind *find, const FTSENT *found)
{
    const struct stat *st = found->fts_statp;
    struct dav_entry  *entry = apr_array_push(find->batch);

    *entry = (struct dav_entry){
        .file = found->fts_level == 0 ? find->what.file : pn_str_dup(find->batch_pool, pn_str_z(found->fts_path)),
        .exists = true, .collection = S_ISDIR(st->st_mode), .created_s = st->st_ctim.tv_sec,
        .info = { .type = S_ISDIR(st->st_mode) ? PN_FILE_DIRECTORY : PN_FILE_REGULAR, .mode = st->st_mode, .uid = st->st_uid,
                  .gid = st->st_gid, .device = st->st_dev, .inode = st->st_ino, .size = (uint64_t)st->st_size,
                  .mtime = (pn_wall)st->st_mtim.tv_sec * PN_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000,
                  .nlink = (uint32_t)st->st_nlink }
    };
    if (find->what.file.n == 1 && found->fts_level > 0) /* "//name" below the root directory */
        entry->file = pn_str_from(entry->file, entry->file.n > 1 && entry->file.p[1] == '/' ? 1 : 0);
    dav_entry_read_props(find->batch_pool, entry); /* what can't be read is not there */
    for (int i = 0; entry->props && i < entry->props->nelts; i++)
        find->batch_bytes += APR_ARRAY_IDX(entry->props, i, struct dav_prop).value.n;
}

static void take_found(struct propfind *find, FTSENT *found)
{
    unsigned deepest = find->depth == DAV_DEPTH_ZERO ? 0 : find->depth == DAV_DEPTH_ONE ? 1 : UINT16_MAX;
    bool     hidden = found->fts_level > 0 && dav_is_hidden(pn_str_z(found->fts_name));

    if (found->fts_info == FTS_D && (hidden || (unsigned)found->fts_level >= deepest))
        fts_set(find->tree, found, FTS_SKIP);
    if (!hidden && (found->fts_info == FTS_D || found->fts_info == FTS_F))
        add_entry(find, found);
}

static void next_batch(void *arg)
{
    struct propfind *find = arg;

    if (!find->begun)
        open_tree(find);
    find->batch_bytes = 0;
    while (find->tree && find->batch->nelts < BATCH_ENTRIES && find->batch_bytes < BATCH_BYTES) {
        FTSENT *found = fts_read(find->tree);
        if (found)
            take_found(find, found);
        else {
            fts_close(find->tree);
            find->tree = NULL;
        }
    }
}

static apr_status_t release(void *data)
{
    struct propfind *find = data;

    if (find->tree)
        fts_close(find->tree);
    find->tree = NULL;
    pn_buf_release(&find->out);
    return APR_SUCCESS;
}

/* ---- writing ---- */

static void write_entry(struct propfind *find, struct pn_request *r, apr_pool_t *pool, const struct dav_entry *entry)
{
    struct dav_view view = { .r = r, .pool = pool, .entry = entry, .locks = find->locks, .can_lock = find->place.path.n != 0,
                             .discovery = find->place.discovery, .now_s = find->now_s };

    dav_entry_write(&find->out, &view, dav_href(pool, &find->what, entry->file, entry->collection), &find->wanted);
}

/* The look-up of the directory that an entry is in. @return NULL: nobody is to be told of its members. */
PN_MAY_YIELD static struct pn_request *directory_of(struct propfind *find, pn_str file)
{
    pn_str dir = dav_parent(file);

    if (pn_str_eq(dir, find->what.file))
        return find->r;
    if (find->around && pn_str_eq(dir, find->around_file))
        return find->around;
    find->around_file = pn_str_dup(find->r->pool, dir);
    find->around = pn_sub_lookup(find->r, dav_href(find->r->pool, &find->what, dir, true), find->r->method);
    return find->around->status == 200 && find->around->finfo.type == PN_FILE_DIRECTORY ? find->around : NULL;
}

/* A member is shown to whom its own request would let in. */
PN_MAY_YIELD static void write_member(struct propfind *find, apr_pool_t *pool, const struct dav_entry *entry)
{
    struct pn_request *around = directory_of(find, entry->file), *own;
    pn_str             name = pn_str_from(entry->file, pn_str_rchr(entry->file, '/') + 1);

    if (!around) {
        find->denied = find->around_file;
        return;
    }
    own = pn_entry_lookup(around, pool, name, &entry->info);
    if (own->status == 200 || (entry->collection && own->status == 301))
        write_entry(find, own, pool, entry);
    else if (entry->collection)
        find->denied = pn_str_dup(find->r->pool, entry->file);
    pn_entry_release(own);
}

PN_MAY_YIELD static void write_batch(struct propfind *find)
{
    apr_pool_t *pool;

    pn_assert(apr_pool_create(&pool, find->r->pool) == APR_SUCCESS);
    for (int i = 0; i < find->batch->nelts; i++) {
        const struct dav_entry *entry = &APR_ARRAY_IDX(find->batch, i, struct dav_entry);
        if (pn_str_eq(entry->file, find->what.file))
            write_entry(find, find->r, pool, entry);
        else if (find->denied.n == 0 || !dav_is_below(entry->file, find->denied))
            write_member(find, pool, entry);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
}

static bool is_listed_name(const struct propfind *find, pn_str file)
{
    if (pn_str_eq(file, find->what.file))
        return true;
    if (find->depth == DAV_DEPTH_ZERO || !dav_is_below(file, find->what.file))
        return false;
    return find->depth == DAV_DEPTH_INFINITY || pn_str_eq(dav_parent(file), find->what.file);
}

/* What a job has to ask of the disk. */
struct absent {
    apr_array_header_t *files; /* of pn_str */
    apr_array_header_t *found; /* of pn_str: nothing is there */
};

static void find_absent(void *arg)
{
    struct absent *absent = arg;
    struct stat    st;

    for (int i = 0; i < absent->files->nelts; i++) {
        pn_str file = APR_ARRAY_IDX(absent->files, i, pn_str);
        if (lstat(file.p, &st) != 0 && errno == ENOENT)
            APR_ARRAY_PUSH(absent->found, pn_str) = file;
    }
}

/* Names that are locked and do not stand for anything yet. */
PN_MAY_YIELD static void write_locked_names(struct propfind *find)
{
    struct absent absent = { apr_array_make(find->batch_pool, 4, sizeof(pn_str)), apr_array_make(find->batch_pool, 4, sizeof(pn_str)) };
    const apr_array_header_t *all = find->locks ? find->locks->all : NULL;

    for (int i = 0; all && i < all->nelts; i++) {
        const struct dav_lock *lock = &APR_ARRAY_IDX(all, i, struct dav_lock);
        const apr_array_header_t *same = dav_locks_on(find->locks, lock->file);
        if (is_listed_name(find, lock->file) && APR_ARRAY_IDX(same, 0, const struct dav_lock *) == lock)
            APR_ARRAY_PUSH(absent.files, pn_str) = lock->file;
    }
    if (absent.files->nelts == 0 || pn_run_blocking(find->r, find_absent, &absent) != PN_OK)
        return;
    for (int i = 0; i < absent.found->nelts; i++) {
        struct dav_entry entry = { .file = APR_ARRAY_IDX(absent.found, i, pn_str) };
        write_entry(find, find->r, find->r->pool, &entry);
    }
}

/* Appends the next piece to find->out. */
PN_MAY_YIELD static pn_rc produce(struct propfind *find)
{
    find->batch_pool = dav_pool(find->r);
    find->batch = apr_array_make(find->batch_pool, BATCH_ENTRIES, sizeof(struct dav_entry));
    if (find->what.exists && pn_run_blocking(find->r, next_batch, find) != PN_OK)
        return PN_SYSTEM;
    write_batch(find);
    if (!find->tree) {
        write_locked_names(find);
        pn_buf_lit(&find->out, "</D:multistatus>\n");
        find->ended = true;
    }
    dav_pool_end(find->r, find->batch_pool);
    find->batch = NULL;
    return find->out.full ? PN_LIMIT : PN_OK;
}

PN_MAY_YIELD static pn_rc propfind_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct propfind *find = PN_CONTAINER(body, struct propfind, super);
    bool             ended = find->ended;

    if (find->out.n == 0 && ended)
        return PN_EOF;
    if (find->out.n == 0) {
        pn_rc rc = produce(find);
        if (rc != PN_OK)
            return pn_fail(find->r, 500, PN_LOG_MODULE, 21469, "A list of properties could not be completed");
    }
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .fd = -1, .bytes = pn_buf_view(&find->out), .last = find->ended };
    find->out.n = 0; /* stays as it is until the next pull */
    return PN_OK;
}

static const struct pn_body_ops propfind_ops = { .name = "PROPFIND", .next = propfind_next };

/* ---- the method ---- */

PN_MAY_YIELD static enum pn_verdict send_list(struct propfind *find)
{
    struct pn_request *r = find->r;
    pn_rc              rc = PN_OK;

    pn_buf_init(&find->out, NULL, PIECE_MAX_BYTES);
    apr_pool_cleanup_register(r->pool, find, release, apr_pool_cleanup_null);
    pn_buf_lit(&find->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n");
    while (rc == PN_OK && !find->ended && find->out.n < WHOLE_BYTES)
        rc = produce(find);
    if (find->error) {
        PN_LOG_R(r, PN_LOG_ERR, 21470, find->error, "%s cannot be listed", find->what.file.p);
        return pn_reject_quietly(r, dav_status_of_errno(find->error));
    }
    if (rc != PN_OK)
        return pn_reject_quietly(r, 500);
    if (find->ended)
        return dav_answer_xml(r, 207, pn_str_dup(r->pool, pn_buf_view(&find->out)));
    dav_answer_xml(r, 207, PN_STR(""));
    find->super = (struct pn_body){ .ops = &propfind_ops, .r = r, .length = -1 };
    r->body = &find->super;
    return PN_HANDLED;
}

static int take_depth(struct pn_request *r, struct propfind *find)
{
    const struct dav_conf *conf = pn_dir_conf(r, &pn_module_dav);

    find->depth = dav_depth_of(r, DAV_DEPTH_INFINITY);
    if (find->depth == DAV_DEPTH_BAD)
        return 400;
    if (find->depth != DAV_DEPTH_INFINITY || !find->what.collection || conf->depth_infinity)
        return 0;
    PN_LOG_R(r, PN_LOG_INFO, 21471, 0, "A list of the whole tree at %s is not allowed (DavDepthInfinity)", pn_str_escape(r->pool, r->path).p);
    return 403;
}

enum pn_verdict dav_propfind(struct pn_request *r)
{
    struct propfind *find = apr_pcalloc(r->pool, sizeof(*find));
    struct dav_node *root = NULL;
    int              status = dav_resource_of(r, &find->what);

    find->r = r;
    find->now_s = (int64_t)time(NULL);
    dav_provider_of(r)->lock_place(r, &find->place);
    if (status == 0)
        status = dav_locks_read(r, dav_pool(r), &find->locks);
    if (status == 0 && !find->what.exists && !dav_locks_on(find->locks, find->what.file))
        status = 404;
    if (status == 0)
        status = take_depth(r, find);
    if (status == 0)
        status = dav_read_xml(r, &root);
    if (status == 0)
        status = take_wanted(r, root, &find->wanted);
    if (status == 0) {
        struct dav_check check = { .pool = r->pool, .locks = find->locks, .failures = apr_array_make(r->pool, 1, sizeof(struct dav_failure)) };
        status = dav_check_locked(r, &(struct dav_target){ .what = &find->what, .only_read = true }, 1, &check);
    }
    return status ? pn_reject_quietly(r, status) : send_list(find);
}
