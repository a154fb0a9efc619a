/* store_test.h - a site in a temporary directory, a generation for it, and a store: what the
   store's tests share. */
#ifndef PN_TEST_STORE_H
#define PN_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/store_internal.h"

/** How the store learns of changes, and where it runs. */
enum store_mode { STORE_WATCHED, STORE_ASKED };

struct store_test {
    apr_pool_t           *pool;
    struct pn_loop       *loop;
    struct pn_generation *generation;
    struct pn_worker      worker;
    struct pn_store      *store;
    char top[32];  /* the temporary directory; links that lead up from the site stay inside */
    char root[40]; /* the site's directory */
};

/** Makes the site's directory, the generation of `conf` (lines; each @ is the site's directory)
 * and the store. */
void store_test_begin(struct store_test *t, enum store_mode mode, const char *conf);
/** Closes all and removes the site; fails when descriptors are left. */
void store_test_end(struct store_test *t);

/** Changes to the site; names are relative to it. They fail the test when they can't be made, but
 * for *_try. */
void site_write(struct store_test *t, const char *name, const char *text);
void site_append(struct store_test *t, const char *name, const char *text);
void site_mkdir(struct store_test *t, const char *name);
void site_link(struct store_test *t, const char *name, const char *target);
void site_remove(struct store_test *t, const char *name); /* with all below it */
void site_rename(struct store_test *t, const char *from, const char *to);
void site_chmod(struct store_test *t, const char *name, mode_t mode);

/** The place of a name, relative to the site, after all changes so far were delivered. The caller
 * owns a reference. */
struct pn_place *site_find(struct store_test *t, const char *name);
struct pn_place *site_find_for(struct store_test *t, struct pn_server *server, const char *name);
/** Runs fn in a fiber until it ends. */
void site_in_fiber(struct store_test *t, void (*fn)(struct store_test *t));
/** Open descriptors of the process. */
unsigned open_fds(void);

#endif
