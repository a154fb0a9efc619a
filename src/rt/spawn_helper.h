/* spawn_helper.h - one program to be started: what a request says, received and checked; between the helper's files. */
#ifndef PN_RT_SPAWN_HELPER_H
#define PN_RT_SPAWN_HELPER_H

#include <sys/types.h>

#include "rt/spawn_wire.h"

struct pn__launch {
    int          fds[PN__SPAWN_FDS_MAX]; /* as received; [0] is the handle; -1: none */
    int          output, input, errors;  /* of fds; -1: none */
    const char  *program, *directory;    /* directory NULL: stay */
    const char **argv, **envp;           /* one block, malloc'd */
    char        *strings;                /* malloc'd, or in the message */
    bool         own_strings;
    struct pn_resource_limit limits[PN_RESOURCE__COUNT];

    volatile int                 error;     /* out: why it could not be started */
    volatile enum pn__spawn_step failed_at;
};

/** Receives a request. @param message room for a head and PN__SPAWN_INLINE_BYTES.
 *  @return PN_OK; PN_AGAIN: nothing there; PN_EOF: no client is left; PN_BAD: not a request.
 *  *ret is filled so that pn__launch_release can be called in each case but PN_AGAIN and PN_EOF. */
PN_NODISCARD pn_rc pn__launch_receive(int channel, char *message, struct pn__launch *ret);
void pn__launch_release(struct pn__launch *launch);
/** Starts the program. @return its pid, or -1 with launch->error and launch->failed_at. */
pid_t pn__launch(struct pn__launch *launch);

#endif
