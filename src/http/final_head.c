/* final_head.c - the last look at an answer's fields, whoever set them: one Vary, and a 304 without what describes content.
 * Called by the pipeline when the filters are done. RFC 9110 s12.5.5, s15.4.5. */
#include "http/request_core.h"

#define VARY_WORDS_MAX 64

struct words {
    pn_str   v[VARY_WORDS_MAX];
    unsigned n;
};

static void add_words(struct words *words, pn_str list)
{
    for (pn_str word; (word = pn_header_list_next(&list)).p;) {
        unsigned i = 0;
        while (i < words->n && !pn_str_ieq(words->v[i], word))
            i++;
        if (i == words->n && i < VARY_WORDS_MAX)
            words->v[words->n++] = word;
    }
}

static void collect(struct words *words, const struct pn_headers *h)
{
    for (const struct pn_header *f = pn_headers_begin(h); f < pn_headers_end(h); f++)
        if (f->id == PN_HDR_VARY)
            add_words(words, f->value);
}

static bool is_list(pn_str value)
{
    return value.n && pn_str_chr(value, ',', 0) != SIZE_MAX;
}

/* Some old clients take a page with Vary for one that may not be kept: force-no-vary spares them. Fields of modules that do
 * not know of each other become one, each name once. */
static void join_vary(struct pn_request *r)
{
    struct words *words;
    struct pn_buf out;
    pn_str        text;

    if (pn_env_get(r, "force-no-vary")) {
        pn_headers_unset(&r->out, PN_HDR_VARY);
        pn_headers_unset(&r->err_out, PN_HDR_VARY);
        return;
    }
    if (pn_headers_count(&r->out, PN_HDR_VARY) + pn_headers_count(&r->err_out, PN_HDR_VARY) < 2 &&
        !is_list(pn_headers_get(&r->out, PN_HDR_VARY)) && !is_list(pn_headers_get(&r->err_out, PN_HDR_VARY)))
        return;
    words = apr_pcalloc(r->pool, sizeof(*words));
    collect(words, &r->err_out);
    collect(words, &r->out);
    pn_buf_init(&out, r->pool, 65536);
    for (unsigned i = 0; i < words->n; i++) {
        if (i)
            pn_buf_ch(&out, ',');
        pn_buf_str(&out, words->v[i]);
    }
    if (pn_buf_done(&out, &text) != PN_OK)
        return;
    pn_headers_unset(&r->out, PN_HDR_VARY);
    pn_headers_set(&r->err_out, PN_HDR_VARY, text);
}

void pn__final_head(struct pn_request *r)
{
    if (PN_UNLIKELY(pn_headers_has(&r->out, PN_HDR_VARY) || pn_headers_has(&r->err_out, PN_HDR_VARY)))
        join_vary(r);
    if (PN_UNLIKELY(r->status == 304))
        pn_headers_unset(&r->out, PN_HDR_CONTENT_LANGUAGE);
}
