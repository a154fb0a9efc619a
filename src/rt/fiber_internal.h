/* fiber_internal.h - what the files of rt share about fibers; nobody outside rt includes it
 * (tests may).
 *
 * A stack's mapping, from low to high: guard pages, the stack, the struct pn_fiber itself. The
 * stack grows away from the struct; what runs over its own frame upwards meets `magic` first. */
#ifndef PN_RT_FIBER_INTERNAL_H
#define PN_RT_FIBER_INTERNAL_H

#include "rt/fiber.h"
#include "rt/fiber_context.h"
#include "rt/timer.h"

#define PN__FIBER_MAGIC 0x706e4662u /* "pnFb" */

enum pn__fiber_state {
    PN__FIBER_IDLE,    /* in the pool */
    PN__FIBER_RUNNING, /* on the processor, or has started a fiber that is */
    PN__FIBER_SUSPENDED,
    PN__FIBER_ENDING_WAIT, /* queued by a cancel or a timeout; a resume may still take over */
    PN__FIBER_QUEUED,      /* queued by a resume */
    PN__FIBER_DONE         /* has returned; its starter puts it back */
};

/** One mapping of guard and stack. */
struct pn__stack {
    char    *map;
    size_t   map_bytes;
    size_t   guard_bytes; /* at the low end */
    unsigned valgrind_id;
};

struct pn_fiber {
    uint32_t magic;
    uint8_t  state; /* enum pn__fiber_state */
    bool     cancelled;
    bool     shielded; /* the present wait ignores cancel */
    bool     timed;    /* the present wait ends when `timer` fires */
    bool     trimmed;  /* idle, and its pages were given back */
    bool     pool_used;
    pn_rc    rc; /* what the present wait will return */

    struct pn__context context;
    struct pn_fiber *caller; /* who goes on when this fiber suspends; NULL: the loop's own stack */
    struct pn_loop  *loop;
    pn_fiber_fn     *fn;
    void            *arg;
    struct pn_job    job;
    struct pn_timer  timer; /* may stay armed after a wait; see `timed` */

    pn_str           label;
    apr_pool_t      *pool; /* NULL until asked for */
    size_t           pool_max_free;
    struct pn__stack stack;
};

/** The fibers of one loop. */
struct pn__fibers {
    struct pn_fiber    *current; /* NULL: the loop's own stack runs */
    struct pn__context  main;    /* the loop's own stack */
    struct pn__context *left;    /* the context of the latest switch away */

    struct pn_fiber **idle; /* last in, first out; room for all fibers there are */
    unsigned          idle_n, idle_cap;
    unsigned          live;
    unsigned          idle_low;        /* fewest idle ones in this trim period */
    unsigned          idle_low_minute; /* fewest in the periods of this minute */
    unsigned          periods;         /* trim periods of this minute so far */
    struct pn_timer   trim;

    size_t   stack_bytes;
    size_t   max_free;
    size_t   high_water_bytes;
    unsigned colour; /* counts mappings, see fiber_pool.c */
};

/* fiber_pool.c */
void pn__fibers_init(struct pn_loop *loop);
/** Gives back everything; no fiber may be live. */
void pn__fibers_release(struct pn_loop *loop);
/** An idle fiber, or a new one whose context will run pn__fiber_main. NULL with errno when none
 *  can be mapped. */
struct pn_fiber *pn__fiber_take(struct pn_loop *loop);
/** Puts a fiber that is DONE back; runs on another stack than the fiber's. */
void pn__fiber_put(struct pn_fiber *fiber);

/* fiber.c */
void pn__fiber_main(void *fiber);
/** The timer of a fiber's wait. */
void pn__fiber_timer_fn(struct pn_timer *timer);
/** The job of a resumed fiber. */
void pn__fiber_job_fn(struct pn_job *job);

/* fiber_stack.c */
/** Maps `bytes` of stack (whole pages) above a guard. PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__stack_map(size_t bytes, struct pn__stack *ret_stack);
void               pn__stack_unmap(const struct pn__stack *stack);
/** Gives the pages back but for the top `keep_bytes`; they read as zero when touched again. */
void pn__stack_trim(const struct pn__stack *stack, size_t keep_bytes);
/** Fills the stack below `top` with a pattern, for pn__stack_used. */
void pn__stack_paint(const struct pn__stack *stack, const char *top);
/** Bytes from the first one below `top` that lost the pattern, up to `top`. */
size_t pn__stack_used(const struct pn__stack *stack, const char *top);
size_t pn__page_bytes(void);

static inline char *pn__stack_low(const struct pn__stack *stack)
{
    return stack->map + stack->guard_bytes;
}

#endif
