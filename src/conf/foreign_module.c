/* foreign_module.c - modules made for Apache: told apart from ours without loading them, and
 * what takes their place. See module_load.h. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/module_load.h"

static const struct {
    pn_str      symbol;
    const char *advice; /* "": a module of httpd itself */
} foreign[] = {
#define X(symbol, advice) { PN_STR_INIT(#symbol), advice },
#include "../../data/apache-modules.def"
#undef X
};

const char *pn_foreign_module_advice(apr_pool_t *pool, pn_str symbol)
{
    for (size_t i = 0; i < PN_COUNT(foreign); i++)
        if (pn_str_eq(foreign[i].symbol, symbol))
            return foreign[i].advice;
    return NULL;
}

/* The cookie that every module object of httpd 2.4 holds, as an unsigned long ("AP24"). */
static bool has_cookie(pn_str image)
{
    static const unsigned long cookie = 0x41503234UL;

    for (size_t at = 0; at + sizeof(cookie) <= image.n; at += sizeof(cookie))
        if (memcmp(image.p + at, &cookie, sizeof(cookie)) == 0)
            return true;
    return false;
}

static bool looks_foreign(pn_str image)
{
    static const char hook_symbol[] = "\0ap_hook_"; /* in the table of dynamic symbols' names */

    if (!pn_str_starts(image, PN_STR("\177ELF")))
        return false;
    return memmem(image.p, image.n, hook_symbol, sizeof(hook_symbol) - 1) || has_cookie(image);
}

bool pn_foreign_module_file(const char *path)
{
    int         fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    void       *image = MAP_FAILED;
    bool        result = false;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (image != MAP_FAILED) {
        result = looks_foreign(pn_str_n(image, (size_t)st.st_size));
        munmap(image, (size_t)st.st_size);
    }
    close(fd);
    return result;
}
