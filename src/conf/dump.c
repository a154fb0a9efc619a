/* dump.c - see dump.h. The form is that of httpd's mod_info with -D DUMP_CONFIG. */
#include "conf/dump.h"

#define INDENT_LEVELS_MAX 64

static void indent(struct pn_buf *out, unsigned level)
{
    if (level > INDENT_LEVELS_MAX)
        level = INDENT_LEVELS_MAX;
    while (level-- > 0)
        pn_buf_lit(out, "  ");
}

static void file_line(struct pn_buf *out, const struct pn_conf_file *file)
{
    pn_buf_lit(out, "# In file: ");
    if (file && file->macro) {
        pn_buf_printf(out, "macro '%s' (defined in %s)", file->macro, file->path);
        if (file->included_by)
            pn_buf_printf(out, " used on line %u of %s", file->included_at,
                          file->included_by->path);
    }
    else
        pn_buf_printf(out, "%s", file && file->path ? file->path : "(none)");
    pn_buf_ch(out, '\n');
}

static void opening(struct pn_buf *out, const struct pn_conf_node *node, unsigned level)
{
    indent(out, level);
    pn_buf_printf(out, "# %3u:\n", node->line);
    indent(out, level);
    if (node->section)
        pn_buf_ch(out, '<');
    pn_buf_str(out, node->name);
    if (node->args.n > 0) {
        pn_buf_ch(out, ' ');
        pn_buf_str(out, node->args);
    }
    if (node->section)
        pn_buf_ch(out, '>');
    pn_buf_ch(out, '\n');
}

static void closing(struct pn_buf *out, const struct pn_conf_node *node, unsigned level)
{
    indent(out, level);
    pn_buf_lit(out, "</");
    pn_buf_str(out, node->name);
    pn_buf_lit(out, ">\n");
}

void pn_conf_dump(struct pn_buf *out, const struct pn_conf_node *root)
{
    const struct pn_conf_node *node = root->first;
    const struct pn_conf_file *file = NULL;
    unsigned                   level = 0;

    while (node) {
        if (node->file != file) {
            file = node->file;
            file_line(out, file);
        }
        opening(out, node, level);
        if (node->first) {
            node = node->first;
            level++;
            continue;
        }
        if (node->section)
            closing(out, node, level);
        while (!node->next && node->parent != root) {
            node = node->parent;
            closing(out, node, --level);
        }
        node = node->next;
    }
}
