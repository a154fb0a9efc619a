/* password.h - passwords as htpasswd and htdbm take them: read, hashed, compared. Exit codes are
 * those of Apache's programs. */
#ifndef PN_CMD_PASSWORD_H
#define PN_CMD_PASSWORD_H

#include <pinion/str.h>

#define PASSWORD_MAX_BYTES 256
#define PASSWORD_USER_MAX_BYTES 255

enum password_exit {
    PASSWORD_DONE = 0,
    PASSWORD_FILE = 1,   /* a file cannot be read or written */
    PASSWORD_SYNTAX = 2, /* of the command line */
    PASSWORD_WRONG = 3,  /* two entries differ, or it is not the stored one */
    PASSWORD_INTERRUPTED = 4,
    PASSWORD_TOO_LONG = 5,
    PASSWORD_USER = 6,       /* no such user, or no name for one */
    PASSWORD_NO_RECORDS = 7, /* the file holds something else */
};

enum password_kind {
    PASSWORD_MD5, /* with a salt and 1000 rounds */
    PASSWORD_BCRYPT,
    PASSWORD_SHA256,
    PASSWORD_SHA512,
    PASSWORD_ARGON2,
    PASSWORD_SHA1,
    PASSWORD_CRYPT,
    PASSWORD_PLAIN,
};

struct password_options {
    enum password_kind kind;
    unsigned           cost;       /* of bcrypt; 0: the default */
    unsigned           rounds;     /* of SHA-256 and SHA-512; 0: the default */
    bool               given;      /* it stands on the command line */
    bool               from_input; /* it is the first line of standard input */
};

/** The letters that password_option takes, for getopt. */
#define PASSWORD_LETTERS "bimB25AdspC:r:"
/** Their lines for a summary of options. */
#define PASSWORD_HELP                                                                              \
    "  -b         the password stands on the command line, for all to see\n"                       \
    "  -i         the password is the first line of standard input\n"                              \
    "  -m         MD5 with salt and rounds (the default)\n"                                        \
    "  -B         bcrypt\n"                                                                        \
    "  -C COST    work that bcrypt takes, 4 to 17 (default 5)\n"                                   \
    "  -2, -5     SHA-256, SHA-512 with salt and rounds\n"                                         \
    "  -r ROUNDS  of -2 and -5, 1000 to 999999999 (default 5000)\n"                                \
    "  -A         Argon2id\n"                                                                      \
    "  -d         the DES crypt of old, of which 8 bytes count (insecure)\n"                       \
    "  -s         SHA-1 without salt (insecure)\n"                                                 \
    "  -p         as it is (insecure; the server takes no such passwords)\n"

/** Takes an option's letter. Says what is wrong with its value, and ends the program.
 *  @return false: another letter. */
bool password_option(struct password_options *options, int letter, const char *value);
/** Says what does not fit together, and ends the program; warns of what has no effect. */
void password_options_check(struct password_options *options);

/** The password, from where the options say, NUL-terminated in storage of the pool; `given` is
 *  wiped. Ends the program when there is none.
 *  @param twice  one that is typed is asked for again. */
char *password_get(apr_pool_t *pool, const struct password_options *options, char *given,
                   bool twice);
/** Asks on the terminal, twice: "New password: ". Ends the program when they differ, with
 *  `differ_code`. */
char *password_ask(apr_pool_t *pool, bool twice, int differ_code);
void  password_wipe(char *password);
/** Ends the program when a user cannot have this name. */
void password_check_user(const char *user);

/** A hash with a salt of its own. Ends the program when it cannot be made. */
const char *password_hash(apr_pool_t *pool, const struct password_options *options,
                          const char *password);
bool        password_fits(const char *password, const char *stored);

#endif
