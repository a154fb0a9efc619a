/* pinionctl.c - starts, stops and asks the server: apachectl's words, and everything else goes to
 * the server's command line.
 *
 * Run by hand, by init scripts and by cron. It ends by becoming the server program, so signals and
 * exit codes are that one's. See docs/man/pinionctl.8. */
#include "cmd/pinionctl.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_URL "http://localhost:80/server-status"
#define PROGRAM_NOT_FOUND 127

extern char **environ;

struct command {
    apr_pool_t         *pool;
    const char         *server;  /* the program */
    apr_array_header_t *leading; /* const char *: PINION_ARGUMENTS */
    char              **rest;    /* after the verb, ends with NULL */
};

static void usage(FILE *to)
{
    fputs("Usage: " CTL_PROGRAM " VERB [SERVER OPTIONS]\n"
          "       " CTL_PROGRAM " SERVER OPTIONS        such as -k restart, -t, -S\n\n"
          "  start          start the server\n"
          "  stop           end it now\n"
          "  restart        end its children, read the configuration again; start it if need be\n"
          "  graceful       the same, and requests at work are finished\n"
          "  graceful-stop  finish requests at work, then end\n"
          "  upgrade        change to the program that is installed now\n"
          "  configtest     check the configuration\n"
          "  status         figures of the server that runs (mod_status)\n"
          "  fullstatus     and its requests\n\n"
          "PINION_ARGUMENTS  options for the server, before all others\n"
          "PINION_STATUSURL  the status page, " STATUS_URL " unless given\n"
          "PINION_ENVVARS    a shell file that sets variables\n"
          "PINION_SERVER     the server program\n",
          to);
}

/* ---- the server program ---- */

/* The program beside this one, where both are in one directory; else where it is installed. */
static const char *find_server(apr_pool_t *pool)
{
    const char *named = getenv("PINION_SERVER");
    char       *self = realpath("/proc/self/exe", NULL);
    const char *beside = NULL;

    if (self)
        beside = apr_psprintf(pool, "%.*s/pinion", (int)(strrchr(self, '/') - self), self);
    free(self);
    if (named && *named)
        return named;
    return beside && access(beside, X_OK) == 0 ? beside : PN_SERVER_PROGRAM;
}

static void push(apr_array_header_t *argv, const char *word)
{
    *(const char **)apr_array_push(argv) = word;
}

/* The server's command line: leading options, up to two more words, and what followed the verb. */
static char **server_argv(const struct command *c, const char *word, const char *value)
{
    apr_array_header_t *argv = apr_array_make(c->pool, 8, sizeof(char *));

    push(argv, c->server);
    apr_array_cat(argv, c->leading);
    if (word)
        push(argv, word);
    if (value)
        push(argv, value);
    for (char **p = c->rest; *p; p++)
        push(argv, *p);
    push(argv, NULL);
    return (char **)argv->elts;
}

static int become_server(const struct command *c, const char *word, const char *value)
{
    execv(c->server, server_argv(c, word, value));
    fprintf(stderr, CTL_PROGRAM ": cannot run %s: %s\n", c->server, strerror(errno));
    return PROGRAM_NOT_FOUND;
}

/* Runs the check.  @return its exit code, and in ret_words a file with what it said. */
static int check_quietly(const struct command *c, FILE **ret_words)
{
    posix_spawn_file_actions_t files;
    FILE                      *words = tmpfile();
    pid_t                      pid;
    int                        status = 0, wrong;

    if (!words)
        return become_server(c, "-t", NULL);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fileno(words), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, fileno(words), STDERR_FILENO);
    wrong = posix_spawn(&pid, c->server, &files, NULL, server_argv(c, "-t", NULL), environ);
    posix_spawn_file_actions_destroy(&files);
    *ret_words = words;
    if (wrong) {
        fprintf(stderr, CTL_PROGRAM ": cannot run %s: %s\n", c->server, strerror(wrong));
        return PROGRAM_NOT_FOUND;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void tell_words(FILE *words)
{
    int c;

    rewind(words);
    while ((c = getc(words)) != EOF)
        putc(c, stderr);
}

/* A configuration with an error never gets to the server that runs, nor starts one. */
static int check_and_become(const struct command *c, const char *verb)
{
    FILE *words = NULL;
    int   code = check_quietly(c, &words);

    if (code != 0) {
        if (words)
            tell_words(words);
        fprintf(stderr, CTL_PROGRAM ": %s was not done\n", verb);
    }
    if (words)
        fclose(words);
    return code ? code : become_server(c, "-k", verb);
}

/* ---- variables of a shell file ---- */

/* Starts this program again from a shell that has read the file. Comes back when there is none. */
static void read_variables(apr_pool_t *pool, char **argv)
{
    static const char script[] = "set -a; . \"$1\" || exit 1; shift; PINION_ENVVARS=; exec \"$@\"";
    const char       *named = getenv("PINION_ENVVARS");
    char             *file = realpath(named ? named : PN_DEFAULT_ENVVARS, NULL);
    char             *self;
    apr_array_header_t *shell = apr_array_make(pool, 8, sizeof(char *));

    if (named && *named && !file) {
        fprintf(stderr, CTL_PROGRAM ": %s: %s\n", named, strerror(errno));
        exit(1);
    }
    self = realpath("/proc/self/exe", NULL);
    if (file && self && (!named || *named)) {
        push(shell, "sh");
        push(shell, "-c");
        push(shell, script);
        push(shell, CTL_PROGRAM);
        push(shell, file);
        push(shell, self);
        for (char **p = argv + 1; *p; p++)
            push(shell, *p);
        push(shell, NULL);
        execv("/bin/sh", (char **)shell->elts);
    }
    free(file);
    free(self);
}

/* ---- verbs ---- */

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static int show_status(const struct command *c, bool full)
{
    const char *url = getenv("PINION_STATUSURL");

    return ctl_status(c->pool, url && *url ? url : STATUS_URL, full);
}

static int obey(struct command *c, char **words)
{
    static const char *const plain[] = { "start", "stop", "graceful-stop", NULL };
    static const char *const checked[] = { "restart", "graceful", "upgrade", NULL };
    static const char *const gone[] = { "startssl", "sslstart", "start-SSL", NULL };
    const char              *verb = words[0];

    c->rest = words + 1;
    if (is_one_of(verb, plain))
        return become_server(c, "-k", verb);
    if (is_one_of(verb, checked))
        return check_and_become(c, verb);
    if (strcmp(verb, "configtest") == 0)
        return become_server(c, "-t", NULL);
    if (strcmp(verb, "status") == 0 || strcmp(verb, "fullstatus") == 0)
        return show_status(c, *verb == 'f');
    if (is_one_of(verb, gone)) {
        fprintf(stderr,
                CTL_PROGRAM ": %s is gone: TLS is a matter of the configuration (SSLEngine)\n",
                verb);
        return 2;
    }
    if (*verb != '-') {
        fprintf(stderr, CTL_PROGRAM ": what is '%s'?\n", verb);
        usage(stderr);
        return 2;
    }
    c->rest = words;
    return become_server(c, NULL, NULL);
}

int main(int argc, char **argv)
{
    static const char *const help[] = { "help", "--help", "usage", NULL };
    struct command           c = { 0 };
    pn_str                   left, word;
    int                      code;

    if (argc < 2 || is_one_of(argv[1], help)) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 1 : 0;
    }
    apr_initialize();
    apr_pool_create(&c.pool, NULL);
    read_variables(c.pool, argv);
    c.server = find_server(c.pool);
    c.leading = apr_array_make(c.pool, 4, sizeof(char *));
    left = pn_str_z(getenv("PINION_ARGUMENTS"));
    while ((word = pn_str_word(&left)).n)
        push(c.leading, pn_str_zdup(c.pool, word));
    code = obey(&c, argv + 1);
    apr_terminate();
    return code;
}
