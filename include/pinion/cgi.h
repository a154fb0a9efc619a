/* pinion/cgi.h - what modules share that speak CGI (RFC 3875) or something like it: the environment that describes a
 * request, and the head of a script's answer. */
#ifndef PINION_CGI_H
#define PINION_CGI_H

#include <pinion/request.h>
#include <pinion/spawn.h>

/* ---- the request as variables ---- */

/** Puts the CGI variables of r into its environment, as Apache's ap_add_common_vars and ap_add_cgi_vars do: what the server
 *  computes wins over what SetEnv and the like have set. Looks up PATH_TRANSLATED by a subrequest. CGIPassAuth and CGIVar
 *  apply. */
PN_MAY_YIELD void pn_cgi_set_vars(struct pn_request *r);
/** The environment as "NAME=value", NULL-terminated, in r->pool; names are made fit for a shell. */
const char *const *pn_cgi_environment(struct pn_request *r);

/** Timeout of r's server: what a wait for a script lasts when nothing else is said. */
pn_usec pn_request_timeout(const struct pn_request *r);
/** RLimitCPU, RLimitMEM and RLimitNPROC of the place, PN_RESOURCE__COUNT of them. */
const struct pn_resource_limit *pn_resource_limits(const struct pn_request *r);

/* ---- the answer's head ---- */

/** Most bytes of a script's head, all of its lines together. */
#define PN_CGI_HEAD_MAX ((size_t)256 * 1024)

/** State of the search for the head's end; zero it before the first call. */
struct pn_cgi_scan {
    size_t   at, start, line_start;
    unsigned lines;
};
/** Looks for the end of a head in `bytes`: the same as last time with more at the end.
 *  @return PN_OK with *ret_end, the bytes of the head; PN_AGAIN; PN_LIMIT or PN_BAD with *ret_why, a static sentence. */
PN_NODISCARD pn_rc pn_cgi_head_end(struct pn_cgi_scan *scan, pn_str bytes, size_t *ret_end, const char **ret_why);

enum pn_cgi_kind {
    PN_CGI_PARSED,  /* fields, among them perhaps Status (RFC 3875 s6.2) */
    PN_CGI_NON_PARSED /* a status line, then fields (RFC 3875 s5) */
};
/** Takes a complete head, head[0, n), over into r: status and reason, content type, and fields. Location, ETag and
 *  Last-Modified become fields of a successful answer (r->out), all others stand in errors as well (r->err_out), as Apache
 *  has it. Fields about the connection and its framing, Date and Server are dropped. The bytes are overwritten and
 *  live as long as r.
 *  @param ret_has_status the script said a status itself.
 *  @return PN_OK; PN_BAD with *ret_why. */
PN_NODISCARD pn_rc pn_cgi_head_take(struct pn_request *r, enum pn_cgi_kind kind, char *head, size_t n, bool *ret_has_status,
                                    const char **ret_why);

/** Do the conditions of the request (RFC 9110 s13) settle it, by r's ETag and r->mtime? @return 0, 304 or 412. */
int pn_meets_conditions(struct pn_request *r);

#endif
