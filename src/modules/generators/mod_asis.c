/* mod_asis - files that hold an answer whole: status, fields, an empty line, content (handler send-as-is).
 * Runs: handler.   Yields: reading the file, another URL in its place.   Config: none.   Spec: Apache manual, mod_asis. */
#define PN_LOG_MODULE &pn_module_asis
#include <pinion/cgi.h>
#include <pinion/log.h>

struct pn_module pn_module_asis;

static bool is_for_us(const struct pn_request *r)
{
    return r->handler.n ? pn_str_eq(r->handler, PN_STR("send-as-is")) : pn_str_eq(r->content_type, PN_STR("httpd/send-as-is"));
}

static enum pn_verdict bad_head(struct pn_request *r, const char *why)
{
    return pn_reject(r, 500, PN_LOG_MODULE, 1235, "mod_asis: failed to find end-of-headers position for %s: %s", r->filename.p, why);
}

/* Takes the head over into r. @return PN_NEXT with where the content begins. */
PN_MAY_YIELD static enum pn_verdict take_head(struct pn_request *r, int fd, size_t *ret_end, bool *ret_has_status)
{
    struct pn_cgi_scan scan = { 0 };
    const char        *why = "there is no empty line behind the fields";
    uint64_t           most = r->finfo.size < PN_CGI_HEAD_MAX ? r->finfo.size : PN_CGI_HEAD_MAX;
    pn_str             start;

    if (pn_body_read_all(pn_body_in_memory(r, pn_body_file(r, fd, 0, most)), r->pool, PN_CGI_HEAD_MAX, &start) != PN_OK)
        return bad_head(r, "it can't be read");
    pn_rc rc = pn_cgi_head_end(&scan, start, ret_end, &why);
    if (rc == PN_AGAIN && start.n == r->finfo.size) { /* fields and nothing else */
        start = PN_CAT(r->pool, start, PN_STR("\n\n"));
        scan = (struct pn_cgi_scan){ 0 };
        rc = pn_cgi_head_end(&scan, start, ret_end, &why);
    }
    if (rc != PN_OK)
        return bad_head(r, why);
    char *head = pn_str_zdup(r->pool, pn_str_head(start, *ret_end));
    r->content_type = PN_STR("");
    if (pn_cgi_head_take(r, PN_CGI_PARSED, head, *ret_end, ret_has_status, &why) != PN_OK)
        return bad_head(r, why);
    return PN_NEXT;
}

static bool leads_elsewhere_here(const struct pn_request *r, pn_str location)
{
    return location.n && location.p[0] == '/' && (r->status == 200 || (r->status >= 300 && r->status < 400));
}

static enum pn_verdict asis_handler(struct pn_request *r)
{
    size_t end;
    bool   has_status;
    int    fd;

    if (PN_LIKELY(!is_for_us(r)) || (r->method_id != PN_METHOD_GET && r->method_id != PN_METHOD_HEAD))
        return PN_NEXT;
    if (r->finfo.type == PN_FILE_NONE)
        return pn_reject(r, 404, PN_LOG_MODULE, 1233, "File does not exist: %s", r->filename.p);
    if (r->finfo.type != PN_FILE_REGULAR || pn_open_filename(r, &fd) != PN_OK)
        return pn_reject(r, 403, PN_LOG_MODULE, 1234, "file permissions deny server access: %s", r->filename.p);
    enum pn_verdict verdict = take_head(r, fd, &end, &has_status);
    if (verdict != PN_NEXT)
        return verdict;
    pn_str location = pn_headers_get(&r->out, PN_HDR_LOCATION);
    if (leads_elsewhere_here(r, location)) {
        pn_headers_unset(&r->out, PN_HDR_LOCATION);
        r->status = 200;
        return pn_redirect_internal(r, location);
    }
    r->body = end < r->finfo.size ? pn_body_file(r, fd, end, r->finfo.size - end) : pn_body_empty(r);
    if (r->head_only)
        r->body->length = -1;
    return PN_HANDLED;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_handler(h, asis_handler, { 0 });
}

struct pn_module pn_module_asis = {
    .api = PN_MODULE_API,
    .name = "mod_asis.c",
    .apache_id = "asis_module",
    .hooks = hooks,
};
