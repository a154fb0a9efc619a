/* log_buffer.h - lines of all logs of one worker, in memory shared with the master, written at the end of a turn, by a busy loop every few milliseconds.
 *
 * The master makes a segment a worker before it forks; what a killed child left unwritten, the master writes.
 *
 * A segment has two banks; one is in use. A bank holds the lines one behind the other and a table of runs: consecutive lines of
 * one sink. A line is copied first; then its length is added to its run (or the run to the table) by one store with release
 * order, so whoever looks from outside sees a line whole or not at all. After a system call has taken bytes, the run's `written`
 * is advanced; when everything is written, the table is emptied. What could not be written is copied to the other bank
 * before the banks change places.
 *
 * What a kill at the worst moment can do: while the write system call runs, the lines are in the file and still in the segment. For
 * files the master then looks whether the end of the file holds them (log_recover.c) and writes only what is missing; other
 * writers that append in that very moment can hide it. Lines of a pipe or of syslog that were written in that moment are written
 * twice. No line whose commit has happened is lost, and none is torn. */
#ifndef PN_HTTP_LOG_BUFFER_H
#define PN_HTTP_LOG_BUFFER_H

#include <pinion/log.h>

struct pn_loop;
struct pn_log_segment; /* shared memory of one worker */

/** One in shared memory (NULL with errno): 1 MB of address space, of which a busy turn touches some pages. The master's. */
struct pn_log_segment *pn_log_segment_map(void);
void pn_log_segment_unmap(struct pn_log_segment *segment);
/** Uses this segment for the calling thread's lines from now on. NULL: a private one is made. */
void pn_log_buffer_attach(struct pn_log_segment *segment);
/** Writes what the calling thread has gathered; nothing to do costs nothing. Lines of lazy sinks may stay. */
void pn_log_buffer_flush(void);
/** At the end of a turn: writes what has been gathered, unless something was written less than `pace` ago; then the
 *  lines of the turns until that time has passed go out in one write. So a loop at leisure writes at once, and a busy one pays a
 *  system call for many requests. A kill loses nothing: the lines lie in shared memory meanwhile. */
void pn_log_buffer_turn(struct pn_loop *loop, pn_usec pace);
/** The pace of a loop that serves many connections, and of one that has a single one: its share of the requests is so small that
 *  the shorter pace would gather nothing. */
#define PN_LOG_PACE_USEC (5 * PN_USEC_PER_MSEC)
#define PN_LOG_PACE_OF_ONE_USEC (20 * PN_USEC_PER_MSEC)
/** Writes everything and lets go: before the thread's loop is closed. What can't be written stays in the segment for the master. */
void pn_log_buffer_release(void);
/** After the owner died: writes what it left, to the sinks of `generation`; the segment is empty then. */
void pn_log_segment_recover(struct pn_log_segment *segment, struct pn_generation *generation);

/** For a line that is made before its answer is sent, so that a kill between the two can't lose it: the position behind the last line,
 *  and going back to it. Taking back works until a fiber suspends or the turn ends; lines added since are gone. */
struct pn_log_mark {
    uint32_t round, n_runs, last_length, used;
};
struct pn_log_mark pn_log_buffer_mark(void);
void pn_log_buffer_take_back(struct pn_log_mark mark);

#endif
