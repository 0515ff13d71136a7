/* SPDX-License-Identifier: BSD-2-Clause */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define BASE_EXTD 0x400UL
#define BASE_EN 0x800UL
#define APIC_PAGE 0xfee00000UL
#define X2APIC_MSR(reg) (0x800 + (reg) / 16)

bool apic_is_x2(void) { return rdmsr(MSR_APIC_BASE) & BASE_EXTD; }

/* From x2APIC back to xAPIC the way leads over "off". */
void apic_start(bool x2apic)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!x2apic && (base & BASE_EXTD))
        wrmsr(MSR_APIC_BASE, base & ~(BASE_EN | BASE_EXTD));
    base = (base & ~BASE_EXTD) | BASE_EN;
    if (!(rdmsr(MSR_APIC_BASE) & BASE_EXTD))
        wrmsr(MSR_APIC_BASE, base);
    if (x2apic)
        wrmsr(MSR_APIC_BASE, base | BASE_EXTD);
    apic_write(APIC_SVR, 0x1ff);
    apic_write(APIC_TPR, 0);
}

uint32_t apic_read(unsigned int reg)
{
    uint32_t v;

    if (apic_is_x2())
        return (uint32_t)rdmsr(X2APIC_MSR(reg));
    __asm__ volatile("movl (%1), %0" : "=r"(v) : "r"(APIC_PAGE + reg) : "memory");
    return v;
}

void apic_write(unsigned int reg, uint32_t value)
{
    if (apic_is_x2())
        wrmsr(X2APIC_MSR(reg), value);
    else
        __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(APIC_PAGE + reg) : "memory");
}

void apic_icr(uint32_t dest, uint32_t low)
{
    if (apic_is_x2()) {
        wrmsr(X2APIC_MSR(APIC_ICR), (uint64_t)dest << 32 | low);
        return;
    }
    apic_write(APIC_ICR_HIGH, dest << 24);
    apic_write(APIC_ICR, low);
}

void apic_eoi(void) { apic_write(APIC_EOI, 0); }

bool apic_bit(unsigned int reg, uint8_t vector)
{
    return apic_read(reg + (vector / 32U) * 16) >> (vector % 32) & 1;
}
