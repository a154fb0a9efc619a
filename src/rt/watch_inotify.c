/* watch_inotify.c - file watch by inotify (watch.h): one inotify descriptor a watcher, read once
 * a turn.
 *
 * Called by the caches that must not be stale, and by the loop's received hook. Owns the inotify
 * descriptor and a table from watch descriptors to the list of pn_watch of that directory
 * (watch_table.c).
 *
 * Events lag behind calls: after a watch descriptor was given up, older events of it are still
 * in the queue, closed by IN_IGNORED. An entry is `stale` for that time and its events are
 * dropped; the time ends with IN_IGNORED or, should that have been lost in an overflow, when the
 * queue has been seen empty. */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "rt/watch_internal.h"

enum { READ_BYTES = 16 * 1024 };

#define MASK_ENTRIES                                                                               \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |            \
     IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD)
#define MASK_CONTENT (IN_MODIFY | IN_CLOSE_WRITE)

struct pn_watcher {
    struct pn_loop         *loop;
    int                     fd;  /* with a hub: 0, it is the hub's; -1: closed */
    struct pn_watch_hub    *hub; /* NULL: none */
    struct pn__watch_member member;
    unsigned               count; /* pn_watch that are active */
    bool                   draining;
    bool                   has_stale;
    unsigned               overflows; /* round of the latest overflow */
    struct pn_watch       *next;      /* whose turn comes after the callback that runs */
    struct pn_turn_hook    received;
    struct pn__watch_table table;
    char                  *buf;       /* READ_BYTES, aligned for events; its pages are touched by events alone */
};

static void received_fn(struct pn_turn_hook *hook)
{
    pn_watcher_drain(PN_CONTAINER(hook, struct pn_watcher, received));
}

pn_rc pn_watcher_open(struct pn_loop *loop, apr_pool_t *pool, struct pn_watch_hub *hub,
                      struct pn_watcher **ret)
{
    int                fd = hub ? 0 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct pn_watcher *watcher;

    if (fd < 0)
        return PN_SYSTEM;
    watcher = apr_pcalloc(pool, sizeof(*watcher));
    watcher->buf = apr_palloc(pool, READ_BYTES);
    watcher->loop = loop;
    watcher->fd = fd;
    watcher->hub = hub;
    if (hub)
        pn__watch_hub_join(hub, &watcher->member);
    watcher->received.fn = received_fn;
    pn_loop_on_received(loop, &watcher->received);
    *ret = watcher;
    return PN_OK;
}

static void detach_all(struct pn_watcher *watcher, struct pn__watch_entry *entry)
{
    while (entry->watches != NULL) {
        struct pn_watch *watch = entry->watches;

        entry->watches = watch->next;
        if (watcher->next == watch)
            watcher->next = NULL;
        watch->wd = -1;
        watch->next = NULL;
        watcher->count--;
    }
}

/* Closing a descriptor ends all its watches; those of a hub are given up one by one. */
void pn_watcher_close(struct pn_watcher *watcher)
{
    if (watcher == NULL || watcher->fd < 0)
        return;
    pn_assert(!watcher->draining);
    pn_loop_off(watcher->loop, &watcher->received);
    for (size_t i = 0; i < watcher->table.cap; i++) {
        struct pn__watch_entry *entry = &watcher->table.v[i];

        if (watcher->hub && entry->wd != 0 && entry->watches != NULL)
            pn__watch_hub_drop(watcher->hub, entry->wd);
        if (entry->wd != 0)
            detach_all(watcher, entry);
    }
    pn__watch_table_release(&watcher->table);
    if (watcher->hub)
        pn__watch_hub_leave(watcher->hub, &watcher->member);
    else
        close(watcher->fd);
    watcher->fd = -1;
}

/* The wd of the directory behind `dirfd`, or -1 with errno. A hub's is held once more. */
static int add_wd(const struct pn_watcher *watcher, int dirfd, bool content)
{
    uint32_t mask = MASK_ENTRIES | (content ? MASK_CONTENT : 0);
    char     path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
    return watcher->hub ? pn__watch_hub_hold(watcher->hub, path, mask)
                        : inotify_add_watch(watcher->fd, path, mask);
}

static void remove_wd(const struct pn_watcher *watcher, int wd)
{
    if (watcher->hub)
        pn__watch_hub_drop(watcher->hub, wd);
    else
        inotify_rm_watch(watcher->fd, wd); /* EINVAL: the directory has gone already */
}

/* A watcher holds a watch descriptor of its hub once, however many watches it has of the directory.
 * One that was given up and is held again by way of another thread's hold has the same number:
 * its events count from now on, and those that are old do no harm. */
static void hold_once(const struct pn_watcher *watcher, struct pn__watch_entry *entry)
{
    if (watcher->hub == NULL)
        return;
    if (entry->watches != NULL)
        pn__watch_hub_drop(watcher->hub, entry->wd);
    entry->stale = false;
}

static pn_rc add_failed(void)
{
    return errno == ENOSPC || errno == ENOMEM ? PN_LIMIT : PN_SYSTEM;
}

pn_rc pn_watch_start(struct pn_watcher *watcher, struct pn_watch *watch, int dirfd, bool content,
                     pn_watch_fn *fn)
{
    struct pn__watch_entry *entry;
    int                     wd;

    *watch = (struct pn_watch){ .fn = fn, .wd = -1, .content = content };
    if (!pn__watch_fs_trusted(dirfd))
        return PN_DECLINED;
    if (!pn__watch_table_reserve(&watcher->table))
        return PN_LIMIT;
    wd = add_wd(watcher, dirfd, content);
    if (wd < 0)
        return add_failed();
    entry = pn__watch_table_add(&watcher->table, wd, watcher->overflows);
    hold_once(watcher, entry);
    watch->wd = wd;
    watch->next = entry->watches;
    entry->watches = watch;
    watcher->count++;
    return PN_OK;
}

void pn_watch_stop(struct pn_watcher *watcher, struct pn_watch *watch)
{
    struct pn__watch_entry *entry;
    struct pn_watch       **at;

    if (watch->wd < 0)
        return;
    entry = pn__watch_table_find(&watcher->table, watch->wd);
    pn_assert(entry != NULL);
    for (at = &entry->watches; *at != watch; at = &(*at)->next)
        pn_assert(*at != NULL);
    *at = watch->next;
    if (watcher->next == watch)
        watcher->next = watch->next;
    if (entry->watches == NULL) {
        remove_wd(watcher, entry->wd);
        entry->stale = true;
        watcher->has_stale = true;
    }
    watch->wd = -1;
    watch->next = NULL;
    watcher->count--;
}

pn_rc pn_watch_want_content(struct pn_watcher *watcher, struct pn_watch *watch, int dirfd)
{
    int wd;

    if (watch->wd < 0)
        return PN_NOT_FOUND;
    if (watch->content)
        return PN_OK;
    wd = add_wd(watcher, dirfd, true);
    if (wd < 0)
        return add_failed();
    if (watcher->hub != NULL)
        pn__watch_hub_drop(watcher->hub, wd);
    if (wd != watch->wd) { /* not the directory that is watched */
        if (watcher->hub == NULL && pn__watch_table_find(&watcher->table, wd) == NULL)
            inotify_rm_watch(watcher->fd, wd);
        return PN_NOT_FOUND;
    }
    watch->content = true;
    return PN_OK;
}

/* Calls each watch of the list once, whatever the callbacks stop, start or free. */
static void deliver(struct pn_watcher *watcher, struct pn_watch *first, unsigned events,
                    pn_str name)
{
    for (struct pn_watch *watch = first; watch != NULL; watch = watcher->next) {
        watcher->next = watch->next;
        if (events != PN_WATCH_WRITTEN || watch->content)
            watch->fn(watch, events, name);
    }
    watcher->next = NULL;
}

/* Tells every watch of the lost events. A callback may move the table: then the search begins
 * anew, and `round` tells who has been told. */
static void deliver_overflow(struct pn_watcher *watcher)
{
    unsigned round = ++watcher->overflows;
    size_t   i = 0;

    while (i < watcher->table.cap) {
        struct pn__watch_entry *entry = &watcher->table.v[i++];
        unsigned                moves = watcher->table.moves;

        if (entry->wd == 0 || entry->round == round)
            continue;
        entry->round = round;
        deliver(watcher, entry->watches, PN_WATCH_OVERFLOW, PN_STR(""));
        if (moves != watcher->table.moves)
            i = 0;
    }
}

/* The watch descriptor is free: the answer to our giving it up, or the directory has gone. */
static void ignored(struct pn_watcher *watcher, struct pn__watch_entry *entry)
{
    int wd = entry->wd;

    if (!entry->stale) {
        deliver(watcher, entry->watches, PN_WATCH_SELF, PN_STR(""));
        entry = pn__watch_table_find(&watcher->table, wd); /* callbacks may have moved it */
        detach_all(watcher, entry);
    }
    entry->stale = false;
    if (entry->watches == NULL)
        pn__watch_table_remove(&watcher->table, entry);
}

static unsigned watch_bits(const struct inotify_event *event)
{
    if (event->len == 0)
        return event->mask & (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)
                   ? PN_WATCH_SELF
                   : 0;
    return event->mask & MASK_CONTENT ? PN_WATCH_WRITTEN : PN_WATCH_ENTRY;
}

static void handle(struct pn_watcher *watcher, const struct inotify_event *event)
{
    struct pn__watch_entry *entry;
    unsigned                bits;

    if (event->mask & IN_Q_OVERFLOW) {
        deliver_overflow(watcher);
        return;
    }
    entry = pn__watch_table_find(&watcher->table, event->wd);
    if (entry == NULL)
        return;
    if (event->mask & IN_IGNORED) {
        ignored(watcher, entry);
        return;
    }
    bits = watch_bits(event);
    if (bits == 0 || entry->stale)
        return;
    deliver(watcher, entry->watches, bits,
            event->len ? pn_str_n(event->name, strnlen(event->name, event->len)) : PN_STR(""));
}

/* @return false when the queue was empty. */
static bool read_batch(struct pn_watcher *watcher, size_t *ret_bytes)
{
    ssize_t n = watcher->hub ? pn__watch_hub_read(watcher->hub, &watcher->member, watcher->buf,
                                                  READ_BYTES)
                             : read(watcher->fd, watcher->buf, READ_BYTES);

    pn_assert(n > 0 || errno == EAGAIN || errno == EINTR);
    if (n < 0)
        return false;
    for (const char *at = watcher->buf; at < watcher->buf + n;) {
        const struct inotify_event *event = (const void *)at;

        at += sizeof(*event) + event->len;
        handle(watcher, event);
    }
    *ret_bytes = (size_t)n;
    return true;
}

void pn_watcher_drain(struct pn_watcher *watcher)
{
    /* No event is larger, so a read that leaves more room than this has emptied the queue. */
    const size_t largest = sizeof(struct inotify_event) + 256;
    size_t       bytes = 0;

    if (watcher->count == 0 || watcher->draining)
        return;
    watcher->draining = true;
    do
        if (!read_batch(watcher, &bytes)) {
            if (watcher->has_stale)
                pn__watch_table_end_stale(&watcher->table);
            watcher->has_stale = false;
            break;
        }
    while (watcher->has_stale || bytes + largest > READ_BYTES);
    watcher->draining = false;
}

unsigned pn_watcher_count(const struct pn_watcher *watcher)
{
    return watcher->count;
}
