/* log_segment.h - the form of the shared memory of log_buffer.h; for log_buffer.c and log_recover.c. */
#ifndef PN_HTTP_LOG_SEGMENT_H
#define PN_HTTP_LOG_SEGMENT_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "http/log_buffer.h"
#include "http/log_sink.h"

#define PN_LOG_SEGMENT_MAGIC 0x504c6f67u
#define PN_LOG_BANK_BYTES (464 * 1024)
#define PN_LOG_RUNS 3072

/** Consecutive lines of one sink. */
struct pn_log_run {
    uint32_t         sink;    /* its number */
    uint32_t         offset;  /* into the bank's data */
    _Atomic uint32_t length;  /* bytes of complete lines */
    _Atomic uint32_t written; /* of them, those that the kernel has taken */
};

struct pn_log_bank {
    _Atomic uint32_t  n_runs;
    uint32_t          used;   /* the owner's: bytes of data in use */
    struct pn_log_run runs[PN_LOG_RUNS];
    char              data[PN_LOG_BANK_BYTES];
};

struct pn_log_segment {
    uint32_t         magic;
    _Atomic uint32_t bank;         /* the one in use */
    /* The write to a file that is under way: */
    _Atomic uint32_t writing_sink; /* its number, 0: none */
    uint64_t         writing_from; /* the file was at least this long before */
    uint32_t         writing_n;    /* bytes given to the kernel: the first of the sink's unwritten ones */
    uint64_t         writing_marked; /* sum of `written` of the sink's runs before */
    _Atomic uint32_t writing_done; /* bytes that the kernel took, 0: not known yet; the marks follow */
    struct pn_log_bank banks[2];
};

static inline pn_str pn__log_run_rest(const struct pn_log_bank *bank, const struct pn_log_run *run)
{
    uint32_t written = atomic_load_explicit(&run->written, memory_order_relaxed);

    return pn_str_n(bank->data + run->offset + written, atomic_load_explicit(&run->length, memory_order_relaxed) - written);
}

#endif
