/* mod_busy.c - for tests/wire/test_watchdog.py: a handler that runs for a while without letting others.
 *
 * Runs: handler "busy".   Suspends: never, that is its point.   Settings: none: the query is the time in milliseconds. */
#include <pinion/request.h>
#include <time.h>

struct pn_module pn_module_busy;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static enum pn_verdict busy_handler(struct pn_request *r)
{
    uint64_t ms = 0;
    int64_t  until;

    if (!pn_str_eq(r->handler, PN_STR("busy")))
        return PN_NEXT;
    if (pn_str_to_u64(r->query, 60000, &ms) != PN_OK)
        return pn_reject_quietly(r, 400);
    until = now_ms() + (int64_t)ms;
    while (now_ms() < until)
        ;
    r->content_type = PN_STR("text/plain");
    r->body = pn_body_bytes(r, PN_STR("done"));
    return PN_HANDLED;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, busy_handler, { 0 });
}

struct pn_module pn_module_busy = {
    .api = PN_MODULE_API,
    .name = "mod_busy.c",
    .apache_id = "busy_module",
    .hooks = hooks,
};
