/* log_recover.c - the master's side of a segment: what a killed child left is written by those who live. See log_buffer.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http/log_segment.h"

#define TAIL_MAX (8 * 1024 * 1024)

/* How many bytes of `block` stand at the place `p` of the file's tail. */
static size_t common_prefix(pn_str tail, size_t p, pn_str block)
{
    size_t n = tail.n - p < block.n ? tail.n - p : block.n;
    size_t i = 0;

    while (i < n && tail.p[p + i] == block.p[i])
        i++;
    return i;
}

/* A write that a kill cut short ends where the file ends, at the end of a page and mostly in the middle of a line. What looks like
 * the beginning of our lines and ends elsewhere is another's line. */
static bool may_be_cut(pn_str tail, uint64_t from, size_t end)
{
    return end == tail.n && (tail.p[end - 1] != '\n' || (from + end) % 4096 == 0);
}

/* @param tail the file from the offset `from` on. @return bytes of `block` that are in it. */
static size_t found_in(pn_str tail, uint64_t from, pn_str block)
{
    size_t best = 0;

    if (pn_str_find(tail, block) != SIZE_MAX)
        return block.n;
    for (size_t p = 0; p < tail.n;) {
        size_t n = common_prefix(tail, p, block);
        if (n > best && may_be_cut(tail, from, p + n))
            best = n;
        size_t end = pn_str_chr(tail, '\n', p);
        p = end == SIZE_MAX ? tail.n : end + 1;
    }
    return best;
}

/* The file of a sink, opened once more: the sink's own descriptor only writes. */
static int open_to_read(const struct pn_log_sink *sink)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", sink->fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* How much of the block the file has got since it was `from` bytes long. */
static size_t already_in_file(const struct pn_log_sink *sink, uint64_t from, pn_str block)
{
    int    fd = open_to_read(sink);
    size_t found = 0;

    if (fd < 0)
        return 0;
    off_t end = lseek(fd, 0, SEEK_END);
    if (end > 0 && (uint64_t)end > from && (uint64_t)end - from <= TAIL_MAX) {
        size_t  n = (size_t)((uint64_t)end - from);
        char   *bytes = malloc(n);
        ssize_t got = bytes ? pread(fd, bytes, n, (off_t)from) : -1;
        if (got > 0)
            found = found_in(pn_str_n(bytes, (size_t)got), from, block);
        free(bytes);
    }
    close(fd);
    return found;
}

/* The unwritten lines of one sink, from the run `first` on, in order. malloc'd. */
static pn_str collect(const struct pn_log_bank *bank, unsigned first, unsigned n_runs)
{
    uint32_t sink = bank->runs[first].sink;
    char    *block = malloc(PN_LOG_BANK_BYTES);
    size_t   n = 0;

    pn_assert(block);
    for (unsigned i = first; i < n_runs; i++) {
        pn_str rest = pn__log_run_rest(bank, &bank->runs[i]);
        if (bank->runs[i].sink != sink || rest.n > PN_LOG_BANK_BYTES - n)
            continue;
        memcpy(block + n, rest.p, rest.n);
        n += rest.n;
    }
    return pn_str_n(block, n);
}

/* A child can be killed with anything in its memory: the table is taken as a guess until it has been checked. */
static unsigned checked_runs(const struct pn_log_bank *bank)
{
    unsigned n = atomic_load_explicit(&bank->n_runs, memory_order_acquire);

    for (unsigned i = 0; i < n && i < PN_LOG_RUNS; i++) {
        const struct pn_log_run *run = &bank->runs[i];
        if (run->offset > PN_LOG_BANK_BYTES || run->length > PN_LOG_BANK_BYTES - run->offset || run->written > run->length)
            return i;
    }
    return n < PN_LOG_RUNS ? n : PN_LOG_RUNS;
}

static bool seen_before(const struct pn_log_bank *bank, unsigned run)
{
    for (unsigned i = 0; i < run; i++)
        if (bank->runs[i].sink == bank->runs[run].sink)
            return true;
    return false;
}

/* How much of the block the write that was under way has put into the file. */
static size_t already_written(const struct pn_log_segment *segment, const struct pn_log_bank *bank, const struct pn_log_sink *sink,
                              unsigned n_runs, pn_str block)
{
    uint64_t done = segment->writing_done, marked = 0;

    if (!done)
        return already_in_file(sink, segment->writing_from, pn_str_head(block, segment->writing_n));
    for (unsigned i = 0; i < n_runs; i++)
        if (bank->runs[i].sink == sink->number)
            marked += bank->runs[i].written;
    marked -= segment->writing_marked;
    return marked < done && done - marked <= block.n ? (size_t)(done - marked) : 0;
}

void pn_log_segment_recover(struct pn_log_segment *segment, struct pn_generation *generation)
{
    struct pn_log_bank *bank = &segment->banks[atomic_load_explicit(&segment->bank, memory_order_acquire) & 1];
    unsigned            n_runs = checked_runs(bank);
    uint32_t            writing = segment->writing_sink;

    for (unsigned i = 0; i < n_runs; i++) {
        struct pn_log_sink *sink = pn__log_sink_find(generation, bank->runs[i].sink);
        if (!sink || seen_before(bank, i))
            continue;
        pn_str block = collect(bank, i, n_runs);
        size_t done = sink->number == writing ? already_written(segment, bank, sink, n_runs, block) : 0;
        pn__log_sink_write_now(sink, pn_str_from(block, done));
        free((void *)(uintptr_t)block.p);
    }
    segment->writing_sink = 0;
    bank->n_runs = 0;
    bank->used = 0;
}
