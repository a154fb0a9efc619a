/* ext_filter.h - what the files of mod_ext_filter share: a filter that the configuration defines. Nobody else includes it. */
#ifndef PN_FILTERS_EXT_FILTER_H
#define PN_FILTERS_EXT_FILTER_H

#include <pinion/request.h>

extern struct pn_module pn_module_ext_filter;

/** ExtFilterDefine. */
struct ext_filter {
    struct pn_filter   filter;    /* its data points to this struct */
    const char *const *argv;      /* NULL-terminated; the first word is the program's path */
    pn_str             intype;    /* empty: any */
    pn_str             outtype;   /* empty: as before */
    const char        *enable_env, *disable_env; /* may be NULL */
    bool               input, keeps_length;
};

/** ExtFilterOptions. */
struct ext_filter_dir {
    bool log_errors, log_errors_set;               /* LogStderr */
    bool remove_on_failure, remove_on_failure_set; /* Onfail=remove */
};

/** `below` through the filter's program. @return NULL: it cannot be started (logged). */
PN_MAY_YIELD struct pn_body *ext_filter_body(struct pn_request *r, struct pn_body *below, const struct ext_filter *def);

#endif
