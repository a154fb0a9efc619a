/* floor.c - the least that any HTTP server could cost: no parsing, no log, one canned answer.
 *
 * bench/run measures every server as a multiple of this program. Per request it makes one recv and
 * one send (or sendfile), and shares an epoll_wait among all connections that are ready. Of the
 * input it only counts the empty lines that end request heads, so pipelined requests are answered
 * one for one.
 *
 * Each process owns its listener (SO_REUSEPORT), its epoll and its table of connections, indexed by
 * descriptor; nothing is shared but the canned answer, made before the fork. Connections are
 * watched edge-triggered: a level-triggered one is polled a second time by the kernel after every
 * request. In close mode the kernel hands connections over with their data (TCP_DEFER_ACCEPT), and
 * they are answered without being watched.
 *
 * Usage: floor -p PORT [-b BYTES | -f FILE] [-z] [-s "STATUS LINE"] [-c] [-w PROCESSES] */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENTS_MAX = 32, RECV_BYTES = 16384, HEAD_BYTES = 512, PROCESSES_MAX = 64 };

/* What the command line asks for. */
struct options {
    const char *file;   /* the body, or NULL: body_bytes times 'x' */
    const char *status; /* code and reason */
    size_t      body_bytes;
    uint16_t    port;
    int         processes;
    bool        use_sendfile;
    bool        close_each;
};

/* The canned answer: head and body in one piece, or the head alone with a file to follow. */
struct answer {
    char  *bytes;
    size_t bytes_n;
    off_t  file_bytes; /* 0 unless sendfile is used */
    int    file_fd;
    bool   close_each;
};

/* A connection, at its descriptor's place in the table. */
struct connection {
    uint32_t owed;             /* answers still to send, the one under way included */
    uint32_t matched;          /* how many bytes of "\r\n\r\n" the input ended with, 0 to 3 */
    uint64_t sent_bytes;       /* of the answer under way */
    bool     waits_for_output; /* the socket was full */
};

/* One process. */
struct floor {
    const struct answer *answer;
    struct connection   *connections;
    size_t               connections_n;
    int                  epoll_fd;
    int                  listen_fd;
};

static char recv_buffer[RECV_BYTES];

static void die(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void check(bool ok, const char *what)
{
    if (!ok)
        die(what);
}

static unsigned long number(const char *text, unsigned long max)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);

    if (errno != 0 || end == text || *end != '\0' || value > max) {
        fprintf(stderr, "floor: '%s' is not a number up to %lu\n", text, max);
        exit(2);
    }
    return value;
}

static struct options parse_options(int argc, char **argv)
{
    struct options options = { .status = "200 OK", .processes = 2 };

    for (int opt; (opt = getopt(argc, argv, "p:b:f:zs:cw:")) != -1;) {
        switch (opt) {
        case 'p':
            options.port = (uint16_t)number(optarg, UINT16_MAX);
            break;
        case 'b':
            options.body_bytes = number(optarg, UINT32_MAX);
            break;
        case 'f':
            options.file = optarg;
            break;
        case 'z':
            options.use_sendfile = true;
            break;
        case 's':
            options.status = optarg;
            break;
        case 'c':
            options.close_each = true;
            break;
        case 'w':
            options.processes = (int)number(optarg, PROCESSES_MAX);
            break;
        default:
            exit(2);
        }
    }
    if (options.port == 0 || (options.use_sendfile && options.file == NULL)) {
        fprintf(stderr, "floor: -p PORT is needed, and -z needs -f FILE\n");
        exit(2);
    }
    return options;
}

/* A head of the size that the servers under test send for a file. A 304 announces no length. */
static size_t format_head(char *head, const struct options *options, size_t body_bytes)
{
    char length_line[64] = "";
    if (strncmp(options->status, "304", 3) != 0)
        snprintf(length_line, sizeof(length_line), "Content-Length: %zu\r\n", body_bytes);

    int n =
        snprintf(head, HEAD_BYTES,
                 "HTTP/1.1 %s\r\n"
                 "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
                 "Server: floor\r\n"
                 "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
                 "ETag: \"65920080-400\"\r\n"
                 "Accept-Ranges: bytes\r\n"
                 "%s"
                 "%s"
                 "Content-Type: text/plain\r\n"
                 "\r\n",
                 options->status, length_line, options->close_each ? "Connection: close\r\n" : "");
    check(n > 0 && n < HEAD_BYTES, "head");
    return (size_t)n;
}

static void read_file(int fd, char *into, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = read(fd, into + done, bytes - done);
        check(n > 0, "read the file");
        done += (size_t)n;
    }
}

static struct answer make_answer(const struct options *options)
{
    char         *head = calloc(1, HEAD_BYTES);
    struct answer answer = { .file_fd = -1, .close_each = options->close_each };
    size_t        body_bytes = options->body_bytes;

    check(head != NULL, "memory");
    if (options->file != NULL) {
        struct stat st;
        answer.file_fd = open(options->file, O_RDONLY | O_CLOEXEC);
        check(answer.file_fd >= 0 && fstat(answer.file_fd, &st) == 0, options->file);
        body_bytes = (size_t)st.st_size;
    }
    size_t head_n = format_head(head, options, body_bytes);
    if (options->use_sendfile) {
        answer.bytes = head;
        answer.bytes_n = head_n;
        answer.file_bytes = (off_t)body_bytes;
        return answer;
    }
    answer.bytes = realloc(head, head_n + body_bytes);
    answer.bytes_n = head_n + body_bytes;
    check(answer.bytes != NULL, "memory");
    memset(answer.bytes + head_n, 'x', body_bytes);
    if (answer.file_fd >= 0)
        read_file(answer.file_fd, answer.bytes + head_n, body_bytes);
    return answer;
}

static int open_listener(const struct options *options)
{
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int                on = 1;
    int                defer_s = 5;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(options->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    check(fd >= 0, "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "SO_REUSEADDR");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0, "SO_REUSEPORT");
    if (options->close_each)
        check(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) == 0,
              "TCP_DEFER_ACCEPT");
    check(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    check(listen(fd, 1024) == 0, "listen");
    return fd;
}

/* Sends what is left of the answer under way. True when all of it is in the socket's buffer; false
 * with errno otherwise. */
static bool send_rest(const struct answer *answer, struct connection *connection, int fd)
{
    uint64_t total = answer->bytes_n + (uint64_t)answer->file_bytes;

    while (connection->sent_bytes < total) {
        ssize_t n;
        if (connection->sent_bytes < answer->bytes_n) {
            int flags = MSG_NOSIGNAL | (answer->file_bytes > 0 ? MSG_MORE : 0);
            n = send(fd, answer->bytes + connection->sent_bytes,
                     answer->bytes_n - connection->sent_bytes, flags);
        }
        else {
            off_t offset = (off_t)(connection->sent_bytes - answer->bytes_n);
            n = sendfile(fd, answer->file_fd, &offset, (size_t)(total - connection->sent_bytes));
        }
        if (n <= 0)
            return false;
        connection->sent_bytes += (uint64_t)n;
    }
    connection->sent_bytes = 0;
    return true;
}

/* How many request heads end in `bytes`; `matched` carries a terminator split between reads. */
static uint32_t count_heads(const char *bytes, size_t bytes_n, uint32_t *matched)
{
    static const char terminator[] = "\r\n\r\n";
    uint32_t          heads = 0;

    for (size_t i = 0; i < bytes_n; i++) {
        if (bytes[i] == terminator[*matched])
            ++*matched;
        else
            *matched = bytes[i] == '\r';
        if (*matched == 4) {
            heads++;
            *matched = 0;
        }
    }
    return heads;
}

/* Sends the answers that are owed. False: the connection is over. */
static bool answer_owed(struct floor *self, struct connection *connection, int fd)
{
    connection->waits_for_output = false;
    while (connection->owed > 0) {
        if (!send_rest(self->answer, connection, fd)) {
            connection->waits_for_output = errno == EAGAIN;
            return connection->waits_for_output;
        }
        connection->owed--;
        if (self->answer->close_each)
            return false;
    }
    return true;
}

/* Receives and answers. False: the connection is over. A read that does not fill the buffer has
 * emptied the socket, so the next edge is awaited without a second recv. */
static bool serve(struct floor *self, struct connection *connection, int fd)
{
    ssize_t n;

    do {
        n = recv(fd, recv_buffer, sizeof(recv_buffer), 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        connection->owed += count_heads(recv_buffer, (size_t)n, &connection->matched);
    } while (n == (ssize_t)sizeof(recv_buffer));
    return answer_owed(self, connection, fd);
}

static void watch(struct floor *self, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    check(epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void accept_one(struct floor *self)
{
    int fd = accept4(self->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if ((size_t)fd >= self->connections_n) {
        close(fd);
        return;
    }
    struct connection *connection = &self->connections[fd];
    *connection = (struct connection){ 0 };
    if (self->answer->close_each && !serve(self, connection, fd)) {
        close(fd);
        return;
    }
    watch(self, fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void on_ready(struct floor *self, const struct epoll_event *event)
{
    int                fd = event->data.fd;
    struct connection *connection = &self->connections[fd];
    bool               alive = true;

    if (connection->waits_for_output && (event->events & EPOLLOUT))
        alive = answer_owed(self, connection, fd);
    if (alive && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        alive = serve(self, connection, fd);
    if (!alive)
        close(fd);
}

__attribute__((noreturn)) static void run(const struct options *options,
                                          const struct answer  *answer)
{
    struct epoll_event events[EVENTS_MAX];
    struct rlimit      limit = { 0 };
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");

    struct floor self = { .answer = answer, .connections_n = limit.rlim_cur };
    self.connections = calloc(self.connections_n, sizeof(*self.connections));
    self.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self.listen_fd = open_listener(options);
    check(self.connections != NULL && self.epoll_fd >= 0, "setup");
    watch(&self, self.listen_fd, EPOLLIN);

    for (;;) {
        int n = epoll_wait(self.epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == self.listen_fd)
                accept_one(&self);
            else
                on_ready(&self, &events[i]);
        }
    }
}

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    struct answer  answer = make_answer(&options);

    /* MSG_NOSIGNAL covers send; sendfile has no such flag. */
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "SIGPIPE");
    /* The parent serves too, so that stopping it stops all. */
    for (int i = 1; i < options.processes; i++) {
        pid_t parent = getpid();
        pid_t child = fork();
        check(child >= 0, "fork");
        if (child == 0) {
            check(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent, "prctl");
            break;
        }
    }
    run(&options, &answer);
}
