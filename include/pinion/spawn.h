/* pinion/spawn.h - running programs: CGI scripts, `exec cmd`, programs of filters.
 *
 * A small helper process forks them, so that a server with gigabytes mapped never forks itself. A program leads a process
 * group of its own, inherits no descriptor but its three streams, and ends with the request at the latest: when its
 * pn_program goes with the pool, or this process dies, the whole group is ended. */
#ifndef PINION_SPAWN_H
#define PINION_SPAWN_H

#include <pinion/io.h>

enum pn_resource { PN_RESOURCE_CPU, PN_RESOURCE_MEMORY, PN_RESOURCE_PROCESSES, PN_RESOURCE__COUNT };

/** A resource limit: RLimitCPU (seconds), RLimitMEM (bytes), RLimitNPROC (processes). */
struct pn_resource_limit {
    bool     soft_set, hard_set;
    uint64_t soft, hard;         /* PN_RESOURCE_MAX: as much as there may be */
};
#define PN_RESOURCE_MAX UINT64_MAX

struct pn_spawn_request {
    const char        *program;   /* path, not searched for */
    const char *const *argv;      /* NULL-terminated, argv[0] included */
    const char *const *env;       /* "NAME=value", NULL-terminated: all of its environment */
    const char        *directory; /* its working directory; NULL: as the server's */
    const struct pn_resource_limit *limits; /* PN_RESOURCE__COUNT of them; may be NULL */
    bool with_input;              /* a pipe as standard input; else it reads an empty one */
    bool with_errors;             /* a pipe as standard error; else it shares the server's */
};

struct pn_program {
    struct pn_pipe *in;  /* written to; NULL without with_input. Close it to tell the end */
    struct pn_pipe *out; /* read from */
    struct pn_pipe *err; /* read from; NULL without with_errors */
};

/** How a program came to its end. */
struct pn_program_end {
    int         error;  /* not 0: it could not be started, an errno value */
    const char *step;   /* what failed then: "fork", "chdir", "exec"; static */
    int         pid;
    int         code;   /* what it returned, or the signal that killed it */
    bool        killed; /* by a signal */
};

/** Asks for a program to be started. Whether that worked is told by pn_program_result; until then, and when it did not, its
 *  output is at its end. Waits only while the helper process is behind with its work.
 *  @return PN_OK; PN_LIMIT (arguments and environment are over 4 MB); PN_TIMEOUT, PN_CANCELLED; PN_SYSTEM with errno. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_spawn(apr_pool_t *pool, const struct pn_spawn_request *request, struct pn_program **ret_program);
/** Waits at most `timeout` for the program's end; the same answer again when asked again.
 *  @return PN_OK; PN_TIMEOUT; PN_CANCELLED; PN_EOF: the helper process died, how the program ended is not known. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn_program_result(struct pn_program *program, pn_usec timeout, struct pn_program_end *ret_end);
/** Ends the process group: SIGTERM now, SIGKILL three seconds later, or soon after the program itself is gone. */
void pn_program_kill(struct pn_program *program);
/** The program did its work: closes the streams. It has a second to end by itself, then it is ended like
 *  above, but alone: what it left running in the background goes on. Accepts NULL; later calls do nothing. */
void pn_program_release(struct pn_program *program);

/** For post_config hooks of modules that call pn_spawn: the helper is started with the server. */
void pn_spawn_will_be_used(void);

#endif
