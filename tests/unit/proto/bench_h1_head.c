/* bench_h1_head.c - what finding and parsing a request head costs, for three usual heads. Prints
 * nanoseconds per request: bench_h1_head [ROUNDS]. */
#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/h1_head.h"

static const struct {
    const char *name;
    pn_str      head;
} heads[] = {
    { "wrk", PN_STR_INIT("GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n") },
    { "curl",
      PN_STR_INIT("GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/7.88.1\r\n"
                  "Accept: */*\r\n\r\n") },
    { "chrome",
      PN_STR_INIT(
          "GET /static/css/site.css?v=1700000000 HTTP/1.1\r\nHost: www.example.com\r\n"
          "Connection: keep-alive\r\n"
          "sec-ch-ua: \"Chromium\";v=\"118\", \"Not=A?Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n"
          "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
          "Chrome/118.0.0.0 Safari/537.36\r\nsec-ch-ua-platform: \"Linux\"\r\n"
          "Accept: text/css,*/*;q=0.1\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n"
          "Sec-Fetch-Dest: style\r\nReferer: http://www.example.com/index.html\r\n"
          "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n") },
};

static const struct pn_h1_limits limits = { .line_bytes = 8190,
                                            .field_bytes = 8190,
                                            .fields = 100,
                                            .head_bytes = 65536,
                                            .strict = true,
                                            .lenient_methods = true,
                                            .allow_0_9 = true };

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void one(apr_pool_t *pool, pn_str head, bool parse)
{
    static char          copy[4096]; /* stands for the copy in the message's pool */
    struct pn_h1_scan    scan = { 0 };
    struct pn_h1_request request;
    struct pn_headers    headers;
    enum pn_h1_fault     fault = PN_H1_FINE;
    size_t               end = 0;

    if (pn_h1_find_end(&scan, head, &limits, &end, &fault) != PN_OK)
        abort();
    if (!parse)
        return;
    memcpy(copy, head.p, end);
    if (pn_h1_parse_request(pool, copy, end, &limits, &request, &headers, &fault) != PN_OK)
        abort();
    apr_pool_clear(pool);
}

static double measure(apr_pool_t *pool, pn_str head, bool parse, unsigned rounds)
{
    double best = 1e18;

    /* Short passes, the best counts: what else the machine does must not show. */
    for (int pass = 0; pass < 100; pass++) {
        double start = now_ns();
        for (unsigned i = 0; i < rounds; i++)
            one(pool, head, parse);
        double ns = (now_ns() - start) / rounds;
        best = ns < best ? ns : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    unsigned    rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 3000;
    apr_pool_t *pool;

    if (rounds == 0)
        return 2;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (size_t i = 0; i < PN_COUNT(heads); i++)
        printf("%-8s %4zu bytes: find_end %6.1f ns, with copy, parse and pool %6.1f ns\n",
               heads[i].name, heads[i].head.n, measure(pool, heads[i].head, false, rounds),
               measure(pool, heads[i].head, true, rounds));
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
