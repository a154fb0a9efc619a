/* log_program.c - the programs that read logs from a pipe: started, watched and ended by the master.
 *
 * Workload: a handful of programs that live as long as the server. The list of running programs belongs to the process
 * that started them (the master) and is not touched elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "http/core_conf.h"
#include "http/log_sink.h"

#define PN_LOG_MODULE &pn_module_core

#define SHORT_LIFE_USEC PN_USEC_PER_SEC
#define FIRST_PAUSE_USEC (PN_USEC_PER_SEC / 4)
#define LONGEST_PAUSE_USEC (60 * PN_USEC_PER_SEC)
#define END_WAIT_MS 500

struct pn_log_program {
    struct pn_log_program *next, **link; /* of those this process watches; link NULL: not started */
    const char            *command;
    char                 **argv;
    int                    read_fd, write_fd; /* -1: closed */
    pid_t                  owner;  /* the process that started it */
    pid_t                  pid;    /* 0: not running */
    pn_usec                started, due, pause; /* monotonic; due: when to start again, 0: no */
};

static struct pn_log_program *watched;

static pn_usec now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * PN_USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* ---- before the start ---- */

/* Text that means something to a shell only: it is given to one, as the manual's examples with redirections expect. */
static bool needs_shell(pn_str command)
{
    for (size_t i = 0; i < command.n; i++)
        if (strchr("|&;<>()$`*?[]#~\n", command.p[i]))
            return true;
    return false;
}

static char **shell_argv(apr_pool_t *pool, pn_str command)
{
    char **argv = apr_pcalloc(pool, 4 * sizeof(char *));

    argv[0] = apr_pstrdup(pool, "/bin/sh");
    argv[1] = apr_pstrdup(pool, "-c");
    argv[2] = pn_str_zdup(pool, command);
    return argv;
}

const char *pn__log_program_prepare(apr_pool_t *pool, struct pn_log_sink *sink, pn_str command)
{
    struct pn_log_program *program = apr_pcalloc(pool, sizeof(*program));
    bool                   shell = command.n && command.p[0] == '$';
    int                    fds[2];

    if (shell || (command.n && command.p[0] == '|'))
        command = pn_str_from(command, 1);
    command = pn_str_trim(command);
    if (command.n == 0)
        return "a log that begins with | needs the program's name behind it";
    program->command = pn_str_zdup(pool, command);
    if (shell || needs_shell(command))
        program->argv = shell_argv(pool, command);
    else if (apr_tokenize_to_argv(program->command, &program->argv, pool) != APR_SUCCESS || !program->argv[0])
        return pn_str_printf(pool, "the command '%s' can't be taken apart", program->command).p;
    if (strchr(program->argv[0], '/') && access(program->argv[0], X_OK) < 0)
        return pn_str_printf(pool, "the log program %s can't be run: %s", program->argv[0], strerror(errno)).p;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return pn_str_printf(pool, "no pipe for the log program: %s", strerror(errno)).p;
    /* Ours must never stop a loop; the program's end stays as programs expect it. */
    if (fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0)
        return pn_str_printf(pool, "the pipe of the log program: %s", strerror(errno)).p;
    program->read_fd = fds[0];
    program->write_fd = fds[1];
    sink->program = program;
    sink->fd = fds[1];
    return NULL;
}

/* ---- life ---- */

static int spawn(struct pn_log_program *program)
{
    extern char             **environ;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attr;
    sigset_t                   none, all;
    int                        error;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    error = posix_spawn_file_actions_adddup2(&actions, program->read_fd, STDIN_FILENO);
    /* A group of its own: Ctrl-C for the server lets the program read its input to the end. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    if (!error)
        error = posix_spawnp(&program->pid, program->argv[0], &actions, &attr, program->argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        program->pid = 0;
    program->started = now_usec();
    program->due = 0;
    return error;
}

static void watch(struct pn_log_program *program)
{
    program->owner = getpid();
    program->next = watched;
    if (watched)
        watched->link = &program->next;
    program->link = &watched;
    watched = program;
}

static void unwatch(struct pn_log_program *program)
{
    if (!program->link)
        return;
    *program->link = program->next;
    if (program->next)
        program->next->link = program->link;
    program->link = NULL;
}

pn_rc pn_log_pipes_start(struct pn_generation *generation, const char **ret_error)
{
    for (struct pn_log_sink *s = pn__log_sinks(generation); s; s = s->next) {
        struct pn_log_program *program = s->program;
        if (!program || program->link)
            continue;
        int error = spawn(program);
        if (error) {
            *ret_error = pn_str_printf(generation->pool, "the log program '%s' could not be started: %s", program->command,
                                       strerror(error)).p;
            return PN_SYSTEM;
        }
        watch(program);
    }
    return PN_OK;
}

static void plan_restart(struct pn_log_program *program, pn_usec now)
{
    if (now - program->started >= SHORT_LIFE_USEC)
        program->pause = 0;
    program->due = now + program->pause;
    program->pause = program->pause ? program->pause * 2 : FIRST_PAUSE_USEC;
    if (program->pause > LONGEST_PAUSE_USEC)
        program->pause = LONGEST_PAUSE_USEC;
}

bool pn_log_pipes_reap(pid_t pid, int status)
{
    struct pn_log_program *program = watched;
    pn_usec                now = now_usec();

    while (program && program->pid != pid)
        program = program->next;
    if (!program)
        return false;
    program->pid = 0;
    if (program->write_fd < 0) { /* it read its input to the end */
        unwatch(program);
        return true;
    }
    if (WIFSIGNALED(status))
        PN_LOG_S(NULL, PN_LOG_ERR, 106, 0, "the log program '%s' was ended by signal %d, starting it again", program->command,
                 WTERMSIG(status));
    else
        PN_LOG_S(NULL, PN_LOG_ERR, 106, 0, "the log program '%s' ended with code %d, starting it again", program->command,
                 WEXITSTATUS(status));
    plan_restart(program, now);
    pn_log_pipes_tick(now);
    return true;
}

pn_usec pn_log_pipes_tick(pn_usec now)
{
    pn_usec next = PN_NEVER;

    for (struct pn_log_program *program = watched; program; program = program->next) {
        if (program->pid || !program->due)
            continue;
        if (program->due <= now) {
            int error = spawn(program);
            if (error) {
                PN_LOG_S(NULL, PN_LOG_ERR, 105, error, "the log program '%s' could not be started", program->command);
                plan_restart(program, now);
            }
        }
        if (program->due && program->due < next)
            next = program->due;
    }
    return next;
}

/* ---- the end ---- */

static void close_pipe(struct pn_log_program *program)
{
    if (program->write_fd >= 0)
        close(program->write_fd);
    if (program->read_fd >= 0)
        close(program->read_fd);
    program->write_fd = program->read_fd = -1;
    program->due = 0;
    if (!program->pid)
        unwatch(program);
}

void pn_log_pipes_stop(struct pn_generation *generation)
{
    for (struct pn_log_sink *s = pn__log_sinks(generation); s; s = s->next)
        if (s->program) {
            close_pipe(s->program);
            s->fd = -1;
        }
}

/* The end of its input lets a program end by itself; what does not is asked to. */
static void end_program(struct pn_log_program *program)
{
    struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

    for (int waited_ms = 0; waited_ms < END_WAIT_MS; waited_ms += 10) {
        if (waitpid(program->pid, NULL, WNOHANG) != 0)
            return;
        nanosleep(&pause, NULL);
    }
    kill(program->pid, SIGTERM);
}

void pn__log_program_release(struct pn_log_program *program)
{
    bool mine = program->link && program->owner == getpid();

    if (program->write_fd >= 0)
        close(program->write_fd);
    if (program->read_fd >= 0)
        close(program->read_fd);
    program->write_fd = program->read_fd = -1;
    if (mine && program->pid)
        end_program(program);
    if (mine)
        unwatch(program);
}
