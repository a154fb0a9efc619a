/* vhost.h - which server a request is for: by the address it reached, then by the name it asks for.
 * Look-ups cost the same for one virtual host and for ten thousand. Apache manual: "Virtual Host matching". */
#ifndef PN_HTTP_VHOST_H
#define PN_HTTP_VHOST_H

#include "http/core_conf.h"
#include "net/addr.h"

/** One address of <VirtualHost addr ...>. */
struct pn_vhost_address {
    struct pn_addr addr;  /* port 0: any */
    bool           any;   /* "*" */
    bool           fallback; /* "_default_" */
    pn_str         text;  /* as written, for -S */
};

/** Builds the tables of a generation (post_config). Warnings as httpd gives them go through pn_generation_error's sibling.
 *  Owned by the generation. */
struct pn_vhosts *pn_vhosts_build(struct pn_generation *generation);
/** Sets r->server by r->hostname (or by path for ServerPath and HTTP/1.0 without Host).
 *  @return 0, or 400 under StrictHostCheck when no name matches. */
int pn_vhost_select(struct pn_request *r);
/** -S: the table as httpd prints it, appended to out. */
void pn_vhosts_dump(const struct pn_generation *generation, struct pn_buf *out);

/** A connection begins: references the generation, finds the base server. */
void pn_conn_begin(struct pn_conn *conn, struct pn_generation *generation, int fd);
void pn_conn_release(struct pn_conn *conn);

#endif
