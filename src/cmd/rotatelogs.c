/* rotatelogs.c - writes a log that comes by standard input to files that take turns, by time or by
 * size.
 *
 * Run by the server for `CustomLog "|rotatelogs ..."`, for as long as the server lives, so nothing
 * that happens to a file ends it: what cannot be written is dropped and told of, since a log that
 * is not read would stop the server. A file ends at the end of a line. See docs/man/rotatelogs.8.
 */
#include "cmd/rotatelogs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX_BYTES 65536
/* A line that is longer may be cut by a rotation. */
#define LINE_MAX_BYTES 65536
/* The clock may be set while nothing comes. */
#define WAIT_MAX_S 60

struct state {
    struct rl_settings settings;
    struct rl_log      log;
    uint64_t           lost_bytes; /* since writing fails; 0: it does not */
    size_t             line_bytes; /* of the line under way that are out; 0: a line begins */
    bool               cut;        /* the file ends in half a line, whose rest is lost */
};

static volatile sig_atomic_t ended;

static void on_end(int number)
{
    (void)number;
    ended = 1;
}

/* @return bytes that went out; fewer than n with errno. */
static size_t write_all(int fd, const char *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t written = write(fd, p + done, n - done);
        if (written > 0)
            done += (size_t)written;
        else if (written == 0 || errno != EINTR)
            break;
    }
    return done;
}

/* ---- writing ---- */

static void lose(struct state *s, size_t n)
{
    if (!s->lost_bytes)
        fprintf(stderr, RL_PROGRAM ": cannot write to %s: %s; what comes is lost\n", s->log.path,
                strerror(errno));
    s->lost_bytes += n;
}

/* Lines, or the beginning or end of one, to the current file. */
static void put(struct state *s, const char *p, size_t n)
{
    size_t done;

    if (s->cut && write_all(s->log.fd, "\n", 1) != 1) {
        lose(s, n);
        return;
    }
    s->log.bytes += s->cut;
    s->cut = false;
    done = write_all(s->log.fd, p, n);
    s->log.bytes += done;
    if (done < n) {
        s->cut = done ? p[done - 1] != '\n' : s->line_bytes > 0;
        lose(s, n - done);
    }
    else if (s->lost_bytes) {
        fprintf(stderr, RL_PROGRAM ": %s can be written to again; %llu bytes were lost\n",
                s->log.path, (unsigned long long)s->lost_bytes);
        s->lost_bytes = 0;
    }
}

static void rotate(struct state *s)
{
    if (!rl_rotate(&s->settings, &s->log))
        exit(2);
    s->cut = false;
}

static size_t rest_of_line(const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);

    return end ? (size_t)(end - p) + 1 : n;
}

/* How much of the bytes goes to this file: all, or to the end of the line with which its size is
 * passed. */
static size_t piece_length(const struct state *s, const char *p, size_t n)
{
    uint64_t max = s->settings.size_max_bytes;
    uint64_t room = max > s->log.bytes ? max - s->log.bytes : 0;

    return !max || n <= room ? n : room + rest_of_line(p + room, n - room);
}

/* Of the line under way, what is out when another piece is. */
static size_t line_bytes_after(size_t before, const char *p, size_t n)
{
    const char *end = memrchr(p, '\n', n);

    return end ? n - (size_t)(end - p) - 1 : before + n;
}

static void take_bytes(struct state *s, const char *p, size_t n)
{
    while (n > 0) {
        bool   due = rl_is_due(&s->settings, &s->log);
        size_t piece;
        if (due && (s->line_bytes == 0 || s->line_bytes > LINE_MAX_BYTES)) {
            rotate(s);
            due = false;
        }
        piece = due ? rest_of_line(p, n) : piece_length(s, p, n);
        put(s, p, piece);
        s->line_bytes = line_bytes_after(s->line_bytes, p, piece);
        p += piece;
        n -= piece;
    }
}

static void echo(struct state *s, const char *p, size_t n)
{
    if (s->settings.echo && write_all(STDOUT_FILENO, p, n) < n) {
        fprintf(stderr, RL_PROGRAM ": the copy to standard output ends: %s\n", strerror(errno));
        s->settings.echo = false;
    }
}

/* ---- reading ---- */

/* Waits for bytes, or for the end of an interval that has a file even when it is empty.
 * @return false: there is nothing to read yet. */
static bool wait_for_bytes(const struct state *s, const sigset_t *while_waiting)
{
    struct pollfd   input = { .fd = STDIN_FILENO, .events = POLLIN };
    struct timespec left = { 0 };
    bool            bounded = ended;

    if (!ended && s->settings.even_empty && s->settings.interval_s) {
        int64_t left_s = rl_left_s(&s->settings, &s->log);
        left.tv_sec = (time_t)(left_s < WAIT_MAX_S ? left_s : WAIT_MAX_S);
        bounded = true;
    }
    return ppoll(&input, 1, bounded ? &left : NULL, while_waiting) > 0;
}

/* The interval may be over while a line is under way: its rest then goes to the new file. */
static void keep_intervals(struct state *s)
{
    if (s->settings.even_empty && s->log.fd >= 0 && rl_is_due(&s->settings, &s->log))
        rotate(s);
}

/* Until the end of the input; told to end, until nothing is waiting. */
static void copy_log(struct state *s, const sigset_t *while_waiting)
{
    static char buffer[READ_MAX_BYTES];
    ssize_t     n;

    for (;;) {
        bool last_look = ended; /* a signal ends a wait also when there are bytes */
        if (!wait_for_bytes(s, while_waiting)) {
            if (last_look)
                return;
            keep_intervals(s);
            continue;
        }
        n = read(STDIN_FILENO, buffer, sizeof(buffer));
        if (n == 0)
            return;
        if (n > 0) {
            take_bytes(s, buffer, (size_t)n);
            echo(s, buffer, (size_t)n);
        }
        else if (errno != EINTR && errno != EAGAIN) {
            fprintf(stderr, RL_PROGRAM ": cannot read: %s\n", strerror(errno));
            exit(3);
        }
    }
}

/* SIGTERM and SIGINT come only while waiting, so that no line is cut. */
static void prepare_signals(sigset_t *ret_while_waiting)
{
    struct sigaction end = { .sa_handler = on_end };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t         blocked;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, ret_while_waiting);
    sigdelset(ret_while_waiting, SIGTERM);
    sigdelset(ret_while_waiting, SIGINT);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a limit of file sizes counts as a full disk */
    sigaction(SIGCHLD, &ignore, NULL); /* programs that end leave no zombie */
}

static void tell_settings(const struct rl_settings *s)
{
    fprintf(stderr, RL_PROGRAM ": %s", s->name);
    if (s->interval_s)
        fprintf(stderr, ", every %lld s", (long long)s->interval_s);
    if (s->size_max_bytes)
        fprintf(stderr, ", after %llu bytes", (unsigned long long)s->size_max_bytes);
    if (s->local_time)
        fputs(", local time", stderr);
    else
        fprintf(stderr, ", UTC%+lld min", (long long)(s->offset_s / 60));
    if (s->files)
        fprintf(stderr, ", %u files", s->files);
    fputc('\n', stderr);
}

int main(int argc, char **argv)
{
    static struct state s;
    sigset_t            while_waiting;

    s.log.fd = -1;
    rl_read_arguments(&s.settings, argc, argv);
    prepare_signals(&while_waiting);
    if (s.settings.verbose)
        tell_settings(&s.settings);
    if (s.settings.open_at_once || (s.settings.even_empty && s.settings.interval_s))
        rotate(&s);
    copy_log(&s, &while_waiting);
    if (s.log.fd >= 0 && close(s.log.fd) != 0)
        fprintf(stderr, RL_PROGRAM ": %s: %s\n", s.log.path, strerror(errno));
    return 0;
}
