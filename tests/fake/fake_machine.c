/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine around the CPUs: clock, memory, calls between CPUs, and the end of everything. */
#include "fake.h"
#include "fake_private.h"

#include <lib/string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <x86/smp.h>
#include <x86/time.h>

char *host_phys_base;
static uint64_t phys_bytes;
static ns_t now;
static ns_t wallclock = 1700000000 * NS_PER_SEC;
static ns_t deadline[MAX_CPUS];
static unsigned int kicks[MAX_CPUS];

void fake_reset(void)
{
    fake_bug_expected = false;
    fake_cpu_reset();
    fake_irq_reset();
    fake_efi_reset();
    now = 0;
    memset(kicks, 0, sizeof(kicks));
    for (unsigned int i = 0; i < MAX_CPUS; i++)
        deadline[i] = NS_NEVER;
}

void fake_phys_init(uint64_t bytes)
{
    if (host_phys_base != NULL)
        munmap(host_phys_base, phys_bytes);
    host_phys_base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    BUG_ON(host_phys_base == MAP_FAILED);
    phys_bytes = bytes;
}

hpa_t virt_to_phys(const void *v) { return virt_to_phys_direct(v); }
void *map_device(hpa_t a unused_arg, size_t size, enum map_cache cache unused_arg)
{
    return calloc(1, size);
}
void unmap_device(void *v, size_t size unused_arg) { free(v); }

void *map_stack(unsigned int pages)
{
    char *base = malloc(pages * PAGE_SIZE);

    return base == NULL ? NULL : base + pages * PAGE_SIZE;
}

void fake_time_set(ns_t t) { now = t; }
void fake_time_advance(ns_t by) { now += by; }
ns_t fake_timer_deadline(unsigned int cpu) { return deadline[cpu]; }

void time_init(void) { }
ns_t time_now(void) { return now; }
uint64_t time_tsc_khz(void) { return 1000000; }
struct tsc_scale time_tsc_scale(void) { return (struct tsc_scale){ 0x80000000U, 1 }; }
ns_t time_tsc_to_ns(uint64_t tsc_delta) { return (ns_t)tsc_delta; }
uint64_t time_ns_to_tsc(ns_t ns) { return ns < 0 ? 0 : (uint64_t)ns; }
uint64_t time_boot_tsc(void) { return 0; }
ns_t time_wallclock_at_boot(void) { return wallclock; }
void time_set_wallclock_at_boot(ns_t utc_ns) { wallclock = utc_ns; }
void time_program_timer(ns_t t) { deadline[this_cpu_id()] = t; }
void time_delay_us(unsigned int us) { now += (ns_t)us * NS_PER_US; }

unsigned int fake_kicks(unsigned int cpu) { return kicks[cpu]; }
void smp_kick(unsigned int cpu) { kicks[cpu]++; }

void smp_kick_mask(const uint64_t *cpus)
{
    for (unsigned int i = 0; i < cpu_count(); i++)
        if (i != this_cpu_id() && (cpus[i / 64] >> (i % 64) & 1))
            smp_kick(i);
}

void smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg)
{
    unsigned int self = this_cpu_id();

    for (unsigned int i = 0; i < cpu_count(); i++) {
        if (!(cpus[i / 64] >> (i % 64) & 1))
            continue;
        fake_cpu_switch(i);
        uint64_t flags = cpu_irq_save();
        fn(arg);
        cpu_irq_restore(flags);
    }
    fake_cpu_switch(self);
}

void smp_start_cpus(unsigned int max unused_arg, void (*ap_main)(void) unused_arg) { }
void smp_stop_others(void) { }
