/* record.c - see pinion/record.h. */
#include <pinion/record.h>

#include <stdio.h>
#include <stdlib.h>

struct pn_recorder *pn_recorder;

void pn_record(const struct pn_request *r, enum pn_step kind, const char *file, uint32_t line, const char *fmt, ...)
{
    char   *text = NULL;
    va_list ap;
    int     n;

    va_start(ap, fmt);
    n = vasprintf(&text, fmt, ap);
    va_end(ap);
    pn_assert(n >= 0);
    pn_recorder->step(pn_recorder, r, kind, file, line, pn_str_n(text, (size_t)n));
    free(text);
}
