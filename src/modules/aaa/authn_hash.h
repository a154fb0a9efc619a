/* authn_hash.h - does a password fit a stored hash? The forms that password files have.
 *
 * Called by mod_authn_core on a thread of the offload pool. Pure: no state, no waits. */
#ifndef PN_AAA_AUTHN_HASH_H
#define PN_AAA_AUTHN_HASH_H

#include <pinion/base.h>

/** A hash that asks for more memory than this, KB, is never right: who writes password files must not be able to use up
 *  the machine. */
#define AUTHN_ARGON2_MAX_KB (1024 * 1024)

/** {SHA}, $apr1$, $argon2i$ $argon2d$ $argon2id$, and what the system's crypt(3) knows (bcrypt, yescrypt, SHA-crypt, DES).
 *  Both are NUL-terminated. Costs what the hash says: not for the loop. An unknown form fits nothing. */
bool authn_hash_fits(const char *password, const char *stored);

#endif
