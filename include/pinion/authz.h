/* pinion/authz.h - what a module offers so that `Require name ...` can use it: a provider of group "authz".
 *
 * mod_authz_core reads the Require lines, combines their answers and decides; a provider judges one line. */
#ifndef PINION_AUTHZ_H
#define PINION_AUTHZ_H

#include <pinion/request.h>

#define PN_AUTHZ_GROUP "authz"

enum pn_authz {
    PN_AUTHZ_DENIED = 0,
    PN_AUTHZ_GRANTED,
    PN_AUTHZ_NEUTRAL,        /* says nothing either way */
    PN_AUTHZ_DENIED_NO_USER, /* nobody has authenticated yet, and who it is would matter */
    PN_AUTHZ_ERROR           /* could not be judged: the request ends in 500 */
};

/** What stands behind the name on a Require line. */
struct pn_authz_args {
    pn_str        raw;    /* as written */
    const pn_str *words;  /* its arguments, unquoted, NUL-terminated; expressions evaluated already */
    unsigned      n;
    void         *parsed; /* the provider's own, from parse */
};

struct pn_authz_provider {
    /** The words may hold %{...}: they are evaluated for each request before check. */
    bool takes_expressions;
    /** Only `raw` is wanted; it is not split. */
    bool takes_raw;
    /** Checks the arguments when the configuration is read, and sets args->parsed. Not called for words that hold
     *  expressions. May be NULL. @return NULL or the error. */
    const char *(*parse)(struct pn_conf_cmd *cmd, struct pn_authz_args *args);
    /** Adds what `more` means to `args`, two lines side by side of which one must hold. May be NULL: each line is judged
     *  alone. */
    void (*join)(struct pn_authz_args *args, const struct pn_authz_args *more);
    PN_MAY_YIELD enum pn_authz (*check)(struct pn_request *r, const struct pn_authz_args *args);
};

#endif
