/* chars.c - the table behind chars.h. */
#include "proto/chars.h"

#define T PN__CHAR_TOKEN
#define H PN__CHAR_HOST
#define P PN__CHAR_PATH
#define U PN__CHAR_UNRESERVED
#define S PN__CHAR_SCHEME

const uint8_t pn__char_class[256] = {
    ['!'] = T | P,
    ['#'] = T,
    ['$'] = T | P,
    ['%'] = T,
    ['&'] = T | P,
    ['\''] = T | P,
    ['('] = P,
    [')'] = P,
    ['*'] = T | P,
    ['+'] = T | P | S,
    [','] = P,
    ['-'] = T | H | P | U | S,
    ['.'] = T | H | P | U | S,
    ['/'] = P,
    ['0' ... '9'] = T | H | P | U | S,
    [':'] = P,
    [';'] = P,
    ['='] = P,
    ['@'] = P,
    ['A' ... 'Z'] = T | H | P | U | S,
    ['^'] = T,
    ['_'] = T | H | P | U,
    ['`'] = T,
    ['a' ... 'z'] = T | H | P | U | S,
    ['|'] = T,
    ['~'] = T | P | U,
};
