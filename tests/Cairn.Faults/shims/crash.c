// Ends the process, as a kill does, right before the Nth time that it changes or flushes a file whose path holds ".db"; N is CRASH_BEFORE.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long count;

static void step(const char *path)
{
    const char *limit = getenv("CRASH_BEFORE");
    if (!limit || !strstr(path, ".db")) return;
    if (__sync_add_and_fetch(&count, 1) == atol(limit)) kill(getpid(), SIGKILL);
}

static void step_on(int descriptor)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    step(path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t place) { REAL(pwrite64); step_on(descriptor); return real(descriptor, bytes, length, place); }
ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t place) { REAL(pwrite); step_on(descriptor); return real(descriptor, bytes, length, place); }
int ftruncate64(int descriptor, off64_t length) { REAL(ftruncate64); step_on(descriptor); return real(descriptor, length); }
int ftruncate(int descriptor, off_t length) { REAL(ftruncate); step_on(descriptor); return real(descriptor, length); }
int fsync(int descriptor) { REAL(fsync); step_on(descriptor); return real(descriptor); }
int fdatasync(int descriptor) { REAL(fdatasync); step_on(descriptor); return real(descriptor); }
int unlink(const char *path) { REAL(unlink); step(path); return real(path); }
