/* ascii.h - character classes that do not depend on the locale. */
#ifndef PN_BASE_ASCII_H
#define PN_BASE_ASCII_H

#include <stdbool.h>

static inline char pn_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline char pn_ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

static inline bool pn_ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool pn_ascii_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool pn_ascii_alnum(char c)
{
    return pn_ascii_alpha(c) || pn_ascii_digit(c);
}

static inline bool pn_ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** Value of a hexadecimal digit, or -1. */
static inline int pn_ascii_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
