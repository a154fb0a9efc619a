/* assert.c - what happens when a bug is found, and the names of result codes. */
#include <pinion/base.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/panic.h"

static pn_panic_fn *panic_hook;

void pn_panic_set_hook(pn_panic_fn *hook)
{
    panic_hook = hook;
}

void pn_assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "pinion: assertion failed at %s:%d: %s\n", file, line, what);
    if (panic_hook)
        panic_hook(file, line, what);
    abort();
}

const char *pn_rc_name(pn_rc rc)
{
    static const char *const names[] = {
        [PN_OK] = "PN_OK",
        [PN_EOF] = "PN_EOF",
        [PN_AGAIN] = "PN_AGAIN",
        [PN_DECLINED] = "PN_DECLINED",
        [PN_BAD] = "PN_BAD",
        [PN_LIMIT] = "PN_LIMIT",
        [PN_UNSATISFIABLE] = "PN_UNSATISFIABLE",
        [PN_NOT_FOUND] = "PN_NOT_FOUND",
        [PN_DENIED] = "PN_DENIED",
        [PN_CANCELLED] = "PN_CANCELLED",
        [PN_TIMEOUT] = "PN_TIMEOUT",
        [PN_SYSTEM] = "PN_SYSTEM",
        [PN_FAILED] = "PN_FAILED",
    };

    return (unsigned)rc < PN_COUNT(names) && names[rc] ? names[rc] : "PN_?";
}
