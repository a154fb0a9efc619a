/* store_watch.c - how the path store learns of changes: watches of directories, and asking where
 * they can't be trusted.
 *
 * Called by store_node.c when a directory is first looked into, by the file watch when it is
 * drained, and by the look-up for places that must be asked about each time. */
#include "http/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void on_event(struct pn_watch *watch, unsigned events, pn_str name)
{
    struct node_dir   *dir = PN_CONTAINER(watch, struct node_dir, watch);
    struct pn_store   *store = dir->store;
    struct store_node *node = dir->node, *child;

    if (events & PN_WATCH_OVERFLOW) {
        pn_store_clear(store);
        return;
    }
    if (events & PN_WATCH_SELF) {
        store->stats.invalidations++;
        pn__node_destroy(store, node);
        return;
    }
    dir->touched++;
    if (events &
        PN_WATCH_ENTRY) { /* the directory's own times and its listing change with its entries */
        pn__dir_changed(dir);
        while (node->places)
            pn__place_drop(store, node->places);
    }
    child = pn__node_find(store, node, name);
    if (child) {
        store->stats.invalidations++;
        pn__node_destroy(store, child);
    }
}

int pn__node_enter(struct pn_store *store, struct store_node *node)
{
    struct store_node *real = pn__node_final(node);
    struct node_dir   *dir;

    if (real == NULL || real->kind != NODE_DIRECTORY)
        return ENOTDIR;
    if (node->dir == NULL)
        node->dir = pn__dir_new(store, node, -1);
    dir = node->dir;
    if (dir->entered)
        return 0;
    dir->entered = true;
    dir->untrusted =
        store->worker->watcher == NULL || pn_watch_start(store->worker->watcher, &dir->watch,
                                                         real->dir->fd, false, on_event) != PN_OK;
    if (!dir->untrusted) {
        dir->counted = true;
        store->stats.watches++;
    }
    return 0;
}

/* ---- asking ---- */

/* Is a directory the same? Its times change with its entries, which matters to its listing only;
   places look again. */
static bool directory_still(struct store_node *node, const struct stat *st)
{
    const struct pn_finfo *info = &node->info;

    if (st->st_ino != info->inode || st->st_dev != info->device || st->st_mode != info->mode ||
        st->st_uid != info->uid || st->st_gid != info->gid)
        return false;
    if (pn__ctime_ns(st) == node->ctime_ns)
        return true;
    pn__node_set_stat(node, st);
    pn__dir_changed(node->dir);
    return true;
}

/* Is this name still what it was when its node was made? */
static bool name_still(struct pn_store *store, struct store_node *node, int dirfd)
{
    struct stat st;

    store->stats.asks++;
    if (fstatat(dirfd, node->name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return node->kind == NODE_NONE ? errno == ENOENT
                                       : node->kind == NODE_ERROR && errno == node->error;
    if (node->kind == NODE_NONE || node->kind == NODE_ERROR)
        return false;
    if (node->kind == NODE_DIRECTORY)
        return directory_still(node, &st);
    return pn__same_stat(&node->info, node->ctime_ns, &st);
}

/* One node, under the directory that holds it. @return false when it was destroyed. */
static bool one_still(struct pn_store *store, struct store_node *node)
{
    struct store_node *dir = node->parent;
    bool               doubtful = dir->dir->untrusted || (node->is_access && dir->dir->ask_access);

    if (!doubtful || name_still(store, node, pn__node_final(dir)->dir->fd))
        return true;
    store->stats.invalidations++;
    pn__node_destroy(store, node);
    return false;
}

bool pn__step_still(struct pn_store *store, struct store_node *node)
{
    bool still;

    if (!one_still(store, node))
        return false;
    if (node->kind != NODE_LINK || node->resolving || node->target == NULL || !node->target->ask)
        return true;
    node->resolving = true; /* links may lead in a circle */
    still = pn__node_still(store, node->target);
    if (still)
        node->resolving = false;
    return still;
}

bool pn__access_still(struct pn_store *store, struct store_node *dir)
{
    if (!dir->dir->untrusted && !dir->dir->ask_access)
        return true;
    for (struct store_node *child = dir->first_child; child; child = child->next)
        if (child->is_access && !pn__step_still(store, child))
            return false;
    return true;
}

/* The order does not matter: when something above has changed, some step finds it. */
bool pn__node_still(struct pn_store *store, struct store_node *node)
{
    for (struct store_node *at = node; at; at = at->parent) {
        if (at->dir && at->dir->entered && !pn__access_still(store, at))
            return false;
        if (at->parent && !pn__step_still(store, at))
            return false;
    }
    return true;
}
