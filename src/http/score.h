/* score.h - how a child's requests come onto the scoreboard: taken at their begin, let go at their end.
 *
 * The block is shared memory of this process's own place (base/score.h). Which slots are free is kept in the process,
 * since a child may have several loops. Nothing here is a system call, and without a block nothing is done. */
#ifndef PN_HTTP_SCORE_H
#define PN_HTTP_SCORE_H

#include <pinion/request.h>

#include "base/score.h"

struct pn_worker;

/** Makes the virtual hosts of a generation known, in the master. */
void pn_score_names(struct pn_score_table *table, const struct pn_generation *generation);
/** In a child, before its engine opens: this block is its own. @param pool lives as long as the child. */
void pn_score_attach(struct pn_score_table *table, unsigned child, const struct pn_generation *generation, apr_pool_t *pool);
/** How many requests at work the child may have: no more slots are used. Right after pn_score_attach. */
void pn_score_limit(unsigned n_workers);
/** The child ends. */
void pn_score_detach(void);

/** A request begins; once for each request of a client. */
void pn__score_begin(struct pn_request *r);
/** Its handler is done and the rest waits for the client alone: the slot is given back. */
void pn__score_drain(struct pn_request *r);
/** It has ended. @param first the request as the client sent it.  @param last the one that was answered. */
void pn__score_end(struct pn_request *first, const struct pn_request *last);
/** A worker opens or closes. */
void pn__score_worker(struct pn_worker *worker, bool opens);
/** Once a turn: how many connections there are. */
void pn__score_turn(struct pn_worker *worker);

#endif
