/* Makes a FUSE server answer late, as storage beyond a network does: preloaded into bindfs.
 *
 *     cc -shared -fPIC -O2 -o slow_storage.so slow_storage.c
 *     ANSWER_MICROSECONDS=500 LD_PRELOAD=slow_storage.so bindfs -f -o no_splice_read SOURCE FOLDER
 *
 * Every request that the server reads from /dev/fuse waits so long before it is handled. Requests of
 * several processes wait side by side: each has a thread of the server.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

static int is_fuse(int descriptor)
{
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISCHR(status.st_mode)
        && status.st_rdev == makedev(10, 229);
}

ssize_t read(int descriptor, void *content, size_t size)
{
    static ssize_t (*ordinary)(int, void *, size_t);
    if (!ordinary)
        ordinary = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t count = ordinary(descriptor, content, size);
    if (count > 0 && is_fuse(descriptor)) {
        const char *told = getenv("ANSWER_MICROSECONDS");
        struct timespec wait = {0, (told ? atol(told) : 0) * 1000};
        nanosleep(&wait, NULL);
    }
    return count;
}
