/* unixd.c - mod_unixd: User, Group, ChrootDir and Suexec. Apache manual: mod_unixd.
 *
 * Names are looked up while the configuration is read, so that a wrong one is an error of its line. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pinion/run_as.h>

#include "proc/mpm_conf.h"

enum { GROUPS_AT_FIRST = 64 };

/* "#33" is a number. @return false for anything else. */
static bool number_of(pn_str text, uint32_t *ret)
{
    uint64_t value;

    if (text.n < 2 || text.p[0] != '#' || pn_str_to_u64(pn_str_from(text, 1), UINT32_MAX - 1, &value) != PN_OK)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static const char *set_user(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_unixd_conf *unixd = conf;
    struct passwd        *account;

    if (!number_of(argv[0], &unixd->uid)) {
        account = getpwnam(argv[0].p);
        if (!account)
            return pn_conf_error_text(cmd, "bad user name %s", argv[0].p);
        unixd->uid = account->pw_uid;
    }
    if (unixd->uid == 0) {
        cmd->cure = "Name an account that owns nothing, such as www-data";
        return "the children must not run as root: whoever breaks into one would own the machine";
    }
    unixd->user = argv[0];
    unixd->user_set = true;
    return NULL;
}

static const char *set_group(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_unixd_conf *unixd = conf;
    struct group         *group;

    if (!number_of(argv[0], &unixd->gid)) {
        group = getgrnam(argv[0].p);
        if (!group)
            return pn_conf_error_text(cmd, "bad group name %s", argv[0].p);
        unixd->gid = group->gr_gid;
    }
    unixd->group = argv[0];
    unixd->group_set = true;
    return NULL;
}

static const char *set_chroot(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_unixd_conf *unixd = conf;
    struct stat           found;

    if (argv[0].n == 0 || argv[0].p[0] != '/' || stat(argv[0].p, &found) != 0 || !S_ISDIR(found.st_mode))
        return "ChrootDir must be the absolute path of a directory";
    unixd->chroot_dir = argv[0];
    return NULL;
}

static const struct pn_directive directives[] = {
    { .name = "User", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_user,
      .help = "the account of the children, by name or #number" },
    { .name = "Group", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_group,
      .help = "the group of the children, by name or #number" },
    { .name = "ChrootDir", .args = PN_TAKE1, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER, .set = set_chroot,
      .help = "the directory that is the children's file system" },
    { .name = "Suexec", .args = PN_FLAG, .where = PN_CTX_MAIN, .scope = PN_SCOPE_SERVER,
      .slot = PN_SLOT(struct pn_unixd_conf, suexec),
      .help = "whether programs may run as other users; On makes a missing suexec program an error" },
    { 0 }
};

static enum pn_run_as_wish wish(const struct pn_generation *generation)
{
    const struct pn_unixd_conf *unixd = pn_unixd_conf(generation);

    if (!pn_conf_is_set(unixd, &pn_module_unixd, "Suexec"))
        return PN_RUN_AS_UNSET;
    return unixd->suexec ? PN_RUN_AS_ON : PN_RUN_AS_OFF;
}

static const struct pn_run_as_switch run_as_switch = { .wish = wish };

/* Children must not look accounts up: that reads files and asks services, in each of them anew. */
static void find_groups(struct pn_unixd_conf *unixd, apr_pool_t *pool)
{
    const struct passwd *account = getpwuid(unixd->uid);
    gid_t                main_group = unixd->group_set ? unixd->gid : account ? account->pw_gid : (gid_t)unixd->uid;
    int                  n = GROUPS_AT_FIRST;

    for (;;) {
        int room = n;

        unixd->groups = apr_palloc(pool, (size_t)n * sizeof(gid_t));
        unixd->groups[0] = main_group;
        unixd->n_groups = 1;
        if (!account)
            return;
        if (getgrouplist(account->pw_name, main_group, unixd->groups, &n) >= 0)
            break;
        if (n <= room)
            return; /* the list cannot be had: the main group alone gives no rights too many */
    }
    unixd->n_groups = n; /* the main group comes first */
}

static pn_rc post_config(struct pn_generation *generation, apr_pool_t *pool, bool check_only)
{
    struct pn_unixd_conf *unixd = pn_unixd_conf(generation);

    if (wish(generation) == PN_RUN_AS_ON && !pn_provider(generation, "run_as", PN_STR("suexec"))) {
        pn_generation_error(generation, "Suexec is On, but suexec_module is not loaded: add LoadModule suexec_module "
                                        "modules/mod_suexec.so, or set Suexec Off");
        return PN_BAD;
    }
    if (unixd->user_set && geteuid() == 0)
        find_groups(unixd, generation->pool);
    return PN_OK;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_post_config(h, post_config, (struct pn_order){ .pos = PN_ORDER_MIDDLE });
    pn_provide(h, "run_as", "switch", &run_as_switch);
}

struct pn_module pn_module_unixd = {
    .api = PN_MODULE_API,
    .name = "mod_unixd.c",
    .apache_id = "unixd_module",
    .directives = directives,
    .server_conf_size = sizeof(struct pn_unixd_conf),
    .hooks = hooks,
    .is_static = true,
};
