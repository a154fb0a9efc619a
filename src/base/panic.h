/* panic.h - lets the server write a last word (error log, backtrace) before an assertion aborts. */
#ifndef PN_BASE_PANIC_H
#define PN_BASE_PANIC_H

typedef void pn_panic_fn(const char *file, int line, const char *what);

/** One hook a process; called on the failing thread. */
void pn_panic_set_hook(pn_panic_fn *hook);

#endif
