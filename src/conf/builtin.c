/* builtin.c - which directives reading obeys itself, and the one that needs no file of its own:
 * Error. */
#include "conf/reading.h"

/* COMPAT: 2.4 takes the whole line as the message, without the quotes when they enclose all of
 * it. */
static pn_rc raise_error(struct pn_conf_reading *reading, struct pn__conf_source *source,
                         pn_str args)
{
    if (args.n == 0)
        return pn__conf_fail(reading, &source->at, NULL,
                             "The Error directive was used with no message.");
    if (args.n > 1 && (args.p[0] == '"' || args.p[0] == '\'') && args.p[args.n - 1] == args.p[0])
        args = pn_str_n(args.p + 1, args.n - 2);
    return pn__conf_fail(reading, &source->at, NULL, "%.*s", PN_FMT(args));
}

static const struct {
    pn_str               name;
    pn__conf_builtin_fn *fn;
    bool                 htaccess; /* may stand in .htaccess */
    bool                 files;    /* opens files */
} builtins[] = {
    { PN_STR_INIT("Define"), pn__conf_define, false, false },
    { PN_STR_INIT("Error"), raise_error, true, false },
    { PN_STR_INIT("Include"), pn__conf_include, false, true },
    { PN_STR_INIT("IncludeOptional"), pn__conf_include_optional, false, true },
    { PN_STR_INIT("UnDefine"), pn__conf_undefine, false, false },
    { PN_STR_INIT("UndefMacro"), pn__conf_undef_macro, false, false },
    { PN_STR_INIT("Use"), pn__conf_use, false, false },
};

pn__conf_builtin_fn *pn__conf_builtin(const struct pn_conf_reader *reader, pn_str name)
{
    for (size_t i = 0; i < PN_COUNT(builtins); i++) {
        if (!pn_str_ieq(name, builtins[i].name))
            continue;
        if ((reader->htaccess && !builtins[i].htaccess) || (reader->no_files && builtins[i].files))
            return NULL;
        return builtins[i].fn;
    }
    return NULL;
}
