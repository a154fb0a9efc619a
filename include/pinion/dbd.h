/* pinion/dbd.h - SQL databases: statements run on a pool of connections, off the loop.
 *
 * mod_dbd offers it as provider of group "dbd", name "core". A statement is text with a %s for each parameter; a connection
 * prepares it when it meets it first, so parameters never become part of the statement. */
#ifndef PINION_DBD_H
#define PINION_DBD_H

#include <pinion/request.h>

#define PN_DBD_PARAMETERS_MAX 8
/** Most bytes of one answer; more is an error. */
#define PN_DBD_ANSWER_MAX ((size_t)1 << 20)

struct pn_dbd_answer {
    unsigned      n_rows, n_columns;
    const pn_str *names;  /* of the columns; p == NULL: the driver does not tell */
    const pn_str *values; /* row by row; p == NULL is SQL's NULL; NUL-terminated */
    int           changed;/* rows that a statement without an answer has changed */
};

static inline pn_str pn_dbd_value(const struct pn_dbd_answer *answer, unsigned row, unsigned column)
{
    return answer->values[row * answer->n_columns + column];
}

struct pn_dbd_question {
    pn_str        sql;        /* NUL-terminated; or the label that DBDPrepareSQL gave a statement */
    const pn_str *parameters; /* without NULs inside */
    unsigned      n;
    bool          changes;    /* the statement has no rows to give (UPDATE, INSERT ...) */
    unsigned      max_rows;   /* what comes behind is not read */
};

struct pn_dbd {
    /** @param ret in r->pool.  @return PN_OK, PN_NOT_FOUND (no database is configured for r's server), PN_FAILED (the database or
     *  the statement failed); both are logged. */
    PN_MAY_YIELD pn_rc (*ask)(struct pn_request *r, const struct pn_dbd_question *question, struct pn_dbd_answer *ret);
};

static inline const struct pn_dbd *pn_dbd(const struct pn_generation *generation)
{
    return (const struct pn_dbd *)pn_provider(generation, "dbd", PN_STR("core"));
}

#endif
