/* spawn_launch.c - a request for a program: received from the channel, checked, started. In the helper process. */
#include "rt/spawn_helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- receiving ---- */

static void take_descriptors(struct msghdr *message, struct pn__launch *launch)
{
    for (unsigned i = 0; i < PN__SPAWN_FDS_MAX; i++)
        launch->fds[i] = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(launch->fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0)); /* bounded by the room for control data */
}

/* Which descriptor is which. @return the file of strings, -1 when there is none, -2 when one is missing. */
static int name_descriptors(struct pn__launch *launch, uint32_t flags)
{
    unsigned n = 1;
    int      strings = -1;

    launch->output = launch->fds[n++];
    launch->input = flags & PN__SPAWN_HAS_INPUT ? launch->fds[n++] : -1;
    launch->errors = flags & PN__SPAWN_HAS_ERRORS ? launch->fds[n++] : -1;
    if (flags & PN__SPAWN_STRINGS_IN_FILE)
        strings = launch->fds[n++];
    return launch->fds[n - 1] < 0 ? -2 : strings;
}

static bool read_strings(int fd, char *to, size_t n)
{
    size_t at = 0;

    while (at < n) {
        ssize_t got = pread(fd, to + at, n - at, (off_t)at);
        if (got <= 0 && (got == 0 || errno != EINTR))
            return false;
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* The next of the strings. NULL: there is none. */
static const char *next_string(const char **at, const char *end)
{
    const char *text = *at;
    const char *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

    if (!nul)
        return NULL;
    *at = nul + 1;
    return text;
}

static bool split_strings(struct pn__launch *launch, const struct pn__spawn_head *head)
{
    const char *at = launch->strings, *end = at + head->strings_bytes;

    if (head->argc > head->strings_bytes || head->envc > head->strings_bytes || head->argc == 0)
        return false;
    launch->argv = calloc((size_t)head->argc + head->envc + 2, sizeof(*launch->argv));
    if (!launch->argv)
        return false;
    launch->envp = launch->argv + head->argc + 1;
    launch->program = next_string(&at, end);
    launch->directory = next_string(&at, end);
    if (!launch->program || !launch->directory)
        return false;
    if (!(head->flags & PN__SPAWN_HAS_DIRECTORY))
        launch->directory = NULL;
    for (uint32_t i = 0; i < head->argc; i++)
        if (!(launch->argv[i] = next_string(&at, end)))
            return false;
    for (uint32_t i = 0; i < head->envc; i++)
        if (!(launch->envp[i] = next_string(&at, end)))
            return false;
    return true;
}

static pn_rc understand(struct pn__launch *launch, char *message, size_t n)
{
    struct pn__spawn_head head;

    if (n < sizeof(head))
        return PN_BAD;
    memcpy(&head, message, sizeof(head));
    int file = name_descriptors(launch, head.flags);
    if (head.magic != PN__SPAWN_MAGIC || file == -2 || head.strings_bytes > PN__SPAWN_STRINGS_MAX)
        return PN_BAD;
    if (file >= 0) {
        launch->own_strings = true;
        launch->strings = malloc(head.strings_bytes + 1);
        if (!launch->strings || !read_strings(file, launch->strings, head.strings_bytes))
            return PN_BAD;
    }
    else {
        launch->strings = message + sizeof(head);
        if (n - sizeof(head) != head.strings_bytes)
            return PN_BAD;
    }
    memcpy(launch->limits, head.limits, sizeof(launch->limits));
    return split_strings(launch, &head) ? PN_OK : PN_BAD;
}

pn_rc pn__launch_receive(int channel, char *message, struct pn__launch *ret)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(sizeof(int) * PN__SPAWN_FDS_MAX)];
    } control;
    struct iovec  iov = { message, sizeof(struct pn__spawn_head) + PN__SPAWN_INLINE_BYTES };
    struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes) };
    ssize_t       n = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return PN_AGAIN;
    if (n == 0)
        return PN_EOF;
    *ret = (struct pn__launch){ .output = -1, .input = -1, .errors = -1 };
    take_descriptors(&header, ret);
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return PN_BAD;
    return understand(ret, message, (size_t)n);
}

void pn__launch_release(struct pn__launch *launch)
{
    for (unsigned i = 0; i < PN__SPAWN_FDS_MAX; i++)
        if (launch->fds[i] >= 0)
            close(launch->fds[i]);
    free(launch->argv);
    if (launch->own_strings)
        free(launch->strings);
}

/* ---- starting; from here to exec only what is safe after vfork ---- */

/* What a program may have more of than the helper has is not for it to give: then as much as there is. */
static int set_limit(int resource, const struct pn_resource_limit *limit)
{
    struct rlimit now;

    if (!limit->soft_set)
        return 0;
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
        return -1;
    if (limit->hard_set && limit->hard < now.rlim_max)
        now.rlim_max = limit->hard;
    now.rlim_cur = limit->soft < now.rlim_max ? limit->soft : now.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &now);
}

static int set_limits(const struct pn__launch *launch)
{
    static const int resources[PN_RESOURCE__COUNT] = {
        [PN_RESOURCE_CPU] = RLIMIT_CPU, [PN_RESOURCE_MEMORY] = RLIMIT_AS, [PN_RESOURCE_PROCESSES] = RLIMIT_NPROC
    };

    for (unsigned i = 0; i < PN_RESOURCE__COUNT; i++)
        if (set_limit(resources[i], &launch->limits[i]) != 0)
            return -1;
    return 0;
}

PN_NORETURN static void fail(struct pn__launch *launch, enum pn__spawn_step at)
{
    launch->error = errno; /* memory is shared until exec */
    launch->failed_at = at;
    _exit(127);
}

PN_NORETURN static void become(struct pn__launch *launch)
{
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* should the helper itself be killed */
    if (dup2(launch->input, 0) < 0 || dup2(launch->output, 1) < 0 || (launch->errors >= 0 && dup2(launch->errors, 2) < 0))
        fail(launch, PN__SPAWN_FORK);
    (void)close_range(3, ~0u, 0); /* where the kernel has none: all of them are close-on-exec */
    if (launch->directory && chdir(launch->directory) != 0)
        fail(launch, PN__SPAWN_CHDIR);
    if (set_limits(launch) != 0)
        fail(launch, PN__SPAWN_LIMITS);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(launch->program, (char *const *)(uintptr_t)launch->argv, (char *const *)(uintptr_t)launch->envp);
    fail(launch, PN__SPAWN_EXEC);
}

pid_t pn__launch(struct pn__launch *launch)
{
    launch->error = 0;
    pid_t pid = vfork();
    if (pid == 0)
        become(launch);
    if (pid < 0) {
        launch->error = errno;
        launch->failed_at = PN__SPAWN_FORK;
        return -1;
    }
    if (launch->error) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        return -1;
    }
    return pid;
}
