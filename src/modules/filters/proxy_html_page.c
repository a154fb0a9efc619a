/* proxy_html_page.c - a page parsed as it comes and written again with its links changed.
 *
 * libxml2's push parser calls back for each element and text; nothing of the page is kept but the script or style sheet at hand,
 * where those are looked into. What the parser holds back for want of an end is bounded. */
#define PN_LOG_MODULE &pn_module_proxy_html
#include <pinion/log.h>

#include <libxml/HTMLparser.h>

#include "proxy_html.h"

#define PIECE_BYTES ((size_t)4096)            /* handed to the parser at a time */
#define OUT_BYTES ((size_t)8192)              /* handed on at a time, at least */
#define OUT_MAX ((size_t)64 << 20)
#define CONTENT_MAX ((size_t)16 << 20)        /* of one script or style sheet that is looked into */
#define HELD_BACK_MAX ((size_t)16 << 20)        /* bytes that the parser keeps for want of an end */
#define TAIL_MAX ((size_t)64 << 10)           /* of bytes without the end of a tag, held back from the parser */
#define DEPTH_MAX 20000
#define LEAST_BYTES 4                         /* a page that is shorter is none */

struct page {
    struct pn_body                super;
    struct pn_body               *below;   /* hands out bytes, not files */
    const struct proxy_html_conf *conf;
    const apr_array_header_t     *maps;
    apr_pool_t                   *scratch; /* of one callback */
    htmlParserCtxtPtr             parser;  /* NULL: not made yet, or given back */
    char                          first[LEAST_BYTES];
    size_t                        first_n;
    struct pn_buf                 out, content, value;
    struct pn_buf                 tail;    /* what stands behind the last > */
    unsigned                      depth;
    size_t                        silent_bytes; /* given to the parser since it last called */
    bool                          utf8, collecting, flush, drained, ended;
    pn_str                        in;      /* of the chunk, not parsed yet */
    const char                   *wrong;   /* why the page is given up */
};

/* ---- writing ---- */

static void put_escaped(struct pn_buf *out, pn_str text)
{
    size_t plain = 0;

    for (size_t i = 0; i < text.n; i++) {
        const char *entity;
        switch (text.p[i]) {
        case '&': entity = "&amp;"; break;
        case '<': entity = "&lt;"; break;
        case '>': entity = "&gt;"; break;
        case '"': entity = "&quot;"; break;
        default: continue;
        }
        pn_buf_add(out, text.p + plain, i - plain);
        pn_buf_str(out, pn_str_z(entity));
        plain = i + 1;
    }
    pn_buf_str(out, pn_str_from(text, plain));
}

static void end_collecting(struct page *self)
{
    if (!self->collecting)
        return;
    self->collecting = false;
    proxy_html_text(self->maps, pn_buf_view(&self->content), MAP_NOT_CONTENT, self->scratch, &self->out);
    if (self->content.full)
        self->wrong = "a script or style sheet is too long";
    pn_buf_clear(&self->content);
    apr_pool_clear(self->scratch);
}

/* ---- attributes ---- */

static void fix(unsigned fixups, struct pn_buf *value)
{
    for (size_t i = 0; i < value->n; i++) {
        char *c = &value->p[i];
        if ((fixups & FIX_LOWERCASE) && *c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
        if ((fixups & FIX_DOSPATH) && *c == '\\')
            *c = '/';
    }
}

static bool is_link(const struct page *self, const apr_array_header_t *attributes, pn_str name)
{
    for (int i = 0; attributes && i < attributes->nelts; i++)
        if (pn_str_ieq(APR_ARRAY_IDX(attributes, i, pn_str), name))
            return true;
    (void)self;
    return false;
}

static void put_attribute(struct page *self, const apr_array_header_t *links, pn_str name, pn_str value)
{
    const struct proxy_html_conf *conf = self->conf;

    pn_buf_ch(&self->out, ' ');
    pn_buf_str(&self->out, name);
    if (!value.p)
        return;
    pn_buf_clear(&self->value);
    if (is_link(self, links, name))
        proxy_html_link(self->maps, value, self->scratch, &self->value);
    else if (conf->extended && conf->events && apr_hash_get(conf->events, name.p, (apr_ssize_t)name.n))
        proxy_html_text(self->maps, value, MAP_NOT_EVENTS, self->scratch, &self->value);
    else
        pn_buf_str(&self->value, value);
    if (self->value.full)
        self->wrong = "an attribute is too long";
    fix(conf->fixups, &self->value);
    pn_buf_lit(&self->out, "=\"");
    put_escaped(&self->out, pn_buf_view(&self->value));
    pn_buf_ch(&self->out, '"');
}

/* ---- what the parser calls ---- */

/* Is the element one that ProxyHTMLDocType's rules know? */
static bool allowed(const struct page *self, const htmlElemDesc *element)
{
    return self->conf->rules == DOC_ANY || (element && (self->conf->rules == DOC_LEGACY || !element->depr));
}

static bool attribute_allowed(const struct page *self, const htmlElemDesc *element, const xmlChar *name)
{
    htmlStatus status;

    if (self->conf->rules == DOC_ANY)
        return true;
    status = htmlAttrAllowed(element, name, self->conf->rules == DOC_LEGACY);
    return status == HTML_VALID || status == HTML_REQUIRED;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar **attributes)
{
    struct page        *self = arg;
    const htmlElemDesc *element = htmlTagLookup(name);
    pn_str              tag = pn_str_z((const char *)name);
    apr_array_header_t *links = self->conf->links ? apr_hash_get(self->conf->links, tag.p, (apr_ssize_t)tag.n) : NULL;

    self->silent_bytes = 0;
    if (++self->depth > DEPTH_MAX)
        self->wrong = "its elements stand too deep in one another";
    if (!allowed(self, element))
        return;
    end_collecting(self);
    pn_buf_ch(&self->out, '<');
    pn_buf_str(&self->out, tag);
    for (const xmlChar **a = attributes; a && a[0]; a += 2)
        if (attribute_allowed(self, element, a[0]))
            put_attribute(self, links, pn_str_z((const char *)a[0]), pn_str_z((const char *)a[1]));
    if (element && element->empty)
        pn_buf_str(&self->out, self->conf->xml_syntax ? PN_STR(" />") : PN_STR(">"));
    else
        pn_buf_ch(&self->out, '>');
    apr_pool_clear(self->scratch);
    self->collecting = self->conf->extended && (pn_str_ieq(tag, PN_STR("script")) || pn_str_ieq(tag, PN_STR("style")));
}

static void on_end(void *arg, const xmlChar *name)
{
    struct page        *self = arg;
    const htmlElemDesc *element = htmlTagLookup(name);

    self->silent_bytes = 0;
    if (self->depth)
        self->depth--;
    if (!allowed(self, element))
        return;
    end_collecting(self);
    if (element && element->empty)
        return;
    pn_buf_lit(&self->out, "</");
    pn_buf_str(&self->out, pn_str_z((const char *)name));
    pn_buf_ch(&self->out, '>');
}

static void on_text(void *arg, const xmlChar *text, int n)
{
    struct page *self = arg;
    pn_str       bytes = pn_str_n((const char *)text, (size_t)n);

    self->silent_bytes = 0;
    if (self->collecting)
        pn_buf_str(&self->content, bytes);
    else
        put_escaped(&self->out, bytes);
}

/* The content of scripts and style sheets, where nothing is escaped. */
static void on_raw(void *arg, const xmlChar *text, int n)
{
    struct page *self = arg;

    self->silent_bytes = 0;
    pn_buf_str(self->collecting ? &self->content : &self->out, pn_str_n((const char *)text, (size_t)n));
}

static void on_comment(void *arg, const xmlChar *text)
{
    struct page   *self = arg;
    struct pn_buf *to = self->collecting ? &self->content : &self->out;

    self->silent_bytes = 0;
    if (self->conf->strip_comments)
        return;
    pn_buf_lit(to, "<!--");
    pn_buf_str(to, pn_str_z((const char *)text));
    pn_buf_lit(to, "-->");
}

static htmlSAXHandler callbacks(void)
{
    return (htmlSAXHandler){ .startElement = on_start, .endElement = on_end, .characters = on_text, .cdataBlock = on_raw,
                             .comment = on_comment };
}

/* ---- parsing ---- */

/* The first bytes make the parser: it looks for a byte order mark there. */
static void make_parser(struct page *self)
{
    htmlSAXHandler sax = callbacks();

    pn_buf_str(&self->out, self->conf->doctype);
    self->parser = htmlCreatePushParserCtxt(&sax, self, self->first, (int)self->first_n, NULL,
                                            self->utf8 ? XML_CHAR_ENCODING_UTF8 : XML_CHAR_ENCODING_NONE);
    pn_assert(self->parser != NULL); /* no memory */
    /* COMPAT: 2.4 leaves out blanks between elements that mean nothing there */
    htmlCtxtUseOptions(self->parser, HTML_PARSE_NOBLANKS | HTML_PARSE_NONET | (self->utf8 ? HTML_PARSE_IGNORE_ENC : 0));
}

/* Gathers what a parser begins with. @return is it there? */
static bool gather_first(struct page *self)
{
    size_t n = LEAST_BYTES - self->first_n;

    n = n < self->in.n ? n : self->in.n;
    memcpy(self->first + self->first_n, self->in.p, n);
    self->first_n += n;
    self->in = pn_str_from(self->in, n);
    if (self->first_n < LEAST_BYTES)
        return false;
    make_parser(self);
    return true;
}

static void parse_some(struct page *self)
{
    pn_str piece = pn_str_head(self->in, PIECE_BYTES);

    if (piece.n == 0 || (!self->parser && !gather_first(self)))
        return;
    piece = pn_str_head(self->in, PIECE_BYTES);
    size_t end = self->tail.n ? pn_str_chr(piece, '>', 0) : pn_str_rchr(piece, '>');
    if (end != SIZE_MAX)
        piece.n = end + 1;
    self->in = pn_str_from(self->in, piece.n);
    if (self->tail.n || end == SIZE_MAX) { /* the parser may lose its way in a tag that comes in two pieces */
        pn_buf_str(&self->tail, piece);
        piece = pn_buf_view(&self->tail);
        if (end == SIZE_MAX && piece.n < TAIL_MAX)
            return;
    }
    if (piece.n)
        htmlParseChunk(self->parser, piece.p, (int)piece.n, 0);
    pn_buf_clear(&self->tail);
    self->silent_bytes += piece.n;
    if (self->silent_bytes > HELD_BACK_MAX)
        self->wrong = "something in it has no end";
}

static void finish(struct page *self)
{
    if (self->parser && self->tail.n)
        htmlParseChunk(self->parser, self->tail.p, (int)self->tail.n, 0);
    if (self->parser)
        htmlParseChunk(self->parser, NULL, 0, 1);
    else
        pn_buf_str(&self->out, pn_str_n(self->first, self->first_n));
    end_collecting(self);
    self->ended = true;
}

PN_MAY_YIELD static pn_rc pull(struct page *self)
{
    struct pn_chunk chunk = { .fd = -1 };
    pn_rc           rc = pn_body_next(self->below, &chunk);

    if (rc != PN_OK && rc != PN_EOF)
        return rc;
    self->drained = rc == PN_EOF || chunk.last;
    self->flush = rc == PN_OK && chunk.flush;
    self->in = rc == PN_OK ? chunk.bytes : PN_STR("");
    return PN_OK;
}

PN_MAY_YIELD static pn_rc step(struct page *self)
{
    if (self->in.n)
        parse_some(self);
    else if (self->drained)
        finish(self);
    else
        return pull(self);
    return PN_OK;
}

PN_MAY_YIELD static pn_rc page_next(struct pn_body *body, struct pn_chunk *ret_chunk)
{
    struct page *self = PN_CONTAINER(body, struct page, super);
    pn_rc        rc = PN_OK;
    bool         flushing = false;

    if (self->ended)
        return PN_EOF;
    pn_buf_clear(&self->out);
    while (rc == PN_OK && !self->ended && !self->wrong && self->out.n < OUT_BYTES && !flushing) {
        rc = step(self);
        flushing = self->flush && self->in.n == 0 && self->out.n;
    }
    if (self->out.full)
        self->wrong = "it becomes too long";
    if (self->wrong)
        return pn_fail(body->r, 500, PN_LOG_MODULE, 21225, "the page %s cannot be rewritten: %s", body->r->path.p, self->wrong);
    if (rc != PN_OK)
        return rc;
    if (self->ended && self->out.n == 0)
        return PN_EOF;
    *ret_chunk = (struct pn_chunk){ .kind = PN_CHUNK_BYTES, .bytes = pn_buf_view(&self->out), .fd = -1, .last = self->ended,
                                    .flush = flushing };
    return PN_OK;
}

/* ---- the body ---- */

static apr_status_t give_back(void *arg)
{
    struct page *self = arg;

    if (self->parser)
        htmlFreeParserCtxt(self->parser);
    self->parser = NULL;
    pn_buf_release(&self->out);
    pn_buf_release(&self->content);
    pn_buf_release(&self->value);
    pn_buf_release(&self->tail);
    return APR_SUCCESS;
}

static void page_close(struct pn_body *body)
{
    pn_body_close(PN_CONTAINER(body, struct page, super)->below);
}

static const struct pn_body_ops page_ops = { .name = "PROXY_HTML", .next = page_next, .close = page_close };

struct pn_body *proxy_html_body(struct pn_request *r, struct pn_body *below, const struct proxy_html_conf *conf,
                                const apr_array_header_t *maps, bool utf8)
{
    struct page *self = apr_pcalloc(r->pool, sizeof(*self));

    self->super = (struct pn_body){ .ops = &page_ops, .r = r, .length = -1 };
    self->below = pn_body_in_memory(r, below);
    self->conf = conf;
    self->maps = maps;
    self->utf8 = utf8;
    if (apr_pool_create(&self->scratch, r->pool) != APR_SUCCESS)
        return NULL;
    pn_buf_init(&self->out, NULL, OUT_MAX);
    pn_buf_init(&self->content, NULL, CONTENT_MAX);
    pn_buf_init(&self->value, NULL, CONTENT_MAX);
    pn_buf_init(&self->tail, NULL, TAIL_MAX + PIECE_BYTES);
    (void)pn_buf_reserve(&self->content, (size_t)conf->buffer_bytes);
    apr_pool_cleanup_register(r->pool, self, give_back, apr_pool_cleanup_null);
    return &self->super;
}
