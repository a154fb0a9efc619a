/* dav.h - what the files of WebDAV share: settings, resources, and how a method's work is divided (RFC 4918).
 *
 * A method runs in a request's fiber. What looks at the disk or a database is a job: a function that gets a struct with a pool of
 * its own and runs on a thread of the offload pool while the fiber waits. Functions marked "blocks" belong into jobs. Files and
 * locks are named by absolute path, without a slash at the end. */
#ifndef PN_DAV_DAV_H
#define PN_DAV_DAV_H

#include <errno.h>

#include <pinion/request.h>

#include "dav_xml.h"

/** Where properties of the members of a directory lie, as in Apache: never part of what clients see. */
#define DAV_STATE_DIR ".DAV"
/** How the names of files begin that are not complete yet. */
#define DAV_TEMP_PREFIX ".davfs.tmp"

/** Where locks are kept. */
struct dav_lock_place {
    pn_str path;      /* without the endings of the database; empty: none, no locks */
    pn_str type;      /* of APR-util: "default", "SDBM", "GDBM", "DB"; NUL-terminated */
    bool   discovery; /* may clients ask who holds a lock? */
};

/** Provider of group "dav" (by the name that Dav names) and of group "dav-lock", name "generic". */
struct dav_provider {
    void (*lock_place)(const struct pn_request *r, struct dav_lock_place *ret);
};
#define DAV_GROUP "dav"
#define DAV_LOCK_GROUP "dav-lock"

struct dav_conf {
    pn_str provider;       /* empty: off */
    bool   provider_set;
    bool   depth_infinity; /* DavDepthInfinity */
    int64_t min_timeout_s; /* DavMinTimeout */
};
extern struct pn_module pn_module_dav;

/** The provider where r is; NULL: Dav is off. */
const struct dav_provider *dav_provider_of(const struct pn_request *r);

enum dav_depth { DAV_DEPTH_ZERO, DAV_DEPTH_ONE, DAV_DEPTH_INFINITY, DAV_DEPTH_BAD };
/** The Depth field; `absent` when there is none. */
enum dav_depth dav_depth_of(const struct pn_request *r, enum dav_depth absent);

/** What a URL stands for. */
struct dav_resource {
    struct pn_request *r;      /* the request, or the look-up of the URL */
    pn_str             path;   /* URL path, decoded, without a slash at the end but for "/" */
    pn_str             file;
    bool               exists, collection;
    struct pn_finfo    info;
};
/** @return 0, or the status to refuse with. */
int dav_resource_of(struct pn_request *r, struct dav_resource *ret);
/** The directory that `path` is in; "/" for "/". Slice of it. */
pn_str dav_parent(pn_str path);
/** Is `path` in the tree below `root` (not root itself)? */
bool dav_is_below(pn_str path, pn_str root);
/** Is it a component that clients are not shown? */
bool dav_is_hidden(pn_str name);

/** A pool that a job's thread may use; destroyed by dav_pool_end at the latest with r->pool. */
apr_pool_t *dav_pool(struct pn_request *r);
void        dav_pool_end(struct pn_request *r, apr_pool_t *pool);

/** Reads the body and parses it. @param ret_root NULL: there is no body.  @return 0, or the status to refuse with. */
PN_MAY_YIELD int dav_read_xml(struct pn_request *r, struct dav_node **ret_root);

/** 200 for success, else what an errno stands for. */
int dav_status_of_errno(int error);
/** Sets the answer: XML with this status. */
enum pn_verdict dav_answer_xml(struct pn_request *r, int status, pn_str xml);
/** 201 with Location, or 204. */
enum pn_verdict dav_created(struct pn_request *r, const struct dav_resource *what, bool replaced);

/** Resources that a method could not deal with: the members of a multistatus answer. */
struct dav_failure {
    pn_str file;   /* where */
    int    status;
};
/** 207 with `failures` (of struct dav_failure, below `top`). */
enum pn_verdict dav_multistatus(struct pn_request *r, const struct dav_resource *top, const apr_array_header_t *failures);
/** The URL path of the resource or of a file below it, encoded, in `pool`. */
pn_str dav_href(apr_pool_t *pool, const struct dav_resource *top, pn_str file, bool collection);

PN_MAY_YIELD enum pn_verdict dav_options(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_propfind(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_proppatch(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_put(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_delete(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_mkcol(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_copy_move(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_lock(struct pn_request *r);
PN_MAY_YIELD enum pn_verdict dav_unlock(struct pn_request *r);

#endif
