/* control.c - -k: signals to the server that runs. Words and exit codes are httpd's, since scripts know them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "main/boot.h"
#include "proc/proc.h"

static bool send_signal(pid_t pid, int number, int *ret_code)
{
    *ret_code = 0;
    if (kill(pid, number) != 0) {
        fprintf(stderr, "sending signal to server: %s\n", strerror(errno));
        *ret_code = 1;
    }
    return true;
}

static bool stop(enum pn_pid_state state, pid_t pid, int number, int *ret_code)
{
    if (state == PN_PID_RUNNING)
        return send_signal(pid, number, ret_code);
    if (state == PN_PID_STALE)
        printf("httpd (pid %ld?) not running\n", (long)pid);
    else
        printf("httpd (no pid file) not running\n");
    *ret_code = 0;
    return true;
}

static bool restart(enum pn_pid_state state, pid_t pid, int number, int *ret_code)
{
    if (state == PN_PID_RUNNING)
        return send_signal(pid, number, ret_code);
    printf("httpd not running, trying to start\n");
    fflush(stdout);
    return false;
}

bool pn_control(enum pn_verb verb, const char *pid_file, int *ret_code)
{
    pid_t             pid = 0;
    enum pn_pid_state state = pn_pidfile_read(pid_file, &pid);

    if (verb == PN_VERB_NONE)
        return false;
    if (state == PN_PID_BAD) {
        fprintf(stderr, "AH00101: the PidFile %s cannot be read or holds no process number\n", pid_file);
        *ret_code = 1;
        return true;
    }
    switch (verb) {
    case PN_VERB_STOP:
        return stop(state, pid, SIGTERM, ret_code);
    case PN_VERB_GRACEFUL_STOP:
        return stop(state, pid, SIGWINCH, ret_code);
    case PN_VERB_RESTART:
        return restart(state, pid, SIGHUP, ret_code);
    case PN_VERB_GRACEFUL:
        return restart(state, pid, SIGUSR1, ret_code);
    case PN_VERB_UPGRADE:
        return restart(state, pid, SIGUSR2, ret_code);
    case PN_VERB_START:
    case PN_VERB_NONE:
        break;
    }
    if (state != PN_PID_RUNNING)
        return false;
    printf("httpd (pid %ld) already running\n", (long)pid);
    *ret_code = 0;
    return true;
}
