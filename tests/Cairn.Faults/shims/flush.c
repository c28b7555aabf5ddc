// What a disk does when it is asked to flush: as the file FLUSH_FAULT says, read at each flush.
//   "lie NAME"   flushes of files whose path ends with NAME say OK and do nothing
//   "fail NAME"  they fail with EIO, as long as this stands there
//   "once NAME"  the first of them fails with EIO, and the later ones say OK and do nothing: what the page cache does after a failed write-back
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed;

// 0 flush, 1 say OK, -1 fail
static int fate(int descriptor)
{
    const char *file = getenv("FLUSH_FAULT");
    char text[256], link[64], path[4096];
    if (!file) return 0;
    int control = open(file, O_RDONLY | O_CLOEXEC);
    if (control < 0) return 0;
    ssize_t length = read(control, text, sizeof text - 1);
    close(control);
    if (length <= 0) return 0;
    text[length] = 0;
    char *name = strchr(text, ' ');
    if (!name) return 0;
    *name++ = 0;
    name[strcspn(name, "\n")] = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    size_t end = strlen(name);
    if ((size_t)length < end || strcmp(path + length - end, name)) return 0;
    if (!strcmp(text, "lie")) return 1;
    if (!strcmp(text, "fail")) return -1;
    if (!strcmp(text, "once")) return __sync_fetch_and_add(&failed, 1) == 0 ? -1 : 1;
    return 0;
}

static int flush(const char *call, int descriptor)
{
    int how = fate(descriptor);
    if (how > 0) return 0;
    if (how < 0)
    {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, call);
    return real(descriptor);
}

int fsync(int descriptor) { return flush("fsync", descriptor); }
int fdatasync(int descriptor) { return flush("fdatasync", descriptor); }
