/* fuzz_uri.c - URI references, paths and authorities. Byte 0: policy; then the text.
 * Holds: a normalised path starts with a slash, has no dot segment and no NUL; what is encoded
 * decodes to itself; the parts of a reference lie within it. */
#include <apr_general.h>

#include <pinion/uri.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MERGE = 4 };

static void check_path(pn_str path, bool merged)
{
    pn_str rest = pn_str_from(path, 1);

    pn_assert(path.n && path.p[0] == '/' && !memchr(path.p, '\0', path.n));
    while (rest.n) {
        bool   last = pn_str_chr(rest, '/', 0) == SIZE_MAX;
        pn_str segment = pn_str_cut(rest, '/', &rest);
        pn_assert(!pn_str_eq(segment, PN_STR(".")) && !pn_str_eq(segment, PN_STR("..")));
        pn_assert(segment.n || last || !merged);
    }
}

static void check_path_functions(apr_pool_t *pool, pn_str in, unsigned policy)
{
    enum pn_slash_policy slashes = (enum pn_slash_policy)(policy % 3);
    bool                 merge = policy & MERGE;
    pn_str               path, again;

    if (pn_uri_normalise(pool, in, slashes, merge, &path) == PN_OK) {
        check_path(path, merge);
        pn_assert(pn_uri_remove_dots(pool, path, &again) == PN_OK && pn_str_eq(again, path));
    }
    if (pn_uri_decode(pool, in, &path) == PN_OK)
        pn_assert(path.n <= in.n && !memchr(path.p, '\0', path.n));
    if (pn_uri_remove_dots(pool, in, &path) == PN_OK)
        pn_assert(path.n && path.n <= in.n);
}

static void check_writers(apr_pool_t *pool, pn_str in)
{
    pn_str back;
    bool   nul = memchr(in.p, '\0', in.n) != NULL;

    pn_assert(pn_uri_decode(pool, pn_uri_encode_path(pool, in), &back) == (nul ? PN_BAD : PN_OK));
    pn_assert(nul || pn_str_eq(back, in));
    pn_assert(pn_uri_decode(pool, pn_uri_encode_component(pool, in), &back) ==
              (nul ? PN_BAD : PN_OK));
    pn_assert(nul || pn_str_eq(back, in));
    pn_str html = pn_html_escape(pool, in);
    pn_assert(pn_str_chr(html, '<', 0) == SIZE_MAX && pn_str_chr(html, '"', 0) == SIZE_MAX);
}

static void check_split(pn_str in)
{
    struct pn_uri uri;
    pn_str        host;
    uint16_t      port;

    if (pn_uri_split(in, &uri) == PN_OK)
        pn_assert(uri.scheme.n + uri.userinfo.n + uri.host.n + uri.port_text.n + uri.path.n +
                      uri.query.n + uri.fragment.n <=
                  in.n);
    if (pn_authority_split(in, &host, &port) == PN_OK)
        pn_assert(host.p == in.p && host.n && host.n <= in.n &&
                  pn_str_find(host, PN_STR("..")) == SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *pool;

    if (size < 1)
        return 0;
    if (!pool) {
        apr_initialize();
        apr_pool_create(&pool, NULL);
    }
    pn_str in = { (const char *)data + 1, size - 1 };
    check_path_functions(pool, in, data[0]);
    check_writers(pool, in);
    check_split(in);
    apr_pool_clear(pool);
    return 0;
}
