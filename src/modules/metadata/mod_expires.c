/* mod_expires - how long an answer stays fresh: Expires and Cache-Control: max-age.
 * Runs: response_head, before mod_headers.   Yields: never.   Config: struct expires_conf.   Spec: Apache manual, mod_expires;
 * RFC 9111 s5.2.2.1, s5.3. */
#define PN_LOG_MODULE &pn_module_expires
#include <pinion/log.h>
#include <pinion/request.h>

enum base_time { BASE_NONE, BASE_ACCESS, BASE_MODIFICATION };

struct expiry { enum base_time base; int64_t seconds; };

struct expires_conf {
    bool          active;     /* ExpiresActive */
    struct expiry usual;      /* ExpiresDefault */
    apr_hash_t   *by_type;    /* lower-case media type, or "major" for major/ *, to struct expiry *; may be NULL */
};

struct pn_module pn_module_expires;

/* ---- directives ---- */

static const struct { const char *name; int64_t seconds; } units[] = {
    { "year", INT64_C(365) * 86400 }, { "month", INT64_C(30) * 86400 }, { "week", INT64_C(7) * 86400 }, { "day", 86400 },
    { "hour", 3600 },                 { "minute", 60 },                 { "second", 1 },
};

/* "day" and "days". */
static int64_t unit_seconds(pn_str word)
{
    for (size_t i = 0; i < PN_COUNT(units); i++) {
        pn_str name = pn_str_z(units[i].name);
        if (pn_str_istarts(word, name) && (word.n == name.n || pn_str_ieq(pn_str_from(word, name.n), PN_STR("s"))))
            return units[i].seconds;
    }
    return 0;
}

#define NUMBER_MAX (INT64_C(10000) * 366 * 86400)

static const char *wrong_code(struct pn_conf_cmd *cmd, pn_str code, const char *what, pn_str word)
{
    return pn_conf_error_text(cmd, "'%s %.*s': bad expires code, %s '%.*s'", cmd->row->name, PN_FMT(code), what, PN_FMT(word));
}

/* "A3600", "M86400". */
static const char *short_code(struct pn_conf_cmd *cmd, pn_str code, struct expiry *ret)
{
    char   letter = code.p[0];
    pn_str number = pn_str_from(code, 1);
    size_t digits = number.n && (number.p[0] == '-' || number.p[0] == '+');

    while (digits < number.n && number.p[digits] >= '0' && number.p[digits] <= '9')
        digits++;
    ret->base = letter == 'A' || letter == 'a' ? BASE_ACCESS : BASE_MODIFICATION;
    ret->seconds = 0;
    if (digits < number.n)
        pn_conf_warn(cmd, "%s '%.*s': what follows the number is ignored", cmd->row->name, PN_FMT(code));
    if (digits && pn_str_to_i64(pn_str_head(number, digits), -NUMBER_MAX, NUMBER_MAX, &ret->seconds) != PN_OK)
        return wrong_code(cmd, code, "number out of range", number);
    return NULL;
}

static const char *parse_code(struct pn_conf_cmd *cmd, pn_str code, struct expiry *ret)
{
    pn_str rest = code, word;

    if (code.n && strchr("AaMm", code.p[0]) && (code.n == 1 || strchr("+-0123456789", code.p[1])))
        return short_code(cmd, code, ret);
    word = pn_str_word(&rest);
    if (pn_str_ieq(word, PN_STR("now")) || pn_str_ieq(word, PN_STR("access")))
        ret->base = BASE_ACCESS;
    else if (pn_str_ieq(word, PN_STR("modification")))
        ret->base = BASE_MODIFICATION;
    else
        return wrong_code(cmd, code, "unrecognised <base>", word);
    ret->seconds = 0;
    word = pn_str_word(&rest);
    if (pn_str_ieq(word, PN_STR("plus")))
        word = pn_str_word(&rest);
    for (; word.n; word = pn_str_word(&rest)) {
        int64_t number, factor;
        if (pn_str_to_i64(word, -NUMBER_MAX, NUMBER_MAX, &number) != PN_OK)
            return wrong_code(cmd, code, "numeric value expected <num>", word);
        word = pn_str_word(&rest);
        if (!word.n)
            return wrong_code(cmd, code, "missing <type>", word);
        if (!(factor = unit_seconds(word)))
            return wrong_code(cmd, code, "unrecognised <type>", word);
        if (__builtin_mul_overflow(number, factor, &number) || __builtin_add_overflow(ret->seconds, number, &ret->seconds) ||
            ret->seconds > NUMBER_MAX || ret->seconds < -NUMBER_MAX)
            return wrong_code(cmd, code, "number out of range", code);
    }
    return NULL;
}

static const char *set_default(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct expires_conf *conf = settings;

    (void)argc;
    return parse_code(cmd, argv[0], &conf->usual);
}

static const char *set_by_type(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct expires_conf *conf = settings;
    pn_str               type = pn_str_lower(cmd->pool, argv[0]);
    struct expiry       *expiry = apr_pcalloc(cmd->pool, sizeof(*expiry));
    const char          *error = parse_code(cmd, argv[1], expiry);

    (void)argc;
    if (error)
        return error;
    if (pn_str_chr(type, '/', 0) == SIZE_MAX)
        return "Invalid mimetype: should contain a slash";
    if (pn_str_ends(type, PN_STR("/*")))
        type.n -= 2;
    if (!conf->by_type)
        conf->by_type = apr_hash_make(cmd->pool);
    apr_hash_set(conf->by_type, type.p, (apr_ssize_t)type.n, expiry);
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "ExpiresActive", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct expires_conf, active), .dflt = "Off", .help = "Whether Expires and max-age are sent" },
    { .name = "ExpiresDefault", .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES, .set = set_default,
      .help = "when an answer expires: \"access plus 1 month\", A2592000, M604800" },
    { .name = "ExpiresByType", .args = PN_TAKE2, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES, .set = set_by_type,
      .help = "a media type or type/*, and when such an answer expires" },
    { 0 }
};

static void dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct expires_conf *outer = base, *inner = add;
    struct expires_conf       *merged = out;

    if (inner->usual.base)
        merged->usual = inner->usual;
    merged->by_type = outer->by_type && inner->by_type ? apr_hash_overlay(pool, inner->by_type, outer->by_type)
                      : inner->by_type ? inner->by_type : outer->by_type;
}

/* ---- the answer ---- */

#define TYPE_MAX 128

static const struct expiry *expiry_for(const struct expires_conf *conf, pn_str content_type)
{
    char                 lower[TYPE_MAX];
    pn_str               rest, type = pn_str_trim(pn_str_cut(content_type, ';', &rest));
    const struct expiry *found = NULL;

    if (conf->by_type && type.n && type.n <= sizeof(lower)) {
        for (size_t i = 0; i < type.n; i++)
            lower[i] = type.p[i] >= 'A' && type.p[i] <= 'Z' ? (char)(type.p[i] | 0x20) : type.p[i];
        size_t slash = pn_str_chr(type, '/', 0);
        found = apr_hash_get(conf->by_type, lower, (apr_ssize_t)type.n);
        if (!found && slash != SIZE_MAX)
            found = apr_hash_get(conf->by_type, lower, (apr_ssize_t)slash);
    }
    return found ? found : conf->usual.base ? &conf->usual : NULL;
}

static void set_expiry(struct pn_request *r, const struct expiry *expiry)
{
    pn_wall base = expiry->base == BASE_ACCESS ? r->time : r->finfo.mtime;
    int64_t max_age = (base / PN_USEC_PER_SEC + expiry->seconds) - r->time / PN_USEC_PER_SEC;
    char   *date = apr_palloc(r->pool, APR_RFC822_DATE_LEN);

    if (expiry->base == BASE_MODIFICATION && r->finfo.type == PN_FILE_NONE)
        return; /* it has no time of change */
    if (max_age < 0)
        max_age = 0;
    pn_headers_merge(&r->out, PN_HDR_CACHE_CONTROL, pn_str_printf(r->pool, "max-age=%lld", (long long)max_age));
    apr_rfc822_date(date, r->time + max_age * PN_USEC_PER_SEC);
    pn_headers_set(&r->out, PN_HDR_EXPIRES, pn_str_n(date, APR_RFC822_DATE_LEN - 1));
}

static enum pn_verdict expires_response(struct pn_request *r)
{
    const struct expires_conf *conf = pn_dir_conf(r, &pn_module_expires);

    if (!conf->active || r->status >= 400 || pn_headers_has(&r->out, PN_HDR_EXPIRES) || pn_headers_has(&r->err_out, PN_HDR_EXPIRES))
        return PN_NEXT;
    const struct expiry *expiry = expiry_for(conf, r->content_type);
    if (expiry)
        set_expiry(r, expiry);
    return PN_NEXT;
}

static bool is_active(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct expires_conf *conf = dir_conf;

    (void)server, (void)server_conf;
    return !conf || conf->active;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_response_head(h, expires_response, { .when = is_active });
}

struct pn_module pn_module_expires = {
    .api = PN_MODULE_API,
    .name = "mod_expires.c",
    .apache_id = "expires_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct expires_conf),
    .dir_conf_merge = dir_merge,
    .hooks = hooks,
};
