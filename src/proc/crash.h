/* crash.h - the last words of a process that crashes: which signal, where, and a core where one is wanted. */
#ifndef PN_PROC_CRASH_H
#define PN_PROC_CRASH_H

#include "proc/mpm_conf.h"

/** Handles the fatal signals of this process from now on: a backtrace on standard error and in the error log, the modules'
 *  hooks when EnableExceptionHook is on, then the signal's own effect in CoreDumpDirectory. Not under AddressSanitizer, which
 *  reports itself.
 *  @param error_fd of the error log, or -1.  @param generation whose hooks run; NULL: none, as in the master. */
void pn__crash_watch(const struct pn_mpm_conf *conf, int error_fd, struct pn_generation *generation);
/** After a change of user: lets the kernel write a core when CoreDumpDirectory is set. */
void pn__crash_allow_core(const struct pn_mpm_conf *conf);

#endif
