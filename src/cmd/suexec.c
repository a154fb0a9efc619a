/* suexec - runs a CGI program as the user and group that own it. Installed setuid root; the server calls it.
 * Apache manual: "suEXEC Support"; the checks are those of its security model, in its order.
 *
 * suexec user group program [argument ...]: user and group by name or number, "~user" for a program in the user's own web
 * directory; the working directory is that of the program. Each check that fails ends it with a code and a log line of its
 * own. It uses the C library alone: less code runs as root. */
#include "suexec.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef SUEXEC_UMASK
#define UMASK_GIVEN 1
#else
#define UMASK_GIVEN 0
#define SUEXEC_UMASK 022
#endif

extern char **environ;

/* ---- who calls, for whom ---- */

static void show_limits(void)
{
    printf(" caller:         %s\n document root:  %s\n user directory: %s\n lowest uid:     %d\n lowest gid:     %d\n"
           " log:            %s\n safe path:      %s\n",
           SUEXEC_CALLER, SUEXEC_DOCROOT, SUEXEC_USERDIR, SUEXEC_UID_MIN, SUEXEC_GID_MIN, SUEXEC_LOG, SUEXEC_SAFE_PATH);
    if (UMASK_GIVEN)
        printf(" umask:          %03o\n", SUEXEC_UMASK);
}

/* Only the server's account may call; root and it may look at the limits. */
static void check_caller(int argc, char *const *argv)
{
    const struct passwd *caller = getpwuid(getuid());

    if (!caller)
        suexec_refuse(SUEXEC_NO_CALLER, "crit: calling user has no account (uid %lu)", (unsigned long)getuid());
    bool is_server = strcmp(caller->pw_name, SUEXEC_CALLER) == 0;
    if (argc == 2 && strcmp(argv[1], "-V") == 0 && (is_server || getuid() == 0)) {
        show_limits();
        exit(0);
    }
    if (argc < 4)
        suexec_refuse(SUEXEC_USAGE, "too few arguments");
    if (!is_server)
        suexec_refuse(SUEXEC_WRONG_CALLER, "user mismatch (%s instead of %s)", caller->pw_name, SUEXEC_CALLER);
}

/* A plain name: neither absolute nor by way of another directory, whose owner and links nobody has looked at. */
static void check_path(const char *program)
{
    if (*program == '\0' || strchr(program, '/') || strcmp(program, ".") == 0 || strcmp(program, "..") == 0)
        suexec_refuse(SUEXEC_BAD_PATH, "invalid command (%s)", program);
}

/* Digits alone are a number. */
static bool number(const char *text, unsigned long *ret)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *ret = strtoul(text, &end, 10);
    return *end == '\0' && errno == 0 && *ret < UINT_MAX;
}

static void find_user(struct suexec_target *target)
{
    const char          *text = target->user_arg;
    const struct passwd *account;
    unsigned long        id;

    target->userdir = *text == '~';
    if (target->userdir)
        text++;
    account = number(text, &id) ? getpwuid((uid_t)id) : getpwnam(text);
    if (!account)
        suexec_refuse(SUEXEC_NO_USER, "crit: invalid target user: (%s)", target->user_arg);
    target->uid = account->pw_uid;
    target->name = strdup(account->pw_name);
    target->home = strdup(account->pw_dir);
    if (!target->name || !target->home)
        suexec_refuse(SUEXEC_NO_MEMORY, "out of memory");
}

static void find_group(struct suexec_target *target)
{
    unsigned long id;

    if (number(target->group_arg, &id)) {
        target->gid = (gid_t)id;
        return;
    }
    const struct group *group = getgrnam(target->group_arg);
    if (!group)
        suexec_refuse(SUEXEC_NO_GROUP, "invalid target group name: (%s)", target->group_arg);
    target->gid = group->gr_gid;
}

static void check_target(const struct suexec_target *target)
{
    unsigned long uid = target->uid, gid = target->gid;

    if (uid == 0)
        suexec_refuse(SUEXEC_ROOT_USER, "cannot run as forbidden uid (%lu/%s)", uid, target->program);
    if (uid < SUEXEC_UID_MIN)
        suexec_refuse(SUEXEC_LOW_USER, "uid is below the minimum (%lu/%s)", uid, target->program);
    if (gid == 0)
        suexec_refuse(SUEXEC_ROOT_GROUP, "cannot run as forbidden gid (%lu/%s)", gid, target->program);
    if (gid < SUEXEC_GID_MIN)
        suexec_refuse(SUEXEC_LOW_GROUP, "gid is below the minimum (%lu/%s)", gid, target->program);
}

static void become(const struct suexec_target *target)
{
    if (setgid(target->gid) != 0 || initgroups(target->name, target->gid) != 0)
        suexec_refuse(SUEXEC_SET_GROUP, "failed to setgid (%lu: %s)", (unsigned long)target->gid, target->program);
    if (setuid(target->uid) != 0 || getuid() != target->uid || geteuid() != target->uid || setuid(0) == 0)
        suexec_refuse(SUEXEC_SET_USER, "failed to setuid (%lu: %s)", (unsigned long)target->uid, target->program);
}

/* ---- where the program lies; from here on with the target's rights ---- */

static const char *current_directory(char room[PATH_MAX])
{
    const char *path = getcwd(room, PATH_MAX);

    if (!path || path[0] != '/') /* "(unreachable)/..." outside of a chroot */
        suexec_refuse(SUEXEC_NO_DIRECTORY, "cannot get current working directory");
    return path;
}

/* The real path of the root below which programs may lie. */
static const char *root_of(const struct suexec_target *target, const char *here)
{
    bool found = target->userdir ? chdir(target->home) == 0 && chdir(SUEXEC_USERDIR) == 0 : chdir(SUEXEC_DOCROOT) == 0;

    if (!found)
        suexec_refuse(SUEXEC_NO_DOCROOT, "cannot get docroot information (%s)", target->userdir ? target->home : SUEXEC_DOCROOT);
    static char room[PATH_MAX];
    const char *root = current_directory(room);
    if (chdir(here) != 0)
        suexec_refuse(SUEXEC_NO_DIRECTORY, "cannot go back to %s", here);
    return root;
}

/* A prefix that ends in the middle of a name is none. */
static bool is_below(const char *path, const char *root)
{
    size_t n = strlen(root);

    return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0' || (n == 1 && root[0] == '/'));
}

static void check_directory(const struct suexec_target *target, struct stat *ret_info)
{
    static char room[PATH_MAX];
    const char *here = current_directory(room);

    if (!is_below(here, root_of(target, here)))
        suexec_refuse(SUEXEC_OUTSIDE, "command not in docroot (%s/%s)", here, target->program);
    if (lstat(here, ret_info) != 0 || !S_ISDIR(ret_info->st_mode))
        suexec_refuse(SUEXEC_NO_DIRECTORY, "cannot stat directory: (%s)", here);
    if (ret_info->st_mode & (S_IWOTH | S_IWGRP))
        suexec_refuse(SUEXEC_OPEN_DIRECTORY, "directory is writable by others: (%s)", here);
}

static void check_program(const struct suexec_target *target, const struct stat *directory)
{
    struct stat info;

    if (lstat(target->program, &info) != 0 || !S_ISREG(info.st_mode))
        suexec_refuse(SUEXEC_NO_PROGRAM, "cannot stat program: (%s)", target->program);
    if (info.st_mode & (S_IWOTH | S_IWGRP))
        suexec_refuse(SUEXEC_OPEN_PROGRAM, "file is writable by others: (%s)", target->program);
    if (info.st_mode & (S_ISUID | S_ISGID))
        suexec_refuse(SUEXEC_SETUID_PROGRAM, "file is either setuid or setgid: (%s)", target->program);
    if (target->uid != directory->st_uid || target->gid != directory->st_gid || target->uid != info.st_uid ||
        target->gid != info.st_gid)
        suexec_refuse(SUEXEC_NOT_OWNER, "target uid/gid (%lu/%lu) mismatch with directory (%lu/%lu) or program (%lu/%lu)",
                      (unsigned long)target->uid, (unsigned long)target->gid, (unsigned long)directory->st_uid,
                      (unsigned long)directory->st_gid, (unsigned long)info.st_uid, (unsigned long)info.st_gid);
    if (!(info.st_mode & S_IXUSR))
        suexec_refuse(SUEXEC_NOT_EXECUTABLE, "file has no execute permission: (%s)", target->program);
}

/* What the program will get. Static, so that it is still in use at each early end of main. */
static char **environment;

int main(int argc, char *argv[])
{
    struct suexec_target target = { 0 };
    struct stat          directory;

    environment = suexec_environment(environ);
    if (!environment || clearenv() != 0)
        return SUEXEC_NO_MEMORY;
    if (!suexec_log_open() && geteuid() == 0) {
        fprintf(stderr, "suexec failure: could not open log file %s: %s\n", SUEXEC_LOG, strerror(errno));
        return SUEXEC_NO_LOG;
    }
    check_caller(argc, argv);
    target.user_arg = argv[1];
    target.group_arg = argv[2];
    target.program = argv[3];
    check_path(target.program);
    find_user(&target);
    find_group(&target);
    check_target(&target);
    suexec_log("uid: (%s/%s) gid: (%lu/%s) cmd: %s", target.user_arg, target.name, (unsigned long)target.gid, target.group_arg,
               target.program);
    become(&target);
    check_directory(&target, &directory);
    check_program(&target, &directory);
    if (UMASK_GIVEN)
        umask(SUEXEC_UMASK);
    char path[NAME_MAX + 3];
    if (snprintf(path, sizeof(path), "./%s", target.program) >= (int)sizeof(path))
        suexec_refuse(SUEXEC_BAD_PATH, "the command's name is too long");
    execve(path, &argv[3], environment);
    suexec_refuse(SUEXEC_EXEC_FAILED, "(%d)%s: exec failed (%s)", errno, strerror(errno), target.program);
}
