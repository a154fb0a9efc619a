/* pinion/base.h - result codes, attributes, assertions and time types used by every layer and module.
 *
 * Three kinds of result are never mixed: pn_rc says whether a call worked, enum pn_verdict what a
 * hook decided (hooks.h), and an int named status is an HTTP status. */
#ifndef PINION_BASE_H
#define PINION_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Whether a call worked. Zero is success. */
typedef enum pn_rc {
    PN_OK = 0,
    PN_EOF,           /* the normal end of a source */
    PN_AGAIN,         /* nothing now; ask again after more input or the next readiness */
    PN_DECLINED,      /* not mine, or: act as if the input were absent */
    PN_BAD,           /* the input breaks its grammar */
    PN_LIMIT,         /* the input is over a configured or built-in maximum */
    PN_UNSATISFIABLE, /* good grammar, nothing to select */
    PN_NOT_FOUND,     /* no such entry */
    PN_DENIED,        /* not permitted */
    PN_CANCELLED,     /* a wait ended early: the peer has gone, or the server shuts down */
    PN_TIMEOUT,       /* a wait reached its deadline */
    PN_SYSTEM,        /* a system call failed; errno is valid right after the return */
    PN_FAILED         /* the failure has been reported already (pn_fail); just unwind */
} pn_rc;

/** Monotonic time in microseconds. Never mixed with wall time. */
typedef int64_t pn_usec;
/** Wall-clock time in microseconds since 1970 (the same unit as apr_time_t). */
typedef int64_t pn_wall;

#define PN_USEC_PER_SEC INT64_C(1000000)
#define PN_USEC_PER_MSEC INT64_C(1000)
/** A deadline that never comes. */
#define PN_NEVER INT64_MAX

#define PN_NODISCARD __attribute__((warn_unused_result))
#define PN_PRINTF(fmt_index, arg_index) __attribute__((format(printf, fmt_index, arg_index)))
#define PN_COLD __attribute__((cold, noinline))
#define PN_NORETURN __attribute__((noreturn))
#define PN_LIKELY(x) __builtin_expect(!!(x), 1)
#define PN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
/** The struct that holds `member` at `ptr`. */
#define PN_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/** Marks a function that may suspend the calling fiber; callers inherit the mark. */
#if defined(__clang__)
#define PN_MAY_YIELD __attribute__((annotate("pn_may_yield")))
#else
#define PN_MAY_YIELD
#endif

/** Aborts the process with file, line and text on standard error. A bug was found, never bad input. */
PN_NORETURN PN_COLD void pn_assert_failed(const char *file, int line, const char *what);

/** Stays on in production: a failed assertion ends the child and the master starts another. */
#define pn_assert(cond) (PN_LIKELY(cond) ? (void)0 : pn_assert_failed(__FILE__, __LINE__, #cond))

/** For checks too costly for production. */
#if defined(PN_DEBUG)
#define pn_debug_assert(cond) pn_assert(cond)
#else
#define pn_debug_assert(cond) ((void)0)
#endif

/** Name of a result code, for messages and tests ("PN_EOF"). */
const char *pn_rc_name(pn_rc rc);

#endif
