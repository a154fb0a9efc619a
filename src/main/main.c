/* main.c - the program begins. */
#include <apr_general.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "conf/registry.h"
#include "main/boot.h"

/* -E: from now on what standard error gets goes to a file. */
static bool redirect_errors(const struct pn_command *args)
{
    int fd;

    if (!args->error_file)
        return true;
    fd = open(args->error_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        fprintf(stderr, "%s: %s: %s\n", args->program, args->error_file, strerror(errno));
        return false;
    }
    dup2(fd, STDERR_FILENO);
    close(fd);
    return true;
}

static int act(const struct pn_command *args, apr_pool_t *pool, int argc, char *const *argv)
{
    switch (args->action) {
    case PN_ACTION_VERSION:
        pn_show_version();
        return 0;
    case PN_ACTION_SETTINGS:
        pn_show_settings(args, pool);
        return 0;
    case PN_ACTION_LIST_STATIC:
        pn_show_static_modules();
        return 0;
    case PN_ACTION_LIST_DIRECTIVES:
        pn_show_directives();
        return 0;
    case PN_ACTION_HELP:
        pn_usage(stdout, args->program);
        return 0;
    case PN_ACTION_USAGE:
        pn_usage(stderr, args->program);
        return 1;
    case PN_ACTION_CHECK:
        return pn_boot_check(args, pool);
    case PN_ACTION_SERVE:
        return pn_serve(args, pool);
    case PN_ACTION_EXPLAIN:
        return pn_explain(args, pool);
    case PN_ACTION_RUN:
        break;
    }
    return pn_boot_run(args, pool, argc, argv);
}

int main(int argc, char **argv)
{
    struct pn_command args;
    apr_pool_t    *pool;
    int            code;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 1;
    pn_registry_init(pn_builtin_modules);
    pn_args_parse(pool, argc, argv, &args);
    code = redirect_errors(&args) ? act(&args, pool, argc, argv) : 1;
    apr_pool_destroy(pool);
    apr_terminate();
    return code;
}
