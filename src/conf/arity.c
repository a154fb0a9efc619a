/* arity.c - the words of a directive's line, counted as its row says. See apply.h. */
#include "conf/apply.h"
#include "conf/directives.h"

static const struct {
    unsigned    min, max;
    const char *text;
} arities[] = {
    [PN_NO_ARGS] = { 0, 0, "no arguments" },
    [PN_FLAG] = { 1, 1, "one argument, On or Off" },
    [PN_TAKE1] = { 1, 1, "one argument" },
    [PN_TAKE2] = { 2, 2, "two arguments" },
    [PN_TAKE3] = { 3, 3, "three arguments" },
    [PN_TAKE12] = { 1, 2, "one or two arguments" },
    [PN_TAKE13] = { 1, 3, "one or three arguments" },
    [PN_TAKE23] = { 2, 3, "two or three arguments" },
    [PN_TAKE123] = { 1, 3, "one, two or three arguments" },
    [PN_LIST] = { 1, UINT32_MAX, "one argument or more" },
    [PN_LIST0] = { 0, UINT32_MAX, "any number of arguments" },
};

static bool count_fits(enum pn_args args, unsigned argc)
{
    if (args == PN_TAKE13 && argc == 2)
        return false;
    return argc >= arities[args].min && argc <= arities[args].max;
}

const char *pn__conf_words(apr_pool_t *pool, apr_pool_t *temp, const struct pn_directive *row,
                           const struct pn_conf_node *node, unsigned *ret_argc,
                           const pn_str **ret_argv)
{
    apr_array_header_t *words = apr_array_make(pool, 3, sizeof(pn_str));
    pn_str              rest = node->args;

    if (row->args == PN_RAW || row->args == PN_SECTION)
        *(pn_str *)apr_array_push(words) = pn_str_dup(pool, rest);
    else {
        for (pn_str word = pn_conf_word(pool, &rest); word.p; word = pn_conf_word(pool, &rest))
            *(pn_str *)apr_array_push(words) = word;
        if (!count_fits(row->args, (unsigned)words->nelts))
            return pn_str_printf(temp, "%s takes %s%s%s", pn_directive_plain_name(row),
                                 arities[row->args].text, row->help ? ": " : "",
                                 row->help ? row->help : "")
                .p;
    }
    *ret_argc = (unsigned)words->nelts;
    *ret_argv = (const pn_str *)(void *)words->elts;
    return NULL;
}
