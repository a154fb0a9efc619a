/* place.c - may a directive stand where it stands, and what to say when not. See apply.h. */
#include "conf/apply.h"
#include "conf/directives.h"

static const struct {
    unsigned    bit;
    const char *name;
} places[] = {
    { PN_CTX_MAIN, "server config" },    { PN_CTX_VHOST, "<VirtualHost>" },
    { PN_CTX_DIRECTORY, "<Directory>" }, { PN_CTX_LOCATION, "<Location>" },
    { PN_CTX_FILES, "<Files>" },         { PN_CTX_IF, "<If>" },
    { PN_CTX_HTACCESS, ".htaccess" },
};

static const struct {
    unsigned    bit;
    const char *name;
} classes[] = {
    { PN_OVR_AUTHCONFIG, "AuthConfig" }, { PN_OVR_FILEINFO, "FileInfo" },
    { PN_OVR_INDEXES, "Indexes" },       { PN_OVR_LIMIT, "Limit" },
    { PN_OVR_OPTIONS, "Options" },
};

const char *pn_conf_places(apr_pool_t *pool, const struct pn_directive *row)
{
    pn_str text = PN_STR("");

    for (size_t i = 0; i < PN_COUNT(places); i++)
        if (row->where & places[i].bit)
            text = PN_CAT(pool, text, text.n ? PN_STR(", ") : PN_STR(""), pn_str_z(places[i].name));
    return text.p;
}

const char *pn_conf_override_names(apr_pool_t *pool, unsigned override)
{
    pn_str text = PN_STR("");

    if ((override & PN_OVR_ALL) == PN_OVR_ALL)
        return "All";
    for (size_t i = 0; i < PN_COUNT(classes); i++)
        if (override & classes[i].bit)
            text =
                PN_CAT(pool, text, text.n ? PN_STR(" or ") : PN_STR(""), pn_str_z(classes[i].name));
    return text.p;
}

/* As it is written: "<Directory>" for a section. */
static const char *written(apr_pool_t *pool, const struct pn_directive *row)
{
    const char *name = pn_directive_plain_name(row);

    return row->args == PN_SECTION ? pn_str_printf(pool, "<%s>", name).p : name;
}

/* "inside <Files>", "in .htaccess", "outside of sections": where the directive stands. */
static const char *where_it_stands(const struct pn_conf_cmd *cmd)
{
    const struct pn_conf_node *outer = cmd->node->parent;

    if (outer && outer->section && outer->name.n)
        return pn_str_printf(cmd->temp, "inside <%.*s>", PN_FMT(outer->name)).p;
    return cmd->context & PN_CTX_HTACCESS ? "in .htaccess" : "outside of sections";
}

static bool on_override_list(const struct pn_conf_cmd *cmd, const struct pn_directive *row)
{
    apr_hash_t *list = cmd->state->override_list;
    pn_str      name;

    if (!list)
        return false;
    name = pn_str_lower(cmd->temp, pn_str_z(pn_directive_plain_name(row)));
    return apr_hash_get(list, name.p, (apr_ssize_t)name.n) != NULL;
}

static const char *check_override(const struct pn_conf_cmd *cmd, const struct pn_directive *row,
                                  bool *ret_override)
{
    if ((row->override & cmd->override & PN_OVR_ALL) || on_override_list(cmd, row))
        return NULL;
    *ret_override = true;
    return pn_str_printf(cmd->temp,
                         "%s is not allowed in .htaccess because AllowOverride %s would be needed",
                         written(cmd->temp, row), pn_conf_override_names(cmd->temp, row->override))
        .p;
}

const char *pn__conf_check_place(const struct pn_conf_cmd *cmd, const struct pn_directive *row,
                                 const char **ret_cure, bool *ret_override)
{
    unsigned inner = cmd->context & ~(unsigned)(PN_CTX_LIMIT | PN_CTX_HTACCESS);
    bool     admitted = inner == 0 || (row->where & inner);

    *ret_cure = NULL;
    *ret_override = false;
    if (cmd->context & PN_CTX_HTACCESS)
        admitted = admitted && (row->where & PN_CTX_HTACCESS);
    if (!admitted) {
        *ret_cure =
            pn_str_printf(cmd->temp, "It may stand in: %s", pn_conf_places(cmd->temp, row)).p;
        return pn_str_printf(cmd->temp, "%s is not allowed %s", written(cmd->temp, row),
                             where_it_stands(cmd))
            .p;
    }
    return cmd->context & PN_CTX_HTACCESS ? check_override(cmd, row, ret_override) : NULL;
}
