/* rewrite_map_program.c - RewriteMap of type prg: a program that reads keys and writes values, a line each.
 *
 * Each child of the server has one process of it, started with the child and again when it has ended or does not answer.
 * Look-ups run on the offload pool and stand in line for the process under a lock, so the loop never waits for it. It runs as
 * the child's user, never as root. Apache manual: "Using RewriteMap", prg. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "mod_rewrite.h"

#define ANSWER_MS 30000             /* a program that is silent for so long is ended */
#define RESTART_PAUSE_MS 1000       /* between two starts of one that does not live */
#define ANSWER_MAX ((size_t)16 << 10)

struct program {
    pthread_mutex_t lock;     /* of all below; held over a look-up, never on the loop's thread once the child serves */
    char          **argv;
    uid_t           uid;      /* as the third argument says */
    gid_t           gid;
    bool            has_user, has_group;
    pid_t           pid;      /* 0: not running */
    int             to, from; /* our ends of its input and output */
    int64_t         started_ms;
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the process ---- */

static bool user_is_ours(const struct program *program)
{
    return (!program->has_user || program->uid == geteuid()) && (!program->has_group || program->gid == getegid());
}

static int spawn(struct program *program, int in, int out)
{
    extern char              **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t          attr;
    sigset_t                   none, fatal;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    sigemptyset(&fatal);
    sigaddset(&fatal, SIGPIPE);
    sigaddset(&fatal, SIGTERM);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &fatal);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(&program->pid, program->argv[0], &files, &attr, program->argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    if (error)
        program->pid = 0;
    return error;
}

/* @return 0 or an errno value. */
static int start(struct program *program)
{
    int in[2], out[2], error;

    program->started_ms = now_ms();
    if (!user_is_ours(program))
        return EPERM;
    if (pipe2(in, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(out, O_CLOEXEC) != 0) {
        error = errno;
        close(in[0]);
        close(in[1]);
        return error;
    }
    error = spawn(program, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    if (error) {
        close(in[1]);
        close(out[0]);
        return error;
    }
    program->to = in[1];
    program->from = out[0];
    return 0;
}

/* Closing its input asks it to end; one that was stuck is not asked. */
static void stop(struct program *program)
{
    if (program->pid == 0)
        return;
    close(program->to);
    close(program->from);
    kill(program->pid, SIGTERM);
    for (unsigned i = 0; i < 50 && waitpid(program->pid, NULL, WNOHANG) == 0; i++) {
        if (i == 49) {
            kill(program->pid, SIGKILL);
            waitpid(program->pid, NULL, 0);
            break;
        }
        poll(NULL, 0, 10);
    }
    program->pid = 0;
}

/* ---- one question ---- */

struct question {
    struct program *program;
    pn_str          key;
    char           *answer;  /* room for ANSWER_MAX bytes */
    size_t          n;
    int             error;   /* errno value: why there is no answer */
    bool            restarted;
};

static bool wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd wait = { .fd = fd, .events = events };
    int64_t       left = until_ms - now_ms();

    return left > 0 && poll(&wait, 1, (int)left) > 0;
}

static int send_line(const struct program *program, pn_str key, int64_t until_ms)
{
    pn_str parts[] = { key, PN_STR("\n") };

    for (unsigned i = 0; i < PN_COUNT(parts); i++)
        while (parts[i].n) {
            if (!wait_for(program->to, POLLOUT, until_ms))
                return ETIMEDOUT;
            /* a write of more than a pipe takes would not return: pieces that fit always go */
            ssize_t n = write(program->to, parts[i].p, parts[i].n < 512 ? parts[i].n : 512);
            if (n < 0 && errno != EINTR)
                return errno;
            parts[i] = pn_str_from(parts[i], n > 0 ? (size_t)n : 0);
        }
    return 0;
}

static int receive_line(struct question *question, int64_t until_ms)
{
    question->n = 0;
    for (;;) {
        if (!wait_for(question->program->from, POLLIN, until_ms))
            return ETIMEDOUT;
        ssize_t n = read(question->program->from, question->answer + question->n, ANSWER_MAX - question->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EPIPE;
        question->n += (size_t)n;
        char *newline = memchr(question->answer, '\n', question->n);
        if (newline) { /* one line a question: more would be the answer to nothing */
            question->n = (size_t)(newline - question->answer);
            return 0;
        }
        if (question->n == ANSWER_MAX)
            return EMSGSIZE;
    }
}

static int exchange(struct question *question)
{
    int64_t until_ms = now_ms() + ANSWER_MS;
    int     error = send_line(question->program, question->key, until_ms);

    return error ? error : receive_line(question, until_ms);
}

/* Notices that the process has ended by itself. */
static void look_after(struct program *program)
{
    if (program->pid == 0 || waitpid(program->pid, NULL, WNOHANG) == 0)
        return;
    close(program->to);
    close(program->from);
    program->pid = 0;
}

/* Offload thread. A program that ends over a key is not asked for that key again. */
static void ask(void *arg)
{
    struct question *question = arg;
    struct program  *program = question->program;

    pthread_mutex_lock(&program->lock);
    look_after(program);
    question->error = 0;
    if (program->pid == 0) {
        question->restarted = program->started_ms != 0;
        if (program->started_ms && now_ms() - program->started_ms < RESTART_PAUSE_MS)
            question->error = EAGAIN;
        else
            question->error = start(program);
    }
    if (question->error == 0 && (question->error = exchange(question)))
        stop(program);
    pthread_mutex_unlock(&program->lock);
}

PN_MAY_YIELD static pn_str program_look_up(struct rewrite_map *map, struct pn_request *r, pn_str key)
{
    struct question *question;
    pn_str           none = { NULL, 0 }, answer;

    if (memchr(key.p, '\n', key.n)) /* it would be two questions */
        return none;
    question = apr_pcalloc(r->pool, sizeof(*question));
    question->program = map->data;
    question->key = key;
    question->answer = apr_palloc(r->pool, ANSWER_MAX);
    if (pn_run_blocking(r, ask, question) != PN_OK)
        question->error = EAGAIN;
    if (question->restarted && question->error == 0)
        PN_LOG_R(r, PN_LOG_NOTICE, 20710, 0, "RewriteMap %s: its program had ended and was started again", map->name.p);
    if (question->error) {
        PN_LOG_R(r, PN_LOG_ERR, 20711, question->error, "RewriteMap %s: its program gave no answer", map->name.p);
        return none;
    }
    answer = pn_str_n(question->answer, question->n);
    if (pn_str_ieq(answer, PN_STR("NULL")))
        return none;
    return pn_str_dup(r->pool, answer);
}

/* ---- life ---- */

static void program_child_init(struct rewrite_map *map)
{
    struct program *program = map->data;
    int             error;

    pthread_mutex_lock(&program->lock);
    error = program->pid ? 0 : start(program);
    pthread_mutex_unlock(&program->lock);
    if (error == EPERM && !user_is_ours(program))
        PN_LOG_S(NULL, PN_LOG_ERR, 20712, 0, "RewriteMap %s: its program cannot run as another user than the server", map->name.p);
    else if (error)
        PN_LOG_S(NULL, PN_LOG_ERR, 20713, error, "RewriteMap %s: could not start %s", map->name.p, program->argv[0]);
}

static void program_child_exit(struct rewrite_map *map)
{
    struct program *program = map->data;

    pthread_mutex_lock(&program->lock);
    stop(program);
    pthread_mutex_unlock(&program->lock);
}

/* "user:group", either a name or #number. */
static const char *take_user(struct pn_conf_cmd *cmd, struct program *program, pn_str options)
{
    pn_str         group, user = pn_str_cut(options, ':', &group);
    uint64_t       number;
    struct passwd *pw;
    struct group  *gr;

    if (user.n) {
        program->has_user = true;
        if (user.p[0] == '#' && pn_str_to_u64(pn_str_from(user, 1), UINT32_MAX, &number) == PN_OK)
            program->uid = (uid_t)number;
        else if ((pw = getpwnam(pn_str_zdup(cmd->temp, user))) != NULL)
            program->uid = pw->pw_uid;
        else
            return pn_conf_error_text(cmd, "RewriteMap: there is no user '%.*s'", PN_FMT(user));
    }
    if (group.n) {
        program->has_group = true;
        if (group.p[0] == '#' && pn_str_to_u64(pn_str_from(group, 1), UINT32_MAX, &number) == PN_OK)
            program->gid = (gid_t)number;
        else if ((gr = getgrnam(pn_str_zdup(cmd->temp, group))) != NULL)
            program->gid = gr->gr_gid;
        else
            return pn_conf_error_text(cmd, "RewriteMap: there is no group '%.*s'", PN_FMT(group));
    }
    return NULL;
}

static apr_status_t program_release(void *arg)
{
    struct program *program = arg;

    stop(program);
    pthread_mutex_destroy(&program->lock);
    return APR_SUCCESS;
}

static const char *program_make(struct pn_conf_cmd *cmd, struct rewrite_map *map, pn_str options)
{
    struct program *program = apr_pcalloc(cmd->pool, sizeof(*program));
    struct stat     info;

    if (apr_tokenize_to_argv(map->source.p, &program->argv, cmd->pool) != APR_SUCCESS || !program->argv[0])
        return pn_conf_error_text(cmd, "RewriteMap: the program of map %s is missing", map->name.p);
    program->argv[0] = pn_str_zdup(cmd->pool, pn_conf_path(cmd, pn_str_z(program->argv[0])));
    if (stat(program->argv[0], &info) != 0)
        return pn_conf_error_text(cmd, "RewriteMap: file for map %s not found: %s", map->name.p, program->argv[0]);
    const char *error = options.n ? take_user(cmd, program, options) : NULL;
    if (error)
        return error;
    pthread_mutex_init(&program->lock, NULL);
    apr_pool_cleanup_register(cmd->pool, program, program_release, apr_pool_cleanup_null);
    map->data = program;
    return NULL;
}

const struct rewrite_map_ops pn__rewrite_map_prg = { .prefix = "prg:", .make = program_make, .child_init = program_child_init,
                                                     .child_exit = program_child_exit, .look_up = program_look_up };
