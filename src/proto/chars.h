/* chars.h - classes of bytes in HTTP and URI grammars, one table for all codecs of this folder. */
#ifndef PN_PROTO_CHARS_H
#define PN_PROTO_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PN__CHAR_TOKEN = 1,      /* tchar, RFC 9110 s5.6.2 */
    PN__CHAR_HOST = 2,       /* what a host name may hold here: letters, digits, '-', '.', '_' */
    PN__CHAR_PATH = 4,       /* stands for itself in a written URL path */
    PN__CHAR_UNRESERVED = 8, /* RFC 3986 s2.3 */
    PN__CHAR_SCHEME = 16     /* behind the first letter, RFC 3986 s3.1 */
};

extern const uint8_t pn__char_class[256];

static inline bool pn__char_is(char c, unsigned classes)
{
    return (pn__char_class[(unsigned char)c] & classes) != 0;
}

#endif
