/* test_httpd_table.c - tricky files, and what httpd 2.4.71 says of each: accepted, or refused on
 * which line.
 *
 * Every row reads one file in a directory that holds what the rows include. "Error reached" at
 * the end of a row shows how far reading came. Where Pinion says something else on purpose,
 * `ours` says it and `why` why.
 *
 * With the variable PINION_TEST_HTTPD in the environment each row is also given to that command,
 * followed by -d DIRECTORY -f FILE: "apache2 -t -C 'LoadModule ...' ..." with an MPM, mod_macro
 * and a Listen. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_strings.h>

#define SAME (-1)

static const struct {
    const char *text;
    int         httpd; /* line of the error, 0: accepted */
    int         ours;  /* SAME, or our line */
    const char *why;
} rows[] = {
    { "ServerAdmin a\nError reached\n", 2, SAME, NULL },
    { "\xEF\xBB\xBF"
      "ServerAdmin a\n",
      1, 0, "a byte order mark is no part of a name" },
    { "ServerAdmin \\\n a\nError reached\n", 3, SAME, NULL },
    { "ServerAdmin \\\r\n a\r\nError reached\r\n", 3, SAME, NULL },
    { "Error \\\n a\n", 2, 1, "a continued line has the number of its first line" },
    { "ServerAdmin a\\", 0, SAME, NULL },
    { "# comment \\\nError reached\n", 0, SAME, NULL },
    { "# comment \\ \nError reached\n", 2, SAME, NULL },
    { "   # comment\n\tError reached\n", 2, SAME, NULL },
    { "\"Error\" a\n", 1, SAME, NULL },
    { "'Error'a\n", 1, SAME, NULL },
    { "\"\" Error\n", 0, SAME, NULL },
    { "Error", 1, SAME, NULL },
    { "\vError a\n", 1, SAME, NULL },
    /* variables */
    { "Define A \"Error x\"\n\n${A}\n", 3, SAME, NULL },
    { "Define A b\n<IfDefine A>\nError x\n</IfDefine>\n", 3, SAME, NULL },
    { "Define A b\n<IfDefine a>\nError x\n</IfDefine>\n", 0, SAME, NULL },
    { "Define A IfDefine\n<${A} X>\nError x\n</IfDefine>\nError y", 5, SAME, NULL },
    { "Define A b\nUnDefine a\n<IfDefine A>\nError x\n</IfDefine>\n", 4, SAME, NULL },
    { "Define A b\nUnDefine A\n<IfDefine A>\nError x\n</IfDefine>\n", 0, SAME, NULL },
    { "Define X b>\n<IfDefine !${X}\nError x\n</IfDefine>\n", 3, SAME, NULL },
    { "Define A b c\n", 1, SAME, NULL },
    { "\nDefine\n", 2, SAME, NULL },
    { "\nDefine a:b c\n", 2, SAME, NULL },
    { "UnDefine a b\n", 1, SAME, NULL },
    { "UnDefine\n", 1, SAME, NULL },
    { "Define a \"b c\n", 0, SAME, NULL },
    { "Define a \"b\"c d\n", 1, SAME, NULL },
    /* sections */
    { "<Directory />\n</Directory>\n</Directory>\n", 3, SAME, NULL },
    { "<Directory />\n</Location>\n", 2, SAME, NULL },
    { "\n<Directory />\nAllowOverride None\n", 2, SAME, NULL },
    { "<Directory />\n</Directory\n", 2, SAME, NULL },
    { "<Directory />\n</Directory >\n", 2, SAME, NULL },
    { "<Directory />\n</Directory> foo\nError x", 3, SAME, NULL },
    { "<Directory /> # foo\n</Directory>\nError x", 3, SAME, NULL },
    { "\n<Directory /\n</Directory>\n", 2, SAME, NULL },
    { "\n<Directory> /\n</Directory>\n", 2, SAME, NULL },
    { "\n<Directory> />\n</Directory>\nError x", 4, SAME, NULL },
    { "<DIRECTORY />\n</directory>\nError x", 3, SAME, NULL },
    { "</>\n", 1, SAME, NULL },
    { "</\n", 1, SAME, NULL },
    { "<>\n", 1, SAME, NULL },
    { "<\n", 1, SAME, NULL },
    { "<a\n</a>\n", 1, SAME, NULL },
    { "<\"a\">\n</a>\n", 2, SAME, NULL },
    { "< IfModule !a>\nServerAdmin a\n</IfModule>\n", 3, 1, "the line that is wrong is the first" },
    { "<IfFoo x>\n<IfModule !a>\nServerAdmin a\n</IfFoo>\n", 4, SAME, NULL },
    /* conditions */
    { "\n<IfModule !foo>\nServerAdmin a\n", 0, SAME, NULL },
    { "\n<IfModule foo>\nServerAdmin a\n", 2, SAME, NULL },
    { "<IfModule foo >\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "<IfModule foo\n</IfModule>\n", 1, SAME, NULL },
    { "<IfModule foo bar>\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "<IfModule !foo bar>\nError x\n</IfModule>\n", 2, SAME, NULL },
    { "<IfModule \"foo>\"\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "<IfModule >\n</IfModule>\n", 1, SAME, NULL },
    { "<IfModule>\n</IfModule>\n", 1, SAME, NULL },
    { "<IfModule \"\">\n</IfModule>\n", 1, SAME, NULL },
    { "<IfModule> core.c\n</IfModule>\n", 1, SAME, NULL },
    { "<IfModule ! foo>\nError x\n</IfModule>\n", 2, SAME, NULL },
    { "<IfModule !\"foo\">\nError x\n</IfModule>\n", 2, SAME, NULL },
    { "<IfModule \"!foo\">\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "<IfModule core.c>>\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "<IfModule core.c> foo\nError x\n</IfModule>\n", 2, SAME, NULL },
    { "<IfModule CORE.c>\nError x\n</IfModule>\n", 0, SAME, NULL },
    { "\"<IfModule\" core.c>\nError x\n</IfModule>\n", 2, SAME, NULL },
    { "<IfDefine !>\n</IfDefine>\n", 1, SAME, NULL },
    { "<IfDefine !!a>\nError x\n</IfDefine>\n", 2, SAME, NULL },
    { "<IfDefine NO>\n<Foo>\n</foo>\n</IfDEFINE>\nError x", 5, SAME, NULL },
    { "<IfDefine NO>\n<Foo>\n</bar>\n</IfDEFINE>\n", 1, 3,
      "the line that is wrong is the closing one" },
    { "<IfDefine NO>\n</Foo>\n</IfDefine>\n", 1, 2, "the line that is wrong is the closing one" },
    { "<IfDefine NO>\n</IfDefine\n", 1, 2, "the line that is wrong is the closing one" },
    { "<IfDefine NO>\n<Foo bar\n</Foo>\n</IfDefine>\n", 0, SAME, NULL },
    { "<IfDefine NO>\n</IfDefine> foo\nError x", 3, SAME, NULL },
    { "<IfDefine !NO>\n</IfDefine> foo\nError x", 2, 3,
      "what follows a closing '>' is ignored in every section" },
    { "<IfDefine !NO>\n\"</IfDefine>\"\nError x", 2, 3, "quotes mean the same in every section" },
    { "<IfDefine NO>\n\"</IfDefine>\"\nError x", 3, SAME, NULL },
    { "<IfDefine !NO>\n</IfDefine >\n", 2, SAME, NULL },
    { "<IfDefine !NO>\n<Directory />\n</IfDefine>\n</Directory>\n", 3, SAME, NULL },
    { "<Directory />\n<IfDefine !NO>\n</Directory>\n</IfDefine>\n", 3, SAME, NULL },
    { "<Directory />\n<IfDefine !NO>\nAllowOverride None\n</IfDefine>\n", 1, SAME, NULL },
    { "<IfDefine NO>\nfoo \\\n</IfDefine>\n</IfDefine>\nError x", 5, SAME, NULL },
    { "<IfFile a.conf>\nError x\n</IfFile>", 2, SAME, NULL },
    { "<IfFile \"!nope\">\nError x\n</IfFile>", 0, SAME, NULL },
    { "<IfFile sub>\nError x\n</IfFile>", 2, SAME, NULL },
    { "<IfDirective IncludeOptional>\nError x\n</IfDirective>", 2, SAME, NULL },
    { "<IfDirective IfModule>\nError x\n</IfDirective>", 0, SAME, NULL },
    { "<IfDirective <IfModule>\nError x\n</IfDirective>", 2, SAME, NULL },
    { "<IfSection IfModule>\nError x\n</IfSection>", 2, SAME, NULL },
    { "<IfSection <IfModule>\nError x\n</IfSection>", 0, SAME, NULL },
    { "<IfVersion 2.4>\nError x\n</IfVersion>", 0, SAME, NULL },
    { "<IfVersion >= 2.4 >\nError x\n</IfVersion>", 2, SAME, NULL },
    { "<IfVersion >= 2.4.>\nError x\n</IfVersion>", 2, SAME, NULL },
    { "<IfVersion >=2.4>\nError x\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion >= 2.4\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion !2.4>\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion ! = 2.4>\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion = /^2.4/>\nError x\n</IfVersion>", 2, SAME, NULL },
    { "<IfVersion ~ /2/>\nError x\n</IfVersion>", 0, SAME, NULL },
    { "<IfVersion = /2>\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion = /(/>\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion =~ 2>\n</IfVersion>", 1, SAME, NULL },
    { "<IfVersion>\n</IfVersion>", 1, SAME, NULL },
    /* includes: the innermost file's line counts */
    { "\nInclude nope.conf\n", 2, SAME, NULL },
    { "IncludeOptional nope.conf\nError x", 2, SAME, NULL },
    { "Include nope*.conf\n", 1, SAME, NULL },
    { "IncludeOptional nope*/*.conf\nError x", 2, SAME, NULL },
    { "IncludeOptional nope/*.conf\nError x", 2, SAME, NULL },
    { "IncludeOptional a.conf/*.conf\nError x", 1, SAME, NULL },
    { "Include */x/*.conf\nError x", 1, SAME, NULL },
    { "Include empty\nError x", 2, SAME, NULL },
    { "Include empty/*\n", 1, SAME, NULL },
    { "Include\n", 1, SAME, NULL },
    { "Include \"\"\n", 1, SAME, NULL },
    { "Include a.conf a.conf\n", 1, SAME, NULL },
    { "Include error3.conf\n", 3, SAME, NULL },
    { "Include sub\n", 4, SAME, NULL },
    { "Include sub/[e]*.conf\n", 4, SAME, NULL },
    { "<Directory />\nInclude close2.conf\n</Directory>", 2, SAME, NULL },
    { "Include open3.conf\n</Directory>", 3, SAME, NULL },
    { "Include openif.conf\nError x", 2, SAME, NULL },
    { "<IfDefine NO>\nInclude nope.conf\n</IfDefine>\nError x", 4, SAME, NULL },
    /* macros: httpd counts lines from the macro's beginning, comments not */
    { "<Macro m $a>\nError $a\n</Macro>\nUse m x", 1, 2,
      "a line in a macro has its number in its file" },
    { "<Macro m $a $b>\n</Macro>\nUse M x", 3, SAME, NULL },
    { "<Macro m $a>\n$a\n</Macro>\nUse M \"Error x\"", 1, 2,
      "a line in a macro has its number in its file" },
    { "<Macro m $a $a>\n</Macro>\n", 1, SAME, NULL },
    { "<Macro>\n</Macro>\n", 1, SAME, NULL },
    { "<Macro m\n</Macro>\n", 1, SAME, NULL },
    { "\n<Macro m>\nServerAdmin a\n", 2, SAME, NULL },
    { "<Macro m>\n</Directory>\n</Macro>\nError x", 4, SAME, NULL },
    { "<Macro m>\nServerAdmin a\n</Macro>\nUndefMacro M\nUse m", 5, SAME, NULL },
    { "Use m", 1, SAME, NULL },
    { "UndefMacro m", 1, SAME, NULL },
    { "UndefMacro m n", 1, SAME, NULL },
    { "<Macro m>\n<Macro n>\nServerAdmin a\n</Macro>\n</Macro>\nUse m\nUse n\nError x\n", 8, SAME,
      NULL },
    { "<Macro \"m n\">\nServerAdmin a\n</Macro>\nUse \"m n\"\nError x\n", 5, SAME, NULL },
    { "<Macro m>\nServerAdmin a\n</Macro>\nUse m\nError x", 0, 5,
      "httpd loses a last line without its end after Use" },
    { "<IfDefine NO>\n<Macro m>\n</Macro>\n</IfDefine>\nUse m", 5, SAME, NULL },
    { "<Macro m> x\nServerAdmin a\n</Macro> y\nUse m\nError x\n", 5, SAME, NULL },
};

static void prepare(struct fixture *fx)
{
    fixture_write(fx, "a.conf", "ServerAdmin a\n");
    fixture_write(fx, "sub/a.conf", "ServerAdmin a\n");
    fixture_write(fx, "sub/e.conf", "\n\n\nError four\n");
    fixture_write(fx, "error3.conf", "\n\nError three\n");
    fixture_write(fx, "close2.conf", "AllowOverride None\n</Directory>\n");
    fixture_write(fx, "open3.conf", "\n\n<Directory />\n");
    fixture_write(fx, "openif.conf", "<IfDefine !X>\nServerAdmin a\n");
    fixture_write(fx, "empty/x", "");
    remove(apr_pstrcat(fx->pool, fx->dir, "/empty/x", NULL));
}

static bool is_core(void *arg, pn_str name)
{
    return pn_str_eq(name, PN_STR("core.c"));
}

static void pinion_reads_what_httpd_reads(void **state)
{
    struct fixture *fx = *state;

    prepare(fx);
    fx->reader.module_loaded = is_core;
    for (size_t i = 0; i < PN_COUNT(rows); i++) {
        int         want = rows[i].ours == SAME ? rows[i].httpd : rows[i].ours;
        const char *got;

        fixture_write(fx, "httpd.conf", rows[i].text);
        fx->reader.reading = NULL;
        fx->reader.defines = NULL;
        fx->root = pn_conf_root(fx->pool);
        got = fixture_file(fx, "httpd.conf");
        if ((*got == '!' ? (int)fx->error.line : 0) != want)
            fail_msg("%s\nexpected line %d, got: %s", rows[i].text, want, got);
    }
}

/* The number behind the last "on line ": httpd names the innermost file last, and macros last but
 * one. */
static int line_of(const char *output)
{
    const char *at, *last = NULL;

    if (strstr(output, "Syntax OK"))
        return 0;
    for (at = strstr(output, "Syntax error on line "); at;
         at = strstr(at + 1, "Syntax error on line "))
        last = at;
    return last ? (int)strtol(last + strlen("Syntax error on line "), NULL, 10) : -1;
}

static void httpd_reads_the_same_rows(void **state)
{
    struct fixture *fx = *state;
    const char     *command = getenv("PINION_TEST_HTTPD");

    if (!command)
        skip();
    prepare(fx);
    for (size_t i = 0; i < PN_COUNT(rows); i++) {
        const char *path = fixture_write(fx, "httpd.conf", rows[i].text);
        char       *output = apr_pcalloc(fx->pool, 8192);
        FILE       *pipe =
            popen(apr_psprintf(fx->pool, "%s -d %s -f %s 2>&1", command, fx->dir, path), "r");

        assert_non_null(pipe);
        assert_true(fread(output, 1, 8191, pipe) > 0);
        pclose(pipe);
        if (line_of(output) != rows[i].httpd)
            print_error("%s\nexpected line %d, httpd says: %s\n", rows[i].text, rows[i].httpd,
                        output);
        assert_int_equal(line_of(output), rows[i].httpd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(pinion_reads_what_httpd_reads),
        FIXTURE_TEST(httpd_reads_the_same_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
