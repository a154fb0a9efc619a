/* store_link.c - symbolic links in the path store: a link's node and the node it leads to.
 *
 * Called by store_node.c when it meets a link. The target is walked component by component over
 * nodes, so each of its steps is by descriptor, is watched, and is shared with the names that
 * lead there directly. Where a link leads nowhere, the node at which that showed is its target
 * all the same: a change there may mend it. */
#include "http/store_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* As Linux counts them in one path. */
#define MAX_LINKS 40

struct store_node *pn__node_final(struct store_node *node)
{
    while (node && node->kind == NODE_LINK)
        node = node->error ? NULL : node->target;
    return node;
}

static void attach(struct store_node *link, struct store_node *target)
{
    link->target = target;
    link->link_next = target->links;
    if (target->links)
        target->links->link_prev = link;
    target->links = link;
    link->ask = link->ask || target->ask;
}

void pn__link_detach(struct store_node *link)
{
    if (link->link_prev)
        link->link_prev->link_next = link->link_next;
    else
        link->target->links = link->link_next;
    if (link->link_next)
        link->link_next->link_prev = link->link_prev;
    link->link_prev = link->link_next = NULL;
    link->target = NULL;
}

/* The directory above. Above what a link leads to is above the thing itself. */
static struct store_node *parent_of(struct store_node *dir)
{
    struct store_node *real = pn__node_final(dir);

    return real->parent ? real->parent : real;
}

/* Why `node` can't be the last step of a link's text, or 0. */
static int why_not(struct store_node *node, bool must_be_dir)
{
    struct store_node *real;

    if (node->kind == NODE_LINK && node->resolving)
        return ELOOP;
    real = pn__node_final(node);
    if (real == NULL)
        return node->error ? node->error : ENOENT;
    if (real->kind == NODE_ERROR)
        return real->error;
    if (must_be_dir && real->kind != NODE_NONE && real->kind != NODE_DIRECTORY)
        return ENOTDIR;
    return 0;
}

/* Walks `text` from `at`; *ret is the last node reached, *ret_broken why the text leads nowhere
   or 0. */
static int follow(struct pn_store *store, struct store_node *at, pn_str text,
                  struct store_node **ret, int *ret_broken)
{
    bool to_dir = text.n && text.p[text.n - 1] == '/';

    *ret_broken = 0;
    *ret = at;
    while (text.n && *ret_broken == 0) {
        pn_str name = pn_str_cut(text, '/', &text);
        int    error;

        if (name.n == 0 || pn_str_eq(name, PN_STR(".")))
            continue;
        if (pn__node_final(*ret)->kind == NODE_NONE) {
            *ret_broken = ENOENT;
            break;
        }
        if (pn_str_eq(name, PN_STR(".."))) {
            *ret = parent_of(*ret);
            continue;
        }
        error = pn__node_child(store, *ret, name, ret);
        if (error == ENAMETOOLONG)
            *ret_broken = error;
        else if (error)
            return error;
        else
            *ret_broken = why_not(*ret, text.n > 0 || to_dir);
    }
    return 0;
}

static int resolve_text(struct pn_store *store, struct store_node *link, pn_str text)
{
    struct store_node *start = text.n && text.p[0] == '/' ? pn__node_root(store) : link->parent,
                      *target;
    int broken, error;

    link->resolving = true;
    error = follow(store, start, text, &target, &broken);
    link->resolving = false;
    if (error)
        return error;
    link->error = text.n ? broken : ENOENT;
    attach(link, target);
    return 0;
}

int pn__link_resolve(struct pn_store *store, struct store_node *link, int fd)
{
    char   *text;
    ssize_t n;
    int     error;

    if (++store->links_followed > MAX_LINKS)
        return ELOOP;
    text = malloc(PATH_MAX);
    pn_assert(text != NULL);
    n = readlinkat(fd, "", text, PATH_MAX);
    error = n < 0           ? errno
            : n >= PATH_MAX ? ENAMETOOLONG
                            : resolve_text(store, link, pn_str_n(text, (size_t)n));
    free(text);
    return error;
}
