/* pidfile.h - the PidFile, locked for as long as its master lives: a number that was left behind is known as such
 * even when another process has got it since. pn_pidfile_read is in proc.h. */
#ifndef PN_PROC_PIDFILE_H
#define PN_PROC_PIDFILE_H

#include <sys/types.h>

#include "proc/proc.h"

struct pn_pidfile {
    const char *path; /* NULL: none is held */
    int         fd;
    bool        replaced; /* a file was there that nobody held: the last run did not end well */
};

/** Makes the file, empty, and locks it. `path` is kept.
 *  @return PN_OK; PN_DENIED: another master holds it; PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__pidfile_open(struct pn_pidfile *file, const char *path);
/** Takes the locked file of an earlier master over. @return false, and the descriptor is closed, when it is not the one that
 *  `path` names. */
bool pn__pidfile_adopt(struct pn_pidfile *file, const char *path, int fd);
/** Writes this process's number: the server is up. @return PN_OK, also when no file is held; PN_SYSTEM with errno. */
PN_NODISCARD pn_rc pn__pidfile_write(const struct pn_pidfile *file);
/** Removes it. Accepts one that was not opened. The master's. */
void pn__pidfile_remove(struct pn_pidfile *file);
/** In a child: gives the lock's descriptor up. */
void pn__pidfile_leave(struct pn_pidfile *file);

#endif
