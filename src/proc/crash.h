/* crash.h - the last words of a process that crashes: which signal, where, and a core where one is wanted. */
#ifndef PN_PROC_CRASH_H
#define PN_PROC_CRASH_H

#include "proc/mpm_conf.h"

/** Handles the fatal signals of this process from now on: a backtrace on standard error (the error log of a detached
 *  server), then the signal's own effect in CoreDumpDirectory. Not under AddressSanitizer, which reports itself. */
void pn__crash_watch(const struct pn_mpm_conf *conf);
/** After a change of user: lets the kernel write a core when CoreDumpDirectory is set. */
void pn__crash_allow_core(const struct pn_mpm_conf *conf);

#endif
