/* store_node.c - the path store's trie: finding and making nodes, and taking away what changed.
 *
 * Called by the walk, and by the watch (store_watch.c). Owns the nodes (malloc), their
 * descriptors and watches. A node's subtree, its places and the links that point into it die
 * with it, without recursion: trees may be deep. */
#include "http/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "conf/vec.h"

/* ---- what fstat says ---- */

int64_t pn__ctime_ns(const struct stat *st)
{
    return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

static enum pn_file_type type_of(mode_t mode)
{
    return S_ISREG(mode) ? PN_FILE_REGULAR : S_ISDIR(mode) ? PN_FILE_DIRECTORY : PN_FILE_OTHER;
}

void pn__info_of_stat(struct pn_finfo *info, const struct stat *st)
{
    *info = (struct pn_finfo){
        .type = type_of(st->st_mode),
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = (uint64_t)st->st_size,
        .nlink = (uint32_t)st->st_nlink,
        .mtime = (pn_wall)st->st_mtim.tv_sec * PN_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000,
    };
}

bool pn__same_stat(const struct pn_finfo *info, int64_t ctime_ns, const struct stat *st)
{
    struct pn_finfo now;

    pn__info_of_stat(&now, st);
    return now.inode == info->inode && now.device == info->device && now.size == info->size &&
           now.mode == info->mode && now.mtime == info->mtime && now.uid == info->uid &&
           now.gid == info->gid && now.nlink == info->nlink && pn__ctime_ns(st) == ctime_ns;
}

void pn__node_set_stat(struct store_node *node, const struct stat *st)
{
    pn__info_of_stat(&node->info, st);
    node->ctime_ns = pn__ctime_ns(st);
    node->kind = S_ISREG(st->st_mode)   ? NODE_REGULAR
                 : S_ISDIR(st->st_mode) ? NODE_DIRECTORY
                 : S_ISLNK(st->st_mode) ? NODE_LINK
                                        : NODE_OTHER;
}

/* ---- the hash of nodes ---- */

static uint32_t hash_of(const struct store_node *dir, pn_str name)
{
    return (uint32_t)XXH3_64bits_withSeed(name.p, name.n, (uintptr_t)dir);
}

struct store_node *pn__node_find(const struct pn_store *store, const struct store_node *dir,
                                 pn_str name)
{
    uint32_t           hash = hash_of(dir, name);
    struct store_node *node = store->nodes[hash & (store->n_node_buckets - 1)];

    while (node && (node->hash != hash || node->parent != dir || node->name_n != name.n ||
                    memcmp(node->name, name.p, name.n) != 0))
        node = node->hash_next;
    return node;
}

static void grow_hash(struct pn_store *store)
{
    size_t              n = store->n_node_buckets * 2;
    struct store_node **bigger = calloc(n, sizeof(struct store_node *));

    if (bigger == NULL)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < store->n_node_buckets; i++) {
        for (struct store_node *node = store->nodes[i], *next; node; node = next) {
            next = node->hash_next;
            node->hash_next = bigger[node->hash & (n - 1)];
            bigger[node->hash & (n - 1)] = node;
        }
    }
    free(store->nodes);
    store->nodes = bigger;
    store->n_node_buckets = n;
}

static void unhash(struct pn_store *store, struct store_node *node)
{
    struct store_node **at = &store->nodes[node->hash & (store->n_node_buckets - 1)];

    while (*at != node)
        at = &(*at)->hash_next;
    *at = node->hash_next;
}

/* ---- making ---- */

static struct store_node *node_new(struct pn_store *store, struct store_node *parent, pn_str name)
{
    struct store_node *node = calloc(1, sizeof(*node) + name.n + 1);

    pn_assert(node != NULL);
    node->name_n = (uint16_t)name.n;
    if (name.n)
        memcpy(node->name, name.p, name.n);
    store->stats.nodes++;
    if (parent == NULL)
        return node;
    if (store->stats.nodes > store->n_node_buckets)
        grow_hash(store);
    node->parent = parent;
    node->hash = hash_of(parent, name);
    node->hash_next = store->nodes[node->hash & (store->n_node_buckets - 1)];
    store->nodes[node->hash & (store->n_node_buckets - 1)] = node;
    node->next = parent->first_child;
    if (node->next)
        node->next->prev = node;
    parent->first_child = node;
    node->ask = parent->ask || parent->dir->untrusted;
    return node;
}

struct node_dir *pn__dir_new(struct pn_store *store, struct store_node *node, int fd)
{
    struct node_dir *dir = calloc(1, sizeof(*dir));

    pn_assert(dir != NULL);
    dir->node = node;
    dir->store = store;
    dir->fd = fd;
    dir->watch.wd = -1;
    if (fd >= 0)
        store->fds++;
    return dir;
}

struct store_node *pn__node_root(struct pn_store *store)
{
    struct stat st;
    int         fd;

    if (store->root)
        return store->root;
    fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0) {
        close(fd);
        return NULL;
    }
    store->root = node_new(store, NULL, PN_STR(""));
    pn__node_set_stat(store->root, &st);
    store->root->dir = pn__dir_new(store, store->root, fd);
    return store->root;
}

/* Errors that are a property of the path and last until it changes. Others may be gone in a
   moment. */
static bool is_lasting(int error)
{
    return error == EACCES || error == ENAMETOOLONG || error == ELOOP || error == ENOTDIR ||
           error == EPERM;
}

void pn__node_watch_content(struct pn_store *store, struct store_node *dir)
{
    struct node_dir   *d = dir->dir;
    struct store_node *real = pn__node_final(dir);

    if (d->untrusted || d->watch.content)
        return;
    if (real == NULL ||
        pn_watch_want_content(store->worker->watcher, &d->watch, real->dir->fd) != PN_OK)
        d->untrusted = true;
}

/* Changes of a file's bytes are told from now on, and `st` is from after that. */
static void watch_content(struct pn_store *store, struct store_node *dir, int fd, struct stat *st)
{
    bool told = dir->dir->untrusted || dir->dir->watch.content;

    pn__node_watch_content(store, dir);
    if (!told && fstat(fd, st) != 0)
        dir->dir->untrusted = true;
}

/* @return 0 or errno. The descriptor is the node's, or closed. */
static int fill_from_fd(struct pn_store *store, struct store_node *node, int fd)
{
    struct stat st;
    int         error = 0;

    if (fstat(fd, &st) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    if (S_ISREG(st.st_mode)) {
        watch_content(store, node->parent, fd, &st);
        node->ask = node->ask || node->parent->dir->untrusted;
    }
    pn__node_set_stat(node, &st);
    if (node->kind == NODE_DIRECTORY) {
        node->dir = pn__dir_new(store, node, fd);
        return 0;
    }
    if (node->kind == NODE_LINK)
        error = pn__link_resolve(store, node, fd);
    close(fd);
    return error;
}

static int look(struct pn_store *store, struct store_node *dir, struct store_node *node)
{
    int fd = pn__open_path(store, pn__node_final(dir)->dir->fd, node->name);

    if (fd >= 0)
        return fill_from_fd(store, node, fd);
    if (errno == ENOENT)
        node->kind = NODE_NONE;
    else if (is_lasting(errno)) {
        node->kind = NODE_ERROR;
        node->error = errno;
    }
    else if (errno == EAGAIN)
        return pn__cold(store, dir, pn_str_n(node->name, node->name_n), false);
    else
        return errno;
    return 0;
}

int pn__node_child(struct pn_store *store, struct store_node *dir, pn_str name,
                   struct store_node **ret)
{
    struct store_node *node = pn__node_find(store, dir, name);
    int                error;

    if (node) {
        if ((node->ask || dir->dir->untrusted) && !pn__step_still(store, node))
            return ESTALE;
        *ret = node;
        return 0;
    }
    if (name.n > NAME_MAX)
        return ENAMETOOLONG;
    error = pn__node_enter(store, dir);
    if (error)
        return error;
    node = node_new(store, dir, name);
    error = look(store, dir, node);
    if (error) {
        pn__node_destroy(store, node);
        return error;
    }
    *ret = node;
    return 0;
}

/* ---- taking away ---- */

static void doom(struct pn_store *store, struct store_node *node)
{
    if (node->doomed || node->dead)
        return;
    node->doomed = true;
    node->work_next = store->doomed;
    store->doomed = node;
}

static void unlink_sibling(struct store_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    else if (node->parent)
        node->parent->first_child = node->next;
    if (node->next)
        node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

static void drop_vecs(struct node_dir *dir)
{
    for (unsigned i = 0; i < dir->n_vecs; i++)
        pn_conf_vec_unref(dir->vecs[i].vec);
    free(dir->vecs);
    dir->vecs = NULL;
    dir->n_vecs = dir->cap_vecs = 0;
}

static void dir_free(struct pn_store *store, struct node_dir *dir)
{
    if (dir == NULL)
        return;
    if (dir->watch.wd >= 0)
        pn_watch_stop(store->worker->watcher, &dir->watch);
    if (dir->counted)
        store->stats.watches--;
    pn__dir_changed(dir);
    drop_vecs(dir);
    if (dir->fd >= 0) {
        close(dir->fd);
        store->fds--;
    }
    free(dir);
}

static void let_go_of_file(struct pn_store *store, struct store_node *node)
{
    if (node->file == NULL)
        return;
    pn__file_forget(store, node->file);
    pn_file_unref(node->file);
    node->file = NULL;
}

/* What a node holds beside its children. */
static void empty(struct pn_store *store, struct store_node *node)
{
    while (node->places)
        pn__place_drop(store, node->places);
    let_go_of_file(store, node);
    pn__access_forms_free(node->forms);
    node->forms = NULL;
    dir_free(store, node->dir);
    node->dir = NULL;
}

/* A node without children leaves the trie. Who points to it is doomed; what it points to may be
   needed no more. */
static void retire(struct pn_store *store, struct store_node *node)
{
    if (node->target) {
        struct store_node *target = node->target;
        pn__link_detach(node);
        if (!target->orphan && target != node) {
            target->orphan = true;
            target->orphan_next = store->orphans;
            store->orphans = target;
        }
    }
    for (struct store_node *link = node->links, *next; link; link = next) {
        next = link->link_next;
        pn__link_detach(link);
        doom(store, link);
    }
    empty(store, node);
    unlink_sibling(node);
    unhash(store, node);
    node->dead = true;
    node->hash_next = store->dead;
    store->dead = node;
    store->stats.nodes--;
}

static void raze(struct pn_store *store, struct store_node *top)
{
    while (top->is_access && top->parent) /* the settings of the whole directory changed */
        top = top->parent;
    for (;;) {
        struct store_node *leaf = top;

        while (leaf->first_child)
            leaf = leaf->first_child;
        if (leaf == top)
            break;
        retire(store, leaf);
    }
    if (top->parent) {
        retire(store, top);
        return;
    }
    for (struct store_node *link = top->links, *next; link; link = next) {
        next = link->link_next;
        doom(store, link);
    }
    empty(store, top); /* the root stays a node as long as links point to it: they are doomed */
    store->root = NULL;
    top->dead = true;
    top->hash_next = store->dead;
    store->dead = top;
    store->stats.nodes--;
}

static bool is_needed(const struct store_node *node)
{
    return node->places || node->links || node->resolving;
}

/* Only .htaccess files that nothing else needs are below. */
static bool has_idle_children_only(const struct store_node *node)
{
    for (const struct store_node *child = node->first_child; child; child = child->next)
        if (!child->is_access || is_needed(child) || child->first_child)
            return false;
    return true;
}

static void prune(struct pn_store *store, struct store_node *node)
{
    while (node->is_access && node->parent &&
           !is_needed(node)) /* it goes when its directory goes */
        node = node->parent;
    while (node->parent && !node->dead && !node->is_access && !is_needed(node) &&
           has_idle_children_only(node)) {
        struct store_node *parent = node->parent;

        while (node->first_child)
            retire(store, node->first_child);
        retire(store, node);
        node = parent;
    }
}

/* Not while a walk holds nodes: it ends soon, with an error or with a node that is not doomed. */
static void finish(struct pn_store *store)
{
    while (!store->walking && (store->doomed || store->orphans)) {
        struct store_node *node;

        if (store->doomed) {
            node = store->doomed;
            store->doomed = node->work_next;
            if (!node->dead)
                raze(store, node);
            continue;
        }
        node = store->orphans;
        store->orphans = node->orphan_next;
        node->orphan = false;
        if (!node->dead)
            prune(store, node);
    }
    while (!store->walking && store->dead) {
        struct store_node *node = store->dead;

        store->dead = node->hash_next;
        free(node);
    }
}

void pn__node_destroy(struct pn_store *store, struct store_node *node)
{
    doom(store, node);
    finish(store);
}

void pn__walk_begins(struct pn_store *store)
{
    pn_assert(!store->walking && !store->doomed);
    store->walking = true;
    store->links_followed = 0;
}

void pn__walk_ends(struct pn_store *store)
{
    store->walking = false;
    finish(store);
}

void pn__node_prune(struct pn_store *store, struct store_node *node)
{
    prune(store, node);
    finish(store);
}

char *pn__node_path(const struct store_node *node)
{
    size_t n = 0;
    char  *path, *at;

    for (const struct store_node *up = node; up->parent; up = up->parent)
        n += up->name_n + 1u;
    path = malloc(n + 1);
    pn_assert(path != NULL);
    at = path + n;
    *at = '\0';
    for (const struct store_node *up = node; up->parent; up = up->parent) {
        at -= up->name_n;
        memcpy(at, up->name, up->name_n);
        *--at = '/';
    }
    return path;
}
