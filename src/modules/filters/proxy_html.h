/* proxy_html.h - what the files of mod_proxy_html share. Nobody else includes it. */
#ifndef PN_FILTERS_PROXY_HTML_H
#define PN_FILTERS_PROXY_HTML_H

#include <apr_hash.h>
#include <pinion/regex.h>
#include <pinion/request.h>

extern struct pn_module pn_module_proxy_html;

/** Flags of ProxyHTMLURLMap. */
enum {
    MAP_NOT_LINKS = 1,    /* h */
    MAP_NOT_EVENTS = 2,   /* e */
    MAP_NOT_CONTENT = 4,  /* c: scripts and style sheets */
    MAP_LAST = 8,         /* L */
    MAP_NOT_LAST = 16,    /* l */
    MAP_REGEX = 32,       /* R */
    MAP_AT_START = 64,    /* ^ */
    MAP_AT_END = 128,     /* $ */
    MAP_INTERPOLATE_TO = 256,  /* V */
    MAP_INTERPOLATE_FROM = 512 /* v */
};

struct url_map {
    pn_str                from, to;
    struct pn_regex      *regex;       /* of from, with MAP_REGEX; NULL: made for each request */
    unsigned              regex_flags; /* enum pn_regex_flag */
    unsigned              flags;
    const struct pn_expr *condition;   /* may be NULL; asked where ProxyHTMLInterp is on */
};

enum { FIX_LOWERCASE = 1, FIX_DOSPATH = 2 };
enum doc_rules { DOC_ANY, DOC_STRICT, DOC_LEGACY };

struct proxy_html_conf {
    apr_array_header_t *maps;       /* of struct url_map; may be NULL */
    apr_hash_t         *links;      /* lower-case element to apr_array_header_t * of pn_str; may be NULL */
    apr_hash_t         *events;     /* lower-case attribute to itself; may be NULL */
    pn_str              doctype;    /* what documents begin with; may be empty */
    bool                xml_syntax; /* " />" ends an empty element */
    enum doc_rules      rules;
    bool                doctype_set;
    unsigned            fixups;     /* FIX_* */
    bool                fixups_set, fixups_reset;
    bool                enabled, extended, strip_comments, meta, interpolate;
    pn_str              charset_out;/* empty: UTF-8; "*": as it came */
    int64_t             buffer_bytes;
};

/* ---- proxy_html_map.c ---- */

/** The maps that apply to this request, interpolated. Array of struct url_map; NULL: none. */
PN_MAY_YIELD const apr_array_header_t *proxy_html_maps(struct pn_request *r, const struct proxy_html_conf *conf);
/** The value of a link. Appends to `out` what becomes of it; `scratch` is for the call. */
void proxy_html_link(const apr_array_header_t *maps, pn_str value, apr_pool_t *scratch, struct pn_buf *out);
/** A script, style sheet or event; `skip` is the flag of the maps that leave such alone. Same. */
void proxy_html_text(const apr_array_header_t *maps, pn_str text, unsigned skip, apr_pool_t *scratch, struct pn_buf *out);

/* ---- proxy_html_meta.c ---- */

/** Makes fields of the answer of <meta http-equiv>, as far as they are fit for that. */
void proxy_html_meta(struct pn_request *r, pn_str page);

/* ---- proxy_html_page.c ---- */

/** `below` parsed and written again. @param utf8 it is UTF-8; else the page says itself what it is in.  @return NULL after pn_fail. */
struct pn_body *proxy_html_body(struct pn_request *r, struct pn_body *below, const struct proxy_html_conf *conf,
                                const apr_array_header_t *maps, bool utf8);

#endif
