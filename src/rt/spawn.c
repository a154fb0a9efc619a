/* spawn.c - the asking side of running programs: requests to the helper process, and the handle of each program.
 *
 * A child's descriptors are pipes of the request's pool. What was asked for is not waited for: a failure to start shows
 * as an output at its end, and pn_program_result says why. */
#include "rt/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pinion/buf.h>

#include "rt/fiber.h"
#include "rt/spawn_wire.h"

#define CHANNEL_WAIT_USEC (10 * PN_USEC_PER_SEC) /* for the helper to take what others have sent */
#define CHANNEL_RETRY_USEC (10 * PN_USEC_PER_MSEC)
#define CHANNEL_BYTES (4 * 1024 * 1024)          /* about five hundred requests */

/* What pn_spawn makes. */
struct child {
    struct pn_program     pub;
    struct pn_pipe     *handle;
    bool                over;  /* an order was sent */
    bool                known; /* end is written */
    struct pn_program_end end;
};

/* A process has one channel, made before its threads. */
static struct {
    struct pn_spawn_channel channel;
    bool                    open, own; /* own: this process started the helper itself */
    pid_t                   own_pid;
} the = { .channel = { -1, -1 } };

static bool wanted;

/* Fibers of this thread's loop that wait for room in the channel. */
static _Thread_local unsigned waiting;

void pn_spawn_will_be_used(void)
{
    wanted = true;
}

bool pn_spawn_is_wanted(void)
{
    return wanted;
}

/* ---- channel ---- */

pn_rc pn_spawn_channel_open(struct pn_spawn_channel *channel)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return PN_SYSTEM;
    *channel = (struct pn_spawn_channel){ .client = pair[0], .helper = pair[1] };
    int bytes = CHANNEL_BYTES; /* more than the system's maximum only for root; less will do, too */
    if (setsockopt(channel->client, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
        (void)setsockopt(channel->client, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return PN_OK;
}

void pn_spawn_channel_close(struct pn_spawn_channel *channel)
{
    if (channel->client >= 0)
        close(channel->client);
    if (channel->helper >= 0)
        close(channel->helper);
    *channel = (struct pn_spawn_channel){ -1, -1 };
}

void pn_spawn_use(const struct pn_spawn_channel *channel)
{
    the.open = channel != NULL;
    the.own = false;
    the.channel = channel ? *channel : (struct pn_spawn_channel){ -1, -1 };
}

void pn_spawn_shutdown(void)
{
    if (!the.own)
        return;
    pn_spawn_channel_close(&the.channel);
    while (waitpid(the.own_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    the.own = the.open = false;
}

/* Without a master the process has a helper of its own, which ends when this end of the channel closes. */
static pn_rc open_own(void)
{
    struct pn_spawn_channel channel;

    if (the.own)
        pn_spawn_shutdown();
    if (pn_spawn_channel_open(&channel) != PN_OK)
        return PN_SYSTEM;
    pid_t pid = pn_spawn_helper_start(&channel, NULL, NULL);
    if (pid < 0) {
        int error = errno;
        pn_spawn_channel_close(&channel);
        errno = error;
        return PN_SYSTEM;
    }
    close(channel.helper);
    channel.helper = -1;
    the.channel = channel;
    the.own_pid = pid;
    the.open = the.own = true;
    return PN_OK;
}

struct channel_wait {
    struct pn_io        io;
    struct pn_io_waiter waiter;
};

static void on_channel(struct pn_io *io, unsigned events)
{
    struct channel_wait *wait = PN_CONTAINER(io, struct channel_wait, io);

    pn_io_waiter_ready(&wait->waiter, io, events);
}

/* On a descriptor of its own, since others may wait for the shared one in the same loop. */
PN_MAY_YIELD static pn_rc wait_for_channel(pn_usec deadline)
{
    struct channel_wait wait = { 0 };
    int                 fd = fcntl(the.channel.client, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        return PN_SYSTEM;
    pn_io_prepare(&wait.io, fd, on_channel);
    wait.io.ready = 0;
    pn_rc rc = pn_io_register(pn_loop_this(), &wait.io);
    if (rc == PN_OK)
        rc = pn_fiber_wait_io(&wait.io, &wait.waiter, PN_IO_OUT, deadline);
    close(pn_io_detach(pn_loop_this(), &wait.io)); /* a close alone leaves a copy of a descriptor in the poll set */
    return rc;
}

/* The kernel reports room only when most of the channel is empty. So that this comes, whoever is new waits behind those who
 * wait already; and each tries again after a while, since other processes may keep the channel half full. */
PN_MAY_YIELD static pn_rc wait_your_turn(pn_usec deadline)
{
    pn_usec retry = pn_loop_now(pn_loop_this()) + CHANNEL_RETRY_USEC;

    waiting++;
    pn_rc rc = wait_for_channel(retry < deadline ? retry : deadline);
    waiting--;
    return rc == PN_TIMEOUT && retry < deadline ? PN_OK : rc;
}

PN_MAY_YIELD static pn_rc send_message(const struct msghdr *message)
{
    pn_usec deadline = pn_loop_now(pn_loop_this()) + CHANNEL_WAIT_USEC;
    bool    restarted = false;
    pn_rc   first = waiting ? wait_your_turn(deadline) : PN_OK;

    if (first != PN_OK)
        return first;
    while (sendmsg(the.channel.client, message, MSG_NOSIGNAL) < 0) {
        pn_rc rc = PN_OK;
        if (errno == EAGAIN)
            rc = wait_your_turn(deadline);
        else if ((errno == EPIPE || errno == ECONNRESET) && the.own && !restarted) {
            restarted = true;
            rc = open_own();
        }
        else if (errno != EINTR)
            rc = PN_SYSTEM;
        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

/* ---- the request as a message ---- */

/* The descriptors of a program: ours and, to be sent, its own. */
struct ends {
    int      ours[4];   /* handle, out, in, err */
    int      theirs[PN__SPAWN_FDS_MAX];
    unsigned n_theirs;
};

static void close_ends(struct ends *ends, bool ours)
{
    for (unsigned i = 0; i < ends->n_theirs; i++)
        close(ends->theirs[i]);
    for (unsigned i = 0; ours && i < PN_COUNT(ends->ours); i++)
        if (ends->ours[i] >= 0)
            close(ends->ours[i]);
}

/* A pipe of which we read (or else write) one end. */
static pn_rc open_stream(struct ends *ends, unsigned which, bool we_read)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return PN_SYSTEM;
    ends->ours[which] = fds[we_read ? 0 : 1];
    ends->theirs[ends->n_theirs++] = fds[we_read ? 1 : 0];
    return PN_OK;
}

static pn_rc open_ends(struct ends *ends, const struct pn_spawn_request *request)
{
    int pair[2];

    *ends = (struct ends){ .ours = { -1, -1, -1, -1 } };
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return PN_SYSTEM;
    ends->ours[0] = pair[0];
    ends->theirs[ends->n_theirs++] = pair[1];
    pn_rc rc = open_stream(ends, 1, true);
    if (rc == PN_OK && request->with_input)
        rc = open_stream(ends, 2, false);
    if (rc == PN_OK && request->with_errors)
        rc = open_stream(ends, 3, true);
    return rc;
}

static void put_string(struct pn_buf *out, const char *text)
{
    pn_buf_add(out, text, strlen(text) + 1);
}

static uint32_t put_list(struct pn_buf *out, const char *const *list)
{
    uint32_t count = 0;

    for (; list && list[count]; count++)
        put_string(out, list[count]);
    return count;
}

static pn_rc put_request(struct pn_buf *out, struct pn__spawn_head *head, const struct pn_spawn_request *request)
{
    *head = (struct pn__spawn_head){ .magic = PN__SPAWN_MAGIC };
    head->flags = (request->with_input ? PN__SPAWN_HAS_INPUT : 0u) | (request->with_errors ? PN__SPAWN_HAS_ERRORS : 0u) |
                  (request->directory ? PN__SPAWN_HAS_DIRECTORY : 0u);
    if (request->limits)
        memcpy(head->limits, request->limits, sizeof(head->limits));
    put_string(out, request->program);
    put_string(out, request->directory ? request->directory : "");
    head->argc = put_list(out, request->argv);
    head->envc = put_list(out, request->env);
    head->strings_bytes = out->n;
    return out->full ? PN_LIMIT : PN_OK;
}

/* Strings that no message would hold travel as a memory file. */
static pn_rc put_in_file(struct ends *ends, pn_str strings)
{
    int fd = memfd_create("pinion-spawn", MFD_CLOEXEC);

    if (fd < 0)
        return PN_SYSTEM;
    ends->theirs[ends->n_theirs++] = fd;
    while (strings.n) {
        ssize_t n = write(fd, strings.p, strings.n);
        if (n < 0 && errno != EINTR)
            return PN_SYSTEM;
        strings = pn_str_from(strings, n > 0 ? (size_t)n : 0);
    }
    return PN_OK;
}

PN_MAY_YIELD static pn_rc send_request(struct ends *ends, struct pn__spawn_head *head, pn_str strings)
{
    union {
        struct cmsghdr align;
        char           bytes[CMSG_SPACE(sizeof(int) * PN__SPAWN_FDS_MAX)];
    } control = { 0 };
    struct iovec iov[2] = { { head, sizeof(*head) }, { (void *)(uintptr_t)strings.p, strings.n } };
    size_t       fds_bytes = ends->n_theirs * sizeof(int);

    struct msghdr message = { .msg_iov = iov, .msg_iovlen = head->flags & PN__SPAWN_STRINGS_IN_FILE ? 1 : 2,
                              .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(fds_bytes) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(fds_bytes);
    memcpy(CMSG_DATA(cmsg), ends->theirs, fds_bytes);
    return send_message(&message);
}

PN_MAY_YIELD static pn_rc ask(struct ends *ends, const struct pn_spawn_request *request)
{
    struct pn__spawn_head head;
    struct pn_buf         strings;
    pn_rc                 rc;

    pn_buf_init(&strings, NULL, PN__SPAWN_STRINGS_MAX);
    rc = put_request(&strings, &head, request);
    if (rc == PN_OK)
        rc = open_ends(ends, request);
    if (rc == PN_OK && strings.n > PN__SPAWN_INLINE_BYTES) {
        head.flags |= PN__SPAWN_STRINGS_IN_FILE;
        rc = put_in_file(ends, pn_buf_view(&strings));
    }
    if (rc == PN_OK)
        rc = send_request(ends, &head, pn_buf_view(&strings));
    int error = errno;
    pn_buf_release(&strings);
    errno = error;
    return rc;
}

/* ---- the child ---- */

static void order(struct child *self, char what)
{
    if (self->over || !pn_pipe_is_open(self->handle))
        return;
    self->over = true;
    /* One byte on an empty socket: it fits, or the helper has gone. */
    (void)!send(pn_pipe_fd(self->handle), &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The helper takes a handle that closes without an order for a client that died, and kills: nothing to do but close. */
static struct pn_program *new_child(apr_pool_t *pool, const struct ends *ends)
{
    struct child *self = apr_pcalloc(pool, sizeof(*self));

    self->handle = pn_pipe_open(pool, ends->ours[0]);
    self->pub.out = pn_pipe_open(pool, ends->ours[1]);
    self->pub.in = ends->ours[2] >= 0 ? pn_pipe_open(pool, ends->ours[2]) : NULL;
    self->pub.err = ends->ours[3] >= 0 ? pn_pipe_open(pool, ends->ours[3]) : NULL;
    return &self->pub;
}

pn_rc pn_spawn(apr_pool_t *pool, const struct pn_spawn_request *request, struct pn_program **ret_program)
{
    struct ends ends = { .ours = { -1, -1, -1, -1 } };
    pn_rc       rc;

    if (!the.open && open_own() != PN_OK)
        return PN_SYSTEM;
    rc = ask(&ends, request);
    int error = errno;
    close_ends(&ends, rc != PN_OK);
    if (rc == PN_OK)
        *ret_program = new_child(pool, &ends);
    errno = error;
    return rc;
}

static const char *step_name(int step)
{
    static const char *const names[] = {
        [PN__SPAWN_NO_STEP] = "", [PN__SPAWN_FORK] = "fork", [PN__SPAWN_CHDIR] = "chdir",
        [PN__SPAWN_LIMITS] = "setrlimit", [PN__SPAWN_EXEC] = "exec"
    };

    return step >= 0 && (size_t)step < PN_COUNT(names) ? names[step] : "";
}

pn_rc pn_program_result(struct pn_program *child, pn_usec timeout, struct pn_program_end *ret_end)
{
    struct child        *self = PN_CONTAINER(child, struct child, pub);
    struct pn__spawn_end end;
    size_t               n;

    if (!self->known) {
        pn_rc rc = pn_pipe_is_open(self->handle) ? pn_pipe_read(self->handle, (char *)&end, sizeof(end), timeout, &n) : PN_EOF;
        if (rc != PN_OK)
            return rc == PN_AGAIN ? PN_TIMEOUT : rc == PN_SYSTEM ? PN_EOF : rc;
        pn_assert(n == sizeof(end));
        self->end = (struct pn_program_end){ .error = end.error, .step = step_name(end.step), .pid = end.pid };
        self->end.killed = !end.error && WIFSIGNALED(end.status);
        self->end.code = self->end.killed ? WTERMSIG(end.status) : WEXITSTATUS(end.status);
        self->known = true;
    }
    *ret_end = self->end;
    return PN_OK;
}

static void close_streams(struct child *self)
{
    pn_pipe_close(self->pub.in);
    pn_pipe_close(self->pub.out);
    pn_pipe_close(self->pub.err);
}

void pn_program_kill(struct pn_program *child)
{
    order(PN_CONTAINER(child, struct child, pub), PN__SPAWN_KILL);
}

void pn_program_release(struct pn_program *child)
{
    if (!child)
        return;
    struct child *self = PN_CONTAINER(child, struct child, pub);
    close_streams(self);
    order(self, PN__SPAWN_DONE);
    pn_pipe_close(self->handle);
}
