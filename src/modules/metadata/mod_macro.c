/* mod_macro - <Macro>, Use and UndefMacro. The reader of the configuration knows them itself; the module makes LoadModule and
 * <IfModule> find it. */
#include <pinion/module.h>

struct pn_module pn_module_macro;

struct pn_module pn_module_macro = {
    .api = PN_MODULE_API,
    .name = "mod_macro.c",
    .apache_id = "macro_module",
};
