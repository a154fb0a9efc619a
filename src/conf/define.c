/* define.c - Define, UnDefine and ${VAR}.
 *
 * Two tables, because httpd compares in two ways: whether a name is defined (<IfDefine>) depends
 * on its letters' case (reader->defines), the value of ${VAR} does not (reading->vars). A name
 * may be defined and have no value. */
#include <stdlib.h>

#include "base/ascii.h"
#include <pinion/buf.h>

#include "conf/reading.h"

static void set_var(struct pn_conf_reading *reading, pn_str name, pn_str value)
{
    apr_pool_t *pool = reading->reader->pool;
    pn_str      key = pn_str_lower(pool, name);
    pn_str     *slot = apr_palloc(pool, sizeof(*slot));

    *slot = value;
    apr_hash_set(reading->vars, key.p, (apr_ssize_t)key.n, slot);
}

void pn__conf_vars_init(struct pn_conf_reading *reading)
{
    struct pn_conf_reader *reader = reading->reader;

    if (!reader->defines_pool)
        reader->defines_pool = reader->pool;
    if (!reader->defines)
        reader->defines = apr_hash_make(reader->defines_pool);
    reading->vars = apr_hash_make(reader->pool);
    for (apr_hash_index_t *i = apr_hash_first(reader->pool, reader->defines); i;
         i = apr_hash_next(i)) {
        const char *value = apr_hash_this_val(i);

        if (*value)
            set_var(reading, pn_str_z(apr_hash_this_key(i)), pn_str_z(value));
    }
}

bool pn__conf_is_defined(const struct pn_conf_reading *reading, pn_str name)
{
    return apr_hash_get(reading->reader->defines, name.p, (apr_ssize_t)name.n) != NULL;
}

static pn_rc check_name(struct pn_conf_reading *reading, const struct pn__conf_source *source,
                        pn_str name)
{
    if (pn_str_chr(name, ':', 0) == SIZE_MAX)
        return PN_OK;
    return pn__conf_fail(reading, &source->at, NULL, "The variable name '%s' must not contain ':'.",
                         name.p);
}

pn_rc pn__conf_define(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str args)
{
    struct pn_conf_reader *reader = reading->reader;
    pn_str                 name = pn_conf_word(reader->pool, &args);
    pn_str                 value = pn_conf_word(reader->pool, &args);
    pn_rc                  rc;

    if (name.n == 0 || args.n > 0)
        return pn__conf_fail(reading, &source->at, "Put a value that holds spaces in quotes.",
                             "Define takes a name and perhaps a value.");
    rc = check_name(reading, source, name);
    if (rc != PN_OK)
        return rc;
    /* COMPAT: 2.4 Define NAME without a value leaves an earlier value as it is. */
    if (value.n > 0)
        set_var(reading, name, value);
    if (value.n > 0 || !pn__conf_is_defined(reading, name))
        apr_hash_set(reader->defines, pn_str_zdup(reader->defines_pool, name), (apr_ssize_t)name.n,
                     pn_str_zdup(reader->defines_pool, value));
    return PN_OK;
}

pn_rc pn__conf_undefine(struct pn_conf_reading *reading, struct pn__conf_source *source,
                        pn_str args)
{
    apr_pool_t *pool = reading->reader->pool;
    pn_str      name = pn_conf_word(pool, &args);
    pn_str      key;
    pn_rc       rc;

    if (name.n == 0 || args.n > 0)
        return pn__conf_fail(reading, &source->at, NULL, "UnDefine takes one name.");
    rc = check_name(reading, source, name);
    if (rc != PN_OK)
        return rc;
    key = pn_str_lower(pool, name);
    apr_hash_set(reading->vars, key.p, (apr_ssize_t)key.n, NULL);
    apr_hash_set(reading->reader->defines, name.p, (apr_ssize_t)name.n, NULL);
    return PN_OK;
}

/* The value of a variable: what Define gave it, else the environment's; p == NULL when neither
 * knows it. */
static pn_str look_up(const struct pn_conf_reading *reading, pn_str name)
{
    apr_pool_t   *pool = reading->reader->pool;
    char          small[64];
    char         *key = name.n < sizeof(small) ? small : apr_palloc(pool, name.n + 1);
    const pn_str *value;

    for (size_t i = 0; i < name.n; i++)
        key[i] = pn_ascii_lower(name.p[i]);
    value = apr_hash_get(reading->vars, key, (apr_ssize_t)name.n);
    if (value)
        return *value;
    if (name.n > 0)
        memcpy(key, name.p, name.n);
    key[name.n] = '\0';
    return pn_str_z(getenv(key));
}

static void warn_undefined(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                           pn_str name)
{
    if (pn_str_chr(name, ':', 0) != SIZE_MAX) /* a RewriteMap's ${map:key} */
        return;
    pn__conf_warn(reading, at, NULL, "Config variable ${%.*s} is not defined.", PN_FMT(name));
}

/* Appends text with each ${VAR} replaced; what a variable's value holds is not looked at again. */
static void expand(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                   struct pn_buf *out)
{
    pn_str text = at->text;

    for (;;) {
        size_t start = pn_str_find(text, PN_STR("${"));
        size_t stop = start == SIZE_MAX ? SIZE_MAX : pn_str_chr(text, '}', start + 2);
        pn_str name, value;

        if (stop == SIZE_MAX)
            break;
        name = pn_str_n(text.p + start + 2, stop - start - 2);
        value = look_up(reading, name);
        pn_buf_add(out, text.p, start);
        if (value.p)
            pn_buf_str(out, value);
        else {
            warn_undefined(reading, at, name);
            pn_buf_add(out, text.p + start, stop + 1 - start);
        }
        text = pn_str_from(text, stop + 1);
    }
    pn_buf_str(out, text);
}

pn_rc pn__conf_expand(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                      pn_str *ret_text)
{
    size_t        max = pn__conf_max_line(reading->reader);
    struct pn_buf out;
    pn_str        text;

    *ret_text = at->text;
    if (pn_str_find(at->text, PN_STR("${")) == SIZE_MAX)
        return PN_OK;
    pn_buf_init(&out, NULL, max);
    expand(reading, at, &out);
    if (pn_buf_done(&out, &text) != PN_OK) {
        pn_buf_release(&out);
        return pn__conf_fail(reading, at, NULL,
                             "The line is longer than %zu bytes with its variables expanded.", max);
    }
    *ret_text = pn_str_dup(reading->reader->pool, pn_str_trim(text));
    pn_buf_release(&out);
    return PN_OK;
}
