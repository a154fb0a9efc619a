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
#define PACE_BYTES 65536                 /* more than this is not kept back */
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
    unsigned               new_from; /* runs before this one were tried already */
    uint32_t               round;    /* counts flushes */
    pn_usec                retry_at; /* held: not before */
    pn_usec                turn_at;  /* when the end of a turn last led to a write, by the loop's clock */
    pn_usec                lazy_until; /* the first lazy line waits no longer; 0: there is none */
    struct pn_loop        *loop;     /* of the timer; NULL: not armed */
    struct pn_timer        timer;
    struct iovec           iov[GATHER];
    struct pn_log_sink    *sinks[2][PN_LOG_RUNS]; /* of each bank's runs */
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

static struct pn_log_sink **sinks_in(struct buffer *b, const struct pn_log_bank *bank)
{
    return b->sinks[bank == &b->segment->banks[1]];
}

static struct pn_log_sink *sink_of(struct buffer *b, unsigned run)
{
    return sinks_in(b, b->bank)[run];
}

static unsigned runs_in(const struct pn_log_bank *bank)
{
    return atomic_load_explicit(&bank->n_runs, memory_order_relaxed);
}

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
static void write_begins(struct buffer *b, struct pn_log_sink *sink, unsigned count)
{
    int64_t  now_s = now_usec() / PN_USEC_PER_SEC;
    uint64_t marked = 0;
    size_t   n = 0;

    for (unsigned i = 0; i < count; i++)
        n += b->iov[i].iov_len;
    for (unsigned i = 0; i < runs_in(b->bank); i++)
        if (b->bank->runs[i].sink == sink->number)
            marked += atomic_load_explicit(&b->bank->runs[i].written, memory_order_relaxed);

    if (now_s - sink->seen_s >= SEEN_END_S) {
        off_t end = lseek(sink->fd, 0, SEEK_END); /* O_APPEND: the position matters to nobody */
        sink->seen_end = end > 0 ? (uint64_t)end : 0;
        sink->seen_s = now_s;
    }
    b->segment->writing_from = sink->seen_end;
    b->segment->writing_n = (uint32_t)n;
    b->segment->writing_marked = marked;
    atomic_store_explicit(&b->segment->writing_done, 0, memory_order_relaxed);
    atomic_store_explicit(&b->segment->writing_sink, sink->number, memory_order_release);
}

static ssize_t write_file(struct buffer *b, struct pn_log_sink *sink, unsigned count)
{
    ssize_t n;

    write_begins(b, sink, count);
    do
        n = count == 1 ? write(sink->fd, b->iov[0].iov_base, b->iov[0].iov_len) : writev(sink->fd, b->iov, (int)count);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        atomic_store_explicit(&b->segment->writing_done, (uint32_t)n, memory_order_release);
        sink->seen_end += (uint64_t)n;
    }
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

/* Writes the runs of one sink; what does not go through stays as it is. */
static void write_runs(struct buffer *b, unsigned first, unsigned n_runs)
{
    struct pn_log_sink *sink = sink_of(b, first);
    unsigned            count;

    while ((count = gather(b, first, n_runs)) > 0) {
        ssize_t n;
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
            sink->failed_round = b->round;
            return;
        }
    }
    sink->error = 0;
}

/* ---- what has to wait ---- */

/* Leaves out the oldest lines, as many as make up the surplus. */
static pn_str shorten(struct pn_log_sink *sink, pn_str lines, size_t *surplus)
{
    while (*surplus && lines.n) {
        size_t end = pn_str_chr(lines, '\n', 0);
        size_t n = end == SIZE_MAX ? lines.n : end + 1;
        lines = pn_str_from(lines, n);
        *surplus = *surplus > n ? *surplus - n : 0;
        sink->dropped += n > 1; /* a line's end alone is ours, see keep_sink */
    }
    return lines;
}

/* Appends to the bank that is not in use yet. */
static void put_run(struct buffer *b, struct pn_log_bank *bank, struct pn_log_sink *sink, pn_str lines)
{
    unsigned           n = runs_in(bank);
    struct pn_log_run *run = n ? &bank->runs[n - 1] : NULL;

    if (!run || run->sink != sink->number) {
        run = &bank->runs[n];
        sinks_in(b, bank)[n] = sink;
        run->sink = sink->number;
        run->offset = bank->used;
        run->length = run->written = 0;
        bank->n_runs = n + 1;
    }
    memcpy(bank->data + bank->used, lines.p, lines.n);
    bank->used += (uint32_t)lines.n;
    run->length += (uint32_t)lines.n;
}

/* Moves what waits for one sink. A line that was cut in the file and then left out gets its line end, so that the next one begins a
 * line of its own. */
static void keep_sink(struct buffer *b, struct pn_log_bank *to, unsigned first, size_t *surplus)
{
    struct pn_log_sink *sink = sink_of(b, first);

    for (unsigned i = first; i < runs_in(b->bank); i++) {
        pn_str rest = pn__log_run_rest(b->bank, &b->bank->runs[i]);
        if (sink_of(b, i) != sink || !rest.n)
            continue;
        pn_str kept = shorten(sink, rest, surplus);
        if (kept.n < rest.n && sink->torn)
            put_run(b, to, sink, PN_STR("\n"));
        if (kept.n)
            put_run(b, to, sink, kept);
    }
}

static bool kept_before(struct buffer *b, unsigned run)
{
    for (unsigned i = 0; i < run; i++)
        if (sink_of(b, i) == sink_of(b, run) && pn__log_run_rest(b->bank, &b->bank->runs[i]).n)
            return true;
    return false;
}

static size_t held_bytes(struct buffer *b)
{
    size_t sum = 0;

    for (unsigned i = 0; i < runs_in(b->bank); i++)
        sum += pn__log_run_rest(b->bank, &b->bank->runs[i]).n;
    return sum;
}

/* Copies what waits to the other bank, one run a sink, and changes over. When it is too much the oldest lines go. */
static void keep_held(struct buffer *b)
{
    uint32_t            other = b->segment->bank ^ 1;
    struct pn_log_bank *to = &b->segment->banks[other];
    size_t              held = held_bytes(b);
    size_t              surplus = held > HELD_MAX ? held - HELD_LOW : 0;

    to->n_runs = 0;
    to->used = 0;
    for (unsigned i = 0; i < runs_in(b->bank); i++)
        if (pn__log_run_rest(b->bank, &b->bank->runs[i]).n && !kept_before(b, i))
            keep_sink(b, to, i, &surplus);
    b->bank = to;
    b->new_from = 0;
    atomic_store_explicit(&b->segment->bank, other, memory_order_release);
}

/* ---- a flush ---- */

static void arm(struct buffer *b, pn_usec when)
{
    struct pn_loop *loop = pn_loop_this();

    if (!loop)
        return;
    b->loop = loop;
    if (!pn_timer_armed(&b->timer) || when < b->timer.deadline)
        pn_timer_set(loop, &b->timer, when);
}

/* @param retry  also what did not go through before. @return is everything written? */
static bool write_bank(struct buffer *b, bool retry)
{
    unsigned n_runs = runs_in(b->bank);

    b->round++;
    for (unsigned i = retry ? 0 : b->new_from; i < n_runs; i++) {
        struct pn_log_sink *sink = sink_of(b, i);
        if (sink->failed_round == b->round || (!retry && sink->error) || !pn__log_run_rest(b->bank, &b->bank->runs[i]).n)
            continue;
        write_runs(b, i, n_runs);
    }
    if (b->held || n_runs > 1 || pn__log_run_rest(b->bank, &b->bank->runs[0]).n)
        b->held = held_bytes(b) > 0;
    if (b->held) {
        b->new_from = n_runs - 1; /* the last run may grow */
        return false;
    }
    atomic_store_explicit(&b->bank->n_runs, 0, memory_order_release);
    b->bank->used = 0;
    b->new_from = 0;
    return true;
}

/* ---- what went wrong, for the operator ---- */

static void report(struct pn_log_sink *sink, int64_t now_s)
{
    uint64_t dropped = sink->dropped;

    sink->reported_s = sink->error ? now_s : 0;
    sink->dropped = 0;
    if (sink->error)
        PN_LOG_S(NULL, PN_LOG_ERR, 20030, sink->error, "the log %s takes no lines; they are kept in memory as far as they fit",
                 sink->name);
    if (dropped)
        PN_LOG_S(NULL, PN_LOG_ERR, 20031, 0, "%llu lines of the log %s were lost", (unsigned long long)dropped, sink->name);
}

/* The reports are lines too: they are made when the table is not being walked. */
static void report_trouble(struct buffer *b)
{
    int64_t             now_s = now_usec() / PN_USEC_PER_SEC;
    struct pn_log_sink *troubled[8];
    unsigned            count = 0;

    for (unsigned i = 0; i < runs_in(b->bank) && count < PN_COUNT(troubled); i++) {
        struct pn_log_sink *sink = sink_of(b, i);
        if (sink->error && now_s - sink->reported_s >= REPORT_S) {
            sink->reported_s = now_s;
            troubled[count++] = sink;
        }
    }
    for (unsigned i = 0; i < count; i++)
        report(troubled[i], now_s);
}

/* Sinks that work again tell what was lost meanwhile; their runs are in the table still. */
static struct pn_log_sink *recovered_sink(struct buffer *b, unsigned n_runs)
{
    for (unsigned i = 0; i < n_runs; i++)
        if (sink_of(b, i)->dropped && !sink_of(b, i)->error)
            return sink_of(b, i);
    return NULL;
}

static void flush_locked(struct buffer *b, bool retry)
{
    unsigned n_runs = runs_in(b->bank);
    bool     was_held = b->held;

    if (!n_runs)
        return;
    b->urgent = false;
    b->lazy_until = 0;
    bool                all = write_bank(b, retry);
    struct pn_log_sink *well = was_held ? recovered_sink(b, n_runs) : NULL;
    if (well)
        report(well, 0);
    if (all)
        return;
    if (retry || !was_held) {
        b->retry_at = now_usec() + RETRY_USEC;
        report_trouble(b);
    }
    arm(b, b->retry_at);
}

static void flush(struct buffer *b, bool retry)
{
    if (!runs_in(b->bank))
        return;
    pn__log_sinks_lock();
    flush_locked(b, retry);
    pn__log_sinks_unlock();
}

void pn_log_buffer_flush(void)
{
    struct buffer *b = this_buffer;

    if (!b || !runs_in(b->bank))
        return;
    if (!b->urgent && !b->held && b->bank->used < LAZY_BYTES) {
        pn_usec now = now_usec();
        if (!b->lazy_until)
            b->lazy_until = now + LAZY_USEC;
        if (now < b->lazy_until) {
            arm(b, b->lazy_until);
            return;
        }
    }
    flush(b, b->held && now_usec() >= b->retry_at);
}

void pn_log_buffer_turn(struct pn_loop *loop, pn_usec pace)
{
    struct buffer *b = this_buffer;

    if (!b || !runs_in(b->bank))
        return;
    if (b->urgent && !b->held && b->bank->used < PACE_BYTES && pn_loop_now(loop) - b->turn_at < pace) {
        arm(b, b->turn_at + pace);
        return;
    }
    b->turn_at = pn_loop_now(loop);
    pn_log_buffer_flush();
}

static void on_timer(struct pn_timer *timer)
{
    struct buffer *b = PN_CONTAINER(timer, struct buffer, timer);

    b->turn_at = pn_loop_now(b->loop);
    b->lazy_until = 1; /* long ago */
    pn_log_buffer_flush();
}

/* ---- life ---- */

void pn_log_buffer_attach(struct pn_log_segment *segment)
{
    struct buffer *b;

    pn_log_buffer_release();
    /* Mapped, since its pages are then touched as they are used, which most never are. */
    b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pn_assert(b != MAP_FAILED);
    b->own = !segment;
    b->segment = segment ? segment : pn_log_segment_map();
    pn_assert(b->segment && b->segment->magic == PN_LOG_SEGMENT_MAGIC);
    b->bank = &b->segment->banks[b->segment->bank & 1];
    b->bank->n_runs = 0;
    b->bank->used = 0;
    pn_timer_init(&b->timer, on_timer);
    this_buffer = b;
}

void pn_log_buffer_release(void)
{
    struct buffer *b = this_buffer;

    if (scratch)
        free(scratch);
    scratch = NULL;
    if (!b)
        return;
    flush(b, true);
    if (runs_in(b->bank))
        flush(b, true); /* the reports of the first */
    if (pn_timer_armed(&b->timer))
        pn_timer_clear(b->loop, &b->timer);
    if (b->own)
        pn_log_segment_unmap(b->segment);
    this_buffer = NULL;
    munmap(b, sizeof(*b));
}

/* ---- adding ---- */

/* Room for one more line and one more run, whatever it takes. */
static PN_COLD void make_room(struct buffer *b)
{
    pn__log_sinks_lock();
    flush(b, true);
    if (b->held)
        keep_held(b);
    pn__log_sinks_unlock();
}

static PN_COLD char *reserve_aside(struct buffer *b)
{
    if (b)
        b->aside = true;
    if (!scratch)
        scratch = malloc(PN_LOG_LINE_MAX);
    pn_assert(scratch);
    return scratch;
}

char *pn_log_sink_reserve(struct pn_log_sink *sink, size_t max)
{
    struct buffer *b = this_buffer;

    (void)sink;
    pn_assert(max <= PN_LOG_LINE_MAX);
    if (PN_UNLIKELY(!b || b->open))
        return reserve_aside(b);
    if (PN_UNLIKELY(b->bank->used + max > PN_LOG_BANK_BYTES || runs_in(b->bank) == PN_LOG_RUNS))
        make_room(b);
    b->open = true;
    return b->bank->data + b->bank->used;
}

void pn_log_sink_commit(struct pn_log_sink *sink, size_t used)
{
    struct buffer *b = this_buffer;

    if (PN_UNLIKELY(!b || b->aside)) {
        if (b)
            b->aside = false;
        pn__log_sink_write_now(sink, pn_str_n(scratch, used));
        return;
    }
    b->open = false;
    if (!used)
        return;
    struct pn_log_bank *bank = b->bank;
    unsigned            n = runs_in(bank);
    struct pn_log_run  *last = n ? &bank->runs[n - 1] : NULL;
    if (last && last->sink == sink->number)
        atomic_store_explicit(&last->length, bank->used + (uint32_t)used - last->offset, memory_order_release);
    else {
        sinks_in(b, bank)[n] = sink;
        bank->runs[n].sink = sink->number;
        bank->runs[n].offset = bank->used;
        atomic_store_explicit(&bank->runs[n].length, (uint32_t)used, memory_order_relaxed);
        atomic_store_explicit(&bank->runs[n].written, 0, memory_order_relaxed);
        atomic_store_explicit(&bank->n_runs, n + 1, memory_order_release);
    }
    bank->used += (uint32_t)used;
    b->urgent = b->urgent || !sink->lazy;
}

static void add(struct pn_log_sink *sink, pn_str prefix, pn_str line)
{
    bool cut = prefix.n + line.n > PN_LOG_LINE_MAX;

    if (cut)
        line = pn_str_head(line, PN_LOG_LINE_MAX - prefix.n);
    char *to = pn_log_sink_reserve(sink, prefix.n + line.n);
    if (prefix.n)
        memcpy(to, prefix.p, prefix.n);
    if (line.n)
        memcpy(to + prefix.n, line.p, line.n);
    if (cut)
        to[prefix.n + line.n - 1] = '\n';
    pn_log_sink_commit(sink, prefix.n + line.n);
}

void pn_log_sink_add(struct pn_log_sink *sink, pn_str line)
{
    pn__log_sink_add_level(sink, PN_LOG_INFO, line);
}

void pn__log_sink_add_level(struct pn_log_sink *sink, enum pn_log_level level, pn_str line)
{
    char prefix = (char)('A' + level);

    add(sink, pn_str_n(&prefix, sink->kind == PN_LOG_SYSLOG ? 1 : 0), line);
}

/* ---- taking back ---- */

struct pn_log_mark pn_log_buffer_mark(void)
{
    struct buffer     *b = this_buffer;
    struct pn_log_mark mark = { 0 };

    if (!b)
        return mark;
    mark.round = b->round;
    mark.n_runs = runs_in(b->bank);
    mark.last_length = mark.n_runs ? b->bank->runs[mark.n_runs - 1].length : 0;
    mark.used = b->bank->used;
    return mark;
}

/* Lines that were flushed since can't be taken back. */
void pn_log_buffer_take_back(struct pn_log_mark mark)
{
    struct buffer *b = this_buffer;

    if (!b || mark.round != b->round)
        return;
    atomic_store_explicit(&b->bank->n_runs, mark.n_runs, memory_order_release);
    if (mark.n_runs)
        atomic_store_explicit(&b->bank->runs[mark.n_runs - 1].length, mark.last_length, memory_order_release);
    b->bank->used = mark.used;
}
