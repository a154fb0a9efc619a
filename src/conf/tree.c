/* tree.c - the tree of directives itself: its root, and the calls that read text into it. */
#include <apr_strings.h>

#include "conf/reading.h"

struct pn_conf_node *pn_conf_root(apr_pool_t *pool)
{
    struct pn_conf_node *root = apr_pcalloc(pool, sizeof(*root));

    root->name = root->args = root->text = PN_STR("");
    return root;
}

/* Begins a call of the user's: makes what the reader needs, and puts errors where the user wants
 * them. A call from inside on_read has its own error; the outer one is given back by leave(). */
static struct pn_conf_error *enter(struct pn_conf_reader *reader, struct pn_conf_error *error)
{
    struct pn_conf_error *outer;

    if (!reader->reading) {
        reader->reading = apr_pcalloc(reader->pool, sizeof(*reader->reading));
        reader->reading->reader = reader;
        reader->reading->macros = apr_hash_make(reader->pool);
        pn__conf_vars_init(reader->reading);
    }
    outer = reader->reading->error;
    reader->reading->error = error;
    return outer;
}

static pn_rc leave(struct pn_conf_reader *reader, struct pn_conf_error *outer, pn_rc rc)
{
    reader->reading->error = outer;
    return rc;
}

pn_rc pn_conf_read_file(struct pn_conf_reader *reader, const char *path, struct pn_conf_node *root,
                        struct pn_conf_error *ret_error)
{
    struct pn_conf_error *outer = enter(reader, ret_error);

    return leave(
        reader, outer,
        pn__conf_read_path(reader->reading, NULL, apr_pstrdup(reader->pool, path), false, root));
}

pn_rc pn_conf_read_text(struct pn_conf_reader *reader, const struct pn_conf_file *file, pn_str text,
                        struct pn_conf_node *root, struct pn_conf_error *ret_error)
{
    struct pn_conf_error  *outer = enter(reader, ret_error);
    struct pn__conf_source source = { .at = { .file = file, .text = PN_STR("") }, .parent = root };

    pn__conf_lexer_init(&source.lexer, pn_str_zdup(reader->pool, text), text.n);
    return leave(reader, outer, pn__conf_read_source(reader->reading, &source));
}
