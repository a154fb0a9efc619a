/* pinion/json.h - one JSON object, made in memory that the caller gives or in a buffer: always valid, whatever bytes go in.
 *
 * Strings that are not UTF-8 come out with U+FFFD in place of each wrong byte (RFC 8259 s8.1). Made by yajl. */
#ifndef PINION_JSON_H
#define PINION_JSON_H

#include <pinion/buf.h>

struct pn_json {
    void  *gen;       /* the library's */
    char  *p, *end;   /* room that is left */
    struct pn_buf *out; /* in place of the two; else NULL */
    size_t value_max; /* longer strings are cut, bytes */
    bool   full;      /* it did not fit */
};

/** Begins an object in `to`. @param value_max longest string taken, bytes. Ends with pn_json_end in any case. */
void pn_json_begin(struct pn_json *json, char *to, size_t max, size_t value_max);
/** The same at the end of a buffer, indented for people; what does not fit is told by the buffer. */
void pn_json_begin_in(struct pn_json *json, struct pn_buf *out, size_t value_max);

/* Members of an object have a key; in an array it has no p. */

void pn_json_string(struct pn_json *json, pn_str key, pn_str value);
/** `digits` is a number as JSON writes it; anything else becomes a string. */
void pn_json_number(struct pn_json *json, pn_str key, pn_str digits);
void pn_json_i64(struct pn_json *json, pn_str key, int64_t value);
void pn_json_null(struct pn_json *json, pn_str key);
void pn_json_bool(struct pn_json *json, pn_str key, bool value);
/** With nine digits. */
void pn_json_real(struct pn_json *json, pn_str key, double value);
/** An object or array within; what follows is in it until it is closed. */
void pn_json_open_object(struct pn_json *json, pn_str key);
void pn_json_close_object(struct pn_json *json);
void pn_json_open_array(struct pn_json *json, pn_str key);
void pn_json_close_array(struct pn_json *json);
/** A string when there is one, else null. */
static inline void pn_json_maybe(struct pn_json *json, pn_str key, pn_str value)
{
    if (value.p)
        pn_json_string(json, key, value);
    else
        pn_json_null(json, key);
}
/** Ends the object. @param to as given to pn_json_begin; NULL with a buffer.  @return its bytes, 0: it did not fit, or lies in a
 *  buffer. */
size_t pn_json_end(struct pn_json *json, const char *to);

#endif
