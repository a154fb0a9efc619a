/* test_include_parse.c - server-side includes as a stream: every page is cut at every byte. */
#include "base/support.h"

#include "modules/filters/include_parse.h"

static const struct { const char *in, *out; } cases[] = {
    { "plain", "plain" },
    { "", "" },
    { "a<!--#echo var=\"X\" -->b", "a[echo var=X]b" },
    { "<!--#ECHO VAR=\"Xy\"-->", "[echo var=Xy]" },
    { "<!--#echo var='X' enc=`y` z=bare -->", "[echo var=X enc=y z=bare]" },
    { "<!--#echo var = \"X\" lone -->", "[echo var=X lone]" },
    { "<!--#echo var=X-->Y -->", "[echo var=X-->Y]" },
    { "<!--#if expr=\"a --> b\" -->", "[if expr=a --> b]" },
    { "<!--#set v=\"a\\\"b\\c\\\\\" -->", "[set v=a\"b\\c\\\\]" },
    { "<!--#set v=\"\" -->", "[set v=]" },
    { "<!--#endif-->x", "[endif]x" },
    { "<!--#endif---->x", "[endif--]x" },
    { "<!--#else foo-->x -->", "[else foo-->x]" },
    { "<!-<!--<!--#a --><!--", "<!-<!--[a]<!--" },
    { "<<!<!-<!--x", "<<!<!-<!--x" },
    { "<!--# echo -->b", "[!1]b" },
    { "<!--#c \"quoted\" -->b", "[!2]b" },
    { "<!--#echo var=\"x", "[!4]" },
    { "<!--#", "[!4]" },
};

static void put_element(struct pn_buf *out, const struct ssi_element *element)
{
    if (element->fault != SSI_OK) {
        pn_buf_printf(out, "[!%d]", (int)element->fault);
        return;
    }
    pn_buf_ch(out, '[');
    pn_buf_str(out, element->name);
    for (unsigned i = 0; i < element->n_args; i++) {
        pn_buf_ch(out, ' ');
        pn_buf_str(out, element->args[i].name);
        if (element->args[i].value.p)
            pn_buf_ch(out, '=');
        pn_buf_str(out, element->args[i].value);
    }
    pn_buf_ch(out, ']');
}

static void feed(struct ssi_parser *parser, pn_str in, struct pn_buf *out)
{
    while (in.n) {
        pn_str         text = { "", 0 };
        enum ssi_event event = ssi_next(parser, &in, &text);
        if (event == SSI_TEXT)
            pn_buf_str(out, text);
        else if (event == SSI_ELEMENT)
            put_element(out, &parser->element);
    }
}

static void finish(struct ssi_parser *parser, struct pn_buf *out)
{
    enum ssi_event event;
    pn_str         text;

    while ((event = ssi_end(parser, &text)) != SSI_MORE) {
        if (event == SSI_TEXT)
            pn_buf_str(out, text);
        else
            put_element(out, &parser->element);
    }
}

static void events_do_not_depend_on_where_the_input_is_cut(void **state)
{
    struct ssi_parser *parser = apr_palloc(*state, sizeof(*parser));

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str in = pn_str_z(cases[i].in);
        for (size_t cut = 0; cut <= in.n; cut++) {
            struct pn_buf out;
            pn_buf_init(&out, *state, 4096);
            ssi_init(parser, *state, PN_STR("<!--#"), PN_STR("-->"));
            feed(parser, pn_str_head(in, cut), &out);
            feed(parser, pn_str_from(in, cut), &out);
            finish(parser, &out);
            eq_str(pn_buf_view(&out), cases[i].out);
        }
    }
}

static void an_element_has_a_largest_size(void **state)
{
    struct ssi_parser *parser = apr_palloc(*state, sizeof(*parser));
    struct pn_buf      out;
    pn_str             start = PN_STR("<!--#set v=\""), piece = PN_STR("0123456789abcdef"), end = PN_STR("\" -->after");

    pn_buf_init(&out, *state, 4096);
    ssi_init(parser, *state, PN_STR("<!--#"), PN_STR("-->"));
    feed(parser, start, &out);
    for (size_t n = 0; n <= SSI_ELEMENT_MAX; n += piece.n)
        feed(parser, piece, &out);
    feed(parser, end, &out);
    finish(parser, &out);
    eq_str(pn_buf_view(&out), "[!3]after");
}

static void tags_can_be_others(void **state)
{
    struct ssi_parser *parser = apr_palloc(*state, sizeof(*parser));
    struct pn_buf      out;

    pn_buf_init(&out, *state, 4096);
    ssi_init(parser, *state, PN_STR("<%"), PN_STR("%>"));
    feed(parser, PN_STR("<!--#x --><%echo var=\"a\" %>%>"), &out);
    finish(parser, &out);
    eq_str(pn_buf_view(&out), "<!--#x -->[echo var=a]%>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_do_not_depend_on_where_the_input_is_cut, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(an_element_has_a_largest_size, make_pool, drop_pool),
        cmocka_unit_test_setup_teardown(tags_can_be_others, make_pool, drop_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
