/* switch_ucontext.c - the fiber switch where there is no assembly for the processor; contracts
 * in fiber_context.h.
 *
 * Slower than the assembly (each switch sets the signal mask by a system call) but portable. A
 * suspended context is a ucontext_t on its own stack, and its sp is that struct's address. */
#include <stdint.h>
#include <ucontext.h>

#include "rt/fiber_context.h"

void pn__switch(void **save_sp, void *to_sp)
{
    ucontext_t
        here; /* DEVIATION(10): about 1 KB on the stack, for as long as this side is suspended */

    *save_sp = &here;
    pn_assert(swapcontext(&here, to_sp) == 0);
}

/* makecontext passes ints only: each pointer comes in two halves. */
static void first_frame(unsigned entry_high, unsigned entry_low, unsigned arg_high,
                        unsigned arg_low)
{
    uintptr_t entry = (uintptr_t)((uint64_t)entry_high << 32 | entry_low);
    uintptr_t arg = (uintptr_t)((uint64_t)arg_high << 32 | arg_low);

    ((void (*)(void *))entry)((void *)arg);
}

void *pn__switch_prepare(void *stack_top, void (*entry)(void *), void *arg, void *low)
{
    uintptr_t   at = ((uintptr_t)stack_top - sizeof(ucontext_t)) & ~(uintptr_t)63;
    ucontext_t *first = (ucontext_t *)at;
    uint64_t    e = (uintptr_t)entry, a = (uintptr_t)arg;

    pn_assert(getcontext(first) == 0);
    first->uc_stack.ss_sp = low;
    first->uc_stack.ss_size = at - (uintptr_t)low;
    first->uc_link = NULL;
    makecontext(first, (void (*)(void))first_frame, 4, (unsigned)(e >> 32), (unsigned)e,
                (unsigned)(a >> 32), (unsigned)a);
    return first;
}
