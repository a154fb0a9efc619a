/* mod_headers_format.c - the values of Header and RequestHeader: text with %-formats, or an expression. */
#include "mod_headers.h"

#include <pinion/load.h>
#include <stdlib.h>

enum piece_kind { PIECE_TEXT, PIECE_TIME, PIECE_DURATION, PIECE_LOAD, PIECE_IDLE, PIECE_BUSY, PIECE_ENV, PIECE_TLS };

struct piece {
    enum piece_kind       kind;
    pn_str                text; /* of PIECE_TEXT; name of a variable */
    const struct pn_expr *tls;  /* PIECE_TLS: %{SSL:name} */
};

struct header_format {
    const struct pn_expr *expr;   /* the whole value; NULL: pieces */
    apr_array_header_t   *pieces; /* of struct piece */
};

static const char *compile_expr(struct pn_conf_cmd *cmd, pn_str text, const struct pn_expr **ret)
{
    struct pn_expr_error wrong = { 0 };
    unsigned             flags = cmd->context & PN_CTX_HTACCESS ? PN_EXPR_RESTRICTED : 0;

    if (pn_expr_compile(cmd->pool, text, PN_EXPR_STRING, flags, ret, &wrong) == PN_OK)
        return NULL;
    return pn_conf_error_text(cmd, "Can't parse value expression: %s", wrong.text);
}

static void push(const struct header_format *format, struct piece piece)
{
    *(struct piece *)apr_array_push(format->pieces) = piece;
}

/* One format behind its '%'; advances *text past it. */
static const char *compile_piece(struct pn_conf_cmd *cmd, const struct header_format *format, pn_str *text)
{
    static const struct { char letter; enum piece_kind kind; bool named; } letters[] = {
        { 't', PIECE_TIME, false }, { 'D', PIECE_DURATION, false }, { 'l', PIECE_LOAD, false }, { 'i', PIECE_IDLE, false },
        { 'b', PIECE_BUSY, false }, { 'e', PIECE_ENV, true },       { 's', PIECE_TLS, true },
    };
    struct piece piece = { .text = { NULL, 0 } };

    if (text->n && text->p[0] == '{') {
        size_t close = pn_str_chr(*text, '}', 1);
        if (close == SIZE_MAX)
            return "Unrecognized header format: a { without its }";
        piece.text = pn_str_dup(cmd->pool, pn_str_n(text->p + 1, close - 1));
        *text = pn_str_from(*text, close + 1);
    }
    char letter = text->n ? text->p[0] : '\0';
    for (size_t i = 0; i < PN_COUNT(letters); i++) {
        if (letter != letters[i].letter || (letters[i].named && !piece.text.n))
            continue;
        piece.kind = letters[i].kind;
        *text = pn_str_from(*text, 1);
        push(format, piece);
        return piece.kind == PIECE_TLS
                   ? compile_expr(cmd, PN_CAT(cmd->pool, PN_STR("%{SSL:"), piece.text, PN_STR("}")),
                                  &APR_ARRAY_IDX(format->pieces, format->pieces->nelts - 1, struct piece).tls)
                   : NULL;
    }
    return pn_conf_error_text(cmd, "Unrecognized header format %%%c", letter ? letter : ' ');
}

const char *pn__header_format_compile(struct pn_conf_cmd *cmd, pn_str text, const struct header_format **ret)
{
    struct header_format *format = apr_pcalloc(cmd->pool, sizeof(*format));
    const char           *error = NULL;

    *ret = format;
    if (pn_str_istarts(text, PN_STR("expr=")))
        return compile_expr(cmd, pn_str_from(text, 5), &format->expr);
    format->pieces = apr_array_make(cmd->pool, 2, sizeof(struct piece));
    while (text.n && !error) {
        size_t percent = pn_str_chr(text, '%', 0);
        size_t n = percent == SIZE_MAX ? text.n : percent;
        if (n)
            push(format, (struct piece){ .text = pn_str_dup(cmd->pool, pn_str_head(text, n)) });
        text = pn_str_from(text, n + 1);
        if (percent == SIZE_MAX)
            break;
        if (text.n == 0 || text.p[0] == '%') { /* one at the very end stands for itself */
            push(format, (struct piece){ .text = PN_STR("%") });
            text = pn_str_from(text, 1);
        }
        else
            error = compile_piece(cmd, format, &text);
    }
    return error;
}

/* ---- values ---- */

static void put_load(struct pn_buf *out)
{
    double load[3] = { 0 };

    (void)!getloadavg(load, 3);
    pn_buf_printf(out, "l=%.2f/%.2f/%.2f", load[0], load[1], load[2]);
}

static void put_busyness(struct pn_request *r, struct pn_buf *out, bool idle)
{
    const struct pn_load_provider *provider = pn_provider(r->server->generation, "load", PN_STR("server"));

    pn_buf_str(out, idle ? PN_STR("i=") : PN_STR("b="));
    if (provider)
        pn_buf_u64(out, idle ? 100 - provider->busy_percent() : provider->busy_percent());
    else
        pn_buf_ch(out, '-');
}

static void put_or_null(struct pn_buf *out, pn_str value)
{
    pn_buf_str(out, value.p ? value : PN_STR("(null)"));
}

/* Line ends in a variable would end the field: they become blanks. */
static void put_variable(struct pn_request *r, struct pn_buf *out, const char *name)
{
    pn_str value = pn_str_z(pn_env_get(r, name));

    if (value.p && !pn_header_value_ok(value)) {
        char *clean = pn_str_zdup(r->pool, value);
        for (char *c = clean; *c; c++)
            *c = *c == '\r' || *c == '\n' ? ' ' : *c;
        value = pn_str_z(clean);
    }
    put_or_null(out, value);
}

PN_MAY_YIELD static pn_rc put_piece(struct pn_request *r, const struct piece *piece, struct pn_buf *out)
{
    pn_str value = { NULL, 0 };

    switch (piece->kind) {
    case PIECE_TEXT: pn_buf_str(out, piece->text); break;
    case PIECE_TIME: pn_buf_printf(out, "t=%lld", (long long)r->time); break;
    case PIECE_DURATION: pn_buf_printf(out, "D=%lld", (long long)(apr_time_now() - r->time)); break;
    case PIECE_LOAD: put_load(out); break;
    case PIECE_IDLE: put_busyness(r, out, true); break;
    case PIECE_BUSY: put_busyness(r, out, false); break;
    case PIECE_ENV: put_variable(r, out, piece->text.p); break;
    case PIECE_TLS:
        if (pn_expr_text_of(r, piece->tls, &value) != PN_OK)
            return PN_BAD;
        put_or_null(out, value.n ? value : (pn_str){ NULL, 0 });
        break;
    }
    return PN_OK;
}

#define VALUE_MAX (64 * 1024)

pn_rc pn__header_format_value(struct pn_request *r, const struct header_format *format, pn_str *ret)
{
    struct pn_buf out;

    if (format->expr)
        return pn_expr_text_of(r, format->expr, ret);
    if (format->pieces->nelts == 1 && APR_ARRAY_IDX(format->pieces, 0, struct piece).kind == PIECE_TEXT) {
        *ret = APR_ARRAY_IDX(format->pieces, 0, struct piece).text;
        return PN_OK;
    }
    pn_buf_init(&out, r->pool, VALUE_MAX);
    for (int i = 0; i < format->pieces->nelts; i++) {
        pn_rc rc = put_piece(r, &APR_ARRAY_IDX(format->pieces, i, struct piece), &out);
        if (rc != PN_OK)
            return rc;
    }
    return pn_buf_done(&out, ret);
}
