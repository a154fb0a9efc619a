/* watch_hub.c - one inotify descriptor for the file watches of several threads (watch.h).
 *
 * Called by watch_inotify.c for watchers that were opened with a hub. Owns the inotify descriptor and the number of holds
 * on each watch descriptor: two threads that watch one directory have the same one, and it must live until
 * both have given it up.
 *
 * Everything happens under one lock, also the reading: an event is in the kernel's queue or in those of all members,
 * never in between, so whoever has drained has seen all that happened before. A member gets every event, and drops
 * those of directories that it doesn't watch. A thread that sleeps doesn't drain, so its queue is bounded: beyond that it is
 * told that events were lost, and its caches begin anew. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "rt/watch_internal.h"

enum { READ_BYTES = 16 * 1024, QUEUE_AT_FIRST = 1024, QUEUE_MAX = 64 * 1024, HOLDS_AT_FIRST = 64 };

struct pn_watch_hub {
    pthread_mutex_t          lock;
    int                      fd;
    struct pn__watch_member *members;
    struct pn__watch_table   table; /* of what is held; it has no watches */
    _Alignas(struct inotify_event) char buf[READ_BYTES];
};

pn_rc pn_watch_hub_open(struct pn_watch_hub **ret)
{
    int                  fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct pn_watch_hub *hub;

    if (fd < 0)
        return PN_SYSTEM;
    hub = calloc(1, sizeof(*hub));
    pn_assert(hub != NULL);
    hub->fd = fd;
    pthread_mutex_init(&hub->lock, NULL);
    *ret = hub;
    return PN_OK;
}

void pn_watch_hub_close(struct pn_watch_hub *hub)
{
    if (!hub)
        return;
    pn_assert(hub->members == NULL);
    close(hub->fd);
    pthread_mutex_destroy(&hub->lock);
    pn__watch_table_release(&hub->table);
    free(hub);
}

void pn__watch_hub_join(struct pn_watch_hub *hub, struct pn__watch_member *member)
{
    pthread_mutex_lock(&hub->lock);
    *member = (struct pn__watch_member){ .next = hub->members };
    hub->members = member;
    pthread_mutex_unlock(&hub->lock);
}

void pn__watch_hub_leave(struct pn_watch_hub *hub, struct pn__watch_member *member)
{
    struct pn__watch_member **at = &hub->members;

    pthread_mutex_lock(&hub->lock);
    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    pthread_mutex_unlock(&hub->lock);
    free(member->queue);
    member->queue = NULL;
}

/* ---- holds ---- */

int pn__watch_hub_hold(struct pn_watch_hub *hub, const char *path, uint32_t mask)
{
    int wd = -1;

    pthread_mutex_lock(&hub->lock);
    if (pn__watch_table_reserve(&hub->table))
        wd = inotify_add_watch(hub->fd, path, mask);
    else
        errno = ENOMEM;
    if (wd >= 0)
        pn__watch_table_add(&hub->table, wd, 0)->holds++;
    pthread_mutex_unlock(&hub->lock);
    return wd;
}

void pn__watch_hub_drop(struct pn_watch_hub *hub, int wd)
{
    struct pn__watch_entry *entry;

    pthread_mutex_lock(&hub->lock);
    entry = pn__watch_table_find(&hub->table, wd);
    if (entry && --entry->holds == 0) { /* no entry: the directory has gone already */
        inotify_rm_watch(hub->fd, wd);
        pn__watch_table_remove(&hub->table, entry);
    }
    pthread_mutex_unlock(&hub->lock);
}

/* ---- events ---- */

/* @return room for n more bytes, or NULL: the queue is too long. */
static char *queue_room(struct pn__watch_member *member, size_t n)
{
    size_t cap = member->cap ? member->cap : QUEUE_AT_FIRST;
    char  *queue;

    if (member->begin == member->end)
        member->begin = member->end = 0;
    while (cap < member->end + n)
        cap *= 2;
    if (cap > QUEUE_MAX)
        return NULL;
    if (cap != member->cap) {
        queue = realloc(member->queue, cap);
        if (!queue)
            return NULL;
        member->queue = queue;
        member->cap = cap;
    }
    return member->queue + member->end;
}

/* Everything that waits is covered by the word that something was lost. */
static void lose(struct pn__watch_member *member)
{
    free(member->queue);
    member->queue = NULL;
    member->begin = member->end = member->cap = 0;
    member->lost = true;
}

static void queue_for_all(struct pn_watch_hub *hub, const char *events, size_t n)
{
    for (struct pn__watch_member *member = hub->members; member; member = member->next) {
        char *to = member->lost ? NULL : queue_room(member, n);

        if (to) {
            memcpy(to, events, n);
            member->end += n;
        }
        else
            lose(member);
    }
}

/* A watch that the kernel has ended is held by nobody; its number is not used again for a long time. */
static void forget_ended(struct pn_watch_hub *hub, size_t n)
{
    for (const char *at = hub->buf; at < hub->buf + n;) {
        const struct inotify_event *event = (const void *)at;

        struct pn__watch_entry     *entry = event->mask & IN_IGNORED ? pn__watch_table_find(&hub->table, event->wd) : NULL;

        if (entry)
            pn__watch_table_remove(&hub->table, entry);
        at += sizeof(*event) + event->len;
    }
}

static void read_for_all(struct pn_watch_hub *hub)
{
    ssize_t n;

    do {
        n = read(hub->fd, hub->buf, sizeof(hub->buf));
        pn_assert(n > 0 || errno == EAGAIN || errno == EINTR);
        if (n > 0) {
            forget_ended(hub, (size_t)n);
            queue_for_all(hub, hub->buf, (size_t)n);
        }
    } while (n > 0 || errno == EINTR);
}

/* Whole events that fit. */
static size_t take(struct pn__watch_member *member, char *to, size_t room)
{
    size_t n = 0;

    while (member->begin + n < member->end) {
        const struct inotify_event *event = (const void *)(member->queue + member->begin + n);
        size_t                      bytes = sizeof(*event) + event->len;

        if (n + bytes > room)
            break;
        n += bytes;
    }
    if (n)
        memcpy(to, member->queue + member->begin, n);
    member->begin += n;
    return n;
}

ssize_t pn__watch_hub_read(struct pn_watch_hub *hub, struct pn__watch_member *member, char *to, size_t room)
{
    static const struct inotify_event overflow = { .wd = -1, .mask = IN_Q_OVERFLOW };
    size_t                            n;

    pthread_mutex_lock(&hub->lock);
    read_for_all(hub);
    if (member->lost) {
        member->lost = false;
        memcpy(to, &overflow, sizeof(overflow));
        n = sizeof(overflow);
    }
    else
        n = take(member, to, room);
    pthread_mutex_unlock(&hub->lock);
    if (n)
        return (ssize_t)n;
    errno = EAGAIN;
    return -1;
}
