/* htdbm.c - users of a DBM file for Basic authentication (AuthDBMUserFile): added, changed,
 * removed, verified, listed.
 *
 * Run by hand and by scripts; options and exit codes are those of Apache's program. A key is the
 * user's name, its value the hash, and behind a ':' a comment. See docs/man/htdbm.1. */
#include <apr_dbm.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/password.h"

#define PROGRAM "htdbm"
/* With its key that fits a page of SDBM, the smallest kind. */
#define VALUE_MAX_BYTES 700
#define ERRNO_MAX 4096
#define FILE_MODE (APR_UREAD | APR_UWRITE | APR_GREAD | APR_WREAD)

enum action { CHANGE, CREATE, PRINT, VERIFY, REMOVE, LIST };

struct task {
    apr_pool_t             *pool;
    enum action             action;
    struct password_options options;
    const char             *type, *path, *user;
    char                   *given;
    const char             *comment;
    bool                    has_comment;
};

static void usage(FILE *to)
{
    fputs("Usage: " PROGRAM " [-c | -v | -x] [-i | -b] [-m | -B | -2 | -5 | -A | -d | -s | -p]\n"
          "             [-C COST] [-r ROUNDS] [-t] [-T TYPE] DATABASE USER [PASSWORD] [COMMENT]\n"
          "       " PROGRAM " -n ... USER [PASSWORD] [COMMENT]\n"
          "       " PROGRAM " -l [-T TYPE] DATABASE\n"
          "Adds a user to a DBM file of passwords, or changes his password.\n"
          "It is asked for unless -b or -i is given.\n\n"
          "  -c         make the database if there is none\n"
          "  -n         print the record, change nothing\n"
          "  -x         remove the user\n"
          "  -v         is this the user's password?\n"
          "  -l         list users and comments\n"
          "  -t         the last word is a comment\n"
          "  -T TYPE    SDBM, GDBM, DB or default\n" PASSWORD_HELP,
          to);
}

PN_NORETURN static void syntax(const char *why)
{
    if (why)
        fprintf(stderr, PROGRAM ": %s\n", why);
    usage(stderr);
    exit(PASSWORD_SYNTAX);
}

/* ---- the command line ---- */

static void take_action(struct task *task, enum action action)
{
    if (task->action != CHANGE && task->action != action)
        syntax("only one of -c, -n, -x, -v and -l may be given");
    task->action = action;
}

static void take_options(struct task *task, int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "+cnvxltT:h" PASSWORD_LETTERS, words, NULL)) >= 0)
        switch (option) {
        case 'c': take_action(task, CREATE); break;
        case 'n': take_action(task, PRINT); break;
        case 'v': take_action(task, VERIFY); break;
        case 'x': take_action(task, REMOVE); break;
        case 'l': take_action(task, LIST); break;
        case 't': task->has_comment = true; break;
        case 'T': task->type = optarg; break;
        case 'h': usage(stdout); exit(PASSWORD_DONE);
        default:
            if (!password_option(&task->options, option, optarg))
                syntax(NULL);
        }
}

static void take_arguments(struct task *task, int argc, char **argv)
{
    bool stores = task->action == CHANGE || task->action == CREATE || task->action == PRINT;
    bool password = task->options.given && (stores || task->action == VERIFY);
    int  wanted = (task->action != PRINT) + (task->action != LIST) + password + task->has_comment;
    int  i = optind;

    password_options_check(&task->options);
    if (argc - i != wanted || (task->has_comment && !stores))
        syntax(NULL);
    if (task->action != PRINT)
        task->path = argv[i++];
    if (task->action != LIST)
        password_check_user(task->user = argv[i++]);
    if (password)
        task->given = argv[i++];
    if (task->has_comment)
        task->comment = argv[i];
}

/* ---- the database ---- */

PN_NORETURN static void database_failed(const struct task *task, apr_status_t status)
{
    char why[128];

    if (status > APR_OS_START_USEERR && status < APR_OS_START_USEERR + ERRNO_MAX)
        status -= APR_OS_START_USEERR; /* that is how the system's errors come out of Berkeley DB */
    fprintf(stderr, PROGRAM ": database %s: %s\n", task->path,
            apr_strerror(status, why, sizeof(why)));
    exit(PASSWORD_FILE);
}

static apr_dbm_t *open_database(struct task *task, apr_int32_t mode)
{
    apr_dbm_t   *dbm;
    apr_status_t status =
        apr_dbm_open_ex(&dbm, task->type, task->path, mode, FILE_MODE, task->pool);

    if (status != APR_SUCCESS)
        database_failed(task, status);
    return dbm;
}

static apr_datum_t key_of(const struct task *task)
{
    return (apr_datum_t){ .dptr = (char *)(uintptr_t)task->user, .dsize = strlen(task->user) };
}

/* ---- what is done ---- */

static const char *make_value(struct task *task)
{
    char       *password = password_get(task->pool, &task->options, task->given, true);
    const char *hash = password_hash(task->pool, &task->options, password);
    const char *value =
        task->comment ? apr_pstrcat(task->pool, hash, ":", task->comment, NULL) : hash;

    password_wipe(password);
    if (strlen(value) > VALUE_MAX_BYTES) {
        fprintf(stderr, PROGRAM ": hash and comment are too long: %d bytes at most\n",
                VALUE_MAX_BYTES);
        exit(PASSWORD_TOO_LONG);
    }
    return value;
}

static int change(struct task *task)
{
    const char *text = make_value(task);
    apr_datum_t value = { .dptr = (char *)(uintptr_t)text, .dsize = strlen(text) };
    apr_dbm_t  *dbm =
        open_database(task, task->action == CREATE ? APR_DBM_RWCREATE : APR_DBM_READWRITE);
    apr_status_t status = apr_dbm_store(dbm, key_of(task), value);

    apr_dbm_close(dbm);
    if (status != APR_SUCCESS)
        database_failed(task, status);
    fprintf(stderr, "Database %s %s.\n", task->path,
            task->action == CREATE ? "created" : "updated");
    return PASSWORD_DONE;
}

static int unknown_user(const struct task *task)
{
    fprintf(stderr, PROGRAM ": user '%s' is not in the database\n", task->user);
    return PASSWORD_USER;
}

static int remove_user(struct task *task)
{
    apr_dbm_t   *dbm = open_database(task, APR_DBM_READWRITE);
    bool         exists = apr_dbm_exists(dbm, key_of(task));
    apr_status_t status = exists ? apr_dbm_delete(dbm, key_of(task)) : APR_SUCCESS;

    apr_dbm_close(dbm);
    if (!exists)
        return unknown_user(task);
    if (status != APR_SUCCESS)
        database_failed(task, status);
    fprintf(stderr, "Database %s modified.\n", task->path);
    return PASSWORD_DONE;
}

static int verify(struct task *task)
{
    apr_dbm_t   *dbm = open_database(task, APR_DBM_READONLY);
    apr_datum_t  value = { 0 };
    apr_status_t status = apr_dbm_fetch(dbm, key_of(task), &value);
    const char  *stored = NULL;
    pn_str       rest;
    char        *password;
    bool         fits;

    if (status == APR_SUCCESS && value.dptr)
        stored = pn_str_zdup(task->pool, pn_str_cut(pn_str_n(value.dptr, value.dsize), ':', &rest));
    apr_dbm_close(dbm);
    if (!stored)
        return unknown_user(task);
    password = password_get(task->pool, &task->options, task->given, false);
    fits = password_fits(password, stored);
    password_wipe(password);
    fprintf(stderr,
            fits ? "Password validated for user '%s'\n" : "Password mismatch for user '%s'\n",
            task->user);
    return fits ? PASSWORD_DONE : PASSWORD_WRONG;
}

static void list_record(const struct task *task, apr_dbm_t *dbm, apr_datum_t key)
{
    apr_datum_t value = { 0 };
    pn_str      comment = { 0 };

    if (apr_dbm_fetch(dbm, key, &value) == APR_SUCCESS && value.dptr)
        pn_str_cut(pn_str_n(value.dptr, value.dsize), ':', &comment);
    printf("    %-32s%s\n", pn_str_escape(task->pool, pn_str_n(key.dptr, key.dsize)).p,
           pn_str_escape(task->pool, comment).p);
}

static int list(struct task *task)
{
    apr_dbm_t   *dbm = open_database(task, APR_DBM_READONLY);
    apr_datum_t  key;
    apr_status_t status;
    unsigned     records = 0;

    printf("Dumping records from database -- %s\n    %-32sComment\n", task->path, "Username");
    for (status = apr_dbm_firstkey(dbm, &key); status == APR_SUCCESS && key.dptr;
         status = apr_dbm_nextkey(dbm, &key)) {
        list_record(task, dbm, key);
        records++;
    }
    apr_dbm_close(dbm);
    printf("Total #records : %u\n", records);
    return fflush(stdout) == 0 ? PASSWORD_DONE : PASSWORD_FILE;
}

static int print(struct task *task)
{
    printf("%s:%s\n", task->user, make_value(task));
    return fflush(stdout) == 0 ? PASSWORD_DONE : PASSWORD_FILE;
}

int main(int argc, char **argv)
{
    struct task task = { .type = "default" };
    int         code;

    apr_initialize();
    apr_pool_create(&task.pool, NULL);
    take_options(&task, argc, argv);
    take_arguments(&task, argc, argv);
    switch (task.action) {
    case PRINT: code = print(&task); break;
    case VERIFY: code = verify(&task); break;
    case REMOVE: code = remove_user(&task); break;
    case LIST: code = list(&task); break;
    default: code = change(&task);
    }
    apr_terminate();
    return code;
}
