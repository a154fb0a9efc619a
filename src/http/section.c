/* section.c - does a section apply? */
#include "http/section.h"

#include <apr_fnmatch.h>

void pn_section_capture(const struct pn_section *section, const struct pn_match *match, apr_pool_t *pool,
                        apr_table_t *into)
{
    for (int i = 0; section->names && i < section->names->nelts; i++) {
        const struct pn_section_name *name = &APR_ARRAY_IDX(section->names, i, struct pn_section_name);
        pn_str                        value = pn_match_group(match, name->group);
        if (value.p)
            apr_table_setn(into, name->env, pn_str_zdup(pool, value));
    }
}

unsigned pn_section_components(pn_str dir)
{
    unsigned count = 0;

    for (size_t i = 0; i < dir.n; i++)
        count += dir.p[i] != '/' && (i == 0 || dir.p[i - 1] == '/');
    return count;
}

bool pn_section_is_glob(pn_str pattern)
{
    return pn_str_chr(pattern, '*', 0) != SIZE_MAX || pn_str_chr(pattern, '?', 0) != SIZE_MAX ||
           pn_str_chr(pattern, '[', 0) != SIZE_MAX;
}

static pn_str without_slash(pn_str dir)
{
    return dir.n > 1 && dir.p[dir.n - 1] == '/' ? pn_str_head(dir, dir.n - 1) : dir;
}

bool pn_section_is_directory(const struct pn_section *section, pn_str dir, unsigned components)
{
    if (section->regex || section->components != components)
        return false;
    pn_str plain = without_slash(dir), pattern = without_slash(section->pattern);
    if (!section->glob)
        return pn_str_eq(plain, pattern);
    char text[512]; /* a longer directory never matches a pattern that could be written in a line of this length */
    if (plain.n >= sizeof(text))
        return false;
    memcpy(text, plain.p, plain.n);
    text[plain.n] = '\0';
    return apr_fnmatch(pattern.p, text, APR_FNM_PATHNAME) == APR_SUCCESS;
}

pn_rc pn_section_matches_file(const struct pn_section *section, pn_str name, struct pn_match *ret_match)
{
    if (section->regex)
        return pn_regex_match(section->regex, name, ret_match);
    if (section->glob)
        return apr_fnmatch(section->pattern.p, name.p, 0) == APR_SUCCESS ? PN_OK : PN_NOT_FOUND;
    return pn_str_eq(section->pattern, name) ? PN_OK : PN_NOT_FOUND;
}
