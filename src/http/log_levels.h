/* log_levels.h - LogLevel: levels by name, and which applies to a module at a place. */
#ifndef PN_HTTP_LOG_LEVELS_H
#define PN_HTTP_LOG_LEVELS_H

#include <pinion/log.h>

#include "http/core_conf.h"

/** "error"; static. */
const char *pn_log_level_name(enum pn_log_level level);
/** By name, without case. PN_BAD otherwise. */
PN_NODISCARD pn_rc pn_log_level_parse(pn_str name, enum pn_log_level *ret);
/** Levels of an inner place over those of an outer one; either may be NULL. A level for all that the inner place sets makes
 *  an end to what the outer one says of single modules (COMPAT: 2.4). */
struct pn_log_levels *pn__log_levels_merge(apr_pool_t *pool, const struct pn_log_levels *outer, const struct pn_log_levels *inner);

/** The most that is logged of this module; `levels` NULL: warn. */
static inline int pn_log_level_of(const struct pn_log_levels *levels, const struct pn_module *module)
{
    if (!levels)
        return PN_LOG_WARNING;
    if (levels->modules && module && module->index < levels->n_modules && levels->modules[module->index] >= 0)
        return levels->modules[module->index];
    return levels->level >= 0 ? levels->level : PN_LOG_WARNING;
}

#endif
