/* fiber_stack.c - the memory of fiber stacks: mapping with a guard, giving pages back, painting.
 *
 * Called by fiber_pool.c only. A stack that is overrun faults in its guard. Where the kernel has
 * guard markers (Linux 6.13), neighbouring stacks stay one mapping, and their number is not
 * bounded by vm.max_map_count; elsewhere each guard is a mapping of its own. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rt/fiber_internal.h"

#ifdef PN_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0u
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* More than a page: a library's frame may be larger than one and step over it. */
enum { GUARD_PAGES = 4 };

#define PAINT UINT64_C(0x5aa5c33c5aa5c33c)

size_t pn__page_bytes(void)
{
    static _Atomic size_t page_bytes; /* the same value from whichever thread stores it first */

    if (page_bytes == 0)
        page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    return page_bytes;
}

/* Both kinds of guard end a process that touches it with SIGSEGV. */
static bool guard_set(char *low, size_t bytes)
{
    return madvise(low, bytes, MADV_GUARD_INSTALL) == 0 || mprotect(low, bytes, PROT_NONE) == 0;
}

pn_rc pn__stack_map(size_t bytes, struct pn__stack *ret_stack)
{
    size_t guard_bytes = GUARD_PAGES * pn__page_bytes();
    size_t map_bytes = guard_bytes + bytes;
    char  *map = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    int    err;

    if (map == MAP_FAILED)
        return PN_SYSTEM;
    if (!guard_set(map, guard_bytes)) {
        err = errno;
        munmap(map, map_bytes);
        errno = err;
        return PN_SYSTEM;
    }
#ifdef PN__ASAN
    __asan_unpoison_memory_region(map + guard_bytes, bytes);
#endif
    *ret_stack = (struct pn__stack){
        .map = map,
        .map_bytes = map_bytes,
        .guard_bytes = guard_bytes,
        .valgrind_id = VALGRIND_STACK_REGISTER(map + guard_bytes, map + map_bytes),
    };
    return PN_OK;
}

void pn__stack_unmap(const struct pn__stack *stack)
{
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
    munmap(stack->map, stack->map_bytes);
}

void pn__stack_trim(const struct pn__stack *stack, size_t keep_bytes)
{
    size_t bytes = stack->map_bytes - stack->guard_bytes;

    if (keep_bytes < bytes)
        madvise(pn__stack_low(stack), bytes - keep_bytes, MADV_DONTNEED);
}

void pn__stack_paint(const struct pn__stack *stack, const char *top)
{
    uint64_t *word = (uint64_t *)(void *)pn__stack_low(stack);

    for (; (const char *)(word + 1) <= top; word++)
        *word = PAINT;
}

size_t pn__stack_used(const struct pn__stack *stack, const char *top)
{
    const uint64_t *word = (const uint64_t *)(void *)pn__stack_low(stack);

    while ((const char *)(word + 1) <= top && *word == PAINT)
        word++;
    return (size_t)(top - (const char *)word);
}
