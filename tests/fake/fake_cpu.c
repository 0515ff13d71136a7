/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake CPU: what x86/cpu.h and x86/percpu.h promise, out of plain variables. */
#include <x86/trap.h>
#include "fake.h"
#include "fake_private.h"

#include <lib/string.h>
#include <sched.h>

#define FAKE_MSRS 256
#define FAKE_CPUIDS 128

static struct percpu cpus[MAX_CPUS] = { [0] = { .self = &cpus[0], .online = true } };
static unsigned int cpus_online = 1;
__thread struct percpu *host_this_cpu = &cpus[0];
static bool irqs_off[MAX_CPUS];

static struct { uint32_t msr; uint64_t value; } msrs[FAKE_MSRS];
static unsigned int msr_used;
static struct { uint32_t leaf, subleaf; struct cpuid_regs r; } cpuids[FAKE_CPUIDS];
static unsigned int cpuid_used;
static uint64_t cr0, cr2, cr3, cr4, xcr0, dr[8];
static unsigned int cr8_writes;
static uint32_t (*port_in)(uint16_t port, unsigned int size);
static void (*port_out)(uint16_t port, unsigned int size, uint32_t value);

struct percpu *percpu_of(unsigned int cpu)
{
    ASSERT(cpu < cpus_online);
    return &cpus[cpu];
}

unsigned int cpu_count(void) { return cpus_online; }

void fake_cpu_set_count(unsigned int n)
{
    BUG_ON(n == 0 || n > MAX_CPUS);
    for (unsigned int i = 0; i < n; i++) {
        cpus[i].self = &cpus[i];
        cpus[i].id = i;
        cpus[i].apic_id = i * 2;
        cpus[i].acpi_uid = i;
        cpus[i].online = true;
    }
    cpus_online = n;
}

void fake_cpu_switch(unsigned int cpu) { host_this_cpu = percpu_of(cpu); }

void fake_cpu_reset(void)
{
    memset(cpus, 0, sizeof(cpus));
    memset(irqs_off, 0, sizeof(irqs_off));
    msr_used = cpuid_used = 0;
    cr0 = cr2 = cr3 = cr4 = xcr0 = 0;
    cr8_writes = 0;
    memset(dr, 0, sizeof(dr));
    port_in = NULL;
    port_out = NULL;
    fake_cpu_set_count(1);
    fake_cpu_switch(0);
}

bool cpu_irqs_enabled(void) { return !irqs_off[this_cpu_id()]; }
void cpu_irq_enable(void) { irqs_off[this_cpu_id()] = false; }
void cpu_irq_disable(void) { irqs_off[this_cpu_id()] = true; }
void cpu_relax(void) { (void)sched_yield(); }
void cpu_irq_enable_and_halt(void) { cpu_irq_enable(); }
void cpu_monitor(const void *line unused_arg) {}
void cpu_irq_enable_and_mwait(void) { cpu_irq_enable(); }

uint64_t cpu_irq_save(void)
{
    uint64_t flags = cpu_irqs_enabled() ? 0x202 : 0x2;

    cpu_irq_disable();
    return flags;
}

void cpu_irq_restore(uint64_t flags)
{
    if (flags & 0x200)
        cpu_irq_enable();
}

void fake_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_regs r)
{
    unsigned int i = 0;

    while (i < cpuid_used && (cpuids[i].leaf != leaf || cpuids[i].subleaf != subleaf))
        i++;
    BUG_ON(i == FAKE_CPUIDS);
    if (i == cpuid_used)
        cpuid_used++;
    cpuids[i].leaf = leaf;
    cpuids[i].subleaf = subleaf;
    cpuids[i].r = r;
}

struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned int i = 0; i < cpuid_used; i++)
        if (cpuids[i].leaf == leaf && cpuids[i].subleaf == subleaf)
            return cpuids[i].r;
    return (struct cpuid_regs){ 0, 0, 0, 0 };
}

static uint64_t *msr_find(uint32_t msr)
{
    for (unsigned int i = 0; i < msr_used; i++)
        if (msrs[i].msr == msr)
            return &msrs[i].value;
    return NULL;
}

void fake_msr_set(uint32_t msr, uint64_t value)
{
    uint64_t *at = msr_find(msr);

    if (at == NULL) {
        BUG_ON(msr_used == FAKE_MSRS);
        msrs[msr_used].msr = msr;
        at = &msrs[msr_used++].value;
    }
    *at = value;
}

uint64_t fake_msr_get(uint32_t msr)
{
    const uint64_t *at = msr_find(msr);

    return at == NULL ? 0 : *at;
}

uint64_t cpu_rdmsr(uint32_t msr) { return fake_msr_get(msr); }
void cpu_wrmsr(uint32_t msr, uint64_t value) { fake_msr_set(msr, value); }

bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value)
{
    const uint64_t *at = msr_find(msr);

    if (at != NULL)
        *value = *at;
    return at != NULL;
}

bool cpu_wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint64_t *at = msr_find(msr);

    if (at != NULL)
        *at = value;
    return at != NULL;
}

uint64_t cpu_read_cr0(void) { return cr0; }
uint64_t cpu_read_cr2(void) { return cr2; }
void cpu_write_cr2(uint64_t value) { cr2 = value; }
uint64_t cpu_read_cr3(void) { return cr3; }
uint64_t cpu_read_cr4(void) { return cr4; }
void cpu_write_cr0(uint64_t value) { cr0 = value; }
void cpu_write_cr4(uint64_t value) { cr4 = value; }
void cpu_write_cr8(uint64_t value unused_arg) { cr8_writes++; }
unsigned int fake_cr8_writes(void) { return cr8_writes; }
uint64_t cpu_read_dr(unsigned int n) { return dr[n & 7]; }
void cpu_write_dr(unsigned int n, uint64_t value) { dr[n & 7] = value; }
uint64_t cpu_xgetbv(void) { return xcr0; }
void cpu_xsetbv(uint64_t value) { xcr0 = value; }
void cpu_xsave(void *area unused_arg, uint64_t mask unused_arg) { }
void cpu_xrstor(const void *area unused_arg, uint64_t mask unused_arg) { }
void cpu_wbinvd(void) { }
void trap_run_nmi(void) { }
void trap_run_machine_check(void) { }

void fake_port_hooks(uint32_t (*in)(uint16_t port, unsigned int size),
                     void (*out)(uint16_t port, unsigned int size, uint32_t value))
{
    port_in = in;
    port_out = out;
}

static uint32_t in(uint16_t port, unsigned int size)
{
    return port_in == NULL ? UINT32_MAX : port_in(port, size);
}

static void out(uint16_t port, unsigned int size, uint32_t value)
{
    if (port_out != NULL)
        port_out(port, size, value);
}

uint8_t cpu_in8(uint16_t port) { return (uint8_t)in(port, 1); }
uint16_t cpu_in16(uint16_t port) { return (uint16_t)in(port, 2); }
uint32_t cpu_in32(uint16_t port) { return in(port, 4); }
void cpu_out8(uint16_t port, uint8_t v) { out(port, 1, v); }
void cpu_out16(uint16_t port, uint16_t v) { out(port, 2, v); }
void cpu_out32(uint16_t port, uint32_t v) { out(port, 4, v); }
