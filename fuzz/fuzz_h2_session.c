/* fuzz_h2_session.c - any bytes behind the preface of HTTP/2, to a real session with the request pipeline behind it: a worker, its
 * loop, fibers, and a socket pair in place of a client. The first byte says how the rest is cut in two. Checks that everything
 * ends when the client has gone. */
#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/load.h"
#include "conf/registry.h"
#include "http/core_conf.h"
#include "http/log_buffer.h"
#include "http/worker.h"
#include "net/listener.h"

#define INPUT_MAX 65536
#define TURNS_MAX 2000

extern struct pn_module *const pn_builtin_modules[];
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pn_generation *generation;
static apr_pool_t           *world, *serving;
static struct pn_loop       *loop;
static struct pn_worker     *worker;
static struct pn_listener    listener = { .protocol = PN_STR_INIT("http"), .fd = -1 };

static const char *const lines[] = { "LoadModule mpm_event_module built-in.so", "LoadModule http2_module built-in.so",
                                     "LoadModule authz_core_module built-in.so", "LoadModule reflector_module built-in.so",
                                     "Protocols h2c http/1.1", "Listen 127.0.0.1:1", "ErrorLog /dev/null", "LogLevel emerg",
                                     "DocumentRoot /nonexistent", "H2EarlyHints On", "H2PushResource /pushed",
                                     "H2EarlyHint X-Hint yes", NULL };

static void let_go(void)
{
    pn_worker_close(worker);
    pn_loop_close(loop);
    pn_log_buffer_release();
    pn_generation_unref(generation);
    pn_registry_forget();
    apr_pool_destroy(serving);
    apr_pool_destroy(world);
    apr_terminate();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct pn_load_report        report = { 0 };
    const struct pn_load_options options = { .server_root = "/", .before = lines, .no_docroot_check = true };
    const struct pn_worker_place place = { .sharers = 1, .slots = 20 };

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&world, NULL) != APR_SUCCESS ||
        apr_pool_create(&serving, NULL) != APR_SUCCESS)
        return 1;
    pn_registry_init(pn_builtin_modules);
    if (pn_generation_load(&options, world, &generation, &report) != PN_OK) {
        fprintf(stderr, "%s\n", apr_array_pstrcat(world, report.errors, '\n'));
        return 1;
    }
    if (pn_addr_parse(PN_STR("127.0.0.1"), &listener.addr) != PN_OK || pn_loop_open(serving, &loop) != PN_OK ||
        pn_worker_open(loop, serving, generation, &place, &worker) != PN_OK)
        return 1;
    return atexit(let_go);
}

/* Takes in what the server has sent. */
static void drain(int fd)
{
    char scratch[512];

    while (recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT) > 0)
        ;
}

static void turns(int fd, unsigned n)
{
    while (n-- && worker->conns) {
        pn_loop_turn(loop, 0);
        drain(fd);
    }
}

static void put(int fd, const void *bytes, size_t n)
{
    if (n && send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return; /* the server has ended it, or reads no more */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    int               pair[2];
    size_t            cut;

    if (size == 0 || size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    cut = (size - 1) * data[0] / 256;
    pn_worker_accepted(worker, pair[0], &listener.addr, &listener);
    put(pair[1], preface, sizeof(preface) - 1);
    put(pair[1], data + 1, cut);
    turns(pair[1], 8);
    put(pair[1], data + 1 + cut, size - 1 - cut);
    turns(pair[1], 16);
    close(pair[1]);
    for (unsigned i = 0; i < TURNS_MAX && worker->conns; i++)
        pn_loop_turn(loop, i < 50 ? 0 : PN_USEC_PER_MSEC);
    pn_assert(worker->conns == 0 && worker->at_work == 0);
    return 0;
}
