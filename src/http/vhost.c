/* vhost.c - which server a request is for: by the address it reached, then by the name it asks for. */
#include "http/vhost.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "conf/load.h"
#include "net/listener.h"
#include <pinion/tls.h>

/* The virtual hosts that share an address: the first is the default, the others are found by name. */
struct pn_vhost_set {
    struct pn_vhost_address addr;
    struct pn_server       *first;   /* the default for requests whose name matches nothing */
    apr_hash_t             *names;   /* lower-case name to struct named_server *, first one wins */
    apr_array_header_t     *members; /* of struct pn_server *, configuration order */
    apr_array_header_t     *wild;    /* those of them that have wildcard aliases */
    bool                    any_wild, any_path;
};

struct pn_vhosts {
    struct pn_server   *main_server;
    apr_hash_t         *by_address;  /* struct address_key to struct pn_vhost_set * */
    apr_array_header_t *sets;        /* of struct pn_vhost_set *, order of first appearance */
    bool                none;        /* no <VirtualHost> at all: everything is the main server's */
    bool                by_ip;       /* some are for an address, not only for "*" */
};

/* Address and port as hash key; zeroed padding. An address of family 0 stands for "*". */
struct address_key {
    uint8_t  family;
    uint8_t  zero;
    uint16_t port;
    uint8_t  ip[16];
};

static struct address_key key_of(const struct pn_addr *addr, bool any, uint16_t port)
{
    struct address_key key = { .port = port };

    if (!any) {
        key.family = addr->family;
        memcpy(key.ip, addr->ip, sizeof(key.ip));
    }
    return key;
}

static struct pn_vhost_set *find_set(const struct pn_vhosts *vhosts, struct address_key key)
{
    return apr_hash_get(vhosts->by_address, &key, sizeof(key));
}

static struct pn_vhost_set *need_set(struct pn_vhosts *vhosts, apr_pool_t *pool, const struct pn_vhost_address *addr)
{
    struct address_key key = key_of(&addr->addr, addr->any || addr->fallback, addr->addr.port);
    struct pn_vhost_set  *set = find_set(vhosts, key);

    if (set)
        return set;
    set = apr_pcalloc(pool, sizeof(*set));
    set->addr = *addr;
    set->names = apr_hash_make(pool);
    set->members = apr_array_make(pool, 2, sizeof(struct pn_server *));
    set->wild = apr_array_make(pool, 1, sizeof(struct pn_server *));
    apr_hash_set(vhosts->by_address, apr_pmemdup(pool, &key, sizeof(key)), sizeof(key), set);
    *(struct pn_vhost_set **)apr_array_push(vhosts->sets) = set;
    vhosts->by_ip |= !addr->any && !addr->fallback;
    return set;
}

static void add_name(struct pn_vhost_set *set, apr_pool_t *pool, pn_str name, struct pn_server *server)
{
    pn_str key = pn_str_lower(pool, name);

    if (key.n && !apr_hash_get(set->names, key.p, (apr_ssize_t)key.n))
        apr_hash_set(set->names, key.p, (apr_ssize_t)key.n, server);
}

static void add_member(struct pn_vhost_set *set, apr_pool_t *pool, struct pn_server *server)
{
    if (!set->first)
        set->first = server;
    *(struct pn_server **)apr_array_push(set->members) = server;
    add_name(set, pool, server->name, server);
    for (int i = 0; server->aliases && i < server->aliases->nelts; i++)
        add_name(set, pool, APR_ARRAY_IDX(server->aliases, i, pn_str), server);
    if (server->wild_aliases && server->wild_aliases->nelts) {
        set->any_wild = true;
        *(struct pn_server **)apr_array_push(set->wild) = server;
    }
    set->any_path |= server->path.n != 0;
}

struct pn_vhosts *pn_vhosts_build(struct pn_generation *generation)
{
    apr_pool_t       *pool = generation->pool;
    struct pn_vhosts *vhosts = apr_pcalloc(pool, sizeof(*vhosts));

    vhosts->main_server = generation->servers;
    vhosts->by_address = apr_hash_make(pool);
    vhosts->sets = apr_array_make(pool, 4, sizeof(struct pn_vhost_set *));
    vhosts->none = generation->servers->next == NULL;
    for (struct pn_server *s = generation->servers->next; s; s = s->next)
        for (int i = 0; s->addresses && i < s->addresses->nelts; i++)
            add_member(need_set(vhosts, pool, &APR_ARRAY_IDX(s->addresses, i, struct pn_vhost_address)), pool, s);
    return vhosts;
}

/* Exact address before "*"; a given port before any port (Apache: "IP address lookup"). */
static struct pn_vhost_set *set_of(const struct pn_vhosts *vhosts, const struct pn_addr *local)
{
    struct pn_vhost_set *set;

    if (vhosts->none)
        return NULL;
    if ((set = find_set(vhosts, key_of(local, false, local->port))))
        return set;
    if ((set = find_set(vhosts, key_of(local, false, 0))))
        return set;
    if ((set = find_set(vhosts, key_of(local, true, local->port))))
        return set;
    return find_set(vhosts, key_of(local, true, 0));
}

/* Configuration order decides: only hosts before `limit` (NULL: all) may take the name by a wildcard. */
static struct pn_server *by_wildcard(const struct pn_vhost_set *set, const char *name, const struct pn_server *limit)
{
    for (int i = 0; i < set->wild->nelts; i++) {
        struct pn_server *s = APR_ARRAY_IDX(set->wild, i, struct pn_server *);
        if (limit && s->index >= limit->index)
            return NULL;
        for (int k = 0; s->wild_aliases && k < s->wild_aliases->nelts; k++)
            if (apr_fnmatch(APR_ARRAY_IDX(s->wild_aliases, k, pn_str).p, name, APR_FNM_CASE_BLIND) == APR_SUCCESS)
                return s;
    }
    return NULL;
}

static struct pn_server *by_path(const struct pn_vhost_set *set, pn_str path)
{
    for (int i = 0; i < set->members->nelts; i++) {
        struct pn_server *s = APR_ARRAY_IDX(set->members, i, struct pn_server *);
        pn_str            prefix = s->path;
        if (prefix.n && pn_str_starts(path, prefix) &&
            (prefix.p[prefix.n - 1] == '/' || path.n == prefix.n || path.p[prefix.n] == '/'))
            return s;
    }
    return NULL;
}

/* The server that is named so (lower case, NUL-terminated), or NULL. */
static struct pn_server *by_name(const struct pn_vhost_set *set, pn_str name)
{
    struct pn_server *found;

    found = name.n ? apr_hash_get(set->names, name.p, (apr_ssize_t)name.n) : NULL;
    if (name.n && set->any_wild) {
        struct pn_server *wild = by_wildcard(set, name.p, found);
        found = wild ? wild : found;
    }
    return found;
}

int pn_vhost_select(struct pn_request *r)
{
    const struct pn_core_server *main_conf = pn_core_server(r->conn->generation->servers);
    const struct pn_vhost_set   *set = r->conn->vhosts;
    struct pn_server            *found = NULL;

    if (set) {
        found = by_name(set, r->hostname);
        if (!found && set->any_path && r->hostname.n == 0)
            found = by_path(set, r->path);
    }
    r->server = found ? found : r->conn->base_server;
    r->dir_conf = r->server->dir_conf;
    if (main_conf->strict_host_check && r->hostname.n && !found && !pn_str_ieq(r->hostname, r->server->name))
        return 400;
    return 0;
}

struct pn_server *pn_conn_server_named(const struct pn_conn *conn, pn_str name)
{
    struct pn_server *only = conn->base_server;
    char              lower[256];

    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n == 0 || name.n >= sizeof(lower))
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        lower[i] = pn_ascii_lower(name.p[i]);
    lower[name.n] = '\0';
    if (conn->vhosts)
        return by_name(conn->vhosts, pn_str_n(lower, name.n));
    return pn_str_ieq(only->name, name) ? only : NULL;
}

static bool same_place(const struct pn_vhost_address *a, const struct pn_vhost_address *b)
{
    bool a_any = a->any || a->fallback, b_any = b->any || b->fallback;

    return a->addr.port == b->addr.port && a_any == b_any && (a_any || pn_addr_eq(&a->addr, &b->addr, false));
}

bool pn_servers_share_address(const struct pn_server *a, const struct pn_server *b)
{
    for (int i = 0; a->addresses && i < a->addresses->nelts; i++)
        for (int k = 0; b->addresses && k < b->addresses->nelts; k++)
            if (same_place(&APR_ARRAY_IDX(a->addresses, i, struct pn_vhost_address),
                           &APR_ARRAY_IDX(b->addresses, k, struct pn_vhost_address)))
                return true;
    return false;
}

void pn_conn_begin(struct pn_conn *conn, struct pn_generation *generation, int fd)
{
    const struct pn_vhosts *vhosts = pn_core_server(generation->servers)->vhosts;
    struct pn_addr          local = conn->listener->addr;

    conn->generation = pn_generation_ref(generation);
    conn->base_server = generation->servers;
    if (vhosts->none)
        return;
    if (conn->listener->wildcard && vhosts->by_ip) { /* one system call a connection, only where the answer matters */
        union pn_sockaddr sa = { 0 };
        socklen_t         n = sizeof(sa);
        if (getsockname(fd, &sa.any, &n) == 0)
            local = pn_addr_from_sockaddr(&sa);
    }
    conn->vhosts = set_of(vhosts, &local);
    if (conn->vhosts)
        conn->base_server = conn->vhosts->first;
}

void pn_conn_release(struct pn_conn *conn)
{
    pn_generation_unref(conn->generation);
    conn->generation = NULL;
    free(conn->client);
    conn->client = NULL;
}

void pn_conn_set_client(struct pn_conn *conn, const struct pn_addr *client)
{
    free(conn->client);
    conn->client = malloc(sizeof(*client));
    pn_assert(conn->client != NULL);
    *conn->client = *client;
}

/* ---- -S ---- */

static void dump_place(struct pn_buf *out, const struct pn_server *s)
{
    pn_buf_printf(out, "(%s:%u)\n", s->file, s->line);
}

static void dump_names(struct pn_buf *out, const struct pn_server *s, bool indent)
{
    for (int i = 0; s->aliases && i < s->aliases->nelts; i++)
        pn_buf_printf(out, "%s%s %.*s\n", indent ? "                 " : "        ", "alias",
                      PN_FMT(APR_ARRAY_IDX(s->aliases, i, pn_str)));
    for (int i = 0; s->wild_aliases && i < s->wild_aliases->nelts; i++)
        pn_buf_printf(out, "%s%s %.*s\n", indent ? "                 " : "        ", "wild alias",
                      PN_FMT(APR_ARRAY_IDX(s->wild_aliases, i, pn_str)));
}

static void dump_set(struct pn_buf *out, const struct pn_vhost_set *set)
{
    char   where[64];
    size_t n = 0;

    if (set->addr.any || set->addr.fallback)
        n = (size_t)snprintf(where, sizeof(where), "*:");
    else {
        n = pn_addr_print(&set->addr.addr, where);
        where[n++] = ':';
    }
    if (set->addr.addr.port)
        snprintf(where + n, sizeof(where) - n, "%u", set->addr.addr.port);
    else
        snprintf(where + n, sizeof(where) - n, "*");
    if (set->members->nelts == 1 && !set->first->aliases && !set->first->wild_aliases) {
        pn_buf_printf(out, "%-22s %.*s ", where, PN_FMT(set->first->name));
        dump_place(out, set->first);
        return;
    }
    pn_buf_printf(out, "%-22s is a NameVirtualHost\n         default server %.*s ", where, PN_FMT(set->first->name));
    dump_place(out, set->first);
    for (int i = 0; i < set->members->nelts; i++) {
        struct pn_server *s = APR_ARRAY_IDX(set->members, i, struct pn_server *);
        pn_buf_printf(out, "         port %u namevhost %.*s ", set->addr.addr.port, PN_FMT(s->name));
        dump_place(out, s);
        dump_names(out, s, true);
    }
}

void pn_vhosts_dump(const struct pn_generation *generation, struct pn_buf *out)
{
    const struct pn_vhosts *vhosts = pn_core_server(generation->servers)->vhosts;

    pn_buf_lit(out, "VirtualHost configuration:\n");
    for (int i = 0; i < vhosts->sets->nelts; i++)
        dump_set(out, APR_ARRAY_IDX(vhosts->sets, i, struct pn_vhost_set *));
}
