/* daemon.c - leaving the terminal. See proc.h.
 *
 * The process that the shell waits for stays until the server is up, so that its exit code tells the truth; errors
 * of the start still reach the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/proc.h"

struct pn_daemon {
    int ready_fd; /* a byte in here lets the first process go */
};

/* In the process that the shell knows. */
PN_NORETURN static void wait_until_up(pid_t server, int fd)
{
    char    byte;
    ssize_t n;
    int     status = 0;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    waitpid(server, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

struct pn_daemon *pn_daemon_detach(apr_pool_t *pool)
{
    struct pn_daemon *self = apr_palloc(pool, sizeof(*self));
    int               fds[2];
    pid_t             pid;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return NULL;
    pid = fork();
    if (pid < 0) {
        int error = errno;

        close(fds[0]);
        close(fds[1]);
        errno = error;
        return NULL;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_until_up(pid, fds[0]);
    }
    close(fds[0]);
    setsid();
    (void)!chdir("/"); /* a daemon keeps no folder in use */
    self->ready_fd = fds[1];
    return self;
}

void pn_daemon_leave_terminal(struct pn_daemon *self, int error_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)self;
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(error_fd >= 0 ? error_fd : null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}

void pn_daemon_ready(struct pn_daemon *self)
{
    (void)!write(self->ready_fd, "", 1);
    close(self->ready_fd);
    self->ready_fd = -1;
}

void pn_daemon_child(struct pn_daemon *self)
{
    if (self->ready_fd >= 0)
        close(self->ready_fd);
}
