/* htpasswd.c - adds, changes, removes and verifies users of a password file for Basic
 * authentication.
 *
 * Run by hand and by scripts; options and exit codes are those of Apache's program. The file is
 * replaced as a whole, so the server never reads half of one. See docs/man/htpasswd.1. */
#include <apr_general.h>
#include <apr_strings.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/password.h"
#include "cmd/record_file.h"

#define PROGRAM "htpasswd"

enum action { CHANGE, CREATE, PRINT, VERIFY, REMOVE };

struct task {
    apr_pool_t             *pool;
    enum action             action;
    struct password_options options;
    const char             *path; /* NULL with PRINT */
    const char             *user;
    char                   *given; /* the password of the command line, or NULL */
};

static void usage(FILE *to)
{
    fputs("Usage: " PROGRAM " [-c | -D | -v] [-i | -b] [-m | -B | -2 | -5 | -A | -d | -s | -p]\n"
          "                [-C COST] [-r ROUNDS] FILE USER [PASSWORD]\n"
          "       " PROGRAM " -n ... USER [PASSWORD]\n"
          "Adds a user to a password file, or changes his password.\n"
          "It is asked for unless -b or -i is given.\n\n"
          "  -c         make a new file, or empty the one there is\n"
          "  -n         print the record, change no file\n"
          "  -D         remove the user\n"
          "  -v         is this the user's password?\n" PASSWORD_HELP,
          to);
}

PN_NORETURN static void syntax(const char *why)
{
    if (why)
        fprintf(stderr, PROGRAM ": %s\n", why);
    usage(stderr);
    exit(PASSWORD_SYNTAX);
}

PN_NORETURN static void file_failed(const char *path)
{
    fprintf(stderr, PROGRAM ": %s: %s%s\n", path, strerror(errno),
            errno == ENOENT ? " (-c makes a new one)" : "");
    exit(PASSWORD_FILE);
}

/* ---- the command line ---- */

static void take_action(struct task *task, enum action action)
{
    if (task->action != CHANGE && task->action != action)
        syntax("only one of -c, -n, -D and -v may be given");
    task->action = action;
}

static void take_options(struct task *task, int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "+cnDvh" PASSWORD_LETTERS, words, NULL)) >= 0)
        switch (option) {
        case 'c': take_action(task, CREATE); break;
        case 'n': take_action(task, PRINT); break;
        case 'D': take_action(task, REMOVE); break;
        case 'v': take_action(task, VERIFY); break;
        case 'h': usage(stdout); exit(PASSWORD_DONE);
        default:
            if (!password_option(&task->options, option, optarg))
                syntax(NULL);
        }
}

static void take_arguments(struct task *task, int argc, char **argv)
{
    bool asks = task->action != REMOVE;
    int  wanted = (task->action != PRINT) + 1 + (asks && task->options.given);
    int  i = optind;

    password_options_check(&task->options);
    if (argc - i != wanted)
        syntax(NULL);
    if (task->action != PRINT)
        task->path = argv[i++];
    task->user = argv[i++];
    if (i < argc)
        task->given = argv[i];
    password_check_user(task->user);
}

/* ---- what is done ---- */

static pn_str prefix_of(const struct task *task)
{
    return pn_str_z(apr_pstrcat(task->pool, task->user, ":", NULL));
}

static const char *make_record(struct task *task)
{
    char       *password = password_get(task->pool, &task->options, task->given, true);
    const char *hash = password_hash(task->pool, &task->options, password);

    password_wipe(password);
    return apr_pstrcat(task->pool, task->user, ":", hash, NULL);
}

/* Lines with text are comments or hold a user: anything else is the file of somebody else. */
static void check_records(const char *path, pn_str text)
{
    while (text.n) {
        pn_str line = pn_str_trim(pn_str_cut(text, '\n', &text));
        if (line.n && line.p[0] != '#' && pn_str_chr(line, ':', 0) == SIZE_MAX) {
            fprintf(stderr, PROGRAM ": %s is no password file\n", path);
            exit(PASSWORD_NO_RECORDS);
        }
    }
}

static void change(struct task *task)
{
    const char        *record;
    struct record_file file;
    pn_str             text;
    bool               found;

    if (task->action != CREATE) { /* nobody should type a password for nothing */
        if (!record_file_read(task->pool, task->path, &text))
            file_failed(task->path);
        check_records(task->path, text);
    }
    record = task->action == REMOVE ? NULL : make_record(task);
    if (!record_file_open(task->pool, task->path, task->action == CREATE, &file))
        file_failed(task->path);
    check_records(task->path, file.text);
    text = record_file_edit(task->pool, file.text, prefix_of(task), record, &found);
    if ((record || found) && !record_file_replace(&file, text))
        file_failed(task->path);
    record_file_close(&file);
    if (task->action == REMOVE)
        fprintf(stderr, found ? "Deleting password for user %s\n" : "User %s not found\n",
                task->user);
    else
        fprintf(stderr, found ? "Updating password for user %s\n" : "Adding password for user %s\n",
                task->user);
}

static int verify(struct task *task)
{
    pn_str text, stored;
    char  *password;
    bool   fits;

    if (!record_file_read(task->pool, task->path, &text))
        file_failed(task->path);
    check_records(task->path, text);
    if (record_file_find(text, prefix_of(task), &stored) != PN_OK) {
        fprintf(stderr, "User %s not found\n", task->user);
        return PASSWORD_USER;
    }
    password = password_get(task->pool, &task->options, task->given, false);
    fits = password_fits(password,
                         pn_str_zdup(task->pool, pn_str_trim(pn_str_cut(stored, ':', &text))));
    password_wipe(password);
    fprintf(stderr, fits ? "Password for user %s correct.\n" : "password verification failed\n",
            task->user);
    return fits ? PASSWORD_DONE : PASSWORD_WRONG;
}

static int print(struct task *task)
{
    printf("%s\n", make_record(task));
    if (fflush(stdout) == 0)
        return PASSWORD_DONE;
    fprintf(stderr, PROGRAM ": standard output: %s\n", strerror(errno));
    return PASSWORD_FILE;
}

int main(int argc, char **argv)
{
    struct task task = { 0 };
    int         code = PASSWORD_DONE;

    apr_initialize();
    apr_pool_create(&task.pool, NULL);
    take_options(&task, argc, argv);
    take_arguments(&task, argc, argv);
    if (task.action == PRINT)
        code = print(&task);
    else if (task.action == VERIFY)
        code = verify(&task);
    else
        change(&task);
    apr_terminate();
    return code;
}
