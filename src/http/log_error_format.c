/* log_error_format.c - ErrorLogFormat: a format compiled to items, and an event printed by it.
 * Apache manual: "Apache Core Features", ErrorLogFormat. COMPAT: a number in front of an item means "at this level or a less
 * severe one", as 2.4 does it (its manual says the opposite). */
#include <pinion/json.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <apr_base64.h>

#include "http/log_error.h"
#include "http/request_core.h"
#include "net/addr.h"

/* Appends what the item stands for; nothing when there is no value. */
typedef void print_fn(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line);

struct item {
    print_fn *print;     /* NULL: literal text */
    pn_str    arg;       /* in braces, or the text */
    uint8_t   min_level; /* not printed for more severe messages */
    bool      separates; /* white space: a new field begins */
    bool      dash;      /* - */
    bool      needed;    /* + */
};

struct pn_log_form {
    const struct item *items;
    unsigned           n;
};

/* ---- items ---- */

pn_str pn__log_module_name(const struct pn_module *module)
{
    pn_str name = module ? pn_str_z(module->name) : PN_STR("core");

    if (pn_str_starts(name, PN_STR("mod_")))
        name = pn_str_from(name, 4);
    if (pn_str_ends(name, PN_STR(".c")))
        name.n -= 2;
    return name;
}

size_t pn__log_id_text(unsigned id, char *to)
{
    if (id == 0)
        return 0;
    return (size_t)snprintf(to, 16, "%s%05u", id < 20000 ? "AH" : "PN", id);
}

/* Process, connection and time of the process's start make it different from others; it needs no room in the connection. */
size_t pn_log_conn_id(const struct pn_conn *conn, char *to)
{
    unsigned char raw[8];
    char          text[16];
    uint32_t      pid = (uint32_t)getpid(), id = conn->id;

    memcpy(raw, &pid, 4);
    memcpy(raw + 4, &id, 4);
    for (unsigned i = 0; i < 4; i++)
        raw[i] ^= (unsigned char)(conn->peer.port >> (i & 1) * 8);
    int n = apr_base64_encode_binary(text, raw, sizeof(raw));
    size_t length = n > 12 ? 11 : 0;
    memcpy(to, text, length);
    return length;
}

static void print_addr(const struct pn_addr *addr, struct pn_log_line *line)
{
    char text[64];

    pn_log_bytes(line, text, pn_addr_print_port(addr, text));
}

static void item_client(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->r && !pn_str_eq(arg, PN_STR("c")))
        print_addr(&e->r->client, line);
    else if (e->conn)
        print_addr(&e->conn->peer, line);
}

static void item_local(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (!e->conn || !e->conn->listener)
        return;
    struct pn_addr local = pn_conn_local(e->conn);
    print_addr(&local, line);
}

static void item_env(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    const char *value = e->r ? pn_env_get(e->r, arg.p) : NULL;

    pn_log_message(line, pn_str_z(value), false);
}

static void item_error(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->error)
        pn_log_printf(line, "(%d)%s", e->error, strerror(e->error));
}

static void item_source(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    const char *slash = e->file ? strrchr(e->file, '/') : NULL;

    if (e->file)
        pn_log_printf(line, "%s(%d)", slash ? slash + 1 : e->file, e->line);
}

static void item_header(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->r)
        pn_log_message(line, pn_headers_get_name(&e->r->in, arg), false);
}

static void item_keepalives(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->conn)
        pn_log_u64(line, e->conn->requests ? e->conn->requests - 1 : 0);
}

static void item_level(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    pn_log_str(line, pn_str_z(pn_log_level_name(e->level)));
}

static void item_log_id(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    char text[16];
    bool conn = pn_str_eq(arg, PN_STR("c")), conn_only = pn_str_eq(arg, PN_STR("C"));

    if ((conn && e->conn) || (conn_only && e->conn && !e->r))
        pn_log_bytes(line, text, pn_log_conn_id(e->conn, text));
    else if (!conn && !conn_only && e->r)
        pn_log_str(line, e->r->log_id);
}

static void item_module(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    pn_log_str(line, pn__log_module_name(e->module));
}

static void item_message(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    char id[16];

    if (e->id) {
        pn_log_bytes(line, id, pn__log_id_text(e->id, id));
        pn_log_lit(line, ": ");
    }
    pn_log_message(line, e->text, true);
}

static void item_note(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    const char *value = e->r ? pn_note_get(e->r, arg.p) : NULL;

    pn_log_message(line, pn_str_z(value), false);
}

static void item_pid(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    pn_log_i64(line, getpid());
}

static void item_tid(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (pn_str_eq(arg, PN_STR("g")))
        pn_log_i64(line, syscall(SYS_gettid));
    else
        pn_log_u64(line, (uint64_t)(uintptr_t)pthread_self());
}

static void print_strftime(struct pn_log_line *line, const char *format, const struct tm *tm)
{
    char text[256];

    pn_log_bytes(line, text, strftime(text, sizeof(text), format, tm));
}

/* u: microseconds, m: milliseconds, c: ISO 8601, z: with the zone. */
static void item_time(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    time_t    seconds = (time_t)(e->time / PN_USEC_PER_SEC);
    uint64_t  usec = (uint64_t)(e->time % PN_USEC_PER_SEC);
    struct tm tm = { 0 };

    localtime_r(&seconds, &tm);
    if (arg.n && arg.p[0] == '%') {
        print_strftime(line, arg.p, &tm);
        return;
    }
    bool compact = pn_str_chr(arg, 'c', 0) != SIZE_MAX;
    print_strftime(line, compact ? "%Y-%m-%d %H:%M:%S" : "%a %b %d %H:%M:%S", &tm);
    if (pn_str_chr(arg, 'u', 0) != SIZE_MAX) {
        pn_log_ch(line, '.');
        pn_log_padded(line, usec, 6);
    }
    else if (pn_str_chr(arg, 'm', 0) != SIZE_MAX) {
        pn_log_ch(line, '.');
        pn_log_padded(line, usec / 1000, 3);
    }
    if (!compact)
        print_strftime(line, " %Y", &tm);
    else if (pn_str_chr(arg, 'z', 0) != SIZE_MAX)
        print_strftime(line, " %z", &tm);
}

static void item_server(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->server)
        pn_log_str(line, e->server->name);
}

static void item_server_used(const struct pn_log_event *e, pn_str arg, struct pn_log_line *line)
{
    if (e->r)
        pn_log_message(line, pn__self_name_at_hand(e->r), false);
}

static const struct { char letter; print_fn *print; } item_table[] = {
    { 'a', item_client },  { 'A', item_local },   { 'e', item_env },     { 'E', item_error },
    { 'F', item_source },  { 'i', item_header },  { 'k', item_keepalives }, { 'l', item_level },
    { 'L', item_log_id },  { 'm', item_module },  { 'M', item_message }, { 'n', item_note },
    { 'P', item_pid },     { 'T', item_tid },     { 't', item_time },    { 'v', item_server },
    { 'V', item_server_used },
};

/* ---- compiling ---- */

struct compiler {
    apr_pool_t         *pool;
    apr_array_header_t *items;
    pn_str              rest;
    const char         *error;
};

static struct item *add_item(struct compiler *c)
{
    struct item *item = apr_array_push(c->items);

    *item = (struct item){ 0 };
    return item;
}

/* Text up to the next %, white space, or end; "\ " is a space that separates nothing. */
static void take_literal(struct compiler *c)
{
    char  *text = apr_palloc(c->pool, c->rest.n + 1);
    size_t n = 0, i = 0;

    while (i < c->rest.n && c->rest.p[i] != '%' && c->rest.p[i] != ' ' && c->rest.p[i] != '\t') {
        if (c->rest.p[i] == '\\' && i + 1 < c->rest.n)
            i++;
        text[n++] = c->rest.p[i++];
    }
    add_item(c)->arg = pn_str_n(text, n);
    c->rest = pn_str_from(c->rest, i);
}

static void take_separator(struct compiler *c, size_t skip)
{
    size_t       i = skip;
    struct item *item = add_item(c);

    while (!skip && i < c->rest.n && (c->rest.p[i] == ' ' || c->rest.p[i] == '\t'))
        i++;
    item->separates = true;
    item->arg = skip ? PN_STR("") : pn_str_dup(c->pool, pn_str_head(c->rest, i));
    c->rest = pn_str_from(c->rest, i);
}

/* What stands between % and the letter, in any order. @return false when the text ends. */
static bool take_modifiers(struct compiler *c, struct item *item)
{
    uint64_t level = 0;

    while (c->rest.n) {
        char ch = c->rest.p[0];
        if (ch >= '0' && ch <= '9')
            level = level * 10 + (uint64_t)(ch - '0') > PN_LOG_TRACE8 ? PN_LOG_TRACE8 : level * 10 + (uint64_t)(ch - '0');
        else if (ch == '-')
            item->dash = true;
        else if (ch == '+')
            item->needed = true;
        else if (ch == '{') {
            size_t end = pn_str_chr(c->rest, '}', 1);
            if (end == SIZE_MAX)
                return false;
            item->arg = pn_str_dup(c->pool, pn_str_n(c->rest.p + 1, end - 1));
            c->rest = pn_str_from(c->rest, end);
        }
        else {
            item->min_level = (uint8_t)level;
            return true;
        }
        c->rest = pn_str_from(c->rest, 1);
    }
    return false;
}

static void take_item(struct compiler *c)
{
    c->rest = pn_str_from(c->rest, 1);
    if (c->rest.n && c->rest.p[0] == ' ') {
        take_separator(c, 1);
        return;
    }
    struct item *item = add_item(c);
    if (!take_modifiers(c, item)) {
        c->error = "the text ends within an item that % begins";
        return;
    }
    char letter = c->rest.p[0];
    c->rest = pn_str_from(c->rest, 1);
    if (letter == '%') {
        *item = (struct item){ .arg = PN_STR("%") };
        return;
    }
    for (size_t i = 0; i < PN_COUNT(item_table); i++)
        if (item_table[i].letter == letter)
            item->print = item_table[i].print;
    if (!item->print)
        c->error = pn_str_printf(c->pool, "ErrorLogFormat has no item %%%c", letter).p;
}

const char *pn__log_form_compile(apr_pool_t *pool, pn_str text, const struct pn_log_form **ret)
{
    struct compiler c = { .pool = pool, .items = apr_array_make(pool, 16, sizeof(struct item)), .rest = text };

    while (c.rest.n && !c.error) {
        if (c.rest.p[0] == '%')
            take_item(&c);
        else if (c.rest.p[0] == ' ' || c.rest.p[0] == '\t')
            take_separator(&c, 0);
        else
            take_literal(&c);
    }
    if (c.error)
        return c.error;
    struct pn_log_form *form = apr_palloc(pool, sizeof(*form));
    form->items = (const struct item *)(void *)c.items->elts;
    form->n = (unsigned)c.items->nelts;
    *ret = form;
    return NULL;
}

/* "[%{u}t] [%-m:%l] [pid %P:tid %T] %7F: %E: [client\ %a] %M% ,\ referer:\ %{Referer}i" */
const struct pn_log_form *pn__log_form_default(void)
{
#define SPACE { .separates = true, .arg = PN_STR_INIT(" ") }
#define TEXT(t) { .arg = PN_STR_INIT(t) }
    static const struct item items[] = {
        TEXT("["), { .print = item_time, .arg = PN_STR_INIT("u") }, TEXT("]"), SPACE,
        TEXT("["), { .print = item_module, .dash = true }, TEXT(":"), { .print = item_level }, TEXT("]"), SPACE,
        TEXT("[pid "), { .print = item_pid }, TEXT(":tid "), { .print = item_tid }, TEXT("]"), SPACE,
        { .print = item_source, .min_level = PN_LOG_DEBUG }, TEXT(":"), SPACE,
        { .print = item_error }, TEXT(":"), SPACE,
        TEXT("[client "), { .print = item_client }, TEXT("]"), SPACE,
        { .print = item_message }, { .separates = true },
        TEXT(", referer: "), { .print = item_header, .arg = PN_STR_INIT("Referer") },
    };
    static const struct pn_log_form form = { .items = items, .n = PN_COUNT(items) };
    return &form;
#undef SPACE
#undef TEXT
}

/* ---- printing ---- */

/* An item without a value takes its whole field with it. */
bool pn__log_form_line(const struct pn_log_form *form, const struct pn_log_event *event, struct pn_log_line *line)
{
    char *field = line->p;
    bool  skipping = false;

    for (unsigned i = 0; i < form->n; i++) {
        const struct item *item = &form->items[i];
        if (item->separates) {
            skipping = false;
            field = line->p;
        }
        else if (skipping)
            continue;
        if (!item->print) {
            pn_log_str(line, item->arg);
            continue;
        }
        char *before = line->p;
        if (event->level >= item->min_level)
            item->print(event, item->arg, line);
        if (line->p != before)
            continue;
        if (item->needed)
            return false;
        if (item->dash)
            pn_log_ch(line, '-');
        else {
            line->p = field;
            skipping = true;
        }
    }
    return true;
}

/* ---- JSON ---- */

static void json_request(struct pn_json *json, const struct pn_request *r)
{
    if (r->hostname.n)
        pn_json_string(json, PN_STR("host"), r->hostname);
    if (r->log_id.n)
        pn_json_string(json, PN_STR("request_id"), r->log_id);
    if (r->method.n)
        pn_json_string(json, PN_STR("method"), r->method);
    if (r->target.n)
        pn_json_string(json, PN_STR("target"), r->target);
    if (r->user.p)
        pn_json_string(json, PN_STR("user"), r->user);
    pn_str referer = pn_headers_get(&r->in, PN_HDR_REFERER);
    if (referer.p)
        pn_json_string(json, PN_STR("referer"), referer);
}

static void json_item(struct pn_json *json, pn_str key, print_fn *print, const struct pn_log_event *event, pn_str arg)
{
    char               text[160];
    struct pn_log_line line = { .p = text, .end = text + sizeof(text) };

    print(event, arg, &line);
    if (line.p > text)
        pn_json_string(json, key, pn_str_n(text, (size_t)(line.p - text)));
}

static void json_members(struct pn_json *json, const struct pn_log_event *event)
{
    char id[16];

    json_item(json, PN_STR("time"), item_time, event, PN_STR("%Y-%m-%dT%H:%M:%S%z"));
    pn_json_i64(json, PN_STR("time_usec"), event->time);
    pn_json_string(json, PN_STR("level"), pn_str_z(pn_log_level_name(event->level)));
    pn_json_string(json, PN_STR("module"), pn__log_module_name(event->module));
    if (event->id)
        pn_json_string(json, PN_STR("id"), pn_str_n(id, pn__log_id_text(event->id, id)));
    pn_json_i64(json, PN_STR("pid"), getpid());
    json_item(json, PN_STR("tid"), item_tid, event, PN_STR(""));
    if (event->server)
        pn_json_string(json, PN_STR("server"), event->server->name);
    json_item(json, PN_STR("client"), item_client, event, PN_STR(""));
    json_item(json, PN_STR("connection_id"), item_log_id, event, PN_STR("c"));
    if (event->r)
        json_request(json, event->r);
    if (event->error) {
        pn_json_i64(json, PN_STR("errno"), event->error);
        pn_json_string(json, PN_STR("error"), pn_str_z(strerror(event->error)));
    }
    if (event->level >= PN_LOG_DEBUG)
        json_item(json, PN_STR("source"), item_source, event, PN_STR(""));
    pn_json_string(json, PN_STR("message"), event->text);
}

/* A request with very long fields: shorter values until the object fits. */
void pn__log_json_line(const struct pn_log_event *event, struct pn_log_line *line)
{
    for (size_t value_max = PN_LOG_MESSAGE_MAX; value_max >= 16; value_max /= 8) {
        struct pn_json json;
        pn_json_begin(&json, line->p, pn_log_room(line), value_max);
        json_members(&json, event);
        size_t n = pn_json_end(&json, line->p);
        if (n) {
            line->p += n;
            return;
        }
    }
}
