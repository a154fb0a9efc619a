/* fork_fails.c - preloaded into a server under test: fork() finds no room for a process while the file that FORK_FAILS names
 * is there. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void)
{
    pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    const char *file = getenv("FORK_FAILS");

    if (file && access(file, F_OK) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return real();
}
