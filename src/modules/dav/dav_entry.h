/* dav_entry.h - one resource in a list of resources, and its properties as XML. */
#ifndef PN_DAV_DAV_ENTRY_H
#define PN_DAV_DAV_ENTRY_H

#include "dav_locks.h"
#include "dav_props.h"

/** What was found out about a resource by a job. */
struct dav_entry {
    pn_str              file;
    bool                exists, collection; /* it may be no more than a locked name */
    struct pn_finfo     info;
    int64_t             created_s;
    apr_array_header_t *props;  /* dead ones, of struct dav_prop; NULL: none */
    dav_ns_table       *spaces; /* of their values; NULL: none */
};

/** A property's name. */
struct dav_name {
    pn_str ns, name;
};

/** What a PROPFIND asks for. */
struct dav_wanted {
    enum { DAV_WANT_ALL, DAV_WANT_NAMES, DAV_WANT_SOME } kind;
    apr_array_header_t *names; /* of struct dav_name, of SOME */
};

/** What the text of an entry depends on. */
struct dav_view {
    struct pn_request       *r;      /* settings and type of the entry: a look-up, or the request */
    apr_pool_t              *pool;   /* for what the text is made from */
    const struct dav_entry  *entry;
    const struct dav_locks  *locks;  /* may be NULL */
    bool                     can_lock, discovery;
    int64_t                  now_s;
};

/** Blocks: the dead properties of entry->file into the entry. @return 0 or an errno. */
int  dav_entry_read_props(apr_pool_t *pool, struct dav_entry *entry);
/** Appends the element response. */
void dav_entry_write(struct pn_buf *out, const struct dav_view *view, pn_str href, const struct dav_wanted *wanted);
/** Is it a property that the server makes itself? @param ret_writable may clients set it? May be NULL. */
bool dav_is_live(pn_str ns, pn_str name, bool *ret_writable);

#define DAV_APACHE_NS "http://apache.org/dav/props/"

#endif
