/* mod_shared.c - a shared object of the module interface, and two objects that are to be
 * refused. For test_registry.c. */
#include <pinion/module.h>

struct shared_server {
    int64_t number;
};

static const struct pn_directive directives[] = { { .name = "SharedNumber",
                                                    .args = PN_TAKE1,
                                                    .where = PN_CTX_SERVER,
                                                    .dflt = "3",
                                                    .slot = PN_SLOT(struct shared_server, number) },
                                                  { 0 } };

extern struct pn_module shared_module, old_module, renamed_module;

struct pn_module shared_module = {
    .api = PN_MODULE_API,
    .name = "mod_shared.c",
    .apache_id = "shared_module",
    .directives = directives,
    .server_conf_size = sizeof(struct shared_server),
};

struct pn_module old_module = { .api = 900, .name = "mod_old.c", .apache_id = "old_module" };

struct pn_module renamed_module = { .api = PN_MODULE_API,
                                    .name = "mod_x.c",
                                    .apache_id = "x_module" };
