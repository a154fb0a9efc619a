/* vec_cache.h - merged settings by the pair they were merged from, so that a merge is made once, not a request.
 * One a worker; bounded, least recently used go first. */
#ifndef PN_HTTP_VEC_CACHE_H
#define PN_HTTP_VEC_CACHE_H

#include "http/worker.h"

struct pn_vec_cache *pn_vec_cache_open(apr_pool_t *pool, unsigned max_entries);
void pn_vec_cache_close(struct pn_vec_cache *cache);
/** `add` over `base`. The caller owns a reference (pn_vec_unref) of the result. */
const struct pn_conf_vec *pn_vec_cache_merge(struct pn_vec_cache *cache, struct pn_server *server,
                                             const struct pn_conf_vec *base, const struct pn_conf_vec *add);
/** Two sections that apply together, `add` after `base`, as one to be merged over a place. The caller owns a reference of the
 *  result; base's is taken over. @param base NULL: the result is `add`. Both are of the generation (not of a .htaccess file, whose
 *  sections nothing here would keep). */
const struct pn_conf_vec *pn_vec_cache_join(struct pn_vec_cache *cache, struct pn_server *server,
                                            const struct pn_conf_vec *base, const struct pn_conf_vec *add);
void pn_vec_cache_clear(struct pn_vec_cache *cache);

#endif
