/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into stock tools: devices of a Xen dom0 become connections to rigd (proto.h). It decides nothing; it passes
 * calls on and maps what rigd names. Everything else a tool does is left alone.
 */
#define _GNU_SOURCE
#include "proto.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS_MAX 4096
#define RANGES_MAX 4096
#define OWN_FDS 900              /* ours are above what daemons close one by one */
#define PAGE 4096UL

/* What an open device of this tool is: its kind + 1 and rigd's name for it. */
static struct { unsigned char device; bool hypercall_buffers, store; uint32_t handle; } fds[FDS_MAX];
static struct { uint64_t va, length; } ranges[RANGES_MAX];
static unsigned int range_count;
static int control = -1, memory = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int raw_close(int fd) { return (int)syscall(SYS_close, fd); }
static void *raw_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

static void give_up(const char *what)
{
    fprintf(stderr, "rig: %s: %s\n", what, strerror(errno));
    _exit(121);
}

static void send_all(int fd, const void *data, size_t size)
{
    if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
        give_up("rigd does not listen");
}

static void receive_all(int fd, void *data, size_t size)
{
    while (size > 0) {
        ssize_t n = recv(fd, data, size, MSG_WAITALL);

        if (n <= 0 && errno != EINTR)
            give_up("rigd is gone");
        if (n > 0) {
            data = (char *)data + n;
            size -= (size_t)n;
        }
    }
}

static int to_own_fds(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FDS);

    raw_close(fd);
    return moved;
}

/* The welcome; with the machine's memory if *fd is not NULL. */
static uint32_t receive_welcome(int connection, int *fd)
{
    struct rig_welcome w = { 0 };
    char control_data[CMSG_SPACE(sizeof(int))];
    struct iovec io = { &w, sizeof(w) };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control_data,
                        .msg_controllen = sizeof(control_data) };
    struct cmsghdr *c;

    if (recvmsg(connection, &m, MSG_WAITALL) != (ssize_t)sizeof(w) || w.magic != RIG_MAGIC)
        give_up("no welcome from rigd");
    c = CMSG_FIRSTHDR(&m);
    if (fd && c) {
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
        *fd = to_own_fds(*fd);
    }
    return w.handle;
}

static int connect_to(enum rig_device device, uint32_t *handle, int *fd)
{
    struct rig_hello h = { .magic = RIG_MAGIC, .device = device };
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const char *path = getenv(RIG_ENV_SOCKET), *text;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!path || s < 0)
        give_up("no " RIG_ENV_SOCKET);
    strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
    if (connect(s, (struct sockaddr *)&to, sizeof(to)) != 0)
        give_up(path);
    if ((text = getenv(RIG_ENV_FAIL)))
        strncpy(h.fail, text, sizeof(h.fail) - 1);
    if ((text = getenv(RIG_ENV_TAG)))
        strncpy(h.tag, text, sizeof(h.tag) - 1);
    send_all(s, &h, sizeof(h));
    *handle = receive_welcome(s, fd);
    return s;
}

/* ---- asking ---- */

static void map_extents(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct rig_extent e;
        void *at;

        receive_all(control, &e, sizeof(e));
        at = raw_mmap((void *)e.va, e.pages * PAGE, PROT_READ | (e.writable ? PROT_WRITE : 0),
                      MAP_SHARED | MAP_FIXED, memory, (off_t)e.offset);
        if (at == MAP_FAILED)
            give_up("mapping of machine memory");
        madvise(at, e.pages * PAGE, MADV_DONTFORK);
    }
}

static int64_t ask(enum rig_request_kind kind, uint32_t handle, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    struct rig_request q = { kind, handle, { a0, a1, a2, a3 } };
    struct rig_reply r;
    uint32_t ignored;

    pthread_mutex_lock(&lock);
    if (control < 0)
        control = to_own_fds(connect_to(RIG_CONTROL, &ignored, &memory));
    send_all(control, &q, sizeof(q));
    receive_all(control, &r, sizeof(r));
    map_extents(r.extents);
    pthread_mutex_unlock(&lock);
    if (r.result < 0) {
        errno = (int)-r.result;
        return -1;
    }
    return r.result;
}

/* A child has none of its parent's mappings (as with Linux's devices) and speaks for itself. */
static void forked(void)
{
    if (control >= 0) {
        raw_close(control);
        raw_close(memory);
    }
    control = memory = -1;
    range_count = 0;
    pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked);
}

/* ---- files ---- */

static const char *redirected(const char *path, char *to, size_t size)
{
    static const char *const prefixes[] = { "/proc/xen/", "/sys/hypervisor/", "/sys/bus/xen-backend" };
    const char *files = getenv(RIG_ENV_FILES);

    for (size_t i = 0; files && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0) {
            snprintf(to, size, "%s%s", files, path);
            return to;
        }
    return path;
}

static int remember(int fd, enum rig_device device, uint32_t handle)
{
    if (fd >= 0 && fd < FDS_MAX) {
        memset(&fds[fd], 0, sizeof(fds[fd]));
        fds[fd].device = (unsigned char)(device + 1);
        fds[fd].handle = handle;
    }
    return fd;
}

static bool is(int fd, enum rig_device device)
{
    return fd >= 0 && fd < FDS_MAX && fds[fd].device == device + 1;
}

static int open_device(enum rig_device device, int flags)
{
    uint32_t handle;
    int fd = connect_to(device, &handle, NULL);

    if (!(flags & O_CLOEXEC))
        (void)fcntl(fd, F_SETFD, 0);
    if (flags & O_NONBLOCK)
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return remember(fd, device, handle);
}

/* -2: not one of ours. */
static int open_ours(const char *path, int flags)
{
    int fd;

    if (strcmp(path, "/dev/xen/privcmd") == 0)
        return open_device(RIG_PRIVCMD, flags);
    if (strcmp(path, "/dev/xen/evtchn") == 0)
        return open_device(RIG_EVTCHN, flags);
    if (strcmp(path, "/dev/xen/gntdev") == 0)
        return open_device(RIG_GNTDEV, flags);
    if (strcmp(path, "/dev/xen/hypercall") == 0 || strcmp(path, "/proc/xen/xsd_kva") == 0) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | (flags & O_CLOEXEC), 0);
        remember(fd, RIG_CONTROL, 0);
        if (fd >= 0 && fd < FDS_MAX) {
            fds[fd].hypercall_buffers = path[1] == 'd';
            fds[fd].store = path[1] == 'p';
        }
        return fd;
    }
    if (strncmp(path, "/dev/xen/", 9) == 0) {
        errno = ENOENT;
        return -1;
    }
    return -2;
}

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
    char other[512];
    int fd = path ? open_ours(path, flags) : -2;

    if (fd != -2)
        return fd;
    fd = (int)syscall(SYS_openat, dir, path ? redirected(path, other, sizeof(other)) : path, flags, mode);
    if (fd >= 0 && fd < FDS_MAX)
        fds[fd].device = 0;
    return fd;
}

#define MODE(flags) ({ va_list a; mode_t m; va_start(a, flags); m = (mode_t)va_arg(a, int); va_end(a); m; })
#define EXPORT __attribute__((visibility("default")))

EXPORT int open(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, MODE(flags)); }
EXPORT int open64(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, MODE(flags)); }
EXPORT int openat(int dir, const char *path, int flags, ...) { return open_any(dir, path, flags, MODE(flags)); }
EXPORT int openat64(int dir, const char *path, int flags, ...) { return open_any(dir, path, flags, MODE(flags)); }
EXPORT int __open_2(const char *path, int flags);
EXPORT int __open_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }
EXPORT int __open64_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags) { return open_any(AT_FDCWD, path, flags, 0); }

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

EXPORT FILE *fopen(const char *path, const char *mode)
{
    char other[512];

    return ((FILE *(*)(const char *, const char *))real("fopen"))(redirected(path, other, sizeof(other)), mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode)
{
    char other[512];

    return ((FILE *(*)(const char *, const char *))real("fopen64"))(redirected(path, other, sizeof(other)), mode);
}

EXPORT DIR *opendir(const char *path)
{
    char other[512];

    return ((DIR *(*)(const char *))real("opendir"))(redirected(path, other, sizeof(other)));
}

EXPORT int access(const char *path, int mode)
{
    char other[512];

    if (strncmp(path, "/dev/xen/", 9) == 0)
        return 0;
    return (int)syscall(SYS_access, redirected(path, other, sizeof(other)), mode);
}

EXPORT int close(int fd)
{
    if (fd >= 0 && (fd == control || fd == memory))
        return 0;
    if (fd >= 0 && fd < FDS_MAX)
        fds[fd].device = 0;
    return raw_close(fd);
}

/* ---- calls ---- */

EXPORT int ioctl(int fd, unsigned long number, ...)
{
    va_list args;
    uint64_t arg;

    va_start(args, number);
    arg = va_arg(args, uint64_t);
    va_end(args);
    if (is(fd, RIG_PRIVCMD) || is(fd, RIG_EVTCHN) || is(fd, RIG_GNTDEV))
        return (int)ask(RIG_IOCTL, fds[fd].handle, number, arg, 0, 0);
    return (int)syscall(SYS_ioctl, fd, number, arg);
}

/* Memory whose munmap() rigd must hear of. */
static void add_range(uint64_t va, uint64_t length)
{
    pthread_mutex_lock(&lock);
    if (range_count == RANGES_MAX)
        give_up("too many mappings");
    ranges[range_count].va = va;
    ranges[range_count++].length = length;
    pthread_mutex_unlock(&lock);
}

static bool take_range(uint64_t va, uint64_t length)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (unsigned int i = 0; i < range_count;) {
        if (va >= ranges[i].va + ranges[i].length || ranges[i].va >= va + length) {
            i++;
            continue;
        }
        found = true;
        if (va <= ranges[i].va && ranges[i].va + ranges[i].length <= va + length)
            ranges[i] = ranges[--range_count];
        else
            i++;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void *map_device(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    void *va = raw_mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED), -1, 0);
    int64_t rc = 0;

    if (va == MAP_FAILED)
        return va;
    if (fds[fd].hypercall_buffers)
        return va;
    if (fds[fd].store)
        rc = ask(RIG_STORE, 0, (uint64_t)va, 0, 0, 0);
    else if (is(fd, RIG_GNTDEV))
        rc = ask(RIG_MMAP, fds[fd].handle, (uint64_t)va, size, (uint64_t)prot, (uint64_t)offset);
    if (rc < 0) {
        int error = errno;

        (void)syscall(SYS_munmap, va, size);
        errno = error;
        return MAP_FAILED;
    }
    if (!fds[fd].store)
        add_range((uint64_t)va, size);
    return va;
}

EXPORT void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (fd >= 0 && fd < FDS_MAX && fds[fd].device)
        return map_device(at, size, prot, flags, fd, offset);
    return raw_mmap(at, size, prot, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t size, int prot, int flags, int fd, off64_t offset)
{
    return mmap(at, size, prot, flags, fd, offset);
}

EXPORT int munmap(void *at, size_t size)
{
    int rc = (int)syscall(SYS_munmap, at, size);

    if (rc == 0 && take_range((uint64_t)at, (size + PAGE - 1) & ~(PAGE - 1)))
        (void)ask(RIG_MUNMAP, 0, (uint64_t)at, (size + PAGE - 1) & ~(PAGE - 1), 0, 0);
    return rc;
}

/* xenstored wants more descriptors than a container may grant. */
EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    (void)resource;
    (void)limit;
    return 0;
}

EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
    (void)resource;
    (void)limit;
    return 0;
}
