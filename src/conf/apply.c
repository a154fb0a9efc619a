/* apply.c - see apply.h. */
#include "conf/apply.h"

#include <apr_strings.h>

#include "conf/at_once.h"
#include "conf/core.h"
#include "conf/slot.h"
#include "conf/vec.h"

/* A .htaccess is applied on a fiber's stack: its author must not choose how deep it gets. */
#define MAX_DEPTH 20

void pn_conf_state_init(struct pn_conf_state *state, struct pn_generation *generation,
                        apr_pool_t *pool, apr_pool_t *temp)
{
    *state = (struct pn_conf_state){ .generation = generation,
                                     .pool = pool,
                                     .temp = temp,
                                     .report_pool = pool,
                                     .override = PN_OVR_ALL,
                                     .override_options = UINT64_MAX };
    state->warned = apr_hash_make(temp);
    state->warnings = apr_array_make(pool, 0, sizeof(const char *));
}

/* ---- messages ---- */

static struct pn_conf_error message_at(const struct pn_conf_cmd *cmd, const char *reason)
{
    return (struct pn_conf_error){ .file = cmd->node->file,
                                   .line = cmd->node->line,
                                   .text = cmd->node->text,
                                   .reason = reason,
                                   .cure = cmd->cure };
}

void pn_conf_warn(struct pn_conf_cmd *cmd, const char *fmt, ...)
{
    struct pn_conf_state *state = cmd->state;
    struct pn_conf_error  warning;
    va_list               ap;

    va_start(ap, fmt);
    warning = message_at(cmd, pn_str_vprintf(cmd->temp, fmt, ap).p);
    va_end(ap);
    *(const char **)apr_array_push(state->warnings) =
        pn_conf_error_line(state->report_pool, &warning);
}

pn_str pn_conf_where(struct pn_conf_cmd *cmd)
{
    return pn_str_printf(cmd->pool, "%s:%u", cmd->node->file->path, cmd->node->line);
}

const char *pn_conf_error_text(struct pn_conf_cmd *cmd, const char *fmt, ...)
{
    const char *text;
    va_list     ap;

    va_start(ap, fmt);
    text = pn_str_vprintf(cmd->pool, fmt, ap).p;
    va_end(ap);
    return text;
}

pn_str pn_conf_path(struct pn_conf_cmd *cmd, pn_str path)
{
    return pn_slot_path(cmd->pool, cmd->generation->server_root, path);
}

/* Notes where an error is. One that comes up through sections keeps the place of the line that
 * caused it. */
static const char *fail(struct pn_conf_cmd *cmd, const char *reason)
{
    struct pn_conf_error *error = &cmd->state->error;

    if (error->reason != reason)
        *error = message_at(cmd, reason);
    return reason;
}

/* ---- directives that are not there ---- */

static const char *describe_unknown(struct pn_conf_cmd *cmd)
{
    const struct pn_directive_table *table = cmd->generation->core->directives;
    const struct pn_conf_node       *node = cmd->node;
    const char             *open = node->section ? "<" : "", *close = node->section ? ">" : "";
    const struct pn_module *owner = pn_directive_inactive_owner(table, node->name);
    const char             *near;

    if (owner)
        return pn_conf_error_text(
            cmd, "Invalid command '%s%.*s%s', it belongs to %s: add LoadModule %s modules/%.*s.so",
            open, PN_FMT(node->name), close, owner->name, owner->apache_id,
            PN_FMT(pn_str_head(pn_str_z(owner->name), strlen(owner->name) - 2)));
    near = pn_directive_suggest(table, cmd->temp, node->name);
    if (near)
        cmd->cure = pn_str_printf(cmd->temp, "Did you mean %s?", near).p;
    return pn_conf_error_text(cmd, "Invalid command '%s%.*s%s'", open, PN_FMT(node->name), close);
}

static const char *apply_unknown(struct pn_conf_cmd *cmd)
{
    const char *reason;

    if (pn__at_once_done(cmd->node))
        return NULL;
    reason = describe_unknown(cmd);
    if (cmd->state->htaccess && (cmd->override & PN_OVR_NONFATAL_UNKNOWN)) {
        pn_conf_warn(cmd, "%s; skipped as AllowOverride Nonfatal=Unknown says", reason);
        return NULL;
    }
    return fail(cmd, reason);
}

/* ---- one row ---- */

static void warn_gone(struct pn_conf_cmd *cmd)
{
    const struct pn_directive *row = cmd->row;

    if (apr_hash_get(cmd->state->warned, &row, sizeof(row)))
        return;
    apr_hash_set(cmd->state->warned, apr_pmemdup(cmd->temp, &row, sizeof(row)), sizeof(row), row);
    pn_conf_warn(cmd, "%s has no effect any more: %s", row->name, row->gone);
}

static void *find_conf(struct pn_conf_cmd *cmd)
{
    if (pn_row_scope(cmd->row) == PN_SCOPE_DIR)
        return pn_conf_vec_need(cmd->generation, cmd->vec, cmd->pool, cmd->module);
    return pn_conf_server_need(cmd->server, cmd->pool, cmd->module);
}

static const char *set_slot(struct pn_conf_cmd *cmd, void *conf, bool fresh, unsigned argc,
                            const pn_str *argv)
{
    struct pn_slot_in in = { .pool = cmd->pool,
                             .temp = cmd->temp,
                             .server_root = cmd->generation->server_root,
                             .fresh = fresh };
    const char       *error = pn_slot_set(&in, cmd->row, conf, argc, argv);

    if (error)
        cmd->cure = in.cure;
    return error;
}

static const char *run_row(struct pn_conf_cmd *cmd, unsigned position)
{
    const struct pn_directive   *row = cmd->row;
    const struct pn_module_info *info = cmd->generation->core->infos[cmd->module->index];
    const pn_str                *argv;
    const char                  *error;
    unsigned                     argc;
    void                        *conf;

    if (row->gone) {
        warn_gone(cmd);
        return NULL;
    }
    /* Functions may keep their words; slots copy what they keep. */
    error =
        pn__conf_words(row->set ? cmd->pool : cmd->temp, cmd->temp, row, cmd->node, &argc, &argv);
    if (error)
        return fail(cmd, error);
    if ((cmd->context & PN_CTX_LIMIT) && !(row->where & PN_CTX_LIMIT))
        pn_conf_warn(cmd, "%s holds for all methods: <%.*s> does not limit it", row->name,
                     PN_FMT(cmd->node->parent->name));
    conf = find_conf(cmd);
    error = row->set ? row->set(cmd, conf, argc, argv)
                     : set_slot(cmd, conf, !pn__conf_marked(conf, info, position), argc, argv);
    if (error)
        return fail(cmd, error);
    if (conf)
        pn__conf_mark(conf, info, position);
    return NULL;
}

static const char *check_form(struct pn_conf_cmd *cmd, const struct pn_directive *row)
{
    const char *name = pn_directive_plain_name(row);

    if (row->gone || cmd->node->section == (row->args == PN_SECTION))
        return NULL;
    if (cmd->node->section)
        return pn_conf_error_text(cmd, "%s is not a section: it is written without < and >", name);
    return pn_conf_error_text(cmd, "%s is a section: it is written <%s ...> and closed by </%s>",
                              name, name, name);
}

/* ---- one node ---- */

/* What was learned from the rows that may not stand here. */
struct refusal {
    const char *reason, *cure;
    bool        only_override;
};

static bool admit(struct pn_conf_cmd *cmd, const struct pn_directive *row, struct refusal *refusal)
{
    const char *cure, *reason;
    bool        only_override;

    if (row->gone && row->where == 0)
        return true;
    reason = pn__conf_check_place(cmd, row, &cure, &only_override);
    if (reason && (!refusal->reason || only_override))
        *refusal = (struct refusal){ reason, cure, only_override };
    return !reason;
}

static const char *refuse(struct pn_conf_cmd *cmd, const struct refusal *refusal)
{
    if (refusal->only_override && (cmd->override & PN_OVR_NONFATAL_OVERRIDE)) {
        pn_conf_warn(cmd, "%s; skipped as AllowOverride Nonfatal=Override says", refusal->reason);
        return NULL;
    }
    cmd->cure = refusal->cure;
    return fail(cmd, refusal->reason);
}

/* @param outer the place; it is copied for the node. */
static const char *apply_node(const struct pn_conf_cmd *outer, struct pn_conf_node *node)
{
    struct pn_conf_cmd               cmd = *outer;
    const struct pn_directive_entry *entry;
    struct refusal                   refusal = { 0 };
    bool                             ran = false;

    cmd.node = node;
    cmd.cure = NULL;
    entry = pn_directive_find(cmd.generation->core->directives, node->name);
    if (!entry)
        return apply_unknown(&cmd);
    for (; entry; entry = entry->next) {
        const char *error = check_form(&cmd, entry->row);

        if (error)
            return fail(&cmd, error);
        if (!admit(&cmd, entry->row, &refusal))
            continue;
        cmd.row = entry->row;
        cmd.module = entry->module;
        error = run_row(&cmd, entry->position);
        if (error)
            return error;
        ran = true;
    }
    return ran ? NULL : refuse(&cmd, &refusal);
}

static const char *apply_nodes(struct pn_conf_cmd *place, struct pn_conf_node *first)
{
    const char *error = NULL;

    if (++place->state->depth > MAX_DEPTH) {
        place->cure = NULL;
        return fail(place, "Sections are nested too deep");
    }
    for (struct pn_conf_node *node = first; node && !error; node = node->next)
        error = apply_node(place, node);
    place->state->depth--;
    return error;
}

/* ---- sections ---- */

const char *pn_conf_apply_children(struct pn_conf_cmd *cmd, struct pn_conf_vec *vec,
                                   unsigned context, pn_str path, bool is_regex)
{
    struct pn_conf_cmd place = *cmd;

    place.vec = vec;
    place.context = context | (cmd->context & PN_CTX_HTACCESS);
    place.path = path;
    place.is_regex = is_regex;
    return apply_nodes(&place, cmd->node->first);
}

const char *pn_conf_apply_server(struct pn_conf_cmd *cmd, struct pn_server *server)
{
    struct pn_conf_cmd place = *cmd;

    place.server = server;
    place.vec = server->dir_conf;
    place.context = PN_CTX_VHOST;
    place.path = PN_STR("");
    place.is_regex = false;
    return apply_nodes(&place, cmd->node->first);
}

pn_rc pn_conf_apply_tree(struct pn_conf_state *state, struct pn_server *server,
                         struct pn_conf_vec *vec, unsigned context, pn_str path,
                         struct pn_conf_node *root)
{
    struct pn_conf_cmd place = { .pool = state->pool,
                                 .temp = state->temp,
                                 .generation = state->generation,
                                 .server = server,
                                 .vec = vec,
                                 .node = root,
                                 .context = context,
                                 .path = path,
                                 .override = state->override,
                                 .override_options = state->override_options,
                                 .state = state };

    return apply_nodes(&place, root->first) ? PN_BAD : PN_OK;
}

const char *pn_conf_file_name(struct pn_conf_cmd *cmd)
{
    const char *path = cmd->node->file->path, *kept;

    if (cmd->state->htaccess)
        return pn_str_zdup(cmd->pool, pn_str_z(path));
    kept = apr_hash_get(cmd->generation->core->file_names, path, APR_HASH_KEY_STRING);
    if (!kept) {
        kept = pn_str_zdup(cmd->generation->pool, pn_str_z(path));
        apr_hash_set(cmd->generation->core->file_names, kept, APR_HASH_KEY_STRING, kept);
    }
    return kept;
}

const char *pn_conf_place(struct pn_conf_cmd *cmd, uint32_t *ret_line)
{
    *ret_line = cmd->node->line;
    return pn_conf_file_name(cmd);
}
