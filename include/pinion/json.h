/* pinion/json.h - one JSON object made in memory that the caller gives: always valid, whatever bytes go in.
 *
 * Strings that are not UTF-8 come out with U+FFFD in place of each wrong byte (RFC 8259 s8.1). Made by yajl. */
#ifndef PINION_JSON_H
#define PINION_JSON_H

#include <pinion/str.h>

struct pn_json {
    void  *gen;       /* the library's */
    char  *p, *end;   /* room that is left */
    size_t value_max; /* longer strings are cut, bytes */
    bool   full;      /* it did not fit */
};

/** Begins an object in `to`. @param value_max longest string taken, bytes. Ends with pn_json_end in any case. */
void pn_json_begin(struct pn_json *json, char *to, size_t max, size_t value_max);
void pn_json_string(struct pn_json *json, pn_str key, pn_str value);
/** `digits` is a number as JSON writes it; anything else becomes a string. */
void pn_json_number(struct pn_json *json, pn_str key, pn_str digits);
void pn_json_i64(struct pn_json *json, pn_str key, int64_t value);
void pn_json_null(struct pn_json *json, pn_str key);
/** A string when there is one, else null. */
static inline void pn_json_maybe(struct pn_json *json, pn_str key, pn_str value)
{
    if (value.p)
        pn_json_string(json, key, value);
    else
        pn_json_null(json, key);
}
/** Ends the object. @return its bytes, 0: it did not fit. */
size_t pn_json_end(struct pn_json *json, const char *to);

#endif
