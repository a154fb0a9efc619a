/* version.c - <IfVersion [[!]operator] version>. Spec: Apache manual, mod_version. */
#include <pinion/regex.h>

#include "base/ascii.h"
#include "conf/reading.h"

#define PARTS 3

struct test {
    pn_str op;      /* without "!" */
    pn_str version; /* number or regular expression */
    bool   negated;
};

/* major[.minor[.patch]]; what is missing is 0. */
static pn_rc parse_version(pn_str s, uint64_t part[PARTS])
{
    size_t i = 0;

    if (s.n == 0 || !pn_ascii_digit(s.p[0]))
        return PN_BAD;
    memset(part, 0, PARTS * sizeof(part[0]));
    for (size_t at = 0; at < s.n; at++) {
        if (s.p[at] == '.') {
            if (++i == PARTS)
                return PN_BAD;
        }
        else if (!pn_ascii_digit(s.p[at]))
            return PN_BAD;
        else if (part[i] < UINT32_MAX) /* more digits make no difference: no version is as high */
            part[i] = part[i] * 10 + (uint64_t)(s.p[at] - '0');
    }
    return PN_OK;
}

static pn_rc compare(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                     const struct test *test, bool *ret_holds)
{
    uint64_t ours[PARTS], theirs[PARTS];
    int      order = 0;
    char     op = test->op.p[0];
    bool     or_equal = test->op.n == 2 || op == '=';

    if (parse_version(test->version, theirs) != PN_OK)
        return pn__conf_fail(reading, at,
                             "Write it as major[.minor[.patch]], with a space before it.",
                             "'%s' is not a version.", test->version.p);
    pn_assert(parse_version(PN_STR(PN_CONF_HTTPD_VERSION), ours) == PN_OK);
    for (size_t i = 0; i < PARTS && order == 0; i++)
        order = (ours[i] > theirs[i]) - (ours[i] < theirs[i]);
    *ret_holds = order == 0 ? or_equal : op == (order > 0 ? '>' : '<');
    return PN_OK;
}

static pn_rc match(struct pn_conf_reading *reading, const struct pn__conf_place *at, pn_str pattern,
                   bool *ret_holds)
{
    struct pn_regex *regex;
    const char      *reason;
    pn_rc            rc = pn_regex_compile(reading->reader->pool, pattern, 0, &regex, &reason);

    if (rc != PN_OK)
        return pn__conf_fail(reading, at, NULL, "The regular expression cannot be compiled: %s.",
                             reason);
    rc = pn_regex_match(regex, PN_STR(PN_CONF_HTTPD_VERSION), NULL);
    if (rc == PN_LIMIT)
        return pn__conf_fail(reading, at, NULL, "The regular expression takes too long to match.");
    *ret_holds = rc == PN_OK;
    return PN_OK;
}

static pn_rc decide(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                    const struct test *test, bool *ret_holds)
{
    static const char *const operators[] = { "=", "==", ">", ">=", "<", "<=" };
    pn_str                   version = test->version;
    size_t                   i = 0;

    if (pn_str_eq(test->op, PN_STR("~")))
        return match(reading, at, version, ret_holds);
    while (i < PN_COUNT(operators) && !pn_str_eq(test->op, pn_str_z(operators[i])))
        i++;
    if (i == PN_COUNT(operators))
        return pn__conf_fail(reading, at,
                             "The operators are = == > >= < <= ~, each perhaps after '!'.",
                             "<IfVersion> has no operator '%s'.", test->op.p);
    if (test->op.p[0] != '=' || version.n == 0 || version.p[0] != '/')
        return compare(reading, at, test, ret_holds);
    if (version.n < 2 || version.p[version.n - 1] != '/')
        return pn__conf_fail(reading, at, NULL,
                             "The regular expression '%s' does not end with '/'.", version.p);
    return match(reading, at, pn_str_n(version.p + 1, version.n - 2), ret_holds);
}

pn_rc pn__conf_if_version(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                          pn_str args, bool *ret_holds)
{
    apr_pool_t *pool = reading->reader->pool;
    struct test test = { .op = pn_conf_word(pool, &args), .version = pn_conf_word(pool, &args) };
    pn_rc       rc;

    if (args.n > 0)
        return pn__conf_fail(reading, at, "Put a regular expression that holds spaces in quotes.",
                             "<IfVersion> takes an operator and a version.");
    if (!test.version.p) {
        test.version = pn_str_dup(pool, test.op);
        test.op = PN_STR("=");
    }
    else if (test.op.n > 0 && test.op.p[0] == '!') {
        test.negated = true;
        test.op = pn_str_from(test.op, 1);
    }
    rc = decide(reading, at, &test, ret_holds);
    if (rc == PN_OK)
        *ret_holds = *ret_holds != test.negated;
    return rc;
}
