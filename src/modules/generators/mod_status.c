/* mod_status.c - the handler server-status: what the server is doing, as a page, as text, JSON and Prometheus metrics.
 *
 * Runs: handler.   Suspends: never.   Settings: none; ExtendedStatus and SeeRequestTail are the core's.
 * Apache manual: "Apache Module mod_status". */
#include "mod_status.h"

#include "page_policy.h"

#define PAGE_MAX_BYTES (16 * 1024 * 1024)
#define REFRESH_DEFAULT_S 10

/* Is this one of the parameters, alone or with a value? */
static bool has_parameter(pn_str query, pn_str name)
{
    while (query.n) {
        size_t end = 0;

        while (end < query.n && query.p[end] != '&' && query.p[end] != ';')
            end++;
        if (pn_str_eq(pn_str_head(query, end), name))
            return true;
        query = pn_str_from(query, end + 1);
    }
    return false;
}

static int64_t refresh_of(pn_str query)
{
    size_t   at = pn_str_find(query, PN_STR("refresh"));
    pn_str   number;
    size_t   digits = 0;
    uint64_t seconds;

    if (at == SIZE_MAX)
        return 0;
    number = pn_str_from(query, at + sizeof("refresh") - 1);
    if (number.n && number.p[0] == '=')
        number = pn_str_from(number, 1);
    while (digits < number.n && number.p[digits] >= '0' && number.p[digits] <= '9')
        digits++;
    if (pn_str_to_u64(pn_str_head(number, digits), INT32_MAX, &seconds) != PN_OK || seconds == 0)
        return REFRESH_DEFAULT_S;
    return (int64_t)seconds;
}

/* COMPAT: 2.4 looks for its words anywhere in the query; ours are whole parameters. */
static struct status_query parse(pn_str query)
{
    return (struct status_query){
        .notable = pn_str_find(query, PN_STR("notable")) != SIZE_MAX,
        .automatic = pn_str_find(query, PN_STR("auto")) != SIZE_MAX,
        .json = has_parameter(query, PN_STR("json")),
        .metrics = has_parameter(query, PN_STR("metrics")),
        .refresh_s = refresh_of(query),
    };
}

static void put_page(struct pn_request *r, const struct status *s, const struct status_query *q, struct pn_buf *out)
{
    const char *nonce = page_policy(r, true);

    pn_set_content_type(r, PN_STR("text/html; charset=utf-8"));
    status_put_page(s, q, nonce, out);
}

static void put(struct pn_request *r, const struct status *s, const struct status_query *q, struct pn_buf *out)
{
    if (q->automatic) {
        pn_set_content_type(r, PN_STR("text/plain; charset=ISO-8859-1"));
        status_put_text(s, out);
    }
    else if (q->json) {
        pn_set_content_type(r, PN_STR("application/json"));
        status_put_json(s, out);
    }
    else if (q->metrics) {
        pn_set_content_type(r, PN_STR("text/plain; version=0.0.4; charset=utf-8"));
        status_put_metrics(s, out);
    }
    else
        put_page(r, s, q, out);
}

static enum pn_verdict handler(struct pn_request *r)
{
    struct status       s;
    struct status_query q;
    struct pn_buf       out;
    pn_str              content;

    if (!pn_str_eq(r->handler, PN_STR("server-status")) &&
        !pn_str_eq(r->handler, PN_STR("application/x-httpd-status")))
        return PN_NEXT;
    if (!pn_method_is(r, PN_METHOD_GET) && !pn_method_is(r, PN_METHOD_HEAD))
        return PN_NEXT;
    if (!status_collect(r, &s))
        return pn_reject(r, 500, NULL, 1237, "Server status is not available: there is no scoreboard");
    q = parse(r->query);
    if (q.refresh_s)
        pn_headers_set_name(&r->out, PN_STR("Refresh"), pn_str_printf(r->pool, "%lld", (long long)q.refresh_s));
    page_not_stored(r);
    pn_buf_init(&out, r->pool, PAGE_MAX_BYTES);
    pn_buf_reserve(&out, 64 * 1024);
    put(r, &s, &q, &out);
    if (pn_buf_done(&out, &content) != PN_OK)
        return pn_reject_quietly(r, 500);
    r->body = pn_body_bytes(r, content);
    return PN_HANDLED;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, handler, { 0 });
}

struct pn_module pn_module_status = {
    .api = PN_MODULE_API,
    .name = "mod_status.c",
    .apache_id = "status_module",
    .hooks = hooks,
};
