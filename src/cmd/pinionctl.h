/* pinionctl.h - what `pinionctl status` shows, and how it is asked for. */
#ifndef PN_CMD_PINIONCTL_H
#define PN_CMD_PINIONCTL_H

#include <pinion/str.h>

#define CTL_PROGRAM "pinionctl"

/** GETs an http: URL with HTTP/1.0.
 *  @param ret_body  in storage of the pool.
 *  @return false: what was wrong has been said. Waits at most about ten seconds for each thing that
 *          the server sends. */
PN_NODISCARD bool ctl_fetch(apr_pool_t *pool, const char *url, pn_str *ret_body);

/** Asks the status page of a server (mod_status) and prints it.
 *  @param url   of the page, without "?json".
 *  @param full  with the requests at work and the last ones.
 *  @return an exit code. */
int ctl_status(apr_pool_t *pool, const char *url, bool full);

#endif
