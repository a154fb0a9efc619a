/* store_internal.h - what the files of the path store share; nobody else includes it (tests may).
 *
 * The store is a trie of nodes, one for each path component as named. A directory's node keeps
 * an O_PATH descriptor, a watch, its listing, and for each server the merged settings. A node of
 * a symbolic link points to the node of its target and stands in that node's list `links`.
 * Places hang on the node where their walk ended.
 *
 * Invariants:
 * - Whatever is kept was read after the watch of the directory that holds it had been started,
 *   so every later change is told. Where there is no watch that can be trusted, `ask` is set
 *   from there on down.
 * - Not told are writes through a shared mapping, and a further hard link to a file that is known
 *   already: an open file is compared with its descriptor when the last look is a second ago. A
 *   file that has several links when it is found is asked about each time.
 * - Destroying a node takes its subtree, the places in it, and every link that points into it.
 * - Node pointers are never held over a wait: a walk that meets something cold starts again from
 *   the root. */
#ifndef PN_HTTP_STORE_INTERNAL_H
#define PN_HTTP_STORE_INTERNAL_H

#include "http/store.h"

/** How old an answer about an open file may be: changes through a shared mapping are not told. */
#define PN_FILE_CHECK_USEC PN_USEC_PER_SEC

enum node_kind {
    NODE_NONE, /* nothing of that name */
    NODE_REGULAR,
    NODE_DIRECTORY,
    NODE_OTHER, /* device, socket, pipe */
    NODE_LINK,
    NODE_ERROR /* it can't be looked at: node->error */
};

struct store_node;

/* Settings of a directory for one server. */
struct node_vec {
    const struct pn_server   *server;
    const struct pn_conf_vec *vec; /* referenced */
};

/* A directory, or a link to one that somebody looked into. */
struct node_dir {
    struct pn_watch    watch;
    struct store_node *node;
    struct pn_store   *store;
    int                fd;        /* O_PATH; -1: of a link, the target's is used */
    bool               entered;   /* the watch was tried */
    bool               untrusted; /* and does not tell of all changes */
    bool               counted;   /* in stats.watches */
    bool     ask_access; /* its .htaccess can change without a word: it has other hard links */
    unsigned changes;    /* counts what the watch told of names */
    uint64_t touched;    /* counts all that it told */
    unsigned n_vecs, cap_vecs;
    struct node_vec   *vecs;
    struct pn_listing *listing; /* NULL: not read since the last change */
};

/* What a .htaccess gave under certain AllowOverride settings. */
struct access_form {
    struct access_form       *next;
    const struct pn_server   *server;
    unsigned                  override;
    uint64_t                  override_options;
    const apr_hash_t         *override_list;
    const struct pn_conf_vec *vec;   /* referenced; NULL: see error */
    char                     *error; /* malloc'd text */
};

struct store_node {
    struct store_node  *parent, *first_child, *prev, *next; /* prev, next: siblings */
    struct store_node  *hash_next;
    struct store_node  *target;                  /* NODE_LINK: referenced by standing in its list */
    struct store_node  *links;                   /* links that point here */
    struct store_node  *link_prev, *link_next;   /* my place in the target's list */
    struct store_node  *work_next, *orphan_next; /* lists of destroying */
    struct place       *places;
    struct pn_finfo     info; /* of the name itself, links not followed */
    int64_t             ctime_ns;
    struct pn_file     *file; /* NODE_REGULAR: referenced */
    struct node_dir    *dir;
    struct access_form *forms;
    int                 error; /* NODE_ERROR: errno; NODE_LINK: why it leads nowhere, or 0 */
    uint32_t            hash;
    uint8_t             kind;
    bool                ask, is_access, resolving, doomed, dead, orphan;
    uint16_t            name_n;
    char                name[];
};

struct place {
    struct pn_place    super;
    struct place      *hash_next;
    struct place      *newer, *older; /* ring of the clock */
    struct store_node *node;          /* NULL once invalid */
    struct place      *node_prev, *node_next;
    uint64_t           hash;
    pn_wall            weak_until; /* the tag is weak up to then; 0: as it is */
    bool               used, ask;
    struct pn_memo     *memos;
    pn_str             key; /* the name as asked; filename is its canonical form */
    char               last_modified[30];
    char               etag[64];
    char               text[];
};

/* A file with what the store needs beside it. */
struct file {
    struct pn_file super;
    struct file   *hash_next;
    bool           hashed, counted_fd;
    bool           read_tried; /* the bytes can't or may not be kept */
};

struct pn_store {
    struct pn_worker   *worker;
    struct store_node  *root;
    struct place      **places; /* hash; n_place_buckets is a power of two */
    struct store_node **nodes;
    struct file       **files; /* by inode */
    size_t              n_place_buckets, n_node_buckets, n_file_buckets;
    struct place       *hand; /* of the clock: the next to be asked whether it was used */
    struct store_node  *doomed, *dead, *orphans;
    unsigned            max_places, max_fds, max_nodes;
    size_t              max_bytes, max_file;
    unsigned            fds;
    unsigned            live; /* places and files that exist, kept ones included */
    unsigned            links_followed;
    bool                closed;
    bool                walking;  /* see pn__walk_begins */
    bool                nonblock; /* meet cold things with EAGAIN instead of waiting for the disk */
    bool                no_openat2, no_cached;
    char               *cold; /* malloc'd path of what was cold, or NULL */
    bool                cold_content;
    struct pn_io        mounts;
    struct pn_memo     *newest_memo, *oldest_memo;
    size_t              memo_bytes;
    struct pn_store_stats stats;
};

/* ---- store_node.c: the trie, and invalidation ---- */

struct store_node *pn__node_root(struct pn_store *store);
/** The child of that name, made when it is not there. @param dir leads to a directory.
 * @return 0; EAGAIN: cold (store->cold says what); ESTALE: it was known and has changed, walk
 * anew from the root; another errno that is no property of the path (EMFILE, EIO...). */
int                pn__node_child(struct pn_store *store, struct store_node *dir, pn_str name,
                                  struct store_node **ret);
struct store_node *pn__node_find(const struct pn_store *store, const struct store_node *dir,
                                 pn_str name);
struct node_dir   *pn__dir_new(struct pn_store *store, struct store_node *node, int fd);

/* ---- store_link.c, store_watch.c ---- */

/** Finds the target of a link node by its text, component by component. 0, EAGAIN or an errno
 * that does not last. */
int  pn__link_resolve(struct pn_store *store, struct store_node *link, int fd);
void pn__link_detach(struct store_node *link);
/** Behind all links; NULL when a link leads nowhere. */
struct store_node *pn__node_final(struct store_node *node);
/** Starts the watch of a directory (or of what a link leads to) if need be. 0 or errno. */
int pn__node_enter(struct pn_store *store, struct store_node *node);
/** The watch of a directory that was entered tells of written bytes from now on, or it counts as untrusted. */
void pn__node_watch_content(struct pn_store *store, struct store_node *dir);
/** What `node` stands for changed: it goes, with all that depends on it. */
void pn__node_destroy(struct pn_store *store, struct store_node *node);
/** From the one to the other, nodes that are destroyed stay in memory, for the walk holds some of
 * them. */
void pn__walk_begins(struct pn_store *store);
void pn__walk_ends(struct pn_store *store);
/** Removes a node that nothing needs any more, and then its parents likewise. */
void pn__node_prune(struct pn_store *store, struct store_node *node);
/** Does the file system agree with all that place's answer was made from? Destroys what it does
 * not agree with. */
bool pn__node_still(struct pn_store *store, struct store_node *node);
/** The same for one name and what its link leads to, without the directories above. */
bool pn__step_still(struct pn_store *store, struct store_node *node);
/** The same for the .htaccess files of a directory that was entered. */
bool pn__access_still(struct pn_store *store, struct store_node *dir);
/** Absolute path of a node as named, malloc'd. */
char *pn__node_path(const struct store_node *node);
/** Takes what fstat said into the node. */
void    pn__node_set_stat(struct store_node *node, const struct stat *st);
int64_t pn__ctime_ns(const struct stat *st);
/** Is it the same thing, unchanged? */
bool pn__same_stat(const struct pn_finfo *info, int64_t ctime_ns, const struct stat *st);
void pn__info_of_stat(struct pn_finfo *info, const struct stat *st);

/* ---- store_open.c: system calls that do not wait for the disk ---- */

/** O_PATH, no link followed. @return a descriptor, or -1 with errno (EAGAIN: cold). */
int pn__open_path(struct pn_store *store, int dirfd, const char *name);
/** Reads up to `n` bytes at 0. @return bytes, or -1 with errno (EAGAIN: cold). */
ssize_t pn__read_now(struct pn_store *store, int fd, char *to, size_t n);
/** Remembers what to warm. Returns EAGAIN. */
int pn__cold(struct pn_store *store, const struct store_node *dir, pn_str name, bool content);
/** Touches the path, its .htaccess files and what was cold, off the loop. */
PN_MAY_YIELD bool pn__warm(struct pn_store *store, const struct pn_server *server, pn_str path);

/* ---- store_htaccess.c ---- */

/** The settings of the .htaccess of a directory; *ret is NULL when there is none.
 *  @param dir path with a slash at the end.  @param vec settings so far.
 *  @return 0, EAGAIN, another errno; -1: the place fails as *ret_fault says. */
struct place_fault {
    int      status;
    unsigned log_id;
    char    *message; /* malloc'd */
};
int  pn__access_vec(struct pn_store *store, struct pn_server *server, struct store_node *node,
                    pn_str dir, const struct pn_conf_vec *vec, const struct pn_conf_vec **ret,
                    struct place_fault *ret_fault);
void pn__access_forms_free(struct access_form *forms);
PN_PRINTF(4, 5)
void pn__fault(struct place_fault *fault, int status, unsigned log_id, const char *fmt, ...);

/* ---- store_file.c ---- */

/** Opens the file of a regular node and keeps its bytes when they are few. 0, EAGAIN never;
 * ESTALE: it is another file now. */
int pn__file_attach(struct pn_store *store, struct store_node *node);
/** Tries to keep the bytes, if that has not been settled. */
void pn__file_fill(struct pn_store *store, struct pn_file *file);
/** Nothing may find the file any more. */
void pn__file_forget(struct pn_store *store, struct pn_file *file);
/** Compares with fstat. */
bool pn__file_same(struct pn_store *store, struct pn_file *file, pn_usec now);
/** The same when there is reason to ask: other hard links, or it was long ago. */
bool pn__file_current(struct pn_store *store, struct pn_file *file);
/** Last-Modified and ETag of a place. */
void pn__place_validators(struct place *place);
/** May suspend the fiber for a digest of a large file. */
PN_MAY_YIELD void pn__place_digest(struct place *place);

/* ---- store_walk.c ---- */

/** The place of a file name, on its node, with one reference, not in the hash yet.
 * @return 0; EAGAIN: something was cold, warm it and walk again; ESTALE: something changed
 * meanwhile, walk again; or another errno. */
int pn__walk(struct pn_store *store, struct pn_server *server, pn_str filename, struct place **ret);
/** The place of a walk that can't be made. */
struct place *pn__failed_place(struct pn_store *store, struct pn_server *server, pn_str filename,
                               int error);

/* ---- memo.c ---- */

/** Nobody finds what modules kept for this place any more. */
void pn__memos_forget(struct place *place);

/* ---- store_mounts.c ---- */

void pn__mounts_watch(struct pn_store *store);
void pn__mounts_unwatch(struct pn_store *store);

/* ---- store.c ---- */

struct place *pn__place_new(struct pn_store *store, struct pn_server *server, pn_str asked,
                            pn_str canonical);
/** Puts a place on its node. */
void pn__place_on_node(struct place *place, struct store_node *node);
/** Into the hash and the clock; the store takes its own reference. */
void pn__place_publish(struct pn_store *store, struct place *place, uint64_t hash);
/** Out of both; it is invalid from now on. */
void pn__place_drop(struct pn_store *store, struct place *place);
void pn__store_unlive(struct pn_store *store);

/* ---- store_listing.c ---- */

void pn__dir_changed(struct node_dir *dir);

#endif
