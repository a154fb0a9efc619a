/* dav_xml.c - see dav_xml.h. */
#include "dav_xml.h"

#include <expat.h>
#include <limits.h>

#define NS_SEPARATOR '\1' /* can't occur in a document */
#define XML_NS "http://www.w3.org/XML/1998/namespace"

struct reading {
    apr_pool_t      *pool;
    XML_Parser       parser;
    struct dav_node *root, *at;
    unsigned         depth;
    pn_rc            rc;
};

static void split_name(apr_pool_t *pool, const char *joined, pn_str *ret_ns, pn_str *ret_name)
{
    pn_str all = pn_str_dup(pool, pn_str_z(joined));
    size_t at = pn_str_chr(all, NS_SEPARATOR, 0);

    *ret_ns = at == SIZE_MAX ? PN_STR("") : pn_str_head(all, at);
    *ret_name = at == SIZE_MAX ? all : pn_str_from(all, at + 1);
}

static void append(struct dav_node *parent, struct dav_node *node)
{
    node->parent = parent;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
}

static void take_attrs(struct reading *in, struct dav_node *node, const XML_Char **attrs)
{
    struct dav_attr **end = &node->attrs;

    for (; attrs[0]; attrs += 2) {
        struct dav_attr *attr = apr_pcalloc(in->pool, sizeof(*attr));
        split_name(in->pool, attrs[0], &attr->ns, &attr->name);
        attr->value = pn_str_dup(in->pool, pn_str_z(attrs[1]));
        if (pn_str_eq(attr->ns, PN_STR(XML_NS)) && pn_str_eq(attr->name, PN_STR("lang")))
            node->lang = attr->value;
        *end = attr;
        end = &attr->next;
    }
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attrs)
{
    struct reading  *in = data;
    struct dav_node *node = apr_pcalloc(in->pool, sizeof(*node));

    if (++in->depth > DAV_XML_DEPTH_MAX) {
        in->rc = PN_LIMIT;
        XML_StopParser(in->parser, XML_FALSE);
        return;
    }
    split_name(in->pool, name, &node->ns, &node->name);
    if (in->at) {
        node->lang = in->at->lang;
        append(in->at, node);
    }
    else
        in->root = node;
    take_attrs(in, node, attrs);
    in->at = node;
}

static void XMLCALL on_end(void *data, const XML_Char *name)
{
    struct reading *in = data;

    (void)name;
    in->depth--;
    in->at = in->at->parent;
}

static void XMLCALL on_text(void *data, const XML_Char *text, int n)
{
    struct reading  *in = data;
    struct dav_node *node = apr_pcalloc(in->pool, sizeof(*node));

    node->is_text = true;
    node->text = pn_str_dup(in->pool, pn_str_n(text, (size_t)n));
    append(in->at, node);
}

/* Entities are how small documents become large ones; no client of WebDAV needs them. */
static void XMLCALL on_entity(void *data, const XML_Char *name, int is_parameter, const XML_Char *value, int n, const XML_Char *base,
                              const XML_Char *system, const XML_Char *public, const XML_Char *notation)
{
    struct reading *in = data;

    (void)name, (void)is_parameter, (void)value, (void)n, (void)base, (void)system, (void)public, (void)notation;
    in->rc = PN_BAD;
    XML_StopParser(in->parser, XML_FALSE);
}

pn_rc dav_xml_parse(apr_pool_t *pool, pn_str bytes, struct dav_node **ret_root)
{
    struct reading in = { .pool = pool, .parser = XML_ParserCreateNS(NULL, NS_SEPARATOR) };
    enum XML_Status status;

    pn_assert(in.parser != NULL);
    XML_SetUserData(in.parser, &in);
    XML_SetElementHandler(in.parser, on_start, on_end);
    XML_SetCharacterDataHandler(in.parser, on_text);
    XML_SetEntityDeclHandler(in.parser, on_entity);
    status = bytes.n > INT_MAX ? XML_STATUS_ERROR : XML_Parse(in.parser, bytes.p, (int)bytes.n, XML_TRUE);
    XML_ParserFree(in.parser);
    if (in.rc != PN_OK)
        return in.rc;
    if (status != XML_STATUS_OK || !in.root)
        return PN_BAD;
    *ret_root = in.root;
    return PN_OK;
}

/* ---- looking around ---- */

bool dav_xml_is(const struct dav_node *node, pn_str name)
{
    return !node->is_text && pn_str_eq(node->name, name) && pn_str_eq(node->ns, PN_STR(DAV_NS));
}

struct dav_node *dav_xml_child(const struct dav_node *node, pn_str name)
{
    struct dav_node *child = node->first;

    while (child && !dav_xml_is(child, name))
        child = child->next;
    return child;
}

static struct dav_node *element_from(struct dav_node *node)
{
    while (node && node->is_text)
        node = node->next;
    return node;
}

struct dav_node *dav_xml_first(const struct dav_node *node)
{
    return element_from(node->first);
}

struct dav_node *dav_xml_next(const struct dav_node *node)
{
    return element_from(node->next);
}

/* ---- writing ---- */

int dav_ns_find(const dav_ns_table *table, pn_str ns)
{
    for (int i = 0; i < table->nelts; i++)
        if (pn_str_eq(APR_ARRAY_IDX(table, i, pn_str), ns))
            return i;
    return -1;
}

int dav_ns_add(dav_ns_table *table, pn_str ns)
{
    int at = dav_ns_find(table, ns);

    if (at >= 0)
        return at;
    APR_ARRAY_PUSH(table, pn_str) = pn_str_dup(table->pool, ns);
    return table->nelts - 1;
}

void dav_ns_declare(struct pn_buf *out, const dav_ns_table *table)
{
    for (int i = 0; i < table->nelts; i++) {
        pn_buf_printf(out, " xmlns:ns%d=\"", i);
        dav_xml_text(out, APR_ARRAY_IDX(table, i, pn_str), true);
        pn_buf_ch(out, '"');
    }
}

void dav_xml_text(struct pn_buf *out, pn_str text, bool quote)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        switch (c) {
        case '&': pn_buf_lit(out, "&amp;"); break;
        case '<': pn_buf_lit(out, "&lt;"); break;
        case '>': pn_buf_lit(out, "&gt;"); break;
        case '\r': pn_buf_lit(out, "&#13;"); break;
        case '"':
            if (quote)
                pn_buf_lit(out, "&quot;");
            else
                pn_buf_ch(out, c);
            break;
        case '\n':
        case '\t':
            if (quote)
                pn_buf_printf(out, "&#%d;", c);
            else
                pn_buf_ch(out, c);
            break;
        default: pn_buf_ch(out, c);
        }
    }
}

static void put_name(struct pn_buf *out, pn_str ns, pn_str name, dav_ns_table *table)
{
    if (pn_str_eq(ns, PN_STR(XML_NS)))
        pn_buf_lit(out, "xml:");
    else if (ns.n)
        pn_buf_printf(out, "ns%d:", dav_ns_add(table, ns));
    pn_buf_str(out, name);
}

static void put_open(struct pn_buf *out, const struct dav_node *node, dav_ns_table *table)
{
    pn_buf_ch(out, '<');
    put_name(out, node->ns, node->name, table);
    for (const struct dav_attr *attr = node->attrs; attr; attr = attr->next) {
        pn_buf_ch(out, ' ');
        put_name(out, attr->ns, attr->name, table);
        pn_buf_lit(out, "=\"");
        dav_xml_text(out, attr->value, true);
        pn_buf_ch(out, '"');
    }
    if (node->first)
        pn_buf_ch(out, '>');
    else
        pn_buf_lit(out, "/>");
}

static void put_close(struct pn_buf *out, const struct dav_node *node, dav_ns_table *table)
{
    pn_buf_lit(out, "</");
    put_name(out, node->ns, node->name, table);
    pn_buf_ch(out, '>');
}

void dav_xml_inner(struct pn_buf *out, const struct dav_node *top, dav_ns_table *table)
{
    const struct dav_node *node = top->first;

    while (node) {
        if (node->is_text)
            dav_xml_text(out, node->text, false);
        else
            put_open(out, node, table);
        if (node->first) {
            node = node->first;
            continue;
        }
        while (node && !node->next) { /* up, to where something follows */
            node = node->parent;
            if (node == top)
                return;
            put_close(out, node, table);
        }
        node = node->next;
    }
}

void dav_xml_empty(struct pn_buf *out, pn_str ns, pn_str name)
{
    bool dav = pn_str_eq(ns, PN_STR(DAV_NS));

    pn_buf_str(out, dav ? PN_STR("<D:") : ns.n ? PN_STR("<x:") : PN_STR("<"));
    pn_buf_str(out, name);
    if (ns.n && !dav) {
        pn_buf_lit(out, " xmlns:x=\"");
        dav_xml_text(out, ns, true);
        pn_buf_ch(out, '"');
    }
    pn_buf_lit(out, "/>");
}
