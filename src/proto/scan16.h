/* scan16.h - sixteen bytes at a time: bit masks of the bytes that end a run. SSE2 where the
 * compiler has it, plain C elsewhere. Bit i stands for p[i]; the caller has made sure that 16
 * bytes may be read. */
#ifndef PN_PROTO_SCAN16_H
#define PN_PROTO_SCAN16_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ascii.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/** Ends a field value: a control character other than HTAB. */
static inline bool pn__ends_text(char c)
{
    unsigned char u = (unsigned char)c;

    return (u < 0x20 && u != '\t') || u == 0x7f;
}

/** Ends a request target: a control character or SP. */
static inline bool pn__ends_target(char c)
{
    unsigned char u = (unsigned char)c;

    return u <= 0x20 || u == 0x7f;
}

#if defined(__SSE2__)

static inline __m128i pn__load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline unsigned pn__mask_byte(const char *p, char c)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(pn__load16(p), _mm_set1_epi8(c)));
}

static inline unsigned pn__mask_text_end(const char *p)
{
    const __m128i v = pn__load16(p);
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    const __m128i tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

static inline unsigned pn__mask_target_end(const char *p)
{
    const __m128i v = pn__load16(p);
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x20)), v);
    const __m128i del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, del));
}

/* Bytes below `low` wrap to large numbers. */
static inline __m128i pn__in_range16(__m128i v, char low, char length)
{
    const __m128i from_low = _mm_sub_epi8(v, _mm_set1_epi8(low));

    return _mm_cmpeq_epi8(_mm_min_epu8(from_low, _mm_set1_epi8((char)(length - 1))), from_low);
}

/** Letters, digits and '-': what nearly all field names are made of. */
static inline unsigned pn__mask_word(const char *p)
{
    const __m128i v = pn__load16(p);
    const __m128i letter = pn__in_range16(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 26);
    const __m128i digit = pn__in_range16(v, '0', 10);
    const __m128i dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(letter, _mm_or_si128(digit, dash)));
}

#else

static inline unsigned pn__mask_word(const char *p)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(pn_ascii_alnum(p[i]) || p[i] == '-') << i;
    return mask;
}

static inline unsigned pn__mask_byte(const char *p, char c)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)(p[i] == c) << i;
    return mask;
}

static inline unsigned pn__mask_text_end(const char *p)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)pn__ends_text(p[i]) << i;
    return mask;
}

static inline unsigned pn__mask_target_end(const char *p)
{
    unsigned mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (unsigned)pn__ends_target(p[i]) << i;
    return mask;
}

#endif

/** The first byte in [p, end) that ends a field value, or end. */
static inline char *pn__text_end(char *p, char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned mask = pn__mask_text_end(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && !pn__ends_text(*p))
        p++;
    return p;
}

/** The first byte in [p, end) that ends a request target, or end. */
static inline char *pn__target_end(char *p, char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned mask = pn__mask_target_end(p);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && !pn__ends_target(*p))
        p++;
    return p;
}

/** The first `c` in [p, end), or end. */
static inline char *pn__byte_find(char *p, char *end, char c)
{
    for (; end - p >= 16; p += 16) {
        unsigned mask = pn__mask_byte(p, c);
        if (mask)
            return p + __builtin_ctz(mask);
    }
    while (p < end && *p != c)
        p++;
    return p;
}

#endif
