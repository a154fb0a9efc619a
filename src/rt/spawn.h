/* spawn.h - the two sides of running programs: the channel that children write to, and the helper process behind it.
 *
 * The channel is one SOCK_SEQPACKET pair. Its client end is shared by every process of the server; each request is one
 * message that carries the descriptors it needs, so a helper that died is replaced by another on the same pair and
 * nobody notices but the requests at hand. Who owns the pair: the master (src/proc/spawner.c), or, where there is none,
 * the process itself. */
#ifndef PN_RT_SPAWN_H
#define PN_RT_SPAWN_H

#include <pinion/spawn.h>
#include <sys/types.h>

struct pn_spawn_channel {
    int client, helper; /* -1: not open */
};

/** Both ends non-blocking and close-on-exec. */
PN_NODISCARD pn_rc pn_spawn_channel_open(struct pn_spawn_channel *channel);
/** Accepts a closed one. */
void pn_spawn_channel_close(struct pn_spawn_channel *channel);
/** From now on pn_spawn of this process writes to the channel (its client end stays the owner's). NULL: to none; then the
 *  first pn_spawn starts a helper of this process's own. */
void pn_spawn_use(const struct pn_spawn_channel *channel);
/** Has a module said that it will call pn_spawn? */
bool pn_spawn_is_wanted(void);
/** Ends the helper that this process started by itself, if any. For tests and the end of a single process. */
void pn_spawn_shutdown(void);

/** Runs in the helper process: gives up rights. Not called by a process's own helper. */
typedef void pn_spawn_identity_fn(void *arg);
/** Forks the helper. No thread may be running but the caller's.
 *  @param become may be NULL.  @return its pid, or -1 with errno. */
pid_t pn_spawn_helper_start(const struct pn_spawn_channel *channel, pn_spawn_identity_fn *become, void *arg);

#endif
