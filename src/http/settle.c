/* settle.c - the first pull of an answer whose length is not known, while its head can still change.
 *
 * What is all there after one pull gets a length, and a body that fails at once becomes an error page in place of an answer that
 * is cut off before it has begun. Called by the protocols, right before the head is made. */
#include "http/request_core.h"

static bool has_no_body(const struct pn_request *r)
{
    return r->head_only || r->status < 200 || r->status == 204 || r->status == 304;
}

static void replace_body(struct pn_request *r, struct pn_body *body)
{
    pn_body_close(r->body);
    r->body = body;
}

/* Whoever failed has said with which status; it may have done so where the request came from. */
static int status_of_failure(const struct pn_request *r)
{
    for (; r; r = r->prev)
        if (r->core->reject_status >= 400)
            return r->core->reject_status;
    return 500;
}

/* @return PN_FAILED: the body cannot be had, and the answer is to be another. */
PN_MAY_YIELD static pn_rc look(struct pn_request *r)
{
    struct pn_chunk first = { .fd = -1 };

    if (r->body->length >= 0 || has_no_body(r))
        return PN_OK;
    struct pn_body *rest = r->body;
    pn_rc           rc = pn_body_next(rest, &first);
    if (rc == PN_OK)
        r->body = pn__body_resumed(r, &first, rest);
    else if (rc == PN_EOF)
        replace_body(r, pn_body_empty(r));
    else if (rc != PN_FAILED)
        replace_body(r, pn__body_failing(r, rc));
    return rc == PN_FAILED ? rc : PN_OK;
}

struct pn_request *pn_pipeline_settle(struct pn_request *r)
{
    if (PN_LIKELY(look(r) == PN_OK))
        return r;
    if (!r->is_error) {
        r = pn_pipeline_error(r, status_of_failure(r));
        if (look(r) == PN_OK)
            return r;
    }
    replace_body(r, NULL); /* the document for errors cannot be had either */
    pn__error_page(r, r->status);
    return r;
}
