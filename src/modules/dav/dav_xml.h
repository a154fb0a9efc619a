/* dav_xml.h - XML of request bodies as a tree, and text of answers. Names are pairs of namespace and local name.
 *
 * Read by expat: no external entity is ever opened, a document that declares entities is refused, and so is one that is nested too
 * deeply. Never suspends. */
#ifndef PN_DAV_DAV_XML_H
#define PN_DAV_DAV_XML_H

#include <apr_tables.h>
#include <pinion/buf.h>

#define DAV_NS "DAV:"
#define DAV_XML_DEPTH_MAX 64

struct dav_attr {
    pn_str           ns, name, value;
    struct dav_attr *next;
};

/** An element, or a run of text. */
struct dav_node {
    bool             is_text;
    pn_str           ns, name;  /* of an element; ns empty: none */
    pn_str           text;
    pn_str           lang;      /* xml:lang in force; empty: none */
    struct dav_attr *attrs;
    struct dav_node *parent, *first, *last, *next;
};

/** @return PN_OK; PN_BAD (not well-formed, or not allowed); PN_LIMIT (too deep). */
PN_NODISCARD pn_rc dav_xml_parse(apr_pool_t *pool, pn_str bytes, struct dav_node **ret_root);

/** Is it the element of this name in the namespace "DAV:"? */
bool dav_xml_is(const struct dav_node *node, pn_str name);
/** The first child element of that name in "DAV:"; NULL: none. */
struct dav_node *dav_xml_child(const struct dav_node *node, pn_str name);
/** The first child that is an element; the next sibling that is one. */
struct dav_node *dav_xml_first(const struct dav_node *node);
struct dav_node *dav_xml_next(const struct dav_node *node);

/** Namespaces with a number each, written as prefixes ns0, ns1, ...; array of pn_str. */
typedef apr_array_header_t dav_ns_table;
/** The number of a namespace, -1: not there. */
int dav_ns_find(const dav_ns_table *table, pn_str ns);
/** The number, after adding it if need be. The table's pool owns the copy. */
int dav_ns_add(dav_ns_table *table, pn_str ns);
/** Appends xmlns:ns0="..." and so on, each with a blank before it. */
void dav_ns_declare(struct pn_buf *out, const dav_ns_table *table);

/** Appends what is inside an element, with the prefixes of the table, to which namespaces are added. */
void dav_xml_inner(struct pn_buf *out, const struct dav_node *node, dav_ns_table *table);
/** Appends text with &, < and > escaped; `quote`: also what ends an attribute. */
void dav_xml_text(struct pn_buf *out, pn_str text, bool quote);
/** Appends an empty element that declares its own namespace; in "DAV:" it has the prefix D. */
void dav_xml_empty(struct pn_buf *out, pn_str ns, pn_str name);

#endif
