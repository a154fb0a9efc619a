/* test_include.c - tests src/conf/include.c. Order and what is an error were compared with httpd
 * 2.4.71. */
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

/* a.conf and so on hold one directive, named after the file. */
static void prepare(struct fixture *fx)
{
    static const char *const names[] = { "d/B.conf",   "d/a.conf",          "d/sub/c.conf",
                                         "d/z.conf",   "d/.hidden",         "d/sub.conf",
                                         "e/x/1.conf", "e/y/1.conf",        "e/y/.h.conf",
                                         "a.conf",     "with space/s.conf", "odd[1].conf" };

    for (size_t i = 0; i < PN_COUNT(names); i++)
        fixture_write(fx, names[i], apr_pstrcat(fx->pool, "\"", names[i], "\"\n", NULL));
    mkdir(apr_pstrcat(fx->pool, fx->dir, "/empty", NULL), 0755);
    assert_int_equal(symlink("nowhere", apr_pstrcat(fx->pool, fx->dir, "/dangling.conf", NULL)), 0);
    assert_int_equal(symlink("a.conf", apr_pstrcat(fx->pool, fx->dir, "/link.conf", NULL)), 0);
    assert_int_equal(mkfifo(apr_pstrcat(fx->pool, fx->dir, "/fifo", NULL), 0600), 0);
}

static const struct {
    const char *line; /* @ stands for the directory */
    const char *tree;
} cases[] = {
    { "Include a.conf", "a.conf" },
    { "include @/a.conf", "a.conf" },
    { "Include \"with space/s.conf\"", "with space/s.conf" },
    { "Include ./d/../a.conf", "a.conf" },
    { "Include @//a.conf", "a.conf" },
    { "Include link.conf", "a.conf" },
    { "Include /dev/null", "" },
    { "Include d", "d/.hidden|d/B.conf|d/a.conf|d/sub/c.conf|d/sub.conf|d/z.conf" },
    { "Include d/", "d/.hidden|d/B.conf|d/a.conf|d/sub/c.conf|d/sub.conf|d/z.conf" },
    { "Include d/*", "d/B.conf|d/a.conf|d/sub/c.conf|d/sub.conf|d/z.conf" },
    { "Include d/*.conf", "d/B.conf|d/a.conf|d/sub.conf|d/z.conf" },
    { "Include d/[a-z].conf", "d/a.conf|d/z.conf" },
    { "Include e/*/*.conf", "e/x/1.conf|e/y/1.conf" },
    { "Include e/*", "e/x/1.conf|e/y/.h.conf|e/y/1.conf" },
    { "Include e/[xz]/?.conf", "e/x/1.conf" },
    { "Include */x/*.conf",
      "! text:1: The directory d/x cannot be opened: No such file or directory." },
    { "IncludeOptional */x/*.conf", "e/x/1.conf" },
    { "Include e/*/../x/1.conf", "e/x/1.conf" }, /* .. is taken out of the text first */
    { "Include empty", "" },
    { "IncludeOptional a.conf", "a.conf" },
    { "IncludeOptional nope.conf", "" },
    { "IncludeOptional nope/nope.conf", "" },
    { "IncludeOptional nope/*.conf", "" },
    { "IncludeOptional nope*.conf", "" },
    { "IncludeOptional e/*/nope.conf", "" },
    { "IncludeOptional a.conf/x.conf", "" },
    { "IncludeOptional dang*.conf", "" },
    { "<Sec>\nInclude a.conf\n</Sec>", "Sec{a.conf}" },
    { "<IfDefine NO>\nInclude nope.conf\n</IfDefine>", "" },
    { "ServerRoot @/d\nInclude a.conf", "ServerRoot @/d|d/a.conf" },
    { "Define W d\nInclude ${W}/a.conf", "d/a.conf" },
    { "Include nope.conf",
      "! text:1: Could not open configuration file nope.conf: No such file or directory." },
    { "Include a.conf/x",
      "! text:1: Could not open configuration file a.conf/x: Not a directory." },
    { "Include dangling.conf",
      "! text:1: Could not open configuration file dangling.conf: No such file or directory." },
    { "Include dang*.conf",
      "! text:1: Could not open configuration file dangling.conf: No such file or directory." },
    { "Include fifo",
      "! text:1: Could not open configuration file fifo: it is not a regular file." },
    { "IncludeOptional fifo",
      "! text:1: Could not open configuration file fifo: it is not a regular file." },
    { "Include nope*.conf",
      "! text:1: Nothing in @ matches 'nope*.conf'. IncludeOptional accepts that there is none." },
    { "Include nope*/x.conf",
      "! text:1: Nothing in @ matches 'nope*'. IncludeOptional accepts that there is none." },
    { "Include empty/*",
      "! text:1: Nothing in empty matches '*'. IncludeOptional accepts that there is none." },
    { "Include nope/*.conf",
      "! text:1: The directory nope cannot be opened: No such file or directory." },
    { "IncludeOptional a.conf/*.conf",
      "! text:1: The directory a.conf cannot be opened: Not a directory." },
    { "Include e/*/nope.conf",
      "! text:1: Could not open configuration file e/x/nope.conf: No such file or directory." },
    { "Include e/{x,y}/1.conf",
      "! text:1: Could not open configuration file e/{x,y}/1.conf: No such file or directory." },
    { "Include e/{x,y}/?.conf",
      "! text:1: The directory e/{x,y} cannot be opened: No such file or directory." },
    { "Include",
      "! text:1: Include takes one path. Write one Include a path; put a path that holds spaces in "
      "quotes." },
    { "Include \"\"",
      "! text:1: Include takes one path. Write one Include a path; put a path that holds spaces in "
      "quotes." },
    { "IncludeOptional a b",
      "! text:1: IncludeOptional takes one path. Write one Include a path; put a path that "
      "holds spaces in quotes." },
};

static const char *with_dir(struct fixture *fx, const char *text)
{
    const char *at = strchr(text, '@');

    return at ? apr_pstrcat(fx->pool, apr_pstrmemdup(fx->pool, text, (apr_size_t)(at - text)),
                            fx->dir, at + 1, NULL)
              : text;
}

static void paths_directories_and_wildcards(void **state)
{
    struct fixture *fx = *state;

    prepare(fx);
    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        fx->root = pn_conf_root(fx->pool);
        fx->reader.server_root = fx->dir;
        assert_string_equal(fixture_text(fx, with_dir(fx, cases[i].line)),
                            with_dir(fx, cases[i].tree));
    }
}

static void sections_end_in_their_file(void **state)
{
    struct fixture *fx = *state;

    fixture_write(fx, "close.conf", "Foo\n</Sec>\n");
    fixture_write(fx, "open.conf", "\n<Sec>\n");
    fixture_write(fx, "openif.conf", "<IfDefine !X>\nFoo\n");
    assert_string_equal(fixture_text(fx, "<Sec>\nInclude close.conf"),
                        "! close.conf:2: </Sec> without matching <Sec>: no such section is open "
                        "here. A section must end "
                        "in the file in which it begins.");
    assert_string_equal(fixture_text(fx, "Include open.conf\n</Sec>"),
                        "! open.conf:2: <Sec> was not closed: </Sec> is missing.");
    fx->root = pn_conf_root(fx->pool);
    assert_string_equal(fixture_text(fx, "Include openif.conf\nBar"), "Foo|Bar");
}

static void loops_end_at_the_depth_limit(void **state)
{
    struct fixture *fx = *state;

    fixture_write(fx, "loop.conf", "Include loop.conf\nInclude loop.conf\n");
    assert_string_equal(
        fixture_file(fx, "loop.conf"),
        "! loop.conf:1: Exceeded the maximum include depth of 128. Does a file include itself?");
    fx->reader.max_include_depth = 3;
    fixture_write(fx, "1.conf", "Include 2.conf\n");
    fixture_write(fx, "2.conf", "Include 3.conf\n");
    fixture_write(fx, "3.conf", "Include 4.conf\n");
    fixture_write(fx, "4.conf", "Foo\nInclude 5.conf\n");
    fixture_write(fx, "5.conf", "Bar\n");
    assert_string_equal(fixture_file(fx, "2.conf"), "Foo|Bar");
    assert_string_equal(
        fixture_file(fx, "1.conf"),
        "! 4.conf:2: Exceeded the maximum include depth of 3. Does a file include itself?");
}

static void linked_directories_end_at_the_depth_limit(void **state)
{
    struct fixture *fx = *state;

    fixture_write(fx, "d/a.conf", "");
    assert_int_equal(symlink(".", apr_pstrcat(fx->pool, fx->dir, "/d/again", NULL)), 0);
    assert_true(fixture_text(fx, "Include d")[0] == '!');
}

static void included_files_are_recorded(void **state)
{
    struct fixture               *fx = *state;
    const struct pn_conf_include *row;

    fx->reader.record_includes = true;
    fixture_write(fx, "1.conf", "\nInclude 2.conf\n");
    fixture_write(fx, "2.conf", "<Macro m>\nInclude 3.conf\n</Macro>\nUse m\n");
    fixture_write(fx, "3.conf", "Foo\n");
    assert_string_equal(fixture_file(fx, "1.conf"), "Foo");
    assert_int_equal(fx->reader.includes->nelts, 3);
    row = (const struct pn_conf_include *)(void *)fx->reader.includes->elts;
    assert_string_equal(fixture_short(fx, row[0].path), "1.conf");
    assert_null(row[0].from_path);
    assert_int_equal(row[0].depth, 0);
    assert_string_equal(fixture_short(fx, row[1].path), "2.conf");
    assert_string_equal(fixture_short(fx, row[1].from_path), "1.conf");
    assert_int_equal(row[1].from_line, 2);
    assert_int_equal(row[1].depth, 1);
    assert_string_equal(fixture_short(fx, row[2].from_path), "2.conf");
    assert_int_equal(row[2].from_line, 2);
    assert_int_equal(row[2].depth, 2);
}

static void the_first_file_must_exist(void **state)
{
    struct fixture *fx = *state;

    assert_string_equal(
        fixture_file(fx, "nope.conf"),
        "! nope.conf: Could not open configuration file nope.conf: No such file or directory.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(paths_directories_and_wildcards),
        FIXTURE_TEST(sections_end_in_their_file),
        FIXTURE_TEST(loops_end_at_the_depth_limit),
        FIXTURE_TEST(linked_directories_end_at_the_depth_limit),
        FIXTURE_TEST(included_files_are_recorded),
        FIXTURE_TEST(the_first_file_must_exist),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
