/* mod_crash.c - a module for tests: the handler "crash" writes where nothing is, and a hook tells that it saw the end.
 *
 * Runs: handler, fatal_exception.   Suspends: never.   Settings: none.   Spec: none. */
#include <pinion/request.h>
#include <unistd.h>

struct pn_module pn_module_crash;

static enum pn_verdict handle(struct pn_request *r)
{
    static int *volatile nowhere;

    if (!pn_str_eq(r->handler, PN_STR("crash")))
        return PN_NEXT;
    *nowhere = 1;
    return PN_HANDLED;
}

static void on_crash(int signal_number, int pid)
{
    (void)signal_number;
    (void)pid;
    (void)!write(STDERR_FILENO, "the hook saw it\n", 16);
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, handle, { .pos = PN_ORDER_FIRST });
    pn_hook_fatal_exception(h, on_crash, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
}

struct pn_module pn_module_crash = {
    .api = PN_MODULE_API,
    .name = "mod_crash.c",
    .apache_id = "crash_module",
    .hooks = hooks,
};
