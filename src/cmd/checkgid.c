/* checkgid.c - may these groups be used, as the group of a user directory for suexec or Group? By name, or as "#number".
 *
 * Run by installation scripts. Tells of each group that is wrong; see docs/man/checkgid.8. */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "checkgid"

static bool is_number(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Would the system take this number for a group? */
static bool number_is_valid(const char *text)
{
    gid_t         group;
    unsigned long value;

    errno = 0;
    value = strtoul(text, NULL, 10);
    group = (gid_t)value;
    return errno == 0 && (unsigned long)group == value && group != (gid_t)-1;
}

/* @return NULL, or what is wrong. */
static const char *complaint(const char *name)
{
    if (*name == '#')
        return is_number(name + 1) && number_is_valid(name + 1) ? NULL : "is no number of a group";
    errno = 0;
    if (getgrnam(name))
        return NULL;
    return errno ? strerror(errno) : "there is no such group";
}

int main(int argc, char **argv)
{
    bool good = true;

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fprintf(argc < 2 ? stderr : stdout,
                "Usage: " PROGRAM " GROUP ...\nTells whether each GROUP, a name or #number, can be used.\n");
        return argc < 2 ? 1 : 0;
    }
    for (int i = 1; i < argc; i++) {
        const char *wrong = complaint(argv[i]);
        if (wrong)
            fprintf(stderr, PROGRAM ": group '%s': %s\n", argv[i], wrong);
        good = good && !wrong;
    }
    return good ? 0 : 1;
}
