/* headers.c - the ordered list of header fields (pinion/headers.h).
 *
 * Callers: the head parsers, the request pipeline, every module. The list owns its array, never
 * the bytes of names and values. Invariant: present has the bit of each known id that occurs in v,
 * and no other. Workload: lists of 5 to 20 fields, read far more often than written: `present`
 * answers most look-ups, and what remains is a walk over a few cache lines. */
#include <pinion/headers.h>

#include "proto/headers_append.h"

/* What a field is looked up by: the id alone where there is one. */
struct key {
    enum pn_hdr id;
    pn_str      name; /* used when id is PN_HDR_OTHER */
};

static struct key key_of_id(enum pn_hdr id)
{
    pn_debug_assert(id != PN_HDR_OTHER);
    return (struct key){ .id = id };
}

static struct key key_of_name(pn_str name)
{
    return (struct key){ .id = pn_hdr_id(name), .name = name };
}

static pn_str key_written(struct key key, bool id_given)
{
    return id_given ? pn_hdr_name(key.id) : key.name;
}

static bool field_is(const struct pn_header *field, struct key key)
{
    return field->id == key.id && (key.id != PN_HDR_OTHER || pn_str_ieq(field->name, key.name));
}

/* The first such field at or after `from`, or NULL. */
static struct pn_header *find(const struct pn_headers *h, struct key key, uint32_t from)
{
    if (key.id != PN_HDR_OTHER && !pn_headers_has(h, key.id))
        return NULL;
    for (uint32_t i = from; i < h->n; i++) {
        if (field_is(&h->v[i], key))
            return &h->v[i];
    }
    return NULL;
}

void pn_headers_init(struct pn_headers *h, apr_pool_t *pool, unsigned room)
{
    *h = (struct pn_headers){ .pool = pool, .cap = room };
    if (room)
        h->v = apr_palloc(pool, room * sizeof(*h->v));
}

void pn__headers_grow(struct pn_headers *h)
{
    uint32_t          cap = h->cap ? h->cap * 2 : 8;
    struct pn_header *v;

    pn_assert(cap > h->cap);
    v = apr_palloc(h->pool, cap * sizeof(*v));
    if (h->n)
        memcpy(v, h->v, h->n * sizeof(*v));
    h->v = v;
    h->cap = cap;
}

static pn_str get(const struct pn_headers *h, struct key key)
{
    const struct pn_header *field = find(h, key, 0);

    return field ? field->value : (pn_str){ 0 };
}

pn_str pn_headers_get(const struct pn_headers *h, enum pn_hdr id)
{
    return get(h, key_of_id(id));
}

pn_str pn_headers_get_name(const struct pn_headers *h, pn_str name)
{
    return get(h, key_of_name(name));
}

/* RFC 9110 s5.3: a list's members are parted by a comma; cookie pairs by a semicolon (RFC 9113
 * s8.2.3). */
static pn_str separator(struct key key)
{
    return key.id == PN_HDR_COOKIE ? PN_STR("; ") : PN_STR(", ");
}

static pn_str joined(const struct pn_headers *h, apr_pool_t *pool, struct key key)
{
    const struct pn_header *first = find(h, key, 0);
    const pn_str            sep = separator(key);
    size_t                  total = 0;
    char                   *to, *start;

    if (!first)
        return (pn_str){ 0 };
    if (!find(h, key, (uint32_t)(first - h->v) + 1))
        return first->value;
    for (const struct pn_header *f = first; f; f = find(h, key, (uint32_t)(f - h->v) + 1))
        total += f->value.n + sep.n;
    start = to = apr_palloc(pool, total + 1);
    for (const struct pn_header *f = first; f; f = find(h, key, (uint32_t)(f - h->v) + 1)) {
        if (f != first)
            to = (char *)mempcpy(to, sep.p, sep.n);
        if (f->value.n)
            to = (char *)mempcpy(to, f->value.p, f->value.n);
    }
    *to = '\0';
    return pn_str_n(start, (size_t)(to - start));
}

pn_str pn_headers_joined(const struct pn_headers *h, apr_pool_t *pool, enum pn_hdr id)
{
    return joined(h, pool, key_of_id(id));
}

pn_str pn_headers_joined_name(const struct pn_headers *h, apr_pool_t *pool, pn_str name)
{
    return joined(h, pool, key_of_name(name));
}

unsigned pn_headers_count(const struct pn_headers *h, enum pn_hdr id)
{
    unsigned count = 0;

    if (!pn_headers_has(h, id))
        return 0;
    for (uint32_t i = 0; i < h->n; i++)
        count += h->v[i].id == id;
    return count;
}

void pn_headers_add(struct pn_headers *h, enum pn_hdr id, pn_str value)
{
    pn__headers_append(h, id, pn_hdr_name(id), value);
}

void pn_headers_add_name(struct pn_headers *h, pn_str name, pn_str value)
{
    pn__headers_append(h, pn_hdr_id(name), name, value);
}

/* Removes such fields from index `from` on, keeping the order of the rest. */
static unsigned unset_from(struct pn_headers *h, struct key key, uint32_t from)
{
    uint32_t to = from;

    for (uint32_t i = from; i < h->n; i++) {
        if (!field_is(&h->v[i], key))
            h->v[to++] = h->v[i];
    }
    unsigned removed = h->n - to;
    h->n = to;
    return removed;
}

static void set(struct pn_headers *h, struct key key, pn_str name, pn_str value)
{
    struct pn_header *first = find(h, key, 0);

    if (!first) {
        pn__headers_append(h, key.id, name, value);
        return;
    }
    first->name = name;
    first->value = value;
    unset_from(h, key, (uint32_t)(first - h->v) + 1);
}

void pn_headers_set(struct pn_headers *h, enum pn_hdr id, pn_str value)
{
    struct key key = key_of_id(id);

    set(h, key, key_written(key, true), value);
}

void pn_headers_set_name(struct pn_headers *h, pn_str name, pn_str value)
{
    struct key key = key_of_name(name);

    set(h, key, key_written(key, false), value);
}

static void merge(struct pn_headers *h, struct key key, pn_str name, pn_str value)
{
    struct pn_header *last = NULL;

    for (struct pn_header *f = find(h, key, 0); f; f = find(h, key, (uint32_t)(f - h->v) + 1))
        last = f;
    if (last)
        last->value = PN_CAT(h->pool, last->value, separator(key), value);
    else
        pn__headers_append(h, key.id, name, value);
}

void pn_headers_merge(struct pn_headers *h, enum pn_hdr id, pn_str value)
{
    struct key key = key_of_id(id);

    merge(h, key, key_written(key, true), value);
}

void pn_headers_merge_name(struct pn_headers *h, pn_str name, pn_str value)
{
    struct key key = key_of_name(name);

    merge(h, key, key_written(key, false), value);
}

static unsigned unset(struct pn_headers *h, struct key key)
{
    if (key.id != PN_HDR_OTHER) {
        if (!pn_headers_has(h, key.id))
            return 0;
        h->present[key.id >> 6] &= ~(UINT64_C(1) << (key.id & 63));
    }
    return unset_from(h, key, 0);
}

unsigned pn_headers_unset(struct pn_headers *h, enum pn_hdr id)
{
    return unset(h, key_of_id(id));
}

unsigned pn_headers_unset_name(struct pn_headers *h, pn_str name)
{
    return unset(h, key_of_name(name));
}

void pn_headers_copy(struct pn_headers *to, apr_pool_t *pool, const struct pn_headers *from)
{
    pn_headers_init(to, pool, from->n);
    for (uint32_t i = 0; i < from->n; i++) {
        const struct pn_header *f = &from->v[i];
        pn_str                  name = f->id != PN_HDR_OTHER && f->name.p == pn_hdr_name(f->id).p
                                           ? f->name /* static storage */
                                           : pn_str_dup(pool, f->name);
        pn__headers_append(to, f->id, name, pn_str_dup(pool, f->value));
    }
}
