/* httxt2dbm.c - a text map of RewriteMap ("key value" lines) into a DBM file, which the server
 * reads without reading all of it.
 *
 * Run by hand and by scripts; options are those of Apache's program. Keys that the file has already
 * get the new value; others stay. See docs/man/httxt2dbm.1. */
#include <apr_dbm.h>
#include <apr_general.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <pinion/str.h>

#define PROGRAM "httxt2dbm"
#define FILE_MODE (APR_UREAD | APR_UWRITE | APR_GREAD | APR_WREAD)

struct task {
    apr_pool_t *pool;
    const char *type, *input, *output;
    bool        verbose;
};

static void usage(FILE *to)
{
    fputs("Usage: " PROGRAM " [-v] [-f TYPE] -i TEXT -o DBM\n"
          "Makes a DBM file for RewriteMap of a text file with lines \"key value\".\n\n"
          "  -f TYPE  SDBM, GDBM, DB or default\n"
          "  -i TEXT  the text; '-' is standard input\n"
          "  -o DBM   the DBM file\n"
          "  -v       tell of each key\n",
          to);
}

static void read_arguments(struct task *task, int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "vf:i:o:h", words, NULL)) >= 0)
        switch (option) {
        case 'v': task->verbose = true; break;
        case 'f': task->type = optarg; break;
        case 'i': task->input = optarg; break;
        case 'o': task->output = optarg; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(1);
        }
    if (!task->input || !task->output || optind < argc) {
        usage(stderr);
        exit(1);
    }
}

PN_NORETURN static void failed(const char *what, const char *name, apr_status_t status)
{
    char why[128];

    fprintf(stderr, PROGRAM ": cannot %s '%s': %s\n", what, name,
            apr_strerror(status, why, sizeof(why)));
    exit(1);
}

/* A line with an indented or missing key, or without value, is none of a text map; '#' begins a
 * comment. */
static bool take_line(pn_str line, pn_str *ret_key, pn_str *ret_value)
{
    if (line.n == 0 || line.p[0] == '#' || pn_str_trim(pn_str_head(line, 1)).n == 0)
        return false;
    *ret_key = pn_str_word(&line);
    *ret_value = pn_str_word(&line);
    return ret_value->n > 0;
}

static void store(const struct task *task, apr_dbm_t *dbm, pn_str key, pn_str value)
{
    apr_datum_t  k = { .dptr = (char *)(uintptr_t)key.p, .dsize = key.n };
    apr_datum_t  v = { .dptr = (char *)(uintptr_t)value.p, .dsize = value.n };
    apr_status_t status;

    if (task->verbose)
        fprintf(stderr, "    '%.*s' -> '%.*s'\n", PN_FMT(key), PN_FMT(value));
    status = apr_dbm_store(dbm, k, v);
    if (status != APR_SUCCESS) {
        apr_dbm_close(dbm);
        fprintf(stderr, PROGRAM ": key '%.*s' cannot be stored; ", PN_FMT(key));
        failed("write", task->output, status);
    }
}

static void copy_map(const struct task *task, FILE *from, apr_dbm_t *dbm)
{
    char   *text = NULL;
    size_t  room = 0;
    ssize_t n;
    pn_str  key, value;

    while ((n = getline(&text, &room, from)) > 0)
        if (take_line(pn_str_n(text, (size_t)n), &key, &value))
            store(task, dbm, key, value);
    free(text);
}

int main(int argc, char **argv)
{
    struct task  task = { .type = "default" };
    apr_dbm_t   *dbm;
    apr_status_t status;
    FILE        *from;

    apr_initialize();
    apr_pool_create(&task.pool, NULL);
    read_arguments(&task, argc, argv);
    from = strcmp(task.input, "-") == 0 ? stdin : fopen(task.input, "re");
    if (!from)
        failed("open", task.input, APR_FROM_OS_ERROR(errno));
    status = apr_dbm_open_ex(&dbm, task.type, task.output, APR_DBM_RWCREATE, FILE_MODE, task.pool);
    if (status != APR_SUCCESS)
        failed("open", task.output, status);
    if (task.verbose)
        fprintf(stderr, "DBM Format: %s\nInput File: %s\nDBM File: %s\n", task.type, task.input,
                task.output);
    copy_map(&task, from, dbm);
    apr_dbm_close(dbm);
    if (ferror(from))
        failed("read", task.input, APR_FROM_OS_ERROR(errno));
    if (from != stdin)
        fclose(from);
    if (task.verbose)
        fputs("Conversion Complete.\n", stderr);
    apr_terminate();
    return 0;
}
