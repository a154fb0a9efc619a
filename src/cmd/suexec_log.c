/* suexec_log.c - what suexec did and refused to do, for the administrator. */
#include "suexec.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 512

static int log_fd = -1;

bool suexec_log_open(void)
{
    log_fd = open(SUEXEC_LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    return log_fd >= 0;
}

/* What the caller gave may hold anything: control bytes would forge lines. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

__attribute__((format(printf, 1, 0))) static void write_line(const char *format, va_list ap)
{
    char      line[LINE_BYTES];
    time_t    now = time(NULL);
    struct tm tm;

    if (!localtime_r(&now, &tm))
        return;
    size_t n = strftime(line, sizeof(line), "[%Y-%m-%d %H:%M:%S]: ", &tm);
    vsnprintf(line + n, sizeof(line) - n, format, ap);
    make_printable(line);
    dprintf(log_fd >= 0 ? log_fd : STDERR_FILENO, "%s\n", line);
}

void suexec_log(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    write_line(format, ap);
    va_end(ap);
}

void suexec_refuse(enum suexec_code code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    write_line(format, ap);
    va_end(ap);
    dprintf(STDERR_FILENO, "suexec policy violation: see suexec log for more details\n");
    exit(code);
}
