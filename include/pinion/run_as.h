/* pinion/run_as.h - as whom programs run for a request, when it is not the server's own account.
 *
 * mod_suexec provides it; mod_cgi and others that start programs ask. */
#ifndef PINION_RUN_AS_H
#define PINION_RUN_AS_H

#include <pinion/request.h>

/** Strings live as long as the request. */
struct pn_run_as {
    const char *wrapper; /* path of a program that is called as: wrapper user group name [argument ...] */
    const char *user;    /* name, number, or "~name" for a program in a user's web directory */
    const char *group;   /* name or number */
};

/** Provider of group "run_as", name "suexec". */
struct pn_run_as_provider {
    /** @return PN_OK; PN_DECLINED: as the server; PN_NOT_FOUND: there is no such account. */
    PN_MAY_YIELD pn_rc (*run_as)(struct pn_request *r, struct pn_run_as *ret);
};

/** Provider of group "run_as", name "switch": what the directive Suexec says. mod_unixd's. */
struct pn_run_as_switch {
    enum pn_run_as_wish { PN_RUN_AS_UNSET, PN_RUN_AS_ON, PN_RUN_AS_OFF } (*wish)(const struct pn_generation *generation);
};

#endif
