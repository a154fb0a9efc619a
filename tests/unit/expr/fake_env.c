/* fake_env.c - see fake_env.h. The values are those that the comparison with a real server used. */
#include "fake_env.h"

#include <stdio.h>

struct pair {
    const char *name;
    const char *value;
};

static const struct pair headers[] = {
    { "Host", "probe.example" }, { "User-Agent", "Probe/1.0 (x)" },   { "X-Foo", "fooval" },
    { "Accept", "text/html" },   { "Referer", "http://r.example/a" }, { NULL, NULL },
};
static const struct pair variables[] = {
    { "HTTP_HOST", "probe.example" },
    { "HTTP_USER_AGENT", "Probe/1.0 (x)" },
    { "HTTP_ACCEPT", "text/html" },
    { "HTTP_REFERER", "http://r.example/a" },
    { "REQUEST_METHOD", "GET" },
    { "REQUEST_URI", "/7/index.txt" },
    { "QUERY_STRING", "" },
    { "SERVER_PROTOCOL", "HTTP/1.1" },
    { "REMOTE_ADDR", "127.0.0.1" },
    { "CONN_REMOTE_ADDR", "127.0.0.1" },
    { "REMOTE_PORT", "40000" },
    { "IS_SUBREQ", "false" },
    { "HTTPS", "off" },
    { "HTTP2", "off" },
    { "IPV6", "off" },
    { "TIME", "20261123144313" },
    { "TIME_WDAY", "1" },
    { "REQUEST_STATUS", "200" },
    { NULL, NULL },
};
static const struct pair environment[] = {
    { "SIF", "sif" }, { "both", "env" }, { "hollow", "" }, { NULL, NULL }
};
static const struct pair notes[] = { { "both", "note" }, { NULL, NULL } };
static const struct pair tls[] = { { "SSL_CIPHER", "TLS_AES_256_GCM_SHA384" },
                                   { "SSL_PROTOCOL", "TLSv1.3" },
                                   { NULL, NULL } };
static const struct pair page[] = { { "foo", "bar" },
                                    { "empty", "" },
                                    { "sp", "a b" },
                                    { "broken", "(" },
                                    { "DOCUMENT_NAME", "index.txt" },
                                    { NULL, NULL } };
static const struct pair files[] = { { "/etc/motd", "hello\n" }, { NULL, NULL } };
static const struct pair sizes[] = { { "/etc/motd", "6" }, { NULL, NULL } };
static const struct pair answers[] = { { "Server", "Pinion" }, { NULL, NULL } };
static const struct pair none[] = { { NULL, NULL } };

static pn_str find(const struct pair *pairs, pn_str name, bool (*same)(pn_str, pn_str))
{
    for (; pairs->name; pairs++)
        if (same(pn_str_z(pairs->name), name))
            return pn_str_z(pairs->value);
    return (pn_str){ 0 };
}

static bool same_bytes(pn_str a, pn_str b)
{
    return pn_str_eq(a, b);
}

static pn_rc fake_var(struct pn_expr_env *env, enum pn_expr_var id, pn_str *ret_value)
{
    struct fake *fake = env->arg;

    *ret_value = find(variables, pn_expr_var_name(id), same_bytes);
    return fake->fail;
}

static pn_rc fake_get(struct pn_expr_env *env, enum pn_expr_get what, pn_str name,
                      pn_str *ret_value)
{
    static const struct pair *const tables[] = {
        [PN_EXPR_GET_REQ] = headers,
        [PN_EXPR_GET_RESP] = answers,
        [PN_EXPR_GET_REQENV] = environment,
        [PN_EXPR_GET_NOTE] = notes,
        [PN_EXPR_GET_SSL] = tls,
        [PN_EXPR_GET_HC] = none,
        [PN_EXPR_GET_INCLUDE] = page,
        [PN_EXPR_GET_FILE] = files,
        [PN_EXPR_GET_FILESIZE] = sizes,
    };
    bool         is_header = what == PN_EXPR_GET_REQ || what == PN_EXPR_GET_RESP;
    struct fake *fake = env->arg;

    fake->gets++;
    *ret_value = find(tables[what], name, is_header ? pn_str_ieq : same_bytes);
    if (what == PN_EXPR_GET_FILE && !ret_value->p)
        return PN_NOT_FOUND;
    if (what == PN_EXPR_GET_FILESIZE && !ret_value->p)
        *ret_value = PN_STR("0");
    return fake->fail;
}

/* /etc is a directory, /etc/motd a file of some bytes, /etc/link a link, /bin/sh a program,
 * /denied a URL and a file that no one may get. */
static pn_rc fake_check(struct pn_expr_env *env, enum pn_expr_check what, pn_str name,
                        bool *ret_true)
{
    struct fake *fake = env->arg;
    bool         dir = pn_str_eq(name, PN_STR("/etc"));
    bool         link = pn_str_eq(name, PN_STR("/etc/link"));
    bool         program = pn_str_eq(name, PN_STR("/bin/sh"));
    bool         file = program || link || pn_str_eq(name, PN_STR("/etc/motd"));

    switch (what) {
    case PN_EXPR_CHECK_DIR:
        *ret_true = dir;
        break;
    case PN_EXPR_CHECK_EXISTS:
    case PN_EXPR_CHECK_NONEMPTY:
        *ret_true = dir || file;
        break;
    case PN_EXPR_CHECK_FILE:
        *ret_true = file;
        break;
    case PN_EXPR_CHECK_SYMLINK:
        *ret_true = link;
        break;
    case PN_EXPR_CHECK_EXEC:
        *ret_true = program;
        break;
    case PN_EXPR_CHECK_SUBFILE:
    case PN_EXPR_CHECK_SUBURI:
        *ret_true = !pn_str_starts(name, PN_STR("/denied"));
        break;
    }
    return fake->fail;
}

static pn_rc fake_list(struct pn_expr_env *env, pn_str func, pn_str arg, const pn_str **ret_v,
                       size_t *ret_n)
{
    static const pn_str values[] = { PN_STR_INIT("one"), PN_STR_INIT("foobar") };
    struct fake        *fake = env->arg;

    assert_true(pn_str_eq(func, PN_STR("peerextlist")));
    if (pn_str_eq(arg, PN_STR("1.2.840"))) {
        *ret_v = values;
        *ret_n = PN_COUNT(values);
    }
    return fake->fail;
}

static void fake_vary(struct pn_expr_env *env, pn_str header)
{
    struct fake *fake = env->arg;
    size_t       used = strlen(fake->vary);

    snprintf(fake->vary + used, sizeof(fake->vary) - used, "%.*s,", PN_FMT(header));
}

static const struct pn_expr_ops ops = {
    .var = fake_var, .get = fake_get, .check = fake_check, .list = fake_list, .vary = fake_vary
};

struct fake *fake_open(void)
{
    apr_pool_t *pool;

    assert_int_equal(apr_pool_create(&pool, NULL), APR_SUCCESS);
    struct fake *fake = apr_pcalloc(pool, sizeof(*fake));
    fake->pool = pool;
    fake->env = (struct pn_expr_env){ .ops = &ops, .arg = fake, .pool = pool };
    return fake;
}

void fake_close(struct fake *fake)
{
    apr_pool_destroy(fake->pool);
}

const struct pn_expr *fake_compile(struct fake *fake, const char *text, enum pn_expr_mode mode,
                                   unsigned flags)
{
    const struct pn_expr *expr = NULL;
    struct pn_expr_error  error = { 0 };

    if (pn_expr_compile(fake->pool, pn_str_z(text), mode, flags, &expr, &error) != PN_OK)
        fail_msg("%s: %s", text, error.text);
    return expr;
}

/* NULL when it compiled. */
static const char *compile(struct fake *fake, const char *text, enum pn_expr_mode mode,
                           unsigned flags, const struct pn_expr **ret_expr)
{
    struct pn_expr_error error = { 0 };
    pn_rc rc = pn_expr_compile(fake->pool, pn_str_z(text), mode, flags, ret_expr, &error);

    if (rc == PN_OK)
        return NULL;
    assert_non_null(error.text);
    assert_true(error.offset <= strlen(text));
    return rc == PN_BAD ? "BAD" : rc == PN_DENIED ? "DENIED" : "DEEP";
}

const char *fake_test(struct fake *fake, const char *text, enum pn_expr_mode mode, unsigned flags)
{
    const struct pn_expr *expr = NULL;
    const char           *failed = compile(fake, text, mode, flags, &expr);
    bool                  value = false;

    if (failed)
        return failed;
    pn_rc rc = pn_expr_test(expr, &fake->env, &value);
    if (rc != PN_OK) {
        assert_false(value);
        return pn_rc_name(rc);
    }
    return value ? "YES" : "NO";
}

const char *fake_string(struct fake *fake, const char *text, unsigned flags)
{
    const struct pn_expr *expr = NULL;
    const char           *failed = compile(fake, text, PN_EXPR_STRING, flags, &expr);
    pn_str                value = { 0 };

    if (failed)
        return failed;
    pn_rc rc = pn_expr_string(expr, &fake->env, &value);
    if (rc != PN_OK)
        return pn_rc_name(rc);
    assert_non_null(value.p);
    return pn_str_zdup(fake->pool, value);
}
