/* include.h - what the files of mod_include share: a document being processed, its variables, and encodings. */
#ifndef PN_FILTERS_INCLUDE_H
#define PN_FILTERS_INCLUDE_H

#include <pinion/request.h>

#include "include_parse.h"

extern struct pn_module pn_module_include;

enum xbithack { XBITHACK_OFF, XBITHACK_ON, XBITHACK_FULL };

struct include_dir {
    pn_str error_msg, time_format, undefined_echo;
    int    xbithack;    /* enum xbithack */
    bool   etag, last_modified, legacy_expr;
    bool   last_modified_set;
};

struct include_server { pn_str start_tag, end_tag; };

/* Variables: those of the document that was asked for, shared by all that it includes. */
struct include_vars {
    struct pn_request *base;     /* that document's request */
    apr_table_t       *set;      /* by the element `set`; values win over everything */
    bool               has_cgi;  /* base's environment holds the CGI variables */
};

/* A document being processed: the body that the filter INCLUDES makes. */
struct include {
    struct pn_body            super;
    struct pn_body           *below;    /* hands out bytes, not files */
    const struct include_dir *conf;
    struct include_vars      *vars;
    struct ssi_parser         parser;
    apr_pool_t               *scratch;  /* of the element at work */
    pn_str                    in;       /* of the chunk at hand, not parsed yet */
    bool                      in_stable, in_flush, in_ended;
    bool                      done;     /* everything is in `out` or `held` */
    struct pn_buf             out;      /* gathered output */
    struct pn_chunk           held;     /* to go out after it */
    bool                      holds, flush;
    bool                      handed_out; /* what is in `out` */
    struct pn_body           *part;     /* what an element includes, being handed on */
    bool                      part_ended; /* `held` is its last chunk */
    bool                      resume;   /* the element at work has more arguments */
    unsigned                  arg_at;
    bool                      failed_part; /* the last inclusion failed; its message waits for an onerror */
    bool                      no_exec;
    /* conditions */
    bool                      printing, cond_true;
    unsigned                  skipped_ifs;
    struct pn_match           match;    /* $0-$9 of the last condition */
    /* config */
    pn_str                    error_msg, time_format, undefined_echo;
    bool                      size_in_bytes;
};

/* ---- include_elements.c ---- */

/** Does what the parser's element says; goes on with it when self->resume is set. Output goes to self->out and self->part. */
PN_MAY_YIELD void include_element(struct include *self);
/** Puts the error message into the output. */
void include_error(struct include *self);

/* ---- include_part.c ---- */

/** include file=, include virtual=, exec: sets self->part. @return false: it failed, which is logged. */
PN_MAY_YIELD bool include_virtual(struct include *self, pn_str url);
PN_MAY_YIELD bool include_file(struct include *self, pn_str name);
PN_MAY_YIELD bool include_cgi(struct include *self, pn_str url);
PN_MAY_YIELD bool include_command(struct include *self, pn_str command);
/** The file that fsize and flastmod speak of. @return NULL: logged. */
PN_MAY_YIELD const struct pn_finfo *include_find(struct include *self, pn_str name, bool is_virtual);

/* ---- include_vars.c ---- */

/** p == NULL: not set. In the scratch pool, or longer-lived. */
PN_MAY_YIELD pn_str include_var(struct include *self, pn_str name);
/** Remembers a value for the rest of the answer. */
void include_set(struct include *self, pn_str name, pn_str value);
/** NAME=value lines, entities encoded, into the output. */
PN_MAY_YIELD void include_print_all(struct include *self);
/** $NAME and ${NAME} replaced; what is not set becomes nothing. */
PN_MAY_YIELD pn_str include_expand(struct include *self, pn_str text);
/** Is the condition true? @return false in *ret_ok when it can't be told, which is logged. */
PN_MAY_YIELD bool include_holds(struct include *self, pn_str condition, bool *ret_ok);
/** By the format in force. */
pn_str include_time(struct include *self, pn_wall time, bool gmt);

/* ---- include_text.c ---- */

/** Names of encodings, separated by commas, applied one after the other. @return false: a name is not known. */
bool include_encode(apr_pool_t *pool, pn_str names, pn_str *text);
bool include_decode(apr_pool_t *pool, pn_str names, pn_str *text);
/** &lt; &#60; and the like in an argument's value. */
pn_str include_unescape_entities(apr_pool_t *pool, pn_str text);

#endif
