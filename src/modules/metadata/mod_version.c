/* mod_version - <IfVersion>. The reader of the configuration knows that section itself; the module makes LoadModule and
 * <IfModule> find it. */
#include <pinion/module.h>

struct pn_module pn_module_version;

struct pn_module pn_module_version = {
    .api = PN_MODULE_API,
    .name = "mod_version.c",
    .apache_id = "version_module",
    .is_static = true,
};
