/* fuzz_conf.c - any bytes as configuration text, read as a main file and as a .htaccess, without
 * files. Checks that a tree hangs together, that every string in it ends with a NUL byte, that an
 * error has a place and prints, and that every line splits into words. */
#include "conf/dump.h"
#include "conf/tree.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : 1;
}

/* What is known depends on the name alone, so that an input stays the same test. */
static bool known(void *arg, pn_str name)
{
    return name.n % 2 == 0;
}

static bool is_raw(void *arg, pn_str name)
{
    return pn_str_ieq(name, PN_STR("Raw"));
}

static pn_rc on_raw(void *arg, struct pn_conf_node *node, const pn_str *lines, size_t count,
                    struct pn_conf_error *ret_error)
{
    for (size_t i = 0; i < count; i++)
        pn_assert(lines[i].p[lines[i].n] == '\0');
    return PN_OK;
}

static void warn(void *arg, const struct pn_conf_error *warning)
{
    pn_assert(pn_conf_error_line(arg, warning)[0] != '\0');
}

static void check_words(apr_pool_t *pool, pn_str args)
{
    size_t before = args.n + 1;

    while (pn_conf_word(pool, &args).p) {
        pn_assert(args.n < before);
        before = args.n;
    }
    pn_assert(args.n == 0);
}

static void check_node(apr_pool_t *pool, const struct pn_conf_node *node)
{
    pn_assert(node->name.n > 0 && node->name.p[node->name.n] == '\0');
    pn_assert(node->args.p[node->args.n] == '\0' && node->text.p[node->text.n] == '\0');
    pn_assert(node->file != NULL && node->line > 0);
    pn_assert((node->first == NULL) == (node->last == NULL));
    pn_assert(node->first == NULL || (node->section && node->first->parent == node));
    pn_assert(node->next ? node->next->parent == node->parent : node->parent->last == node);
    check_words(pool, node->args);
}

static void check_tree(apr_pool_t *pool, const struct pn_conf_node *root)
{
    const struct pn_conf_node *node = root->first;

    while (node) {
        check_node(pool, node);
        if (node->first) {
            node = node->first;
            continue;
        }
        while (!node->next && node->parent != root)
            node = node->parent;
        node = node->next;
    }
}

static void read_once(pn_str text, bool htaccess)
{
    static const struct pn_conf_file file = { .path = "input", .kind = "file" };
    struct pn_conf_error             error = { 0 };
    struct pn_conf_node             *root;
    struct pn_buf                    out;
    apr_pool_t                      *pool;
    struct pn_conf_reader            reader = { .module_loaded = known,
                                                .directive_known = known,
                                                .section_known = known,
                                                .section_is_raw = is_raw,
                                                .on_raw = on_raw,
                                                .warn = warn,
                                                .no_files = true,
                                                .htaccess = htaccess,
                                                .max_bytes = 1 << 20 };

    apr_pool_create(&pool, NULL);
    reader.pool = reader.arg = pool;
    root = pn_conf_root(pool);
    if (pn_conf_read_text(&reader, &file, text, root, &error) == PN_OK) {
        check_tree(pool, root);
        pn_buf_init(&out, NULL, (size_t)1 << 24);
        pn_conf_dump(&out, root);
        pn_buf_release(&out);
    }
    else {
        pn_assert(error.file && error.line > 0 && error.reason);
        pn_assert(pn_conf_error_print(pool, &error)[0] != '\0');
    }
    apr_pool_destroy(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_once(pn_str_n((const char *)data, size), false);
    read_once(pn_str_n((const char *)data, size), true);
    return 0;
}
