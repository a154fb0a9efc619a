/* Prints nanoseconds a line of the usual formats, from the request to the segment; run by hand. */
#include <stdio.h>
#include <time.h>

#include <pinion/generation.h>

#include "format_fixture.h"
#include "http/log_buffer.h"

#define LINES 2000000

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void measure(const char *name, const char *text, struct pn_log_sink *sink)
{
    static struct logged l;
    const struct format *format;

    logged_begin(&l);
    if (log_format_compile(&l.cmd, pn_str_z(text), &format))
        return;
    double begun = now_ns();
    for (int i = 0; i < LINES; i++) {
        char *to = pn_log_sink_reserve(sink, PN_LOG_LINE_MAX);
        pn_log_sink_commit(sink, logged_print(&l, format, to, PN_LOG_LINE_MAX));
        if (i % 64 == 63)
            pn_log_buffer_flush();
    }
    printf("%-10s %6.0f ns a line\n", name, (now_ns() - begun) / LINES);
    apr_pool_destroy(l.pool);
}

int main(void)
{
    struct pn_generation generation = { .server_root = PN_STR("/tmp") };
    struct pn_log_sink  *sink;
    const char          *error;

    apr_initialize();
    apr_pool_create(&generation.pool, NULL);
    if (pn_log_sink_open(&generation, PN_STR("/dev/null"), &sink, &error) != PN_OK)
        return 1;
    pn_log_buffer_attach(NULL);
    measure("common", "%h %l %u %t \"%r\" %>s %b", sink);
    measure("combined", "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"", sink);
    measure("json", "json:common", sink);
    pn_log_buffer_release();
    return 0;
}
