/* mod_unique_id - a name for each request that no other request of any server has: UNIQUE_ID in the environment.
 * Runs: post_read_request, really first.   Yields: never.   Config: none.   Spec: Apache manual, mod_unique_id.
 *
 * 20 bytes in network order: the time in seconds (32 bits), a random root of the child (80), a counter (16), random bits in
 * place of a thread's index (32); in base64 for URLs, 27 letters. */
#define PN_LOG_MODULE &pn_module_unique_id
#include <apr_base64.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <pinion/log.h>
#include <pinion/request.h>
#include <stdatomic.h>

struct pn_module pn_module_unique_id;

#define ID_BYTES 20
#define ROOT_BYTES 10
#define ID_LETTERS 27

/* The child's own; made before its loops run. */
static struct { unsigned char root[ROOT_BYTES], lane[4]; atomic_uint counter; } child;

static void child_init(struct pn_generation *generation, apr_pool_t *pool)
{
    unsigned char start[2] = { 0 };

    (void)generation, (void)pool;
    apr_generate_random_bytes(child.root, sizeof(child.root));
    apr_generate_random_bytes(child.lane, sizeof(child.lane));
    apr_generate_random_bytes(start, sizeof(start));
    atomic_store(&child.counter, (unsigned)(start[0] << 8 | start[1]));
}

static const char *make_id(struct pn_request *r)
{
    unsigned char raw[ID_BYTES];
    uint32_t      seconds = (uint32_t)(r->time / PN_USEC_PER_SEC);
    unsigned      count = atomic_fetch_add(&child.counter, 1);
    char         *text = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len(ID_BYTES));

    for (unsigned i = 0; i < 4; i++)
        raw[i] = (unsigned char)(seconds >> (24 - 8 * i));
    memcpy(raw + 4, child.root, ROOT_BYTES);
    raw[14] = (unsigned char)(count >> 8);
    raw[15] = (unsigned char)count;
    memcpy(raw + 16, child.lane, sizeof(child.lane));
    apr_base64_encode_binary(text, raw, ID_BYTES);
    text[ID_LETTERS] = '\0'; /* without the padding */
    for (char *c = text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return text;
}

/* A request that another one was redirected to keeps its name. */
static enum pn_verdict unique_id(struct pn_request *r)
{
    const char *before = r->prev ? pn_env_get(r, "REDIRECT_UNIQUE_ID") : NULL;

    apr_table_setn(pn_env(r), "UNIQUE_ID", before ? before : make_id(r));
    return PN_NEXT;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_child_init(h, child_init, (struct pn_order){ 0 });
    pn_hook_post_read_request(h, unique_id, { .pos = PN_ORDER_REALLY_FIRST });
}

struct pn_module pn_module_unique_id = {
    .api = PN_MODULE_API,
    .name = "mod_unique_id.c",
    .apache_id = "unique_id_module",
    .hooks = hooks,
};
