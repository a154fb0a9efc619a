/* store_htaccess.c - the .htaccess files of a directory: found, read, parsed, and kept with
 * their node.
 *
 * Called by the walk for each directory where AllowOverride admits anything. A .htaccess is a
 * node like any other, so the watch of its directory tells of changes, also of what a link of
 * that name leads to. Parsing depends on the server and on AllowOverride, so a node keeps one
 * form for each combination that was asked for. Apache manual: "AccessFileName",
 * "AllowOverride". */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>
#include <pinion/record.h>

#include "http/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/htaccess.h"
#include "conf/vec.h"

/* Longer files are an error: nobody writes them by hand. */
#define ACCESS_FILE_MAX ((uint64_t)8 << 20)
/* Forms kept for one file; many virtual hosts may share a tree. */
#define FORMS_MAX 64

void pn__access_forms_free(struct access_form *forms)
{
    while (forms) {
        struct access_form *next = forms->next;

        pn_conf_vec_unref(forms->vec);
        free(forms->error);
        free(forms);
        forms = next;
    }
}

void pn__fault(struct place_fault *fault, int status, unsigned log_id, const char *fmt, ...)
{
    va_list ap;
    char   *text = NULL;

    va_start(ap, fmt);
    pn_assert(vasprintf(&text, fmt, ap) >= 0);
    va_end(ap);
    *fault = (struct place_fault){ .status = status, .log_id = log_id, .message = text };
}

/* ---- reading ---- */

struct access_text {
    char  *p;
    size_t n;
};

/* Reads a regular node's file whole. @return 0, EAGAIN, or errno. */
static int read_text(struct pn_store *store, struct store_node *node, struct access_text *ret)
{
    struct stat st;
    ssize_t     got = -1;
    int         error = 0;
    int         fd = openat(pn__node_final(node->parent)->dir->fd, node->name,
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return errno;
    if (fstat(fd, &st) != 0)
        error = errno;
    else if (!S_ISREG(st.st_mode))
        error = EBADF;
    else if ((uint64_t)st.st_size > ACCESS_FILE_MAX)
        error = EFBIG;
    if (error == 0) {
        ret->p = malloc((size_t)st.st_size + 1);
        pn_assert(ret->p != NULL);
        got = pn__read_now(store, fd, ret->p, (size_t)st.st_size);
        error = got < 0 ? errno : 0;
    }
    if (error && got < 0) {
        free(ret->p);
        ret->p = NULL;
    }
    ret->n = got < 0 ? 0 : (size_t)got;
    close(fd);
    return error == EAGAIN ? pn__cold(store, node->parent, pn_str_n(node->name, node->name_n), true)
                           : error;
}

/* ---- parsing ---- */

static int abort_on_oom(int status)
{
    pn_assert_failed(__FILE__, __LINE__, "out of memory");
    return status;
}

static void log_warnings(const struct pn_server *server, const apr_array_header_t *warnings)
{
    for (int i = 0; warnings && i < warnings->nelts; i++)
        PN_LOG_S(server, PN_LOG_WARNING, 20021, 0, "%s", APR_ARRAY_IDX(warnings, i, const char *));
}

static void parse(struct access_form *form, struct pn_server *server, struct access_text text,
                  const char *path, pn_str dir)
{
    struct pn_htaccess_in in = {
        .server = server,
        .bytes = pn_str_n(text.p, text.n),
        .path = path,
        .dir = dir,
        .override = form->override,
        .override_options = form->override_options,
        .override_list = (apr_hash_t *)form->override_list,
    };
    struct pn_htaccess_report report;
    struct pn_conf_vec       *vec;
    apr_pool_t               *pool;

    apr_pool_create_unmanaged_ex(&pool, abort_on_oom, NULL);
    if (pn_htaccess_load(server->generation, &in, pool, &vec, &report) == PN_OK) {
        form->vec = vec;
        log_warnings(server, report.warnings);
        return;
    }
    form->error = strdup(pn_conf_error_print(pool, &report.error));
    pn_assert(form->error != NULL);
    apr_pool_destroy(pool);
}

static struct access_form *find_form(const struct store_node *node, const struct pn_server *server,
                                     const struct pn_core_dir *core)
{
    struct access_form *form = node->forms;

    while (form && (form->server != server || form->override != core->override ||
                    form->override_options != core->override_options ||
                    form->override_list != core->override_list))
        form = form->next;
    return form;
}

static struct access_form *new_form(struct store_node *node, const struct pn_server *server,
                                    const struct pn_core_dir *core)
{
    struct access_form *form = calloc(1, sizeof(*form));
    unsigned            n = 0;

    pn_assert(form != NULL);
    for (struct access_form *at = node->forms; at; at = at->next)
        n++;
    if (n >= FORMS_MAX) {
        pn__access_forms_free(node->forms);
        node->forms = NULL;
    }
    form->server = server;
    form->override = core->override;
    form->override_options = core->override_options;
    form->override_list = core->override_list;
    form->next = node->forms;
    node->forms = form;
    return form;
}

/* ---- one directory ---- */

static int unreadable(struct place_fault *fault, pn_str dir, pn_str name, int error)
{
    pn__fault(fault, 403, 529,
              "%.*s%.*s can't be read (%s), so everything here is denied; the file must be "
              "readable and the "
              "directory searchable",
              PN_FMT(dir), PN_FMT(name), strerror(error));
    return -1;
}

/* The form of a .htaccess that is a regular file (behind links). It is kept with the name: the
   directory matters too. */
static int load(struct pn_store *store, struct pn_server *server, struct store_node *node,
                pn_str dir, pn_str name, const struct pn_core_dir *core, struct access_form **ret,
                struct place_fault *fault)
{
    struct access_text text = { 0 };
    char              *path = NULL;
    int                error = read_text(store, pn__node_final(node), &text);

    if (error == EAGAIN)
        return error;
    if (error == ENOENT || error == ELOOP) { /* taken away or replaced a moment ago */
        pn__node_destroy(store, pn__node_final(node));
        return ESTALE;
    }
    if (error)
        return unreadable(fault, dir, name, error);
    pn_assert(asprintf(&path, "%.*s%.*s", PN_FMT(dir), PN_FMT(name)) >= 0);
    *ret = new_form(node, server, core);
    parse(*ret, server, text, path, dir);
    free(path);
    free(text.p);
    return 0;
}

/* The node of dir/name; a name may have several components. Marks all on the way. */
static int access_node(struct pn_store *store, struct store_node *dir, pn_str name,
                       struct store_node **ret)
{
    struct store_node *node = dir;

    while (name.n) {
        pn_str part = pn_str_cut(name, '/', &name);
        int    error;

        if (part.n == 0)
            continue;
        error = pn__node_child(store, node, part, &node);
        if (error)
            return error;
        node->is_access = true;
        struct store_node *real = pn__node_final(node);
        if (real == NULL || real->kind != NODE_DIRECTORY)
            break;
    }
    *ret = name.n || node == dir ? NULL : node;
    return 0;
}

/* How a .htaccess that is there in some way fails, or 0: there is none. */
static int why_unusable(const struct store_node *node, const struct store_node *real)
{
    if (real == NULL)
        return node->error == ENOENT || node->error == ENOTDIR ? 0
               : node->error                                   ? node->error
                                                               : ELOOP;
    if (real->kind == NODE_NONE)
        return 0;
    if (real->kind == NODE_ERROR)
        return real->error == ENOTDIR ? 0 : real->error;
    return EBADF; /* a directory or a device */
}

/* @return as pn__access_vec; -2: no file of this name. */
static int one_name(struct pn_store *store, struct pn_server *server, struct store_node *dir_node,
                    pn_str dir, pn_str name, const struct pn_core_dir *core,
                    const struct pn_conf_vec **ret, struct place_fault *fault)
{
    struct store_node  *node, *real;
    struct access_form *form;
    int                 error = access_node(store, dir_node, name, &node);

    if (error)
        return error;
    if (node == NULL)
        return -2;
    real = pn__node_final(node);
    if (real == NULL || real->kind != NODE_REGULAR) {
        error = why_unusable(node, real);
        return error ? unreadable(fault, dir, name, error) : -2;
    }
    if (real->info.nlink > 1)
        dir_node->dir->ask_access = true;
    form = find_form(node, server, core);
    if (form == NULL && (error = load(store, server, node, dir, name, core, &form, fault)))
        return error;
    PN_RECORD(NULL, PN_STEP_HTACCESS, NULL, 0, "%.*s%.*s%s", PN_FMT(dir), PN_FMT(name),
              form->error ? " is broken: the answer is 500" : "");
    if (form->error) {
        pn__fault(fault, 500, 20020, "%s", form->error);
        return -1;
    }
    *ret = form->vec;
    return 0;
}

int pn__access_vec(struct pn_store *store, struct pn_server *server, struct store_node *node,
                   pn_str dir, const struct pn_conf_vec *vec, const struct pn_conf_vec **ret,
                   struct place_fault *ret_fault)
{
    const struct pn_core_dir *core = pn_core_dir(vec);
    const apr_array_header_t *names = pn_core_server(server)->access_names;

    *ret = NULL;
    if (!(core->override & PN_OVR_ALL) &&
        !(core->override_list && apr_hash_count(core->override_list)))
        return 0;
    for (int i = 0; names && i < names->nelts; i++) {
        int result = one_name(store, server, node, dir, APR_ARRAY_IDX(names, i, pn_str), core, ret,
                              ret_fault);

        if (result != -2)
            return result;
    }
    return 0;
}
