/* wall_clock.c - preloaded into a server under test: the clock on the wall is off by as many seconds as stand, eight bytes of
 * them, in the file that WALL_CLOCK names; the test changes them while the server runs. The monotonic clock is left alone. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *off_s;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("WALL_CLOCK");
    int         fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

    real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (fd < 0)
        return;
    off_s = mmap(NULL, sizeof(*off_s), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (off_s == MAP_FAILED)
        off_s = NULL;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result;

    if (!real_gettime)
        begin();
    result = real_gettime(id, now);
    if (result == 0 && off_s && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += *off_s;
    return result;
}

time_t time(time_t *ret)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
