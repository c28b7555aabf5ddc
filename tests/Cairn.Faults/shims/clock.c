// The machine's clock, set ahead or back by the seconds that the file CLOCK_OFFSET holds. The clock that only goes on is left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
    const char *file = getenv("CLOCK_OFFSET");
    char text[32];
    if (!file) return 0;
    int control = open(file, O_RDONLY | O_CLOEXEC);
    if (control < 0) return 0;
    ssize_t length = read(control, text, sizeof text - 1);
    close(control);
    if (length <= 0) return 0;
    text[length] = 0;
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int code = real(clock, time);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += offset();
    return code;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    static int (*real)(struct timeval *, void *);
    if (!real) real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int code = real(time, zone);
    if (code == 0) time->tv_sec += offset();
    return code;
}
