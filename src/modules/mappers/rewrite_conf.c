/* rewrite_conf.c - the directives of mod_rewrite, and how the settings of places are merged: which rules a place has of its own
 * and which it inherits. Called while a configuration or a .htaccess is read. */
#include "mod_rewrite.h"

/* ---- directives ---- */

/* Rules outside of sections belong to the server. */
static bool in_section(const struct pn_conf_cmd *cmd)
{
    return cmd->context & PN_CTX_DIR;
}

/* The settings that a directive belongs to, known from now on as having some of ours. */
static struct rewrite_place *place_for(struct pn_conf_cmd *cmd, void *conf)
{
    struct rewrite_conf *dir = conf;
    pn_str               slash = PN_STR("/");

    if (!in_section(cmd)) {
        dir->owner = cmd->server;
        return &dir->server;
    }
    if (dir->dir.n == 0) {
        if (cmd->path.n && cmd->path.p[cmd->path.n - 1] == '/')
            slash = PN_STR("");
        dir->dir = PN_CAT(cmd->pool, cmd->path, slash);
        if (cmd->context & PN_CTX_IF) /* <If> is no place: nothing is stripped, and the rules see the whole file name */
            dir->dir = PN_STR("//");
    }
    return &dir->place;
}

static const char *set_engine(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rewrite_place *place = place_for(cmd, conf);

    (void)argc;
    if (pn_conf_flag(argv[0], &place->on) != PN_OK)
        return "RewriteEngine must be On or Off";
    place->on_set = true;
    return NULL;
}

static const char *set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    static const struct { const char *word; unsigned bit; } words[] = {
        { "inherit", OPT_INHERIT },             { "inheritbefore", OPT_INHERIT_BEFORE },
        { "inheritdown", OPT_INHERIT_DOWN },    { "inheritdownbefore", OPT_INHERIT_DOWN_BEFORE },
        { "ignoreinherit", OPT_IGNORE_INHERIT },{ "allownoslash", OPT_ALLOW_NO_SLASH },
        { "allowanyuri", OPT_ALLOW_ANY_URI },   { "mergebase", OPT_MERGE_BASE },
        { "ignorecontextinfo", OPT_IGNORE_CONTEXT }, { "legacyprefixdocroot", OPT_LEGACY_PREFIX },
        { "longurloptimization", 0 },
    };
    struct rewrite_place *place = place_for(cmd, conf);

    for (unsigned a = 0; a < argc; a++) {
        size_t i = 0;
        if (pn_str_istarts(argv[a], PN_STR("MaxRedirects="))) {
            pn_conf_warn(cmd, "RewriteOptions MaxRedirects has no effect: LimitInternalRecursion takes its place");
            continue;
        }
        while (i < PN_COUNT(words) && !pn_str_ieq(argv[a], pn_str_z(words[i].word)))
            i++;
        if (i == PN_COUNT(words))
            return pn_conf_error_text(cmd, "RewriteOptions: unknown option '%.*s'", PN_FMT(argv[a]));
        place->options |= words[i].bit;
    }
    place->options_set = true;
    return NULL;
}

static const char *set_base(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rewrite_conf *dir = conf;

    (void)argc;
    if (!in_section(cmd))
        return "RewriteBase: only valid in per-directory config files";
    place_for(cmd, conf);
    if (argv[0].n == 0 || argv[0].p[0] != '/')
        return pn_conf_error_text(cmd, "RewriteBase takes a URL path that begins with a slash, not '%.*s'", PN_FMT(argv[0]));
    dir->base = pn_str_dup(cmd->pool, argv[0]);
    return NULL;
}

static const char *set_map(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rewrite_conf *server = conf;
    struct rewrite_map  *map;
    const char          *error;

    place_for(cmd, conf);
    if ((error = pn__rewrite_map_make(cmd, argv[0], argv[1], argc > 2 ? argv[2] : PN_STR(""), &map)))
        return error;
    if (!server->maps)
        server->maps = apr_hash_make(cmd->pool);
    apr_hash_set(server->maps, map->name.p, (apr_ssize_t)map->name.n, map);
    return NULL;
}

static const char *set_cond(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rewrite_place *place = place_for(cmd, conf);

    (void)argc;
    if (!place->pending)
        place->pending = apr_array_make(cmd->pool, 4, sizeof(struct rewrite_cond));
    return pn__rewrite_cond_parse(cmd, argv[0], apr_array_push(place->pending));
}

static const char *set_rule(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct rewrite_place *place = place_for(cmd, conf);
    struct rewrite_rule  *rule;
    const char           *error;

    (void)argc;
    if (!place->rules)
        place->rules = apr_array_make(cmd->pool, 8, sizeof(struct rewrite_rule));
    rule = apr_array_push(place->rules);
    if ((error = pn__rewrite_rule_parse(cmd, argv[0], rule)))
        return error;
    if (place->pending) {
        rule->conds = (struct rewrite_cond *)(void *)place->pending->elts;
        rule->n_conds = (unsigned)place->pending->nelts;
        place->pending = NULL;
    }
    pn__rewrite_set_add(cmd->pool, place);
    return NULL;
}

#define ROW(directive, arity, fn, text)                                                            \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_FILEINFO, .scope = PN_SCOPE_DIR, .set = fn, .help = text }
#define GONE(directive)                                                                            \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_SERVER, .gone = "use LogLevel rewrite:trace1 to trace8" }

const struct pn_directive pn__rewrite_directives[] = {
    ROW("RewriteEngine", PN_TAKE1, set_engine, "On or Off: whether rules are run"),
    ROW("RewriteOptions", PN_LIST, set_options, "how rules are inherited, and exceptions"),
    ROW("RewriteBase", PN_TAKE1, set_base, "the URL path that stands before relative substitutions of a directory"),
    ROW("RewriteCond", PN_RAW, set_cond, "a test string and a pattern: a condition of the next rule"),
    ROW("RewriteRule", PN_RAW, set_rule, "a pattern, what a matching URL becomes, and [flags]"),
    { .name = "RewriteMap", .args = PN_TAKE23, .where = PN_CTX_SERVER, .scope = PN_SCOPE_DIR, .set = set_map,
      .help = "a name and type:source of a table that rules look keys up in" },
    GONE("RewriteLog"),
    GONE("RewriteLogLevel"),
    { .name = "RewriteLock", .args = PN_TAKE1, .where = PN_CTX_MAIN, .gone = "maps need no lock file any more" },
    { 0 }
};

/* ---- merging ---- */

static void take_both(apr_pool_t *pool, const struct rewrite_place *first, const struct rewrite_place *second,
                      struct rewrite_place *merged)
{
    merged->set.has_types = first->set.has_types || second->set.has_types;
    if (!first->rules || !second->rules) {
        const struct rewrite_place *only = first->rules ? first : second;
        pn__rewrite_set_lists(merged, &(struct rewrite_lists){ only->rules, only->heads, only->tails, only->pairs });
        return;
    }
    struct rewrite_lists lists = {
        .rules = apr_array_append(pool, first->rules, second->rules), .heads = apr_array_append(pool, first->heads, second->heads),
        .tails = apr_array_append(pool, first->tails, second->tails), .pairs = apr_array_append(pool, first->pairs, second->pairs),
    };
    pn__rewrite_set_lists(merged, &lists);
}

/* Rules of an outer place count in an inner one that has some of its own only where an option says so. */
static void merge_place(apr_pool_t *pool, const struct rewrite_place *base, const struct rewrite_place *add,
                        struct rewrite_place *merged, bool *ret_inherits)
{
    bool down = add->options_set && add->options & OPT_IGNORE_INHERIT ? false : true;
    bool after, before;

    merged->on = add->on_set ? add->on : base->on;
    merged->on_set = add->on_set || base->on_set;
    merged->options = add->options_set ? add->options : base->options;
    merged->options_set = add->options_set || base->options_set;
    merged->pending = NULL;
    after = merged->options & OPT_INHERIT || (down && base->options & OPT_INHERIT_DOWN);
    before = !after && (merged->options & OPT_INHERIT_BEFORE || (down && base->options & OPT_INHERIT_DOWN_BEFORE));
    *ret_inherits = after || before;
    if (after)
        take_both(pool, add, base, merged);
    else if (before)
        take_both(pool, base, add, merged);
    else {
        merged->set.has_types = add->set.has_types;
        pn__rewrite_set_lists(merged, &(struct rewrite_lists){ add->rules, add->heads, add->tails, add->pairs });
    }
}

/* A virtual host over the main server. One without a directive of ours has the main server's maps and none of its rules:
 * merging leaves it the main server's settings, whose owner it is not. */
static void merge_server(apr_pool_t *pool, const struct rewrite_conf *outer, const struct rewrite_conf *inner,
                         struct rewrite_conf *merged)
{
    bool inherits;

    merge_place(pool, &outer->server, &inner->server, &merged->server, &inherits);
    merged->owner = inner->owner;
    merged->maps = inner->maps;
    if (inherits && outer->maps)
        merged->maps = inner->maps ? apr_hash_overlay(pool, inner->maps, outer->maps) : outer->maps;
}

void pn__rewrite_dir_merge(apr_pool_t *pool, const void *base, const void *add, void *out)
{
    const struct rewrite_conf *outer = base, *inner = add;
    struct rewrite_conf       *merged = out;
    bool                       inherits;

    if (inner->owner)
        merge_server(pool, outer, inner, merged);
    if (inner->dir.n == 0)
        return;
    merge_place(pool, &outer->place, &inner->place, &merged->place, &inherits);
    merged->dir = inner->dir;
    merged->base = inner->base;
    if (!inner->base.p && merged->place.options & OPT_MERGE_BASE)
        merged->base = outer->base;
}
