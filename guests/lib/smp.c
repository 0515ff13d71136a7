/* SPDX-License-Identifier: BSD-2-Clause */
/* Other CPUs: INIT-SIPI-SIPI, then they wait for work. And calls from 32-bit code. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#include <xen/arch-x86/hvm/start_info.h>

#define WAIT_TICKS 2000000000UL      /* of the TSC; in Bochs that is as many instructions */

void ap_start(unsigned int cpu) __attribute__((noreturn));
void trap_start(unsigned int cpu);
void low_vmcall(void);
void low_copy(void);
extern volatile uint32_t ap_count;

struct mode_state { struct regs32 regs; uint32_t mode; uint64_t rsp; };

int32_t hypercall32(unsigned int mode, const struct regs32 *r)
{
    volatile struct mode_state *s = (void *)MODE_STATE;

    low_copy();      /* arbitrary hypercalls may have had their answers written over it */
    memcpy((void *)MODE_STATE, r, sizeof(*r));
    s->mode = mode;
    low_vmcall();
    wrmsr(MSR_GS_BASE, address(&cpus[0]));
    return (int32_t)s->regs.eax;
}

/* Enabled local APICs in the MADT (ACPI 5.2.12), type 0 or 9. */
static unsigned int madt_cpus(const uint8_t *madt)
{
    unsigned int size, n = 0;

    memcpy(&size, madt + 4, 4);
    for (unsigned int at = 44; at + 2 <= size && madt[at + 1] >= 2; at += madt[at + 1])
        if ((madt[at] == 0 && (madt[at + 4] & 1)) || (madt[at] == 9 && (madt[at + 8] & 1)))
            n++;
    return n;
}

unsigned int cpus_told(void)
{
    const struct hvm_start_info *s = start_info();
    const uint8_t *rsdp = s ? (const void *)(uintptr_t)s->rsdp_paddr : NULL;
    uint64_t xsdt, table;
    uint32_t size;

    if (!rsdp)
        return (unsigned int)command_line_number("cpus=", 1);      /* a child has no ACPI tables */
    memcpy(&xsdt, rsdp + 24, 8);
    memcpy(&size, (const uint8_t *)xsdt + 4, 4);
    for (uint64_t at = xsdt + 36; at + 8 <= xsdt + size; at += 8) {
        memcpy(&table, (const void *)at, 8);
        if (memcmp((const void *)table, "APIC", 4) == 0)
            return madt_cpus((const void *)table);
    }
    return 0;
}

/* Work is looked for with interrupts on, so that tests can send some. */
void ap_start(unsigned int cpu)
{
    struct cpu *c = &cpus[cpu];

    trap_start(cpu);
    apic_start(true);
    c->up = true;
    irq_on();
    for (;;) {
        while (!c->work)
            pause();
        c->work(c->work_arg);
        __atomic_store_n(&c->work, NULL, __ATOMIC_RELEASE);
    }
}

static bool start_one(unsigned int cpu)
{
    uint64_t end = rdtsc() + WAIT_TICKS;

    apic_icr(2 * cpu, ICR_INIT | ICR_ASSERT);
    apic_icr(2 * cpu, ICR_SIPI | LOW_PAGE >> 12);
    apic_icr(2 * cpu, ICR_SIPI | LOW_PAGE >> 12);
    while (!cpus[cpu].up) {
        pause();
        if (rdtsc() > end)
            return false;
    }
    return true;
}

unsigned int cpus_start(void)
{
    static unsigned int running;
    unsigned int told = cpus_told();

    if (running)
        return running;
    running = 1;
    if (told > CPUS_MAX)
        told = CPUS_MAX;
    apic_start(true);
    while (running < told && start_one(running))
        running++;
    return running;
}

void cpu_begin(unsigned int cpu, void (*fn)(void *), void *arg)
{
    cpus[cpu].work_arg = arg;
    __atomic_store_n(&cpus[cpu].work, fn, __ATOMIC_RELEASE);
}

void cpu_finish(unsigned int cpu)
{
    while (__atomic_load_n(&cpus[cpu].work, __ATOMIC_ACQUIRE))
        pause();
}

void cpu_call(unsigned int cpu, void (*fn)(void *), void *arg)
{
    cpu_begin(cpu, fn, arg);
    cpu_finish(cpu);
}
