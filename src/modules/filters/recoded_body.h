/* recoded_body.h - a body from one character set into another by iconv, in constant memory. Used by mod_charset_lite and mod_xml2enc. */
#ifndef PN_FILTERS_RECODED_BODY_H
#define PN_FILTERS_RECODED_BODY_H

#include <pinion/request.h>

/** Can this system turn one into the other? Both NUL-terminated. */
bool recoding_exists(const char *from, const char *to);

struct recoding {
    const char             *from, *to;
    const struct pn_module *module; /* for messages */
    bool                    lenient; /* what is wrong in the input becomes a question mark; else it is an error */
};

/** Sequences may be cut anywhere between chunks. @param recoding lives as long as r.  @return NULL after pn_fail: there is no such
 *  conversion. */
struct pn_body *recoded_body(struct pn_request *r, struct pn_body *below, const struct recoding *recoding);

#endif
