/* fuzz_rewrite.c - any bytes as a URL path and query, through a rule set that uses every part of the engine, and as a rule
 * and a condition of their own. The first line of the input is the path, the second the query, the rest a directive each.
 * Checks that what comes out is a name that can be used: terminated, with a beginning, without a NUL. */
#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/tree.h"
#include "unit/modules/rewrite/rewrite_fixture.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rewriting world;

static const char *const rules[] = {
    "RewriteMap up int:toupper", "RewriteMap esc int:escape", "RewriteMap une int:unescape",
    "RewriteRule ^/n/(.*)_(.*)$ /n/$1-$2 [N=20]",
    "RewriteRule \"^/b/(.*)/(.*)$\" \"/$2?x=$1&y=%{QUERY_STRING}\" [B,QSA]",
    "RewriteRule ^/c/(.*) /$1 [UnsafeAllow3F,QSL]",
    "RewriteRule ^/d/(.*) http://other.test/$1 [R=301,NE]",
    "RewriteRule ^/e/(.*) http://www.example.test/$1",
    "RewriteRule ^/f/(.*) ${une:$1|none} [QSD,DPI]",
    "RewriteRule ^/g/(.*) ldap://x/$1 [R]",
    "RewriteCond %{QUERY_STRING} (?:^|&)a=([^&]*) [NC,OR]", "RewriteCond $1 >m [NV]",
    "RewriteRule ^/h/(.*) /${up:%1}/$1 [E=V:%1,CO=n:$1:.example.test:5:/:1:1:lax,T=$1]",
    "RewriteCond %{QUERY_STRING} -gt5", "RewriteCond %{HTTP:Host} .", "RewriteRule !^/[a-h] %{REQUEST_URI} [C]", "RewriteRule (.*) $1/$1 [L]",
    NULL
};

static void let_go(void)
{
    rewriting_end(&world);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *error = NULL;

    (void)argc, (void)argv;
    if (apr_initialize() != APR_SUCCESS || !rewriting_begin(&world, rules, &error)) {
        fprintf(stderr, "%s\n", error ? error : "no APR");
        return 1;
    }
    return atexit(let_go);
}

static void check(const struct rewrite_run *run, enum rewrite_result result)
{
    if (result == REWRITE_STATUS || result == REWRITE_FAILED) {
        pn_assert(run->status >= 200 && run->status <= 599);
        return;
    }
    pn_assert(run->name.p && run->name.p[run->name.n] == '\0' && !memchr(run->name.p, '\0', run->name.n));
    pn_assert(run->name.n <= REWRITE_TEXT_MAX);
    if (result == REWRITE_DONE && !run->proxy)
        pn_assert(run->name.p[0] == '/' || pn__rewrite_scheme(run->name, NULL));
}

/* The location of a redirection can be sent, or is refused. */
static void check_location(struct rewrite_run *run)
{
    pn_str location;

    if (!pn__rewrite_scheme(run->name, NULL))
        return;
    location = pn__rewrite_location(run);
    pn_assert(!location.p || pn_header_value_ok(location));
}

/* Lines of the input as directives: whatever they are, an error or a rule that can be run. */
static void own_rules(struct pn_request *r, pn_str text)
{
    struct rewrite_place place = { 0 };
    struct rewrite_run   run = { .r = r, .name = r->path, .query = r->query };
    struct pn_directive  row = { .name = "RewriteRule" };
    struct pn_conf_file  file = { .path = "fuzzed" };
    struct pn_conf_node  node = { .file = &file, .line = 1 };
    struct pn_conf_cmd   cmd = { .pool = r->pool, .temp = r->pool, .row = &row, .node = &node, .context = PN_CTX_HTACCESS,
                                 .generation = world.generation, .server = world.generation->servers };

    place.rules = apr_array_make(r->pool, 4, sizeof(struct rewrite_rule));
    place.pending = apr_array_make(r->pool, 4, sizeof(struct rewrite_cond));
    for (unsigned n = 0; text.p && n < 8; n++) {
        pn_str line = pn_str_dup(r->pool, pn_str_cut(text, '\n', &text));
        if (line.n && line.p[0] == '?') {
            struct rewrite_cond cond;
            if (!pn__rewrite_cond_parse(&cmd, pn_str_from(line, 1), &cond) && cond.test < TEST_DIR && cond.test != TEST_EXPR)
                *(struct rewrite_cond *)apr_array_push(place.pending) = cond;
            continue;
        }
        struct rewrite_rule rule;
        if (pn__rewrite_rule_parse(&cmd, line, &rule))
            continue;
        rule.max_rounds = 20;
        rule.conds = apr_pmemdup(r->pool, place.pending->elts, (size_t)place.pending->nelts * sizeof(struct rewrite_cond));
        rule.n_conds = (unsigned)place.pending->nelts;
        apr_array_clear(place.pending);
        *(struct rewrite_rule *)apr_array_push(place.rules) = rule;
        pn__rewrite_set_add(r->pool, &place);
    }
    if (place.set.n)
        check(&run, pn__rewrite_run(&run, &place.set));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rewrite_run run;
    apr_pool_t        *pool;
    pn_str             rest, query, lines, text = pn_str_n((const char *)data, size < 4096 ? size : 4096);

    if (memchr(text.p ? text.p : "", '\0', text.n))
        return 0; /* no request gets so far with one */
    apr_pool_create(&pool, world.pool);
    pn_str path = PN_CAT(pool, PN_STR("/"), pn_str_cut(text, '\n', &rest));
    query = pn_str_cut(rest, '\n', &lines);
    struct pn_request  *r = rewriting_request(&world, pool, path, query.p ? pn_str_dup(pool, query) : query);
    enum rewrite_result result = rewriting_run(&run, r);
    check(&run, result);
    if (result == REWRITE_DONE)
        check_location(&run);
    if (lines.p)
        own_rules(r, lines);
    apr_pool_destroy(pool);
    return 0;
}
