/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run as root in dom0: every hypercall number with arguments that nobody should pass, through the
 * kernel's privcmd device. What may be valid points to nothing, to a page that cannot be written,
 * or between two of them, so that nothing here can succeed in taking dom0's own memory, timers or
 * events away. Prints how often each number answered with each errno, and at the end "storm:
 * survived".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

struct privcmd_hypercall { uint64_t op, arg[5]; };
#define IOCTL_PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define ROUNDS 300

enum { MULTICALL = 13, SET_TIMER = 15, CONSOLE = 18, VCPU = 24, SCHED = 29 };
static const unsigned char answered[] = { 7,  12, 13, 15, 17, 18, 20, 21,
                                          24, 29, 32, 33, 34, 35, 36, 41 };
static uint64_t bad[12];
static unsigned int bad_count;

static void choose_pointers(void)
{
    char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (m == MAP_FAILED)
        exit(2);
    memset(m, 0xff,
           3 * 4096); /* what can be read makes no sense: ports, domains and indices of all ones */
    mprotect(m, 4096, PROT_NONE);
    mprotect(m + 4096, 4096, PROT_READ);
    munmap(m + 8192, 4096);
    const uint64_t p[] = { 0,
                           0x1000,
                           (uint64_t)m,
                           (uint64_t)m + 4096,
                           (uint64_t)m + 8190,
                           (uint64_t)m + 8192,
                           0x7fffffffffff,
                           0x800000000000,
                           0x8000000000000000,
                           0xffffffffffffffff,
                           0xfffffffffffff000,
                           0x100000000000 };
    memcpy(bad, p, sizeof(p));
    bad_count = sizeof(p) / sizeof(p[0]);
}

static uint64_t pointer(void) { return bad[rand() % bad_count]; }
static uint64_t number(void)
{
    switch (rand() % 4) {
    case 0: return (uint64_t)rand() % 64;
    case 1: return (uint64_t)rand() << 32 | (unsigned int)rand();
    case 2: return (uint64_t)rand() % 3;
    default: return ~0UL - (uint64_t)rand() % 3;
    }
}

/* Without a pointer these do what they are told: stop this CPU, its timer or its events. */
static int is_harmful(const struct privcmd_hypercall *h)
{
    if (h->op == SET_TIMER)
        return 1;
    if (h->op == VCPU)
        switch ((uint32_t)h->arg[0]) { case 2: case 7: case 8: case 9: case 11: return 1; }
    return h->op == SCHED && (uint32_t)h->arg[0] <= 1;
}

static int is_answered(uint64_t nr)
{
    return memchr(answered, (int)nr, sizeof(answered)) != NULL;
}

int main(void)
{
    int fd = open("/dev/xen/privcmd", O_RDWR), wrong = 0;

    if (fd < 0) {
        perror("/dev/xen/privcmd");
        return 2;
    }
    srand(4711);
    choose_pointers();
    for (uint64_t nr = 0; nr < 70; nr++) {
        unsigned int calls = 0, ok = 0, errnos[134] = { 0 };

        for (int i = 0; i < ROUNDS; i++) {
            struct privcmd_hypercall h = { .op = nr };

            for (int a = 0; a < 5; a++)
                h.arg[a] = rand() & 1 ? pointer() : number();
            /* One that takes a plain command first gets plausible ones, and pointers where it
             * expects them. */
            if (rand() & 1) {
                h.arg[0] = (uint64_t)rand() % 48;
                h.arg[1] = nr == VCPU || nr == CONSOLE ? number() : pointer();
                h.arg[2] = nr == VCPU || nr == CONSOLE ? pointer() : (uint64_t)rand() % 4;
            }
            if (nr == CONSOLE)
                h.arg[2] = 0x1000;   /* nothing to print */
            if (is_harmful(&h))
                continue;
            calls++;
            if (ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &h) >= 0)
                ok++;
            else
                errnos[errno < 134 ? errno : 133]++;
        }
        if (!is_answered(nr) && errnos[ENOSYS] != calls)
            wrong++;
        printf("hypercall %2d: %u calls, %u ok", (int)nr, calls, ok);
        for (int e = 0; e < 134; e++)
            if (errnos[e])
                printf(", %u %s", errnos[e], strerrorname_np(e) ? strerrorname_np(e) : "?");
        printf("\n");
    }
    printf("storm: %d holes that were not ENOSYS\nstorm: survived\n", wrong);
    return wrong != 0;
}
