/* log_buffer.h - lines of all logs of one worker, in memory shared with the master, written once a loop turn.
 *
 * The master makes a segment a worker before it forks; what a killed child left unwritten, the master writes. */
#ifndef PN_HTTP_LOG_BUFFER_H
#define PN_HTTP_LOG_BUFFER_H

#include <pinion/log.h>

struct pn_log_segment; /* shared memory of one worker */

/** Bytes of a segment, and one made in shared memory (NULL with errno). The master's. */
struct pn_log_segment *pn_log_segment_map(void);
void pn_log_segment_unmap(struct pn_log_segment *segment);
/** Uses this segment for the calling thread's lines from now on. NULL: a private one is made. */
void pn_log_buffer_attach(struct pn_log_segment *segment);
/** Writes what the calling thread has gathered; nothing to do costs nothing. */
void pn_log_buffer_flush(void);
/** After the owner died: writes what it left, to the sinks of `generation`. */
void pn_log_segment_recover(struct pn_log_segment *segment, struct pn_generation *generation);

#endif
