/* spawner.h - the master's hold of the helper process that starts programs (CGI scripts) for the children; see rt/spawn.h.
 *
 * The helper is forked before the children when a module has asked for it (pn_spawn_will_be_used), takes their identity,
 * and is started again when it dies. The master owns both ends of the channel, so requests wait in it meanwhile. */
#ifndef PN_PROC_SPAWNER_H
#define PN_PROC_SPAWNER_H

#include "proc/mpm_conf.h"
#include "rt/spawn.h"

struct pn_spawner {
    struct pn_spawn_channel channel;
    pid_t                   pid;   /* 0: it does not run */
    pn_usec                 born;
    pn_usec                 due;   /* when it is started (again); PN_NEVER: it runs, or is not wanted */
    bool                    open, keep_identity;
};

/** Starts the helper, if a module wants one and it does not run yet: before the first child, and again after a reload.
 *  @return PN_SYSTEM with errno when there can be none. */
PN_NODISCARD pn_rc pn__spawner_open(struct pn_spawner *spawner, struct pn_generation *generation, bool keep_identity, pn_usec now);
/** A process has ended. @return was it the helper? */
bool pn__spawner_ended(struct pn_spawner *spawner, struct pn_generation *generation, pid_t pid, int status, pn_usec now);
/** Starts it again when that is due. @return when to call again. */
pn_usec pn__spawner_look(struct pn_spawner *spawner, struct pn_generation *generation, pn_usec now);
/** Ends the helper and what it has started, and waits for it. Accepts a zeroed one. */
void pn__spawner_close(struct pn_spawner *spawner);

#endif
