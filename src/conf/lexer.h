/* lexer.h - configuration text to logical lines, in place.
 *
 * The lexer owns nothing: it works on a buffer that its caller keeps as long as the lines, joins
 * continued lines by moving bytes down, and ends every line with a NUL byte where its line end
 * stood. */
#ifndef PN_CONF_LEXER_H
#define PN_CONF_LEXER_H

#include <pinion/str.h>

struct pn_conf_lexer {
    char    *p;    /* where the next physical line begins */
    char    *end;  /* one byte past it is writable */
    uint32_t line; /* number of the next physical line, from 1 */
};

/** @param text `n` bytes with a writable byte behind them; a UTF-8 byte order mark is skipped. */
void pn__conf_lexer_init(struct pn_conf_lexer *lexer, char *text, size_t n);

/** The next logical line: joined where a backslash stands right before LF or CR LF, trimmed at
 *  both ends, NUL-terminated, possibly empty or a comment.
 *  @param ret_line number of its first physical line.
 *  @return PN_OK or PN_EOF. O(bytes). */
PN_NODISCARD pn_rc pn__conf_lexer_next(struct pn_conf_lexer *lexer, pn_str *ret_text,
                                       uint32_t *ret_line);

#endif
