/* rotatelogs.h - what rotatelogs was asked for, and the file that it writes. */
#ifndef PN_CMD_ROTATELOGS_H
#define PN_CMD_ROTATELOGS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define RL_PROGRAM "rotatelogs"

struct rl_settings {
    const char *name;           /* the log's, a pattern for strftime when it has a '%' */
    const char *link;           /* a second name of the current file; NULL: none */
    const char *program;        /* started for each file; NULL: none */
    int64_t     interval_s;     /* 0: not by time */
    uint64_t    size_max_bytes; /* 0: not by size */
    int64_t     offset_s;       /* of the clock from UTC, unless local_time */
    unsigned    files;          /* how many take turns; 0: names have times */
    bool        local_time;
    bool        open_at_once;
    bool        make_directories;
    bool        truncate;      /* one file, emptied in place of a rotation */
    bool        truncate_next; /* files are emptied when opened, but not the first */
    bool        verbose;
    bool        echo;       /* all goes to standard output too */
    bool        even_empty; /* a file for each interval */
};

/** The file that is written now. */
struct rl_log {
    char     path[PATH_MAX];
    int      fd;      /* -1: none has been opened */
    uint64_t bytes;   /* its size */
    int64_t  begun_s; /* beginning of its interval, by the log's clock; without intervals: when it
                         was opened */
    int64_t  retry_s; /* a rotation failed: not again before this */
    unsigned turn;    /* with `files`: which of them */
};

/** Ends the program when the options make no sense, or with 0 after help. */
void rl_read_arguments(struct rl_settings *ret_settings, int argc, char **argv);

/** The time on the log's clock: seconds as if its zone were UTC. */
int64_t rl_now_s(const struct rl_settings *settings);
/** Seconds until the interval is over, 0 when it is; INT64_MAX without intervals or file. */
int64_t rl_left_s(const struct rl_settings *settings, const struct rl_log *log);
/** Is it time for another file? */
bool rl_is_due(const struct rl_settings *settings, const struct rl_log *log);
/** Opens the file of now, with its link and its program. When that fails the present one goes on,
 *  if there is one; what was wrong has been said.  @return false: there is no file to write to. */
bool rl_rotate(const struct rl_settings *settings, struct rl_log *log);

#endif
