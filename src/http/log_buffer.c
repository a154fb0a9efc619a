/* log_buffer.c - the owner's side of a segment: adding lines, and writing them once a loop turn. See log_buffer.h.
 *
 * Workload: some hundred thousand lines a second; an addition is a bounds check, the caller's copy and two stores. */
#define PN_LOG_MODULE &pn_module_core

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "http/core_conf.h"
#include "http/log_segment.h"
#include "rt/timer.h"

#define LAZY_BYTES 4096
#define LAZY_USEC PN_USEC_PER_SEC
#define RETRY_USEC (100 * PN_USEC_PER_MSEC)
#define HELD_MAX (PN_LOG_BANK_BYTES / 2) /* more waiting bytes than this: the oldest go */
#define HELD_LOW (PN_LOG_BANK_BYTES / 4)
#define GATHER 64                        /* runs in one writev */
#define REPORT_S 10
#define SEEN_END_S 1                     /* how old the known length of a file may be */

/* One thread's. */
struct buffer {
    struct pn_log_segment *segment;
    struct pn_log_bank    *bank;
    bool                   own;      /* the segment is private: unmapped by us */
    bool                   open;     /* reserved, not committed */
    bool                   aside;    /* the line being reserved goes to the scratch */
    bool                   urgent;   /* holds lines that do not wait */
    bool                   held;     /* something could not be written */
    bool                   flushing;
    pn_usec                retry_at; /* held: not before */
    pn_usec                lazy_since;
    int64_t                reported_s;
    struct pn_loop        *loop;     /* of the timer; NULL: not armed */
    struct pn_timer        timer;
    struct iovec           iov[GATHER];
    struct pn_log_sink    *sinks[PN_LOG_RUNS]; /* of the runs in use */
};

static _Thread_local struct buffer *this_buffer;
static _Thread_local char          *scratch; /* PN_LOG_LINE_MAX bytes for threads without a buffer, and nested lines */

static pn_usec now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec * PN_USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* ---- segments ---- */

struct pn_log_segment *pn_log_segment_map(void)
{
    struct pn_log_segment *segment = mmap(NULL, sizeof(*segment), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (segment == MAP_FAILED)
        return NULL;
    segment->magic = PN_LOG_SEGMENT_MAGIC;
    return segment;
}

void pn_log_segment_unmap(struct pn_log_segment *segment)
{
    if (segment)
        munmap(segment, sizeof(*segment));
}

/* ---- writing ---- */

static void advance(struct pn_log_run *run, size_t n)
{
    uint32_t written = atomic_load_explicit(&run->written, memory_order_relaxed);

    atomic_store_explicit(&run->written, written + (uint32_t)n, memory_order_release);
}

/* The unwritten runs of one sink from the `first` on. @return how many. */
static unsigned gather(struct buffer *b, unsigned first, unsigned n_runs)
{
    struct pn_log_bank *bank = b->bank;
    unsigned            count = 0;

    for (unsigned i = first; i < n_runs && count < GATHER; i++) {
        if (bank->runs[i].sink != bank->runs[first].sink)
            continue;
        pn_str rest = pn__log_run_rest(bank, &bank->runs[i]);
        if (rest.n)
            b->iov[count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)rest.p, .iov_len = rest.n };
    }
    return count;
}

/* Says in the segment which file is being written, for whoever finds it after a kill. */
static void write_begins(struct buffer *b, struct pn_log_sink *sink)
{
    int64_t now_s = now_usec() / PN_USEC_PER_SEC;

    if (now_s - sink->seen_s >= SEEN_END_S) {
        off_t end = lseek(sink->fd, 0, SEEK_END); /* O_APPEND: the position matters to nobody */
        sink->seen_end = end > 0 ? (uint64_t)end : 0;
        sink->seen_s = now_s;
    }
    b->segment->writing_from = sink->seen_end;
    atomic_store_explicit(&b->segment->writing_sink, sink->number, memory_order_release);
}

static ssize_t write_file(struct buffer *b, struct pn_log_sink *sink, unsigned count)
{
    ssize_t n;

    write_begins(b, sink);
    do
        n = count == 1 ? write(sink->fd, b->iov[0].iov_base, b->iov[0].iov_len) : writev(sink->fd, b->iov, (int)count);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        sink->seen_end += (uint64_t)n;
    return n;
}

static void write_ended(struct buffer *b)
{
    atomic_store_explicit(&b->segment->writing_sink, 0, memory_order_release);
}

/* Marks n bytes of the sink's runs from the `first` on as written. */
static void mark(struct buffer *b, unsigned first, unsigned n_runs, size_t n)
{
    struct pn_log_bank *bank = b->bank;

    for (unsigned i = first; i < n_runs && n; i++) {
        if (bank->runs[i].sink != bank->runs[first].sink)
            continue;
        size_t rest = pn__log_run_rest(bank, &bank->runs[i]).n;
        size_t part = rest < n ? rest : n;
        advance(&bank->runs[i], part);
        n -= part;
    }
}

/* Has a line been cut off by the write? Then the next one must not be glued to it, whatever happens to its rest. */
static void note_tear(struct pn_log_sink *sink, const struct buffer *b, size_t n)
{
    unsigned i = 0;

    while (n > b->iov[i].iov_len)
        n -= b->iov[i++].iov_len;
    sink->torn = n && ((const char *)b->iov[i].iov_base)[n - 1] != '\n';
}

/* Writes the runs of one sink. @return false when some of it has to wait. */
static bool write_runs(struct buffer *b, unsigned first, unsigned n_runs)
{
    struct pn_log_sink *sink = b->sinks[first];
    unsigned            count;

    while ((count = gather(b, first, n_runs)) > 0) {
        size_t  want = 0;
        ssize_t n;
        for (unsigned i = 0; i < count; i++)
            want += b->iov[i].iov_len;
        if (sink->kind == PN_LOG_FILE)
            n = write_file(b, sink, count);
        else
            n = pn__log_sink_try(sink, pn_str_n(b->iov[0].iov_base, b->iov[0].iov_len));
        if (n > 0) {
            mark(b, first, n_runs, (size_t)n);
            note_tear(sink, b, (size_t)n);
        }
        int error = errno;
        write_ended(b);
        if (n <= 0) {
            sink->error = n < 0 ? error : ENOSPC;
            return false;
        }
        if (sink->kind == PN_LOG_FILE && (size_t)n < want && sink->torn)
            continue; /* the reason comes with the next try */
    }
    sink->error = 0;
    return true;
}

/* ---- what had to wait ---- */

/* Leaves out the oldest whole lines of a run. */
static pn_str shorten(struct pn_log_sink *sink, pn_str lines, size_t surplus)
{
    while (surplus && lines.n) {
        size_t end = pn_str_chr(lines, '\n', 0);
        size_t n = end == SIZE_MAX ? lines.n : end + 1;
        lines = pn_str_from(lines, n);
        surplus = surplus > n ? surplus - n : 0;
        sink->dropped++;
    }
    return lines;
}

static void put_run(struct pn_log_bank *bank, uint32_t sink, pn_str lines)
{
    unsigned           n = atomic_load_explicit(&bank->n_runs, memory_order_relaxed);
    struct pn_log_run *last = n ? &bank->runs[n - 1] : NULL;

    memcpy(bank->data + bank->used, lines.p, lines.n);
    if (last && last->sink == sink)
        last->length += (uint32_t)lines.n;
    else {
        bank->runs[n].sink = sink;
        bank->runs[n].offset = bank->used;
        bank->runs[n].length = (uint32_t)lines.n;
        bank->runs[n].written = 0;
        bank->n_runs = n + 1;
    }
    bank->used += (uint32_t)lines.n;
}

/* Copies what waits into the other bank and changes over. A line that was cut in the file and then left out keeps its line end, so
 * that the next one begins a line of its own. */
static void keep_held(struct buffer *b, unsigned n_runs, size_t held)
{
    struct pn_log_bank *from = b->bank;
    uint32_t            other = b->segment->bank ^ 1;
    struct pn_log_bank *to = &b->segment->banks[other];
    size_t              surplus = held > HELD_MAX ? held - HELD_LOW : 0;

    atomic_store_explicit(&to->n_runs, 0, memory_order_relaxed);
    to->used = 0;
    for (unsigned i = 0; i < n_runs; i++) {
        pn_str              rest = pn__log_run_rest(from, &from->runs[i]);
        struct pn_log_sink *sink = b->sinks[i];
        if (!rest.n)
            continue;
        pn_str kept = shorten(sink, rest, surplus);
        surplus -= surplus < rest.n - kept.n ? surplus : rest.n - kept.n;
        if (kept.n < rest.n && sink->torn) {
            put_run(to, from->runs[i].sink, PN_STR("\n"));
            b->sinks[to->n_runs - 1] = sink; /* never behind i */
            sink->torn = false;
        }
        if (!kept.n)
            continue;
        put_run(to, from->runs[i].sink, kept);
        b->sinks[to->n_runs - 1] = sink;
    }
    b->bank = to;
    atomic_store_explicit(&b->segment->bank, other, memory_order_release);
}

/* ---- reports ---- */

static void report_sink(struct pn_log_sink *sink)
{
    if (sink->error && !sink->reported) {
        sink->reported = true;
        PN_LOG_S(NULL, PN_LOG_ERR, 20030, sink->error == EAGAIN ? 0 : sink->error, "%s", sink->error == EAGAIN
                 ? pn_log_slow_text(sink) : pn_log_stuck_text(sink));
    }
}
