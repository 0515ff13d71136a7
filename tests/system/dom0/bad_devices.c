/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs in dom0, as root: PCI configuration accesses of all wrong shapes, MSI messages that lead nowhere, MSI-X tables full of
 * garbage, and a storm of interrupts. The device for messages is QEMU's "edu", which interrupts when it is told to.
 *   bad_devices ports | ecam ADDRESS | messages BDF | table BDF | storm BDF CPU SECONDS [idle]
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EDU_STATUS 0x24
#define EDU_RAISE 0x60
#define EDU_ACK 0x64
#define CAP_MSI 5
#define CAP_MSIX 0x11

static int config;                  /* file of the function's configuration space */
static char sysfs[64];

static void die(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- ports: only with the latch on a function that is not there is anything written ---- */

static void bad_ports(void)
{
    uint32_t latch;

    if (iopl(3) != 0)
        die("iopl");
    latch = inl(0xcf8);
    outl(0x80000000, 0xcf8);
    printf("id %#x\n", inl(0xcfc));
    for (uint16_t port = 0xcf5; port < 0xd00; port++)
        printf("4 bytes at %#x: %#x, 2: %#x, 1: %#x\n", port, inl(port), inw(port), inb(port));
    outl(0x80fff8fc, 0xcf8);
    for (uint16_t port = 0xcfc; port < 0xd00; port++) {
        outl(UINT32_MAX, port);
        outw(UINT16_MAX, port);
    }
    outw(0x1234, 0xcf8);            /* not the latch: that has 32 bits */
    outb(0x12, 0xcfb);
    outw(0, 0xcfa);
    printf("latch %#x\n", inl(0xcf8));
    outl(latch, 0xcf8);
    puts("ports: survived");
}

/* ---- ECAM ---- */

static void ecam_access(volatile uint8_t *p, unsigned int size, int write)
{
    uint64_t v = 0;

    switch (size | (unsigned int)write << 8) {
    case 1: v = *p; break;
    case 2: v = *(volatile uint16_t *)p; break;
    case 4: v = *(volatile uint32_t *)p; break;
    case 8: v = *(volatile uint64_t *)p; break;
    case 0x102: *(volatile uint16_t *)p = UINT16_MAX; break;
    case 0x104: *(volatile uint32_t *)p = UINT32_MAX; break;
    case 0x108: *(volatile uint64_t *)p = UINT64_MAX; break;
    }
    if (!write)
        printf("%u bytes at %#lx: %#lx\n", size, (unsigned long)((uintptr_t)p & 0x1fff), (unsigned long)v);
}

static void bad_ecam(uint64_t base)
{
    static const struct { unsigned int reg, size; } bad[] = {
        { 1, 4 }, { 2, 4 }, { 3, 2 }, { 3, 4 }, { 0, 8 }, { 0xff, 4 }, { 0xffc, 8 }, { 0xffd, 4 }, { 0xfff, 2 }, { 0xfff, 8 },
    };
    int mem = open("/dev/mem", O_RDWR | O_SYNC);
    uint8_t *at = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_SHARED, mem, (off_t)base);

    if (at == MAP_FAILED)
        die("/dev/mem");
    printf("id %#x\n", *(volatile uint32_t *)at);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ecam_access(at + bad[i].reg, bad[i].size, 0);
        ecam_access(at + bad[i].reg, bad[i].size, 1);
    }
    puts("ecam: survived");
}

/* ---- a function ---- */

static uint32_t get(unsigned int reg, unsigned int size)
{
    uint32_t v = 0;

    if (pread(config, &v, size, (off_t)reg) != (ssize_t)size)
        die("configuration read");
    return v;
}

static void put(unsigned int reg, unsigned int size, uint32_t v)
{
    if (pwrite(config, &v, size, (off_t)reg) != (ssize_t)size)
        die("configuration write");
}

static void open_function(const char *bdf)
{
    char path[128];

    snprintf(sysfs, sizeof(sysfs), "/sys/bus/pci/devices/%s", bdf);
    snprintf(path, sizeof(path), "%s/config", sysfs);
    config = open(path, O_RDWR);
    if (config < 0)
        die(path);
    put(4, 2, get(4, 2) | 6);        /* memory, bus master */
}

static unsigned int capability(unsigned int id)
{
    unsigned int at = get(0x34, 1);

    for (unsigned int i = 0; i < 48 && at != 0 && get(at, 1) != id; i++)
        at = get(at + 1, 1);
    if (at == 0)
        die("no such capability");
    return at;
}

static volatile uint8_t *bar(unsigned int n, size_t size, off_t offset)
{
    char path[128];
    void *p;
    int f;

    snprintf(path, sizeof(path), "%s/resource%u", sysfs, n);
    f = open(path, O_RDWR | O_SYNC);
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, offset);
    if (p == MAP_FAILED)
        die(path);
    return p;
}

static volatile uint32_t *edu_register(volatile uint8_t *edu, unsigned int reg)
{
    return (volatile uint32_t *)(volatile void *)(edu + reg);
}

static void edu_fire(volatile uint8_t *edu)
{
    *edu_register(edu, EDU_RAISE) = 1;
    usleep(1000);
    *edu_register(edu, EDU_ACK) = *edu_register(edu, EDU_STATUS);
}

static void set_message(unsigned int cap, uint32_t low, uint32_t high, uint16_t data)
{
    put(cap + 2, 2, get(cap + 2, 2) & ~1U);
    put(cap + 4, 4, low);
    put(cap + 8, 4, high);
    put(cap + 12, 2, data);
    put(cap + 2, 2, get(cap + 2, 2) | 1);
}

/* The last one is good: a vector of the first vCPU's that its kernel has no use for. */
static void bad_messages(void)
{
    static const struct { uint32_t low, high; uint16_t data; } bad[] = {
        { 0xfee00000, 0, 0 }, { 0xfee00000, 0, 2 }, { 0xfee00000, 0, 15 },     /* reserved vectors */
        { 0xfee00000, 0, 0x8090 }, { 0xfee00000, 0, 0xc090 },                  /* level */
        { 0xfee00000, 0, 0x0290 }, { 0xfee00000, 0, 0x0490 }, { 0xfee00000, 0, 0x0590 }, { 0xfee00000, 0, 0x0790 },
        { 0xfee77000, 0, 0x90 }, { 0xfeeff000, 0, 0x0490 },                    /* no such CPU; all of them */
        { 0xfee80004, 0, 0x90 }, { 0xfee8000c, 0, 0x190 },                     /* logical, of nobody */
        { 0xfee00000, 1, 0x90 }, { 0xfed00000, 0, 0x90 }, { 0x00001000, 0, 0x90 }, { 0, 0, 0 },
        { 0xfee00000, 0, 0x95 },
    };
    unsigned int cap = capability(CAP_MSI);
    volatile uint8_t *edu = bar(0, 0x1000, 0);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set_message(cap, bad[i].low, bad[i].high, bad[i].data);
        edu_fire(edu);
    }
    put(cap + 2, 2, get(cap + 2, 2) & ~1U);
    edu_fire(edu);                   /* its line, which nobody has */
    puts("messages: survived");
}

static void table_write(volatile uint8_t *p, unsigned int kind, uint64_t v)
{
    switch (kind % 4) {
    case 0: *p = (uint8_t)v; break;
    case 1: *(volatile uint16_t *)(volatile void *)p = (uint16_t)v; break;
    case 2: *(volatile uint32_t *)(volatile void *)p = (uint32_t)v; break;
    case 3: *(volatile uint64_t *)(volatile void *)p = v; break;
    }
}

static void bad_table(void)
{
    unsigned int cap = capability(CAP_MSIX), where = get(cap + 4, 4), rows = (get(cap + 2, 2) & 0x7ff) + 1;
    volatile uint8_t *page = bar(where & 7, 0x1000, (off_t)(where & ~0xfffU)), *table = page + (where & 0xff8);
    unsigned int size = rows * 16 > 0x1000 - (where & 0xff8) ? 0x1000 - (where & 0xff8) : rows * 16;

    srand(1);
    for (unsigned int i = 0; i < 20000; i++) {
        uint64_t v = (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();
        unsigned int at = (unsigned int)rand() % (size - 8);

        if (i % 4 == 0)
            v = 0xfee00000U | (v & 0xff00c);
        if (i % 8 != 7)
            at &= ~3U;
        table_write(table + at, (unsigned int)rand(), v);
        if (i % 256 == 0)
            put(cap + 2, 2, (uint32_t)rand() & 0xc000);
    }
    put(cap + 2, 2, 0);
    for (unsigned int row = 0; row < size / 16; row++)
        *(volatile uint32_t *)(volatile void *)(table + row * 16 + 12) = 1;
    printf("table of %u rows: survived\n", rows);
}

/* A message with each write, for so long; with "idle" the same loop without messages. */
static void storm(unsigned int cpu, unsigned int seconds, int idle)
{
    unsigned int cap = capability(CAP_MSI);
    volatile uint8_t *edu = bar(0, 0x1000, 0);
    unsigned long count = 0;
    time_t end;

    set_message(cap, 0xfee00000U | cpu << 13, 0, 0x95);     /* APIC ids are twice the vCPU's number */
    if (idle)
        put(cap + 2, 2, get(cap + 2, 2) & ~1U);
    puts("storm begins");
    fflush(stdout);
    for (end = time(NULL) + (time_t)seconds; time(NULL) < end; count += 64)
        for (unsigned int i = 0; i < 64; i++)
            *edu_register(edu, idle ? EDU_STATUS : EDU_RAISE) = 1;
    *edu_register(edu, EDU_ACK) = *edu_register(edu, EDU_STATUS);
    put(cap + 2, 2, get(cap + 2, 2) & ~1U);
    printf("raised %lu in %u s\n", count, seconds);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(what, "ports") == 0)
        bad_ports();
    else if (strcmp(what, "ecam") == 0 && argc > 2)
        bad_ecam(strtoull(argv[2], NULL, 16));
    if (argc < 3 || strcmp(what, "ecam") == 0)
        return 0;
    open_function(argv[2]);
    if (strcmp(what, "messages") == 0)
        bad_messages();
    else if (strcmp(what, "table") == 0)
        bad_table();
    else if (strcmp(what, "storm") == 0 && argc > 4)
        storm((unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4]), argc > 5);
    return 0;
}
