/* password_input.c - where the programs for passwords get the user's words from. */
#include <apr_lib.h>
#include <apr_strings.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/password.h"

static void on_interrupt(int number)
{
    (void)number;
    _exit(PASSWORD_INTERRUPTED);
}

PN_NORETURN static void too_long(void)
{
    fprintf(stderr, "the password is too long: %d bytes at most\n", PASSWORD_MAX_BYTES);
    exit(PASSWORD_TOO_LONG);
}

void password_wipe(char *password)
{
    explicit_bzero(password, strlen(password));
}

static char *ask(apr_pool_t *pool, const char *prompt)
{
    apr_size_t   room = PASSWORD_MAX_BYTES + 1;
    char        *password = apr_pcalloc(pool, room);
    apr_status_t status = apr_password_get(prompt, password, &room);

    if (APR_STATUS_IS_ENAMETOOLONG(status))
        too_long();
    if (status != APR_SUCCESS) {
        fputs("no password was given\n", stderr);
        exit(PASSWORD_INTERRUPTED);
    }
    return password;
}

char *password_ask(apr_pool_t *pool, bool twice, int differ_code)
{
    struct sigaction interrupt = { .sa_handler = on_interrupt }, before;
    char            *password, *again;

    sigaction(SIGINT, &interrupt, &before);
    password = ask(pool, twice ? "New password: " : "Enter password: ");
    if (twice) {
        again = ask(pool, "Re-type new password: ");
        if (strcmp(password, again) != 0) {
            fputs("the two passwords differ\n", stderr);
            exit(differ_code);
        }
        password_wipe(again);
    }
    sigaction(SIGINT, &before, NULL);
    return password;
}

/* Unbuffered, so that the password is in no other place of memory. */
static char *first_line(apr_pool_t *pool)
{
    char  *password = apr_pcalloc(pool, PASSWORD_MAX_BYTES + 2); /* room for a CR at the end */
    size_t n = 0;
    char   c;

    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        if (n > PASSWORD_MAX_BYTES)
            too_long();
        if (c == '\0') {
            fputs("the password has a NUL byte\n", stderr);
            exit(PASSWORD_SYNTAX);
        }
        password[n++] = c;
    }
    if (n && password[n - 1] == '\r')
        password[--n] = '\0';
    if (n > PASSWORD_MAX_BYTES)
        too_long();
    return password;
}

char *password_get(apr_pool_t *pool, const struct password_options *options, char *given,
                   bool twice)
{
    char *password;

    if (options->from_input)
        return first_line(pool);
    if (!options->given)
        return password_ask(pool, twice, PASSWORD_WRONG);
    if (strlen(given) > PASSWORD_MAX_BYTES)
        too_long();
    password = apr_pstrdup(pool, given);
    password_wipe(given);
    return password;
}

void password_check_user(const char *user)
{
    if (strlen(user) > PASSWORD_USER_MAX_BYTES) {
        fprintf(stderr, "the user's name is too long: %d bytes at most\n", PASSWORD_USER_MAX_BYTES);
        exit(PASSWORD_TOO_LONG);
    }
    for (const char *p = user; *p; p++)
        if (*p == ':' || apr_iscntrl(*p) || (p == user && *p == '#')) {
            fprintf(stderr, "the user's name has %s\n",
                    *p == ':'   ? "a ':'"
                    : *p == '#' ? "a '#' at its beginning"
                                : "a control character");
            exit(PASSWORD_USER);
        }
}
