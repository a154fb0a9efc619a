/* fuzz_proxy_html.c - pages that are rewritten. Byte 0: settings; byte 1: how the page is cut into chunks; then the page.
 * Holds: it ends, within its bounds; what is looked for in a page's beginning lies in it. */
#include <apr_general.h>

#include "body_stubs.h"
#include "modules/filters/markup_sniff.h"
#include "modules/filters/proxy_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXTENDED = 1, STRIP = 2, STRICT = 4, XML = 8, FIX = 16, UTF8 = 32, INTERPOLATE = 64 };

struct pn_module pn_module_proxy_html;

static void add_map(apr_pool_t *pool, struct proxy_html_conf *conf, const char *from, const char *to, unsigned flags)
{
    struct url_map map = { .from = pn_str_z(from), .to = pn_str_z(to), .flags = flags };
    const char    *error;

    if (flags & MAP_REGEX)
        pn_assert(pn_regex_compile(pool, map.from, 0, &map.regex, &error) == PN_OK);
    *(struct url_map *)apr_array_push(conf->maps) = map;
}

static struct proxy_html_conf settings(apr_pool_t *pool, unsigned bits)
{
    struct proxy_html_conf conf = { .maps = apr_array_make(pool, 4, sizeof(struct url_map)), .links = apr_hash_make(pool),
                                    .events = apr_hash_make(pool), .buffer_bytes = 64 };
    apr_array_header_t    *attributes = apr_array_make(pool, 2, sizeof(pn_str));

    *(pn_str *)apr_array_push(attributes) = PN_STR("href");
    *(pn_str *)apr_array_push(attributes) = PN_STR("src");
    apr_hash_set(conf.links, "a", 1, attributes);
    apr_hash_set(conf.links, "img", 3, attributes);
    apr_hash_set(conf.events, "onclick", 7, "onclick");
    add_map(pool, &conf, "http://in/", "/out/", 0);
    add_map(pool, &conf, "(a*)b?", "[$1]", MAP_REGEX);
    add_map(pool, &conf, "x", "${set|y}", MAP_INTERPOLATE_TO | MAP_NOT_LAST);
    add_map(pool, &conf, "end", "END", MAP_AT_END);
    conf.extended = bits & EXTENDED;
    conf.strip_comments = bits & STRIP;
    conf.rules = bits & STRICT ? DOC_STRICT : DOC_ANY;
    conf.xml_syntax = bits & XML;
    conf.fixups = bits & FIX ? FIX_LOWERCASE | FIX_DOSPATH : 0;
    conf.interpolate = bits & INTERPOLATE;
    return conf;
}

static void sniff(pn_str page)
{
    static const pn_str names[] = { PN_STR_INIT("html"), PN_STR_INIT("a") };
    struct markup_sniff found;

    markup_sniff(page, &found);
    pn_assert(found.cut <= found.cut_end && found.cut_end <= page.n && found.skip <= page.n);
    size_t at = markup_find_element(page, names, 2);
    pn_assert(at == SIZE_MAX || page.p[at] == '<');
    (void)markup_charset_param(page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *parent;
    apr_pool_t        *pool;
    struct stub_source source;
    struct pn_buf      out;

    if (size < 2 || size > 16384)
        return 0;
    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    apr_pool_create(&pool, parent);
    struct pn_request      r = { .pool = pool, .path = PN_STR("/page") };
    struct proxy_html_conf conf = settings(pool, data[0]);
    pn_str                 page = pn_str_n((const char *)data + 2, size - 2);
    sniff(page);
    struct pn_body *below = stub_source_init(&source, &r, page, (size_t)data[1] + 1);
    pn_buf_init(&out, NULL, (size_t)256 << 20);
    pn_rc rc = stub_drain(proxy_html_body(&r, below, &conf, proxy_html_maps(&r, &conf), data[0] & UTF8), (size_t)128 << 20, &out);
    pn_assert(rc == PN_EOF || rc == PN_FAILED);
    pn_buf_release(&out);
    apr_pool_destroy(pool);
    return 0;
}
