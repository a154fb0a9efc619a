/* fuzz_digest.c - any bytes as the value of an Authorization: Digest field. Members lie in the input or are shorter than it,
 * and what is quoted anew comes out as it was. */
#include <apr_general.h>

#include "modules/aaa/digest_field.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize() == APR_SUCCESS ? 0 : 1;
}

/* Every byte behind a backslash: the longest way to write it. */
static pn_str quote(apr_pool_t *pool, pn_str text)
{
    char  *to = apr_palloc(pool, 2 * text.n + 2);
    size_t n = 0;

    to[n++] = '"';
    for (size_t i = 0; i < text.n; i++) {
        to[n++] = '\\';
        to[n++] = text.p[i];
    }
    to[n++] = '"';
    return pn_str_n(to, n);
}

static void check_member(apr_pool_t *pool, pn_str member, size_t size)
{
    uint32_t count;

    if (!member.p)
        return;
    pn_assert(member.n <= size);
    pn_assert(pn_str_eq(digest_field_unquote(pool, quote(pool, member)), member));
    if (digest_field_count(member, &count))
        pn_assert(member.n == 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest_field field = { 0 };
    const pn_str       *members[] = { &field.user,      &field.realm,  &field.nonce,      &field.uri, &field.response,
                                      &field.algorithm, &field.cnonce, &field.count_text, &field.qop };
    apr_pool_t         *pool;

    apr_pool_create(&pool, NULL);
    if (digest_field_parse(pool, pn_str_n((const char *)data, size), &field)) {
        for (size_t i = 0; i < PN_COUNT(members); i++)
            check_member(pool, *members[i], size);
        pn_assert(!digest_field_is_complete(&field) || (field.user.p && field.response.p));
    }
    apr_pool_destroy(pool);
    return 0;
}
