/* test_tree.c - tests src/conf/{lexer,source,reader,tree,dump}.c: text to nodes, and back to
 * text. */
#include "fixture.h"

#include <stdio.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "conf/dump.h"

static const struct {
    const char *text;
    const char *tree;
} cases[] = {
    { "", "" },
    { "\n\n", "" },
    { "Foo", "Foo" },
    { "Foo a b\n", "Foo a b" },
    { "  \t Foo   a  \"b c\"  \n", "Foo a  \"b c\"" },
    { "Foo a\nBar b", "Foo a|Bar b" },
    { "Foo a\r\nBar b\r\n", "Foo a|Bar b" },
    { "\xEF\xBB\xBF"
      "Foo a\n",
      "Foo a" },
    { "\xEF\xBB\xBF", "" },
    { "\xEF\xBB"
      "Foo\n",
      "\xEF\xBB"
      "Foo" },
    { "# c\n   # c\nFoo # no comment\n", "Foo # no comment" },
    { "Foo \xFF\xFE\xE9\n", "Foo \xFF\xFE\xE9" },
    { "Foo a\rb\n", "Foo a\rb" },
    /* continuation lines */
    { "Foo a\\\nb\n", "Foo ab" },
    { "Foo a \\\n   b\n", "Foo a    b" },
    { "Foo a \\\r\n b\r\n", "Foo a  b" },
    { "Foo \\\n a \\\n b\nBar", "Foo a  b|Bar" },
    { "Foo a\\ \nBar", "Foo a\\|Bar" },
    { "Foo a\\\\\nb", "Foo a\\b" },
    { "Foo a\\\n\nBar", "Foo a|Bar" },
    { "Foo a\\", "Foo a\\" },
    { "Foo a\\\n", "Foo a" },
    { "\\\nFoo", "Foo" },
    { "# c \\\nFoo\nBar", "Bar" },
    { "Foo \\\n# a\n", "Foo # a" },
    /* names */
    { "\"Foo\" a\n", "Foo a" },
    { "'Foo'a\n", "Foo a" },
    { "\"\" a\n", "" },
    { "Foo\"a\"\n", "Foo\"a\"" },
    /* sections */
    { "<Sec a>\nFoo\n</Sec>\nBar", "Sec a{Foo}|Bar" },
    { "<Sec>\n</Sec>\n", "Sec{}" },
    { "<SEC a>\n</sEC>\n", "SEC a{}" },
    { "  <Sec\t a b >\t\n\t</Sec>\n", "Sec a b{}" },
    { "<Sec a>\n<Sec b>\nFoo\n</Sec>\nBar\n</Sec>\n<Sec c>\n</Sec>",
      "Sec a{Sec b{Foo}|Bar}|Sec c{}" },
    { "<Sec \"a > b\">\n</Sec>", "Sec \"a > b\"{}" },
    { "<Sec a> # note\n</Sec>", "Sec a{}" },
    { "<Sec a>\n</Sec> # note", "Sec a{}" },
    { "\"<Sec\" a>\n\"</Sec>\"", "Sec a{}" },
    { "<Sec a b\\\n c>\n</Sec>", "Sec a b c{}" },
    { "<Unknown>\n<X y>\n</X>\n</Unknown>", "Unknown{X y{}}" },
    { "<Raw x>\n a $b \n# c\n<Raw y>\nd \\\ne\n</Raw>\n</Raw>\nFoo",
      "Raw x[a $b][# c][<Raw y>][d e][</Raw>]{}|Foo" },
    { "Error\n", "! text:1: The Error directive was used with no message." },
    { "Foo\nError \"one two\"\n", "! text:2: one two" },
    { "Error \"one\" two\n", "! text:1: \"one\" two" },
    { "<Sec a>\n error 'one'\n</Sec>", "! text:2: one" },
    { "Foo\n\nRefuse x\n", "! text:3: Refused." },
    { "<Refuse>\nFoo\n</Refuse>\n", "! text:1: Refused." },
    /* what breaks the nesting */
    { "<Sec a>\n", "! text:1: <Sec> was not closed: </Sec> is missing." },
    { "\n<Sec a>\n<Sec b>\n</Sec>\n", "! text:2: <Sec> was not closed: </Sec> is missing." },
    { "<Sec a>\nFoo\n</Sce>",
      "! text:3: Expected </Sec> but saw </Sce>: <Sec> was opened on line 1." },
    { "</Sec>", "! text:1: </Sec> without matching <Sec>: no such section is open here." },
    { "<Sec a>\n</Sec>\n</Sec>",
      "! text:3: </Sec> without matching <Sec>: no such section is open here." },
    { "<Sec a\n</Sec>", "! text:1: <Sec> is missing its closing '>'." },
    { "<Sec\n</Sec>", "! text:1: <Sec> is missing its closing '>'." },
    { "<Sec> a\n</Sec>", "! text:1: <Sec> is missing its closing '>'." },
    { "<Sec a>\n</Sec\n",
      "! text:2: </Sec is missing its closing '>'. No space may stand between the name and '>'." },
    { "<Sec a>\n</Sec >\n",
      "! text:2: </Sec is missing its closing '>'. No space may stand between the name and '>'." },
    { "< Sec a>\n</Sec>", "! text:1: The section has no name. Write the name right behind '<'." },
    { "<>\n</>", "! text:1: The section has no name. Write the name right behind '<'." },
    { "<", "! text:1: The section has no name. Write the name right behind '<'." },
    { "</",
      "! text:1: </ is missing its closing '>'. No space may stand between the name and '>'." },
    { "</>", "! text:1: </> without matching <>: no such section is open here." },
    { "<Raw>\nFoo", "! text:1: <Raw> is not closed: </Raw> is missing." },
    /* the line of a continued line is its first */
    { "Foo a \\\n b\n\n</X>",
      "! text:4: </X> without matching <X>: no such section is open here." },
    { "\n</X>\\\n\n", "! text:2: </X> without matching <X>: no such section is open here." },
};

static void text_becomes_nodes(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        fx->root = pn_conf_root(fx->pool);
        assert_string_equal(fixture_text(fx, cases[i].text), cases[i].tree);
    }
}

static void nodes_know_their_place(void **state)
{
    struct fixture      *fx = *state;
    struct pn_conf_node *node;

    fixture_write(fx, "a.conf", "# one\nFoo \\\n  x\n\n<Sec y>\n  Bar   z \n</Sec>\n");
    fixture_file(fx, "a.conf");
    node = fx->root->first;
    assert_int_equal(node->line, 2);
    assert_string_equal(node->text.p, "Foo   x");
    assert_false(node->section);
    node = node->next;
    assert_int_equal(node->line, 5);
    assert_string_equal(node->text.p, "<Sec y>");
    assert_true(node->section);
    assert_null(node->next);
    assert_ptr_equal(node->first, node->last);
    node = node->first;
    assert_int_equal(node->line, 6);
    assert_string_equal(node->text.p, "Bar   z");
    assert_string_equal(fixture_short(fx, node->file->path), "a.conf");
    assert_string_equal(node->file->kind, "file");
    assert_null(node->file->included_by);
}

static void on_read_comes_in_reading_order(void **state)
{
    struct fixture *fx = *state;

    fixture_text(fx, "A\n<B>\nC\n<D>\nE\n</D>\n</B>\nF\n");
    assert_string_equal(apr_array_pstrcat(fx->pool, fx->seen, ' '), "A C E D B F");
}

static void suspect_lines_are_warned_about(void **state)
{
    struct fixture *fx = *state;

    fixture_text(fx, "<Sec a> # x\n</Sec> # y\n\"\" z\n");
    assert_string_equal(
        fixture_warnings(fx),
        "text:1: What follows the closing '>' of <Sec> is ignored. A comment needs a line of its "
        "own.\n"
        "text:2: What follows </Sec> is ignored. A comment needs a line of its own.\n"
        "text:3: The line names no directive and is ignored.");
}

static void several_texts_make_one_tree(void **state)
{
    struct fixture *fx = *state;

    fixture_text(fx, "Define X one\n<Macro m>\nFoo ${X}\n</Macro>");
    assert_string_equal(fixture_text(fx, "Use m\nBar"), "Foo one|Bar");
    assert_string_equal(fixture_text(fx, "<IfDefine X>\nBaz\n</IfDefine>"), "Foo one|Bar|Baz");
}

static void nul_bytes_are_refused(void **state)
{
    struct fixture *fx = *state;

    assert_string_equal(
        fixture_text_n(fx, "Foo\nBar a\0b\n", 12),
        "! text:2: The line holds a NUL byte. Save the file as UTF-8 or another 8-bit text.");
    assert_string_equal(
        fixture_text_n(fx, "F\0o\0", 4),
        "! text:1: The line holds a NUL byte. Save the file as UTF-8 or another 8-bit text.");
}

static const char *long_line(struct fixture *fx, size_t bytes)
{
    char *text = apr_palloc(fx->pool, bytes + 2);

    memset(text, 'x', bytes);
    memcpy(text, "Foo ", 4);
    memcpy(text + bytes, "\n", 2);
    return text;
}

static void lines_have_a_maximum(void **state)
{
    struct fixture *fx = *state;
    size_t          max = (size_t)16 << 20;

    assert_int_equal(strlen(fixture_text(fx, long_line(fx, max))), max);
    assert_string_equal(fixture_text(fx, long_line(fx, max + 1)),
                        "! text:1: The line is longer than 16777216 bytes.");
    fx->reader.htaccess = true;
    fx->root = pn_conf_root(fx->pool);
    assert_int_equal(strlen(fixture_text(fx, long_line(fx, 8190))), 8190);
    assert_string_equal(fixture_text(fx, long_line(fx, 8191)),
                        "! text:1: The line is longer than 8190 bytes.");
}

static void total_size_has_a_maximum(void **state)
{
    struct fixture *fx = *state;

    fx->reader.max_bytes = 12;
    assert_string_equal(fixture_text(fx, "Foo 1\nFoo 2\nFoo 3\n"),
                        "! text:3: The configuration is longer than 12 bytes in all.");
}

/* Nesting costs memory and no C stack. */
static void sections_nest_without_end(void **state)
{
    enum { LEVELS = 100000 };
    struct fixture                  *fx = *state;
    struct pn_conf_node             *node;
    char                            *text = apr_palloc(fx->pool, LEVELS * 20 + 1), *p = text;
    size_t                           deep = 0;
    static const struct pn_conf_file file = { .path = "text" };

    for (int i = 0; i < LEVELS; i++, p += 4)
        memcpy(p, "<S>\n", 4);
    for (int i = 0; i < LEVELS; i++, p += 5)
        memcpy(p, "</S>\n", 5);
    assert_int_equal(pn_conf_read_text(&fx->reader, &file, pn_str_n(text, (size_t)(p - text)),
                                       fx->root, &fx->error),
                     PN_OK);
    for (node = fx->root->first; node; node = node->first)
        deep++;
    assert_int_equal(deep, LEVELS);
}

static void htaccess_leaves_what_it_may_not_hold_to_its_user(void **state)
{
    struct fixture *fx = *state;

    fx->reader.htaccess = true;
    assert_string_equal(
        fixture_text(fx,
                     "Include a\nDefine b\n<Macro c>\nUse d\n</Macro>\n<IfModule mod_a.c>\nFoo\n"
                     "</IfModule>\n<IfDefine b>\nBar\n</IfDefine>"),
        "Include a|Define b|Macro c{Use d}|Foo");
    assert_string_equal(fixture_text(fx, "Error no"), "! text:1: no");
}

static void dump_prints_files_lines_and_levels(void **state)
{
    struct fixture *fx = *state;
    struct pn_buf   out;
    pn_str          text;

    fixture_write(fx, "b.conf", "\nBar\n");
    fixture_write(fx, "a.conf",
                  "Foo   a  \"b\"\n<Sec x>\n<Sec y>\nFoo z\n</Sec>\nInclude b.conf\nFoo q\n</Sec>\n"
                  "<Macro M $v>\n<Sec $v>\n</Sec>\n</Macro>\nUse m w\n<Empty>\n</Empty>\n");
    fixture_file(fx, "a.conf");
    pn_buf_init(&out, fx->pool, 10000);
    pn_conf_dump(&out, fx->root);
    assert_int_equal(pn_buf_done(&out, &text), PN_OK);
    assert_string_equal(fixture_short(fx, pn_str_zdup(fx->pool, text)),
                        "# In file: a.conf\n#   1:\nFoo a  \"b\"\n#   2:\n<Sec x>\n  #   3:\n  "
                        "<Sec y>\n    #   4:\n"
                        "    Foo z\n  </Sec>\n# In file: b.conf\n  #   2:\n  Bar\n# In file: "
                        "a.conf\n  #   7:\n  Foo q\n"
                        "</Sec>\n# In file: macro 'M' (defined in a.conf) used on line 13 of "
                        "a.conf\n#  10:\n<Sec w>\n"
                        "</Sec>\n# In file: a.conf\n#  14:\n<Empty>\n</Empty>\n");
}

/* Debian's own configuration, where it is installed. */
static void debian_apache2_conf_is_read(void **state)
{
    struct fixture          *fx = *state;
    static const char *const defined[][2] = {
        { "APACHE_RUN_DIR", "/run" },      { "APACHE_LOG_DIR", "/log" },
        { "APACHE_PID_FILE", "/run/pid" }, { "APACHE_LOCK_DIR", "/lock" },
        { "APACHE_RUN_USER", "www-data" }, { "APACHE_RUN_GROUP", "www-data" },
    };
    static const char path[] = "/etc/apache2/apache2.conf";

    if (access(path, R_OK) != 0)
        skip();
    fx->reader.server_root = "/etc/apache2";
    fx->reader.defines = apr_hash_make(fx->pool);
    for (size_t i = 0; i < PN_COUNT(defined); i++)
        apr_hash_set(fx->reader.defines, defined[i][0], APR_HASH_KEY_STRING, defined[i][1]);
    assert_int_equal(pn_conf_read_file(&fx->reader, path, fx->root, &fx->error), PN_OK);
    assert_true(fx->seen->nelts > 50);
    assert_string_equal(fixture_warnings(fx), "");
}

static char *many_hosts(apr_pool_t *pool, int count, size_t *ret_n)
{
    enum { HOST_BYTES = 512 };
    char  *text = apr_palloc(pool, (size_t)count * HOST_BYTES);
    size_t n = 0;

    for (int i = 0; i < count; i++)
        n += (size_t)snprintf(
            text + n, HOST_BYTES,
            "<VirtualHost *:80>\n    ServerName host%d.example.com\n    ServerAlias "
            "www.host%d.example.com\n"
            "    DocumentRoot \"/srv/www/host%d\"\n    ErrorLog ${LOGS}/host%d.log\n"
            "    <Directory \"/srv/www/host%d\">\n        Require all granted\n    </Directory>\n"
            "    Header set X-Host \"host %d\"\n</VirtualHost>\n",
            i, i, i, i, i, i);
    *ret_n = n;
    return text;
}

/* Prints the time; the bound is wide because sanitizers and busy machines are slow. */
static void ten_thousand_hosts_are_read_fast(void **state)
{
    enum { HOSTS = 10000 };
    static const struct pn_conf_file file = { .path = "text" };
    struct fixture                  *fx = *state;
    size_t                           n;
    char                            *text = many_hosts(fx->pool, HOSTS, &n);
    apr_time_t                       begin;

    assert_true(fixture_text(fx, "Define LOGS /var/log")[0] == '\0');
    fx->reader.on_read = NULL;
    begin = apr_time_now();
    assert_int_equal(pn_conf_read_text(&fx->reader, &file, pn_str_n(text, n), fx->root, &fx->error),
                     PN_OK);
    begin = apr_time_now() - begin;
    print_message("%d virtual hosts, %zu bytes: %.1f ms\n", HOSTS, n, (double)begin / 1000);
    assert_true(begin < 5 * APR_USEC_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(text_becomes_nodes),
        FIXTURE_TEST(nodes_know_their_place),
        FIXTURE_TEST(on_read_comes_in_reading_order),
        FIXTURE_TEST(suspect_lines_are_warned_about),
        FIXTURE_TEST(several_texts_make_one_tree),
        FIXTURE_TEST(nul_bytes_are_refused),
        FIXTURE_TEST(lines_have_a_maximum),
        FIXTURE_TEST(total_size_has_a_maximum),
        FIXTURE_TEST(sections_nest_without_end),
        FIXTURE_TEST(htaccess_leaves_what_it_may_not_hold_to_its_user),
        FIXTURE_TEST(dump_prints_files_lines_and_levels),
        FIXTURE_TEST(debian_apache2_conf_is_read),
        FIXTURE_TEST(ten_thousand_hosts_are_read_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
