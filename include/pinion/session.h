/* pinion/session.h - sessions: a few named texts that a browser brings back with its next request.
 *
 * mod_session reads and writes them; where they are kept (provider group "session-store") and whether they are sealed
 * against eyes and fingers (group "session-seal") is up to other modules. A request and its subrequests and redirections
 * share a session. What is in a session that is not sealed came from a client. */
#ifndef PINION_SESSION_H
#define PINION_SESSION_H

#include <pinion/request.h>

struct pn_session_store;

struct pn_session {
    const struct pn_session_store *store;
    pn_str       place;    /* where the store keeps it: sessions of the same place are one */
    apr_table_t *entries;  /* name to value, both plain text */
    pn_wall      expiry;   /* 0: never */
    int64_t      max_age_s;/* SessionMaxAge where it was loaded, 0: none */
    bool         dirty;    /* entries differ from what is stored */
    bool         written;
    void        *kept;     /* the store's, set by load: what it found there */
    struct pn_session *next; /* of the same request */
};

/** Where sessions are kept. */
struct pn_session_store {
    /** Where r's session is to be kept; p == NULL: not by this store. In r->pool. */
    pn_str (*place)(struct pn_request *r);
    /** The text stored for r. @return PN_OK, PN_NOT_FOUND, or PN_FAILED after logging. */
    PN_MAY_YIELD pn_rc (*load)(struct pn_request *r, struct pn_session *session, pn_str *ret_text);
    /** Stores the text; an empty one removes the session. Runs when the head of `answer` is about to be sent, the last request
     *  of r's redirections, whose fields may be set. @return PN_OK, or PN_FAILED after logging. */
    PN_MAY_YIELD pn_rc (*save)(struct pn_request *r, struct pn_request *answer, struct pn_session *session, pn_str text);
};
#define PN_SESSION_STORE_GROUP "session-store"

/** What makes a session unreadable and tamper-proof. */
struct pn_session_seal {
    /** PN_DECLINED: not where r is. PN_FAILED after logging: the session must not be stored. */
    pn_rc (*seal)(struct pn_request *r, pn_str plain, pn_str *ret_text);
    /** PN_DECLINED: not where r is. PN_BAD: not sealed with a key that counts; logged. */
    pn_rc (*open)(struct pn_request *r, pn_str text, pn_str *ret_plain);
};
#define PN_SESSION_SEAL_GROUP "session-seal"

/** What mod_session offers: group "session", name "core". */
struct pn_session_core {
    /** r's session, an empty one when nothing is stored; NULL where there are none (Session Off, no store). */
    PN_MAY_YIELD struct pn_session *(*get)(struct pn_request *r);
};

/** r's session, or NULL. */
PN_MAY_YIELD static inline struct pn_session *pn_session_get(struct pn_request *r)
{
    const struct pn_session_core *core = pn_provider(r->server->generation, "session", PN_STR("core"));

    return core ? core->get(r) : NULL;
}

/** A value, or p == NULL. */
static inline pn_str pn_session_value(const struct pn_session *session, const char *name)
{
    return pn_str_z(apr_table_get(session->entries, name));
}

/** Sets or, with p == NULL, removes a value. The bytes are copied. */
static inline void pn_session_set(struct pn_session *session, const char *name, pn_str value)
{
    pn_str before = pn_session_value(session, name);

    if (value.p ? before.p && pn_str_eq(before, value) : !before.p)
        return;
    session->dirty = true;
    if (value.p)
        apr_table_set(session->entries, name, pn_str_zdup(apr_table_elts(session->entries)->pool, value));
    else
        apr_table_unset(session->entries, name);
}

#endif
