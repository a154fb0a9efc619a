/* session_secret.h - where the secrets of mod_session_crypto come from, and the keys that are made of them.
 *
 * Called while the configuration is read, and for each text that is sealed or opened. */
#ifndef PN_SESSION_SECRET_H
#define PN_SESSION_SECRET_H

#include <pinion/conf.h>

#define SESSION_MASTER_BYTES 32

/** What a passphrase became. */
struct session_master {
    uint8_t bytes[SESSION_MASTER_BYTES];
};

/** Adds the key of a passphrase, or of what "exec:program arguments" prints on its first line (not from a .htaccess).
 *  Takes some milliseconds, so that guessing does. @return NULL or the error. */
const char *session_secret_add(struct pn_conf_cmd *cmd, pn_str passphrase, apr_array_header_t *masters);
/** Adds those of a file: a passphrase a line; empty lines and those that begin with # are none. */
const char *session_secret_add_file(struct pn_conf_cmd *cmd, pn_str path, apr_array_header_t *masters);
/** Fills `to` with key bytes that belong to this salt (HKDF-SHA256, RFC 5869). */
void session_secret_expand(const struct session_master *master, const uint8_t *salt, size_t salt_n, uint8_t *to, size_t n);

#endif
