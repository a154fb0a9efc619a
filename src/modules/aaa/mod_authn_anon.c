/* mod_authn_anon - guests, who come in with an e-mail address for a password.
 * Runs: as a provider of the authentication schemes.   Yields: never.   Config: struct anon_dir.   Spec: Apache manual,
 * mod_authn_anon. */
#define PN_LOG_MODULE &pn_module_authn_anon
#include <pinion/authn.h>
#include <pinion/log.h>

struct anon_dir {
    apr_array_header_t *users;        /* of pn_str: Anonymous; "*" is anybody */
    bool                no_user_id;   /* Anonymous_NoUserID */
    bool                log_email;
    bool                verify_email;
    bool                must_give_email;
};

struct pn_module pn_module_authn_anon;

static bool is_guest(const struct anon_dir *dir, pn_str user)
{
    if (user.n == 0)
        return dir->no_user_id;
    for (int i = 0; dir->users && i < dir->users->nelts; i++) {
        pn_str known = APR_ARRAY_IDX(dir->users, i, pn_str);
        if (pn_str_eq(known, PN_STR("*")) || pn_str_ieq(known, user))
            return true;
    }
    return false;
}

static bool password_will_do(const struct anon_dir *dir, pn_str password)
{
    if (dir->must_give_email && password.n == 0)
        return false;
    return !dir->verify_email ||
           (pn_str_chr(password, '@', 0) != SIZE_MAX && pn_str_chr(password, '.', 0) != SIZE_MAX);
}

static enum pn_authn check_password(const struct pn_authn_provider *self, struct pn_request *r, pn_str user, pn_str password)
{
    const struct anon_dir *dir = pn_dir_conf(r, &pn_module_authn_anon);

    if (!is_guest(dir, user))
        return PN_AUTHN_USER_NOT_FOUND;
    if (!password_will_do(dir, password))
        return PN_AUTHN_DENIED;
    if (dir->log_email && !r->main && !r->prev)
        PN_LOG_R(r, PN_LOG_INFO, 1672, 0, "Anonymous: Passwd <%s> Accepted", pn_str_escape(r->pool, password).p);
    return PN_AUTHN_GRANTED;
}

static const struct pn_authn_provider provider = { .check_password = check_password };

#define FLAG(directive, member, value, text)                                                       \
    { .name = directive, .args = PN_FLAG, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,      \
      .slot = PN_SLOT(struct anon_dir, member), .dflt = value, .help = text }

static const struct pn_directive directives[] = {
    { .name = "Anonymous", .args = PN_LIST, .where = PN_CTX_DIR, .override = PN_OVR_AUTHCONFIG,
      .slot = PN_SLOT(struct anon_dir, users), .help = "Names that come in without a password; * is any name" },
    FLAG("Anonymous_LogEmail", log_email, "On", "Log the password, which should be an e-mail address"),
    FLAG("Anonymous_MustGiveEmail", must_give_email, "On", "Refuse an empty password"),
    FLAG("Anonymous_NoUserID", no_user_id, "Off", "Accept an empty name"),
    FLAG("Anonymous_VerifyEmail", verify_email, "Off", "Refuse a password without @ and a dot"),
    { 0 }
};

static void hooks(struct pn_hooks *h)
{
    pn_provide(h, PN_AUTHN_GROUP, "anon", &provider);
}

struct pn_module pn_module_authn_anon = {
    .api = PN_MODULE_API,
    .name = "mod_authn_anon.c",
    .apache_id = "authn_anon_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct anon_dir),
    .hooks = hooks,
};
