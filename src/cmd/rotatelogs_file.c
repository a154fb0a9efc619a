/* rotatelogs_file.c - which file is written, when the next one begins, and what happens then. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pinion/base.h>

#include "cmd/rotatelogs.h"

#define RETRY_S 10

extern char **environ;

/* ---- time ---- */

/* Not time(): that may be a tick behind, and a wait for the end of an interval would have to be
 * repeated. */
static time_t wall_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t rl_now_s(const struct rl_settings *settings)
{
    time_t    now = wall_s();
    struct tm local;

    if (!settings->local_time)
        return now + settings->offset_s;
    localtime_r(&now, &local);
    return now + local.tm_gmtoff;
}

int64_t rl_left_s(const struct rl_settings *settings, const struct rl_log *log)
{
    int64_t end, now;

    if (!settings->interval_s || log->fd < 0)
        return INT64_MAX;
    end = log->begun_s + settings->interval_s;
    now = rl_now_s(settings);
    if (end < log->retry_s)
        end = log->retry_s;
    return now < end ? end - now : 0;
}

bool rl_is_due(const struct rl_settings *settings, const struct rl_log *log)
{
    if (log->fd < 0)
        return true;
    if (log->retry_s && rl_now_s(settings) < log->retry_s)
        return false;
    if (settings->size_max_bytes && log->bytes > settings->size_max_bytes)
        return true;
    return settings->interval_s && rl_left_s(settings, log) == 0;
}

/* ---- names ---- */

/* The clock's time taken apart. It is the zone's own, so only %Z and %z need to be told of the
 * zone. */
static void clock_parts(const struct rl_settings *settings, int64_t clock_s, struct tm *ret)
{
    time_t    shifted = (time_t)clock_s, now = wall_s();
    struct tm local;

    gmtime_r(&shifted, ret);
    if (!settings->local_time)
        return;
    localtime_r(&now, &local);
    ret->tm_gmtoff = local.tm_gmtoff;
    ret->tm_zone = local.tm_zone;
}

/* @return false when the name has no room. */
static bool file_name(const struct rl_settings *settings, int64_t begun_s, unsigned turn,
                      char to[PATH_MAX])
{
    struct tm parts;
    int       n;

    if (strchr(settings->name, '%')) {
        clock_parts(settings, begun_s, &parts);
        return strftime(to, PATH_MAX, settings->name, &parts) != 0;
    }
    if (settings->truncate || (settings->files && turn == 0))
        n = snprintf(to, PATH_MAX, "%s", settings->name);
    else if (settings->files)
        n = snprintf(to, PATH_MAX, "%s.%u", settings->name, turn);
    else
        n = snprintf(to, PATH_MAX, "%s.%010" PRId64, settings->name, begun_s);
    return n < PATH_MAX;
}

/* A directory that exists is no error: another program may make the same. */
static void make_directories(const char *path)
{
    static char part[PATH_MAX];
    char       *slash = part;

    snprintf(part, sizeof(part), "%s", path);
    while ((slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            fprintf(stderr, RL_PROGRAM ": cannot make the directory %s: %s\n", part,
                    strerror(errno));
        *slash = '/';
    }
}

/* ---- what goes with a new file ---- */

/* The link's name is never without a file: readers of `tail -F` find the old one or the new one. */
static void set_link(const char *path, const char *name)
{
    static char temporary[PATH_MAX];

    if (snprintf(temporary, sizeof(temporary), "%s.%ld", name, (long)getpid()) >=
        (int)sizeof(temporary)) {
        fprintf(stderr, RL_PROGRAM ": the name of the link is too long\n");
        return;
    }
    if (link(path, temporary) != 0 || rename(temporary, name) != 0)
        fprintf(stderr, RL_PROGRAM ": cannot link %s to %s: %s\n", name, path, strerror(errno));
    unlink(temporary); /* is there when the rename failed, and when both were the same file */
}

/* COMPAT: Apache's hands its own standard input on. That is the log: what the program read of it
 * would be lost. */
static void start_program(const char *program, const char *path, const char *path_before)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t          attributes;
    sigset_t                   defaults, none;
    pid_t                      pid;
    int                        wrong;
    const char                *argv[] = { program, path, path_before, NULL };

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    wrong = posix_spawnp(&pid, program, &files, &attributes, (char **)(uintptr_t)argv, environ);
    if (wrong)
        fprintf(stderr, RL_PROGRAM ": cannot start %s: %s\n", program, strerror(wrong));
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
}

/* ---- rotation ---- */

static int open_file(const struct rl_settings *settings, const char *path, bool empty)
{
    if (settings->make_directories)
        make_directories(path);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (empty ? O_TRUNC : 0),
                0666);
}

/* The file that is open has the new one's name too: it goes on, unless it is to be emptied. */
static bool goes_on(const struct rl_settings *settings, const struct rl_log *log, const char *path)
{
    return log->fd >= 0 && !settings->truncate && !settings->files && strcmp(path, log->path) == 0;
}

static void take_over(const struct rl_settings *settings, struct rl_log *log, int fd,
                      const char *path)
{
    static char path_before[PATH_MAX];
    struct stat st;
    const char *before = log->fd >= 0 ? path_before : NULL;

    if (log->fd >= 0) {
        memcpy(path_before, log->path, sizeof(path_before));
        if (settings->verbose)
            fprintf(stderr, RL_PROGRAM ": closing %s\n", log->path);
        if (close(log->fd) != 0)
            fprintf(stderr, RL_PROGRAM ": %s: %s\n", log->path, strerror(errno));
    }
    log->fd = fd;
    log->bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    snprintf(log->path, sizeof(log->path), "%s", path);
    if (settings->verbose)
        fprintf(stderr, RL_PROGRAM ": writing to %s\n", log->path);
    if (settings->link)
        set_link(log->path, settings->link);
    if (settings->program)
        start_program(settings->program, log->path, before);
}

static bool fail(struct rl_log *log, int64_t now_s, const char *path)
{
    fprintf(stderr, RL_PROGRAM ": cannot open %s: %s%s%s\n", path, strerror(errno),
            log->fd >= 0 ? "; going on with " : "", log->fd >= 0 ? log->path : "");
    log->retry_s = now_s + RETRY_S;
    return log->fd >= 0;
}

bool rl_rotate(const struct rl_settings *settings, struct rl_log *log)
{
    static char path[PATH_MAX];
    int64_t     now_s = rl_now_s(settings);
    int64_t     step_s = settings->interval_s ? settings->interval_s : 1;
    int64_t     begun_s = now_s - ((now_s % step_s) + step_s) % step_s;
    bool        first = log->fd < 0, by_size = !first && rl_left_s(settings, log) > 0;
    unsigned    turn = first || !settings->files ? 0 : (log->turn + 1) % settings->files;
    bool empty = settings->truncate || (!first && (settings->truncate_next || settings->files));
    int  fd;

    /* Within an interval names would repeat. */
    if (!file_name(settings, by_size ? now_s : begun_s, turn, path)) {
        errno = ENAMETOOLONG;
        return fail(log, now_s, settings->name);
    }
    if (!goes_on(settings, log, path)) {
        fd = open_file(settings, path, empty);
        if (fd < 0)
            return fail(log, now_s, path);
        take_over(settings, log, fd, path);
    }
    log->begun_s = begun_s;
    log->turn = turn;
    log->retry_s = 0;
    return true;
}
