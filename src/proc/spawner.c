/* spawner.c - see spawner.h. */
#include "proc/spawner.h"

#include <errno.h>
#include <pinion/log.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/events.h"
#include "proc/identity.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* One that dies young is not started again at once: what killed it would kill it again. */
#define SHORT_LIFE_USEC PN_USEC_PER_SEC

/* In the helper. What goes wrong is on standard error, which is the error log or the terminal. */
static void become(void *arg)
{
    const char *failed = pn__identity_take(pn_unixd_conf(arg));

    if (failed)
        _exit(1);
}

static pn_rc start(struct pn_spawner *spawner, struct pn_generation *generation, pn_usec now)
{
    sigset_t mask;

    pn__signals_block(&mask); /* a signal for the master must not be taken in by the helper */
    pid_t pid = pn_spawn_helper_start(&spawner->channel, spawner->keep_identity ? NULL : become, generation);
    int   error = errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    errno = error;
    if (pid < 0) {
        spawner->due = now + SHORT_LIFE_USEC;
        return PN_SYSTEM;
    }
    spawner->pid = pid;
    spawner->born = now;
    spawner->due = PN_NEVER;
    return PN_OK;
}

pn_rc pn__spawner_open(struct pn_spawner *spawner, struct pn_generation *generation, bool keep_identity, pn_usec now)
{
    if (spawner->open || !pn_spawn_is_wanted()) {
        spawner->due = spawner->open ? spawner->due : PN_NEVER;
        return PN_OK;
    }
    if (pn_spawn_channel_open(&spawner->channel) != PN_OK)
        return PN_SYSTEM;
    spawner->open = true;
    spawner->keep_identity = keep_identity;
    pn_spawn_use(&spawner->channel);
    return start(spawner, generation, now);
}

bool pn__spawner_ended(struct pn_spawner *spawner, struct pn_generation *generation, pid_t pid, int status, pn_usec now)
{
    if (!spawner->open || pid != spawner->pid)
        return false;
    PN_LOG_S(generation->servers, PN_LOG_ERR, 20600, 0, "the process that starts programs (pid %ld) ended by %s %d: another is started",
             (long)pid, WIFSIGNALED(status) ? "signal" : "code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    spawner->pid = 0;
    spawner->due = now - spawner->born < SHORT_LIFE_USEC ? now + SHORT_LIFE_USEC : now;
    return true;
}

pn_usec pn__spawner_look(struct pn_spawner *spawner, struct pn_generation *generation, pn_usec now)
{
    if (!spawner->open)
        return PN_NEVER;
    if (now >= spawner->due && start(spawner, generation, now) != PN_OK)
        PN_LOG_S(generation->servers, PN_LOG_ERR, 20601, errno, "the process that starts programs cannot be made");
    return spawner->due;
}

void pn__spawner_close(struct pn_spawner *spawner)
{
    if (!spawner->open)
        return;
    pn_spawn_use(NULL);
    pn_spawn_channel_close(&spawner->channel);
    spawner->open = false;
    if (spawner->pid == 0)
        return;
    kill(spawner->pid, SIGTERM); /* children that were killed may not have let go of the channel */
    while (waitpid(spawner->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    spawner->pid = 0;
}
