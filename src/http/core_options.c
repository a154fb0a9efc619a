/* core_options.c - Options, AllowOverride, FileETag, HttpProtocolOptions: lists of words with signs. */
#include "http/core_directives.h"

#include "base/ascii.h"
#include "conf/tree.h"

struct word_bits { const char *name; uint8_t bits; };

static const struct word_bits option_words[] = {
    { "Indexes", PN_OPT_INDEXES },
    { "Includes", PN_OPT_INCLUDES },
    { "IncludesNOEXEC", PN_OPT_INCLUDES | PN_OPT_INC_NOEXEC },
    { "FollowSymLinks", PN_OPT_SYM_LINKS },
    { "SymLinksIfOwnerMatch", PN_OPT_SYM_OWNER },
    { "ExecCGI", PN_OPT_EXECCGI },
    { "MultiViews", PN_OPT_MULTI },
    { "None", 0 },
    { "All", PN_OPT_ALL },
    { NULL, 0 },
};

static const struct word_bits override_words[] = {
    { "None", PN_OVR_NONE },       { "All", PN_OVR_ALL },         { "AuthConfig", PN_OVR_AUTHCONFIG },
    { "FileInfo", PN_OVR_FILEINFO },{ "Indexes", PN_OVR_INDEXES }, { "Limit", PN_OVR_LIMIT },
    { "Options", PN_OVR_OPTIONS },  { NULL, 0 },
};

static const struct word_bits etag_words[] = {
    { "None", PN_ETAG_NONE },   { "All", PN_ETAG_INODE | PN_ETAG_MTIME | PN_ETAG_SIZE },
    { "INode", PN_ETAG_INODE }, { "MTime", PN_ETAG_MTIME },
    { "Size", PN_ETAG_SIZE },   { "Digest", PN_ETAG_DIGEST },
    { NULL, 0 },
};

static const struct word_bits *find(const struct word_bits *table, pn_str word)
{
    for (; table->name; table++)
        if (pn_str_ieq(pn_str_z(table->name), word))
            return table;
    return NULL;
}

static const char *unknown(struct pn_conf_cmd *cmd, const struct word_bits *table, pn_str word)
{
    const char *names[16];
    size_t      count = 0;

    for (; table[count].name && count < PN_COUNT(names); count++)
        names[count] = table[count].name;
    const char *near = pn_conf_suggest(word, names, count);
    if (near)
        cmd->cure = pn_str_printf(cmd->pool, "Did you mean '%s'?", near).p;
    return pn_conf_error_text(cmd, "Illegal option %.*s", PN_FMT(word));
}

/* '+', '-' or 0; the sign is cut off. */
static char sign_of(pn_str *word)
{
    char sign = word->n && (word->p[0] == '+' || word->p[0] == '-') ? word->p[0] : '\0';

    if (sign)
        *word = pn_str_from(*word, 1);
    return sign;
}

static bool admitted(const struct pn_conf_cmd *cmd, uint8_t bits)
{
    return !(cmd->context & PN_CTX_HTACCESS) || (bits & ~cmd->override_options) == 0;
}

/* Includes with exec takes back IncludesNOEXEC and the other way round. */
static void apply_option(struct pn_core_dir *dir, char sign, uint8_t bits)
{
    if (sign == '-') {
        dir->options_remove |= bits;
        dir->options_add &= (uint8_t)~bits;
        dir->options &= (uint8_t)~bits;
        return;
    }
    if (bits == PN_OPT_INCLUDES || bits == PN_OPT_ALL) {
        dir->options_remove |= PN_OPT_INC_NOEXEC;
        dir->options &= (uint8_t)~PN_OPT_INC_NOEXEC;
    }
    dir->options_add |= bits;
    dir->options_remove &= (uint8_t)~bits;
    dir->options |= bits;
}

const char *pn__set_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;
    bool                plain = false;

    for (unsigned i = 0; i < argc; i++) {
        pn_str                  word = argv[i];
        char                    sign = sign_of(&word);
        const struct word_bits *found = find(option_words, word);
        if (!found)
            return unknown(cmd, option_words, word);
        if (i > 0 && plain != !sign)
            return "Either all Options must start with + or -, or no Option may.";
        if (!admitted(cmd, found->bits))
            return pn_conf_error_text(cmd, "Option %.*s not allowed here", PN_FMT(word));
        if (i == 0 && !sign) {
            plain = true;
            dir->options = 0;
            dir->options_add = dir->options_remove = 0;
            dir->options_relative = false;
        }
        else if (i == 0 && !dir->options_set) {
            dir->options_relative = true;
            dir->options_add = dir->options_remove = 0;
        }
        dir->options_set = true;
        apply_option(dir, sign, found->bits);
    }
    return NULL;
}

/* Options=Indexes,MultiViews */
static const char *override_options(struct pn_conf_cmd *cmd, struct pn_core_dir *dir, pn_str list)
{
    dir->override_options = 0;
    while (list.n) {
        pn_str                  rest, word = pn_str_cut(list, ',', &rest);
        const struct word_bits *found = find(option_words, word);
        if (!found)
            return unknown(cmd, option_words, word);
        dir->override_options |= found->bits;
        list = rest;
    }
    return NULL;
}

static const char *nonfatal(struct pn_conf_cmd *cmd, struct pn_core_dir *dir, pn_str word)
{
    if (pn_str_ieq(word, PN_STR("All")))
        dir->override |= PN_OVR_NONFATAL_OVERRIDE | PN_OVR_NONFATAL_UNKNOWN;
    else if (pn_str_ieq(word, PN_STR("Override")))
        dir->override |= PN_OVR_NONFATAL_OVERRIDE;
    else if (pn_str_ieq(word, PN_STR("Unknown")))
        dir->override |= PN_OVR_NONFATAL_UNKNOWN;
    else
        return pn_conf_error_text(cmd, "Nonfatal takes Override, Unknown or All, not '%.*s'", PN_FMT(word));
    return NULL;
}

const char *pn__set_allow_override(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;

    if (cmd->is_regex)
        return "AllowOverride works only in <Directory> sections without regular expressions";
    dir->override = PN_OVR_NONE;
    dir->override_options = PN_OPT_ALL | PN_OPT_MULTI | PN_OPT_SYM_OWNER | PN_OPT_INC_NOEXEC;
    dir->override_set = true;
    for (unsigned i = 0; i < argc; i++) {
        pn_str                  value, word = pn_str_cut(argv[i], '=', &value);
        const struct word_bits *found = find(override_words, word);
        const char             *error = NULL;
        if (pn_str_ieq(word, PN_STR("Nonfatal")))
            error = nonfatal(cmd, dir, value);
        else if (!found)
            return unknown(cmd, override_words, word);
        else {
            dir->override |= found->bits;
            if (value.p && found->bits == PN_OVR_OPTIONS)
                error = override_options(cmd, dir, value);
        }
        if (error)
            return error;
    }
    return NULL;
}

const char *pn__set_allow_override_list(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;

    if (cmd->is_regex)
        return "AllowOverrideList works only in <Directory> sections without regular expressions";
    dir->override_list = apr_hash_make(cmd->pool);
    dir->override_list_set = true;
    for (unsigned i = 0; i < argc; i++) {
        if (argc == 1 && pn_str_ieq(argv[i], PN_STR("None")))
            break;
        pn_str name = pn_str_lower(cmd->pool, argv[i]);
        apr_hash_set(dir->override_list, name.p, (apr_ssize_t)name.n, name.p);
    }
    return NULL;
}

const char *pn__set_file_etag(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_dir *dir = conf;
    uint8_t             plain = 0;

    dir->etag_add = dir->etag_remove = 0;
    for (unsigned i = 0; i < argc; i++) {
        pn_str                  word = argv[i];
        char                    sign = sign_of(&word);
        const struct word_bits *found = find(etag_words, word);
        if (!found)
            return unknown(cmd, etag_words, word);
        if (sign == '+')
            dir->etag_add |= found->bits;
        else if (sign == '-')
            dir->etag_remove |= found->bits;
        else
            plain = found->bits == PN_ETAG_NONE ? PN_ETAG_NONE : (uint8_t)((plain & ~PN_ETAG_NONE) | found->bits);
    }
    dir->etag_bits = plain;
    dir->etag_relative = plain == 0;
    dir->etag_set = true;
    return NULL;
}

const char *pn__set_protocol_options(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv)
{
    struct pn_core_server *core = conf;

    for (unsigned i = 0; i < argc; i++) {
        if (pn_str_ieq(argv[i], PN_STR("Strict")) || pn_str_ieq(argv[i], PN_STR("Unsafe")))
            core->strict = pn_str_ieq(argv[i], PN_STR("Strict"));
        else if (pn_str_ieq(argv[i], PN_STR("Allow0.9")) || pn_str_ieq(argv[i], PN_STR("Require1.0")))
            core->allow_0_9 = pn_str_ieq(argv[i], PN_STR("Allow0.9"));
        else if (pn_str_ieq(argv[i], PN_STR("LenientMethods")) || pn_str_ieq(argv[i], PN_STR("RegisteredMethods")))
            core->lenient_methods = pn_str_ieq(argv[i], PN_STR("LenientMethods"));
        else
            return pn_conf_error_text(cmd, "HttpProtocolOptions accepts 'Unsafe' or 'Strict' (default), 'RegisteredMethods' or "
                                      "'LenientMethods' (default), and 'Require1.0' or 'Allow0.9' (default), not '%.*s'",
                                      PN_FMT(argv[i]));
    }
    core->protocol_options_set = true;
    return NULL;
}
