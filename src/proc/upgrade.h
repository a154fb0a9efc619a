/* upgrade.h - another program takes a running server over: it inherits the listening sockets, the locked PidFile and the pipe
 * of notes, and when its first child serves, the earlier master lets its own children finish and ends.
 *
 * The earlier program hands over by the environment: LISTEN_FDS as socket activation does, and HANDOVER for the
 * rest. Until the new one has said that it serves, nothing has changed for the earlier one. */
#ifndef PN_PROC_UPGRADE_H
#define PN_PROC_UPGRADE_H

#include "proc/master_state.h"

/* ---- the earlier master ---- */

/** Starts the program of the same path with the same arguments. Failures are logged and change nothing. */
void pn__upgrade_begin(struct pn_master *master);
/** A process has ended. @return true when it was the new program before it served: logged, the server goes on. */
bool pn__upgrade_ended(struct pn_master *master, pid_t pid, int status);
/** The new program serves: the PidFile and the service manager's attention are its own now. */
void pn__upgrade_done(struct pn_master *master);

/* ---- the new one ---- */

/** Its first child serves: says so to the earlier master. */
void pn__upgrade_tell(const struct pn_handover *handover);

#endif
