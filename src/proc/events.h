/* events.h - how the master hears: of signals, and of what its children tell.
 *
 * Handlers write a signal's number to a pipe of the master's own; children write notes to another. Both are read
 * in one place. A third pipe says nothing: a child reads its end when the master is dead. */
#ifndef PN_PROC_EVENTS_H
#define PN_PROC_EVENTS_H

#include <signal.h>
#include <pinion/str.h>

enum pn_note_kind {
    PN_NOTE_READY = 1, /* the child accepts connections */
    PN_NOTE_BUSY,      /* prefork: it took a connection and saw no idle child left */
    PN_NOTE_UPGRADED,  /* from another master: it serves in this one's place */
    PN_NOTE_LEAVING    /* it has had its MaxConnectionsPerChild and drains by itself */
};

/** Written whole, so that notes of several children do not mix. */
struct pn_note {
    uint32_t kind;  /* enum pn_note_kind */
    uint32_t index; /* of the child's slot */
};

struct pn_events {
    int signal_fds[2], note_fds[2], life_fds[2]; /* read, write */
};

/** Makes the pipes and installs the handlers. One a process. @return PN_OK or PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__events_open(struct pn_events *events);
/** Waits for something to read, at most `wait_usec` (PN_NEVER: for ever). */
void pn__events_wait(const struct pn_events *events, pn_usec wait_usec);
/** The next signal number that came in, or 0. */
int pn__events_signal(const struct pn_events *events);
/** The next note. @return false: none. */
bool pn__events_note(const struct pn_events *events, struct pn_note *ret);
/** In a child: closes what is the master's, and forgets the handlers. Signals must be blocked since before the fork. */
void pn__events_leave(struct pn_events *events);
/** From a child. A full pipe drops the note: the master looks around once a second anyway. */
void pn__events_tell(const struct pn_events *events, enum pn_note_kind kind, unsigned index);

/** Blocks all signals; gives the mask to restore. */
void pn__signals_block(sigset_t *ret_before);
/** Installs a handler that lets system calls go on. */
void pn__signal_handle(int number, void (*handler)(int));

#endif
