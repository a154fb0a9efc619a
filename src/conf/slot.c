/* slot.c - see slot.h. */
#include "conf/slot.h"

#include "base/ascii.h"
#include "conf/tree.h"

/* ---- values ---- */

pn_rc pn_conf_flag(pn_str text, bool *ret)
{
    if (pn_str_ieq(text, PN_STR("on")))
        *ret = true;
    else if (pn_str_ieq(text, PN_STR("off")))
        *ret = false;
    else
        return PN_BAD;
    return PN_OK;
}

/* COMPAT: 2.4 looks at the first letters of a unit only, so the longer forms are in use too. */
static const struct {
    const char *name;
    int64_t     usec;
} units[] = {
    { "us", 1 },
    { "ms", PN_USEC_PER_MSEC },
    { "s", PN_USEC_PER_SEC },
    { "sec", PN_USEC_PER_SEC },
    { "secs", PN_USEC_PER_SEC },
    { "second", PN_USEC_PER_SEC },
    { "seconds", PN_USEC_PER_SEC },
    { "mi", 60 * PN_USEC_PER_SEC },
    { "min", 60 * PN_USEC_PER_SEC },
    { "mins", 60 * PN_USEC_PER_SEC },
    { "minute", 60 * PN_USEC_PER_SEC },
    { "minutes", 60 * PN_USEC_PER_SEC },
    { "h", 3600 * PN_USEC_PER_SEC },
    { "hr", 3600 * PN_USEC_PER_SEC },
    { "hrs", 3600 * PN_USEC_PER_SEC },
    { "hour", 3600 * PN_USEC_PER_SEC },
    { "hours", 3600 * PN_USEC_PER_SEC },
};

static int64_t unit_usec(pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(units); i++)
        if (pn_str_ieq(name, pn_str_z(units[i].name)))
            return units[i].usec;
    return 0;
}

pn_rc pn_conf_duration(pn_str text, const char *unit, pn_usec *ret)
{
    size_t   digits = 0;
    uint64_t count;
    int64_t  scale;
    pn_str   name;

    while (digits < text.n && pn_ascii_digit(text.p[digits]))
        digits++;
    name = digits < text.n ? pn_str_from(text, digits) : pn_str_z(unit ? unit : "s");
    scale = unit_usec(name);
    if (scale == 0 ||
        pn_str_to_u64(pn_str_head(text, digits), (uint64_t)(INT64_MAX / scale), &count) != PN_OK)
        return PN_BAD;
    *ret = (int64_t)count * scale;
    return PN_OK;
}

pn_str pn_slot_path(apr_pool_t *pool, pn_str root, pn_str path)
{
    if (path.n && path.p[0] == '/')
        return pn_str_dup(pool, path);
    while (root.n > 1 && root.p[root.n - 1] == '/')
        root.n--;
    if (path.n == 0)
        return pn_str_dup(pool, root);
    return PN_CAT(pool, root, root.n == 1 && root.p[0] == '/' ? PN_STR("") : PN_STR("/"), path);
}

/* ---- text to slot ---- */

static const char *set_bool(struct pn_slot_in *in, const struct pn_directive *row, bool *slot,
                            unsigned argc, pn_str text)
{
    if (argc == 0)
        *slot = true;
    else if (pn_conf_flag(text, slot) != PN_OK)
        return pn_str_printf(in->temp, "%s must be On or Off, not '%.*s'", row->name, PN_FMT(text))
            .p;
    return NULL;
}

static const char *unit_of(const struct pn_directive *row)
{
    return row->unit ? row->unit : "";
}

/* " of seconds" reads badly: the unit is named behind the bounds instead. */
static const char *out_of_bounds(struct pn_slot_in *in, const struct pn_directive *row, pn_str text)
{
    const char *space = row->unit ? " " : "";

    if (row->max == INT64_MAX)
        return pn_str_printf(in->temp, "%s must be at least %lld%s%s, not '%.*s'", row->name,
                             (long long)row->min, space, unit_of(row), PN_FMT(text))
            .p;
    return pn_str_printf(in->temp, "%s must be from %lld to %lld%s%s, not '%.*s'", row->name,
                         (long long)row->min, (long long)row->max, space, unit_of(row),
                         PN_FMT(text))
        .p;
}

static bool is_bounded(const struct pn_directive *row)
{
    return row->min != row->max;
}

static const char *set_int(struct pn_slot_in *in, const struct pn_directive *row, int64_t *slot,
                           pn_str text)
{
    int64_t value;
    pn_rc   rc = pn_str_to_i64(text, INT64_MIN, INT64_MAX, &value);

    if (rc == PN_BAD)
        return pn_str_printf(in->temp, "%s must be a whole number, not '%.*s'", row->name,
                             PN_FMT(text))
            .p;
    if (rc != PN_OK)
        return pn_str_printf(in->temp, "%s is too large: '%.*s'", row->name, PN_FMT(text)).p;
    if (is_bounded(row) && (value < row->min || value > row->max))
        return out_of_bounds(in, row, text);
    *slot = value;
    return NULL;
}

static const char *set_usec(struct pn_slot_in *in, const struct pn_directive *row, pn_usec *slot,
                            pn_str text)
{
    int64_t scale = unit_usec(pn_str_z(row->unit ? row->unit : "s"));
    pn_usec value;

    if (pn_conf_duration(text, row->unit, &value) != PN_OK)
        return pn_str_printf(in->temp,
                             "%s must be a duration such as 5, 5s, 200ms, 2min or 1h, not '%.*s'",
                             row->name, PN_FMT(text))
            .p;
    if (is_bounded(row) &&
        (value < row->min * scale || (row->max <= INT64_MAX / scale && value > row->max * scale)))
        return out_of_bounds(in, row, text);
    *slot = value;
    return NULL;
}

static size_t count_choices(const char *const *choices)
{
    size_t n = 0;

    while (choices[n])
        n++;
    return n;
}

/* "a, b or c" */
static const char *name_choices(apr_pool_t *pool, const char *const *choices)
{
    pn_str all = pn_str_z(choices[0]);
    size_t n = count_choices(choices);

    for (size_t i = 1; i < n; i++)
        all = PN_CAT(pool, all, i + 1 < n ? PN_STR(", ") : PN_STR(" or "), pn_str_z(choices[i]));
    return all.p;
}

static const char *set_enum(struct pn_slot_in *in, const struct pn_directive *row, int *slot,
                            pn_str text)
{
    const char *near;

    for (int i = 0; row->choices[i]; i++) {
        if (pn_str_ieq(text, pn_str_z(row->choices[i]))) {
            *slot = i;
            return NULL;
        }
    }
    near = pn_conf_suggest(text, row->choices, count_choices(row->choices));
    if (near)
        in->cure = pn_str_printf(in->temp, "Did you mean '%s'?", near).p;
    return pn_str_printf(in->temp, "%s must be %s%s, not '%.*s'", row->name,
                         row->choices[1] ? "one of " : "", name_choices(in->temp, row->choices),
                         PN_FMT(text))
        .p;
}

static const char *add_strings(struct pn_slot_in *in, apr_array_header_t **slot, unsigned argc,
                               const pn_str *argv)
{
    if (in->fresh || !*slot)
        *slot = apr_array_make(in->pool, (int)argc, sizeof(pn_str));
    for (unsigned i = 0; i < argc; i++)
        *(pn_str *)apr_array_push(*slot) = pn_str_dup(in->pool, argv[i]);
    return NULL;
}

const char *pn_slot_set(struct pn_slot_in *in, const struct pn_directive *row, void *conf,
                        unsigned argc, const pn_str *argv)
{
    void  *at = (char *)conf + row->slot.offset;
    pn_str text = argc ? argv[0] : PN_STR("");

    switch (row->slot.type) {
    case PN_SLOT_BOOL:
        return set_bool(in, row, at, argc, text);
    case PN_SLOT_INT:
        return set_int(in, row, at, text);
    case PN_SLOT_STR:
        *(pn_str *)at = pn_str_dup(in->pool, text);
        return NULL;
    case PN_SLOT_USEC:
        return set_usec(in, row, at, text);
    case PN_SLOT_PATH:
        *(pn_str *)at = pn_slot_path(in->pool, in->server_root, text);
        return NULL;
    case PN_SLOT_ENUM:
        return set_enum(in, row, at, text);
    case PN_SLOT_STRLIST:
        return add_strings(in, at, argc, argv);
    case PN_SLOT_NONE:
        break;
    }
    return NULL;
}

/* ---- copying and merging ---- */

size_t pn_slot_size(enum pn_slot_type type)
{
    switch (type) {
    case PN_SLOT_BOOL:
        return sizeof(bool);
    case PN_SLOT_INT:
    case PN_SLOT_USEC:
        return sizeof(int64_t);
    case PN_SLOT_STR:
    case PN_SLOT_PATH:
        return sizeof(pn_str);
    case PN_SLOT_ENUM:
        return sizeof(int);
    case PN_SLOT_STRLIST:
        return sizeof(apr_array_header_t *);
    case PN_SLOT_NONE:
        break;
    }
    return 0;
}

void pn_slot_copy(const struct pn_slot *slot, void *to, const void *from)
{
    memcpy((char *)to + slot->offset, (const char *)from + slot->offset, pn_slot_size(slot->type));
}

void pn_slot_append(const struct pn_slot *slot, apr_pool_t *pool, void *to, const void *base,
                    const void *add)
{
    apr_array_header_t *const *first = (const void *)((const char *)base + slot->offset);
    apr_array_header_t *const *then = (const void *)((const char *)add + slot->offset);
    apr_array_header_t       **result = (void *)((char *)to + slot->offset);

    *result = *first ? apr_array_append(pool, *first, *then) : *then;
}
