/* dav_if.h - the If field: lists of conditions on the state of resources (RFC 4918 s10.4). Pure. */
#ifndef PN_DAV_DAV_IF_H
#define PN_DAV_DAV_IF_H

#include <apr_tables.h>

#include <pinion/str.h>

/** Most conditions of a field, and most resources that one may name. */
#define DAV_IF_CONDITIONS_MAX 256
#define DAV_IF_TAGS_MAX 16

struct dav_if_condition {
    bool   negated;
    bool   is_etag;
    pn_str value; /* a state token without its brackets, or an entity tag */
};

/** All conditions must hold. */
struct dav_if_list {
    pn_str              tag;        /* the URL whose state is meant; p == NULL: the request's */
    apr_array_header_t *conditions; /* of struct dav_if_condition */
};

/** @param value   borrowed as long as the result.
 *  @param ret     of struct dav_if_list, never empty; one of them must hold.
 *  @return PN_OK, PN_BAD, PN_LIMIT. */
PN_NODISCARD pn_rc dav_if_parse(apr_pool_t *pool, pn_str value, apr_array_header_t **ret);
/** Does a list hold? @param etag of the resource, empty: none.  @param holds_token is this one of its lock tokens? */
bool dav_if_holds(const struct dav_if_list *list, pn_str etag, bool (*holds_token)(pn_str token, void *arg), void *arg);

#endif
