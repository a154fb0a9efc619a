/* mpm_directives.c - the rows of all directives about processes, listeners and runtime files.
 * Apache manual: "Apache MPM Common Directives", "event", "worker", "prefork", and Mutex of "Core Features". */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "proc/mpm_conf.h"

#define SLOT(member) PN_SLOT(struct pn_mpm_conf, member)
#define PATH(member) PN_SLOT_AS(PN_SLOT_PATH, struct pn_mpm_conf, member)
#define MAIN .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER
/* Impossible values are corrected with a warning in mpm_check.c; only what no int can hold is refused. */
#define COUNT_OF(member) .args = PN_TAKE1, MAIN, .slot = SLOT(member), .min = INT32_MIN, .max = INT32_MAX

/* ServerRoot took effect when its line was read; the row is for contexts and listings. */
static const char *set_server_root(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    return NULL;
}

static const char *set_runtime_dir(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf *mpm = conf;
    struct stat         found;
    pn_str              path = pn_conf_path(cmd, argv[0]);

    if (stat(path.p, &found) != 0 || !S_ISDIR(found.st_mode))
        return "DefaultRuntimeDir must be a valid directory, absolute or relative to ServerRoot";
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    mpm->runtime_dir = pn_str_dup(cmd->pool, path);
    return NULL;
}

static const char *set_async_factor(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf *mpm = conf;
    char               *end;
    double              value = strtod(argv[0].p, &end);

    if (end == argv[0].p || *end || !isfinite(value) || value < 0)
        return pn_conf_error_text(cmd, "AsyncRequestWorkerFactor must be a number that is not negative, not '%s'",
                                  argv[0].p);
    mpm->async_factor = value;
    mpm->async_factor_set = true;
    return NULL;
}

static const char *set_max_workers(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf *mpm = conf;
    char               *end;
    long long           value = strtoll(argv[0].p, &end, 10);

    mpm->max_workers_auto = pn_str_ieq(argv[0], PN_STR("auto"));
    if (mpm->max_workers_auto)
        return NULL;
    if (end == argv[0].p || *end || value < INT32_MIN || value > INT32_MAX)
        return pn_conf_error_text(cmd, "MaxRequestWorkers must be a whole number or auto, not '%s'", argv[0].p);
    mpm->max_request_workers = value;
    return NULL;
}

/* Bytes, or with a letter for thousands of them: 200M. */
static const char *set_max_mem(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const char   letters[] = "KMGT";
    struct pn_mpm_conf *mpm = conf;
    pn_str              number = argv[0];
    const char         *letter = number.n ? strchr(letters, toupper((unsigned char)number.p[number.n - 1])) : NULL;
    unsigned            shift = letter && *letter ? 10 * (unsigned)(letter - letters + 1) : 0;
    uint64_t            value;

    if (shift)
        number = pn_str_head(number, number.n - 1);
    if (pn_str_to_u64(number, INT64_MAX >> shift, &value) != PN_OK)
        return pn_conf_error_text(cmd, "MaxMemPerChild must be a size such as 200M, or 0, not '%s'", argv[0].p);
    mpm->max_mem_per_child = (int64_t)(value << shift);
    return NULL;
}

static const char *set_core_dir(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf *mpm = conf;
    struct stat         found;
    pn_str              path = pn_conf_path(cmd, argv[0]);

    if (stat(path.p, &found) != 0)
        return pn_conf_error_text(cmd, "CoreDumpDirectory %s does not exist", path.p);
    if (!S_ISDIR(found.st_mode))
        return pn_conf_error_text(cmd, "CoreDumpDirectory %s is not a directory", path.p);
    mpm->core_dir = path;
    return NULL;
}

/* ---- Mutex, and what 2.0 and 2.2 had in its place ---- */

static const char *const mechanisms[] = { "default", "none", "no", "flock", "fcntl", "file", "sysvsem", "sem",
                                          "posixsem", "pthread", "yes" };

static bool known_mechanism(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(mechanisms); i++)
        if (pn_str_ieq(name, pn_str_z(mechanisms[i])))
            return true;
    return false;
}

/* Mutex mechanism[:path] [default|name] ... [OmitPID] */
static const char *set_mutex(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_mpm_conf  *mpm = conf;
    struct pn_mutex_line line = { .name = PN_STR("default") };
    unsigned             names = 0;

    line.mechanism = pn_str_dup(cmd->pool, pn_str_cut(argv[0], ':', &line.path));
    if (!known_mechanism(line.mechanism))
        return pn_conf_error_text(cmd, "Invalid Mutex argument %s: the mechanisms are default, none, flock, fcntl, "
                                       "file, sysvsem, sem, posixsem and pthread", argv[0].p);
    if (line.path.n)
        line.path = pn_conf_path(cmd, line.path);
    for (unsigned i = 1; i < argc; i++)
        if (pn_str_ieq(argv[i], PN_STR("OmitPID")))
            line.omit_pid = true;
    for (unsigned i = 1; i < argc; i++) {
        if (pn_str_ieq(argv[i], PN_STR("OmitPID")))
            continue;
        line.name = pn_str_dup(cmd->pool, argv[i]);
        *(struct pn_mutex_line *)apr_array_push(mpm->mutexes) = line;
        names++;
    }
    if (names == 0)
        *(struct pn_mutex_line *)apr_array_push(mpm->mutexes) = line;
    return NULL;
}

/* COMPAT: 2.2 AcceptMutex method is 2.4's Mutex method mpm-accept. */
static const char *set_accept_mutex(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    const pn_str as_mutex[2] = { argv[0], PN_STR("mpm-accept") };

    return set_mutex(cmd, conf, 2, as_mutex);
}

const struct pn_directive pn__mpm_directives[] = {
    { .name = "ServerRoot", .args = PN_TAKE1, MAIN, .set = set_server_root,
      .help = "the directory that relative paths begin at" },
    { .name = "DefaultRuntimeDir", .args = PN_TAKE1, MAIN, .set = set_runtime_dir,
      .help = "the directory of files that live as long as the server runs" },

    { .name = "Listen", .args = PN_LIST, MAIN, .set = pn__set_listen,
      .help = "[address:]port [protocol] [options=...]: where connections are accepted" },
    { .name = "ListenBacklog", COUNT_OF(backlog), .dflt = "511",
      .help = "connections that the kernel keeps waiting for a listener" },
    { .name = "ListenCoresBucketsRatio", COUNT_OF(buckets_ratio), .dflt = "0",
      .help = "CPU cores for each set of listening sockets; 0: one set" },
    { .name = "ListenTCPDeferAccept", .args = PN_TAKE1, MAIN, .slot = SLOT(defer_accept_s), .min = 0, .max = INT32_MAX,
      .dflt = "30", .unit = "s", .help = "how long the kernel waits for a client's first bytes, where AcceptFilter has it wait; 0: not" },
    { .name = "AcceptFilter", .args = PN_TAKE2, MAIN, .set = pn__set_accept_filter,
      .help = "protocol, and what a connection waits for in the kernel: data, connect or none" },
    { .name = "ReceiveBufferSize", .args = PN_TAKE1, MAIN, .slot = SLOT(receive_bytes), .min = 0, .max = INT32_MAX,
      .dflt = "0", .unit = "bytes", .help = "TCP receive buffer; 0: as the system has it" },
    { .name = "SendBufferSize", .args = PN_TAKE1, MAIN, .slot = SLOT(send_bytes), .min = 0, .max = INT32_MAX,
      .dflt = "0", .unit = "bytes", .help = "TCP send buffer; 0: as the system has it" },

    { .name = "PidFile", .args = PN_TAKE1, MAIN, .slot = PATH(pid_file), .dflt = "logs/httpd.pid",
      .help = "file that holds the master's process number" },
    { .name = "ScoreBoardFile", .args = PN_TAKE1, MAIN, .slot = PATH(scoreboard_file),
      .help = "file to map the table of processes to; without it the table is in anonymous memory" },
    { .name = "CoreDumpDirectory", .args = PN_TAKE1, MAIN, .set = set_core_dir,
      .help = "where a process that crashes leaves its core" },
    { .name = "EnableExceptionHook", .args = PN_FLAG, MAIN, .slot = SLOT(exception_hook), .dflt = "Off",
      .help = "let modules look at a process that has crashed, before it ends" },
    { .name = "GracefulShutdownTimeout", .args = PN_TAKE1, MAIN,
      .slot = PN_SLOT_AS(PN_SLOT_USEC, struct pn_mpm_conf, graceful_timeout), .unit = "s", .dflt = "0",
      .help = "how long requests at work may take after a graceful stop; 0: no limit" },
    { .name = "Mutex", .args = PN_LIST, MAIN, .set = set_mutex,
      .help = "mechanism[:path] [name ...] [OmitPID]: how processes exclude each other" },
    { .name = "AcceptMutex", .args = PN_TAKE1, MAIN, .set = set_accept_mutex,
      .help = "mechanism: the same as Mutex mechanism mpm-accept" },
    { .name = "LockFile", .args = PN_TAKE1, MAIN, .slot = PATH(lock_file),
      .help = "file for the accept mutex, where its mechanism needs one" },

    { .name = "StartServers", COUNT_OF(start_servers), .dflt = "0",
      .help = "children at the start; without it event starts one for each core, prefork 5" },
    { .name = "MinSpareServers", COUNT_OF(min_spare_servers), .dflt = "5",
      .help = "prefork: fewest idle children" },
    { .name = "MaxSpareServers", COUNT_OF(max_spare_servers), .dflt = "10",
      .help = "prefork: most idle children" },
    { .name = "MinSpareThreads", COUNT_OF(min_spare_threads), .dflt = "75",
      .help = "event, worker: fewest idle places for requests" },
    { .name = "MaxSpareThreads", COUNT_OF(max_spare_threads), .dflt = "250",
      .help = "event, worker: most idle places for requests" },
    { .name = "ServerLimit", COUNT_OF(server_limit), .dflt = "0",
      .help = "most children: 16, prefork 256, when not given" },
    { .name = "ThreadLimit", COUNT_OF(thread_limit), .dflt = "64", .help = "upper limit of ThreadsPerChild" },
    { .name = "ThreadsPerChild", COUNT_OF(threads_per_child), .dflt = "25",
      .help = "event, worker: requests at work in one child" },
    { .name = "MaxRequestWorkers", .args = PN_TAKE1, MAIN, .set = set_max_workers,
      .help = "requests at work in all children, or auto: as many as the memory is for; ServerLimit times "
              "ThreadsPerChild when not given" },
    { .name = "MaxClients", .args = PN_TAKE1, MAIN, .set = set_max_workers, .help = "the old name of MaxRequestWorkers" },
    { .name = "MaxConnectionsPerChild", COUNT_OF(max_connections_per_child), .dflt = "0",
      .help = "connections after which a child is replaced; 0: never" },
    { .name = "MaxRequestsPerChild", COUNT_OF(max_connections_per_child),
      .help = "the old name of MaxConnectionsPerChild" },
    { .name = "HandlerWatchdog", .args = PN_TAKE1, MAIN, .slot = SLOT(handler_watchdog_s), .min = 0, .max = 86400,
      .dflt = "10", .unit = "s", .help = "how long a handler may run without letting others, before its request is named "
                                         "in the error log; 0: for ever" },
    { .name = "MaxMemPerChild", .args = PN_TAKE1, MAIN, .set = set_max_mem,
      .help = "memory, such as 200M, with which a child is replaced; 0: never" },
    { .name = "AsyncRequestWorkerFactor", .args = PN_TAKE1, MAIN, .set = set_async_factor,
      .help = "event: how many idle connections count as one request at work" },
    { .name = "MaxMemFree", .args = PN_TAKE1, MAIN, .slot = SLOT(max_mem_free_kbytes), .min = 0, .max = INT32_MAX,
      .dflt = "2048", .unit = "KB", .help = "free memory that each pool keeps; 0: no limit" },
    { .name = "ThreadStackSize", .args = PN_TAKE1, MAIN, .slot = SLOT(thread_stack_bytes), .min = 0,
      .max = 1 << 30, .dflt = "0", .unit = "bytes", .help = "stack of each request; 0: the server's own size" },
    { 0 }
};
