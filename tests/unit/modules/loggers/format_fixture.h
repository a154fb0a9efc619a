/* format_fixture.h - a request as an access log sees it, without a server around it. */
#ifndef PN_TEST_FORMAT_FIXTURE_H
#define PN_TEST_FORMAT_FIXTURE_H

#include <arpa/inet.h>

#include "modules/loggers/mod_log_config.h"

struct logged {
    apr_pool_t        *pool;
    struct pn_server   server;
    struct pn_conn     conn;
    struct pn_request  first, last; /* last: another one only after logged_redirect */
    struct pn_conf_cmd cmd;
};

static inline void logged_begin(struct logged *l)
{
    memset(l, 0, sizeof(*l));
    apr_pool_create(&l->pool, NULL);
    l->cmd.pool = l->cmd.temp = l->pool;
    l->server.name = PN_STR("www.example.test");
    l->conn.peer = (struct pn_addr){ .family = AF_INET, .port = 4321 };
    inet_pton(AF_INET, "203.0.113.77", l->conn.peer.ip);
    l->conn.requests = 3;
    struct pn_request *r = &l->first;
    r->pool = l->pool;
    r->conn = &l->conn;
    r->client = l->conn.peer;
    r->server = &l->server;
    r->line = PN_STR("GET /docs/index.html?x=1 HTTP/1.1");
    r->method = PN_STR("GET");
    r->protocol = PN_STR("HTTP/1.1");
    r->path = PN_STR("/docs/index.html");
    r->query = PN_STR("x=1");
    r->filename = PN_STR("/srv/www/docs/index.html");
    r->time = INT64_C(1700000000123456);
    r->status = 200;
    r->bytes_body = 1024;
    r->keep_alive = true;
    pn_headers_init(&r->in, l->pool, 8);
    pn_headers_init(&r->out, l->pool, 8);
    r->err_out.pool = l->pool;
    pn_headers_add(&r->in, PN_HDR_REFERER, PN_STR("http://www.example.test/start"));
    pn_headers_add(&r->in, PN_HDR_USER_AGENT, PN_STR("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"));
    pn_headers_add(&r->in, PN_HDR_COOKIE, PN_STR("a=1; Colour = red ; b"));
}

/* The request was redirected within the server to an error page. */
static inline void logged_redirect(struct logged *l)
{
    l->last = l->first;
    l->last.prev = &l->first;
    l->first.next = &l->last;
    l->first.status = 404;
    l->last.path = PN_STR("/error.html");
    l->last.status = 404;
    l->last.user = PN_STR("anna");
}

static inline size_t logged_print(struct logged *l, const struct format *format, char *room, size_t n)
{
    struct transaction t = { .first = &l->first, .last = l->first.next ? l->first.next : &l->first,
                             .host = PN_STR("203.0.113.77") };

    t.line = (struct pn_log_line){ .p = room, .end = room + n };
    log_format_print(format, &t);
    return (size_t)(t.line.p - room);
}

#endif
