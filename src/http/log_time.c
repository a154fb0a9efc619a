/* log_time.c - the time of access logs as text. Workload: asked for by each line, made anew once a second. */
#include <pinion/log.h>

#include <apr_time.h>

#include <pinion/log_line.h>

#define CACHED 4 /* seconds; requests that take long ask for older ones */
#define TEXT_BYTES 32

struct cached {
    int64_t second;
    size_t  n;
    char    text[TEXT_BYTES];
};

static void render(struct cached *c, int64_t second)
{
    apr_time_exp_t     t;
    struct pn_log_line line = { .p = c->text, .end = c->text + TEXT_BYTES };

    if (apr_time_exp_lt(&t, apr_time_from_sec(second)) != APR_SUCCESS)
        apr_time_exp_gmt(&t, apr_time_from_sec(second));
    unsigned zone = (unsigned)(t.tm_gmtoff < 0 ? -t.tm_gmtoff : t.tm_gmtoff) / 60;
    pn_log_ch(&line, '[');
    pn_log_padded(&line, (uint64_t)t.tm_mday, 2);
    pn_log_ch(&line, '/');
    pn_log_bytes(&line, apr_month_snames[t.tm_mon], 3);
    pn_log_ch(&line, '/');
    pn_log_padded(&line, (uint64_t)t.tm_year + 1900, 4);
    pn_log_ch(&line, ':');
    pn_log_padded(&line, (uint64_t)t.tm_hour, 2);
    pn_log_ch(&line, ':');
    pn_log_padded(&line, (uint64_t)t.tm_min, 2);
    pn_log_ch(&line, ':');
    pn_log_padded(&line, (uint64_t)t.tm_sec, 2);
    pn_log_ch(&line, ' ');
    pn_log_ch(&line, t.tm_gmtoff < 0 ? '-' : '+');
    pn_log_padded(&line, zone / 60, 2);
    pn_log_padded(&line, zone % 60, 2);
    pn_log_ch(&line, ']');
    c->second = second;
    c->n = (size_t)(line.p - c->text);
}

pn_str pn_log_clf_time(pn_wall time)
{
    static _Thread_local struct cached cache[CACHED];
    int64_t                            second = time / PN_USEC_PER_SEC;
    struct cached                     *c = &cache[(uint64_t)second % CACHED];

    if (PN_UNLIKELY(c->second != second || !c->n))
        render(c, second);
    return pn_str_n(c->text, c->n);
}
