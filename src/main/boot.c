/* boot.c - the order in which things begin: arguments, a check of the configuration, the daemon, the configuration
 * with everything opened, the processes.
 *
 * The configuration is loaded twice: the first time opens nothing and tells the terminal what is wrong, so that a
 * mistake ends the start before anything was touched, and -k learns the PidFile. */
#include "main/boot.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "net/listener.h"
#include "proc/proc.h"

#define PN_LOG_MODULE &pn_module_mpm_common

/* ---- loading ---- */

static const char *absolute(apr_pool_t *pool, const char *path)
{
    char *result;

    if (apr_filepath_merge(&result, NULL, path, APR_FILEPATH_TRUENAME, pool) != APR_SUCCESS)
        return path;
    return result;
}

/* Without -d the server root begins as the folder of the file that -f names, so that Debian's tree, whose files name each
 * other relative to /etc/apache2 and say no ServerRoot, is read as Debian's httpd reads it. */
static const char *first_server_root(const struct pn_command *args, apr_pool_t *pool)
{
    const char *file = args->config_file;
    const char *slash = file && file[0] == '/' ? strrchr(file, '/') : NULL;

    if (args->server_root)
        return absolute(pool, args->server_root);
    if (slash)
        return slash == file ? "/" : apr_pstrmemdup(pool, file, (size_t)(slash - file));
    return PN_DEFAULT_ROOT;
}

struct pn_generation *pn_boot_load(const struct pn_command *args, apr_pool_t *pool, unsigned number,
                                   enum pn_load_how how, struct pn_load_report *ret_report)
{
    struct pn_load_options options = { .config_file = args->config_file ? args->config_file : PN_DEFAULT_CONFIG,
                                       .server_root = args->server_root,
                                       .before = pn_args_list(args->before),
                                       .after = pn_args_list(args->after),
                                       .defines = pn_args_list(args->defines),
                                       .number = number,
                                       .check_only = how == PN_LOAD_CHECK,
                                       .no_post_config = how == PN_LOAD_QUIETLY,
                                       .no_docroot_check = args->no_docroot_check,
                                       .record_includes = pn_args_defined(args, "DUMP_INCLUDES") };
    struct pn_generation  *generation = NULL;
    struct pn_buf          dump;
    pn_rc                  rc;

    pn_buf_init(&dump, NULL, SIZE_MAX);
    if (how == PN_LOAD_CHECK && pn_args_defined(args, "DUMP_CONFIG"))
        options.dump = &dump;
    if (args->directory)
        options.config_file = NULL; /* serve has its text in `before` */
    options.server_root = first_server_root(args, pool);
    rc = pn_generation_load(&options, pool, &generation, ret_report);
    if (dump.n)
        fwrite(dump.p, 1, dump.n, stdout); /* COMPAT: 2.4 shows what it read even when a module refuses it later */
    fflush(stdout);
    pn_buf_release(&dump);
    return rc == PN_OK ? generation : NULL;
}

static void print_all(const apr_array_header_t *texts)
{
    for (int i = 0; i < texts->nelts; i++)
        fprintf(stderr, "%s\n", APR_ARRAY_IDX(texts, i, const char *));
}

void pn_boot_print(const struct pn_command *args, const struct pn_load_report *report)
{
    if (args->start_level >= PN_LOG_WARNING)
        print_all(report->warnings);
    print_all(report->errors);
}

/* Each line of a text is a message of its own: a log has no lines inside lines. */
static void log_lines(const struct pn_server *server, enum pn_log_level level, unsigned id, const char *text)
{
    pn_str rest = pn_str_z(text);

    while (rest.p) {
        pn_str line = pn_str_trim(pn_str_cut(rest, '\n', &rest));

        if (line.n)
            PN_LOG_S(server, level, id, 0, "%.*s", PN_FMT(line));
    }
}

static void log_report(const struct pn_server *server, const struct pn_load_report *report)
{
    for (int i = 0; i < report->warnings->nelts; i++)
        log_lines(server, PN_LOG_WARNING, 20140, APR_ARRAY_IDX(report->warnings, i, const char *));
    for (int i = 0; i < report->errors->nelts; i++)
        log_lines(server, PN_LOG_ERR, 20141, APR_ARRAY_IDX(report->errors, i, const char *));
}

struct pn_generation *pn_boot_reload(const struct pn_command *args, unsigned number, struct pn_generation *running)
{
    struct pn_load_report report;
    struct pn_generation *next;
    apr_pool_t           *pool;

    apr_pool_create(&pool, NULL);
    next = pn_boot_load(args, pool, number, PN_LOAD_TO_RUN, &report);
    log_report(next ? next->servers : running->servers, &report);
    if (!next)
        PN_LOG_S(running->servers, PN_LOG_ERR, 20142, 0,
                 "the configuration has an error: the server goes on with the one it has");
    apr_pool_destroy(pool);
    return next;
}

/* ---- checking ---- */

int pn_boot_check(const struct pn_command *args, apr_pool_t *pool)
{
    struct pn_load_report report;
    struct pn_generation *generation = pn_boot_load(args, pool, 1, PN_LOAD_CHECK, &report);
    unsigned              wrong = 0;

    pn_boot_print(args, &report);
    if (!generation)
        return 1;
    if (args->htaccess_dir)
        wrong = pn_check_htaccess(args, generation, pool);
    if (!wrong && !pn_dump(args, generation, &report))
        fprintf(stderr, "Syntax OK\n");
    pn_generation_unref(generation);
    return wrong ? 1 : 0;
}

/* ---- running ---- */

/* @return false when that was all, with the exit code. */
static bool may_start(const struct pn_command *args, apr_pool_t *pool, int *ret_code)
{
    struct pn_load_report report;
    struct pn_generation *generation = pn_boot_load(args, pool, 1, PN_LOAD_CHECK, &report);
    bool                  done;

    *ret_code = 1;
    pn_boot_print(args, &report);
    if (!generation)
        return false;
    done = pn_control(args->verb, pn_mpm_conf(generation)->pid_file.p, ret_code);
    pn_generation_unref(generation);
    return !done;
}

static bool one_process(const struct pn_command *args)
{
    return pn_args_defined(args, "DEBUG") || pn_args_defined(args, "ONE_PROCESS");
}

/* @return false when there is no new process to be had. */
static bool leave_terminal(const struct pn_command *args, apr_pool_t *pool, struct pn_daemon **ret_daemon)
{
    *ret_daemon = NULL;
    if (one_process(args) || pn_args_defined(args, "FOREGROUND"))
        return true;
    if (pn_args_defined(args, "NO_DETACH")) {
        setpgid(0, 0);
        return true;
    }
    fflush(stdout);
    *ret_daemon = pn_daemon_detach(pool);
    if (!*ret_daemon)
        fprintf(stderr, "%s: no process for the server: %s\n", args->program, strerror(errno));
    return *ret_daemon != NULL;
}

static const char *command_line(apr_pool_t *pool, int argc, char *const *argv)
{
    struct pn_buf line;

    pn_buf_init(&line, pool, 16384);
    for (int i = 0; i < argc; i++)
        pn_buf_printf(&line, "%s%s", i ? " " : "", argv[i]);
    return pn_str_zdup(pool, pn_buf_view(&line));
}

static struct pn_generation *load_to_run(const struct pn_command *args, apr_pool_t *pool)
{
    struct pn_load_report report;
    struct pn_generation *generation = pn_boot_load(args, pool, 1, PN_LOAD_TO_RUN, &report);

    if (generation)
        log_report(generation->servers, &report); /* the terminal has seen them */
    else
        pn_boot_print(args, &report);
    return generation;
}

/* What it takes to start the same program again. @return NULL when its path is not to be had. */
static const struct pn_start *how_started(apr_pool_t *pool, char *const *argv)
{
    struct pn_start *start = apr_palloc(pool, sizeof(*start));
    char            *program = apr_palloc(pool, PATH_MAX);
    ssize_t          n = readlink("/proc/self/exe", program, PATH_MAX - 1);

    if (n <= 0)
        return NULL;
    program[n] = '\0';
    *start = (struct pn_start){ .program = program, .argv = argv,
                                .directory_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) };
    return start;
}

int pn_boot_run(const struct pn_command *args, apr_pool_t *pool, int argc, char *const *argv)
{
    struct pn_command         fixed = *args;
    struct pn_proc_options options = { .ops = &pn_glue, .arg = &fixed, .name = PN_SERVER_NAME,
                                       .one_process = one_process(args) };
    struct pn_handover     handover;
    int                    code;

    /* Reloads come when the folder we are in may be another. */
    fixed.server_root = first_server_root(args, pool);
    options.command_line = command_line(pool, argc, argv);
    options.start = how_started(pool, argv);
    if (pn_handover_from_environment(&handover)) {
        options.handover = &handover;
        fixed.verb = PN_VERB_NONE;
    }
    options.inherited = pn_listeners_from_environment(pool); /* before the process number changes */
    if (!may_start(&fixed, pool, &code))
        return code;
    /* An earlier server that hands over has left the terminal already, if it was to. */
    if (!options.handover && !leave_terminal(&fixed, pool, &options.daemon))
        return 1;
    options.generation = load_to_run(&fixed, pool);
    return options.generation ? pn_proc_run(&options) : 1;
}
