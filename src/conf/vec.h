/* vec.h - settings objects: made with their defaults, filled, merged, counted.
 *
 * Each settings struct has its set-bits in front of it, one for each row of the module's table
 * (rows that fill the same slot share one). A vector of a section holds only the modules that
 * the section names; merging shares the structs that the inner place leaves alone. References
 * are not atomic: a vector belongs to one loop, or is immortal. Workload: a merge for each new
 * directory of the walk's cache, a microsecond or two. */
#ifndef PN_CONF_VEC_H
#define PN_CONF_VEC_H

#include <pinion/module.h>

struct pn_module_info;

/** An empty vector of the generation (a section's). It lives as long as `pool`: references are
 * not counted. */
struct pn_conf_vec *pn_conf_vec_new(const struct pn_generation *generation, apr_pool_t *pool);

/** The module's struct in the vector, made with its defaults from `pool` when it is missing; NULL
 * when the module has no per-directory settings. */
void *pn_conf_vec_need(const struct pn_generation *generation, struct pn_conf_vec *vec,
                       apr_pool_t *pool, const struct pn_module *module);
/** The same for a server's settings. */
void *pn_conf_server_need(struct pn_server *server, apr_pool_t *pool,
                          const struct pn_module *module);

/** What applies where `outer` and, over it, `inner` apply; with its plan once the generation is
 * complete. Either may be NULL (then the result holds the other's settings).
 * @param server whose hooks and settings the plan is for.
 * @param pool   owns the result, which then needs no references and must not outlive outer and
 *               inner (both are kept alive as long as the pool where they are counted); NULL:
 *               the result has one reference and its own memory, to be given back with
 *               pn_conf_vec_unref.
 * Never suspends. */
struct pn_conf_vec *pn_conf_merge(const struct pn_server *server, const struct pn_conf_vec *outer,
                                  const struct pn_conf_vec *inner, apr_pool_t *pool);

/** Two sections that apply together, `inner` after `outer`, made one to be merged over a place: without a plan.
 * @return with one reference (pn_conf_vec_unref). Never suspends. */
struct pn_conf_vec *pn_conf_join(const struct pn_generation *generation, const struct pn_conf_vec *outer,
                                 const struct pn_conf_vec *inner);

/** One more reference; nothing to do for vectors that are not counted. Returns its argument,
 * accepts NULL. */
const struct pn_conf_vec *pn_conf_vec_ref(const struct pn_conf_vec *vec);
/** Gives a reference back; the last one frees the vector and its references to what it was merged
 * from. */
void pn_conf_vec_unref(const struct pn_conf_vec *vec);
/** Bytes of its own (not of its parents), for bounded caches; what modules allocated while
 * merging is not counted. */
size_t pn_conf_vec_bytes(const struct pn_conf_vec *vec);

/* ---- for generation.c and htaccess.c ---- */

/** Works out the defaults of all active modules. Once, after the files are read. */
void pn__conf_prepare_defaults(struct pn_generation *generation);
/** Makes the missing structs of all active modules: the main server has all of them. */
void pn__conf_server_complete(struct pn_server *server, apr_pool_t *pool);
/** Merges the main server's settings into a virtual host (in place: cmd->vec and server->conf
 * stay where they are). */
void pn__conf_server_inherit(struct pn_server *vhost, const struct pn_server *main_server,
                             apr_pool_t *pool);
/** An empty vector with one reference, which owns `pool`. */
struct pn_conf_vec *pn__conf_vec_new_counted(const struct pn_generation *generation,
                                             apr_pool_t                 *pool);
/** The set-bit of a row, by its position in the module's table. */
void pn__conf_mark(void *conf, const struct pn_module_info *info, unsigned position);
bool pn__conf_marked(const void *conf, const struct pn_module_info *info, unsigned position);

#endif
