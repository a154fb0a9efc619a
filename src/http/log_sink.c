/* log_sink.c - opening the sinks of a generation, and writing to one. */
#include "http/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#define POOL_KEY "pn_log_sinks"
#define PIPE_WAIT_MS 100

struct sinks {
    struct pn_log_sink *first, **last;
};

/* ---- the sinks of a generation ---- */

static pn_rc close_sinks(struct sinks *set)
{
    for (struct pn_log_sink *s = set->first; s; s = s->next) {
        if (s->program)
            pn__log_program_release(s->program);
        else if (s->fd >= 0)
            close(s->fd);
        s->fd = -1;
    }
    return PN_OK;
}

static apr_status_t cleanup(void *arg)
{
    close_sinks(arg);
    return APR_SUCCESS;
}

static struct sinks *sinks_of(const struct pn_generation *generation)
{
    void *found = NULL;

    apr_pool_userdata_get(&found, POOL_KEY, generation->pool);
    return found;
}

static struct sinks *need_sinks(struct pn_generation *generation)
{
    struct sinks *set = sinks_of(generation);

    if (set)
        return set;
    set = apr_pcalloc(generation->pool, sizeof(*set));
    set->last = &set->first;
    apr_pool_userdata_setn(set, POOL_KEY, apr_pool_cleanup_null, generation->pool);
    apr_pool_cleanup_register(generation->pool, set, cleanup, apr_pool_cleanup_null);
    return set;
}

struct pn_log_sink *pn__log_sinks(const struct pn_generation *generation)
{
    struct sinks *set = sinks_of(generation);

    return set ? set->first : NULL;
}

struct pn_log_sink *pn__log_sink_find(const struct pn_generation *generation, uint32_t number)
{
    for (struct pn_log_sink *s = pn__log_sinks(generation); s; s = s->next)
        if (s->number == number)
            return s;
    return NULL;
}

/* ---- opening ---- */

static const struct { const char *name; int facility; } facilities[] = {
    { "auth", LOG_AUTH },     { "authpriv", LOG_AUTHPRIV }, { "cron", LOG_CRON },     { "daemon", LOG_DAEMON },
    { "ftp", LOG_FTP },       { "kern", LOG_KERN },         { "lpr", LOG_LPR },       { "mail", LOG_MAIL },
    { "news", LOG_NEWS },     { "syslog", LOG_SYSLOG },     { "user", LOG_USER },     { "uucp", LOG_UUCP },
    { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },     { "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
    { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },     { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

/* "syslog", "syslog:facility", "syslog:facility:tag", "syslog::tag". */
static const char *open_syslog(struct pn_generation *generation, struct pn_log_sink *sink, pn_str rest)
{
    pn_str tag;
    pn_str facility = pn_str_cut(rest, ':', &tag);

    sink->kind = PN_LOG_SYSLOG;
    sink->facility = LOG_LOCAL7;
    sink->tag = tag.n ? pn_str_zdup(generation->pool, tag) : "httpd"; /* COMPAT: the tag that 2.4 writes */
    if (facility.n == 0)
        return NULL;
    for (size_t i = 0; i < PN_COUNT(facilities); i++)
        if (pn_str_ieq(facility, pn_str_z(facilities[i].name))) {
            sink->facility = facilities[i].facility;
            return NULL;
        }
    return pn_str_printf(generation->pool, "syslog has no facility '%.*s'", PN_FMT(facility)).p;
}

static const char *open_file(struct pn_generation *generation, struct pn_log_sink *sink, pn_str name)
{
    pn_str path = name.p[0] == '/' ? name : PN_CAT(generation->pool, generation->server_root, PN_STR("/"), name);

    sink->kind = PN_LOG_FILE;
    sink->fd = open(path.p, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    if (sink->fd < 0)
        return pn_str_printf(generation->pool, "could not open the log %s: %s", path.p, strerror(errno)).p;
    return NULL;
}

pn_rc pn_log_sink_open(struct pn_generation *generation, pn_str name, struct pn_log_sink **ret, const char **ret_error)
{
    static uint32_t     last_number;
    struct sinks       *set = need_sinks(generation);
    struct pn_log_sink *sink;
    const char         *error;

    for (sink = set->first; sink; sink = sink->next)
        if (pn_str_eq(pn_str_z(sink->name), name)) {
            *ret = sink;
            return PN_OK;
        }
    if (name.n == 0) {
        *ret_error = "a log needs a name";
        return PN_BAD;
    }
    sink = apr_pcalloc(generation->pool, sizeof(*sink));
    sink->fd = -1;
    name = pn_str_dup(generation->pool, name);
    sink->name = name.p;
    if (name.p[0] == '|') {
        sink->kind = PN_LOG_PIPE;
        error = pn__log_program_prepare(generation->pool, sink, pn_str_from(name, 1));
    }
    else if (pn_str_ieq(name, PN_STR("syslog")) || pn_str_istarts(name, PN_STR("syslog:")))
        error = open_syslog(generation, sink, pn_str_from(name, 7));
    else
        error = open_file(generation, sink, name);
    if (error) {
        *ret_error = error;
        return PN_BAD;
    }
    sink->number = ++last_number; /* only the master's main thread loads configurations */
    *set->last = sink;
    set->last = &sink->next;
    *ret = sink;
    return PN_OK;
}

void pn_log_sink_set_lazy(struct pn_log_sink *sink)
{
    sink->lazy = true;
}

/* ---- writing ---- */

static const int priorities[] = { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

/* Each line stands behind the byte of its level. */
static void to_syslog(const struct pn_log_sink *sink, pn_str lines)
{
    static const char *opened; /* under the lock */

    if (opened != sink->tag) {
        opened = sink->tag;
        openlog(sink->tag, LOG_NDELAY | LOG_CONS | LOG_PID, sink->facility);
    }
    while (lines.n) {
        pn_str   line = pn_str_cut(lines, '\n', &lines);
        unsigned level = line.n ? (unsigned)(line.p[0] - 'A') : PN_LOG_INFO;
        if (line.n < 2)
            continue;
        level = level < PN_COUNT(priorities) ? level : PN_LOG_DEBUG;
        syslog(sink->facility | priorities[level], "%.*s", (int)line.n - 1, line.p + 1);
    }
}

/* The longest run of whole lines that a pipe takes at once; one long line alone may be split. */
static pn_str pipe_piece(pn_str lines)
{
    if (lines.n <= PIPE_BUF)
        return lines;
    size_t end = pn_str_rchr(pn_str_head(lines, PIPE_BUF), '\n');
    if (end == SIZE_MAX)
        end = pn_str_chr(lines, '\n', 0);
    return end == SIZE_MAX ? lines : pn_str_head(lines, end + 1);
}

ssize_t pn__log_sink_try(struct pn_log_sink *sink, pn_str lines)
{
    ssize_t n;

    if (sink->kind == PN_LOG_SYSLOG) {
        to_syslog(sink, lines);
        return (ssize_t)lines.n;
    }
    if (sink->kind == PN_LOG_PIPE)
        lines = pipe_piece(lines);
    do
        n = write(sink->fd, lines.p, lines.n);
    while (n < 0 && errno == EINTR);
    return n;
}

static uint64_t count_lines(pn_str s)
{
    uint64_t count = 0;

    while (s.n) {
        pn_str_cut(s, '\n', &s);
        count++;
    }
    return count;
}

static pthread_mutex_t sinks_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void pn__log_sinks_lock(void)
{
    pthread_mutex_lock(&sinks_lock);
}

void pn__log_sinks_unlock(void)
{
    pthread_mutex_unlock(&sinks_lock);
}

void pn__log_sink_write_now(struct pn_log_sink *sink, pn_str lines)
{
    while (lines.n) {
        pn__log_sinks_lock();
        ssize_t n = pn__log_sink_try(sink, lines);
        pn__log_sinks_unlock();
        if (n > 0) {
            lines = pn_str_from(lines, (size_t)n);
            continue;
        }
        struct pollfd wait = { .fd = sink->fd, .events = POLLOUT };
        if (n < 0 && errno == EAGAIN && poll(&wait, 1, PIPE_WAIT_MS) > 0)
            continue;
        pn__log_sinks_lock();
        sink->dropped += count_lines(lines);
        pn__log_sinks_unlock();
        return;
    }
}
