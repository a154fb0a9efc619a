/* pinion/regex.h - regular expressions (PCRE2 with JIT), compiled once and matched without allocation.
 *
 * A pattern compiled here may be matched by any thread; the match scratch is the thread's own.
 * Never suspends the fiber. */
#ifndef PINION_REGEX_H
#define PINION_REGEX_H

#include <pinion/str.h>

/** Groups that a match can hand back: $0 to $9, as Apache's substitutions name them. */
#define PN_REGEX_GROUPS 10

struct pn_regex;

struct pn_match {
    pn_str   subject;
    unsigned groups;                                  /* how many of span[] are set, 0: no match */
    struct { size_t so, eo; } span[PN_REGEX_GROUPS];  /* bytes; SIZE_MAX: group took no part */
};

enum pn_regex_flag {
    PN_REGEX_ICASE = 1,      /* letters compare without case */
    PN_REGEX_DOTALL = 2,     /* . matches a newline too */
    PN_REGEX_DOLLAR_ENDONLY = 4, /* $ matches at the very end only, not before a last newline */
    PN_REGEX_EXTENDED = 8,   /* white space and # comments in the pattern are skipped */
    PN_REGEX_MULTILINE = 16,
    PN_REGEX_EXACT = 32,     /* these flags alone, without pn_regex_defaults */
    PN_REGEX_AT_START = PN_REGEX_DOTALL | PN_REGEX_DOLLAR_ENDONLY /* what pn_regex_defaults says at first */
};

/** Flags that every pattern gets beside its own, RegexDefaultOptions: DOTALL and DOLLAR_ENDONLY at first, as in 2.4. One value a
 *  process, set while a configuration is read in the master; children inherit it for their .htaccess files. */
unsigned pn_regex_defaults(void);
void     pn_regex_set_defaults(unsigned flags);

/** The library behind it, "10.42 2022-12-11". Static. */
const char *pn_regex_library(void);

/** Compile. @param ret_error set on PN_BAD: reason and offset, owned by the pool.
 *  The pattern lives as long as the pool. */
PN_NODISCARD pn_rc pn_regex_compile(apr_pool_t *pool, pn_str pattern, unsigned flags,
                                    struct pn_regex **ret_regex, const char **ret_error);
/** Match. @param ret_match may be NULL.
 *  @return PN_OK, PN_NOT_FOUND, PN_LIMIT (match or depth limit: the pattern exploded). */
PN_NODISCARD pn_rc pn_regex_match(const struct pn_regex *regex, pn_str subject,
                                  struct pn_match *ret_match);
/** Bytes of group `i`; empty with p == NULL when the group took no part. */
pn_str pn_match_group(const struct pn_match *match, unsigned i);
/** How many capturing groups the pattern has. */
unsigned pn_regex_group_count(const struct pn_regex *regex);
/** Calls fn for each named group with its number. */
void pn_regex_names(const struct pn_regex *regex, void (*fn)(void *arg, pn_str name, unsigned group),
                    void *arg);
/** A literal string that every match must begin with (pattern starts ^ and plain characters);
 *  empty when there is none. Lets callers reject a subject before the regex runs. */
pn_str pn_regex_prefix(const struct pn_regex *regex);
/** Expands $0..$9 of `tmpl`; \$ and \& are a plain $ and & (substitution of Redirect- and AliasMatch).
 *  Result owned by the pool, NUL-terminated. */
pn_str pn_match_expand(apr_pool_t *pool, pn_str tmpl, const struct pn_match *match);

#endif
