/* rewrite_engine.c - runs a rule set over one request: pattern, conditions, substitution, flags, rule after rule.
 *
 * Workload: sites have rule sets of which one or two rules match. A rule that does not match costs two comparisons of eight
 * bytes where its pattern has a literal beginning or end, else one regular expression; nothing is allocated for it.
 * Apache manual: "Technical Details", ruleset processing. */
#include <stdarg.h>

#include <pinion/record.h>

#include "mod_rewrite.h"

void pn__rewrite_trace(const struct rewrite_run *run, unsigned level, const char *fmt, ...)
{
    const struct pn_request *r = run->r;
    va_list                  ap;
    pn_str                   text;

    va_start(ap, fmt);
    text = pn_str_vprintf(r->pool, fmt, ap);
    va_end(ap);
    if (pn_recorder) {
        pn_record(r, PN_STEP_REWRITE, NULL, 0, "%s%.*s%s%s", run->dir ? "[" : "", run->dir ? (int)run->dir->dir.n : 0,
                  run->dir ? run->dir->dir.p : "", run->dir ? "] " : "", text.p);
        return;
    }
    pn_log_write_r(r, PN_LOG_MODULE, (enum pn_log_level)(PN_LOG_TRACE1 + (int)level - 1), 0, 0, "%s%s%s%.*s%s%s",
                   r->main ? "subrequest " : "", r->prev ? "redirected " : "", run->dir ? "[" : "",
                   run->dir ? (int)run->dir->dir.n : 0, run->dir ? run->dir->dir.p : "", run->dir ? "] " : "", text.p);
}

static unsigned trace_level(const struct pn_request *r)
{
    unsigned level = 0;

    if (pn_recorder)
        return 5; /* rules, conditions, maps and what they set */
    while (level < 8 && pn_log_on_r(r, PN_LOG_MODULE, (enum pn_log_level)(PN_LOG_TRACE1 + (int)level)))
        level++;
    return level;
}

void pn__rewrite_set_lists(struct rewrite_place *place, const struct rewrite_lists *lists)
{
    const apr_array_header_t *rules = lists->rules;

    place->rules = lists->rules;
    place->heads = lists->heads;
    place->tails = lists->tails;
    place->pairs = lists->pairs;
    place->set.n = rules ? (unsigned)rules->nelts : 0;
    place->set.rules = rules ? (const struct rewrite_rule *)(void *)rules->elts : NULL;
    place->set.heads = rules ? (const struct rewrite_gate *)(void *)lists->heads->elts : NULL;
    place->set.tails = rules ? (const struct rewrite_gate *)(void *)lists->tails->elts : NULL;
    place->set.pairs = rules ? (const struct rewrite_pairs *)(void *)lists->pairs->elts : NULL;
}

void pn__rewrite_set_add(apr_pool_t *pool, struct rewrite_place *place)
{
    const struct rewrite_rule *rule = &APR_ARRAY_IDX(place->rules, place->rules->nelts - 1, struct rewrite_rule);

    struct rewrite_gates gates;

    if (!place->heads) {
        place->heads = apr_array_make(pool, 8, sizeof(struct rewrite_gate));
        place->tails = apr_array_make(pool, 8, sizeof(struct rewrite_gate));
        place->pairs = apr_array_make(pool, 8, sizeof(struct rewrite_pairs));
    }
    /* a rule with others chained to it is always looked at: they go with it */
    gates = pn__rewrite_gates_of(rule->pattern, rule->flags & RULE_NO_CASE, rule->flags & (RULE_NOT | RULE_CHAIN));
    *(struct rewrite_gate *)apr_array_push(place->heads) = gates.head;
    *(struct rewrite_gate *)apr_array_push(place->tails) = gates.tail;
    *(struct rewrite_pairs *)apr_array_push(place->pairs) = gates.pairs;
    pn__rewrite_set_lists(place, &(struct rewrite_lists){ place->rules, place->heads, place->tails, place->pairs });
    place->set.has_types = place->set.has_types || rule->type || rule->handler;
}

/* ---- one rule ---- */

/* What patterns are matched against: the name, or in a directory what is left of it below, path info included. */
static void set_subject(struct rewrite_run *run)
{
    run->subject = run->name;
    if (!run->dir)
        return;
    if (run->path_info.n)
        run->subject = PN_CAT(run->r->pool, run->name, run->path_info);
    if (pn_str_starts(run->subject, run->dir->dir))
        run->subject = pn_str_from(run->subject, run->dir->dir.n);
    REWRITE_TRACE(run, 3, "patterns see \"%.*s\"", PN_FMT(run->subject));
}

static pn_rc fail(struct rewrite_run *run, unsigned id, const struct rewrite_rule *rule, const char *why)
{
    run->status = 500;
    return pn_fail(run->r, 500, PN_LOG_MODULE, id, "RewriteRule '%.*s' at %s: %s", PN_FMT(rule->pattern), rule->where.p, why);
}

/* @return PN_OK, PN_NOT_FOUND, or PN_FAILED. */
static pn_rc match(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    struct pn_match found;
    pn_rc           rc = pn_regex_match(rule->regex, run->subject, &found);

    if (PN_UNLIKELY(rc == PN_LIMIT))
        return fail(run, 20701, rule, "the regular expression gave up on this URL (match limit)");
    REWRITE_TRACE(run, 3, "pattern '%s%.*s' on \"%.*s\": %s", rule->flags & RULE_NOT ? "!" : "", PN_FMT(rule->pattern),
                  PN_FMT(run->subject), (rc == PN_OK) == !(rule->flags & RULE_NOT) ? "matches" : "does not match");
    if (rule->flags & RULE_NOT) {
        run->rule_match.groups = 0;
        return rc == PN_OK ? PN_NOT_FOUND : PN_OK;
    }
    if (rc == PN_OK)
        run->rule_match = found;
    return rc;
}

/* Conditions joined by [OR] hold together when one of them does. COMPAT: 2.4: an [OR] behind which nothing stands always holds. */
PN_MAY_YIELD static pn_rc conditions(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    bool holds = true;

    run->cond_match.groups = 0;
    for (unsigned i = 0; i < rule->n_conds; i++) {
        const struct rewrite_cond *cond = &rule->conds[i];
        size_t                     vary_before = run->vary.n;
        if (pn__rewrite_cond_test(run, rule, cond, &holds) != PN_OK)
            return PN_FAILED;
        if (!holds)
            run->vary.n = vary_before; /* what did not hold made no difference */
        if (!holds && !cond->or_next)
            return PN_NOT_FOUND;
        while (holds && i < rule->n_conds && rule->conds[i].or_next)
            i++;
    }
    return PN_OK;
}

/* The substitution becomes the name; the query is split off; in a directory, what is relative gets its prefix back. */
PN_MAY_YIELD static pn_rc substitute(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    apr_pool_t *pool = run->r->pool;
    pn_str      name;
    int         status;

    if (pn__rewrite_text_expand(run, rule->output, rule, &name) != PN_OK)
        return fail(run, 20702, rule, "the substitution grows too long");
    if (memchr(name.p, '\0', name.n)) {
        run->status = 400;
        return PN_FAILED;
    }
    REWRITE_TRACE(run, 2, "rewritten: \"%.*s\" becomes \"%.*s\"", PN_FMT(run->subject), PN_FMT(name));
    if (pn__rewrite_effects(run, rule) != PN_OK)
        return PN_FAILED;
    run->name = name;
    run->last = rule;
    run->reduced = false;
    run->encoded = run->encoded || rule->flags & RULE_ESCAPE;
    if (rule->flags & RULE_DISCARD_PATH_INFO)
        run->path_info = PN_STR("");
    if ((status = pn__rewrite_split_query(run, rule))) {
        run->status = status;
        return PN_FAILED;
    }
    if (!pn__rewrite_scheme(run->name, NULL) && (run->name.n == 0 || run->name.p[0] != '/'))
        run->name = PN_CAT(pool, run->dir ? run->dir->dir : PN_STR("/"), run->name);
    return PN_OK;
}

/* What the flags make of the new name. */
PN_MAY_YIELD static pn_rc direct(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    if (rule->flags & RULE_PROXY) {
        run->proxy = true;
        return PN_OK;
    }
    if (rule->flags & RULE_REDIRECT) {
        pn__rewrite_qualify(run);
        run->status = rule->status;
        REWRITE_TRACE(run, 2, "redirect (%d) to %s", rule->status, run->name.p);
        return PN_OK;
    }
    pn__rewrite_reduce(run);
    if (pn__rewrite_scheme(run->name, NULL)) {
        run->status = rule->status;
        REWRITE_TRACE(run, 2, "redirect (%d) to %s, which is another server's", rule->status, run->name.p);
        return PN_OK;
    }
    return pn__rewrite_types(run, rule);
}

enum step { STEP_NO, STEP_MATCHED, STEP_CHANGED, STEP_FAILED };

PN_MAY_YIELD static enum step apply(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    pn_rc rc = match(run, rule);

    if (rc == PN_OK) {
        run->cond_match.groups = 0;
        run->vary.n = 0;
        rc = rule->n_conds ? conditions(run, rule) : PN_OK;
    }
    if (rc != PN_OK)
        return rc == PN_NOT_FOUND ? STEP_NO : STEP_FAILED;
    run->no_vary = true; /* only what conditions looked at makes answers differ */
    if (rule->flags & RULE_NO_SUB)
        rc = pn__rewrite_effects(run, rule) == PN_OK ? pn__rewrite_types(run, rule) : PN_FAILED;
    else
        rc = substitute(run, rule) == PN_OK ? direct(run, rule) : PN_FAILED;
    run->no_vary = false;
    if (rc != PN_OK)
        return STEP_FAILED;
    return rule->flags & RULE_NO_SUB ? STEP_MATCHED : STEP_CHANGED;
}

/* ---- the set ---- */

static bool is_for_me(const struct rewrite_run *run, const struct rewrite_rule *rule)
{
    return !run->r->main || !(rule->flags & (RULE_NO_SUBREQ | RULE_REDIRECT));
}

/* The index of the next rule whose gates are open. */
static unsigned next_open(const struct rewrite_set *set, unsigned i, struct rewrite_ends ends)
{
    while (i < set->n && !(pn__rewrite_is_open(&set->heads[i], ends.head) && pn__rewrite_is_open(&set->tails[i], ends.tail) &&
                           pn__rewrite_has_pairs(&set->pairs[i], ends.pairs)))
        i++;
    return i;
}

/* A rule that failed takes those chained to it along. @return the index behind them. */
static unsigned skip_chain(const struct rewrite_set *set, unsigned i)
{
    while (i < set->n && set->rules[i].flags & RULE_CHAIN)
        i++;
    return i + 1;
}

static enum rewrite_result refuse_growth(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    (void)fail(run, 10409, rule, "the rewritten URL grew too long");
    return REWRITE_FAILED;
}

/* What a matching rule's flags say about going on: true: the set ends here. */
static bool ends(struct rewrite_run *run, const struct rewrite_rule *rule)
{
    if (rule->flags & RULE_PASS)
        run->pass = true;
    if (rule->flags & RULE_END)
        run->end = true;
    return rule->flags & (RULE_PASS | RULE_END | RULE_PROXY | RULE_LAST);
}

enum rewrite_result pn__rewrite_run(struct rewrite_run *run, const struct rewrite_set *set)
{
    struct rewrite_ends words;
    bool                changed = false, tracing;
    unsigned            rounds = 0;

    run->trace = trace_level(run->r);
    run->query_before = run->query;
    tracing = run->trace >= 3;
    set_subject(run);
    words = pn__rewrite_ends_of(run->subject);
    for (unsigned i = 0;;) {
        i = tracing ? i : next_open(set, i, words);
        if (i >= set->n)
            break;
        const struct rewrite_rule *rule = &set->rules[i];
        if (!is_for_me(run, rule)) {
            i++;
            continue;
        }
        enum step step = apply(run, rule);
        if (step == STEP_FAILED)
            return REWRITE_FAILED;
        if (step == STEP_NO) {
            i = skip_chain(set, i);
            continue;
        }
        pn__rewrite_publish_vary(run);
        if (rule->flags & RULE_STATUS) {
            run->status = rule->status;
            REWRITE_TRACE(run, 2, "status %d", rule->status);
            return REWRITE_STATUS;
        }
        if (step == STEP_CHANGED) {
            changed = true;
            run->no_escape = rule->flags & RULE_NO_ESCAPE;
            if (run->name.n > REWRITE_NAME_MAX)
                return refuse_growth(run, rule);
        }
        if (ends(run, rule))
            break;
        if (step == STEP_CHANGED) {
            set_subject(run);
            words = pn__rewrite_ends_of(run->subject);
        }
        if (rule->flags & RULE_NEXT) {
            if (++rounds >= rule->max_rounds) {
                (void)fail(run, 2596, rule, "more rounds than flag N allows");
                return REWRITE_FAILED;
            }
            i = 0;
            continue;
        }
        i += 1 + rule->skip;
    }
    return changed ? REWRITE_DONE : REWRITE_SAME;
}
