/* test_validator.c - src/proto/validator.c: dates, entity tags, conditional requests. */
#include "support.h"

#include "proto/validator.h"

#define NOV_1994 (INT64_C(784111777) * PN_USEC_PER_SEC) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
#define FUTURE "Sun, 06 Nov 2044 08:49:38 GMT"

static void dates_are_written(void **state)
{
    char to[PN_HTTP_DATE_LEN + 1];

    pn_http_date(NOV_1994 + 999999, to);
    check_z(PN_STR("date"), pn_str_z(to), DATE);
    pn_http_date(-1, to);
    check_z(PN_STR("date"), pn_str_z(to), "Thu, 01 Jan 1970 00:00:00 GMT");
    pn_http_date(INT64_MAX, to);
    check_z(PN_STR("date"), pn_str_z(to), "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void dates_are_read_in_three_forms(void **state)
{
    static const struct {
        pn_str  in;
        pn_rc   rc;
        pn_wall when;
    } cases[] = {
        { BYTES(DATE), PN_OK, NOV_1994 },
        { BYTES("Sunday, 06-Nov-94 08:49:37 GMT"), PN_OK, NOV_1994 },
        { BYTES("Sun Nov  6 08:49:37 1994"), PN_OK, NOV_1994 },
        { BYTES(""), PN_BAD, 0 },
        { BYTES("0"), PN_BAD, 0 },
        { BYTES("tomorrow"), PN_BAD, 0 },
        { BYTES("Sun, 06 Nov 1994 25:49:37 GMT"), PN_BAD, 0 },
        { BYTES("Sun, 06 Nox 1994 08:49:37 GMT"), PN_BAD, 0 },
        { BYTES("Sun, 06 Nov 1994\0 08:49:37 GMT"), PN_BAD, 0 },
        { BYTES("Sun, 06 Nov 1994 08:49:37 GMT, and more text than any date would ever have"),
          PN_BAD, 0 },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        char   *copy = tight_copy(cases[i].in);
        pn_wall when = 0;
        check_rc(cases[i].in, pn_http_date_parse(pn_str_n(copy, cases[i].in.n), &when),
                 cases[i].rc);
        check_u64(cases[i].in, (uint64_t)when, (uint64_t)cases[i].when);
        free(copy);
    }
}

/* RFC 9110 s8.8.3.2, its table */
static void tags_are_compared(void **state)
{
    static const struct {
        const char *a, *b;
        bool        strong, weak;
    } cases[] = {
        { "W/\"1\"", "W/\"1\"", false, true }, { "W/\"1\"", "W/\"2\"", false, false },
        { "W/\"1\"", "\"1\"", false, true },   { "\"1\"", "\"1\"", true, true },
        { "\"1\"", "\"2\"", false, false },    { "", "", false, false },
        { "\"\"", "\"\"", true, true },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str a = pn_str_z(cases[i].a), b = pn_str_z(cases[i].b);
        check_u64(a, pn_etag_strong_eq(a, b), cases[i].strong);
        check_u64(a, pn_etag_weak_eq(a, b), cases[i].weak);
    }
}

static void tags_are_found_in_lists(void **state)
{
    static const struct {
        const char *list, *etag;
        bool        strong, weak;
    } cases[] = {
        { "\"a\"", "\"a\"", true, true },
        { "\"x\", \"a\"", "\"a\"", true, true },
        { "\"x\",,W/\"a\" , \"b\"", "\"a\"", false, true },
        { "\"x,\\\", \"a\"", "\"a\"", true, true }, /* a backslash quotes nothing in a tag */
        { "\"x,y\"", "\"x,y\"", true, true },
        { "*", "\"a\"", true, true },
        { " * ", "W/\"a\"", true, true },
        { "*", "", false, false },
        { "", "\"a\"", false, false },
        { "\"a", "\"a\"", false, false },
        { "a", "\"a\"", false, false },
        { "\"A\"", "\"a\"", false, false },
        { "W/", "\"a\"", false, false },
        { "W", "\"a\"", false, false },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        pn_str what = pn_str_z(cases[i].list);
        char  *copy = tight_copy(what);
        pn_str list = { copy, what.n };
        check_u64(what, pn_etag_list_has(list, pn_str_z(cases[i].etag), true), cases[i].strong);
        check_u64(what, pn_etag_list_has(list, pn_str_z(cases[i].etag), false), cases[i].weak);
        free(copy);
    }
}

/* "Name: value|Name: value" */
static void read_fields(struct pn_headers *h, const char *text)
{
    pn_str rest = pn_str_z(text);

    pn_headers_init(h, pool, 4);
    while (rest.n) {
        pn_str line = pn_str_cut(rest, '|', &rest), value;
        pn_str name = pn_str_cut(line, ':', &value);
        pn_headers_add_name(h, name, pn_str_trim(value));
    }
}

static const struct {
    const char *fields, *etag;
    pn_wall     modified;
    int         get, put;
} conditions[] = {
    { "", "\"a\"", NOV_1994, 0, 0 },
    { "If-Match: \"a\"", "\"a\"", NOV_1994, 0, 0 },
    { "If-Match: W/\"a\"", "W/\"a\"", NOV_1994, 412, 412 },
    { "If-Match: \"b\"", "\"a\"", NOV_1994, 412, 412 },
    { "If-Match: \"b\"|If-Match: \"a\"", "\"a\"", NOV_1994, 0, 0 },
    { "If-Match: *", "", NOV_1994, 0, 0 },
    { "If-Match: *", "", 0, 412, 412 },
    { "If-None-Match: *", "", 0, 0, 0 },
    { "If-None-Match: *", "", NOV_1994, 304, 412 },
    { "If-None-Match: W/\"a\"", "\"a\"", NOV_1994, 304, 412 },
    { "If-None-Match: \"b\", \"c\"", "\"a\"", NOV_1994, 0, 0 },
    { "If-None-Match: \"b\"|If-Modified-Since: " DATE, "\"a\"", NOV_1994, 0, 0 },
    { "If-Modified-Since: " DATE, "\"a\"", NOV_1994, 304, 0 },
    { "If-Modified-Since: " DATE, "\"a\"", NOV_1994 + 5, 304, 0 },
    { "If-Modified-Since: " AFTER, "\"a\"", NOV_1994, 304, 0 },
    { "If-Modified-Since: " BEFORE, "\"a\"", NOV_1994, 0, 0 },
    { "If-Modified-Since: " FUTURE, "\"a\"", NOV_1994, 0, 0 },
    { "If-Modified-Since: yesterday", "\"a\"", NOV_1994, 0, 0 },
    { "If-Modified-Since: " DATE, "\"a\"", 0, 0, 0 },
    { "If-Unmodified-Since: " DATE, "\"a\"", NOV_1994, 0, 0 },
    { "If-Unmodified-Since: " BEFORE, "\"a\"", NOV_1994, 412, 412 },
    { "If-Unmodified-Since: never", "\"a\"", NOV_1994, 0, 0 },
    { "If-Unmodified-Since: " BEFORE, "\"a\"", 0, 0, 0 },
    { "If-Match: \"a\"|If-Unmodified-Since: " BEFORE, "\"a\"", NOV_1994, 0, 0 },
    { "If-Match: \"a\"|If-None-Match: \"a\"", "\"a\"", NOV_1994, 304, 412 },
    { "If-Match: \"b\"|If-None-Match: \"a\"", "\"a\"", NOV_1994, 412, 412 },
};

static void conditions_are_checked_in_order(void **state)
{
    for (size_t i = 0; i < PN_COUNT(conditions); i++) {
        struct pn_headers          request;
        const struct pn_validators validators = { .etag = pn_str_z(conditions[i].etag),
                                                  .last_modified = conditions[i].modified,
                                                  .request_time =
                                                      INT64_C(1700000000) * PN_USEC_PER_SEC };
        pn_str                     what = pn_str_z(conditions[i].fields);

        read_fields(&request, conditions[i].fields);
        check_u64(what, (uint64_t)pn_conditions_check(&request, &validators, true),
                  (uint64_t)conditions[i].get);
        check_u64(what, (uint64_t)pn_conditions_check(&request, &validators, false),
                  (uint64_t)conditions[i].put);
    }
}

static void if_range_needs_a_strong_match(void **state)
{
    static const struct {
        const char *fields, *etag;
        pn_wall     age; /* of the modification, microseconds */
        bool        holds;
    } cases[] = {
        { "Range: bytes=0-1", "\"a\"", 0, true },
        { "If-Range: \"a\"", "\"a\"", 0, true },
        { "If-Range: \"b\"", "\"a\"", 0, false },
        { "If-Range: W/\"a\"", "W/\"a\"", 0, false },
        { "If-Range: \"a\"", "W/\"a\"", 0, false },
        { "If-Range: \"a\"", "", 0, false },
        { "If-Range: " DATE, "", PN_USEC_PER_SEC, true },
        { "If-Range: " DATE, "", PN_USEC_PER_SEC - 1, false },
        { "If-Range: " AFTER, "", PN_USEC_PER_SEC * 60, false },
        { "If-Range: " BEFORE, "", PN_USEC_PER_SEC * 60, false },
        { "If-Range: something", "\"a\"", PN_USEC_PER_SEC * 60, false },
        { "If-Range: ", "\"a\"", PN_USEC_PER_SEC * 60, false },
    };

    for (size_t i = 0; i < PN_COUNT(cases); i++) {
        struct pn_headers          request;
        const struct pn_validators validators = { .etag = pn_str_z(cases[i].etag),
                                                  .last_modified = NOV_1994,
                                                  .request_time = NOV_1994 + cases[i].age };
        read_fields(&request, cases[i].fields);
        check_u64(pn_str_z(cases[i].fields), pn_if_range_holds(&request, &validators),
                  cases[i].holds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(dates_are_written),
        POOL_TEST(dates_are_read_in_three_forms),
        POOL_TEST(tags_are_compared),
        POOL_TEST(tags_are_found_in_lists),
        POOL_TEST(conditions_are_checked_in_order),
        POOL_TEST(if_range_needs_a_strong_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
