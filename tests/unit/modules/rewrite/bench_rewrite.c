/* Prints nanoseconds a request for a thousand rules that do not match, and for one that does; run by hand. */
#include <stdio.h>
#include <time.h>

#include <apr_general.h>

#include "rewrite_fixture.h"

#define RULES 1000
#define ROUNDS 20000

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void measure(const char *what, const char *const *lines, const char *path)
{
    struct rewriting   w;
    struct rewrite_run run;
    const char        *error;
    apr_pool_t        *pool;

    if (!rewriting_begin(&w, lines, &error)) {
        printf("%s\n", error);
        rewriting_end(&w);
        return;
    }
    apr_pool_create(&pool, NULL);
    double begun = 0;
    for (int i = -100; i < ROUNDS; i++) {
        struct pn_request *r = rewriting_request(&w, pool, pn_str_z(path), PN_STR("a=b"));
        double             start = now_ns();
        (void)rewriting_run(&run, r);
        if (i >= 0)
            begun += now_ns() - start;
        apr_pool_clear(pool);
    }
    printf("%-56s %8.0f ns a request\n", what, begun / ROUNDS);
    apr_pool_destroy(pool);
    rewriting_end(&w);
}

static void many(const char *what, const char *format, const char *path)
{
    static const char *lines[RULES + 1];
    apr_pool_t        *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < RULES; i++)
        lines[i] = apr_psprintf(pool, format, i, i);
    lines[RULES] = NULL;
    measure(what, lines, path);
    apr_pool_destroy(pool);
}

int main(void)
{
    static const char *const front[] = { "RewriteRule ^/index\\.php$ - [L]", "RewriteCond %{REQUEST_FILENAME} !=/x",
                                         "RewriteRule . /index.php [L]", NULL };

    apr_initialize();
    many("1,000 rules ^/old/N/(.*)$, none matches", "RewriteRule \"^/old/%d/(.*)$\" \"/new/%d/$1\"", "/shop/item/4711.html");
    many("1,000 rules ^/shop/N$, same beginning", "RewriteRule ^/shop/%d$ /new/%d", "/shop/item/4711.html");
    many("1,000 rules ^/old/N$ [NC]", "RewriteRule ^/old/%d$ /new/%d [NC]", "/shop/item/4711.html");
    many("1,000 rules N\\.php$", "RewriteRule %d\\.php$ /new/%d", "/shop/item/4711.html");
    many("1,000 rules (N|x), a regex each", "RewriteRule (%d|x)y /new/%d", "/shop/item/4711.html");
    measure("a front controller, rewritten", front, "/shop/item/4711");
    return 0;
}
