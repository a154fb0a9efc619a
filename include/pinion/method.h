/* pinion/method.h - the registered request methods (RFC 9110 s9, data/methods.def). */
#ifndef PINION_METHOD_H
#define PINION_METHOD_H

#include <pinion/str.h>

/** PN_METHOD_GET, ...; PN_METHOD_OTHER is any method that is not registered. */
enum pn_method {
    PN_METHOD_OTHER = 0,
#define X(id, name, safe, idempotent) PN_METHOD_##id,
#include "../../data/methods.def"
#undef X
    PN_METHOD__COUNT
};

/** The id of a received method; case-sensitive (RFC 9110 s9.1). O(1). */
enum pn_method pn_method_id(pn_str name);
/** The written form, NUL-terminated; empty for PN_METHOD_OTHER. */
pn_str pn_method_name(enum pn_method method);
/** Asks for no change of state (RFC 9110 s9.2.1); false for PN_METHOD_OTHER. */
bool pn_method_is_safe(enum pn_method method);
/** May be repeated without further effect (RFC 9110 s9.2.2); false for PN_METHOD_OTHER. */
bool               pn_method_is_idempotent(enum pn_method method);
static inline bool pn_method_known(pn_str name)
{
    return pn_method_id(name) != PN_METHOD_OTHER;
}

#endif
