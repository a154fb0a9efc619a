/* crew.h - the serving threads of a child of the worker model, and how its main thread controls them.
 *
 * Each thread has a loop, an engine with its part of the caches, and one connection at a time; threads without one
 * wait at the listeners. They share the process's slot on the board, the file watch, and what the configuration's generation
 * holds. The main thread opens and closes the crew and asks it; a thread obeys at the end of its turn. */
#ifndef PN_PROC_CREW_H
#define PN_PROC_CREW_H

#include "proc/child.h"

/** Starts ThreadsPerChild threads, and waits until each accepts. Sets control->crew; the listeners are the crew's from then on.
 *  @return NULL, or what failed, with errno: the process has to end. */
const char *pn__crew_open(struct pn_child *control);
/** Asks all threads: PN__ASKED_* bits. The main thread's. */
void pn__crew_ask(struct pn_crew *crew, unsigned what);
/** Asks them to end at once; the main thread's loop stops when they have, or when their time is over. */
void pn__crew_stop(struct pn_crew *crew);
/** Joins the threads and frees the crew. @return false: some have not ended, or left fibers; nothing is freed. */
bool pn__crew_close(struct pn_crew *crew);

/** What the main thread goes by. */
struct pn_child *pn__crew_control(const struct pn_crew *crew);
/** A thread has left the listeners; the last one closes them. */
void pn__crew_left_listeners(struct pn_crew *crew);
/** @return true for the first thread that says so. Any thread. */
bool pn__crew_says_enough(struct pn_crew *crew);

#endif
