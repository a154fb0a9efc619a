/* mod_ident - asked the client's own machine who its user is (RFC 1413). Nobody answers that any more, and whoever does may lie.
 * Runs: never.   Yields: never.   Config: none.   Spec: Apache manual, mod_ident.
 *
 * Loaded and configured without an error, so that old configurations start; each line says that it does nothing. */
#include <pinion/module.h>

#define GONE(directive, arity)                                                                     \
    { .name = directive, .args = arity, .where = PN_CTX_SERVER | PN_CTX_DIRECTORY | PN_CTX_LOCATION | PN_CTX_FILES, .gone = gone, \
      .help = gone }

static const char gone[] = "no client is asked for its user (RFC 1413): %l is always -, remove the line";

static const struct pn_directive directives[] = {
    GONE("IdentityCheck", PN_FLAG),
    GONE("IdentityCheckTimeout", PN_TAKE1),
    { 0 }
};

struct pn_module pn_module_ident = {
    .api = PN_MODULE_API,
    .name = "mod_ident.c",
    .apache_id = "ident_module",
    .directives = directives,
};
