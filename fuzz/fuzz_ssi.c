/* fuzz_ssi.c - server-side includes as a stream. Byte 0: where the input is cut; then the page.
 * Holds: the same events whole and cut; all of a page without elements comes out; tokens lie within the parser's buffer. */
#include <stdlib.h>

#include <apr_general.h>

#include "modules/filters/include_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_element(struct pn_buf *out, const struct ssi_element *element)
{
    pn_buf_printf(out, "[%d ", (int)element->fault);
    if (element->fault == SSI_OK)
        pn_buf_str(out, element->name);
    for (unsigned i = 0; i < element->n_args; i++) {
        pn_buf_ch(out, ' ');
        pn_buf_str(out, element->args[i].name);
        pn_buf_ch(out, element->args[i].value.p ? '=' : ' ');
        pn_buf_str(out, element->args[i].value);
    }
    pn_buf_ch(out, ']');
}

/* The events of a run of input, written down. */
static void feed(struct ssi_parser *parser, pn_str in, struct pn_buf *out)
{
    while (in.n) {
        pn_str         text = { "", 0 };
        size_t         before = in.n;
        enum ssi_event event = ssi_next(parser, &in, &text);
        pn_assert(in.n <= before);
        if (event == SSI_TEXT) {
            pn_assert(text.n > 0);
            pn_buf_str(out, text);
        }
        else if (event == SSI_ELEMENT)
            put_element(out, &parser->element);
        else
            pn_assert(in.n == 0);
    }
}

static void run(apr_pool_t *pool, pn_str in, size_t cut, struct pn_buf *out)
{
    struct ssi_parser *parser = apr_palloc(pool, sizeof(*parser));
    enum ssi_event     event;
    pn_str             text;

    ssi_init(parser, pool, PN_STR("<!--#"), PN_STR("-->"));
    feed(parser, pn_str_head(in, cut), out);
    feed(parser, pn_str_from(in, cut), out);
    while ((event = ssi_end(parser, &text)) != SSI_MORE) {
        if (event == SSI_TEXT)
            pn_buf_str(out, text);
        else
            put_element(out, &parser->element);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pn_buf whole, parts;
    apr_pool_t   *pool;

    if (size < 1)
        return 0;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    pn_str in = { (const char *)data + 1, size - 1 };
    pn_buf_init(&whole, NULL, 4 * size + 65536);
    pn_buf_init(&parts, NULL, 4 * size + 65536);
    run(pool, in, in.n, &whole);
    run(pool, in, data[0] % (in.n + 1), &parts);
    pn_assert(pn_str_eq(pn_buf_view(&whole), pn_buf_view(&parts)));
    if (pn_str_find(in, PN_STR("<!--#")) == SIZE_MAX)
        pn_assert(pn_str_eq(pn_buf_view(&whole), in));
    pn_buf_release(&whole);
    pn_buf_release(&parts);
    apr_pool_destroy(pool);
    return 0;
}
