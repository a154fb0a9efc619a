/* fuzz_sed.c - scripts of the stream editor: a script up to the first NUL, then lines of content.
 * Holds: a script compiles or says why not; running it ends, within its bounds. */
#include <apr_general.h>

#include "modules/filters/sed_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(apr_pool_t *pool, const struct sed_script *script, pn_str content)
{
    struct sed_run *sed = apr_palloc(pool, sizeof(*sed));
    struct pn_buf   out;

    pn_buf_init(&out, NULL, SED_SPACE_MAX);
    sed_begin(sed, script, pool, &out);
    while (content.n && !sed->quit) {
        pn_str line = pn_str_cut(content, '\n', &content);
        if (sed_line(sed, line, content.n == 0) != PN_OK)
            break;
    }
    pn_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sed_script *script;
    const char        *error = NULL;
    apr_pool_t        *pool;
    pn_str             content;

    if (size > 4096)
        return 0;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    pn_str text = pn_str_dup(pool, pn_str_cut(pn_str_n((const char *)data, size), '\0', &content));
    if (sed_compile(pool, text, &script, &error) == PN_OK)
        run(pool, script, content);
    else
        pn_assert(error != NULL);
    apr_pool_destroy(pool);
    return 0;
}
