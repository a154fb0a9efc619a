/* boot.h - what the files of src/main call of each other: loading, checking, running. */
#ifndef PN_MAIN_BOOT_H
#define PN_MAIN_BOOT_H

#include "conf/load.h"
#include "main/args.h"

/* PN_DEFAULT_ROOT and PN_DEFAULT_CONFIG come from meson.build. */

enum pn_load_how {
    PN_LOAD_QUIETLY, /* reads and merges, and asks no module */
    PN_LOAD_CHECK,   /* opens no logs */
    PN_LOAD_TO_RUN   /* opens everything */
};

/** Loads the configuration that the arguments name. @return a reference, or NULL: the report has the errors.
 *  @param pool owns the report. */
struct pn_generation *pn_boot_load(const struct pn_command *args, apr_pool_t *pool, unsigned number,
                                   enum pn_load_how how, struct pn_load_report *ret_report);
/** Tells standard error what a load has to say. */
void pn_boot_print(const struct pn_command *args, const struct pn_load_report *report);
/** A load while a server runs: its log gets what there is to say. */
struct pn_generation *pn_boot_reload(const struct pn_command *args, unsigned number, struct pn_generation *running);
/** -t and the dumps. @return the exit code. */
int pn_boot_check(const struct pn_command *args, apr_pool_t *pool);
/** Starts, or acts on the server that runs. @return the exit code. */
int pn_boot_run(const struct pn_command *args, apr_pool_t *pool, int argc, char *const *argv);
/** `pinion serve`. @return the exit code. */
int pn_serve(const struct pn_command *args, apr_pool_t *pool);

/** `pinion explain`. @return the exit code: 0 when the answer is a success or a redirection, 1 when it is an error, 2 when
 *  nothing could be explained. */
int pn_explain(const struct pn_command *args, apr_pool_t *pool);

/** -t --htaccess: checks the .htaccess files of a tree, and says on standard error what is wrong with each.
 *  @return how many are wrong. */
unsigned pn_check_htaccess(const struct pn_command *args, struct pn_generation *generation, apr_pool_t *pool);

/* ---- version.c ---- */

void pn_show_version(void);
void pn_show_settings(const struct pn_command *args, apr_pool_t *pool);
void pn_show_static_modules(void);
void pn_show_directives(void);

/* ---- dumps.c ---- */

/** Prints what -D DUMP_... ask for. @return false when none of them takes the place of "Syntax OK". */
bool pn_dump(const struct pn_command *args, const struct pn_generation *generation, const struct pn_load_report *report);

/* ---- control.c ---- */

/** -k. @return true when that was all, with the exit code; false: a server is to be started. */
bool pn_control(enum pn_verb verb, const char *pid_file, int *ret_code);

/* ---- glue.c ---- */

struct pn_proc_ops;
/** Connects the process models with HTTP. `load` takes the arguments as its arg. */
extern const struct pn_proc_ops pn_glue;

#endif
