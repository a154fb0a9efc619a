/* pipeline.c - a request through Apache's phases, in Apache's order, up to an answer whose body can be pulled.
 * Apache manual: "Request Processing in the Apache HTTP Server 2.x". */
#define PN_LOG_MODULE &pn_module_core
#include <pinion/log.h>
#include <pinion/record.h>

#include "conf/hooks.h"
#include "conf/plan.h"
#include "conf/vec.h"
#include "http/byteranges.h"
#include "http/request_core.h"
#include "http/satisfy.h"
#include "http/score.h"
#include "http/vec_cache.h"

/* Phases whose hooks all run until one rejects; the others stop at the first that settles the question. */
static const bool runs_all[PN_PHASE__COUNT] = {
    [PN_PHASE_POST_READ_REQUEST] = true, [PN_PHASE_POST_PERDIR_CONFIG] = true, [PN_PHASE_HEADER_PARSER] = true,
    [PN_PHASE_ACCESS_CHECKER] = true,    [PN_PHASE_FIXUPS] = true,             [PN_PHASE_INSERT_FILTER] = true,
    [PN_PHASE_RESPONSE_HEAD] = true,     [PN_PHASE_LOG_TRANSACTION] = true,
};

/* Tells whose hook it was. */
PN_COLD static void record_hook(struct pn_request *r, enum pn_phase phase, pn_hook_fn *fn, enum pn_verdict verdict)
{
    const struct pn_module *module = pn_hook_owner(r->server->generation, phase, fn);

    pn_record(r, PN_STEP_HOOK, NULL, 0, "%s: %s by %s", pn_phase_name(phase), verdict == PN_REJECTED ? "refused" : "settled",
              module ? module->name : "?");
}

enum pn_verdict pn__run_phase(struct pn_request *r, const struct pn_plan *plan, enum pn_phase phase)
{
    pn_hook_fn *const *hooks = plan->phase[phase];

    for (; *hooks; hooks++) {
        enum pn_verdict verdict = (*hooks)(r);
        if (verdict == PN_REJECTED || (verdict == PN_HANDLED && !runs_all[phase])) {
            if (PN_UNLIKELY(pn_recorder != NULL))
                record_hook(r, phase, *hooks, verdict);
            return verdict;
        }
    }
    return PN_NEXT;
}

/* Runs a phase with the plan of the place; 0, or the status that the request fails with. */
PN_MAY_YIELD static int run_or_fail(struct pn_request *r, enum pn_phase phase)
{
    if (pn__run_phase(r, r->dir_conf->plan, phase) == PN_REJECTED)
        return r->core->reject_status;
    return 0;
}

/* ---- who may come in (Satisfy) ---- */

PN_MAY_YIELD static int authenticate(struct pn_request *r)
{
    enum pn_verdict verdict = pn__run_phase(r, r->dir_conf->plan, PN_PHASE_CHECK_AUTHN);

    if (verdict == PN_REJECTED)
        return r->core->reject_status;
    if (verdict == PN_NEXT) {
        PN_LOG_R(r, PN_LOG_CRIT, 27, 0, "No authentication done but request not allowed without authentication for %s. "
                 "Authentication not configured?", pn_str_escape(r->pool, r->path).p);
        return 500;
    }
    verdict = pn__run_phase(r, r->dir_conf->plan, PN_PHASE_CHECK_AUTHZ);
    if (verdict == PN_REJECTED)
        return r->core->reject_status;
    if (verdict == PN_NEXT) {
        PN_LOG_R(r, PN_LOG_CRIT, 28, 0, "No authorization done but request not allowed without authorization for %s. "
                 "Authorization not configured?", pn_str_escape(r->pool, r->path).p);
        return 500;
    }
    return 0;
}

/* Authorisation without a user first; a user is asked for only when that leaves it open. */
PN_MAY_YIELD static int authorise(struct pn_request *r)
{
    const struct pn_plan *plan = r->dir_conf->plan;

    switch (pn__run_phase(r, plan, PN_PHASE_ACCESS_CHECKER_EX)) {
    case PN_HANDLED: return 0;
    case PN_REJECTED: return r->core->reject_status;
    case PN_NEXT: break;
    }
    if (!plan->phase[PN_PHASE_ACCESS_CHECKER_EX][0])
        return 0; /* nothing is required here, whoever it is */
    return authenticate(r);
}

PN_MAY_YIELD static int check_access(struct pn_request *r)
{
    int status = run_or_fail(r, PN_PHASE_ACCESS_CHECKER);

    if (pn__satisfy(r) == PN_SATISFY_ANY)
        return status ? authorise(r) : 0;
    return status ? status : authorise(r);
}

/* ---- the phases up to the handler ---- */

/* A subrequest or a redirection to a place with the same settings has been let in already; the document for an error is
 * sent even when the error is that nobody may come in. */
static bool access_is_known(struct pn_request *r)
{
    const struct pn_request *before = r->main ? r->main : r->prev;

    if (!before || before->dir_conf != r->dir_conf || !(before->core->access_ok || r->is_error))
        return false;
    if (!r->user.p) {
        r->user = before->user;
        r->auth_type = before->auth_type;
    }
    return true;
}

PN_MAY_YIELD static int map(struct pn_request *r)
{
    int status = pn__location_walk(r);

    if (status)
        return status;
    if (r->filename.n == 0) {
        switch (pn__run_phase(r, r->dir_conf->plan, PN_PHASE_TRANSLATE_NAME)) {
        case PN_REJECTED: return r->core->reject_status;
        case PN_NEXT: /* the core's own translation: DocumentRoot and the path */
            if ((status = pn__translate_default(r)))
                return status;
            break;
        case PN_HANDLED: break;
        }
    }
    r->dir_conf = r->server->dir_conf;
    switch (pn__run_phase(r, r->dir_conf->plan, PN_PHASE_MAP_TO_STORAGE)) {
    case PN_REJECTED: return r->core->reject_status;
    case PN_HANDLED: break;
    case PN_NEXT:
        if ((status = pn__directory_walk(r)))
            return status;
        break;
    }
    if ((status = pn__location_walk(r)))
        return status;
    return pn__if_walk(r);
}

PN_MAY_YIELD static int look_up(struct pn_request *r)
{
    int status = map(r);

    if (status == 0)
        status = run_or_fail(r, PN_PHASE_POST_PERDIR_CONFIG);
    if (status == 0 && !r->main)
        status = run_or_fail(r, PN_PHASE_HEADER_PARSER);
    if (status == 0 && !access_is_known(r))
        status = check_access(r);
    if (status)
        return status;
    r->core->access_ok = true;
    if (pn__run_phase(r, r->dir_conf->plan, PN_PHASE_TYPE_CHECKER) == PN_REJECTED)
        return r->core->reject_status;
    pn__override_type(r);
    return run_or_fail(r, PN_PHASE_FIXUPS);
}

int pn__pipeline_lookup(struct pn_request *r)
{
    pn_str what = r->path.n ? r->path : r->filename;
    int    status;

    PN_RECORD(r, PN_STEP_REQUEST, NULL, 0, "%s%.*s %.*s", r->main ? "look-up of " : r->prev ? "redirected to " : "",
              PN_FMT(r->method), PN_FMT(what));
    status = look_up(r);
    PN_RECORD(r, PN_STEP_DONE, NULL, 0, "%d", status ? status : 200);
    return status;
}

/* The newest request of a chain of internal redirections. */
static struct pn_request *newest(struct pn_request *r)
{
    while (r->next)
        r = r->next;
    return r;
}

int pn__pipeline_handle(struct pn_request *r)
{
    int status = run_or_fail(r, PN_PHASE_INSERT_FILTER);

    if (status)
        return status;
    if (!pn__configured_filters(r))
        return 500;
    pn__filters_init(r);
    if (PN_UNLIKELY(pn_recorder != NULL) && !pn_recorder->may_handle(pn_recorder, r))
        return 0;
    switch (pn__run_phase(r, r->dir_conf->plan, PN_PHASE_HANDLER)) {
    case PN_REJECTED: return r->core->reject_status;
    case PN_HANDLED: return 0;
    case PN_NEXT: break;
    }
    switch (pn__default_handler(r)) {
    case PN_REJECTED: return r->core->reject_status;
    case PN_HANDLED: return 0;
    case PN_NEXT: break;
    }
    return 500;
}

/* Filters and the last look at the head: what the protocol layer sends from now on. */
PN_MAY_YIELD static struct pn_request *seal(struct pn_request *r)
{
    if (!r->body)
        r->body = pn_body_empty(r);
    if (!r->core->sealed) {
        r->core->sealed = true;
        if (!pn__filters_apply(r))
            return pn__error_answer(r, r->core->reject_status);
        int status = pn__byteranges_apply(r);
        if (status)
            r = pn__error_answer(r, status);
        if (PN_UNLIKELY(!pn_core_dir(r->dir_conf)->enable_sendfile))
            r->body = pn_body_in_memory(r, r->body);
        if (!pn__late_filters_apply(r))
            r = pn__error_answer(r, r->core->reject_status);
        pn__run_phase(r, r->dir_conf->plan, PN_PHASE_RESPONSE_HEAD);
        pn__final_head(r);
    }
    if (PN_UNLIKELY(pn_recorder != NULL))
        pn_recorder->answer(pn_recorder, r);
    return r;
}

struct pn_request *pn_pipeline_run(struct pn_request *r)
{
    int status = 0;

    pn__score_begin(r);
    if (pn__run_phase(r, r->server->plan, PN_PHASE_POST_READ_REQUEST) == PN_REJECTED)
        status = r->core->reject_status;
    if (status == 0) {
        enum pn_verdict quick = pn__server_wide(r);
        if (PN_LIKELY(quick == PN_NEXT))
            quick = pn__run_phase(r, r->server->plan, PN_PHASE_QUICK_HANDLER);
        if (quick == PN_HANDLED)
            return seal(newest(r));
        status = quick == PN_REJECTED ? r->core->reject_status : pn__pipeline_lookup(r);
    }
    if (status == 0 && !r->next)
        status = pn__pipeline_handle(r);
    r = newest(r);
    if (status)
        r = pn__error_answer(r, status);
    return seal(r);
}

struct pn_request *pn_pipeline_error(struct pn_request *r, int status)
{
    pn__score_begin(r);
    return seal(pn__error_answer(r, status));
}

void pn_pipeline_log(struct pn_request *r)
{
    if (r->core->logged)
        return;
    r->core->logged = true;
    while (r->prev)
        r = r->prev;
    pn__run_phase(r, r->server->plan, PN_PHASE_LOG_TRANSACTION);
}

void pn_pipeline_finish(struct pn_request *r)
{
    struct pn_request *first = r;
    struct pn_worker  *w = pn_worker_this();

    pn_pipeline_log(r);
    while (first->prev)
        first = first->prev;
    pn__score_end(first, r);
    w->requests++;
    if (w->on_request)
        w->on_request(w, first);
    pn__request_release(first);
}

/* ---- deciding ---- */

enum pn_verdict pn_reject_quietly(struct pn_request *r, int status)
{
    r->core->reject_status = status;
    return PN_REJECTED;
}

enum pn_verdict pn_reject(struct pn_request *r, int status, const struct pn_module *module, unsigned id,
                          const char *fmt, ...)
{
    if (pn_log_on_r(r, module, PN_LOG_ERR)) {
        va_list ap;
        va_start(ap, fmt);
        pn_log_write_r(r, module, PN_LOG_ERR, id, 0, "%s", pn_str_vprintf(r->pool, fmt, ap).p);
        va_end(ap);
    }
    return pn_reject_quietly(r, status);
}

pn_rc pn_fail(struct pn_request *r, int status, const struct pn_module *module, unsigned id, const char *fmt, ...)
{
    if (pn_log_on_r(r, module, PN_LOG_ERR)) {
        va_list ap;
        va_start(ap, fmt);
        pn_log_write_r(r, module, PN_LOG_ERR, id, 0, "%s", pn_str_vprintf(r->pool, fmt, ap).p);
        va_end(ap);
    }
    r->core->reject_status = status;
    return PN_FAILED;
}
