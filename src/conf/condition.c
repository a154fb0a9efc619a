/* condition.c - sections that reading decides: <IfDefine>, <IfDirective>, <IfFile>, <IfModule>,
 * <IfSection>, <IfVersion>. Spec: Apache manual, core and mod_version. */
#include <apr_file_info.h>

#include "conf/reading.h"

/* A test of one name; what comes before it ("!") has been taken off. */
typedef bool(test_fn)(struct pn_conf_reading *reading, pn_str name);

static bool test_define(struct pn_conf_reading *reading, pn_str name)
{
    return pn__conf_is_defined(reading, name);
}

static bool test_module(struct pn_conf_reading *reading, pn_str name)
{
    const struct pn_conf_reader *reader = reading->reader;

    return reader->module_loaded && reader->module_loaded(reader->arg, name);
}

static bool test_file(struct pn_conf_reading *reading, pn_str name)
{
    const struct pn_conf_reader *reader = reading->reader;
    apr_finfo_t                  info;
    char                        *path;

    if (reader->no_files ||
        apr_filepath_merge(&path, reader->server_root, name.p, APR_FILEPATH_TRUENAME, reader->pool))
        return false;
    return apr_stat(&info, path, APR_FINFO_TYPE, reader->pool) == APR_SUCCESS;
}

static bool test_section(struct pn_conf_reading *reading, pn_str name)
{
    const struct pn_conf_reader *reader = reading->reader;

    return pn__conf_is_condition(name) || pn_str_ieq(name, PN_STR("Macro")) ||
           (reader->section_known && reader->section_known(reader->arg, name));
}

static bool test_directive(struct pn_conf_reading *reading, pn_str name)
{
    const struct pn_conf_reader *reader = reading->reader;

    if (name.p[0] == '<')
        return test_section(reading, pn_str_from(name, 1));
    return pn__conf_builtin(reader, name) != NULL ||
           (reader->directive_known && reader->directive_known(reader->arg, name));
}

static const struct {
    pn_str   name;
    test_fn *test; /* NULL: IfVersion, which has a syntax of its own */
} conditions[] = {
    { PN_STR_INIT("IfDefine"), test_define },   { PN_STR_INIT("IfDirective"), test_directive },
    { PN_STR_INIT("IfFile"), test_file },       { PN_STR_INIT("IfModule"), test_module },
    { PN_STR_INIT("IfSection"), test_section }, { PN_STR_INIT("IfVersion"), NULL },
};

static size_t find(pn_str name)
{
    size_t i = 0;

    while (i < PN_COUNT(conditions) && !pn_str_ieq(name, conditions[i].name))
        i++;
    return i;
}

bool pn__conf_is_condition(pn_str name)
{
    return find(name) < PN_COUNT(conditions);
}

pn_rc pn__conf_condition(struct pn_conf_reading *reading, const struct pn__conf_place *at,
                         pn_str name, pn_str args, bool *ret_holds)
{
    test_fn *test = conditions[find(name)].test;
    bool     negated = args.n > 0 && args.p[0] == '!';
    pn_str   tested;

    if (!test)
        return pn__conf_if_version(reading, at, args, ret_holds);
    if (negated)
        args = pn_str_from(args, 1);
    tested = pn_conf_word(reading->reader->pool, &args);
    if (tested.n == 0)
        return pn__conf_fail(reading, at, NULL, "<%s> needs a name to test.", name.p);
    if (args.n > 0)
        pn__conf_warn(reading, at, "Put a name that holds spaces in quotes.",
                      "<%s> tests one name: '%s'. What follows it is ignored.", name.p, tested.p);
    *ret_holds = test(reading, tested) != negated;
    return PN_OK;
}
