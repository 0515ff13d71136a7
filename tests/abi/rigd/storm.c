/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig_storm SEED SECONDS: a tool gone mad. Hypercalls 0-63 with random sub-ops, arguments and memory, well-formed ones
 * (storm_sensible.c) and ioctls of the event and grant devices, in an order that the seed decides. Pointers lead to memory that is filled with plausible and
 * implausible numbers, ends at an unmapped page, cannot be written, or changes while it is read. Ends with status 0;
 * whether rigd has survived is for the caller to see.
 */
#define _GNU_SOURCE
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>

static uint64_t state;
char *area;
static char *read_only;       /* one page */
static char *restless;        /* one page that another thread scribbles in */
static bool ending;

/* xorshift64*: Marsaglia 2003, Vigna 2016. */
uint64_t any(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dUL;
}

uint64_t below(uint64_t n) { return any() % n; }

static uint64_t pointer(void)
{
    switch (below(16)) {
    case 0:  return (uint64_t)(area + AREA) - 8 * below(20);     /* reaches into nothing */
    case 1:  return (uint64_t)read_only + 8 * below(500);
    case 2:  return (uint64_t)restless + 8 * below(8);
    case 3:  return 0;
    case 4:  return any();                                       /* anything, kernel addresses too */
    case 5:  return 0xffff888000000000UL + below(1 << 20);
    case 6:  return (uint64_t)area + below(AREA);                /* misaligned */
    default: return (uint64_t)area + 8 * below(AREA / 8);
    }
}

uint64_t number(void)
{
    static const uint64_t edges[] = { 0x7ff0, 0x7ff1, 0x7ff2, 0x7ff4, 0x7fff, 0xffff, 0x8000, 0x80000000, 0xffffffff,
                                      0x7fffffff, ~0UL, 1UL << 63, 0x100, 0x1000, 0x20000 };

    switch (below(8)) {
    case 0:  return edges[below(sizeof(edges) / sizeof(edges[0]))];
    case 1:  return any();
    case 2:  return any() & 0xffff;
    case 3:  return pointer();
    default: return below(12);
    }
}

static void fill(char *at, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t v = below(3) ? number() : (number() & 0xffffffff) | number() << 32;

        memcpy(at + i, &v, 8);
    }
}

/* An argument with the version that gets it past the first question. */
static uint64_t control_argument(uint32_t version, uint32_t commands)
{
    char *at = area + 8 * below(AREA / 8 - 40);
    uint32_t cmd = (uint32_t)below(commands);
    uint16_t domain = (uint16_t)(below(4) ? below(6) : number());

    fill(at, 256);
    memcpy(at, &cmd, sizeof(cmd));
    if (below(32))
        memcpy(at + 4, &version, sizeof(version));
    if (version == XEN_DOMCTL_INTERFACE_VERSION)
        memcpy(at + 8, &domain, sizeof(domain));
    return (uint64_t)at;
}

/* The one call that makes more to play with. */
static void create_argument(privcmd_hypercall_t *h)
{
    struct xen_domctl *d = (void *)area;

    memset(d, 0, sizeof(*d));
    d->cmd = XEN_DOMCTL_createdomain;
    d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    d->u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    d->u.createdomain.max_vcpus = 1 + (uint32_t)below(4);
    d->u.createdomain.max_evtchn_port = 1023;
    d->u.createdomain.max_grant_frames = d->u.createdomain.max_maptrack_frames = -1;
    d->u.createdomain.grant_opts = 1;
    d->u.createdomain.arch.emulation_flags = 1;
    h->op = __HYPERVISOR_domctl;
    h->arg[0] = (uint64_t)d;
}

static void hypercall(int fd)
{
    privcmd_hypercall_t h = { .op = below(64) };

    for (int i = 0; i < 5; i++)
        h.arg[i] = below(2) ? pointer() : number();
    fill(area + 8 * below(AREA / 8 - 64), 512);
    if (below(4) == 0)
        h.op = (const uint64_t[]){ __HYPERVISOR_domctl, __HYPERVISOR_memory_op, __HYPERVISOR_grant_table_op,
                                   __HYPERVISOR_event_channel_op, __HYPERVISOR_hvm_op }[below(5)];
    switch (h.op) {
    case __HYPERVISOR_domctl:
        h.arg[0] = control_argument(XEN_DOMCTL_INTERFACE_VERSION, 90);
        if (below(20) == 0)
            create_argument(&h);
        break;
    case __HYPERVISOR_sysctl:      h.arg[0] = control_argument(XEN_SYSCTL_INTERFACE_VERSION, 34); break;
    case __HYPERVISOR_platform_op: h.arg[0] = control_argument(XENPF_INTERFACE_VERSION, 66); break;
    case __HYPERVISOR_multicall:   h.arg[1] = below(16) ? below(8) : number(); break;
    default:
        if (below(8))
            h.arg[0] = below(48);
        if (below(4))
            h.arg[2] = below(8);
    }
    (void)ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &h);
}

static void device_call(int evtchn, int gntdev, int privcmd)
{
    uint64_t at = pointer();

    fill(area, 256);
    switch (below(8)) {
    case 0: (void)ioctl(evtchn, IOCTL_EVTCHN_BIND_VIRQ, at); break;
    case 1: (void)ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, at); break;
    case 2: (void)ioctl(evtchn, IOCTL_EVTCHN_BIND_UNBOUND_PORT, at); break;
    case 3: (void)ioctl(evtchn, IOCTL_EVTCHN_UNBIND, at); break;
    case 4: (void)ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, at); break;
    case 5: (void)ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, at); break;
    case 6: (void)ioctl(privcmd, IOCTL_PRIVCMD_DM_OP, at); break;
    default: (void)!write(evtchn, area, 4 * below(4));
    }
}

static void *scribble(void *arg)
{
    uint64_t n = 1;

    (void)arg;
    while (!__atomic_load_n(&ending, __ATOMIC_RELAXED))
        for (size_t i = 0; i < PAGE / 8; i++)
            ((volatile uint64_t *)(void *)restless)[i] = n = n * 6364136223846793005UL + 1442695040888963407UL;
    return NULL;
}

static void make_memory(void)
{
    area = mmap(NULL, AREA + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    restless = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || read_only == MAP_FAILED || restless == MAP_FAILED || munmap(area + AREA, PAGE) != 0)
        exit(2);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t calls = 0;
    pthread_t thread;
    double end;
    int privcmd, evtchn, gntdev;

    if (argc != 3)
        return 2;
    state = strtoull(argv[1], NULL, 0) * 2 + 1;
    end = now() + atof(argv[2]);
    make_memory();
    privcmd = open("/dev/xen/privcmd", O_RDWR);
    evtchn = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
    gntdev = open("/dev/xen/gntdev", O_RDWR);
    if (privcmd < 0 || evtchn < 0 || gntdev < 0 || pthread_create(&thread, NULL, scribble, NULL) != 0)
        return 2;
    for (; now() < end; calls++) {
        uint64_t what = below(32);

        if (what < 18)
            sensible_call(privcmd);
        else if (what < 30)
            hypercall(privcmd);
        else
            device_call(evtchn, gntdev, privcmd);
    }
    __atomic_store_n(&ending, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    printf("seed %s: %lu calls\n", argv[1], (unsigned long)calls);
    return 0;
}
