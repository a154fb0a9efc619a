/* spawn_helper.c - the helper process that starts programs for the server's children and ends them.
 *
 * Forked once, while the process is small and has one thread. It waits on the channel for requests, on the handle of each
 * program for orders, and on signals. It reaps at once whatever ends: it is the subreaper of its programs, so what
 * they leave behind comes to it as well, and no zombie stays. It ends when the last client has closed the channel.
 *
 * A program is started by vfork: nothing is copied, and a failure to exec is known here at once. */
#include "rt/spawn_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rt/spawn.h"

#define EVENTS_A_TURN 64
#define REQUESTS_A_TURN 32
#define GRACE_USEC (1 * PN_USEC_PER_SEC)          /* for a program whose work is done to end by itself */
#define TERM_TO_KILL_USEC (3 * PN_USEC_PER_SEC)
#define GROUP_GRACE_USEC (250 * PN_USEC_PER_MSEC) /* what SIGTERM leaves to a group whose leader is gone */
#define END_GRACE_USEC (300 * PN_USEC_PER_MSEC)   /* the same for all, at the helper's own end */
#define BUCKETS 1024

/* How far the ending of a program is. */
enum ending { ALIVE, GRACE, TERMED };

struct script {
    struct script *next;       /* in its bucket */
    struct script *next_ending, **link_ending;
    pid_t          pid;        /* leads the process group of the same number */
    int            handle;     /* -1: closed */
    bool           reaped;
    bool           whole_group;/* end the group, not the program alone */
    enum ending    ending;
    pn_usec        due;        /* when the next step of its ending is taken */
};

struct helper {
    int            channel, signals, epoll, null_input;
    struct script *buckets[BUCKETS];
    struct script *ending;     /* those with a due time */
    struct script *dead;       /* freed when the turn's events are done: one of them may name it */
    bool           over;
    char          *message;    /* PN__SPAWN_INLINE_BYTES and the head */
};

static pn_usec now_usec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (pn_usec)t.tv_sec * PN_USEC_PER_SEC + t.tv_nsec / 1000;
}

/* ---- the table of programs ---- */

static struct script **place_of(struct helper *h, pid_t pid)
{
    struct script **at = &h->buckets[(unsigned)pid % BUCKETS];

    while (*at && (*at)->pid != pid)
        at = &(*at)->next;
    return at;
}

static void off_ending(struct script *script)
{
    if (!script->link_ending)
        return;
    *script->link_ending = script->next_ending;
    if (script->next_ending)
        script->next_ending->link_ending = script->link_ending;
    script->link_ending = NULL;
}

static void set_due(struct helper *h, struct script *script, pn_usec due)
{
    off_ending(script);
    script->due = due;
    script->next_ending = h->ending;
    if (h->ending)
        h->ending->link_ending = &script->next_ending;
    script->link_ending = &h->ending;
    h->ending = script;
}

/* A program that has been forked and not executed yet has a copy, which would keep the handle in the epoll set. */
static void close_handle(const struct helper *h, struct script *script)
{
    if (script->handle >= 0) {
        epoll_ctl(h->epoll, EPOLL_CTL_DEL, script->handle, NULL);
        close(script->handle);
    }
    script->handle = -1;
}

static void forget(struct helper *h, struct script *script)
{
    struct script **at = &h->buckets[(unsigned)script->pid % BUCKETS];

    while (*at != script)
        at = &(*at)->next;
    *at = script->next;
    off_ending(script);
    close_handle(h, script);
    script->next = h->dead;
    h->dead = script;
}

static void free_dead(struct helper *h)
{
    while (h->dead) {
        struct script *script = h->dead;
        h->dead = script->next;
        free(script);
    }
}

/* ---- ending ---- */

/* May the group of a reaped program still be signalled? Its number is taken as long as a member lives, and members whose
 * parents are gone are children of this process; so if there is none, the number may be anybody's. */
static bool group_is_left(struct helper *h, const struct script *script)
{
    siginfo_t info = { 0 };

    for (const struct script *s = h->buckets[(unsigned)script->pid % BUCKETS]; s; s = s->next)
        if (s != script && s->pid == script->pid && !s->reaped)
            return false;
    return waitid(P_PGID, (id_t)script->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void send_signal(struct helper *h, struct script *script, int number)
{
    if (!script->reaped)
        kill(script->whole_group ? -script->pid : script->pid, number);
    else if (script->whole_group && group_is_left(h, script))
        kill(-script->pid, number);
}

/* The next step of an ending whose time has come. */
static void step(struct helper *h, struct script *script, pn_usec now)
{
    if (script->ending == TERMED) {
        send_signal(h, script, SIGKILL);
        off_ending(script);
        if (script->reaped)
            forget(h, script);
        return; /* else it is forgotten when it is reaped */
    }
    send_signal(h, script, SIGTERM);
    script->ending = TERMED;
    set_due(h, script, now + (script->reaped ? GROUP_GRACE_USEC : TERM_TO_KILL_USEC));
}

static void begin_kill(struct helper *h, struct script *script)
{
    script->whole_group = true;
    if (script->reaped && !group_is_left(h, script))
        forget(h, script);
    else
        step(h, script, now_usec());
}

static void begin_release(struct helper *h, struct script *script)
{
    if (script->reaped) {
        forget(h, script);
        return;
    }
    script->ending = GRACE;
    set_due(h, script, now_usec() + GRACE_USEC);
}

/* An order, or the end of the client. */
static void on_handle(struct helper *h, struct script *script)
{
    char    what = PN__SPAWN_KILL;
    ssize_t n;

    if (script->handle < 0)
        return; /* closed earlier in this turn */
    n = recv(script->handle, &what, 1, MSG_DONTWAIT);
    if (n < 0 && errno == ECONNRESET) /* closed before it read what we said of the end: its order is still there */
        n = recv(script->handle, &what, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    close_handle(h, script);
    if (n > 0 && what == PN__SPAWN_DONE)
        begin_release(h, script);
    else
        begin_kill(h, script);
}

static void on_reaped(struct helper *h, pid_t pid, int status)
{
    struct script *script = *place_of(h, pid);

    if (!script || script->reaped)
        return; /* what a program left behind */
    script->reaped = true;
    if (script->handle >= 0) {
        struct pn__spawn_end end = { .pid = pid, .status = status };
        (void)!send(script->handle, &end, sizeof(end), MSG_NOSIGNAL | MSG_DONTWAIT);
        return; /* the client's order decides about what is left of the group */
    }
    if (script->whole_group && script->ending == TERMED && script->link_ending)
        set_due(h, script, now_usec() + GROUP_GRACE_USEC);
    else
        forget(h, script);
}

static void reap(struct helper *h)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_reaped(h, pid, status);
}

/* ---- starting ---- */

static void reply_failure(int handle, enum pn__spawn_step at, int error)
{
    struct pn__spawn_end end = { .error = error, .step = (int32_t)at };

    (void)!send(handle, &end, sizeof(end), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void start(struct helper *h, struct pn__launch *launch)
{
    struct script *script = calloc(1, sizeof(*script));

    pn_assert(script != NULL);
    script->handle = launch->fds[0];
    if (launch->input < 0)
        launch->input = h->null_input;
    script->pid = pn__launch(launch);
    if (script->pid < 0) {
        reply_failure(script->handle, launch->failed_at, launch->error);
        close(script->handle);
        free(script);
        return;
    }
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = script };
    struct script    **head = &h->buckets[(unsigned)script->pid % BUCKETS];
    script->next = *head; /* before an older one of that number whose group is being ended */
    *head = script;
    if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, script->handle, &event) != 0) {
        close_handle(h, script);
        begin_kill(h, script);
    }
}

/* @return false when there is nothing more to receive now. */
static bool receive_request(struct helper *h)
{
    struct pn__launch launch;

    switch (pn__launch_receive(h->channel, h->message, &launch)) {
    case PN_OK:
        start(h, &launch);
        launch.fds[0] = -1; /* its script's now, or closed */
        break;
    case PN_EOF: h->over = true; return false;
    case PN_AGAIN: return false;
    default: /* not from our own code: the descriptors are closed, which is the answer */
        break;
    }
    pn__launch_release(&launch);
    return true;
}

/* ---- the process ---- */

static void on_signal(struct helper *h)
{
    struct signalfd_siginfo info;

    while (read(h->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            h->over = true;
    }
    reap(h); /* SIGCHLD counts once however many ended */
}

static int wait_ms(const struct helper *h)
{
    pn_usec first = PN_NEVER;

    for (const struct script *s = h->ending; s; s = s->next_ending)
        first = s->due < first ? s->due : first;
    if (first == PN_NEVER)
        return -1;
    pn_usec left = first - now_usec();
    return left <= 0 ? 0 : (int)(left / PN_USEC_PER_MSEC) + 1;
}

static void take_due_steps(struct helper *h)
{
    pn_usec now = h->ending ? now_usec() : 0;

    for (struct script *s = h->ending, *next; s; s = next) {
        next = s->next_ending;
        if (s->due <= now)
            step(h, s, now);
    }
}

static void turn(struct helper *h)
{
    struct epoll_event events[EVENTS_A_TURN / 2];
    int                n = epoll_wait(h->epoll, events, (int)PN_COUNT(events), wait_ms(h));

    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == &h->channel) {
            for (unsigned k = 0; k < REQUESTS_A_TURN && receive_request(h); k++)
                ;
        }
        else if (events[i].data.ptr == &h->signals)
            on_signal(h);
        else
            on_handle(h, events[i].data.ptr);
    }
    take_due_steps(h);
    free_dead(h);
}

static void signal_all(struct helper *h, int number)
{
    for (unsigned b = 0; b < BUCKETS; b++)
        for (struct script *s = h->buckets[b]; s; s = s->next) {
            s->whole_group = true;
            send_signal(h, s, number);
        }
}

/* The server has gone: so do the programs. */
static void end_all(struct helper *h)
{
    pn_usec until = now_usec() + END_GRACE_USEC;

    signal_all(h, SIGTERM);
    for (;;) {
        siginfo_t info = { 0 };
        reap(h);
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
            return; /* no child is left */
        pn_usec left = until - now_usec();
        if (left <= 0)
            break;
        struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
        nanosleep(&pause, NULL);
    }
    signal_all(h, SIGKILL);
    reap(h);
}

/* Nothing of the server stays open but the channel and standard error; 0 and 1 are empty. */
static int clean_descriptors(struct helper *h, int channel)
{
    int kept = fcntl(channel, F_DUPFD_CLOEXEC, 100);

    if (kept < 0 || dup3(kept, 3, O_CLOEXEC) != 3)
        return -1;
    close(kept);
    (void)close_range(4, ~0u, 0);
    h->channel = 3;
    h->null_input = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (h->null_input < 0 || dup2(h->null_input, 0) < 0 || dup2(h->null_input, 1) < 0)
        return -1;
    return fcntl(2, F_GETFD) >= 0 || dup2(h->null_input, 2) >= 0 ? 0 : -1;
}

/* Every signal gets its default back, so that no program inherits what the server ignores; those that must not end the
 * helper are taken from a descriptor. */
static int clean_signals(struct helper *h)
{
    sigset_t taken;

    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal(number, SIG_DFL);
    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGTERM);
    sigaddset(&taken, SIGINT); /* a terminal sends these to all of the group: the master decides what they mean */
    sigaddset(&taken, SIGHUP);
    sigaddset(&taken, SIGUSR1);
    sigaddset(&taken, SIGWINCH);
    sigaddset(&taken, SIGPIPE);
    sigprocmask(SIG_SETMASK, &taken, NULL);
    h->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    return h->signals < 0 ? -1 : 0;
}

static int watch(struct helper *h, int *fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

    return epoll_ctl(h->epoll, EPOLL_CTL_ADD, *fd, &event);
}

PN_NORETURN static void helper_main(const struct pn_spawn_channel *channel, pn_spawn_identity_fn *become, void *arg)
{
    struct helper *h = calloc(1, sizeof(*h));

    if (become)
        become(arg);
    if (!h || clean_descriptors(h, channel->helper) != 0 || clean_signals(h) != 0)
        _exit(1);
    prctl(PR_SET_NAME, "pinion-spawn");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    h->message = malloc(sizeof(struct pn__spawn_head) + PN__SPAWN_INLINE_BYTES);
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!h->message || h->epoll < 0 || watch(h, &h->channel) != 0 || watch(h, &h->signals) != 0)
        _exit(1);
    while (!h->over)
        turn(h);
    end_all(h);
    _exit(0);
}

pid_t pn_spawn_helper_start(const struct pn_spawn_channel *channel, pn_spawn_identity_fn *become, void *arg)
{
    pid_t pid = fork();

    if (pid == 0)
        helper_main(channel, become, arg);
    return pid;
}
