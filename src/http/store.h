/* store.h - the path store: the walk over the file system, cached and never stale (design, section 4).
 *
 * For a server and a file name the store yields a place: what is there, the settings that <Directory>, .htaccess and
 * <Files> give it, the open file, its validators and, for small files, its bytes. A place is valid until something on
 * its path changes: the watch tells of it before the requests of a turn run. Where the watch can't be trusted, the store asks the
 * file system each time. One store a worker; no locks. Bounded in entries, bytes and descriptors, least recently used go first.
 *
 * Inside, a trie of nodes stands for path components as named; a node of a symbolic link points to the node of its target, so
 * that a change under the target's real path reaches every name for it. */
#ifndef PN_HTTP_STORE_H
#define PN_HTTP_STORE_H

#include <pinion/listing.h>

#include "http/core_conf.h"
#include "http/worker.h"

/** An open regular file, shared by all places that name it at the time. */
struct pn_file {
    uint32_t       refs;
    int            fd;          /* O_RDONLY; -1: it may not be read (error says why) */
    int            error;       /* errno of the failed open */
    struct pn_finfo info;
    pn_str         bytes;       /* the whole content when it is held in memory, else p == NULL */
    uint64_t       id;          /* of this state of the file, unique in the process, > 0: a change makes another pn_file */
    int64_t        ctime_ns;    /* change time, to notice changes through a shared mmap */
    pn_usec        checked;     /* when it was last compared with the file system */
    struct pn_variant *variants;/* compressed forms: mod_deflate's; owned by the file */
    struct pn_store *store;
};

/** What a file name means to a server. Borrowed strings live as long as the place. */
struct pn_place {
    uint32_t        refs;
    bool            valid;        /* false: something changed; only those who hold it still see it */
    int             status;       /* 0, or why it can't be served: 403, 404 is not one (finfo.type NONE), 500, 414 */
    unsigned        log_id;       /* message for status, logged for each request */
    pn_str          message;
    pn_str          filename;     /* as asked */
    size_t          file_n;       /* its first file_n bytes name the file or directory that exists (or the last component
                                   * looked for); the rest, beginning with '/', is path info */
    struct pn_finfo finfo;
    struct pn_file *file;         /* for regular files */
    const struct pn_conf_vec *vec;/* merged: server defaults, Directory, .htaccess, Files; referenced */
    pn_str          last_modified;/* text, for regular files */
    pn_str          etag;         /* by FileETag of vec; empty: none */
    apr_table_t    *captures;     /* MATCH_ variables of sections that applied; may be NULL */
    void           *types;        /* room for mod_mime's answer, see pn_place_memo */
    struct pn_server *server;
    struct pn_store *store;
    apr_pool_t      *pool;
};

PN_NODISCARD pn_rc pn_store_open(struct pn_worker *worker, const struct pn_core_server *limits, struct pn_store **ret);
void pn_store_close(struct pn_store *store);

/** The place of `filename` (absolute, no "//", no "." or ".." components, NUL-terminated) for a server. Suspends only when
 *  the path is cold (the blocking part runs off the loop). Never returns NULL: what goes wrong is in place->status.
 *  The caller owns a reference. */
PN_MAY_YIELD struct pn_place *pn_store_find(struct pn_store *store, struct pn_server *server, pn_str filename);
struct pn_place *pn_place_ref(struct pn_place *place);
void pn_place_unref(struct pn_place *place);
struct pn_file *pn_file_ref(struct pn_file *file);
void pn_file_unref(struct pn_file *file);

/** Names in a directory, sorted bytewise, as of now; kept with the directory's node, with strict freshness. Array of
 *  struct pn_dirent owned by the listing; NULL when the place is no readable directory. */
PN_MAY_YIELD struct pn_listing *pn_store_listing(struct pn_store *store, struct pn_place *place);
void pn_listing_unref(struct pn_listing *listing);

/** Writes the quoted tag of inode, size and time as FileETag's bits ask, in hex as httpd has it, to at least 60 bytes.
 *  @return bytes; 0: no tag. */
size_t pn__put_tag(char *to, unsigned bits, const struct pn_finfo *info);

/** All entries are dropped (a new generation, or lost events). */
void pn_store_clear(struct pn_store *store);

struct pn_store_stats { unsigned places, nodes, files, watches; size_t file_bytes; uint64_t hits, misses, invalidations, asks; };
struct pn_store_stats pn_store_stats(const struct pn_store *store);

#endif
