/* h1_request.c - one request on an HTTP/1 connection: from the bytes of its head to the logged answer. */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/h1/h1_conn.h"

#include "http/admit.h"
#include "http/h2/h2_conn.h"

/* What is left of a body that nobody read is dropped up to here to keep the connection; beyond, closing is cheaper. */
#define DISCARD_MAX (1024 * 1024)

/* Figures that an answer needs even when the head could not be understood. */
static struct pn_request *new_request(struct h1_conn *c, apr_pool_t *pool)
{
    struct pn_request *r = pn__request_create(pool, &c->pub);

    r->core->protocol = &h1_protocol;
    r->core->stream = c;
    r->begun = pn_loop_now(c->worker->loop);
    r->time = pn_loop_wall(c->worker->loop);
    r->bytes_in = c->head_end;
    r->version = 1001;
    r->protocol = PN_STR("HTTP/1.1");
    r->method = PN_STR("");
    r->line = PN_STR("");
    c->pub.requests++;
    return r;
}

static pn_str protocol_name(apr_pool_t *pool, unsigned version)
{
    switch (version) {
    case 1001: return PN_STR("HTTP/1.1");
    case 1000: return PN_STR("HTTP/1.0");
    case 9: return PN_STR("HTTP/0.9");
    default: return pn_str_printf(pool, "HTTP/%u.%u", version / 1000, version % 1000);
    }
}

static void take_over(struct pn_request *r, const struct pn_h1_request *head)
{
    r->line = head->line;
    r->method = head->method;
    r->method_id = pn_method_id(head->method);
    r->head_only = r->method_id == PN_METHOD_HEAD;
    if (head->version) {
        r->version = head->version;
        r->protocol = protocol_name(r->pool, head->version);
    }
    r->assbackwards = head->version == 9;
    r->keep_alive = head->keep_alive;
    r->expecting_100 = head->expect_continue;
    r->core->framing = head->framing;
    r->core->content_length = head->content_length;
}

/* May another request follow on this connection, as far as the server's settings go? */
static bool keep_alive_allowed(const struct h1_conn *c, const struct pn_request *r)
{
    const struct pn_core_server *conf = pn_core_server(r->server);

    return conf->keep_alive && !c->last_answer &&
           (conf->max_keep_alive == 0 || c->pub.requests <= (uint64_t)conf->max_keep_alive);
}

/* What the log shows of a request that was not understood: its line, cut where its blanks are. */
static void describe_refused(struct pn_request *r)
{
    size_t first = pn_str_chr(r->line, ' ', 0), last = pn_str_rchr(r->line, ' ');
    pn_str query, target = PN_STR("/"), protocol = PN_STR("HTTP/1.0");

    if (r->line.n == 0)
        return;
    if (first != SIZE_MAX && last > first) {
        target = pn_str_n(r->line.p + first + 1, last - first - 1);
        protocol = pn_str_from(r->line, last + 1);
    }
    if (r->method.n == 0)
        r->method = pn_str_dup(r->pool, pn_str_head(r->line, first));
    r->path = r->raw_path = pn_str_dup(r->pool, pn_str_cut(target, '?', &query));
    r->protocol = pn_str_starts(protocol, PN_STR("HTTP/")) ? pn_str_dup(r->pool, protocol) : PN_STR("HTTP/1.0");
}

/* The head's meaning for this server. @return 0 or the status to fail with. */
static int understand(struct pn_request *r, const struct pn_h1_request *head)
{
    struct pn_target target = { .form = head->form, .target = head->target, .scheme = head->scheme,
                                .authority = head->authority, .path_query = head->path_query };
    int              status = pn__request_admit(r, &target);

    if (status || r->method_id == PN_METHOD_OTHER)
        return status;
    return head->expect_other ? 417 : 0;
}

PN_MAY_YIELD static struct pn_request *refuse(struct h1_conn *c, struct pn_request *r, enum pn_h1_fault fault)
{
    PN_LOG_R(r, PN_LOG_ERR, 20000, 0, "request refused with %d: %s: '%s'", pn_h1_fault_status(fault), pn_h1_fault_text(fault),
             pn_str_escape(r->pool, pn_str_head(r->line, 200)).p);
    r->keep_alive = false;
    c->unclean = true;
    return pn_pipeline_error(r, pn_h1_fault_status(fault));
}

/* Does the end of a request line stand in what has come of a head? Empty lines before it do not count. */
static bool has_request_line(pn_str bytes)
{
    while (bytes.n && (bytes.p[0] == '\r' || bytes.p[0] == '\n'))
        bytes = pn_str_from(bytes, 1);
    return pn_str_chr(bytes, '\n', 0) != SIZE_MAX;
}

/* A client that did not get as far as the end of its request line is no client to be answered: the connection goes, and the log
 * of a new one tells of it, as Apache has it. */
PN_MAY_YIELD static bool give_up(struct h1_conn *c, struct pn_request *r)
{
    PN_LOG_R(r, PN_LOG_INFO, 1382, 0, "Request header read timeout");
    r->status = 408;
    r->core->logged = c->pub.requests > 1;
    c->client_closes = true;
    pn_pipeline_finish(r);
    return false;
}

/* Plain HTTP where TLS is spoken: the page says where to go. */
PN_MAY_YIELD static struct pn_request *point_to_https(struct h1_conn *c, struct pn_request *r)
{
    r->keep_alive = false;
    c->unclean = true;
    apr_table_setn(pn_notes(r), "error-notes", "This port speaks HTTPS, and the request came without it: use https:// in the address.");
    return pn_pipeline_error(r, 400);
}

/* Sends, drops what is left of the request's body, logs. @return may the connection be used again? */
PN_MAY_YIELD static bool answer(struct h1_conn *c, struct pn_request *r)
{
    r = pn_pipeline_settle(r);
    bool again = h1_send_response(c, r) == PN_OK && r->keep_alive && !r->body_broken;

    if (again && r->core->framing != PN_FRAMING_NONE)
        again = h1_body_finish(c, r, DISCARD_MAX);
    if (!again && r->core->framing != PN_FRAMING_NONE && !r->core->body_in_done)
        c->unclean = true;
    pn_pipeline_finish(r);
    return again;
}

bool h1_serve_request(struct h1_conn *c, apr_pool_t *pool)
{
    struct pn_h1_request head = { 0 };
    struct pn_h1_limits  limits = h1_limits(c);
    enum pn_h1_fault     fault = (enum pn_h1_fault)c->fault;
    struct pn_request   *r = new_request(c, pool);
    size_t               n = c->head_end - (fault ? 0 : c->scan.start);
    char                *bytes = apr_palloc(pool, n + 1);

    memcpy(bytes, c->in + c->head_end - n, n);
    h1_conn_keep_rest(c, c->head_end);
    pn_worker_freshen(c->worker);

    if (fault == PN_H1_TIMEOUT && !has_request_line(pn_str_n(bytes, n)))
        return give_up(c, r);
    enum pn_h1_fault parse_fault = PN_H1_FINE;
    pn_rc            rc = pn_h1_parse_request(pool, bytes, n, &limits, &head, &r->in, &parse_fault);
    if (fault == PN_H1_FINE && rc != PN_OK)
        fault = parse_fault;
    take_over(r, &head);
    c->client_closes = !head.keep_alive;
    if (fault != PN_H1_FINE) {
        if (fault != PN_H1_LINE_TOO_LONG)
            describe_refused(r);
        else
            r->protocol = PN_STR("HTTP/1.0");
        return answer(c, refuse(c, r, fault));
    }
    int status = understand(r, &head);
    if (c->plain_http)
        return answer(c, point_to_https(c, r));
    if (status == 0 && h2_upgrade_wanted(c, r) && h2_upgrade(c, r))
        return false;
    r->keep_alive = r->keep_alive && keep_alive_allowed(c, r);
    return answer(c, status ? pn_pipeline_error(r, status) : pn_pipeline_run(r));
}

int pn__conn_fd(const struct pn_conn *conn)
{
    return PN_CONTAINER((struct pn_conn *)(uintptr_t)conn, struct h1_conn, pub)->stream.io.fd;
}

static pn_rc send_continue(struct pn_request *r)
{
    struct h1_conn *c = r->core->stream;
    static char     line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec    iov = { .iov_base = line, .iov_len = sizeof(line) - 1 };

    return pn_stream_send_all(&c->stream, &iov, 1, false, pn_core_server(r->server)->timeout, &r->bytes_out);
}

const struct pn_protocol_ops h1_protocol = { .name = "h1", .body_in = h1_body_in, .send_continue = send_continue,
                                             .watch = h1_watch };
