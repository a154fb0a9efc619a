/* source.c - where lines come from: files, texts and macros. Checks what holds for any line: its
 * length, the total of bytes, no NUL byte. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_tables.h>

#include "conf/reading.h"

static pn_rc check_line(struct pn_conf_reading *reading, const struct pn__conf_source *source)
{
    size_t   max = pn__conf_max_line(reading->reader);
    uint64_t max_bytes = pn__conf_max_bytes(reading->reader);
    pn_str   text = source->at.text;

    if (text.n > max)
        return pn__conf_fail(reading, &source->at, NULL, "The line is longer than %zu bytes.", max);
    if (text.n > 0 && memchr(text.p, '\0', text.n))
        return pn__conf_fail(reading, &source->at, "Save the file as UTF-8 or another 8-bit text.",
                             "The line holds a NUL byte.");
    reading->bytes += text.n + 1;
    if (reading->bytes > max_bytes)
        return pn__conf_fail(reading, &source->at, NULL,
                             "The configuration is longer than %llu bytes in all.",
                             (unsigned long long)max_bytes);
    return PN_OK;
}

pn_rc pn__conf_next(struct pn_conf_reading *reading, struct pn__conf_source *source)
{
    pn_rc rc = source->macro
                   ? pn__conf_macro_next(reading, source)
                   : pn__conf_lexer_next(&source->lexer, &source->at.text, &source->at.line);

    return rc == PN_OK ? check_line(reading, source) : rc;
}

/* +1: the line opens a section of this name, -1: it closes one, 0: neither. */
static int nesting(apr_pool_t *pool, pn_str text, pn_str name)
{
    bool   closes;
    pn_str word;

    if (text.n == 0 || (text.p[0] != '<' && text.p[0] != '"' && text.p[0] != '\''))
        return 0;
    word = pn_conf_word(pool, &text);
    if (word.n == 0 || word.p[0] != '<')
        return 0;
    closes = word.n > 1 && word.p[1] == '/';
    word = pn_str_from(word, closes ? 2 : 1);
    if (word.n > 0 && word.p[word.n - 1] == '>')
        word.n--;
    else if (closes)
        return 0;
    return !pn_str_ieq(word, name) ? 0 : closes ? -1 : 1;
}

pn_rc pn__conf_capture(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str name,
                       apr_array_header_t **ret_lines)
{
    struct pn__conf_place opened = source->at;
    apr_array_header_t   *lines = apr_array_make(reading->reader->pool, 16, sizeof(opened));
    size_t                depth = 1;
    pn_rc                 rc;

    while ((rc = pn__conf_next(reading, source)) == PN_OK) {
        int step = nesting(reading->reader->pool, source->at.text, name);

        depth += (size_t)step;
        if (depth == 0) {
            *ret_lines = lines;
            return PN_OK;
        }
        *(struct pn__conf_place *)apr_array_push(lines) = source->at;
    }
    if (rc != PN_EOF)
        return rc;
    return pn__conf_fail(reading, &opened, NULL, "<%s> is not closed: </%s> is missing.", name.p,
                         name.p);
}

/* read() until `n` bytes or the end: a file that shrinks or grows meanwhile is taken as it was
 * found. */
static pn_rc read_fully(int fd, char *text, size_t n, size_t *ret_n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t part = read(fd, text + got, n - got);

        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return PN_SYSTEM;
        if (part == 0)
            break;
        got += (size_t)part;
    }
    *ret_n = got;
    return PN_OK;
}

static pn_rc slurp_fd(apr_pool_t *pool, int fd, uint64_t max, char **ret_text, size_t *ret_n)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return PN_SYSTEM;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return PN_SYSTEM;
    }
    if (!S_ISREG(st.st_mode))
        return PN_BAD;
    if ((uint64_t)st.st_size > max)
        return PN_LIMIT;
    *ret_text = apr_palloc(pool, (size_t)st.st_size + 1);
    return read_fully(fd, *ret_text, (size_t)st.st_size, ret_n);
}

pn_rc pn__conf_slurp(apr_pool_t *pool, const char *path, uint64_t max, char **ret_text,
                     size_t *ret_n)
{
    int   fd, saved_errno;
    pn_rc rc;

    if (strcmp(path, "/dev/null") == 0) {
        *ret_text = apr_pcalloc(pool, 1);
        *ret_n = 0;
        return PN_OK;
    }
    /* O_NONBLOCK: a FIFO must be refused, not waited for. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return PN_SYSTEM;
    rc = slurp_fd(pool, fd, max, ret_text, ret_n);
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return rc;
}
