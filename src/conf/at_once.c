/* at_once.c - see at_once.h. */
#include "conf/at_once.h"

#include <errno.h>
#include <sys/stat.h>

#include "conf/core.h"
#include "conf/module_load.h"
#include "conf/slot.h"

/* Marks nodes that were obeyed, by its address. */
static char done;

struct at_once {
    struct pn_generation  *generation;
    struct pn_conf_reader *reader;
    apr_array_header_t    *warnings;
};

typedef pn_rc at_once_fn(struct at_once *self, unsigned argc, const pn_str *argv,
                         struct pn_conf_error *error);

static void add_warning(struct at_once *self, const struct pn_conf_error *warning)
{
    *(const char **)apr_array_push(self->warnings) =
        pn_conf_error_line(self->warnings->pool, warning);
}

static pn_rc refuse(struct pn_conf_error *error, const char *reason, const char *cure)
{
    error->reason = reason;
    error->cure = cure;
    return PN_BAD;
}

static const char *absolute(struct at_once *self, pn_str path)
{
    return pn_slot_path(self->reader->pool, self->generation->server_root, path).p;
}

/* ---- the directives ---- */

static pn_rc load_module(struct at_once *self, unsigned argc, const pn_str *argv,
                         struct pn_conf_error *error)
{
    struct pn_module_answer answer = { 0 };
    struct pn_module       *module;

    if (argc != 2)
        return refuse(error, "LoadModule takes two arguments: the module's name and its file",
                      NULL);
    if (pn_module_open(self->reader->pool, argv[0], absolute(self, argv[1]), &module, &answer) !=
        PN_OK)
        return refuse(error, answer.reason, answer.cure);
    if (!pn__generation_activate(self->generation, module) && !module->is_static) {
        struct pn_conf_error warning = *error;

        warning.reason = pn_str_printf(self->reader->pool,
                                       "module %.*s is already loaded, skipping", PN_FMT(argv[0]))
                             .p;
        add_warning(self, &warning);
    }
    return PN_OK;
}

static pn_rc load_file(struct at_once *self, unsigned argc, const pn_str *argv,
                       struct pn_conf_error *error)
{
    struct pn_module_answer answer = { 0 };

    if (argc == 0)
        return refuse(error, "LoadFile takes one argument or more: files of libraries", NULL);
    for (unsigned i = 0; i < argc; i++)
        if (pn_library_open(self->reader->pool, absolute(self, argv[i]), &answer) != PN_OK)
            return refuse(error, answer.reason, answer.cure);
    return PN_OK;
}

static pn_rc server_root(struct at_once *self, unsigned argc, const pn_str *argv,
                         struct pn_conf_error *error)
{
    apr_pool_t *pool = self->generation->pool;
    struct stat st;
    pn_str      root;

    if (argc != 1)
        return refuse(error, "ServerRoot takes one argument: an absolute path", NULL);
    root = argv[0];
    while (root.n > 1 && root.p[root.n - 1] == '/')
        root.n--;
    if (root.n == 0 || root.p[0] != '/')
        return refuse(error, "ServerRoot must be an absolute path", NULL);
    root = pn_str_dup(pool, root);
    if (stat(root.p, &st) != 0 || !S_ISDIR(st.st_mode))
        return refuse(
            error, pn_str_printf(pool, "ServerRoot must be a directory, and %s is not", root.p).p,
            NULL);
    self->generation->server_root = root;
    self->reader->server_root = root.p;
    return PN_OK;
}

static const struct {
    const char *name;
    at_once_fn *fn;
    bool        main_only; /* in a section it is left to its row, which refuses it */
} directives[] = {
    { "LoadModule", load_module, false },
    { "LoadFile", load_file, false },
    { "ServerRoot", server_root, true },
};

/* ---- what the reader asks ---- */

static pn_rc on_read(void *arg, struct pn_conf_node *node, struct pn_conf_error *ret_error)
{
    struct at_once     *self = arg;
    apr_array_header_t *words;
    pn_str              rest = node->args;
    size_t              i = 0;

    while (i < PN_COUNT(directives) && !pn_str_ieq(node->name, pn_str_z(directives[i].name)))
        i++;
    if (i == PN_COUNT(directives) || node->section)
        return PN_OK;
    if (directives[i].main_only && node->parent && node->parent->section)
        return PN_OK;
    words = apr_array_make(self->reader->pool, 2, sizeof(pn_str));
    for (pn_str w = pn_conf_word(words->pool, &rest); w.p; w = pn_conf_word(words->pool, &rest))
        *(pn_str *)apr_array_push(words) = w;
    node->cookie = &done;
    return directives[i].fn(self, (unsigned)words->nelts, (const pn_str *)(void *)words->elts,
                            ret_error);
}

static bool module_loaded(void *arg, pn_str name)
{
    struct at_once *self = arg;

    return pn_find_module(self->generation, name) != NULL;
}

static bool knows(struct at_once *self, pn_str name, bool section)
{
    const struct pn_directive_entry *entry =
        pn_directive_find(self->generation->core->directives, name);

    for (; entry; entry = entry->next)
        if ((entry->row->args == PN_SECTION) == section)
            return true;
    return false;
}

static bool directive_known(void *arg, pn_str name)
{
    return knows(arg, name, false);
}

static bool section_known(void *arg, pn_str name)
{
    return knows(arg, name, true);
}

static void warn(void *arg, const struct pn_conf_error *warning)
{
    add_warning(arg, warning);
}

void pn__at_once_attach(struct pn_conf_reader *reader, struct pn_generation *generation,
                        apr_array_header_t *warnings)
{
    struct at_once *self = apr_palloc(reader->pool, sizeof(*self));

    *self = (struct at_once){ .generation = generation, .reader = reader, .warnings = warnings };
    reader->arg = self;
    reader->module_loaded = module_loaded;
    reader->directive_known = directive_known;
    reader->section_known = section_known;
    reader->on_read = on_read;
    reader->warn = warn;
}

bool pn__at_once_done(const struct pn_conf_node *node)
{
    return node->cookie == &done;
}
