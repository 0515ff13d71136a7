/* SPDX-License-Identifier: BSD-2-Clause */
/* rigd SOCKET STORE_PORT_FILE [--preempt] [--quiet] [--hostile] [--fifo] [--null]: serves tools until it is killed or the last word is "end". */
#define _GNU_SOURCE
#include "rigd.h"

#include <errno.h>
#include <mm/frames.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/event_channel.h>

#define CONNECTIONS_MAX 1024
#define CALL_SECONDS 60        /* a request that takes longer hangs */

static struct connection *connections;
static uint32_t next_handle = 1;
static int memory;

/* What the hypervisor holds is in the machine's memory, which the leak detector does not know: machine_report() tells. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:abort_on_error=1"; }
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }

static void fail(const char *what)
{
    fprintf(stderr, "rigd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct connection *find(uint32_t handle, enum rig_device device)
{
    for (struct connection *c = connections; c; c = c->next)
        if (c->handle == handle && c->device == device)
            return c;
    return NULL;
}

static struct connection *find_any(uint32_t handle)
{
    for (struct connection *c = connections; c; c = c->next)
        if (c->handle == handle)
            return c;
    return NULL;
}

/* ---- coming and going ---- */

static void accept_one(int listener)
{
    struct connection *c = calloc(1, sizeof(*c));
    struct ucred who;
    socklen_t size = sizeof(who);

    if (!c)
        fail("memory");
    c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (c->fd < 0 || getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        fail("accept");
    c->pid = who.pid;
    c->handle = next_handle++;
    c->next = connections;
    connections = c;
}

static void drop(struct connection *c)
{
    struct connection **at = &connections;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    while (c->mappings)
        mapping_remove(c, c->mappings->va, c->mappings->pages);
    if (c->device == RIG_EVTCHN)
        evtchn_release(c);
    gntdev_release(c);
    close(c->fd);
    free(c);
}

static void read_name(struct connection *c)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/comm", c->pid);
    f = fopen(path, "r");
    if (f && fgets(c->name, sizeof(c->name), f))
        c->name[strcspn(c->name, "\n")] = 0;
    if (f)
        fclose(f);
}

static bool welcome(struct connection *c)
{
    char data[CMSG_SPACE(sizeof(int))] = { 0 };
    struct rig_welcome w = { RIG_MAGIC, c->handle };
    struct iovec io = { &w, sizeof(w) };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    struct rig_hello h;

    if (recv(c->fd, &h, sizeof(h), MSG_WAITALL) != (ssize_t)sizeof(h) || h.magic != RIG_MAGIC)
        return false;
    c->device = h.device;
    h.fail[RIG_TEXT - 1] = h.tag[RIG_TEXT - 1] = 0;
    memcpy(c->fail, h.fail, sizeof(c->fail));
    memcpy(c->tag, h.tag, sizeof(c->tag));
    read_name(c);
    if (c->device == RIG_CONTROL) {
        struct cmsghdr *cmsg;

        m.msg_control = data;
        m.msg_controllen = sizeof(data);
        cmsg = CMSG_FIRSTHDR(&m);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &memory, sizeof(memory));
    }
    c->greeted = true;
    return sendmsg(c->fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(w);
}

/* ---- requests ---- */

static int64_t report(uint64_t va, uint64_t length)
{
    char text[1024];

    machine_report(text, sizeof(text));
    return tool_write(va, text, min_of(strlen(text) + 1, length));
}

static int64_t serve_ioctl(struct connection *process, const struct rig_request *q, struct extents *x)
{
    struct connection *device = find_any(q->handle);

    switch (device ? device->device : RIG_CONTROL) {
    case RIG_PRIVCMD: return privcmd_ioctl(process, q->arg[0], q->arg[1], x);
    case RIG_EVTCHN:  return evtchn_ioctl(device, q->arg[0], q->arg[1]);
    case RIG_GNTDEV:  return gntdev_ioctl(device, q->arg[0], q->arg[1]);
    default:          return -EBADF;
    }
}

static int64_t serve(struct connection *process, const struct rig_request *q, struct extents *x)
{
    struct connection *device;

    switch (q->kind) {
    case RIG_IOCTL:
        return serve_ioctl(process, q, x);
    case RIG_MMAP:
        device = find(q->handle, RIG_GNTDEV);
        return device ? gntdev_mmap(process, device, q->arg, x) : -EBADF;
    case RIG_MUNMAP:
        mapping_remove(process, q->arg[0], q->arg[1] / PAGE_SIZE);
        return 0;
    case RIG_STORE:
        return extents_add(x, q->arg[0], STORE_GFN, 1, true);
    case RIG_REPORT:
        return report(q->arg[0], q->arg[1]);
    default:
        return -EINVAL;
    }
}

static bool serve_control(struct connection *c)
{
    struct extents x = { 0 };
    struct rig_request q;
    struct rig_reply r;
    bool ok;

    if (recv(c->fd, &q, sizeof(q), MSG_WAITALL) != (ssize_t)sizeof(q))
        return false;
    rig_caller = c;
    alarm(CALL_SECONDS);
    r.result = serve(c, &q, &x);
    alarm(0);
    rig_caller = NULL;
    r.extents = r.result < 0 && r.result != -ENOENT ? 0 : x.count;
    ok = send(c->fd, &r, sizeof(r), MSG_NOSIGNAL) == (ssize_t)sizeof(r);
    if (ok && r.extents > 0) {
        size_t size = r.extents * sizeof(*x.e);

        ok = send(c->fd, x.e, size, MSG_NOSIGNAL) == (ssize_t)size;
    }
    free(x.e);
    return ok;
}

/* False: it has gone. */
static bool serve_connection(struct connection *c)
{
    uint32_t ports[64];
    ssize_t n;

    if (!c->greeted)
        return welcome(c);
    if (c->device == RIG_CONTROL)
        return serve_control(c);
    n = recv(c->fd, ports, sizeof(ports), MSG_DONTWAIT);
    if (n > 0 && c->device == RIG_EVTCHN)
        evtchn_input(c, ports, (size_t)n / sizeof(ports[0]));
    return n > 0 || (n < 0 && errno == EAGAIN);
}

/* ---- the loop ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
    (void)unlink(path);
    if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(s, 128) != 0)
        fail(path);
    return s;
}

/* The port that dom0's kernel keeps for xenstored. */
static void write_store_port(const char *path)
{
    struct evtchn_alloc_unbound *a = (void *)kernel_memory.byte;
    FILE *f = fopen(path, "w");

    *a = (struct evtchn_alloc_unbound){ .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    if (!f || call_from_kernel(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, kernel_address(a), 0) != 0)
        fail(path);
    fprintf(f, "%u", a->port);
    fclose(f);
}

static void serve_all(int listener)
{
    struct pollfd fds[CONNECTIONS_MAX + 1];
    struct connection *of[CONNECTIONS_MAX + 1];
    nfds_t count = 1;

    fds[0] = (struct pollfd){ listener, POLLIN, 0 };
    for (struct connection *c = connections; c && count <= CONNECTIONS_MAX; c = c->next, count++) {
        fds[count] = (struct pollfd){ c->fd, POLLIN, 0 };
        of[count] = c;
    }
    if (poll(fds, count, 100) < 0 && errno != EINTR)
        fail("poll");
    machine_settle();
    for (nfds_t i = 1; i < count; i++)
        if (fds[i].revents && !serve_connection(of[i]))
            drop(of[i]);
    if (fds[0].revents & POLLIN)
        accept_one(listener);
    evtchn_pump();
    fflush(stdout);
}

static volatile sig_atomic_t ending;
static void end(int signal_number) { ending = signal_number; }

static void make_files(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: rigd SOCKET STORE_PORT_FILE [--preempt] [--quiet] [--hostile] [--fifo] [--null]\n");
        exit(2);
    }
    for (int i = 3; i < argc; i++) {
        rig_preempt |= strcmp(argv[i], "--preempt") == 0;
        rig_fifo |= strcmp(argv[i], "--fifo") == 0;
        rig_null |= strcmp(argv[i], "--null") == 0;
        rig_hostile |= strcmp(argv[i], "--hostile") == 0;
        if (strcmp(argv[i], "--quiet") == 0)
            rig_trace = false;
    }
}

int main(int argc, char **argv)
{
    int listener;

    make_files(argc, argv);
    memory = memfd_create("machine", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, MACHINE_RAM) != 0)
        fail("memfd_create");
    machine_make(memory);
    write_store_port(argv[2]);
    (void)signal(SIGTERM, end);
    listener = listen_at(argv[1]);
    while (!ending)
        serve_all(listener);
    while (connections)
        drop(connections);
    fprintf(stderr, "rigd: ended in order\n");
    return 0;
}
