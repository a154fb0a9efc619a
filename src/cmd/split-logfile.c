/* split-logfile.c - a log of many virtual hosts, each line beginning with the host (%v), into a file a host: HOST.log in the
 * working directory, without the host. Reads standard input. See docs/man/split-logfile.8.
 *
 * Hosts are the client's word where the server logs what was asked for (%V, %{Host}i), so a name never leads out of the
 * directory: one with a slash or backslash, with a NUL, or that is hidden goes to access.log. A bounded number of files is open
 * at a time. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "split-logfile"
#define FILES_OPEN 64
#define HOST_MAX 250
#define OTHERS "access"

struct file {
    char   host[HOST_MAX + 1];
    FILE  *to;
    size_t used; /* number of the line that last went there */
};

static struct file files[FILES_OPEN];

static void give_up(const char *what, const char *name)
{
    fprintf(stderr, PROGRAM ": %s%s: %s\n", what, name, strerror(errno));
    exit(1);
}

static void open_file(struct file *file, const char *host)
{
    char name[HOST_MAX + sizeof(".log")];

    if (file->to && fclose(file->to) != 0)
        give_up("cannot write the log of ", file->host);
    snprintf(name, sizeof(name), "%s.log", host);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || !(file->to = fdopen(fd, "a")))
        give_up("cannot open ", name);
    snprintf(file->host, sizeof(file->host), "%s", host);
}

/* The open file of the host; the one that was not used for longest makes room. */
static FILE *file_of(const char *host, size_t line)
{
    struct file *chosen = &files[0];

    for (struct file *file = files; file < files + FILES_OPEN; file++) {
        if (file->to && strcmp(file->host, host) == 0) {
            file->used = line;
            return file->to;
        }
        if (file->used < chosen->used)
            chosen = file;
    }
    open_file(chosen, host);
    chosen->used = line;
    return chosen->to;
}

/* The host at the line's beginning, as a file may be called. */
static void host_of(const char *text, size_t n, char host[HOST_MAX + 1])
{
    if (n == 0 || n > HOST_MAX || *text == '.' || memchr(text, '/', n) || memchr(text, '\\', n) || memchr(text, '\0', n)) {
        memcpy(host, OTHERS, sizeof(OTHERS));
        return;
    }
    for (size_t i = 0; i < n; i++)
        host[i] = (char)tolower((unsigned char)text[i]);
    host[n] = '\0';
}

/* Where the first field ends, and where what follows the blanks behind it begins. */
static size_t first_field(const char *text, size_t n, size_t *ret_rest)
{
    size_t end = 0;

    while (end < n && !isspace((unsigned char)text[end]))
        end++;
    *ret_rest = end;
    while (*ret_rest < n && isspace((unsigned char)text[*ret_rest]))
        ++*ret_rest;
    return end;
}

int main(int argc, char **argv)
{
    char   *text = NULL;
    size_t  room = 0, line = 0, rest;
    ssize_t n;
    char    host[HOST_MAX + 1];

    if (argc > 1) {
        bool help = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
        fprintf(help ? stdout : stderr, "Usage: " PROGRAM " < LOG\nWrites the lines of each host, their first word, to HOST.log.\n");
        return help ? 0 : 1;
    }
    while ((n = getline(&text, &room, stdin)) > 0) {
        size_t field = first_field(text, (size_t)n, &rest);
        host_of(text, field, host);
        FILE *to = file_of(host, ++line);
        if (fwrite(text + rest, 1, (size_t)n - rest, to) != (size_t)n - rest)
            give_up("cannot write the log of ", host);
    }
    free(text);
    if (ferror(stdin))
        give_up("cannot read", "");
    for (struct file *file = files; file < files + FILES_OPEN; file++)
        if (file->to && fclose(file->to) != 0)
            give_up("cannot write the log of ", file->host);
    return 0;
}
