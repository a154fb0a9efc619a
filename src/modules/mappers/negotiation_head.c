/* negotiation_head.c - how the answer tells of its variants: Vary (RFC 9110 s12.5.5), Alternates and TCN (RFC 2295 s8.3, s8.5),
 * and the list for people on the pages of 300 and 406. */
#include "negotiation.h"

#include <pinion/uri.h>

#define ALTERNATES_MAX 65536

static pn_str joined(apr_pool_t *pool, const apr_array_header_t *languages)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");

    pn_buf_init(&out, pool, 4096);
    for (int i = 0; languages && i < languages->nelts; i++) {
        if (i)
            pn_buf_ch(&out, ',');
        pn_buf_str(&out, APR_ARRAY_IDX(languages, i, pn_str));
    }
    return pn_buf_done(&out, &text) == PN_OK ? text : PN_STR("");
}

/* ---- Vary ---- */

static void add_word(struct pn_buf *out, bool wanted, pn_str word)
{
    if (!wanted)
        return;
    if (out->n)
        pn_buf_lit(out, ",");
    pn_buf_str(out, word);
}

/* What any two variants differ in. */
static void set_vary(struct negotiation *n)
{
    const struct variant *first = n->variants->nelts ? pn__variant(n, 0) : NULL;
    apr_pool_t           *pool = n->r->pool;
    bool                  type = false, language = false, charset = false, encoding = false;
    struct pn_buf         out;
    pn_str                text = PN_STR("");

    for (int i = 1; i < n->variants->nelts; i++) {
        const struct variant *other = pn__variant(n, i);
        type |= !pn_str_eq(first->type, other->type);
        charset |= !pn_str_eq(first->charset, other->charset);
        encoding |= !pn_str_eq(first->encoding, other->encoding);
        language |= !pn_str_eq(joined(pool, first->languages), joined(pool, other->languages));
    }
    pn_buf_init(&out, pool, 128);
    add_word(&out, n->transparent, PN_STR("negotiate"));
    add_word(&out, type, PN_STR("accept"));
    add_word(&out, language, PN_STR("accept-language"));
    add_word(&out, charset, PN_STR("accept-charset"));
    add_word(&out, encoding, PN_STR("accept-encoding"));
    if (out.n && pn_buf_done(&out, &text) == PN_OK)
        pn_headers_merge(&n->r->err_out, PN_HDR_VARY, text);
}

/* ---- Alternates ---- */

static void add_attribute(struct pn_buf *out, const char *name, pn_str value)
{
    if (value.n && pn_header_value_ok(value))
        pn_buf_printf(out, " {%s %.*s}", name, PN_FMT(value));
}

/* At most three decimals, no more than needed. */
static void add_quality(struct pn_buf *out, unsigned q)
{
    unsigned thousandths = q / (Q_ONE / 1000), digits = 3;

    pn_buf_u64(out, thousandths / 1000);
    thousandths %= 1000;
    if (!thousandths)
        return;
    while (thousandths % 10 == 0) {
        thousandths /= 10;
        digits--;
    }
    pn_buf_printf(out, ".%0*u", (int)digits, thousandths);
}

PN_MAY_YIELD static void add_alternate(struct negotiation *n, struct variant *variant, struct pn_buf *out)
{
    apr_pool_t *pool = n->r->pool;

    if (out->n)
        pn_buf_lit(out, ", ");
    pn_buf_lit(out, "{\"");
    pn_buf_str(out, pn_uri_encode_path(pool, variant->name));
    pn_buf_lit(out, "\" ");
    add_quality(out, variant->source_q);
    add_attribute(out, "type", variant->type);
    add_attribute(out, "charset", variant->charset);
    add_attribute(out, "language", joined(pool, variant->languages));
    add_attribute(out, "encoding", variant->encoding);
    if (!variant->by_program) /* what a program will answer has no length yet */
        pn_buf_printf(out, " {length %lld}", (long long)pn__variant_length(n, variant));
    pn_buf_lit(out, "}");
}

PN_MAY_YIELD static void set_alternates(struct negotiation *n)
{
    struct pn_buf out;
    pn_str        text = PN_STR("");

    pn_buf_init(&out, n->r->pool, ALTERNATES_MAX);
    for (int i = 0; i < n->variants->nelts; i++)
        add_alternate(n, pn__variant(n, i), &out);
    if (out.n && pn_buf_done(&out, &text) == PN_OK) /* half a list would be a wrong one */
        pn_headers_merge(&n->r->err_out, PN_HDR_ALTERNATES, text);
}

void pn__negotiation_head(struct negotiation *n, bool is_list)
{
    if (n->send_alternates) {
        pn__negotiation_name_codings(n);
        set_alternates(n);
    }
    set_vary(n);
    if (n->transparent)
        pn_headers_set(&n->r->err_out, PN_HDR_TCN, is_list ? PN_STR("list") : PN_STR("choice"));
}

/* ---- for people ---- */

static void add_remark(apr_pool_t *pool, struct pn_buf *out, const char *what, pn_str value)
{
    if (value.n)
        pn_buf_printf(out, ", %s %s", what, pn_html_escape(pool, value).p);
}

static void add_row(apr_pool_t *pool, struct pn_buf *out, const struct variant *variant)
{
    pn_str href = pn_html_escape(pool, pn_uri_encode_path(pool, variant->name));

    pn_buf_printf(out, "<li><a href=\"%.*s\">%s</a> ", PN_FMT(href), pn_html_escape(pool, variant->name).p);
    if (variant->description.n)
        pn_buf_str(out, pn_html_escape(pool, variant->description));
    add_remark(pool, out, "type", variant->type);
    add_remark(pool, out, "language", joined(pool, variant->languages));
    add_remark(pool, out, "charset", variant->charset);
    add_remark(pool, out, "encoding", variant->encoding);
    pn_buf_lit(out, "</li>\n");
}

void pn__negotiation_list(struct negotiation *n)
{
    struct pn_request *whole = n->r->main ? n->r->main : n->r;
    struct pn_buf      out;
    pn_str             text = PN_STR("");

    pn_buf_init(&out, whole->pool, (size_t)1 << 20);
    pn_buf_lit(&out, "<p>Available variants:</p>\n<ul>\n");
    for (int i = 0; i < n->variants->nelts; i++)
        add_row(whole->pool, &out, pn__variant(n, i));
    pn_buf_lit(&out, "</ul>\n");
    if (pn_buf_done(&out, &text) == PN_OK)
        apr_table_setn(pn_notes(whole), "variant-list", text.p);
}
