/* lexer.c - see lexer.h. Called for every line of every configuration file, macro excepted. */
#include "conf/lexer.h"

#include "base/ascii.h"

void pn__conf_lexer_init(struct pn_conf_lexer *lexer, char *text, size_t n)
{
    static const char bom[] = "\xEF\xBB\xBF";
    size_t            skip = n >= 3 && memcmp(text, bom, 3) == 0 ? 3 : 0;

    *lexer = (struct pn_conf_lexer){ .p = text + skip, .end = text + n, .line = 1 };
}

/* Takes one physical line without its LF or CR LF. An LF at the very end of the text begins no
 * further line. */
static pn_str take_physical(struct pn_conf_lexer *lexer, bool *ret_has_lf)
{
    char *start = lexer->p;
    char *lf = memchr(start, '\n', (size_t)(lexer->end - start));
    char *stop = lf ? lf : lexer->end;

    lexer->p = lf ? lf + 1 : lexer->end;
    lexer->line++;
    if (lf && stop > start && stop[-1] == '\r')
        stop--;
    *ret_has_lf = lf != NULL;
    return pn_str_n(start, (size_t)(stop - start));
}

static pn_str trim_in_place(char *start, char *stop)
{
    while (stop > start && pn_ascii_space(stop[-1]))
        stop--;
    while (start < stop && pn_ascii_space(*start))
        start++;
    *stop = '\0';
    return pn_str_n(start, (size_t)(stop - start));
}

pn_rc pn__conf_lexer_next(struct pn_conf_lexer *lexer, pn_str *ret_text, uint32_t *ret_line)
{
    char  *start = lexer->p;
    char  *stop;
    bool   has_lf;
    pn_str part;

    if (start == lexer->end)
        return PN_EOF;
    *ret_line = lexer->line;
    part = take_physical(lexer, &has_lf);
    stop = start + part.n;
    while (has_lf && part.n > 0 && stop[-1] == '\\') {
        stop--;
        if (lexer->p == lexer->end)
            break;
        part = take_physical(lexer, &has_lf);
        memmove(stop, part.p, part.n);
        stop += part.n;
    }
    *ret_text = trim_in_place(start, stop);
    return PN_OK;
}
