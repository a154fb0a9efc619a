/* authz_tree.c - answers of Require lines combined, and what is known of a tree before there is a request.
 *
 * Called by mod_authz_core.c for each request that is not let in by foreknowledge, and while the configuration is read. Pure. */
#include "authz_core.h"

bool authz_combine(enum authz_kind kind, enum pn_authz *result, enum pn_authz child)
{
    if (child == PN_AUTHZ_ERROR) {
        *result = child;
        return true;
    }
    if (child == PN_AUTHZ_NEUTRAL)
        return false;
    if (child == (kind == AUTHZ_ALL ? PN_AUTHZ_DENIED : PN_AUTHZ_GRANTED)) {
        *result = child;
        return true;
    }
    /* a user may make good for what is denied for want of one; it wins over the weaker answer */
    if (*result == PN_AUTHZ_NEUTRAL || child == PN_AUTHZ_DENIED_NO_USER)
        *result = child;
    return false;
}

/* That a line does not hold is no reason to let anyone in: its opposite says nothing. */
enum pn_authz authz_negate(enum pn_authz result)
{
    switch (result) {
    case PN_AUTHZ_GRANTED: return PN_AUTHZ_DENIED;
    case PN_AUTHZ_DENIED:
    case PN_AUTHZ_DENIED_NO_USER: return PN_AUTHZ_NEUTRAL;
    default: return result;
    }
}

static void foresee(struct authz_node *parent, const struct authz_node *child)
{
    struct authz_foreknown *ahead = &parent->ahead;

    if (ahead->settled)
        return;
    if (!child->ahead.known || child->methods != UINT64_MAX) {
        *ahead = (struct authz_foreknown){ .settled = true };
        return;
    }
    enum pn_authz result = child->negated ? authz_negate(child->ahead.result) : child->ahead.result;
    ahead->settled = authz_combine(parent->kind, &ahead->result, result);
}

struct authz_node *authz_section_new(apr_pool_t *pool, enum authz_kind kind)
{
    struct authz_node *node = apr_pcalloc(pool, sizeof(*node));

    node->kind = kind;
    node->ahead = (struct authz_foreknown){ .known = true, .result = PN_AUTHZ_NEUTRAL };
    return node;
}

void authz_section_push(apr_pool_t *pool, struct authz_node *parent, struct authz_node *child)
{
    if (parent->n == parent->cap) {
        struct authz_node **before = parent->children;
        parent->cap = parent->cap ? parent->cap * 2 : 4;
        parent->children = apr_palloc(pool, parent->cap * sizeof(struct authz_node *));
        if (parent->n)
            memcpy(parent->children, before, parent->n * sizeof(struct authz_node *));
    }
    parent->children[parent->n++] = child;
    parent->methods |= child->methods;
    foresee(parent, child);
}

static enum pn_authz foreseen(const struct authz_node *root)
{
    return root->negated ? authz_negate(root->ahead.result) : root->ahead.result;
}

bool authz_always_grants(const struct authz_node *root)
{
    return root->ahead.known && root->methods == UINT64_MAX && foreseen(root) == PN_AUTHZ_GRANTED;
}

struct authz_node *authz_both(apr_pool_t *pool, enum authz_kind kind, struct authz_node *outer, struct authz_node *inner)
{
    struct authz_node *node = authz_section_new(pool, kind);

    node->text = kind == AUTHZ_ALL ? "AuthMerging And" : "AuthMerging Or";
    authz_section_push(pool, node, outer);
    authz_section_push(pool, node, inner);
    return node;
}
