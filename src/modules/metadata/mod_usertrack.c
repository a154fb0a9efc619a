/* mod_usertrack - a cookie by which requests of one browser are recognised, for logs.
 * Runs: fixups.   Yields: never.   Config: struct track_conf.   Spec: Apache manual, mod_usertrack; RFC 6265. */
#define PN_LOG_MODULE &pn_module_usertrack
#include <apr_general.h>
#include <pinion/log.h>
#include <pinion/request.h>

enum cookie_style { STYLE_NETSCAPE, STYLE_COOKIE, STYLE_COOKIE2 };

struct track_conf {
    bool    active, secure, http_only;
    pn_str  name, domain, same_site; /* domain, same_site: empty: none */
    int     style;                   /* enum cookie_style */
    bool    style_set, expires_set;
    int64_t expires_s;               /* 0: with the browser's session */
};

struct pn_module pn_module_usertrack;

/* ---- directives ---- */

static bool token_ok(pn_str s)
{
    return pn_header_name_ok(s);
}

static const char *set_name(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct track_conf *conf = settings;

    (void)argc;
    if (!token_ok(argv[0]))
        return pn_conf_error_text(cmd, "'%.*s' can't be the name of a cookie: letters, digits, - and _", PN_FMT(argv[0]));
    conf->name = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

static const char *set_domain(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct track_conf *conf = settings;
    pn_str             domain = argv[0];

    (void)argc;
    if (domain.n == 0)
        return "CookieDomain values may not be null";
    if (domain.p[0] != '.')
        return "CookieDomain values must begin with a dot";
    if (pn_str_chr(domain, '.', 1) == SIZE_MAX)
        return "CookieDomain values must contain at least one embedded dot";
    if (pn_str_chr(domain, ';', 0) != SIZE_MAX || !pn_header_value_ok(domain))
        return "CookieDomain holds a byte that can't stand in a cookie";
    conf->domain = pn_str_dup(cmd->pool, domain);
    return NULL;
}

static const char *set_style(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    static const struct { const char *name; enum cookie_style style; } styles[] = {
        { "Netscape", STYLE_NETSCAPE }, { "Cookie", STYLE_COOKIE }, { "RFC2109", STYLE_COOKIE }, { "Cookie2", STYLE_COOKIE2 },
        { "RFC2965", STYLE_COOKIE2 },
    };
    struct track_conf *conf = settings;

    (void)argc;
    for (size_t i = 0; i < PN_COUNT(styles); i++) {
        if (!pn_str_ieq(argv[0], pn_str_z(styles[i].name)))
            continue;
        conf->style = styles[i].style;
        conf->style_set = true;
        return NULL;
    }
    return pn_conf_error_text(cmd, "Invalid CookieStyle keyword: '%.*s'", PN_FMT(argv[0]));
}

static const char *set_same_site(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    static const pn_str values[] = { PN_STR_INIT("Strict"), PN_STR_INIT("Lax"), PN_STR_INIT("None") };
    struct track_conf  *conf = settings;

    (void)cmd, (void)argc;
    for (size_t i = 0; i < PN_COUNT(values); i++) {
        if (!pn_str_ieq(argv[0], values[i]))
            continue;
        conf->same_site = values[i];
        return NULL;
    }
    return "CookieSameSite accepts 'Strict', 'Lax', or 'None'";
}

static int64_t unit_seconds(pn_str word)
{
    static const struct { const char *name; int64_t seconds; } units[] = {
        { "year", INT64_C(365) * 86400 }, { "month", INT64_C(30) * 86400 }, { "week", INT64_C(7) * 86400 }, { "day", 86400 },
        { "hour", 3600 },                 { "minute", 60 },                 { "second", 1 },
    };

    for (size_t i = 0; i < PN_COUNT(units); i++)
        if (pn_str_istarts(word, pn_str_z(units[i].name)))
            return units[i].seconds;
    return 0;
}

#define EXPIRES_MAX_S (INT64_C(1000) * 365 * 86400)

/* "3600", "2 weeks 3 days", with "plus" before it if one likes. */
static const char *set_expires(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct track_conf *conf = settings;
    pn_str             rest = argv[0], word;
    int64_t            number, total = 0;

    (void)argc;
    conf->expires_set = true;
    if (pn_str_to_i64(rest, 0, EXPIRES_MAX_S, &conf->expires_s) == PN_OK)
        return NULL;
    word = pn_str_word(&rest);
    if (pn_str_ieq(word, PN_STR("plus")))
        word = pn_str_word(&rest);
    for (; word.n; word = pn_str_word(&rest)) {
        if (pn_str_to_i64(word, 0, EXPIRES_MAX_S, &number) != PN_OK)
            return pn_conf_error_text(cmd, "bad expires code, numeric value expected instead of '%.*s'", PN_FMT(word));
        word = pn_str_word(&rest);
        int64_t factor = unit_seconds(word);
        if (!factor)
            return pn_conf_error_text(cmd, "bad expires code, unrecognized type '%.*s'", PN_FMT(word));
        if (__builtin_mul_overflow(number, factor, &number) || __builtin_add_overflow(total, number, &total) || total > EXPIRES_MAX_S)
            return "bad expires code, number out of range";
    }
    conf->expires_s = total;
    return NULL;
}

#define FLAG(directive, member, text)                                                              \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO,        \
      .slot = PN_SLOT(struct track_conf, member), .dflt = "Off", .help = text }
#define ROW(directive, fn, text)                                                                   \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .set = fn, .help = text }

static const struct pn_directive directives[] = {
    FLAG("CookieTracking", active, "Whether browsers get a cookie to be recognised by"),
    FLAG("CookieSecure", secure, "Whether the cookie is for TLS only"),
    FLAG("CookieHTTPOnly", http_only, "Whether the cookie is hidden from scripts"),
    ROW("CookieName", set_name, "the cookie's name"),
    ROW("CookieDomain", set_domain, "the domain the cookie is for, with a dot in front"),
    ROW("CookieStyle", set_style, "Netscape, Cookie (RFC2109) or Cookie2 (RFC2965)"),
    ROW("CookieExpires", set_expires, "how long the cookie lasts: seconds, or \"2 weeks 3 days\""),
    ROW("CookieSameSite", set_same_site, "Strict, Lax or None"),
    { 0 }
};

static void dir_init(apr_pool_t *pool, void *conf)
{
    (void)pool;
    ((struct track_conf *)conf)->name = (pn_str){ NULL, 0 };
}

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct track_conf *inner = add;
    struct track_conf       *merged = out;

    (void)pool, (void)base;
    if (inner->name.p)
        merged->name = inner->name;
    if (inner->domain.p)
        merged->domain = inner->domain;
    if (inner->same_site.p)
        merged->same_site = inner->same_site;
    if (inner->style_set) {
        merged->style = inner->style;
        merged->style_set = true;
    }
    if (inner->expires_set) {
        merged->expires_s = inner->expires_s;
        merged->expires_set = true;
    }
}

/* ---- the cookie ---- */

/* The value of the client's cookie of that name; p == NULL: it has none. */
static pn_str cookie_value(struct pn_request *r, pn_str name)
{
    pn_str rest = pn_headers_joined(&r->in, r->pool, PN_HDR_COOKIE);

    while (rest.n) {
        size_t n = 0;
        while (n < rest.n && rest.p[n] != ';' && rest.p[n] != ',')
            n++;
        pn_str value, key = pn_str_trim(pn_str_cut(pn_str_head(rest, n), '=', &value));
        if (value.n && pn_str_eq(key, name))
            return value;
        rest = pn_str_from(rest, n + 1);
    }
    return (pn_str){ NULL, 0 };
}

static void put_lifetime(struct pn_request *r, const struct track_conf *conf, struct pn_buf *out)
{
    apr_time_exp_t tm;

    if (!conf->expires_s)
        return;
    if (conf->style != STYLE_NETSCAPE) {
        pn_buf_printf(out, "; max-age=%lld", (long long)conf->expires_s);
        return;
    }
    apr_time_exp_gmt(&tm, r->time + conf->expires_s * PN_USEC_PER_SEC);
    pn_buf_printf(out, "; expires=%s, %.2d-%s-%.2d %.2d:%.2d:%.2d GMT", apr_day_snames[tm.tm_wday], tm.tm_mday,
                  apr_month_snames[tm.tm_mon], tm.tm_year % 100, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void send_cookie(struct pn_request *r, const struct track_conf *conf, pn_str name)
{
    struct pn_buf out;
    uint32_t      random = 0;
    pn_str        cookie, value;

    apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    value = pn_str_printf(r->pool, "%08x.%llx", random, (unsigned long long)r->time);
    pn_buf_init(&out, r->pool, 8192);
    pn_buf_printf(&out, "%.*s=%s; path=/", PN_FMT(name), value.p);
    put_lifetime(r, conf, &out);
    if (conf->domain.n)
        pn_buf_printf(&out, "; domain=%.*s", PN_FMT(conf->domain));
    if (conf->same_site.n)
        pn_buf_printf(&out, "; SameSite=%.*s", PN_FMT(conf->same_site));
    if (conf->secure)
        pn_buf_lit(&out, "; Secure");
    if (conf->http_only)
        pn_buf_lit(&out, "; HttpOnly");
    if (pn_buf_done(&out, &cookie) != PN_OK)
        return;
    pn_headers_add_name(&r->err_out, conf->style == STYLE_COOKIE2 ? PN_STR("Set-Cookie2") : PN_STR("Set-Cookie"), cookie);
    apr_table_setn(pn_notes(r), "cookie", value.p);
}

static enum pn_verdict track(struct pn_request *r)
{
    const struct track_conf *conf = pn_dir_conf(r, &pn_module_usertrack);
    pn_str                   name = conf->name.n ? conf->name : PN_STR("Apache");

    if (!conf->active || r->main || pn_note_get(r, "cookie"))
        return PN_NEXT;
    pn_str value = cookie_value(r, name);
    if (value.p)
        apr_table_setn(pn_notes(r), "cookie", pn_str_zdup(r->pool, value));
    else
        send_cookie(r, conf, name);
    return PN_NEXT;
}

static bool is_active(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct track_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->active;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, track, { .pos = PN_ORDER_REALLY_FIRST, .when = is_active });
}

struct pn_module pn_module_usertrack = {
    .api = PN_MODULE_API,
    .name = "mod_usertrack.c",
    .apache_id = "usertrack_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct track_conf),
    .dir_conf_init = dir_init,
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
