/* Gates: a closed gate must mean that the regular expression does not match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rewrite_fixture.h"

static bool gates_open(pn_str pattern, bool no_case, pn_str subject)
{
    struct rewrite_gates gates = pn__rewrite_gates_of(pattern, no_case, false);
    struct rewrite_ends  ends = pn__rewrite_ends_of(subject);

    return pn__rewrite_is_open(&gates.head, ends.head) && pn__rewrite_is_open(&gates.tail, ends.tail) &&
           pn__rewrite_has_pairs(&gates.pairs, ends.pairs);
}

static const struct { const char *pattern; bool no_case; const char *subject; bool open; } cases[] = {
    { "^/blog/(.*)$", false, "/blog/x", true },
    { "^/blog/(.*)$", false, "/blot/x", false },
    { "^/blog/(.*)$", false, "/BLOG/x", false },
    { "^/blog/(.*)$", true, "/BLOG/x", true },
    { "^/Blog/(.*)$", true, "/bLOG/x", true },
    { "^/a-very-long-name/x", false, "/a-very-long-x", false }, /* eight bytes are looked at, and pairs of all */
    { "^index\\.php$", false, "index.php", true },
    { "^index\\.php$", false, "index-php", false },
    { "\\.(php|cgi)$", false, "a.php", true },                  /* a group ends the literal */
    { "\\.php$", false, "a.php", true },
    { "\\.php$", false, "a.phpx", false },
    { "\\.php$", true, "a.PHP", true },
    { "x?\\.php$", false, ".php", true },
    { "ab?c$", false, "ac", true },                             /* a quantifier takes its byte along */
    { "^ab*c", false, "ac", true },
    { "^ab{2}c", false, "abbc", true },
    { "^/a|^/b", false, "/b", true },                           /* alternatives say nothing */
    { "^(/a|/b)c$", false, "/bc", true },
    { "^(/a|/b)c$", false, "/bd", false },
    { "(?i)^/a$", false, "/A", true },                          /* options inside the pattern say nothing */
    { "^a[]x]b$", false, "a]b", true },
    { "^[[:alpha:]]b$", false, "ab", true },
    { "^a\\db$", false, "a1b", true },
    { "^\\x41b$", false, "Ab", true },
    { "^$", false, "", true },
    { "^a$", false, "", false },
    { "a$b", false, "x", true },
    { "", false, "anything", true },
    { "^caf\xc3\xa9$", false, "caf\xc3\xa9", true },
    { "wp-login|xmlrpc", false, "/index.html", false },         /* alternatives anywhere in the subject */
    { "wp-login|xmlrpc", false, "/a/xmlrpc.php", true },
    { "(wp-login|xmlrpc)\\.php", false, "/WP-LOGIN.PHP", true }, /* case is not looked at */
    { "\\.(bak|old|sql|swp)$", false, "/page.html", false },
    { "\\.(bak|old|sql|swp|dist|orig)$", false, "/page.html", true }, /* too many to be told apart */
    { "a(b|c)*", false, "xay", true },                          /* nothing but one byte is demanded */
    { "union.*select|", false, "x", true },
    { "(?:ab|cd)", false, "x", true },
};

static void gates(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_COUNT(cases); i++)
        if (gates_open(pn_str_z(cases[i].pattern), cases[i].no_case, pn_str_z(cases[i].subject)) != cases[i].open)
            fail_msg("%s on \"%s\": the gate should be %s", cases[i].pattern, cases[i].subject, cases[i].open ? "open" : "closed");
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return *seed >> 16;
}

/* Patterns and subjects made of the same few pieces: whenever the regex matches, the gate is open. */
static void never_loses_a_match(void **state)
{
    static const char *const pieces[] = { "^", "$", "a", "b", "B", "/", "\\.", ".", "[ab]", "(a|b)", "(b)", "*", "?", "+", "{1,2}", "\\w", "ab", "|", "(ab|B/)" };
    static const char *const texts[] = { "a", "b", "A", "/", ".", "ab", "B" };
    apr_pool_t              *pool;
    unsigned                 seed = 7, matches = 0;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct pn_regex *regex;
        struct pn_buf    pattern, text;
        const char      *error;
        apr_pool_create(&pool, NULL);
        pn_buf_init(&pattern, pool, 256);
        pn_buf_init(&text, pool, 256);
        for (unsigned n = next_random(&seed) % 7; n; n--)
            pn_buf_str(&pattern, pn_str_z(pieces[next_random(&seed) % PN_COUNT(pieces)]));
        for (unsigned n = next_random(&seed) % 12; n; n--)
            pn_buf_str(&text, pn_str_z(texts[next_random(&seed) % PN_COUNT(texts)]));
        bool no_case = next_random(&seed) % 2;
        pn_str source = pn_buf_view(&pattern), subject = pn_buf_view(&text);
        if (pn_regex_compile(pool, source, PN_REGEX_DOTALL | (no_case ? PN_REGEX_ICASE : 0U), &regex, &error) == PN_OK &&
            pn_regex_match(regex, subject, NULL) == PN_OK) {
            matches++;
            if (!gates_open(source, no_case, subject))
                fail_msg("%.*s matches \"%.*s\" behind a closed gate", PN_FMT(source), PN_FMT(subject));
        }
        apr_pool_destroy(pool);
    }
    assert_true(matches > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(gates), cmocka_unit_test(never_loses_a_match) };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
