/* upgrade.c - see upgrade.h. */
#include "proc/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <pinion/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PN_LOG_MODULE &pn_module_mpm_common

#define HANDOVER "PINION_HANDOVER"

enum { FIRST_FD = 3, NUMBER_MAX = 32 };

static struct pn_server *main_server(const struct pn_master *master)
{
    return master->generation->servers;
}

/* ---- in the process that becomes the new program ---- */

static void set_number(const char *name, long long value)
{
    char text[NUMBER_MAX];

    snprintf(text, sizeof(text), "%lld", value);
    setenv(name, text, 1);
}

/* Appends a copy that lies above all places where descriptors are wanted. */
static void push_copy(apr_array_header_t *fds, int fd, int above)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, above);

    if (copy < 0)
        _exit(errno);
    *(int *)apr_array_push(fds) = copy;
}

static unsigned count_sockets(const struct pn_listener *list)
{
    unsigned n = 0;

    for (; list; list = list->next)
        n += 1 + list->n_more;
    return n;
}

/* Sockets first, from descriptor 3 on, then the PidFile and the pipe. */
static void place_descriptors(const struct pn_master *master, unsigned n_sockets)
{
    int                 above = FIRST_FD + (int)n_sockets + 2;
    apr_array_header_t *fds = apr_array_make(master->pool, above, sizeof(int));
    char                handover[2 * NUMBER_MAX];

    for (const struct pn_listener *one = master->conf->listeners; one; one = one->next) {
        push_copy(fds, one->fd, above);
        for (unsigned i = 0; i < one->n_more; i++)
            push_copy(fds, one->more[i], above);
    }
    push_copy(fds, master->events.note_fds[1], above);
    if (master->pid_file.path)
        push_copy(fds, master->pid_file.fd, above);
    for (int i = 0; i < fds->nelts; i++)
        if (dup2(APR_ARRAY_IDX(fds, i, int), FIRST_FD + i) < 0)
            _exit(errno);
    snprintf(handover, sizeof(handover), "%u %d", FIRST_FD + n_sockets,
             master->pid_file.path ? FIRST_FD + (int)n_sockets + 1 : -1);
    setenv(HANDOVER, handover, 1);
}

/* What was taken out of the environment at our own start. */
static void restore_environment(const struct pn_master *master, unsigned n_sockets)
{
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", n_sockets);
    if (!master->notify.socket)
        return;
    setenv("NOTIFY_SOCKET", master->notify.socket, 1);
    if (master->notify.watchdog == PN_NEVER)
        return;
    set_number("WATCHDOG_USEC", (long long)master->notify.watchdog * 2);
    set_number("WATCHDOG_PID", getpid());
}

/* Its exit code is an errno value. */
PN_NORETURN static void become_program(struct pn_master *master, const sigset_t *mask)
{
    const struct pn_start *start = master->options->start;
    unsigned               n_sockets = count_sockets(master->conf->listeners);

    pn__events_leave(&master->events); /* a signal is not for the earlier master any more */
    pn__signal_handle(SIGPIPE, SIG_DFL); /* what is ignored would stay so */
    pn__signal_handle(SIGXFSZ, SIG_DFL);
    if (start->directory_fd >= 0 && fchdir(start->directory_fd) != 0)
        _exit(errno);
    place_descriptors(master, n_sockets); /* over others, the directory's perhaps */
    restore_environment(master, n_sockets);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execv(start->program, start->argv);
    _exit(errno);
}

/* ---- the earlier master ---- */

void pn__upgrade_begin(struct pn_master *master)
{
    sigset_t mask;
    pid_t    pid;

    if (!master->options->start || master->upgrade_pid) {
        PN_LOG_S(main_server(master), PN_LOG_WARNING, 20951, 0, "no other program is started: %s",
                 master->upgrade_pid ? "one is just about to begin" : "this one was not started as a server");
        return;
    }
    PN_LOG_S(main_server(master), PN_LOG_NOTICE, 20952, 0, "SIGUSR2 received: %s takes over",
             master->options->start->program);
    pn__signals_block(&mask);
    pid = fork();
    if (pid == 0)
        become_program(master, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0) {
        PN_LOG_S(main_server(master), PN_LOG_ERR, 20953, errno, "no process for the new program: this one serves on");
        return;
    }
    master->upgrade_pid = pid;
    pn__notify_reloading(&master->notify);
}

bool pn__upgrade_ended(struct pn_master *master, pid_t pid, int status)
{
    bool by_signal = WIFSIGNALED(status);

    if (pid != master->upgrade_pid)
        return false;
    master->upgrade_pid = 0;
    if (master->handed_over)
        return true; /* it served, and has been told to end since */
    PN_LOG_S(main_server(master), PN_LOG_ERR, 20953, 0, "the new program (pid %ld) ended by %s %d before it served: this one serves on",
             (long)pid, by_signal ? "signal" : "code", by_signal ? WTERMSIG(status) : WEXITSTATUS(status));
    pn__notify_send(&master->notify, "READY=1\nSTATUS=The new program did not start: the old one serves");
    return true;
}

void pn__upgrade_done(struct pn_master *master)
{
    char lines[80];

    if (!master->upgrade_pid || master->handed_over)
        return;
    master->handed_over = true;
    PN_LOG_S(main_server(master), PN_LOG_NOTICE, 20954, 0, "the new program (pid %ld) serves: this one finishes what it has",
             (long)master->upgrade_pid);
    snprintf(lines, sizeof(lines), "MAINPID=%ld\nREADY=1\nSTATUS=Serving", (long)master->upgrade_pid);
    pn__notify_send(&master->notify, lines);
    pn__pidfile_leave(&master->pid_file);
}

/* ---- the new one ---- */

static bool take_number(pn_str *text, int *ret)
{
    pn_str   word = pn_str_cut(*text, ' ', text);
    uint64_t value;

    if (pn_str_to_u64(word, INT32_MAX, &value) != PN_OK)
        return false;
    *ret = (int)value;
    return true;
}

bool pn_handover_from_environment(struct pn_handover *ret)
{
    const char *value = getenv(HANDOVER), *for_pid = getenv("LISTEN_PID");
    pn_str      text = value ? pn_str_z(value) : PN_STR("");
    uint64_t    pid;

    *ret = (struct pn_handover){ .note_fd = -1, .pid_file_fd = -1 };
    unsetenv(HANDOVER);
    if (!for_pid || pn_str_to_u64(pn_str_z(for_pid), INT32_MAX, &pid) != PN_OK || pid != (uint64_t)getpid() ||
        !take_number(&text, &ret->note_fd))
        return false;
    if (fcntl(ret->note_fd, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    if (take_number(&text, &ret->pid_file_fd))
        fcntl(ret->pid_file_fd, F_SETFD, FD_CLOEXEC);
    return true;
}

void pn__upgrade_tell(const struct pn_handover *handover)
{
    struct pn_note note = { .kind = PN_NOTE_UPGRADED };

    if (!handover || handover->note_fd < 0)
        return;
    (void)!write(handover->note_fd, &note, sizeof(note));
    close(handover->note_fd);
}
