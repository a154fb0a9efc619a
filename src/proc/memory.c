/* memory.c - see memory.h. */
#include "proc/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LOOK_USEC PN_USEC_PER_SEC
/* Free memory is given back when there is so much more than after the last time. */
#define TRIM_BYTES (8u << 20)

/* What a child needs that has not been seen at work: its caches, and for each request a stack and pools, for each thread a loop
 * and its part of the allocator. */
#define IDLE_CHILD_BYTES (4u << 20)
#define REQUEST_BYTES (256u << 10)
#define THREAD_BYTES (512u << 10)

static _Atomic uint64_t largest_child; /* in the master: of those that were seen; 0: none */

/* ---- reading /proc and /sys ---- */

static bool read_text(const char *path, char *to, size_t room)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, to, room - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    to[n] = '\0';
    return true;
}

/* "size resident shared ...", in pages. */
static uint64_t own_of_statm(const char *text)
{
    unsigned long long size, resident, shared;

    if (sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || resident <= shared)
        return 0;
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t pn__memory_own(void)
{
    char text[128];

    return read_text("/proc/self/statm", text, sizeof(text)) ? own_of_statm(text) : 0;
}

/* ---- the limit ---- */

/* "max", or a number; version 1 has a huge number for no limit. */
static void lower_to_file(struct pn_memory_limit *limit, const char *path)
{
    char     text[64];
    uint64_t bytes;

    if (!read_text(path, text, sizeof(text)) ||
        pn_str_to_u64(pn_str_trim(pn_str_z(text)), UINT64_MAX, &bytes) != PN_OK)
        return;
    if (bytes && bytes < limit->bytes)
        *limit = (struct pn_memory_limit){ .bytes = bytes, .of_group = true };
}

/* The group and all above it. @param root where the hierarchy is mounted.  @param group "/a/b". */
static void lower_to_groups(struct pn_memory_limit *limit, const char *root, const char *file, pn_str group)
{
    char path[512];

    for (;;) {
        int n = snprintf(path, sizeof(path), "%s%.*s/%s", root, PN_FMT(group), file);

        if (n > 0 && (size_t)n < sizeof(path))
            lower_to_file(limit, path);
        size_t slash = pn_str_rchr(group, '/');
        if (slash == SIZE_MAX)
            return;
        group = pn_str_head(group, slash);
    }
}

/* A line of /proc/self/cgroup is "number:controllers:/group"; version 2 has number 0 and no controllers. */
static void lower_to_line(struct pn_memory_limit *limit, pn_str line)
{
    pn_str rest, group, number = pn_str_cut(line, ':', &rest), controllers = pn_str_cut(rest, ':', &group);

    if (pn_str_eq(number, PN_STR("0")) && controllers.n == 0)
        lower_to_groups(limit, "/sys/fs/cgroup", "memory.max", group);
    else if (pn_str_eq(controllers, PN_STR("memory")))
        lower_to_groups(limit, "/sys/fs/cgroup/memory", "memory.limit_in_bytes", group);
}

struct pn_memory_limit pn__memory_limit(void)
{
    long                   pages = sysconf(_SC_PHYS_PAGES);
    struct pn_memory_limit limit = { .bytes = (uint64_t)(pages > 0 ? pages : 1) * (uint64_t)sysconf(_SC_PAGESIZE) };
    static char            text[4096]; /* the master's only thread */
    pn_str                 rest;

    if (!read_text("/proc/self/cgroup", text, sizeof(text)))
        return limit;
    rest = pn_str_z(text);
    while (rest.n)
        lower_to_line(&limit, pn_str_cut(rest, '\n', &rest));
    return limit;
}

/* ---- MaxRequestWorkers auto ---- */

void pn__memory_learn(const struct pn_board *board)
{
    uint64_t largest = 0;
    unsigned used = pn__slot_get(&board->used);

    for (unsigned i = 0; i < used; i++) {
        uint64_t bytes = atomic_load_explicit(&board->slots[i].memory, memory_order_relaxed);

        if (bytes > largest)
            largest = bytes;
    }
    largest_child = largest;
}

uint64_t pn__memory_children(struct pn_memory_limit limit, unsigned at_work, bool threads, uint64_t *ret_child_bytes)
{
    uint64_t own = pn__memory_own(), a_place = REQUEST_BYTES + (threads ? THREAD_BYTES : 0);
    uint64_t child = own + IDLE_CHILD_BYTES + at_work * a_place;
    uint64_t ours = limit.bytes / 4 * 3, children;

    if (largest_child > child)
        child = largest_child;
    children = ours > own ? (ours - own) / child : 0;
    *ret_child_bytes = child;
    return children ? children : 1;
}

/* ---- a child's look at itself ---- */

void pn__memory_open(struct pn_memory_look *look)
{
    look->fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    atomic_init(&look->next, 0);
    atomic_init(&look->kept, 0);
}

void pn__memory_close(struct pn_memory_look *look)
{
    if (look->fd >= 0)
        close(look->fd);
    look->fd = -1;
}

static uint64_t look_now(const struct pn_memory_look *look)
{
    char    text[128];
    ssize_t n = pread(look->fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    return own_of_statm(text);
}

/* The allocator keeps what was freed in the middle of its heap. What it has given back still counts as free with it. */
static void give_back(struct pn_memory_look *look)
{
#ifdef __GLIBC__
    size_t free_bytes = mallinfo2().fordblks;
    size_t kept = atomic_load_explicit(&look->kept, memory_order_relaxed);

    if (free_bytes > kept + TRIM_BYTES)
        malloc_trim(TRIM_BYTES / 8);
    else if (free_bytes >= kept)
        return;
    atomic_store_explicit(&look->kept, free_bytes, memory_order_relaxed);
#endif
}

uint64_t pn__memory_check(struct pn_memory_look *look, struct pn_board_slot *slot, pn_usec now)
{
    int_fast64_t next = atomic_load_explicit(&look->next, memory_order_relaxed);
    uint64_t     own;

    if (now < next || look->fd < 0 || !atomic_compare_exchange_strong(&look->next, &next, now + LOOK_USEC))
        return 0;
    give_back(look);
    own = look_now(look);
    atomic_store_explicit(&slot->memory, own, memory_order_relaxed);
    return own;
}
