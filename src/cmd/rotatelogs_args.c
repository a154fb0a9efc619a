/* rotatelogs_args.c - the command line of rotatelogs. Letters and order are those of Apache's
 * program of that name. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinion/str.h>

#include "cmd/rotatelogs.h"

#define FILES_MAX 1000000
#define OFFSET_MAX_MIN 1000000
#define INTERVAL_MAX_S (INT64_C(1000) * 366 * 86400)

static void usage(FILE *to)
{
    fputs("Usage: " RL_PROGRAM " [-lfDtTvec] [-L LINK] [-p PROGRAM] [-n FILES]\n"
          "                  LOG SECONDS|SIZE(B|K|M|G) [OFFSET]\n"
          "Writes what comes by standard input to files that take turns, as in\n\n"
          "    CustomLog \"|rotatelogs -l /var/log/site.%Y-%m-%d 86400\" common\n\n"
          "The time of a file's beginning stands at the end of its name, or where %-sequences\n"
          "(strftime) want it. After SECONDS a SIZE may follow: the next file begins when either\n"
          "is reached. OFFSET: minutes from UTC.\n\n"
          "  -l          local time, not UTC\n"
          "  -L LINK     a hard link to the current file\n"
          "  -p PROGRAM  start PROGRAM with the name of each new file and that of the one before\n"
          "  -f          open the first file at once, not with the first line\n"
          "  -D          make missing directories of LOG\n"
          "  -t          empty the file LOG, have no others\n"
          "  -T          empty each file that is opened, but not the first\n"
          "  -n FILES    no times: LOG, LOG.1, ... up to so many files, then LOG again\n"
          "  -c          a file for each interval, even when nothing comes\n"
          "  -e          copy all to standard output\n"
          "  -v          tell on standard error what is done\n",
          to);
}

PN_NORETURN static void refuse(const char *what, const char *value)
{
    fprintf(stderr, RL_PROGRAM ": '%s' %s\n", value, what);
    usage(stderr);
    exit(1);
}

static unsigned file_count(const char *text)
{
    uint64_t n;

    if (pn_str_to_u64(pn_str_z(text), FILES_MAX, &n) != PN_OK || n == 0)
        refuse("is no number of files for -n", text);
    return (unsigned)n;
}

static bool take_flag(struct rl_settings *s, int option)
{
    switch (option) {
    case 'l': s->local_time = true; return true;
    case 'f': s->open_at_once = true; return true;
    case 'D': s->make_directories = true; return true;
    case 't': s->truncate = true; return true;
    case 'T': s->truncate_next = true; return true;
    case 'v': s->verbose = true; return true;
    case 'e': s->echo = true; return true;
    case 'c': s->even_empty = true; return true;
    default: return false;
    }
}

static void take_options(struct rl_settings *s, int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    int                        option;

    while ((option = getopt_long(argc, argv, "+lfDtTvecL:p:n:h", words, NULL)) >= 0) {
        if (option == 'h') {
            usage(stdout);
            exit(0);
        }
        if (option == 'L')
            s->link = optarg;
        else if (option == 'p')
            s->program = optarg;
        else if (option == 'n')
            s->files = file_count(optarg);
        else if (!take_flag(s, option)) {
            usage(stderr);
            exit(1);
        }
    }
}

/* The bytes that B, K, M or G stands for; 0: another letter. */
static uint64_t unit_bytes(char letter)
{
    switch (letter) {
    case 'B': return 1;
    case 'K': return UINT64_C(1) << 10;
    case 'M': return UINT64_C(1) << 20;
    case 'G': return UINT64_C(1) << 30;
    default: return 0;
    }
}

/* @return false when it does not end in a unit. */
static bool take_size(struct rl_settings *s, const char *text)
{
    pn_str   number = pn_str_z(text);
    uint64_t unit = number.n ? unit_bytes(number.p[number.n - 1]) : 0;
    uint64_t n;

    if (!unit)
        return false;
    number.n--;
    if (pn_str_to_u64(number, INT64_MAX / unit, &n) != PN_OK || n == 0)
        refuse("is no size", text);
    s->size_max_bytes = n * unit;
    return true;
}

static void take_interval(struct rl_settings *s, const char *text)
{
    uint64_t n;

    if (pn_str_to_u64(pn_str_z(text), INTERVAL_MAX_S, &n) != PN_OK || n == 0)
        refuse("is no number of seconds, and no size with B, K, M or G", text);
    s->interval_s = (int64_t)n;
}

static void take_offset(struct rl_settings *s, const char *text)
{
    int64_t n;

    if (pn_str_to_i64(pn_str_z(text), -OFFSET_MAX_MIN, OFFSET_MAX_MIN, &n) != PN_OK)
        refuse("is no number of minutes from UTC", text);
    s->offset_s = n * 60;
}

void rl_read_arguments(struct rl_settings *ret_settings, int argc, char **argv)
{
    struct rl_settings s = { 0 };
    int                i;

    take_options(&s, argc, argv);
    i = optind;
    if (argc - i < 2 || argc - i > 4) {
        usage(stderr);
        exit(1);
    }
    s.name = argv[i++];
    if (!take_size(&s, argv[i])) {
        take_interval(&s, argv[i]);
        if (i + 1 < argc && take_size(&s, argv[i + 1]))
            i++;
    }
    i++;
    if (i < argc)
        take_offset(&s, argv[i++]);
    if (i < argc)
        refuse("is too much", argv[i]);
    if (s.files && strchr(s.name, '%'))
        refuse("has a '%', which does not go together with -n", s.name);
    *ret_settings = s;
}
