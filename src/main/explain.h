/* explain.h - what `pinion explain` has heard about one request, and how it is printed.
 *
 * explain.c listens while the pipeline runs and fills it; explain_print.c prints it. Everything lives in one pool. */
#ifndef PN_MAIN_EXPLAIN_H
#define PN_MAIN_EXPLAIN_H

#include <pinion/record.h>
#include <pinion/request.h>

struct pn_heard {
    enum pn_step kind;
    unsigned     depth; /* 0: the request itself; 1 and more: look-ups and redirections on its behalf */
    const char  *file;  /* NULL: none */
    uint32_t     line;
    const char  *text;
};

/** A name and its value, as lists of settings and fields have them. */
struct pn_heard_pair {
    const char *name, *value;
};

struct pn_explanation {
    struct pn_recorder  recorder;
    apr_pool_t         *pool;
    unsigned            depth;
    apr_array_header_t *steps;    /* of struct pn_heard */
    apr_array_header_t *settings; /* of struct pn_heard_pair: what the place is and has in the end */
    apr_array_header_t *fields;   /* of struct pn_heard_pair: of the answer */
    bool                answered, handled; /* handled: the handler ran */
    int                 status;
};

/** Prints to standard output. */
void pn_explain_text(const struct pn_explanation *e);
void pn_explain_json(const struct pn_explanation *e);

#endif
