/* error_answer.c - what a client gets when a request ends in an error or a redirection: ErrorDocument, or our own page.
 * Apache manual: "Custom Error Responses". */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>

#include "http/request_core.h"
#include <pinion/uri.h>

static const struct pn_error_document *document_for(const struct pn_request *r, int status)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);
    int                       key = status;

    if (!conf->error_documents)
        return NULL;
    const struct pn_error_document *doc = apr_hash_get(conf->error_documents, &key, sizeof(key));
    return doc && !doc->is_default ? doc : NULL;
}

/* The head of an error holds nothing of the answer that was being made. */
static void reset_head(struct pn_request *r)
{
    pn_str location = pn_headers_get(&r->out, PN_HDR_LOCATION);
    pn_str allow = pn_headers_get(&r->out, PN_HDR_ALLOW);

    pn_headers_init(&r->out, r->pool, 8);
    if (location.p)
        pn_headers_set(&r->out, PN_HDR_LOCATION, location);
    if (allow.p)
        pn_headers_set(&r->out, PN_HDR_ALLOW, allow);
    r->content_encoding = PN_STR("");
    r->languages = NULL;
    r->core->output_filters = NULL;
}

/* ---- the built-in page ---- */

/* COMPAT: 2.4 labels its pages and ErrorDocument texts so; a redirected page inherits the label in some clients, which
 * the variable suppress-error-charset prevents. */
static pn_str page_type(const struct pn_request *r)
{
    if (pn_env_get(r, "suppress-error-charset"))
        return PN_STR("text/html");
    return PN_STR("text/html; charset=iso-8859-1");
}

static void page_line(struct pn_buf *out, pn_str explanation)
{
    if (explanation.n == 0)
        return;
    pn_buf_lit(out, "<p>");
    pn_buf_str(out, explanation);
    pn_buf_lit(out, "</p>\n");
}

static void page_signature(struct pn_request *r, struct pn_buf *out)
{
    const struct pn_core_dir *conf = pn_core_dir(r->dir_conf);

    if (conf->signature == PN_SIGNATURE_OFF)
        return;
    pn_str name = pn_html_escape(r->pool, pn_self_name(r));
    pn_buf_lit(out, "<hr>\n<address>");
    pn_buf_str(out, pn_core_server(r->conn->generation->servers)->server_header);
    pn_buf_lit(out, " Server at ");
    if (conf->signature == PN_SIGNATURE_EMAIL && r->server->admin.n) {
        pn_str admin = pn_html_escape(r->pool, r->server->admin);
        pn_buf_printf(out, "<a href=\"mailto:%.*s\">%.*s</a>", PN_FMT(admin), PN_FMT(name));
    }
    else
        pn_buf_str(out, name);
    pn_buf_printf(out, " Port %u</address>\n", pn_self_port(r));
}

static void page_location(struct pn_request *r, struct pn_buf *out)
{
    pn_str location = pn_headers_get(&r->out, PN_HDR_LOCATION);

    if (!location.p)
        return;
    pn_str escaped = pn_html_escape(r->pool, location);
    pn_buf_printf(out, "<p>You will find it at <a href=\"%.*s\">%.*s</a>.</p>\n", PN_FMT(escaped), PN_FMT(escaped));
}

/* What mod_negotiation and mod_speling leave to choose from, as HTML. */
static void page_variants(struct pn_request *r, int status, struct pn_buf *out)
{
    const char *list = status == 300 || status == 406 ? pn_note_get(r, "variant-list") : NULL;

    if (list)
        pn_buf_str(out, pn_str_z(list));
}

void pn__error_page(struct pn_request *r, int status)
{
    struct pn_buf out;
    pn_str        page = PN_STR("");
    pn_str        line = r->reason.n ? pn_html_escape(r->pool, r->reason) : pn_str_from(pn_status_line(status), 4);

    pn_buf_init(&out, r->pool, (size_t)2 << 20);
    pn_buf_printf(&out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>%d %.*s</title>\n"
                        "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1rem}"
                        "h1{font-weight:600}address{font-style:normal;opacity:.7;font-size:.85rem}</style>\n"
                        "</head>\n<body>\n<h1>%.*s</h1>\n",
                  status, PN_FMT(line), PN_FMT(line));
    page_line(&out, pn_status_explain(status));
    page_line(&out, pn_str_z(pn_note_get(r, "error-notes")));
    page_location(r, &out);
    page_variants(r, status, &out);
    if (r->prev && r->prev->first_status >= 400 && r->prev->first_status != status)
        pn_buf_printf(&out, "<p>The document for a %d error could not be had either.</p>\n", r->prev->first_status);
    page_signature(r, &out);
    pn_buf_lit(&out, "</body>\n</html>\n");
    pn_assert(pn_buf_done(&out, &page) == PN_OK);
    r->content_type = page_type(r);
    r->body = pn_body_bytes(r, page);
}

/* ---- ErrorDocument ---- */

/* The variables by which the document knows what happened. */
static void tell_document(struct pn_request *to, struct pn_request *from, int status)
{
    const char *notes = pn_note_get(from, "error-notes");

    pn__carry_env(to, from, status);
    apr_table_setn(pn_env(to), "REDIRECT_REQUEST_METHOD", from->method.p ? from->method.p : "");
    if (notes)
        apr_table_setn(pn_env(to), "REDIRECT_ERROR_NOTES", notes);
}

PN_MAY_YIELD static struct pn_request *local_document(struct pn_request *r, int status, pn_str url)
{
    struct pn_request *doc = pn__request_derive(r);

    r->next = doc;
    doc->prev = r;
    doc->redirects = r->redirects + 1;
    doc->err_out = r->err_out;
    doc->status = status;
    doc->first_status = status;
    doc->is_error = true;
    doc->keep_alive = r->keep_alive;
    if (!doc->head_only) {
        doc->method = PN_STR("GET");
        doc->method_id = PN_METHOD_GET;
    }
    tell_document(doc, r, status);
    int failed = pn__request_set_target(doc, url);
    if (!failed && pn__run_phase(doc, doc->server->plan, PN_PHASE_POST_READ_REQUEST) == PN_REJECTED)
        failed = doc->core->reject_status;
    if (!failed)
        failed = pn__pipeline_lookup(doc);
    if (!failed && !doc->next)
        failed = pn__pipeline_handle(doc);
    while (doc->next)
        doc = doc->next;
    if (failed) {
        reset_head(doc);
        doc->status = status;
        doc->prev->first_status = failed; /* told on the page */
        pn__error_page(doc, status);
        return doc;
    }
    if (doc->status == 200 || doc->status == 206)
        doc->status = status;
    return doc;
}

PN_MAY_YIELD static struct pn_request *with_document(struct pn_request *r, int status, const struct pn_error_document *doc)
{
    pn_str text = doc->text;

    if (doc->expr) {
        if (pn_expr_text_of(r, doc->expr, &text) != PN_OK)
            return NULL;
    }
    if (doc->kind == PN_ERRDOC_EXTERNAL) {
        pn_headers_set(&r->out, PN_HDR_LOCATION, text);
        r->status = 302;
        pn__error_page(r, 302);
        return r;
    }
    if (doc->kind == PN_ERRDOC_LOCAL)
        return local_document(r, status, text);
    r->is_error = true;
    r->body = pn_body_bytes(r, text);
    r->content_type = page_type(r);
    return r;
}

/* After these the connection can't be used again: what follows on it may not be a request. */
static bool closes(int status)
{
    switch (status) {
    case 400: case 408: case 411: case 413: case 414: case 417: case 500: case 501: case 503: return true;
    default: return false;
    }
}

struct pn_request *pn__error_answer(struct pn_request *r, int status)
{
    while (r->next)
        r = r->next;
    if (!pn_status_known(status) || status < 100)
        status = 500;
    r->status = status;
    if (!r->first_status)
        r->first_status = status;
    if (status == 304) { /* validators and caching fields stay, there is no content */
        pn_body_close(r->body);
        r->body = pn_body_empty(r);
        return r;
    }
    reset_head(r);
    pn_body_close(r->body);
    r->body = NULL;
    r->keep_alive = r->keep_alive && !closes(status);
    if (r->expecting_100)
        r->keep_alive = false; /* the client may or may not send the body now */
    if (status == 204 || status == 205) {
        r->body = pn_body_empty(r);
        return r;
    }
    const struct pn_error_document *doc = r->is_error ? NULL : document_for(r, status);
    struct pn_request              *answer = doc ? with_document(r, status, doc) : NULL;
    if (answer)
        return answer;
    r->is_error = true;
    pn__error_page(r, status);
    return r;
}
