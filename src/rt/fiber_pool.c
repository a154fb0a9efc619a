/* fiber_pool.c - idle fibers of a loop: kept last-in first-out, trimmed and given back when not
 * needed.
 *
 * Called by fiber.c when a fiber starts and ends, and by its own slow timer. Owns the mappings
 * of all fibers and their memory pools.
 *
 * An idle fiber is suspended inside pn__fiber_main, so starting it is a mere switch. Whoever
 * lies at the bottom of the pool for a whole trim period loses its touched pages and its memory
 * pool; whoever lies there for a minute is unmapped, but for a few. The timer sleeps while there
 * is nothing to trim. */
#include <apr_allocator.h>
#include <stdlib.h>

#include "rt/loop_internal.h"

enum {
    DEFAULT_STACK_KIB = 128,
    LEAST_STACK_KIB = 16,
    KEEP_IDLE = 16, /* idle fibers that stay mapped for ever */
    KEEP_PAGES = 2, /* top pages that a trimmed stack keeps, with the frame of pn__fiber_main */
    PERIODS_A_MINUTE = 12,
    DEFAULT_MAX_FREE_KIB = 256,
    COLOURS = 8,       /* tops are shifted by whole cache lines, else all hot lines of all */
    COLOUR_BYTES = 128 /* fibers would share a few sets of the cache */
};

#define TRIM_PERIOD_USEC (5 * PN_USEC_PER_SEC)

/* Sanitizers' redzones and unoptimised frames take several times the stack. */
#if defined(PN__ASAN) || defined(PN__TSAN)
#define STACK_FACTOR 4
#else
#define STACK_FACTOR 1
#endif

static void trim_fn(struct pn_timer *timer);

static void set_stack_bytes(struct pn__fibers *fibers, size_t bytes)
{
    size_t page = pn__page_bytes();

    if (bytes < LEAST_STACK_KIB * 1024)
        bytes = LEAST_STACK_KIB * 1024;
    bytes *= STACK_FACTOR;
    fibers->stack_bytes = (bytes + page - 1) / page * page;
}

void pn__fibers_init(struct pn_loop *loop)
{
    struct pn__fibers *fibers = &loop->fibers;

    memset(fibers, 0, sizeof(*fibers));
    pn__context_adopt(&fibers->main);
    pn_timer_init(&fibers->trim, trim_fn);
    set_stack_bytes(fibers, DEFAULT_STACK_KIB * 1024);
    fibers->max_free = DEFAULT_MAX_FREE_KIB * 1024;
}

static int out_of_memory(int status)
{
    (void)status;
    pn_assert_failed(__FILE__, __LINE__, "out of memory");
}

static void pool_create(struct pn_fiber *fiber)
{
    apr_allocator_t *allocator;

    /* One thread uses it: an allocator of its own, without a mutex. No parent, whose lock and
     * list of children it would need. */
    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_unmanaged_ex(&fiber->pool, out_of_memory, allocator) != APR_SUCCESS)
        out_of_memory(0);
    apr_allocator_owner_set(allocator, fiber->pool);
    fiber->pool_max_free = 0;
}

apr_pool_t *pn_fiber_pool(struct pn_fiber *fiber)
{
    size_t max_free = fiber->loop->fibers.max_free;

    fiber->pool_used = true;
    if (fiber->pool == NULL)
        pool_create(fiber);
    if (fiber->pool_max_free != max_free) {
        apr_allocator_max_free_set(apr_pool_allocator_get(fiber->pool), max_free);
        fiber->pool_max_free = max_free;
    }
    return fiber->pool;
}

static void pool_destroy(struct pn_fiber *fiber)
{
    if (fiber->pool != NULL)
        apr_pool_destroy(fiber->pool);
    fiber->pool = NULL;
}

/* Room for one more idle fiber than there are fibers now, so that putting one back can't fail. */
static bool idle_reserve(struct pn__fibers *fibers)
{
    unsigned          cap = fibers->idle_cap ? fibers->idle_cap * 2 : 16;
    struct pn_fiber **idle;

    if (fibers->live + fibers->idle_n < fibers->idle_cap)
        return true;
    idle = realloc(fibers->idle, cap * sizeof(struct pn_fiber *));
    if (idle == NULL)
        return false;
    fibers->idle = idle;
    fibers->idle_cap = cap;
    return true;
}

static struct pn_fiber *fiber_map(struct pn_loop *loop)
{
    struct pn__fibers *fibers = &loop->fibers;
    struct pn__stack   stack;
    struct pn_fiber   *fiber;
    size_t             shift = fibers->colour++ % COLOURS * COLOUR_BYTES;
    uintptr_t          top;

    if (!idle_reserve(fibers) || pn__stack_map(fibers->stack_bytes, &stack) != PN_OK)
        return NULL;
    top = (uintptr_t)(stack.map + stack.map_bytes) - shift - sizeof(*fiber);
    fiber = (struct pn_fiber *)(top & ~(uintptr_t)63);
    *fiber = (struct pn_fiber){
        .magic = PN__FIBER_MAGIC,
        .loop = loop,
        .job.fn = pn__fiber_job_fn,
        .stack = stack,
    };
    pn_timer_init(&fiber->timer, pn__fiber_timer_fn);
#ifdef PN_DEBUG
    pn__stack_paint(&stack, (char *)fiber);
#endif
    pn__context_make(&fiber->context, pn__stack_low(&stack), (char *)fiber, pn__fiber_main, fiber);
    return fiber;
}

static void fiber_unmap(struct pn_fiber *fiber)
{
    struct pn__stack stack = fiber->stack; /* the struct goes with its mapping */

    pool_destroy(fiber);
    pn__context_release(&fiber->context);
    pn__stack_unmap(&stack);
}

#ifdef PN_DEBUG
/* The first byte that trimming keeps. */
static const char *trimmed_end(const struct pn_fiber *fiber)
{
    return fiber->stack.map + fiber->stack.map_bytes - KEEP_PAGES * pn__page_bytes();
}
#endif

struct pn_fiber *pn__fiber_take(struct pn_loop *loop)
{
    struct pn__fibers *fibers = &loop->fibers;
    struct pn_fiber   *fiber;

    if (fibers->idle_n == 0)
        return fiber_map(loop);
    fiber = fibers->idle[--fibers->idle_n];
    if (fibers->idle_n < fibers->idle_low)
        fibers->idle_low = fibers->idle_n;
#ifdef PN_DEBUG
    if (fiber->trimmed)
        pn__stack_paint(&fiber->stack, trimmed_end(fiber));
#endif
    fiber->trimmed = false;
    return fiber;
}

void pn__fiber_put(struct pn_fiber *fiber)
{
    struct pn_loop    *loop = fiber->loop;
    struct pn__fibers *fibers = &loop->fibers;

#ifdef PN_DEBUG
    size_t used = pn__stack_used(&fiber->stack, (char *)fiber);

    if (used > fibers->high_water_bytes)
        fibers->high_water_bytes = used;
#endif
    if (PN_UNLIKELY(fiber->stack.map_bytes - fiber->stack.guard_bytes != fibers->stack_bytes)) {
        fiber_unmap(fiber);
        return;
    }
    fiber->state = PN__FIBER_IDLE;
    fibers->idle[fibers->idle_n++] = fiber;
    if (!pn_timer_armed(&fibers->trim)) {
        fibers->idle_low = fibers->idle_low_minute = fibers->periods = 0;
        pn_timer_set(loop, &fibers->trim, loop->now + TRIM_PERIOD_USEC);
    }
}

/* Unmaps the `n` fibers that have been idle longest. */
static void drop_bottom(struct pn__fibers *fibers, unsigned n)
{
    if (n == 0)
        return; /* there may be no array yet */
    for (unsigned i = 0; i < n; i++)
        fiber_unmap(fibers->idle[i]);
    fibers->idle_n -= n;
    memmove(fibers->idle, fibers->idle + n, fibers->idle_n * sizeof(struct pn_fiber *));
}

static void trim_bottom(struct pn__fibers *fibers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct pn_fiber *fiber = fibers->idle[i];

        if (fiber->trimmed)
            continue;
        pool_destroy(fiber);
        pn__stack_trim(&fiber->stack, KEEP_PAGES * pn__page_bytes());
        fiber->trimmed = true;
    }
}

static void end_minute(struct pn__fibers *fibers)
{
    unsigned spare = fibers->idle_n > KEEP_IDLE ? fibers->idle_n - KEEP_IDLE : 0;

    drop_bottom(fibers, spare < fibers->idle_low_minute ? spare : fibers->idle_low_minute);
    fibers->periods = 0;
}

static bool trim_wanted(const struct pn__fibers *fibers)
{
    if (fibers->idle_n > KEEP_IDLE)
        return true;
    for (unsigned i = 0; i < fibers->idle_n; i++)
        if (!fibers->idle[i]->trimmed)
            return true;
    return false;
}

static void trim_fn(struct pn_timer *timer)
{
    struct pn__fibers *fibers = PN_CONTAINER(timer, struct pn__fibers, trim);
    struct pn_loop    *loop = PN_CONTAINER(fibers, struct pn_loop, fibers);

    trim_bottom(fibers, fibers->idle_low);
    if (fibers->periods == 0 || fibers->idle_low < fibers->idle_low_minute)
        fibers->idle_low_minute = fibers->idle_low;
    if (++fibers->periods == PERIODS_A_MINUTE)
        end_minute(fibers);
    fibers->idle_low = fibers->idle_n;
    if (trim_wanted(fibers))
        pn_timer_set(loop, &fibers->trim, loop->now + TRIM_PERIOD_USEC);
}

void pn__fibers_release(struct pn_loop *loop)
{
    struct pn__fibers *fibers = &loop->fibers;

    pn_assert(fibers->live == 0 && fibers->current == NULL);
    pn_timer_clear(loop, &fibers->trim);
    drop_bottom(fibers, fibers->idle_n);
    free(fibers->idle);
    fibers->idle = NULL;
    fibers->idle_cap = 0;
}

struct pn_fiber_stats pn_fiber_stats(const struct pn_loop *loop)
{
    const struct pn__fibers *fibers = &loop->fibers;
    struct pn_fiber_stats    stats = {
           .live = fibers->live,
           .pooled = fibers->idle_n,
           .stack_bytes = fibers->stack_bytes,
           .high_water_bytes = fibers->high_water_bytes,
    };

    for (unsigned i = 0; i < fibers->idle_n; i++)
        stats.trimmed += fibers->idle[i]->trimmed;
    return stats;
}

void pn_fiber_set_stack_size(struct pn_loop *loop, size_t bytes)
{
    struct pn__fibers *fibers = &loop->fibers;
    size_t             before = fibers->stack_bytes;

    set_stack_bytes(fibers, bytes);
    if (fibers->stack_bytes != before)
        drop_bottom(fibers, fibers->idle_n);
}

void pn_fiber_set_max_free(struct pn_loop *loop, size_t bytes)
{
    loop->fibers.max_free = bytes;
}
