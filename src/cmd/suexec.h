/* suexec.h - what suexec was built with; the files of suexec share it.
 *
 * All limits are fixed at build time (meson options suexec_*): a program that root owns believes no configuration file. */
#ifndef PN_CMD_SUEXEC_H
#define PN_CMD_SUEXEC_H

#include <stdbool.h>
#include <sys/types.h>

/* Exit codes, one a check, in the order in which they are made. */
enum suexec_code {
    SUEXEC_NO_CALLER = 101, /* the caller's user id has no account */
    SUEXEC_USAGE,
    SUEXEC_WRONG_CALLER,
    SUEXEC_BAD_PATH,        /* not a name in the working directory */
    SUEXEC_NO_USER,
    SUEXEC_NO_GROUP,
    SUEXEC_ROOT_USER,
    SUEXEC_LOW_USER,
    SUEXEC_ROOT_GROUP,
    SUEXEC_LOW_GROUP,
    SUEXEC_SET_GROUP,
    SUEXEC_SET_USER,
    SUEXEC_NO_DIRECTORY,
    SUEXEC_NO_DOCROOT,
    SUEXEC_OUTSIDE,         /* of the document root, or the user's directory */
    SUEXEC_OPEN_DIRECTORY,  /* others may write there */
    SUEXEC_NO_PROGRAM,
    SUEXEC_OPEN_PROGRAM,
    SUEXEC_SETUID_PROGRAM,
    SUEXEC_NOT_OWNER,
    SUEXEC_NOT_EXECUTABLE,
    SUEXEC_NO_MEMORY,
    SUEXEC_EXEC_FAILED,
    SUEXEC_NO_LOG
};

/* Whom and what to become. */
struct suexec_target {
    const char *user_arg, *group_arg, *program; /* as called */
    bool        userdir;   /* user_arg began with ~ */
    uid_t       uid;
    gid_t       gid;
    const char *name, *home; /* of the account */
};

/* ---- suexec_log.c ---- */

/* Opens the log while the process is still root. @return false: it can't be. */
bool suexec_log_open(void);
/* One line with the time. */
__attribute__((format(printf, 1, 2))) void suexec_log(const char *format, ...);
/* One line, then the end. */
__attribute__((format(printf, 2, 3), noreturn)) void suexec_refuse(enum suexec_code code, const char *format, ...);

/* ---- suexec_env.c ---- */

/* The environment with nothing in it but a safe PATH and the variables that CGI is made of. NULL: no memory. */
char **suexec_environment(char *const *given);

#endif
