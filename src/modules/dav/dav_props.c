/* dav_props.c - see dav_props.h. */
#include "dav_props.h"

#include <apr_dbm.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dav_tree.h"

#define TYPE "default"
#define META_KEY "METADATA"
#define STATE_OF_DIR ".state_for_dir"
#define STATE_MODE (APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_GREAD | APR_FPROT_WREAD)
#define SPACES_MAX 1000
#define VALUE_MAX ((size_t)16 << 20)

/* What stands before the namespaces in the record METADATA. */
struct meta_head {
    unsigned char major, minor;
    uint16_t      count; /* of namespaces, big-endian */
};

struct dav_props {
    apr_pool_t   *pool;
    apr_dbm_t    *dbm;
    int           guard;
    dav_ns_table *spaces;
    int           written; /* namespaces that the file has */
};

/* ---- names ---- */

static pn_str state_dir(apr_pool_t *pool, pn_str file, bool collection)
{
    pn_str dir = collection ? file : dav_parent(file);

    return PN_CAT(pool, dir.n == 1 ? PN_STR("") : dir, PN_STR("/" DAV_STATE_DIR));
}

static pn_str state_name(apr_pool_t *pool, pn_str file, bool collection)
{
    pn_str name = collection ? PN_STR(STATE_OF_DIR) : pn_str_from(file, pn_str_rchr(file, '/') + 1);

    return PN_CAT(pool, state_dir(pool, file, collection), PN_STR("/"), name);
}

/* The files that a database is made of; the second may be NULL. */
static bool used_names(apr_pool_t *pool, pn_str name, const char *used[2])
{
    used[0] = used[1] = NULL;
    return apr_dbm_get_usednames_ex(pool, TYPE, name.p, &used[0], &used[1]) == APR_SUCCESS;
}

static bool has_database(apr_pool_t *pool, pn_str name)
{
    const char *used[2];
    struct stat st;

    return used_names(pool, name, used) && lstat(used[0], &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- opening ---- */

static int take_guard(struct dav_props *props, pn_str dir, bool write)
{
    props->guard = open(PN_CAT(props->pool, dir, PN_STR("/.guard")).p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (props->guard < 0)
        return write ? errno : 0; /* what may not be written need not be guarded */
    while (flock(props->guard, write ? LOCK_EX : LOCK_SH) != 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static void read_spaces(struct dav_props *props)
{
    apr_datum_t      value = { NULL, 0 }, key = { (char *)(uintptr_t)META_KEY, sizeof(META_KEY) - 1 };
    struct meta_head head;

    props->spaces = apr_array_make(props->pool, 4, sizeof(pn_str));
    if (apr_dbm_fetch(props->dbm, key, &value) == APR_SUCCESS && value.dptr && value.dsize >= sizeof(head)) {
        memcpy(&head, value.dptr, sizeof(head));
        pn_str rest = pn_str_n(value.dptr + sizeof(head), value.dsize - sizeof(head));
        for (unsigned i = 0; i < ntohs(head.count) && rest.n; i++)
            APR_ARRAY_PUSH(props->spaces, pn_str) = pn_str_dup(props->pool, pn_str_cut(rest, '\0', &rest));
        props->written = props->spaces->nelts;
    }
    if (props->spaces->nelts == 0)
        dav_ns_add(props->spaces, PN_STR(DAV_NS));
}

int dav_props_open(apr_pool_t *pool, pn_str file, bool collection, bool write, struct dav_props **ret_props)
{
    pn_str            dir = state_dir(pool, file, collection), name = state_name(pool, file, collection);
    struct dav_props *props;
    int               error;

    *ret_props = NULL;
    if (!write && !has_database(pool, name))
        return 0;
    if (write && mkdir(dir.p, 0777) != 0 && errno != EEXIST)
        return errno;
    props = apr_pcalloc(pool, sizeof(*props));
    props->pool = pool;
    error = take_guard(props, dir, write);
    if (error == 0)
        error = (int)apr_dbm_open_ex(&props->dbm, TYPE, name.p, write ? APR_DBM_RWCREATE : APR_DBM_READONLY, STATE_MODE, pool);
    if (error) {
        props->dbm = NULL;
        dav_props_close(props);
        return error;
    }
    read_spaces(props);
    *ret_props = props;
    return 0;
}

static int store(struct dav_props *props, pn_str key, pn_str value)
{
    apr_status_t status = apr_dbm_store(props->dbm, (apr_datum_t){ (char *)(uintptr_t)key.p, key.n },
                                        (apr_datum_t){ (char *)(uintptr_t)value.p, value.n });

    return status == APR_EINVAL ? EMSGSIZE : (int)status; /* SDBM: a pair must fit a page of 8 KB */
}

static int write_spaces(struct dav_props *props)
{
    struct meta_head head = { .major = 4, .minor = 0, .count = htons((uint16_t)props->spaces->nelts) };
    struct pn_buf    out;
    pn_str           bytes;

    pn_buf_init(&out, props->pool, VALUE_MAX);
    pn_buf_add(&out, (const char *)&head, sizeof(head));
    for (int i = 0; i < props->spaces->nelts; i++) {
        pn_buf_str(&out, APR_ARRAY_IDX(props->spaces, i, pn_str));
        pn_buf_ch(&out, '\0');
    }
    if (props->spaces->nelts > SPACES_MAX || pn_buf_done(&out, &bytes) != PN_OK)
        return EMSGSIZE;
    int error = store(props, PN_STR(META_KEY), bytes);
    if (error == 0)
        props->written = props->spaces->nelts;
    return error;
}

int dav_props_close(struct dav_props *props)
{
    if (!props)
        return 0;
    if (props->dbm)
        apr_dbm_close(props->dbm);
    if (props->guard >= 0)
        close(props->guard);
    props->dbm = NULL;
    props->guard = -1;
    return 0;
}

dav_ns_table *dav_props_spaces(struct dav_props *props)
{
    return props->spaces;
}

/* ---- reading and writing ---- */

/* With its NUL. */
static pn_str key_of(apr_pool_t *pool, int space, pn_str name)
{
    pn_str key = space < 0 ? PN_CAT(pool, PN_STR(":"), name) : pn_str_printf(pool, "%d:%.*s", space, PN_FMT(name));

    return pn_str_n(key.p, key.n + 1);
}

/* "language NUL value NUL" */
static void split_value(apr_pool_t *pool, apr_datum_t from, struct dav_prop *prop)
{
    pn_str rest, lang = pn_str_cut(pn_str_n(from.dptr, from.dsize), '\0', &rest);

    prop->lang = pn_str_dup(pool, lang);
    prop->value = pn_str_dup(pool, pn_str_cut(rest, '\0', &rest));
}

static bool split_key(const struct dav_props *props, apr_datum_t key, struct dav_prop *prop)
{
    pn_str   rest, space = pn_str_cut(pn_str_n(key.dptr, key.dsize), ':', &rest);
    uint64_t number;

    if (!rest.p || rest.n == 0)
        return false; /* METADATA */
    prop->name = pn_str_dup(props->pool, pn_str_cut(rest, '\0', &rest));
    prop->ns = PN_STR("");
    if (space.n == 0)
        return true;
    if (pn_str_to_u64(space, SPACES_MAX, &number) != PN_OK || number >= (uint64_t)props->spaces->nelts)
        return false;
    prop->ns = APR_ARRAY_IDX(props->spaces, number, pn_str);
    return true;
}

apr_array_header_t *dav_props_all(struct dav_props *props)
{
    apr_array_header_t *all = apr_array_make(props->pool, 4, sizeof(struct dav_prop));
    apr_datum_t         key = { NULL, 0 }, value = { NULL, 0 };

    apr_status_t status = apr_dbm_firstkey(props->dbm, &key);
    while (status == APR_SUCCESS && key.dptr) {
        struct dav_prop prop = { 0 };
        if (split_key(props, key, &prop) && apr_dbm_fetch(props->dbm, key, &value) == APR_SUCCESS && value.dptr) {
            split_value(props->pool, value, &prop);
            APR_ARRAY_PUSH(all, struct dav_prop) = prop;
        }
        status = apr_dbm_nextkey(props->dbm, &key);
    }
    return all;
}

/* The number of a property's namespace: -1 without one, -2 when the file does not know it. */
static int space_of(const struct dav_props *props, pn_str ns)
{
    int found = ns.n ? dav_ns_find(props->spaces, ns) : -1;

    return ns.n && found < 0 ? -2 : found;
}

int dav_props_get(struct dav_props *props, pn_str ns, pn_str name, struct dav_prop *ret)
{
    int         space = space_of(props, ns);
    apr_datum_t value = { NULL, 0 };

    if (space == -2)
        return ENOENT;
    pn_str key = key_of(props->pool, space, name);
    if (apr_dbm_fetch(props->dbm, (apr_datum_t){ (char *)(uintptr_t)key.p, key.n }, &value) != APR_SUCCESS || !value.dptr)
        return ENOENT;
    *ret = (struct dav_prop){ .ns = ns, .name = name };
    split_value(props->pool, value, ret);
    return 0;
}

int dav_props_set(struct dav_props *props, const struct dav_prop *prop)
{
    int           space = prop->ns.n ? dav_ns_add(props->spaces, prop->ns) : -1;
    struct pn_buf out;
    pn_str        bytes;

    if (props->written != props->spaces->nelts) { /* first, so that no record has a number that is not known */
        int error = write_spaces(props);
        if (error)
            return error;
    }
    pn_buf_init(&out, props->pool, VALUE_MAX);
    pn_buf_str(&out, prop->lang);
    pn_buf_ch(&out, '\0');
    pn_buf_str(&out, prop->value);
    pn_buf_ch(&out, '\0');
    if (pn_buf_done(&out, &bytes) != PN_OK)
        return EMSGSIZE;
    return store(props, key_of(props->pool, space, prop->name), bytes);
}

int dav_props_remove(struct dav_props *props, pn_str ns, pn_str name)
{
    int space = space_of(props, ns);

    if (space == -2)
        return 0;
    pn_str      key = key_of(props->pool, space, name);
    apr_datum_t datum = { (char *)(uintptr_t)key.p, key.n };
    return apr_dbm_exists(props->dbm, datum) ? (int)apr_dbm_delete(props->dbm, datum) : 0;
}

/* ---- with the resource ---- */

int dav_props_delete(apr_pool_t *pool, pn_str file, bool collection)
{
    const char *used[2];
    int         error = 0;

    if (!used_names(pool, state_name(pool, file, collection), used))
        return 0;
    for (int i = 0; i < 2; i++)
        if (used[i] && unlink(used[i]) != 0 && errno != ENOENT && errno != ENOTDIR)
            error = errno;
    return error;
}

int dav_props_copy(apr_pool_t *pool, pn_str from, pn_str to, bool collection)
{
    const char *source[2], *target[2];
    int         error = dav_props_delete(pool, to, collection);

    if (error || !has_database(pool, state_name(pool, from, collection)))
        return error;
    if (!used_names(pool, state_name(pool, from, collection), source) || !used_names(pool, state_name(pool, to, collection), target))
        return 0;
    if (mkdir(state_dir(pool, to, collection).p, 0777) != 0 && errno != EEXIST)
        return errno;
    for (int i = 0; i < 2 && error == 0; i++)
        if (source[i] && target[i])
            error = dav_tree_copy_file(pool, pn_str_z(source[i]), pn_str_z(target[i]));
    return error == ENOENT ? 0 : error;
}
