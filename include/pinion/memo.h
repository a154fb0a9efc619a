/* pinion/memo.h - what a module has worked out about a directory, or about a name that is missing in it, kept until something
 * in the directory changes.
 *
 * It is kept with the path store's entry of the directory and seen only by requests with the very same settings there. All
 * of a thread together are bounded in bytes; the oldest go first. */
#ifndef PINION_MEMO_H
#define PINION_MEMO_H

#include <pinion/request.h>

/** The state of the directory that r stands for, or in which the name that r stands for is missing, to be taken before it is looked at; 0: it can't be watched, nothing is kept. */
uint64_t pn_memo_stamp(struct pn_request *r);
/** What the module kept for this directory or name and r's settings; NULL when there is none, or something changed since. It lives as
 *  long as r->pool. At most a second old: not every change of a file is told (a write through a shared mapping). */
void *pn_memo_find(struct pn_request *r, const struct pn_module *module);
/** Keeps `data` in place of what the module kept there. Nothing is kept when the directory is not in the state of
 *  `stamp` any more, or `bytes` are too many.
 *  @param release called once, at once when it is not kept, and not before the pools of the requests that found it are gone.
 *  @return is it kept? Then it lives as long as r->pool at least. */
bool pn_memo_keep(struct pn_request *r, const struct pn_module *module, uint64_t stamp, void *data, size_t bytes,
                  void (*release)(void *data));

#endif
