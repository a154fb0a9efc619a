/* store_walk.c - the walk from the root to a file name: nodes, settings, links, and the place at
 * the end.
 *
 * Called by look-ups that found no place. Never waits: where something is cold it ends with
 * EAGAIN, and the look-up warms the path and walks again from the root. Over nodes that are
 * known it makes no system call. Apache manual: "Configuration Sections", "How the sections are
 * merged"; where that is silent, as httpd 2.4.71 does it: <DirectoryMatch> and <Files> see the
 * name of the file, too, and a place that may not be entered has the server's settings. */
#include "http/store_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <pinion/record.h>

#include "conf/vec.h"
#include "http/section.h"
#include "http/vec_cache.h"

/* Settings kept with one directory; many virtual hosts may share a tree. */
#define DIR_VECS_MAX 1024

struct walk {
    struct pn_store          *store;
    struct pn_server         *server;
    pn_str                    path; /* canonical */
    char                     *dir;  /* path with one more slash at its end, NUL-terminated */
    size_t                    at;   /* bytes of path that `node` stands for */
    unsigned                  components;
    struct store_node        *node, *real;
    const struct pn_conf_vec *vec;  /* referenced */
    apr_pool_t               *pool; /* of captures, made when there are any */
    apr_table_t              *captures;
    bool                      ask;
    bool                      homeless; /* the place can't be kept */
    struct place_fault        fault;
};

/* The fault is what the walk found out: not an error of the walk. */
#define FAULT (-1)

/* ---- canonical names ---- */

static bool is_dot_component(pn_str path, size_t slash)
{
    pn_str rest = pn_str_from(path, slash + 1);

    if (rest.n == 0 || rest.p[0] != '.')
        return false;
    return rest.n == 1 || rest.p[1] == '/' ||
           (rest.p[1] == '.' && (rest.n == 2 || rest.p[2] == '/'));
}

static bool is_canonical(pn_str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '/' &&
            ((i + 1 < path.n && path.p[i + 1] == '/') || is_dot_component(path, i)))
            return false;
    return true;
}

/* Without empty, "." and ".." components, as text. @param to path.n + 2 bytes. */
static pn_str canonicalise(pn_str path, char *to)
{
    size_t n = 0;
    bool   to_dir = false; /* it ends in a slash, or in what stands for a directory */

    for (pn_str rest = path; rest.p;) {
        pn_str name = pn_str_cut(rest, '/', &rest);
        bool   up = pn_str_eq(name, PN_STR(".."));

        to_dir = name.n == 0 || up || pn_str_eq(name, PN_STR("."));
        while (up && n && to[--n] != '/')
            ;
        if (to_dir)
            continue;
        to[n++] = '/';
        memcpy(to + n, name.p, name.n);
        n += name.n;
    }
    if (to_dir || n == 0)
        to[n++] = '/';
    to[n] = '\0';
    return pn_str_n(to, n);
}

/* ---- settings ---- */

static void use_vec(struct walk *w, const struct pn_conf_vec *vec)
{
    pn_conf_vec_unref(w->vec);
    w->vec = vec;
}

static void merge(struct walk *w, const struct pn_conf_vec *add)
{
    use_vec(w, pn_vec_cache_merge(w->store->worker->vecs, w->server, w->vec, add));
}

static void record_section(const struct pn_section *section, const char *name)
{
    PN_RECORD(NULL, PN_STEP_SECTION, section->file, section->line, "<%s%s \"%.*s\">", name, section->regex ? "Match" : "",
              PN_FMT(section->pattern));
}

static void merge_sections(struct walk *w, pn_str dir, unsigned components)
{
    const apr_array_header_t *sections = pn_core_server(w->server)->directories;

    for (int i = 0; sections && i < sections->nelts; i++) {
        const struct pn_section *section = APR_ARRAY_IDX(sections, i, const struct pn_section *);

        if (section->regex || section->components > components)
            break; /* sorted by depth, expressions last */
        if (!pn_section_is_directory(section, dir, components))
            continue;
        record_section(section, "Directory");
        merge(w, section->vec);
    }
}

static void keep_vec(struct walk *w, struct node_dir *dir)
{
    if (dir->n_vecs >= DIR_VECS_MAX) {
        for (unsigned i = 0; i < dir->n_vecs; i++)
            pn_conf_vec_unref(dir->vecs[i].vec);
        dir->n_vecs = 0;
    }
    if (dir->n_vecs == dir->cap_vecs) {
        unsigned         cap = dir->cap_vecs ? dir->cap_vecs * 2 : 1;
        struct node_vec *bigger = realloc(dir->vecs, cap * sizeof(*bigger));

        pn_assert(bigger != NULL);
        dir->vecs = bigger;
        dir->cap_vecs = cap;
    }
    dir->vecs[dir->n_vecs++] = (struct node_vec){ w->server, pn_conf_vec_ref(w->vec) };
}

/* Settings of the directory that the walk is in. */
static int enter_directory(struct walk *w)
{
    const struct pn_conf_vec *access;
    struct node_dir          *dir;
    pn_str                    path = pn_str_n(w->dir, w->node->parent ? w->at + 1 : 1);
    int                       error = pn__node_enter(w->store, w->node);

    if (error)
        return error;
    dir = w->node->dir;
    if (!pn__access_still(w->store, w->node))
        return ESTALE;
    for (unsigned i = 0; i < dir->n_vecs && !pn_recorder; i++) { /* who listens wants to hear it all */
        if (dir->vecs[i].server != w->server)
            continue;
        use_vec(w, pn_conf_vec_ref(dir->vecs[i].vec));
        w->ask = w->ask || dir->untrusted || dir->ask_access;
        return 0;
    }
    merge_sections(w, path, w->components);
    error = pn__access_vec(w->store, w->server, w->node, path, w->vec, &access, &w->fault);
    w->ask = w->ask || dir->untrusted || dir->ask_access;
    if (error)
        return error;
    if (access)
        merge(w, access);
    keep_vec(w, dir);
    return 0;
}

static void capture(struct walk *w, const struct pn_section *section, const struct pn_match *match)
{
    if (section->names == NULL)
        return;
    if (w->pool == NULL) {
        if (apr_pool_create_unmanaged_ex(&w->pool, NULL, NULL) != APR_SUCCESS)
            pn_assert_failed(__FILE__, __LINE__, "out of memory");
        w->captures = apr_table_make(w->pool, 4);
    }
    pn_section_capture(section, match, w->pool, w->captures);
}

/* Whether the section protects the place is not known then, so nobody gets in. */
static void exploded(struct walk *w, const struct pn_section *section, const char *kind)
{
    pn__fault(&w->fault, 500, 21160, "the pattern of <%sMatch> at %s:%u gave up on this name (match limit)", kind, section->file, section->line);
}

static void merge_matches(struct walk *w, pn_str name)
{
    const apr_array_header_t *sections = pn_core_server(w->server)->directories;
    struct pn_match           match;

    for (int i = 0; sections && i < sections->nelts && !w->fault.status; i++) {
        const struct pn_section *section = APR_ARRAY_IDX(sections, i, const struct pn_section *);
        pn_rc                    rc = section->regex ? pn_regex_match(section->regex, name, &match) : PN_NOT_FOUND;

        if (rc == PN_LIMIT)
            exploded(w, section, "Directory");
        if (rc != PN_OK)
            continue;
        record_section(section, "Directory");
        capture(w, section, &match);
        merge(w, section->vec);
    }
}

static void merge_files(struct walk *w, pn_str name)
{
    const apr_array_header_t *sections = pn_core_dir(w->vec)->files;
    struct pn_match           match = { 0 };
    size_t                    slash = pn_str_rchr(name, '/');
    pn_str                    last = pn_str_from(name, slash == SIZE_MAX ? 0 : slash + 1);

    if (sections == NULL)
        return;
    memcpy(w->dir, last.p,
           last.n); /* patterns want it NUL-terminated; the walk needs `dir` no more */
    w->dir[last.n] = '\0';
    last.p = w->dir;
    const struct pn_conf_vec *kept = pn_conf_vec_ref(w->vec); /* owns `sections` */
    for (int i = 0; i < sections->nelts && !w->fault.status; i++) {
        const struct pn_section *section = APR_ARRAY_IDX(sections, i, const struct pn_section *);
        pn_rc                    rc = pn_section_matches_file(section, last, &match);

        if (rc == PN_LIMIT)
            exploded(w, section, "Files");
        if (rc != PN_OK)
            continue;
        record_section(section, "Files");
        capture(w, section, &match);
        merge(w, section->vec);
    }
    pn_conf_vec_unref(kept);
}

/* ---- steps ---- */

static pn_str so_far(const struct walk *w)
{
    return pn_str_head(w->path, w->at);
}

static int refuse_link(struct walk *w)
{
    pn__fault(&w->fault, 403, 37, "Symbolic link not allowed or link target not accessible: %.*s",
              PN_FMT(so_far(w)));
    return FAULT;
}

/* Options of the directory that holds the link, as merged so far. */
static int check_link(struct walk *w)
{
    unsigned options = pn_core_dir(w->vec)->options;

    if (!(options & (PN_OPT_SYM_LINKS | PN_OPT_SYM_OWNER)) || w->real == NULL ||
        w->real->kind == NODE_NONE || w->real->kind == NODE_ERROR)
        return refuse_link(w);
    if ((options & PN_OPT_SYM_OWNER) && w->real->info.uid != w->node->info.uid)
        return refuse_link(w);
    return 0;
}

static int refuse_name(struct walk *w, int error)
{
    if (error == EACCES)
        pn__fault(&w->fault, 403, 35,
                  "no search permission on a directory above '%.*s' in the file system",
                  PN_FMT(so_far(w)));
    else
        pn__fault(&w->fault, 403, 36, "the file system refuses access to '%.*s': %s",
                  PN_FMT(so_far(w)), strerror(error));
    return FAULT;
}

/* One component further. */
static int step(struct walk *w, pn_str name)
{
    struct store_node *dir = w->node;
    int                error;

    w->at = (size_t)(name.p - w->path.p) + name.n;
    if (w->at >= PATH_MAX)
        return refuse_name(w, ENAMETOOLONG);
    error = pn__node_child(w->store, dir, name, &w->node);
    if (error == ENAMETOOLONG)
        return refuse_name(w, error);
    if (error == ELOOP) { /* of many links, each is fine: no node stands for their number */
        w->homeless = true;
        return refuse_link(w);
    }
    if (error)
        return error;
    w->real = pn__node_final(w->node);
    w->ask = w->ask || w->node->ask;
    if (w->node->kind == NODE_LINK && check_link(w))
        return FAULT;
    if (w->node->kind == NODE_ERROR)
        return refuse_name(w, w->node->error);
    if (w->real->kind == NODE_OTHER) {
        pn__fault(&w->fault, 403, 38, "Forbidden: %.*s doesn't point to a file or directory",
                  PN_FMT(so_far(w)));
        return FAULT;
    }
    return 0;
}

/* @return 0 at the end of the path or at what is no directory. */
static int walk_down(struct walk *w)
{
    for (;;) {
        size_t start = w->node->parent ? w->at + 1 : 1;
        int    error = enter_directory(w);

        if (error)
            return error;
        if (start >= w->path.n) {
            w->at = w->path.n;
            return 0;
        }
        error = step(
            w, pn_str_head(pn_str_from(w->path, start), pn_str_chr(w->path, '/', start) - start));
        if (error || w->real->kind != NODE_DIRECTORY)
            return error;
        w->components++;
    }
}

/* ---- the place ---- */

/* httpd takes a regular file for a directory when it need not look at links: <Directory> of a
   file's name applies. */
static void merge_as_directory(struct walk *w)
{
    unsigned options = pn_core_dir(w->vec)->options & (PN_OPT_SYM_LINKS | PN_OPT_SYM_OWNER);

    if (w->real->kind == NODE_REGULAR && w->at == w->path.n && options == PN_OPT_SYM_LINKS)
        merge_sections(w, pn_str_n(w->dir, w->at + 1), w->components + 1);
}

static int attach_object(struct walk *w, struct place *place)
{
    struct pn_place   *super = &place->super;
    struct store_node *real = w->real;
    struct stat        st;
    int                error;

    switch ((enum node_kind)real->kind) {
    case NODE_REGULAR:
        error = pn__file_attach(w->store, real);
        if (error == 0 && !pn__file_current(w->store, real->file))
            error = ESTALE;
        if (error == ESTALE)
            pn__node_destroy(w->store, real);
        if (error)
            return error;
        super->file = pn_file_ref(real->file);
        super->finfo = real->file->info;
        w->ask = w->ask || real->ask || super->finfo.nlink > 1;
        break;
    case NODE_DIRECTORY: /* its times are from before its watch */
        if (fstat(real->dir->fd, &st) != 0)
            return errno;
        pn__info_of_stat(&super->finfo, &st);
        break;
    default:
        break;
    }
    return 0;
}

static void set_fault(struct walk *w, struct place *place)
{
    place->super.status = w->fault.status;
    place->super.log_id = w->fault.log_id;
    place->super.message = pn_str_z(w->fault.message);
    place->super.vec = pn_conf_vec_ref(w->server->dir_conf);
    w->fault.message = NULL;
}

static int make_place(struct walk *w, pn_str asked, struct place **ret)
{
    struct place *place = pn__place_new(w->store, w->server, asked, w->path);
    int           error = 0;

    place->super.file_n = w->at;
    if (!w->fault.status) {
        merge_as_directory(w);
        merge_matches(w, so_far(w));
        merge_files(w, so_far(w));
    }
    if (w->fault.status)
        set_fault(w, place);
    else
        error = attach_object(w, place);
    if (error) {
        pn_place_unref(&place->super);
        return error;
    }
    if (!w->fault.status) {
        place->super.vec = pn_conf_vec_ref(w->vec);
        place->super.captures = w->captures;
        place->super.pool = w->pool;
        w->pool = NULL;
        if (place->super.file)
            pn__place_validators(place);
    }
    place->ask = w->ask;
    if (!w->homeless)
        pn__place_on_node(place, w->node);
    *ret = place;
    return 0;
}

static int walk(struct walk *w, pn_str asked, struct place **ret)
{
    int error;

    w->node = w->real = pn__node_root(w->store);
    if (w->node == NULL)
        return errno;
    w->at = 1;
    w->vec = pn_conf_vec_ref(w->server->dir_conf);
    error = walk_down(w);
    if (error && error != FAULT)
        return error;
    return make_place(w, asked, ret);
}

struct place *pn__failed_place(struct pn_store *store, struct pn_server *server, pn_str filename,
                               int error)
{
    struct place      *place = pn__place_new(store, server, filename, filename);
    struct place_fault fault;

    pn__fault(&fault, error == EINVAL ? 403 : 500, 36,
              "the file system can't be asked for '%.*s': %s", PN_FMT(filename), strerror(error));
    place->super.status = fault.status;
    place->super.log_id = fault.log_id;
    place->super.message = pn_str_z(fault.message);
    place->super.vec = pn_conf_vec_ref(server->dir_conf);
    return place;
}

int pn__walk(struct pn_store *store, struct pn_server *server, pn_str filename, struct place **ret)
{
    struct walk w = { .store = store, .server = server, .path = filename };
    char       *canonical = NULL;
    int         error;

    if (filename.n == 0 || filename.p[0] != '/' || memchr(filename.p, '\0', filename.n))
        return EINVAL;
    if (!is_canonical(filename)) {
        canonical = malloc(filename.n + 2);
        pn_assert(canonical != NULL);
        w.path = canonicalise(filename, canonical);
    }
    w.dir = malloc(w.path.n + 2);
    pn_assert(w.dir != NULL);
    memcpy(w.dir, w.path.p, w.path.n);
    memcpy(w.dir + w.path.n, "/", 2);
    pn__walk_begins(store);
    error = walk(&w, filename, ret);
    pn__walk_ends(store);
    pn_conf_vec_unref(w.vec);
    if (w.pool)
        apr_pool_destroy(w.pool);
    free(w.fault.message);
    free(w.dir);
    free(canonical);
    return error;
}
