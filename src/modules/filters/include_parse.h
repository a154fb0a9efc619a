/* include_parse.h - server-side includes as a stream: text, and elements with their arguments, however the input is cut.
 *
 * Pure: no request, no log. mod_include pulls events from it; the fuzz target does too. */
#ifndef PN_FILTERS_INCLUDE_PARSE_H
#define PN_FILTERS_INCLUDE_PARSE_H

#include <apr_tables.h>

#include <pinion/buf.h>

/** Longest element, bytes. */
#define SSI_ELEMENT_MAX ((size_t)64 * 1024)
/** Most arguments of an element. */
#define SSI_ARGS_MAX 64

struct ssi_arg {
    pn_str name;  /* lower case */
    pn_str value; /* unescaped; p == NULL: none */
};

enum ssi_fault {
    SSI_OK = 0,
    SSI_NO_NAME,     /* white space right behind the start tag */
    SSI_NO_ARG_NAME, /* a quoted value that belongs to no name */
    SSI_TOO_LONG,    /* over SSI_ELEMENT_MAX or SSI_ARGS_MAX */
    SSI_UNFINISHED   /* the input ended inside */
};

struct ssi_element {
    enum ssi_fault fault;
    pn_str         name; /* lower case */
    struct ssi_arg args[SSI_ARGS_MAX];
    unsigned       n_args;
};

enum ssi_event { SSI_MORE, SSI_TEXT, SSI_ELEMENT };

struct ssi_parser {
    pn_str             start, end;  /* the tags, not empty */
    int                state;
    size_t             matched;     /* bytes of a tag seen so far */
    size_t             begun;       /* where the token being read begins in buf */
    char               quote;
    bool               escaped;
    struct pn_buf      buf;         /* bytes of the element's tokens */
    struct ssi_element element;     /* positions in buf until it is complete */
};

void ssi_init(struct ssi_parser *parser, apr_pool_t *pool, pn_str start, pn_str end);
/** The next event in *in, which is advanced past what was used up.
 *  @param ret_text SSI_TEXT: the text, a slice of *in or of the start tag; valid as long as those.
 *  SSI_ELEMENT: parser->element is set, valid until the next call. SSI_MORE: *in is empty now. */
enum ssi_event ssi_next(struct ssi_parser *parser, pn_str *in, pn_str *ret_text);
/** The input has ended: what is left is text (a start tag that was not complete), an element that was not finished, or
 *  nothing (SSI_MORE). */
enum ssi_event ssi_end(struct ssi_parser *parser, pn_str *ret_text);

#endif
