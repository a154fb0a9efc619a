/* mod_speling - a name that is not there but nearly: the client is sent to the one that was meant, or gets a list.
 * Runs: fixups, last.   Yields: reading the directory.   Config: struct speling_conf.   Spec: Apache manual, mod_speling. */
#define PN_LOG_MODULE &pn_module_speling
#include <pinion/listing.h>
#include <pinion/log.h>
#include <pinion/request.h>
#include <pinion/uri.h>

struct speling_conf {
    bool enabled;    /* CheckSpelling */
    bool case_only;  /* CheckCaseOnly */
    bool base_names; /* CheckBasenameMatch */
};

struct pn_module pn_module_speling;

#define ROW(directive, member, preset, text)                                                       \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_OPTIONS,          \
      .slot = PN_SLOT(struct speling_conf, member), .dflt = preset, .help = text }

static const struct pn_directive directives[] = {
    ROW("CheckSpelling", enabled, "Off", "Whether names that are not there are looked for with a mistake in them"),
    ROW("CheckCaseOnly", case_only, "Off", "Whether only upper and lower case may be mistaken"),
    ROW("CheckBasenameMatch", base_names, "On", "Whether files with other extensions are offered"),
    { 0 }
};

/* ---- how a name may be mistaken, the likeliest first ---- */

enum mistake { MISTAKE_CASE, MISTAKE_SWAPPED, MISTAKE_MISSING, MISTAKE_EXTRA, MISTAKE_OTHER_CHAR, MISTAKE_EXTENSION, MISTAKE_NONE };

static const char *const mistakes[] = { "upper and lower case", "two characters in the other order", "a character is missing",
                                        "a character too many", "another character", "another extension" };

static char low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* One mistake at most lies between what was asked for and what is there. */
static enum mistake compare(pn_str asked, pn_str there)
{
    while (asked.n && there.n && low(asked.p[0]) == low(there.p[0])) {
        asked = pn_str_from(asked, 1);
        there = pn_str_from(there, 1);
    }
    if (asked.n == 0 && there.n == 0)
        return MISTAKE_CASE;
    if (asked.n > 1 && there.n > 1 && asked.p[0] == there.p[1] && asked.p[1] == there.p[0] &&
        pn_str_ieq(pn_str_from(asked, 2), pn_str_from(there, 2)))
        return MISTAKE_SWAPPED;
    if (asked.n && there.n && pn_str_ieq(pn_str_from(asked, 1), pn_str_from(there, 1)))
        return MISTAKE_OTHER_CHAR;
    if (asked.n && pn_str_ieq(pn_str_from(asked, 1), there))
        return MISTAKE_EXTRA;
    return there.n && pn_str_ieq(asked, pn_str_from(there, 1)) ? MISTAKE_MISSING : MISTAKE_NONE;
}

static pn_str base_name(pn_str name)
{
    return pn_str_head(name, pn_str_chr(name, '.', 0));
}

static enum mistake judge(const struct speling_conf *conf, pn_str asked, pn_str there)
{
    enum mistake mistake = compare(asked, there);

    if (mistake != MISTAKE_CASE && conf->case_only)
        mistake = MISTAKE_NONE;
    if (mistake == MISTAKE_NONE && conf->base_names && pn_str_ieq(base_name(asked), base_name(there)))
        mistake = MISTAKE_EXTENSION;
    return mistake;
}

/* ---- candidates ---- */

/** Longest list that is offered. */
#define CANDIDATES_MAX 256

struct search {
    struct pn_request *r;
    pn_str             directory; /* URL path of the directory, with its slash */
    pn_str             asked;
    apr_array_header_t *found[MISTAKE_NONE]; /* of pn_str, by what is wrong */
    unsigned            n;
};

static void add(struct search *search, pn_str name, enum mistake mistake)
{
    if (search->n == CANDIDATES_MAX)
        return;
    if (!search->found[mistake])
        search->found[mistake] = apr_array_make(search->r->pool, 4, sizeof(pn_str));
    *(pn_str *)apr_array_push(search->found[mistake]) = pn_str_dup(search->r->pool, name);
    search->n++;
}

/* @return false: the name is there after all, and something else is wrong with it. */
static bool look_for(struct search *search, const struct speling_conf *conf, const struct pn_listing *listing)
{
    for (unsigned i = 0; i < listing->n; i++) {
        pn_str name = listing->v[i].name;
        if (pn_str_eq(name, search->asked))
            return false;
        enum mistake mistake = judge(conf, search->asked, name);
        if (mistake != MISTAKE_NONE)
            add(search, name, mistake);
    }
    return true;
}

static pn_str url_of(const struct search *search, pn_str name)
{
    struct pn_request *r = search->r;
    pn_str             path = pn_uri_encode_path(r->pool, PN_CAT(r->pool, search->directory, name, r->path_info));

    return r->query.p ? PN_CAT(r->pool, path, PN_STR("?"), r->query) : path;
}

static const char *referer(struct pn_request *r)
{
    pn_str from = pn_headers_get(&r->in, PN_HDR_REFERER);

    return from.p ? pn_str_printf(r->pool, " from %s", pn_str_escape(r->pool, from).p).p : "";
}

static enum pn_verdict send_to(const struct search *search, pn_str name)
{
    struct pn_request *r = search->r;
    pn_str             url = url_of(search, name);

    PN_LOG_R(r, PN_LOG_INFO, 3225, 0, "Fixed spelling: %s to %s%s", pn_str_escape(r->pool, r->path).p,
             pn_str_escape(r->pool, url).p, referer(r));
    return pn_redirect_external(r, 301, url);
}

/* ---- the page of several ---- */

static void add_row(const struct search *search, pn_str name, enum mistake mistake, struct pn_buf *page, struct pn_buf *variants)
{
    apr_pool_t *pool = search->r->pool;
    pn_str      url = url_of(search, name);

    pn_buf_printf(page, "<li><a href=\"%s\">%s</a> (%s)</li>\n", pn_html_escape(pool, url).p,
                  pn_html_escape(pool, PN_CAT(pool, search->directory, name, search->r->path_info)).p, mistakes[mistake]);
    pn_buf_printf(variants, "%s\"%.*s\";\"%s\"", variants->n ? "," : "", PN_FMT(url), mistakes[mistake]);
}

static enum pn_verdict offer(const struct search *search)
{
    struct pn_request *r = search->r;
    struct pn_buf      page, variants;
    pn_str             text;

    pn_buf_init(&page, r->pool, (size_t)1 << 20);
    pn_buf_init(&variants, r->pool, (size_t)1 << 20);
    pn_buf_printf(&page, "<p>There is no <code>%s</code>, but there are names like it:</p>\n<ul>\n", pn_html_escape(r->pool, r->path).p);
    for (int m = 0; m < MISTAKE_NONE; m++)
        for (int i = 0; search->found[m] && i < search->found[m]->nelts; i++)
            add_row(search, APR_ARRAY_IDX(search->found[m], i, pn_str), (enum mistake)m, &page, &variants);
    pn_buf_lit(&page, "</ul>\n");
    if (pn_buf_done(&page, &text) == PN_OK)
        apr_table_setn(pn_notes(r), "variant-list", text.p);
    if (pn_buf_done(&variants, &text) == PN_OK)
        apr_table_setn(pn_env(r), "VARIANTS", text.p);
    PN_LOG_R(r, PN_LOG_INFO, 3227, 0, "Spelling fix: %s: %u candidates%s", pn_str_escape(r->pool, r->path).p, search->n, referer(r));
    return pn_reject_quietly(r, 300);
}

/* The best one, when it is alone in its kind and not just a file of another type. */
static const pn_str *clear_winner(const struct search *search)
{
    for (int m = 0; m < MISTAKE_EXTENSION; m++)
        if (search->found[m])
            return search->found[m]->nelts == 1 ? &APR_ARRAY_IDX(search->found[m], 0, pn_str) : NULL;
    return NULL;
}

/* ---- the hook ---- */

/* The URL must end as the file name does, or a corrected name would not lead to the file. */
static bool split(struct search *search)
{
    struct pn_request *r = search->r;
    size_t             slash = pn_str_rchr(r->filename, '/');
    pn_str             tail = PN_CAT(r->pool, pn_str_from(r->filename, slash + 1), r->path_info);

    search->asked = pn_str_from(r->filename, slash + 1);
    search->directory = pn_str_head(r->path, r->path.n - (tail.n < r->path.n ? tail.n : r->path.n));
    return search->asked.n && pn_str_ends(r->path, tail) && pn_str_ends(search->directory, PN_STR("/"));
}

PN_MAY_YIELD static enum pn_verdict speling_fixup(struct pn_request *r)
{
    const struct speling_conf *conf = pn_dir_conf(r, &pn_module_speling);
    struct search              search = { .r = r };
    const struct pn_listing   *listing;

    if (r->finfo.type != PN_FILE_NONE || r->main || (r->method_id != PN_METHOD_GET && r->method_id != PN_METHOD_HEAD) ||
        r->filename.n == 0 || r->filename.p[0] != '/' || !split(&search))
        return PN_NEXT;
    size_t slash = r->filename.n - search.asked.n;
    if (pn_list_directory(r, slash > 1 ? pn_str_dup(r->pool, pn_str_head(r->filename, slash - 1)) : PN_STR("/"), &listing) != PN_OK)
        return PN_NEXT;
    if (!look_for(&search, conf, listing) || search.n == 0)
        return PN_NEXT;
    const pn_str *winner = clear_winner(&search);
    return winner ? send_to(&search, *winner) : offer(&search);
}

static bool is_enabled(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct speling_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return conf && conf->enabled;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, speling_fixup, { .pos = PN_ORDER_LAST, .when = is_enabled, .by_name = true });
}

struct pn_module pn_module_speling = {
    .api = PN_MODULE_API,
    .name = "mod_speling.c",
    .apache_id = "speling_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct speling_conf),
    .hooks = hooks,
};
