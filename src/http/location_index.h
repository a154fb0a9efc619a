/* location_index.h - which <Location> sections may apply to a URL path, without looking at each.
 *
 * Made by the core's post_config for servers with many literal sections, read by the location walk. Immutable; a
 * look-up costs the path's length, however many sections there are. */
#ifndef PN_HTTP_LOCATION_INDEX_H
#define PN_HTTP_LOCATION_INDEX_H

#include "http/core_conf.h"

struct pn_location_index;

/** @param locations of struct pn_section *, which stay as they are; NULL is legal.
 *  @param pool      owns the index.
 *  @return NULL when looking at each section is as quick. */
struct pn_location_index *pn_location_index_new(apr_pool_t *pool, const apr_array_header_t *locations);

/** Positions of the sections that may apply: the literal ones that do, and all patterns and expressions.
 *  @param path     begins with a slash; slashes in a row merged if they are to be.
 *  @param pool     owns *ret, ascending.
 *  @return how many. Never suspends. */
unsigned pn_location_index_find(const struct pn_location_index *index, apr_pool_t *pool, pn_str path, const uint32_t **ret);

#endif
