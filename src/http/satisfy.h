/* satisfy.h - how access by host and access by user combine (directive Satisfy of mod_access_compat).
 * The module offers a provider of group "satisfy"; without it everything must be satisfied. */
#ifndef PN_HTTP_SATISFY_H
#define PN_HTTP_SATISFY_H

#include <pinion/request.h>
#include <pinion/satisfy.h>

enum pn_satisfy pn__satisfy(const struct pn_request *r);
#endif
