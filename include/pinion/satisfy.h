/* pinion/satisfy.h - the provider by which mod_access_compat tells the core of its Satisfy directive. */
#ifndef PINION_SATISFY_H
#define PINION_SATISFY_H

#include <pinion/base.h>

struct pn_request;

enum pn_satisfy { PN_SATISFY_UNSET = 0, PN_SATISFY_ALL, PN_SATISFY_ANY };

/** Provider of group "satisfy", name "access_compat". */
struct pn_satisfy_provider {
    enum pn_satisfy (*satisfy)(const struct pn_request *r);
};

#endif
