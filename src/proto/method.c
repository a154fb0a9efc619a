/* method.c - request methods by name and back (pinion/method.h). Static tables only. */
#include "proto/method.h"

#include "proto/gen_method_names.h"

static const struct row {
    pn_str name;
    bool   safe, idempotent;
} rows[PN_METHOD__COUNT] = {
    [PN_METHOD_OTHER] = { .name = PN_STR_INIT("") },
#define X(id, text, is_safe, is_idempotent)                                                        \
    [PN_METHOD_##id] = { .name = PN_STR_INIT(text), .safe = is_safe, .idempotent = is_idempotent },
#include "../../data/methods.def"
#undef X
};

enum pn_method pn_method_id(pn_str name)
{
    if (name.n == 0 || name.n > METHOD_LONGEST)
        return PN_METHOD_OTHER;
    uint32_t slot =
        METHOD_HASH(name.n, (unsigned char)name.p[0] | 32, (unsigned char)name.p[name.n / 2] | 32,
                    (unsigned char)name.p[name.n - 1] | 32);
    unsigned id = method_table[slot];

    return pn_str_eq(rows[id].name, name) ? (enum pn_method)id : PN_METHOD_OTHER;
}

pn_str pn_method_name(enum pn_method method)
{
    pn_assert((unsigned)method < PN_METHOD__COUNT);
    return rows[method].name;
}

bool pn_method_is_safe(enum pn_method method)
{
    pn_assert((unsigned)method < PN_METHOD__COUNT);
    return rows[method].safe;
}

bool pn_method_is_idempotent(enum pn_method method)
{
    pn_assert((unsigned)method < PN_METHOD__COUNT);
    return rows[method].idempotent;
}
