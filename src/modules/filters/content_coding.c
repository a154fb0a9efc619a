/* content_coding.c - who gets a compressed answer and with which fields (content_coding.h).
 * RFC 9110 s8.4 (Content-Encoding), s12.5.3 (Accept-Encoding), s8.8.3.3 (entity tags vary with the coding). */
#include "content_coding.h"
#include "coded_body.h"

const char *const etag_policy_names[] = { "AddSuffix", "NoChange", "Remove", NULL };

/* ---- Accept-Encoding ---- */

/* The weight of a member, in thousandths (RFC 9110 s12.4.2); what can't be read counts as 0. */
static unsigned weight_of(pn_str parameters)
{
    while (parameters.n) {
        pn_str one = pn_str_trim(pn_str_cut(parameters, ';', &parameters)), value;
        pn_str name = pn_str_trim(pn_str_cut(one, '=', &value));
        if (!pn_str_ieq(name, PN_STR("q")))
            continue;
        value = pn_str_trim(value);
        if (value.n == 0 || value.n > 5 || (value.p[0] != '0' && value.p[0] != '1') || (value.n > 1 && value.p[1] != '.'))
            return 0;
        unsigned weight = value.p[0] == '1' ? 1000 : 0, digit = 100;
        for (size_t i = 2; i < value.n; i++, digit /= 10) {
            if (value.p[i] < '0' || value.p[i] > '9')
                return 0;
            weight += digit * (unsigned)(value.p[i] - '0');
        }
        return weight > 1000 ? 1000 : weight;
    }
    return 1000;
}

unsigned coding_quality(pn_str accept, pn_str token, pn_str alias)
{
    int    own = -1, identity = -1, any = -1;
    pn_str member;

    while ((member = pn_header_list_next(&accept)).p) {
        pn_str parameters;
        pn_str name = pn_str_trim(pn_str_cut(member, ';', &parameters));
        int    weight = (int)weight_of(parameters);
        if (pn_str_ieq(name, token) || (alias.n && pn_str_ieq(name, alias)))
            own = weight > own ? weight : own;
        else if (pn_str_ieq(name, PN_STR("identity")))
            identity = weight;
        else if (pn_str_eq(name, PN_STR("*")))
            any = weight;
    }
    /* "*" alone admits every coding and asks for none: the content goes as it is, as it does in Apache. */
    if (own < 0)
        return identity == 0 && any > 0 ? (unsigned)any : 0;
    return identity > own ? 0 : (unsigned)own;
}

/* ---- fields of the answer ---- */

static bool is_identity(pn_str coding)
{
    return pn_str_ieq(coding, PN_STR("identity")) || pn_str_ieq(coding, PN_STR("7bit")) ||
           pn_str_ieq(coding, PN_STR("8bit")) || pn_str_ieq(coding, PN_STR("binary"));
}

static void add_codings(struct pn_request *r, pn_str list, pn_str *all)
{
    pn_str one;

    while ((one = pn_header_list_next(&list)).p)
        if (!is_identity(one))
            *all = all->n ? PN_CAT(r->pool, *all, PN_STR(", "), one) : one;
}

pn_str coding_present(struct pn_request *r)
{
    pn_str all = PN_STR("");
    pn_str own = pn_headers_joined(&r->out, r->pool, PN_HDR_CONTENT_ENCODING);

    add_codings(r, own.p ? own : r->content_encoding, &all);
    if (PN_UNLIKELY(r->err_out.n))
        add_codings(r, pn_headers_joined(&r->err_out, r->pool, PN_HDR_CONTENT_ENCODING), &all);
    return all;
}

void coding_vary(struct pn_request *r)
{
    pn_str vary = pn_headers_joined(&r->out, r->pool, PN_HDR_VARY);

    if (!vary.p)
        pn_headers_set(&r->out, PN_HDR_VARY, PN_STR("Accept-Encoding"));
    else if (!pn_header_has_token(vary, PN_STR("Accept-Encoding")) && !pn_header_has_token(vary, PN_STR("*")))
        pn_headers_merge(&r->out, PN_HDR_VARY, PN_STR("Accept-Encoding"));
}

static void change_etag_of(struct pn_request *r, struct pn_headers *fields, pn_str suffix, int policy)
{
    pn_str tag = pn_headers_get(fields, PN_HDR_ETAG);

    if (!tag.p)
        return;
    if (policy == ETAG_REMOVE)
        pn_headers_unset(fields, PN_HDR_ETAG);
    else if (tag.n > 1 && tag.p[tag.n - 1] == '"')
        pn_headers_set(fields, PN_HDR_ETAG, PN_CAT(r->pool, pn_str_head(tag, tag.n - 1), suffix, PN_STR("\"")));
}

void coding_change_etag(struct pn_request *r, pn_str suffix, int policy)
{
    if (policy == ETAG_NO_CHANGE)
        return;
    change_etag_of(r, &r->out, suffix, policy);
    if (PN_UNLIKELY(r->err_out.n))
        change_etag_of(r, &r->err_out, suffix, policy);
}

static void set_fields(struct pn_request *r, const struct content_coding *coding, const struct coding_settings *settings)
{
    pn_headers_unset(&r->out, PN_HDR_CONTENT_LENGTH);
    pn_headers_unset(&r->out, PN_HDR_CONTENT_MD5);
    if (PN_UNLIKELY(r->err_out.n)) {
        pn_headers_unset(&r->err_out, PN_HDR_CONTENT_ENCODING);
        pn_headers_unset(&r->err_out, PN_HDR_CONTENT_MD5);
    }
    pn_headers_set(&r->out, PN_HDR_CONTENT_ENCODING, coding->token);
    r->content_encoding = coding->token;
    coding_change_etag(r, coding->suffix, settings->etag_policy);
}

static pn_str opaque(pn_str tag)
{
    return pn_str_starts(tag, PN_STR("W/")) ? pn_str_from(tag, 2) : tag;
}

/* Has the client this very representation? The handler compared its own tag, which is that of the content as it is.
 * RFC 9110 s13.1.2, weak comparison. */
static bool client_has_it(const struct pn_request *r)
{
    pn_str list = pn_headers_get(&r->in, PN_HDR_IF_NONE_MATCH), own = pn_headers_get(&r->out, PN_HDR_ETAG), tag;

    if (PN_LIKELY(!list.p) || !own.p || r->status != 200 || (r->method_id != PN_METHOD_GET && !r->head_only))
        return false;
    while ((tag = pn_header_list_next(&list)).p)
        if (pn_str_eq(opaque(tag), opaque(own)))
            return true;
    return false;
}

/* ---- whose answer ---- */

static bool is_html(const struct pn_request *r)
{
    pn_str rest;

    return pn_str_ieq(pn_str_trim(pn_str_cut(r->content_type, ';', &rest)), PN_STR("text/html"));
}

/* Is this an answer that may be compressed at all, whoever asks? */
static bool is_candidate(struct pn_request *r, const struct content_coding *coding)
{
    if (r->main || r->status == 204 || r->assbackwards || pn_headers_has(&r->out, PN_HDR_CONTENT_RANGE))
        return false;
    if (PN_UNLIKELY(r->env != NULL)) {
        if (pn_env_get(r, coding->off_env))
            return false;
        if (coding->html_env && pn_env_get(r, coding->html_env) && !is_html(r))
            return false;
    }
    return coding_present(r).n == 0;
}

static bool is_wanted(struct pn_request *r, const struct content_coding *coding)
{
    if (coding->force_env && r->env && pn_env_get(r, coding->force_env))
        return true;
    pn_str accept = pn_headers_joined(&r->in, r->pool, PN_HDR_ACCEPT_ENCODING);
    return accept.p && coding_quality(accept, coding->token, coding->alias) > 0;
}

/* ---- notes for the logs ---- */

static void set_number(struct pn_request *r, pn_str name, uint64_t value)
{
    if (name.n)
        apr_table_setn(pn_notes(r), name.p, pn_str_printf(r->pool, "%llu", (unsigned long long)value).p);
}

void coding_note_sizes(struct pn_request *r, const struct content_coding *coding, const struct coding_notes *notes,
                       uint64_t in_bytes, uint64_t out_bytes)
{
    out_bytes -= out_bytes < coding->frame_bytes ? out_bytes : coding->frame_bytes;
    set_number(r, notes->input, in_bytes);
    set_number(r, notes->output, out_bytes);
    if (notes->ratio.n && in_bytes)
        set_number(r, notes->ratio, out_bytes * 100 / in_bytes);
    else if (notes->ratio.n)
        apr_table_setn(pn_notes(r), notes->ratio.p, "-");
}

/* ---- wrapping ---- */

/* Pulls once where that is how to learn what comes. @return the body to go on with. */
PN_MAY_YIELD static struct pn_body *look(struct pn_request *r, struct pn_body *below, struct pn_chunk *ret_first)
{
    *ret_first = (struct pn_chunk){ .fd = -1 };
    if (below->length >= 0 && (!r->file || (uint64_t)below->length != r->finfo.size))
        return below;
    pn_rc rc = pn_body_next(below, ret_first);
    if (rc != PN_EOF)
        return body_after(r, rc, ret_first, below);
    pn_body_close(below);
    return pn_body_empty(r);
}

/* Notes are written for a body that is at hand just as for one that is made on the way. */
static struct pn_body *at_hand(struct pn_request *r, const struct content_coding *coding, const struct coding_notes *notes,
                               pn_str bytes)
{
    coding_note_sizes(r, coding, notes, r->finfo.size, bytes.n);
    return pn_body_bytes(r, bytes);
}

struct pn_body *coding_wrap(struct pn_request *r, struct pn_body *below, const struct content_coding *coding,
                            const struct coding_settings *settings)
{
    struct pn_chunk first;
    pn_str          bytes;

    if (!is_candidate(r, coding))
        return below;
    if (r->status == 304) { /* RFC 9110 s15.4.5: Vary as on a 200 */
        if (!r->file || r->finfo.size >= CODING_LEAST_BYTES)
            coding_vary(r);
        return below;
    }
    below = look(r, below, &first);
    if (below->length >= 0 && below->length < CODING_LEAST_BYTES)
        return below;
    coding_vary(r);
    if (!is_wanted(r, coding))
        return below;
    set_fields(r, coding, settings);
    if (client_has_it(r)) {
        r->status = 304;
        pn_headers_unset(&r->out, PN_HDR_CONTENT_ENCODING);
        pn_body_close(below);
        return pn_body_empty(r);
    }
    if (pn_chunk_is_whole_file(r, &first) && pn_variant_of_file(r, &settings->variant, &bytes) == PN_OK)
        return at_hand(r, coding, &settings->notes, bytes);
    return coded_body(r, below, coding, settings);
}

/* ---- settings ---- */

const char *coding_set_note(struct pn_conf_cmd *cmd, struct coding_notes *notes, unsigned argc, const pn_str *argv)
{
    pn_str name = pn_str_dup(cmd->pool, argv[argc - 1]);

    if (argc == 1 || pn_str_ieq(argv[0], PN_STR("ratio")))
        notes->ratio = name;
    else if (pn_str_ieq(argv[0], PN_STR("input")))
        notes->input = name;
    else if (pn_str_ieq(argv[0], PN_STR("output")))
        notes->output = name;
    else
        return pn_conf_error_text(cmd, "Unknown note type %.*s: Input, Output or Ratio", PN_FMT(argv[0]));
    return NULL;
}

void coding_merge_notes(struct coding_notes *merged, const struct coding_notes *add)
{
    if (add->input.p)
        merged->input = add->input;
    if (add->output.p)
        merged->output = add->output;
    if (add->ratio.p)
        merged->ratio = add->ratio;
}
