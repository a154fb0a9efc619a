/* dav_props.h - dead properties: what clients have attached to a resource (RFC 4918 s4.2).
 *
 * Those of a resource are a DBM file of its own in the directory .DAV beside it, laid out as Apache's mod_dav_fs does, so that
 * properties survive a change of servers: under METADATA a version and the namespaces, under "number:name" with a NUL a language and a
 * value, each with a NUL behind it. Everything here blocks, and uses the pool of a job. */
#ifndef PN_DAV_DAV_PROPS_H
#define PN_DAV_DAV_PROPS_H

#include "dav.h"

struct dav_prop {
    pn_str ns, name;
    pn_str lang;  /* empty: none */
    pn_str value; /* XML with the prefixes of dav_props_spaces */
};

struct dav_props;
/** @param write makes the database if need be.  @param ret_props NULL: there is none (reading).  @return 0 or an errno. */
int  dav_props_open(apr_pool_t *pool, pn_str file, bool collection, bool write, struct dav_props **ret_props);
/** Accepts NULL. Writes the namespaces when they have grown. @return 0 or an errno. */
int  dav_props_close(struct dav_props *props);
dav_ns_table *dav_props_spaces(struct dav_props *props);
/** All of them, of struct dav_prop. */
apr_array_header_t *dav_props_all(struct dav_props *props);
/** @return 0; ENOENT: there is no such property. */
int dav_props_get(struct dav_props *props, pn_str ns, pn_str name, struct dav_prop *ret);
/** @return 0 or an errno; EMSGSIZE: too large for this type of database. */
int dav_props_set(struct dav_props *props, const struct dav_prop *prop);
int dav_props_remove(struct dav_props *props, pn_str ns, pn_str name);

/** Removes, copies or moves the properties of a resource whose own file is dealt with by the caller. For collections only those of the
 *  collection itself; moving takes files only. @return 0 or an errno. */
int dav_props_delete(apr_pool_t *pool, pn_str file, bool collection);
int dav_props_copy(apr_pool_t *pool, pn_str from, pn_str to, bool collection);

#endif
