/* events.c - see events.h. */
#include "proc/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* Who waits longer waits for ever: poll() counts milliseconds in an int. */
#define LONGEST_WAIT_USEC (24 * 3600 * PN_USEC_PER_SEC)

/* The signals that the master acts on. */
static const int master_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD };

static int signal_pipe = -1; /* handlers have no argument */

static void on_signal(int number)
{
    int           error = errno;
    unsigned char byte = (unsigned char)number;

    /* A full pipe holds enough to wake the master, which then looks at everything. */
    (void)!write(signal_pipe, &byte, 1);
    errno = error;
}

void pn__signal_handle(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void pn__signals_block(sigset_t *ret_before)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, ret_before);
}

static void close_both(int fds[2])
{
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    fds[0] = fds[1] = -1;
}

pn_rc pn__events_open(struct pn_events *events)
{
    *events = (struct pn_events){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
    if (pipe2(events->signal_fds, O_CLOEXEC | O_NONBLOCK) != 0 ||
        pipe2(events->note_fds, O_CLOEXEC | O_NONBLOCK) != 0 ||
        pipe2(events->life_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        int error = errno;

        close_both(events->signal_fds);
        close_both(events->note_fds);
        errno = error;
        return PN_SYSTEM;
    }
    signal_pipe = events->signal_fds[1];
    for (size_t i = 0; i < PN_COUNT(master_signals); i++)
        pn__signal_handle(master_signals[i], on_signal);
    pn__signal_handle(SIGPIPE, SIG_IGN);
    pn__signal_handle(SIGXFSZ, SIG_IGN); /* a log at its size limit is an error of the write, not the end */
    return PN_OK;
}

void pn__events_leave(struct pn_events *events)
{
    for (size_t i = 0; i < PN_COUNT(master_signals); i++)
        pn__signal_handle(master_signals[i], SIG_DFL);
    close_both(events->signal_fds);
    signal_pipe = -1;
    close(events->note_fds[0]);
    close(events->life_fds[1]);
    events->note_fds[0] = events->life_fds[1] = -1;
}

void pn__events_wait(const struct pn_events *events, pn_usec wait_usec)
{
    struct pollfd fds[] = { { .fd = events->signal_fds[0], .events = POLLIN },
                            { .fd = events->note_fds[0], .events = POLLIN } };
    int           ms = -1;

    if (wait_usec < LONGEST_WAIT_USEC)
        ms = (int)((wait_usec + PN_USEC_PER_MSEC - 1) / PN_USEC_PER_MSEC);
    (void)poll(fds, PN_COUNT(fds), ms); /* interrupted: the pipe tells by what */
}

int pn__events_signal(const struct pn_events *events)
{
    unsigned char byte;

    return read(events->signal_fds[0], &byte, 1) == 1 ? byte : 0;
}

bool pn__events_note(const struct pn_events *events, struct pn_note *ret)
{
    return read(events->note_fds[0], ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

void pn__events_tell(const struct pn_events *events, enum pn_note_kind kind, unsigned index)
{
    struct pn_note note = { .kind = kind, .index = index };

    (void)!write(events->note_fds[1], &note, sizeof(note));
}
