/* logresolve.c - host names in place of addresses at the beginning of a log's lines, from standard input to standard output.
 *
 * Run by hand or by cron over a log that was written with addresses. Several look-ups are under way at a time; lines leave in
 * the order in which they came. Memory is bounded by the number of lines that wait, the length of what is looked at of a line,
 * and the number of names that are remembered. See docs/man/logresolve.1. */
#include "cmd/logresolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "logresolve"
#define LOOKUPS_DEFAULT 32
#define LOOKUPS_MAX 1000
/* Lines that may wait for each look-up under way: those behind one that is slow. */
#define LINES_A_LOOKUP 64

/* A line that has been read and not been written. */
struct line {
    char            *text;  /* malloc'd, with its end */
    size_t           n;
    size_t           address_n; /* bytes of the address at its beginning; 0: it has none */
    struct lr_host  *host;  /* what becomes of the address; NULL with address_n 0 */
};

struct run {
    struct lr_options  options;
    const char        *statistics_file;
    struct line       *lines;      /* a ring */
    size_t             size, first, count;
    struct lr_resolver *resolver;
    uint64_t           entries, named;
};

static void usage(FILE *to)
{
    fprintf(to,
            "Usage: " PROGRAM " [-c] [-j LOOKUPS] [-n SERVER[:PORT][,...]] [-s FILE] [-t SECONDS] < LOG > NEW_LOG\n"
            "Replaces addresses at the beginning of lines by host names.\n\n"
            "  -c            believe only names that lead back to the address\n"
            "  -j LOOKUPS    so many look-ups at a time, %d unless given\n"
            "  -n SERVERS    ask these name servers instead of the system's\n"
            "  -s FILE       write figures to this file at the end\n"
            "  -t SECONDS    most time for one look-up, %d unless given\n",
            LOOKUPS_DEFAULT, LR_TIMEOUT_DEFAULT_S);
}

static unsigned number(const char *text, char option, unsigned most)
{
    char         *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value == 0 || value > most) {
        fprintf(stderr, PROGRAM ": -%c takes a number from 1 to %u\n", option, most);
        exit(1);
    }
    return (unsigned)value;
}

static void read_arguments(struct run *run, int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    int option;

    run->options = (struct lr_options){ .lookups = LOOKUPS_DEFAULT, .timeout_s = LR_TIMEOUT_DEFAULT_S };
    while ((option = getopt_long(argc, argv, "cj:n:s:t:h", words, NULL)) >= 0)
        switch (option) {
        case 'c': run->options.both_ways = true; break;
        case 'j': run->options.lookups = number(optarg, 'j', LOOKUPS_MAX); break;
        case 'n': run->options.servers = optarg; break;
        case 's': run->statistics_file = optarg; break;
        case 't': run->options.timeout_s = number(optarg, 't', LR_TIMEOUT_MAX_S); break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(1);
        }
    if (optind < argc) {
        fprintf(stderr, PROGRAM ": '%s': the log comes by standard input\n", argv[optind]);
        exit(1);
    }
}

/* ---- lines ---- */

/* The address that ends at the line's first blank, and how long it is. */
static bool take_address(const char *text, size_t n, struct lr_address *ret, size_t *ret_n)
{
    char        z[INET6_ADDRSTRLEN];
    const char *blank = memchr(text, ' ', n < sizeof(z) ? n : sizeof(z));
    size_t      length = blank ? (size_t)(blank - text) : 0;

    if (length == 0 || length >= sizeof(z))
        return false;
    memcpy(z, text, length);
    z[length] = '\0';
    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, z, ret->ip) == 1)
        ret->family = AF_INET;
    else if (inet_pton(AF_INET6, z, ret->ip) == 1)
        ret->family = AF_INET6;
    else
        return false;
    *ret_n = length;
    return true;
}

static void write_out(const char *p, size_t n)
{
    if (n && fwrite(p, 1, n, stdout) != n) {
        fprintf(stderr, PROGRAM ": cannot write: %s\n", strerror(errno));
        exit(1);
    }
}

static void write_first(struct run *run)
{
    struct line *line = &run->lines[run->first];
    const char  *name = line->host ? lr_host_name(line->host) : NULL;

    if (name) {
        write_out(name, strlen(name));
        write_out(line->text + line->address_n, line->n - line->address_n);
    }
    else
        write_out(line->text, line->n);
    if (line->host)
        lr_host_release(run->resolver, line->host);
    free(line->text);
    run->first = (run->first + 1) % run->size;
    run->count--;
}

/* Writes the lines that need not wait any more. */
static void write_ready(struct run *run)
{
    while (run->count && (!run->lines[run->first].host || lr_host_done(run->lines[run->first].host)))
        write_first(run);
}

/* A line that is too long to be kept goes through as it is, behind all before it. */
static void pass_through(struct run *run, const char *text, size_t n)
{
    while (run->count) {
        lr_wait(run->resolver);
        write_ready(run);
    }
    write_out(text, n);
}

static void add_line(struct run *run, const char *text, size_t n)
{
    struct line      *line = &run->lines[(run->first + run->count) % run->size];
    struct lr_address address;

    *line = (struct line){ .text = malloc(n), .n = n };
    if (!line->text) {
        fprintf(stderr, PROGRAM ": no memory\n");
        exit(1);
    }
    memcpy(line->text, text, n);
    if (take_address(text, n, &address, &line->address_n))
        line->host = lr_host(run->resolver, &address);
    else
        run->named += n > 0 && *text != '\n';
    run->count++;
}

/* Room for another line and, should it need one, another look-up. */
static void make_room(struct run *run)
{
    write_ready(run);
    while (run->count == run->size || lr_is_full(run->resolver)) {
        lr_wait(run->resolver);
        write_ready(run);
    }
    lr_step(run->resolver);
}

/* Up to the end of a line, of the room, or of all. A line may hold NUL bytes. @return bytes, 0: nothing is left. */
static size_t read_part(char *to, size_t max)
{
    size_t n = 0;
    int    c;

    while (n < max && (c = getc_unlocked(stdin)) != EOF) {
        to[n++] = (char)c;
        if (c == '\n')
            break;
    }
    return n;
}

static void copy_log(struct run *run)
{
    static char part[LR_LINE_MAX];
    bool        begins = true; /* `part` is the beginning of a line */
    size_t      n;

    while ((n = read_part(part, sizeof(part)))) {
        bool whole = part[n - 1] == '\n';
        if (begins)
            run->entries++;
        make_room(run);
        if (begins && (whole || feof(stdin)))
            add_line(run, part, n);
        else
            pass_through(run, part, n);
        begins = whole;
    }
    if (ferror(stdin)) {
        fprintf(stderr, PROGRAM ": cannot read: %s\n", strerror(errno));
        exit(1);
    }
    while (run->count) {
        lr_wait(run->resolver);
        write_ready(run);
    }
}

/* ---- figures ---- */

static void write_statistics(const struct run *run, FILE *to)
{
    struct lr_figures figures = lr_figures(run->resolver);

    fprintf(to, PROGRAM " Statistics:\n");
    fprintf(to, "Entries: %llu\n", (unsigned long long)run->entries);
    fprintf(to, "    With name   : %llu\n", (unsigned long long)run->named);
    fprintf(to, "    Resolves    : %llu\n", (unsigned long long)figures.lookups);
    if (figures.none)
        fprintf(to, "    - No reverse : %llu\n", (unsigned long long)figures.none);
    if (figures.one_way)
        fprintf(to, "    - Double lookup failed : %llu\n", (unsigned long long)figures.one_way);
    fprintf(to, "Cache hits      : %llu\n", (unsigned long long)figures.hits);
    fprintf(to, "Cache size      : %llu\n", (unsigned long long)figures.entries);
}

int main(int argc, char **argv)
{
    static struct run run; /* what it holds is in use until the end, also an early one */
    FILE             *statistics = NULL;

    read_arguments(&run, argc, argv);
    if (run.statistics_file && !(statistics = fopen(run.statistics_file, "we"))) {
        fprintf(stderr, PROGRAM ": cannot open %s: %s\n", run.statistics_file, strerror(errno));
        return 1;
    }
    run.size = (size_t)run.options.lookups * LINES_A_LOOKUP;
    run.lines = calloc(run.size, sizeof(*run.lines));
    run.resolver = lr_open(&run.options);
    if (!run.lines || !run.resolver) {
        fprintf(stderr, PROGRAM ": the name servers cannot be used\n");
        return 1;
    }
    copy_log(&run);
    if (fflush(stdout) != 0) {
        fprintf(stderr, PROGRAM ": cannot write: %s\n", strerror(errno));
        return 1;
    }
    if (statistics) {
        write_statistics(&run, statistics);
        if (fclose(statistics) != 0) {
            fprintf(stderr, PROGRAM ": cannot write %s: %s\n", run.statistics_file, strerror(errno));
            return 1;
        }
    }
    lr_close(run.resolver);
    free(run.lines);
    return 0;
}
