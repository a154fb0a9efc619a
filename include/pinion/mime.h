/* pinion/mime.h - what mod_mime offers to modules that compare names of files: provider of group "mime", name "mime". */
#ifndef PINION_MIME_H
#define PINION_MIME_H

#include <pinion/request.h>

struct pn_mime_provider {
    /** Is the file that was looked up one of the forms of the name `asked` (one component)? It is when the components of its
     *  name that say nothing about its content are components of `asked`, in that order, and at least one says something.
     *  MultiviewsMatch decides which ones count. */
    bool (*is_form_of)(const struct pn_request *file, pn_str asked);
};

static inline const struct pn_mime_provider *pn_mime(const struct pn_generation *generation)
{
    return (const struct pn_mime_provider *)pn_provider(generation, "mime", PN_STR("mime"));
}

#endif
