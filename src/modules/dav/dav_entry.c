/* dav_entry.c - see dav_entry.h; RFC 4918 s15 has the properties. */
#include "dav_entry.h"

#include <apr_time.h>

typedef bool live_fn(struct pn_buf *out, const struct dav_view *view);

int dav_entry_read_props(apr_pool_t *pool, struct dav_entry *entry)
{
    struct dav_props *props;
    int               error = dav_props_open(pool, entry->file, entry->collection, false, &props);

    if (error || !props)
        return error;
    entry->props = dav_props_all(props);
    entry->spaces = dav_props_spaces(props);
    return dav_props_close(props);
}

/* ---- what the server knows by itself: each appends a value, or returns false when there is none ---- */

static bool put_resource_type(struct pn_buf *out, const struct dav_view *view)
{
    if (view->entry->collection)
        pn_buf_lit(out, "<D:collection/>");
    return true;
}

static bool put_creation_date(struct pn_buf *out, const struct dav_view *view)
{
    apr_time_exp_t t;

    if (!view->entry->exists || apr_time_exp_gmt(&t, apr_time_from_sec(view->entry->created_s)) != APR_SUCCESS)
        return false;
    pn_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    return true;
}

static bool put_content_length(struct pn_buf *out, const struct dav_view *view)
{
    if (!view->entry->exists || view->entry->collection)
        return false;
    pn_buf_u64(out, view->entry->info.size);
    return true;
}

static bool put_last_modified(struct pn_buf *out, const struct dav_view *view)
{
    char date[APR_RFC822_DATE_LEN];

    if (!view->entry->exists || apr_rfc822_date(date, view->entry->info.mtime) != APR_SUCCESS)
        return false;
    pn_buf_str(out, pn_str_z(date));
    return true;
}

static bool put_etag(struct pn_buf *out, const struct dav_view *view)
{
    pn_str tag = view->entry->exists ? pn_file_etag(view->r, &view->entry->info) : PN_STR("");

    dav_xml_text(out, tag, false);
    return tag.n != 0;
}

static bool put_executable(struct pn_buf *out, const struct dav_view *view)
{
    if (!view->entry->exists || view->entry->collection)
        return false;
    pn_buf_ch(out, view->entry->info.mode & S_IXUSR ? 'T' : 'F');
    return true;
}

static bool put_supported_lock(struct pn_buf *out, const struct dav_view *view)
{
    if (view->can_lock)
        pn_buf_lit(out, "\n<D:lockentry>\n<D:lockscope><D:exclusive/></D:lockscope>\n<D:locktype><D:write/></D:locktype>\n</D:lockentry>\n"
                        "<D:lockentry>\n<D:lockscope><D:shared/></D:lockscope>\n<D:locktype><D:write/></D:locktype>\n</D:lockentry>\n");
    return true;
}

struct discovering {
    struct pn_buf         *out;
    const struct dav_view *view;
};

static bool discover(const struct dav_lock *lock, void *arg)
{
    struct discovering *d = arg;

    dav_lock_write(d->view->r, d->out, lock, d->view->now_s);
    return false;
}

static bool put_lock_discovery(struct pn_buf *out, const struct dav_view *view)
{
    struct discovering d = { out, view };

    if (view->discovery)
        dav_locks_each(view->locks, view->entry->file, discover, &d);
    return true;
}

static bool put_content_type(struct pn_buf *out, const struct dav_view *view)
{
    if (!view->entry->exists)
        return false;
    if (view->entry->collection)
        pn_buf_lit(out, "httpd/unix-directory");
    else
        dav_xml_text(out, view->r->content_type, false);
    return view->entry->collection || view->r->content_type.n;
}

static bool put_content_language(struct pn_buf *out, const struct dav_view *view)
{
    const apr_array_header_t *languages = view->r->languages;

    if (!view->entry->exists || view->entry->collection || !languages || languages->nelts == 0)
        return false;
    for (int i = 0; i < languages->nelts; i++) {
        pn_buf_str(out, i ? PN_STR(", ") : PN_STR(""));
        dav_xml_text(out, APR_ARRAY_IDX(languages, i, pn_str), false);
    }
    return true;
}

static const struct live {
    pn_str   name;
    live_fn *put;
    bool     apache;   /* in DAV_APACHE_NS */
    bool     writable;
} lives[] = {
    { PN_STR_INIT("resourcetype"), put_resource_type, false, false },
    { PN_STR_INIT("creationdate"), put_creation_date, false, false },
    { PN_STR_INIT("getcontentlength"), put_content_length, false, false },
    { PN_STR_INIT("getlastmodified"), put_last_modified, false, false },
    { PN_STR_INIT("getetag"), put_etag, false, false },
    { PN_STR_INIT("executable"), put_executable, true, true },
    { PN_STR_INIT("supportedlock"), put_supported_lock, false, false },
    { PN_STR_INIT("lockdiscovery"), put_lock_discovery, false, false },
    { PN_STR_INIT("getcontenttype"), put_content_type, false, false },
    { PN_STR_INIT("getcontentlanguage"), put_content_language, false, false },
};

static const struct live *find_live(pn_str ns, pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(lives); i++)
        if (pn_str_eq(name, lives[i].name) && pn_str_eq(ns, lives[i].apache ? PN_STR(DAV_APACHE_NS) : PN_STR(DAV_NS)))
            return &lives[i];
    return NULL;
}

bool dav_is_live(pn_str ns, pn_str name, bool *ret_writable)
{
    const struct live *live = find_live(ns, name);

    if (live && ret_writable)
        *ret_writable = live->writable;
    return live != NULL;
}

/* ---- elements ---- */

/* @return false, and nothing is appended: the entry has no such property. */
static bool put_live(struct pn_buf *out, const struct dav_view *view, const struct live *live, bool name_only)
{
    size_t before = out->n, value;

    pn_buf_printf(out, "<%s:%s>", live->apache ? "A" : "D", live->name.p);
    value = out->n;
    if (!live->put(out, view)) {
        out->n = before;
        return false;
    }
    if (name_only || out->n == value) {
        out->n = value - 1;
        pn_buf_lit(out, "/>\n");
        return true;
    }
    pn_buf_printf(out, "</%s:%s>\n", live->apache ? "A" : "D", live->name.p);
    return true;
}

static void put_dead_name(struct pn_buf *out, const struct dav_entry *entry, const struct dav_prop *prop)
{
    int space = prop->ns.n ? dav_ns_find(entry->spaces, prop->ns) : -1;

    if (space >= 0)
        pn_buf_printf(out, "ns%d:", space);
    pn_buf_str(out, prop->name);
}

static void put_dead(struct pn_buf *out, const struct dav_entry *entry, const struct dav_prop *prop, bool name_only)
{
    pn_buf_ch(out, '<');
    put_dead_name(out, entry, prop);
    if (name_only || (prop->value.n == 0 && prop->lang.n == 0)) {
        pn_buf_lit(out, "/>\n");
        return;
    }
    if (prop->lang.n) {
        pn_buf_lit(out, " xml:lang=\"");
        dav_xml_text(out, prop->lang, true);
        pn_buf_ch(out, '"');
    }
    pn_buf_ch(out, '>');
    pn_buf_str(out, prop->value);
    pn_buf_lit(out, "</");
    put_dead_name(out, entry, prop);
    pn_buf_lit(out, ">\n");
}

static const struct dav_prop *find_dead(const struct dav_entry *entry, const struct dav_name *name)
{
    for (int i = 0; entry->props && i < entry->props->nelts; i++) {
        const struct dav_prop *prop = &APR_ARRAY_IDX(entry->props, i, struct dav_prop);
        if (pn_str_eq(prop->name, name->name) && pn_str_eq(prop->ns, name->ns))
            return prop;
    }
    return NULL;
}

static bool put_named(struct pn_buf *out, const struct dav_view *view, const struct dav_name *name)
{
    const struct dav_prop *prop = find_dead(view->entry, name);
    const struct live     *live = find_live(name->ns, name->name);

    if (prop && !live) {
        put_dead(out, view->entry, prop, false);
        return true;
    }
    return live && put_live(out, view, live, false);
}

static void put_all(struct pn_buf *out, const struct dav_view *view, bool name_only)
{
    const apr_array_header_t *props = view->entry->props;

    for (int i = 0; props && i < props->nelts; i++) {
        const struct dav_prop *prop = &APR_ARRAY_IDX(props, i, struct dav_prop);
        if (!find_live(prop->ns, prop->name))
            put_dead(out, view->entry, prop, name_only);
    }
    for (size_t i = 0; i < PN_COUNT(lives); i++)
        put_live(out, view, &lives[i], name_only);
}

#define STATUS_OF_PROPSTAT(line) "</D:prop>\n<D:status>HTTP/1.1 " line "</D:status>\n</D:propstat>\n"

/* Those that are there, and then those that are not. */
static void put_some(struct pn_buf *out, const struct dav_view *view, const apr_array_header_t *names)
{
    apr_array_header_t *missing = apr_array_make(view->pool, 4, sizeof(const struct dav_name *));
    size_t              before = out->n, first;

    pn_buf_lit(out, "<D:propstat>\n<D:prop>\n");
    first = out->n;
    for (int i = 0; i < names->nelts; i++) {
        const struct dav_name *name = &APR_ARRAY_IDX(names, i, struct dav_name);
        if (!put_named(out, view, name))
            APR_ARRAY_PUSH(missing, const struct dav_name *) = name;
    }
    if (out->n == first && missing->nelts)
        out->n = before;
    else
        pn_buf_lit(out, STATUS_OF_PROPSTAT("200 OK"));
    if (missing->nelts == 0)
        return;
    pn_buf_lit(out, "<D:propstat>\n<D:prop>\n");
    for (int i = 0; i < missing->nelts; i++) {
        const struct dav_name *name = APR_ARRAY_IDX(missing, i, const struct dav_name *);
        dav_xml_empty(out, name->ns, name->name);
        pn_buf_ch(out, '\n');
    }
    pn_buf_lit(out, STATUS_OF_PROPSTAT("404 Not Found"));
}

void dav_entry_write(struct pn_buf *out, const struct dav_view *view, pn_str href, const struct dav_wanted *wanted)
{
    pn_buf_lit(out, "<D:response xmlns:A=\"" DAV_APACHE_NS "\"");
    if (view->entry->spaces)
        dav_ns_declare(out, view->entry->spaces);
    pn_buf_lit(out, ">\n<D:href>");
    dav_xml_text(out, href, false);
    pn_buf_lit(out, "</D:href>\n");
    if (wanted->kind == DAV_WANT_SOME)
        put_some(out, view, wanted->names);
    else {
        pn_buf_lit(out, "<D:propstat>\n<D:prop>\n");
        put_all(out, view, wanted->kind == DAV_WANT_NAMES);
        pn_buf_lit(out, STATUS_OF_PROPSTAT("200 OK"));
    }
    pn_buf_lit(out, "</D:response>\n");
}
