/* rewrite_fixture.h - a loaded configuration with rules, and requests that have not been mapped yet, without a server around
 * them. For the tests, the benchmark and the fuzz target of mod_rewrite. */
#ifndef PN_TEST_REWRITE_FIXTURE_H
#define PN_TEST_REWRITE_FIXTURE_H

#include "conf/load.h"
#include "http/request_core.h"
#include "modules/mappers/mod_rewrite.h"

struct rewriting {
    apr_pool_t           *pool;
    struct pn_generation *generation;
    struct pn_conn        conn;
};

/** Loads directives (lines, NULL at the end) as a server's. @return false: *ret_error says why. */
bool rewriting_begin(struct rewriting *w, const char *const *lines, const char **ret_error);
void rewriting_end(struct rewriting *w);
/** A GET for path and query in a pool of its own. */
struct pn_request *rewriting_request(struct rewriting *w, apr_pool_t *pool, pn_str path, pn_str query);
/** Runs the server's rules. */
enum rewrite_result rewriting_run(struct rewrite_run *run, struct pn_request *r);
/** The same as a directory's: `dir` with a slash at the end, `name` and `path_info` as the walk left them. */
enum rewrite_result rewriting_run_in(struct rewrite_run *run, struct pn_request *r, const struct rewrite_conf *dir);

#endif
