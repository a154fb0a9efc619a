/* mod_log_config_items.c - what each item of LogFormat prints. Apache manual: mod_log_config, "Custom Log Formats".
 *
 * Items do not suspend and take no memory, except where a field occurs several times. */
#include "mod_log_config.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define LINE (&t->line)

/* ---- who ---- */

static void print_addr(struct pn_log_line *line, const struct pn_addr *addr)
{
    char text[48];

    pn_log_bytes(line, text, pn_addr_print(addr, text));
}

/* Is the item about the connection, whoever a proxy says is behind it? */
static bool of_connection(const struct item *item)
{
    return item->arg.p && pn_str_eq(item->arg, PN_STR("c"));
}

static void item_client(struct transaction *t, struct pn_request *r, const struct item *item)
{
    print_addr(LINE, PN_UNLIKELY(of_connection(item)) ? &r->conn->peer : &r->client);
}

static void item_local(struct transaction *t, struct pn_request *r, const struct item *item)
{
    struct pn_addr local = pn_conn_local(r->conn);

    (void)item;
    print_addr(LINE, &local);
}

static void item_host(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)r;
    pn_log_maybe(LINE, PN_UNLIKELY(of_connection(item)) ? t->peer_host : t->host);
}

/* No identd is asked. */
static void item_logname(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)r, (void)item;
    pn_log_none(LINE);
}

static void item_user(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    if (r->user.p && r->user.n == 0 && !t->line.raw)
        pn_log_lit(LINE, "\"\"");
    else
        pn_log_maybe(LINE, r->user);
}

/* ---- what was asked ---- */

static void none_if_empty(struct transaction *t, pn_str s)
{
    if (s.n)
        pn_log_text(LINE, s);
    else
        pn_log_none(LINE);
}

static void item_line(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->line);
}

static void item_method(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->method);
}

static void item_path(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->path);
}

static void item_query(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    if (!r->query.p)
        return;
    pn_log_ch(LINE, '?');
    pn_log_text(LINE, r->query);
}

static void item_protocol(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->protocol);
}

static void item_filename(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->filename);
}

static void item_handler(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    none_if_empty(t, r->handler);
}

static pn_str field(struct pn_headers *fields, struct pn_request *r, const struct item *item)
{
    if (item->header != PN_HDR_OTHER)
        return pn_headers_has(fields, item->header) ? pn_headers_joined(fields, r->pool, item->header) : (pn_str){ NULL, 0 };
    return pn_headers_joined_name(fields, r->pool, item->arg);
}

static void item_in(struct transaction *t, struct pn_request *r, const struct item *item)
{
    if (!item->arg.p)
        pn_log_none(LINE);
    else
        pn_log_maybe(LINE, field(&r->in, r, item));
}

/* The value of a cookie (RFC 6265 s4.2.1: name=value; name=value). Names compare without case, as 2.4 does it. */
static pn_str cookie(pn_str fields, pn_str name)
{
    while (fields.n) {
        pn_str value, pair = pn_str_cut(fields, ';', &fields);
        pn_str found = pn_str_trim(pn_str_cut(pair, '=', &value));
        if (value.p && pn_str_ieq(found, name))
            return pn_str_trim(value);
    }
    return (pn_str){ NULL, 0 };
}

static void item_cookie(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_str value = { NULL, 0 };

    if (item->arg.p)
        for (const struct pn_header *f = pn_headers_begin(&r->in); f < pn_headers_end(&r->in) && !value.p; f++)
            if (f->id == PN_HDR_COOKIE)
                value = cookie(f->value, item->arg);
    pn_log_maybe(LINE, value);
}

static void item_trailer_in(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_str value = { NULL, 0 };

    if (r->trailers && item->arg.p)
        value = pn_headers_joined_name(r->trailers, r->pool, item->arg);
    pn_log_maybe(LINE, value);
}

/* No answer has trailer fields yet. */
static void item_trailer_out(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)r, (void)item;
    pn_log_none(LINE);
}

/* ---- what was answered ---- */

static void item_status(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    if (r->status > 0)
        pn_log_u64(LINE, (uint64_t)r->status);
    else
        pn_log_none(LINE);
}

static void item_bytes(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    pn_log_u64(LINE, r->bytes_body);
}

static void item_bytes_clf(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    if (r->bytes_body)
        pn_log_u64(LINE, r->bytes_body);
    else
        pn_log_none(LINE);
}

/* Fields that the protocol layer makes itself are not in the lists. */
static void item_out(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_str value = { NULL, 0 };

    if (item->header == PN_HDR_CONTENT_TYPE && r->content_type.n)
        value = r->content_type;
    if (!value.p && item->arg.p)
        value = field(&r->out, r, item);
    if (!value.p && item->arg.p)
        value = field(&r->err_out, r, item);
    if (!value.p && item->header == PN_HDR_CONTENT_LENGTH && r->body && r->body->length >= 0 && r->status != 304)
        pn_log_i64(LINE, r->body->length);
    else
        pn_log_maybe(LINE, value);
}

static void item_env(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_log_maybe(LINE, pn_str_z(item->arg.p ? pn_env_get(r, item->arg.p) : NULL));
}

static void item_note(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_log_maybe(LINE, pn_str_z(item->arg.p ? pn_note_get(r, item->arg.p) : NULL));
}

/* ---- when ---- */

static void item_t_clf(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    pn_log_str(LINE, pn_log_clf_time(r->time));
}

static void print_fraction(struct transaction *t, pn_wall when, pn_str unit)
{
    if (pn_str_eq(unit, PN_STR("sec")))
        pn_log_i64(LINE, when / PN_USEC_PER_SEC);
    else if (pn_str_eq(unit, PN_STR("msec")))
        pn_log_i64(LINE, when / 1000);
    else if (pn_str_eq(unit, PN_STR("usec")))
        pn_log_i64(LINE, when);
    else if (pn_str_eq(unit, PN_STR("msec_frac")))
        pn_log_padded(LINE, (uint64_t)(when % PN_USEC_PER_SEC / 1000), 3);
    else
        pn_log_padded(LINE, (uint64_t)(when % PN_USEC_PER_SEC), 6);
}

static bool is_fraction(pn_str unit)
{
    return pn_str_eq(unit, PN_STR("sec")) || pn_str_eq(unit, PN_STR("msec")) || pn_str_eq(unit, PN_STR("usec")) ||
           pn_str_eq(unit, PN_STR("msec_frac")) || pn_str_eq(unit, PN_STR("usec_frac"));
}

/* %{format}t, with begin: or end: in front. */
static void item_time(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_str  format = item->arg;
    pn_wall when = r->time;

    if (!format.n) {
        pn_log_str(LINE, pn_log_clf_time(when));
        return;
    }
    if (pn_str_starts(format, PN_STR("begin:")))
        format = pn_str_from(format, 6);
    else if (pn_str_starts(format, PN_STR("end:"))) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        when = now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000;
        format = pn_str_from(format, 4);
    }
    if (!format.n) {
        pn_log_str(LINE, pn_log_clf_time(when));
        return;
    }
    if (is_fraction(format)) {
        print_fraction(t, when, format);
        return;
    }
    char      text[256];
    time_t    seconds = (time_t)(when / PN_USEC_PER_SEC);
    struct tm tm = { 0 };
    localtime_r(&seconds, &tm);
    pn_log_bytes(LINE, text, strftime(text, sizeof(text), format.p, &tm));
}

/* The loop's clock stands still within a turn: a short request needs the real one. */
static pn_usec duration(const struct pn_request *r)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pn_usec usec = now.tv_sec * PN_USEC_PER_SEC + now.tv_nsec / 1000 - r->begun;
    return usec > 0 ? usec : 0;
}

static void item_usec(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    pn_log_i64(LINE, duration(r));
}

static void item_duration(struct transaction *t, struct pn_request *r, const struct item *item)
{
    pn_str unit = item->arg;

    if (!unit.n || pn_str_ieq(unit, PN_STR("s")))
        pn_log_i64(LINE, duration(r) / PN_USEC_PER_SEC);
    else if (pn_str_ieq(unit, PN_STR("ms")))
        pn_log_i64(LINE, duration(r) / 1000);
    else if (pn_str_ieq(unit, PN_STR("us")))
        pn_log_i64(LINE, duration(r));
    else
        pn_log_none(LINE); /* COMPAT: 2.4 takes any unit and prints this */
}

/* ---- connection, server, process ---- */

/* COMPAT: 2.4 counts a request when its answer keeps the connection, so the last one of a connection shows the number of the
 * one before it. */
static void item_keepalives(struct transaction *t, struct pn_request *r, const struct item *item)
{
    uint32_t before = r->conn->requests ? r->conn->requests - 1 : 0;

    (void)item;
    if (!t->last->keep_alive && before)
        before--;
    pn_log_u64(LINE, before);
}

static void item_fate(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    if (r->conn->aborted || r->body_broken)
        pn_log_ch(LINE, 'X');
    else
        pn_log_ch(LINE, r->keep_alive ? '+' : '-');
}

static void item_log_id(struct transaction *t, struct pn_request *r, const struct item *item)
{
    char text[16];

    if (item->arg.p && pn_str_eq(item->arg, PN_STR("c"))) {
        if (r->conn->logged)
            pn_log_bytes(LINE, text, pn_log_conn_id(r->conn, text));
        else
            pn_log_none(LINE);
    }
    else
        none_if_empty(t, r->log_id);
}

static void item_port(struct transaction *t, struct pn_request *r, const struct item *item)
{
    if (!item->arg.n || pn_str_ieq(item->arg, PN_STR("canonical")))
        pn_log_u64(LINE, pn_self_port(r));
    else if (pn_str_ieq(item->arg, PN_STR("remote")))
        pn_log_u64(LINE, r->client.port);
    else if (pn_str_ieq(item->arg, PN_STR("local")))
        pn_log_u64(LINE, pn_conn_local(r->conn).port);
    else
        pn_log_text(LINE, item->arg); /* COMPAT: 2.4 prints what it does not know */
}

static void item_process(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)r;
    if (!item->arg.n || pn_str_ieq(item->arg, PN_STR("pid")))
        pn_log_i64(LINE, getpid());
    else if (pn_str_ieq(item->arg, PN_STR("tid")))
        pn_log_u64(LINE, (uint64_t)(uintptr_t)pthread_self());
    else if (pn_str_ieq(item->arg, PN_STR("hextid")))
        pn_log_printf(LINE, "%llx", (unsigned long long)(uintptr_t)pthread_self());
    else
        pn_log_text(LINE, item->arg);
}

static void item_server(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    pn_log_text(LINE, r->server->name);
}

static void item_server_used(struct transaction *t, struct pn_request *r, const struct item *item)
{
    (void)item;
    pn_log_text(LINE, pn_self_name(r));
}

/* ---- the table ---- */

static const struct {
    pn_str    name;
    print_fn *print;
    bool      original, number, host;
} table[] = {
    { .name = PN_STR_INIT("a"), .print = item_client },
    { .name = PN_STR_INIT("A"), .print = item_local },
    { .name = PN_STR_INIT("b"), .print = item_bytes_clf, .number = true },
    { .name = PN_STR_INIT("B"), .print = item_bytes, .number = true },
    { .name = PN_STR_INIT("C"), .print = item_cookie },
    { .name = PN_STR_INIT("D"), .print = item_usec, .original = true, .number = true },
    { .name = PN_STR_INIT("e"), .print = item_env },
    { .name = PN_STR_INIT("f"), .print = item_filename },
    { .name = PN_STR_INIT("h"), .print = item_host, .host = true },
    { .name = PN_STR_INIT("H"), .print = item_protocol },
    { .name = PN_STR_INIT("i"), .print = item_in },
    { .name = PN_STR_INIT("k"), .print = item_keepalives, .number = true },
    { .name = PN_STR_INIT("l"), .print = item_logname },
    { .name = PN_STR_INIT("L"), .print = item_log_id },
    { .name = PN_STR_INIT("m"), .print = item_method },
    { .name = PN_STR_INIT("n"), .print = item_note },
    { .name = PN_STR_INIT("o"), .print = item_out },
    { .name = PN_STR_INIT("p"), .print = item_port, .number = true },
    { .name = PN_STR_INIT("P"), .print = item_process, .number = true },
    { .name = PN_STR_INIT("q"), .print = item_query },
    { .name = PN_STR_INIT("r"), .print = item_line, .original = true },
    { .name = PN_STR_INIT("R"), .print = item_handler },
    { .name = PN_STR_INIT("s"), .print = item_status, .original = true, .number = true },
    { .name = PN_STR_INIT("t"), .print = item_time },
    { .name = PN_STR_INIT("T"), .print = item_duration, .original = true, .number = true },
    { .name = PN_STR_INIT("u"), .print = item_user },
    { .name = PN_STR_INIT("U"), .print = item_path, .original = true },
    { .name = PN_STR_INIT("v"), .print = item_server },
    { .name = PN_STR_INIT("V"), .print = item_server_used },
    { .name = PN_STR_INIT("X"), .print = item_fate },
    { .name = PN_STR_INIT("^ti"), .print = item_trailer_in },
    { .name = PN_STR_INIT("^to"), .print = item_trailer_out },
};

/* Epoch numbers are numbers in JSON; other forms of a time are text. */
static bool is_number_time(pn_str arg)
{
    if (pn_str_starts(arg, PN_STR("begin:")))
        arg = pn_str_from(arg, 6);
    else if (pn_str_starts(arg, PN_STR("end:")))
        arg = pn_str_from(arg, 4);
    return is_fraction(arg);
}

pn_rc log_item_find(pn_str name, struct item *item)
{
    for (size_t i = 0; i < PN_COUNT(table); i++) {
        if (!pn_str_eq(table[i].name, name))
            continue;
        item->print = table[i].print;
        item->original = table[i].original;
        item->number = table[i].number;
        item->host = table[i].host;
        if (item->print == item_time && !item->arg.n)
            item->print = item_t_clf;
        if (item->print == item_time)
            item->number = is_number_time(item->arg);
        if ((item->print == item_in || item->print == item_out) && item->arg.p)
            item->header = pn_hdr_id(item->arg);
        return PN_OK;
    }
    return PN_NOT_FOUND;
}
