/* mod_counter.c - a module for tests: the handler "counter" adds one to the number in the file that COUNTER names, in steps that
 * go wrong when two do it at a time.
 *
 * Runs: handler, post_config, child_init.   Suspends: under its mutex.   Settings: none.   Spec: none. */
#include <pinion/mutex.h>
#include <pinion/request.h>
#include <stdio.h>
#include <stdlib.h>

struct pn_module pn_module_counter;

static struct pn_mutex *mutex; /* of the only generation that the test loads */

static enum pn_verdict handle(struct pn_request *r)
{
    FILE *file;
    long  value = 0;

    if (!pn_str_eq(r->handler, PN_STR("counter")))
        return PN_NEXT;
    if (pn_mutex_lock(mutex) != PN_OK)
        return pn_reject_quietly(r, 500);
    file = fopen(getenv("COUNTER"), "r+");
    if (file && fscanf(file, "%ld", &value) == 1 && pn_sleep(r, 1000) == PN_OK) {
        rewind(file);
        fprintf(file, "%ld\n", value + 1);
    }
    if (file)
        fclose(file);
    pn_mutex_unlock(mutex);
    return PN_HANDLED;
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    (void)pool;
    return check_only ? PN_OK : pn_mutex_create(generation, "counter", false, &mutex);
}

static void child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    (void)generation;
    if (pn_mutex_child_init(mutex, pool) != PN_OK)
        abort();
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_hook_child_init(h, child_init, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_hook_handler(h, handle, { .pos = PN_ORDER_FIRST });
}

struct pn_module pn_module_counter = {
    .api = PN_MODULE_API,
    .name = "mod_counter.c",
    .apache_id = "counter_module",
    .hooks = hooks,
};
