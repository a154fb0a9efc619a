/* htdigest.c - adds users to a password file for Digest authentication, or changes their passwords.
 *
 * Run by hand; arguments are those of Apache's program. A record is "user:realm:MD5 of
 * user:realm:password" (RFC 7616 s3.4.2: that is A1). See docs/man/htdigest.1. */
#include <apr_escape.h>
#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/password.h"
#include "cmd/record_file.h"

#define PROGRAM "htdigest"

static void usage(FILE *to)
{
    fputs("Usage: " PROGRAM " [-c] FILE REALM USER\n"
          "Adds a user to a password file for Digest authentication, or changes his password.\n\n"
          "  -c  make a new file, or empty the one there is\n",
          to);
}

static bool take_options(int argc, char **argv)
{
    static const struct option words[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
    bool                       create = false;
    int                        option;

    while ((option = getopt_long(argc, argv, "+ch", words, NULL)) >= 0) {
        if (option == 'c')
            create = true;
        else {
            usage(option == 'h' ? stdout : stderr);
            exit(option == 'h' ? 0 : 1);
        }
    }
    if (argc - optind != 3) {
        usage(stderr);
        exit(1);
    }
    return create;
}

/* The realm's end is found by the next ':', so it has none of its own. */
static void check_realm(const char *realm)
{
    if (!realm[strcspn(realm, ":\n\r")])
        return;
    fputs(PROGRAM ": the realm has a ':' or a line end\n", stderr);
    exit(1);
}

static const char *make_record(apr_pool_t *pool, const char *prefix)
{
    unsigned char digest[APR_MD5_DIGESTSIZE];
    char         *password = password_ask(pool, true, 1);
    char         *a1 = apr_pstrcat(pool, prefix, password, NULL);

    apr_md5(digest, a1, strlen(a1));
    password_wipe(a1);
    password_wipe(password);
    return apr_pstrcat(pool, prefix, apr_pescape_hex(pool, digest, sizeof(digest), 0), NULL);
}

PN_NORETURN static void file_failed(const char *path)
{
    fprintf(stderr, PROGRAM ": %s: %s%s\n", path, strerror(errno),
            errno == ENOENT ? " (-c makes a new one)" : "");
    exit(1);
}

/* Whether the user is there already is told before the password is asked for, as Apache's does. */
static void announce(apr_pool_t *pool, const char *path, bool create, const char *realm,
                     const char *user, pn_str prefix)
{
    pn_str text, rest;

    if (create) {
        printf("Adding password for %s in realm %s.\n", user, realm);
    }
    else {
        if (!record_file_read(pool, path, &text))
            file_failed(path);
        printf(record_file_find(text, prefix, &rest) == PN_OK
                   ? "Changing password for user %s in realm %s\n"
                   : "Adding user %s in realm %s\n",
               user, realm);
    }
    fflush(stdout);
}

static void change(apr_pool_t *pool, const char *path, bool create, const char *realm,
                   const char *user)
{
    const char        *prefix = apr_pstrcat(pool, user, ":", realm, ":", NULL);
    const char        *record;
    struct record_file file;
    pn_str             text;
    bool               found;

    announce(pool, path, create, realm, user, pn_str_z(prefix));
    record = make_record(pool, prefix);
    if (!record_file_open(pool, path, create, &file))
        file_failed(path);
    text = record_file_edit(pool, file.text, pn_str_z(prefix), record, &found);
    if (!record_file_replace(&file, text))
        file_failed(path);
    record_file_close(&file);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    bool        create;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    create = take_options(argc, argv);
    check_realm(argv[optind + 1]);
    password_check_user(argv[optind + 2]);
    change(pool, argv[optind], create, argv[optind + 1], argv[optind + 2]);
    apr_terminate();
    return 0;
}
