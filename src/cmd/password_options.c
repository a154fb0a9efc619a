/* password_options.c - the options that the programs for passwords share. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/password.h"

#define COST_MIN 4
#define COST_MAX 17 /* what the library computes */
#define ROUNDS_MIN 1000
#define ROUNDS_MAX 999999999

static unsigned number(char letter, const char *text, unsigned least, unsigned most)
{
    uint64_t n;

    if (pn_str_to_u64(pn_str_z(text), most, &n) != PN_OK || n < least) {
        fprintf(stderr, "-%c takes a number from %u to %u, not '%s'\n", letter, least, most, text);
        exit(PASSWORD_SYNTAX);
    }
    return (unsigned)n;
}

bool password_option(struct password_options *options, int letter, const char *value)
{
    switch (letter) {
    case 'm': options->kind = PASSWORD_MD5; return true;
    case 'B': options->kind = PASSWORD_BCRYPT; return true;
    case '2': options->kind = PASSWORD_SHA256; return true;
    case '5': options->kind = PASSWORD_SHA512; return true;
    case 'A': options->kind = PASSWORD_ARGON2; return true;
    case 's': options->kind = PASSWORD_SHA1; return true;
    case 'd': options->kind = PASSWORD_CRYPT; return true;
    case 'p': options->kind = PASSWORD_PLAIN; return true;
    case 'C': options->cost = number('C', value, COST_MIN, COST_MAX); return true;
    case 'r': options->rounds = number('r', value, ROUNDS_MIN, ROUNDS_MAX); return true;
    case 'b': options->given = true; return true;
    case 'i': options->from_input = true; return true;
    default: return false;
    }
}

void password_options_check(struct password_options *options)
{
    bool sha2 = options->kind == PASSWORD_SHA256 || options->kind == PASSWORD_SHA512;

    if (options->given && options->from_input) {
        fputs("-b and -i do not go together\n", stderr);
        exit(PASSWORD_SYNTAX);
    }
    if (options->cost && options->kind != PASSWORD_BCRYPT)
        fputs("Warning: -C is of bcrypt (-B) and has no effect here\n", stderr);
    if (options->rounds && !sha2)
        fputs("Warning: -r is of SHA-256 and SHA-512 (-2, -5) and has no effect here\n", stderr);
}
