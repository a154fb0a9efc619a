/* fiber_context.h - a suspended flow of control, and the switch between two of them.
 *
 * Used by fiber.c and fiber_pool.c. Every switch goes through pn__context_switch, which tells
 * AddressSanitizer and ThreadSanitizer of it; Valgrind learns of stacks when they are mapped.
 * In an ordinary build a switch is one call of pn__switch (assembly, or ucontext elsewhere). */
#ifndef PN_RT_FIBER_CONTEXT_H
#define PN_RT_FIBER_CONTEXT_H

#include <pinion/base.h>

#if defined(__SANITIZE_ADDRESS__)
#define PN__ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PN__ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define PN__TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PN__TSAN 1
#endif
#endif

#ifdef PN__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef PN__TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct pn__context {
    void *sp; /* where pn__switch left off; valid while suspended */
#ifdef PN__ASAN
    void       *fake_stack;
    const void *low; /* the stack's bounds */
    size_t      bytes;
#endif
#ifdef PN__TSAN
    void *tsan;
#endif
};

/** switch_*: keeps the callee-saved state on the running stack, stores where in *save_sp, and
 *  goes on at to_sp. */
void pn__switch(void **save_sp, void *to_sp);
/** switch_*: lays a first frame below stack_top (16-byte aligned) that will call entry(arg),
 *  which must not return. @param low the stack's lowest byte.  @return the sp to switch to. */
void *pn__switch_prepare(void *stack_top, void (*entry)(void *), void *arg, void *low);

/** A context that will run entry(arg) on [low, top). entry calls pn__context_arrive first. */
static inline void pn__context_make(struct pn__context *context, char *low, char *top,
                                    void (*entry)(void *), void *arg)
{
    context->sp = pn__switch_prepare(top, entry, arg, low);
#ifdef PN__ASAN
    context->fake_stack = NULL;
    context->low = low;
    context->bytes = (size_t)(top - low);
#endif
#ifdef PN__TSAN
    context->tsan = __tsan_create_fiber(0);
#endif
}

/** For a context that will not be switched to any more. */
static inline void pn__context_release(struct pn__context *context)
{
    context->sp = NULL;
#ifdef PN__TSAN
    __tsan_destroy_fiber(context->tsan);
#endif
}

/** The loop's own stack, which is running. */
static inline void pn__context_adopt(struct pn__context *context)
{
    context->sp = NULL;
#ifdef PN__TSAN
    context->tsan = __tsan_get_current_fiber();
#endif
}

/** Right after a switch has landed in `here`. @param left the context that was switched away
 *  from. */
static inline void pn__context_arrive(struct pn__context *here, struct pn__context *left)
{
#ifdef PN__ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, &left->low, &left->bytes);
#else
    (void)here;
    (void)left;
#endif
}

/** Suspends `from`, which is running, and goes on in `to`. Returns when something switches back.
 *  @param left  one for the thread; remembers `from` for the side that arrives. */
static inline void pn__context_switch(struct pn__context *from, struct pn__context *to,
                                      struct pn__context **left)
{
    *left = from;
#ifdef PN__ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->low, to->bytes);
#endif
#ifdef PN__TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    pn__switch(&from->sp, to->sp);
    pn__context_arrive(from, *left);
}

#endif
