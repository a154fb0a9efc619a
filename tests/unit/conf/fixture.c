/* fixture.c - see fixture.h. */
#include "fixture.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <pinion/buf.h>

static bool module_loaded(void *arg, pn_str name)
{
    return pn_str_eq(name, PN_STR("mod_a.c")) || pn_str_eq(name, PN_STR("a_module"));
}

static bool directive_known(void *arg, pn_str name)
{
    return pn_str_ieq(name, PN_STR("Foo")) || pn_str_ieq(name, PN_STR("Bar"));
}

static bool section_known(void *arg, pn_str name)
{
    return pn_str_ieq(name, PN_STR("Sec"));
}

static pn_rc on_read(void *arg, struct pn_conf_node *node, struct pn_conf_error *ret_error)
{
    struct fixture *fx = arg;

    *(const char **)apr_array_push(fx->seen) = node->name.p;
    if (pn_str_ieq(node->name, PN_STR("ServerRoot")))
        fx->reader.server_root = node->args.p;
    if (!pn_str_ieq(node->name, PN_STR("Refuse")))
        return PN_OK;
    ret_error->reason = "Refused.";
    return PN_BAD;
}

static bool section_is_raw(void *arg, pn_str name)
{
    return pn_str_ieq(name, PN_STR("Raw"));
}

/* Shows the lines as the node's arguments. */
static pn_rc on_raw(void *arg, struct pn_conf_node *node, const pn_str *lines, size_t count,
                    struct pn_conf_error *ret_error)
{
    struct fixture *fx = arg;

    for (size_t i = 0; i < count; i++)
        node->args = PN_CAT(fx->pool, node->args, PN_STR("["), lines[i], PN_STR("]"));
    return PN_OK;
}

static void warn(void *arg, const struct pn_conf_error *warning)
{
    struct fixture *fx = arg;

    *(const char **)apr_array_push(fx->warnings) =
        fixture_short(fx, pn_conf_error_line(fx->pool, warning));
}

int fixture_setup(void **state)
{
    struct fixture *fx;
    apr_pool_t     *pool;
    char            dir[] = "/tmp/test_conf_XXXXXX";

    assert_int_equal(apr_initialize(), APR_SUCCESS);
    apr_pool_create(&pool, NULL);
    fx = apr_pcalloc(pool, sizeof(*fx));
    assert_non_null(mkdtemp(dir));
    fx->pool = pool;
    fx->dir = apr_pstrdup(pool, dir);
    fx->root = pn_conf_root(pool);
    fx->warnings = apr_array_make(pool, 8, sizeof(const char *));
    fx->seen = apr_array_make(pool, 8, sizeof(const char *));
    fx->reader = (struct pn_conf_reader){ .pool = pool,
                                          .server_root = fx->dir,
                                          .arg = fx,
                                          .module_loaded = module_loaded,
                                          .directive_known = directive_known,
                                          .section_known = section_known,
                                          .on_read = on_read,
                                          .section_is_raw = section_is_raw,
                                          .on_raw = on_raw,
                                          .warn = warn };
    *state = fx;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *fx = *state;

    nftw(fx->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    apr_pool_destroy(fx->pool);
    apr_terminate();
    return 0;
}

const char *fixture_write(struct fixture *fx, const char *name, const char *text)
{
    char *path = apr_pstrcat(fx->pool, fx->dir, "/", name, NULL);
    FILE *file;

    for (char *slash = strchr(path + strlen(fx->dir) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *fixture_short(struct fixture *fx, const char *text)
{
    struct pn_buf out;
    pn_str        rest = pn_str_z(text), dir = PN_CAT(fx->pool, pn_str_z(fx->dir), PN_STR("/"));
    size_t        at;

    pn_buf_init(&out, fx->pool, (size_t)1 << 24);
    while ((at = pn_str_find(rest, dir)) != SIZE_MAX) {
        pn_buf_add(&out, rest.p, at);
        rest = pn_str_from(rest, at + dir.n);
    }
    pn_buf_str(&out, rest);
    return pn_str_zdup(fx->pool, pn_buf_view(&out));
}

static void add_children(struct pn_buf *out, const struct pn_conf_node *parent)
{
    for (const struct pn_conf_node *node = parent->first; node; node = node->next) {
        assert_ptr_equal(node->parent, parent);
        assert_int_equal(strlen(node->name.p), node->name.n);
        assert_int_equal(strlen(node->args.p), node->args.n);
        assert_int_equal(strlen(node->text.p), node->text.n);
        if (node != parent->first)
            pn_buf_ch(out, '|');
        pn_buf_str(out, node->name);
        if (node->args.n > 0)
            pn_buf_ch(out, ' ');
        pn_buf_str(out, node->args);
        if (!node->section)
            continue;
        pn_buf_ch(out, '{');
        add_children(out, node);
        pn_buf_ch(out, '}');
    }
}

static const char *result(struct fixture *fx, pn_rc rc)
{
    struct pn_buf out;

    pn_buf_init(&out, fx->pool, (size_t)1 << 26);
    if (rc == PN_OK)
        add_children(&out, fx->root);
    else
        pn_buf_printf(&out, "! %s", fixture_short(fx, pn_conf_error_line(fx->pool, &fx->error)));
    return pn_str_zdup(fx->pool, pn_buf_view(&out));
}

const char *fixture_text_n(struct fixture *fx, const char *text, size_t n)
{
    static const struct pn_conf_file file = { .path = "text", .kind = "command line" };

    return result(fx,
                  pn_conf_read_text(&fx->reader, &file, pn_str_n(text, n), fx->root, &fx->error));
}

const char *fixture_text(struct fixture *fx, const char *text)
{
    return fixture_text_n(fx, text, strlen(text));
}

const char *fixture_file(struct fixture *fx, const char *name)
{
    const char *path = apr_pstrcat(fx->pool, fx->dir, "/", name, NULL);

    return result(fx, pn_conf_read_file(&fx->reader, path, fx->root, &fx->error));
}

const char *fixture_error(struct fixture *fx)
{
    return fixture_short(fx, pn_conf_error_print(fx->pool, &fx->error));
}

const char *fixture_warnings(struct fixture *fx)
{
    const char *text = apr_array_pstrcat(fx->pool, fx->warnings, '\n');

    apr_array_clear(fx->warnings);
    return text;
}
