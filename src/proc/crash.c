/* crash.c - see crash.h. */
#include "proc/crash.h"

#include <execinfo.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/hooks.h"

enum { FRAMES_MAX = 64 };

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED)

static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };

/* Handlers have no argument. Empty: where we are. */
static char core_dir[PATH_MAX];

/* A fiber that ran into its guard page has no stack left for a handler. */
static _Alignas(16) char handler_stack[64 * 1024];

/* Where the last words go: standard error, and the error log when that is another file. */
static int words_fds[2] = { STDERR_FILENO, -1 };

static struct pn_generation *hooked; /* NULL: no hooks to run */

static void say_n(const char *text, size_t n)
{
    for (size_t i = 0; i < PN_COUNT(words_fds); i++)
        if (words_fds[i] >= 0)
            (void)!write(words_fds[i], text, n);
}

static void say(const char *text)
{
    say_n(text, strlen(text));
}

static void say_number(long number)
{
    char  text[24];
    char *at = text + sizeof(text);

    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    say_n(at, (size_t)(text + sizeof(text) - at));
}

static void on_fatal(int number)
{
    static void *frames[FRAMES_MAX];
    int          n;

    signal(number, SIG_DFL);
    say("pinion: process ");
    say_number((long)getpid());
    say(" crashed with signal ");
    say_number(number);
    say("; its stack:\n");
    n = backtrace(frames, FRAMES_MAX);
    for (size_t i = 0; i < PN_COUNT(words_fds); i++)
        if (words_fds[i] >= 0)
            backtrace_symbols_fd(frames, n, words_fds[i]);
    if (hooked)
        pn_run_fatal_exception(hooked, number, (int)getpid());
    if (core_dir[0])
        (void)!chdir(core_dir);
    raise(number); /* delivered when the handler returns */
}

static bool same_file(int a, int b)
{
    struct stat one, other;

    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void pn__crash_watch(const struct pn_mpm_conf *conf, int error_fd, struct pn_generation *generation)
{
    stack_t          stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };
    struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_ONSTACK };
    void            *warm_up[1];

    /* The first call loads a library, which a handler must not do. */
    (void)backtrace(warm_up, 1);
    snprintf(core_dir, sizeof(core_dir), "%.*s", PN_FMT(conf->core_dir)); /* the generation may go before us */
    words_fds[1] = error_fd >= 0 && !same_file(error_fd, STDERR_FILENO) ? error_fd : -1;
    hooked = conf->exception_hook ? generation : NULL;
    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < PN_COUNT(fatal); i++)
        sigaction(fatal[i], &action, NULL);
}

#else

void pn__crash_watch(const struct pn_mpm_conf *conf, int error_fd, struct pn_generation *generation)
{
    (void)conf;
}

#endif

void pn__crash_allow_core(const struct pn_mpm_conf *conf)
{
    if (conf->core_dir.n)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
