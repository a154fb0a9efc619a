/* json.c - see pinion/json.h. The only file that writes JSON. */
#include <pinion/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_gen.h>

static void put(void *arg, const char *p, size_t n)
{
    struct pn_json *json = arg;

    if (json->out) {
        pn_buf_add(json->out, p, n);
        return;
    }
    if (n > (size_t)(json->end - json->p)) {
        json->full = true;
        return;
    }
    memcpy(json->p, p, n);
    json->p += n;
}

void pn_json_begin(struct pn_json *json, char *to, size_t max, size_t value_max)
{
    *json = (struct pn_json){ .gen = yajl_gen_alloc(NULL), .p = to, .end = to + max, .value_max = value_max };
    pn_assert(json->gen);
    yajl_gen_config(json->gen, yajl_gen_print_callback, put, json);
    yajl_gen_map_open(json->gen);
}

void pn_json_begin_in(struct pn_json *json, struct pn_buf *out, size_t value_max)
{
    *json = (struct pn_json){ .gen = yajl_gen_alloc(NULL), .out = out, .value_max = value_max };
    pn_assert(json->gen);
    yajl_gen_config(json->gen, yajl_gen_print_callback, put, json);
    yajl_gen_config(json->gen, yajl_gen_beautify, 1);
    yajl_gen_map_open(json->gen);
}

size_t pn_json_end(struct pn_json *json, const char *to)
{
    yajl_gen_map_close(json->gen);
    yajl_gen_free(json->gen);
    json->gen = NULL;
    return json->full || json->out ? 0 : (size_t)(json->p - to);
}

/* ---- UTF-8 ---- */

static bool is_tail(pn_str s, size_t i, unsigned char low, unsigned char high)
{
    return i < s.n && (unsigned char)s.p[i] >= low && (unsigned char)s.p[i] <= high;
}

/* Bytes of the well-formed character at the beginning of s, 0 when there is none (RFC 3629 s4). */
static size_t character(pn_str s)
{
    unsigned char c = (unsigned char)s.p[0];

    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return is_tail(s, 1, 0x80, 0xbf) ? 2 : 0;
    if (c >= 0xe0 && c <= 0xef) {
        unsigned char low = c == 0xe0 ? 0xa0 : 0x80, high = c == 0xed ? 0x9f : 0xbf;
        return is_tail(s, 1, low, high) && is_tail(s, 2, 0x80, 0xbf) ? 3 : 0;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        unsigned char low = c == 0xf0 ? 0x90 : 0x80, high = c == 0xf4 ? 0x8f : 0xbf;
        return is_tail(s, 1, low, high) && is_tail(s, 2, 0x80, 0xbf) && is_tail(s, 3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

static bool is_utf8(pn_str s)
{
    while (s.n) {
        size_t n = character(s);
        if (n == 0)
            return false;
        s = pn_str_from(s, n);
    }
    return true;
}

/* A malloc'd copy, three bytes for each wrong one. */
static pn_str mended(pn_str s)
{
    char  *copy = malloc(s.n * 3);
    size_t n = 0;

    pn_assert(copy);
    while (s.n) {
        size_t step = character(s);
        if (step)
            memcpy(copy + n, s.p, step);
        else
            memcpy(copy + n, "\xef\xbf\xbd", 3);
        n += step ? step : 3;
        s = pn_str_from(s, step ? step : 1);
    }
    return pn_str_n(copy, n);
}

static void put_string(struct pn_json *json, pn_str s)
{
    s = pn_str_head(s, json->value_max);
    if (PN_LIKELY(is_utf8(s))) {
        yajl_gen_string(json->gen, (const unsigned char *)(s.n ? s.p : ""), s.n);
        return;
    }
    pn_str copy = mended(s);
    yajl_gen_string(json->gen, (const unsigned char *)copy.p, copy.n);
    free((void *)(uintptr_t)copy.p);
}

/* ---- members ---- */

static void put_key(struct pn_json *json, pn_str key)
{
    if (key.p)
        put_string(json, key);
}

void pn_json_string(struct pn_json *json, pn_str key, pn_str value)
{
    put_key(json, key);
    put_string(json, value);
}

static bool is_number(pn_str s)
{
    size_t i = s.n && s.p[0] == '-';
    size_t begin = i, point = SIZE_MAX;

    for (; i < s.n; i++) {
        if (s.p[i] == '.' && point == SIZE_MAX && i > begin)
            point = i;
        else if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    bool leading_zero = s.n > begin + 1 && s.p[begin] == '0' && point != begin + 1;
    return s.n > begin && point != s.n - 1 && !leading_zero;
}

void pn_json_number(struct pn_json *json, pn_str key, pn_str digits)
{
    put_key(json, key);
    if (is_number(digits))
        yajl_gen_number(json->gen, digits.p, digits.n);
    else
        put_string(json, digits);
}

void pn_json_i64(struct pn_json *json, pn_str key, int64_t value)
{
    put_key(json, key);
    yajl_gen_integer(json->gen, value);
}

void pn_json_null(struct pn_json *json, pn_str key)
{
    put_key(json, key);
    yajl_gen_null(json->gen);
}

void pn_json_bool(struct pn_json *json, pn_str key, bool value)
{
    put_key(json, key);
    yajl_gen_bool(json->gen, value);
}

void pn_json_real(struct pn_json *json, pn_str key, double value)
{
    char digits[32];
    int  n = snprintf(digits, sizeof(digits), "%.9g", value); /* the library itself prints twenty */

    put_key(json, key);
    yajl_gen_number(json->gen, digits, (size_t)n);
}

void pn_json_open_object(struct pn_json *json, pn_str key)
{
    put_key(json, key);
    yajl_gen_map_open(json->gen);
}

void pn_json_close_object(struct pn_json *json)
{
    yajl_gen_map_close(json->gen);
}

void pn_json_open_array(struct pn_json *json, pn_str key)
{
    put_key(json, key);
    yajl_gen_array_open(json->gen);
}

void pn_json_close_array(struct pn_json *json)
{
    yajl_gen_array_close(json->gen);
}
