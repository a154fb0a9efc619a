/* pinion/markup.h - what filters that read markup share: pages in any character set as UTF-8. Offered by mod_xml2enc. */
#ifndef PINION_MARKUP_H
#define PINION_MARKUP_H

#include <pinion/request.h>

/** Provider of group PN_MARKUP_GROUP, by the name "xml2enc". */
struct pn_markup_charset {
    /** `below` as UTF-8. What it is in is told by r's content type, its first bytes, or the settings of the place; a declaration inside
     *  that would be wrong from now on is left out. Pulls the beginning of `below`.
     *  @param ret_charset the name of what it was in, in r->pool.  @return NULL after pn_fail. */
    PN_MAY_YIELD struct pn_body *(*to_utf8)(struct pn_request *r, struct pn_body *below, pn_str *ret_charset);
    /** UTF-8 `below` in another character set; NUL-terminated name. @return NULL after pn_fail. */
    struct pn_body *(*from_utf8)(struct pn_request *r, struct pn_body *below, pn_str charset);
};

#define PN_MARKUP_GROUP "markup_charset"

#endif
