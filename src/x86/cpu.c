/* SPDX-License-Identifier: BSD-2-Clause */
#include <x86/cpu.h>

#include "extable.h"

struct extable_row { int32_t fault, fixup; };
extern const struct extable_row extable_start[], extable_end[];

static uint64_t row_address(const int32_t *field)
{
    return (uint64_t)(uintptr_t)field + (uint64_t)(int64_t)*field;
}

uint64_t extable_fixup(uint64_t rip)
{
    for (const struct extable_row *r = extable_start; r < extable_end; r++)
        if (row_address(&r->fault) == rip)
            return row_address(&r->fixup);
    return 0;
}

bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0, hi = 0, bad = 1;

    __asm__ volatile("1: rdmsr\n\t"
                     "xorl %[bad], %[bad]\n\t"
                     "2:\n\t"
                     EXTABLE("1b", "2b")
                     : "+a"(lo), "+d"(hi), [bad] "+r"(bad) : "c"(msr) : "memory", "cc");
    *value = bad ? 0 : ((uint64_t)hi << 32) | lo;
    return !bad;
}

bool cpu_wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint32_t bad = 1;

    __asm__ volatile("1: wrmsr\n\t"
                     "xorl %[bad], %[bad]\n\t"
                     "2:\n\t"
                     EXTABLE("1b", "2b")
                     : [bad] "+r"(bad)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory", "cc");
    return !bad;
}

uint64_t cpu_read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}

uint64_t cpu_read_cr2(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr2, %0" : "=r"(v));
    return v;
}

uint64_t cpu_read_cr3(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr3, %0" : "=r"(v));
    return v;
}

uint64_t cpu_read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}

void cpu_write_cr0(uint64_t value) { __asm__ volatile("movq %0, %%cr0" :: "r"(value) : "memory"); }
void cpu_write_cr2(uint64_t value) { __asm__ volatile("movq %0, %%cr2" :: "r"(value) : "memory"); }
void cpu_write_cr3(uint64_t value) { __asm__ volatile("movq %0, %%cr3" :: "r"(value) : "memory"); }
void cpu_write_cr4(uint64_t value) { __asm__ volatile("movq %0, %%cr4" :: "r"(value) : "memory"); }
void cpu_write_cr8(uint64_t value) { __asm__ volatile("movq %0, %%cr8" :: "r"(value) : "memory"); }
void cpu_invlpg(const void *v) { __asm__ volatile("invlpg (%0)" :: "r"(v) : "memory"); }

/* The register number is part of the instruction, so each has its own. */
uint64_t cpu_read_dr(unsigned int n)
{
    uint64_t v = 0;

    switch (n) {
    case 0: __asm__ volatile("movq %%db0, %0" : "=r"(v)); break;
    case 1: __asm__ volatile("movq %%db1, %0" : "=r"(v)); break;
    case 2: __asm__ volatile("movq %%db2, %0" : "=r"(v)); break;
    case 3: __asm__ volatile("movq %%db3, %0" : "=r"(v)); break;
    case 6: __asm__ volatile("movq %%db6, %0" : "=r"(v)); break;
    case 7: __asm__ volatile("movq %%db7, %0" : "=r"(v)); break;
    default: break;
    }
    return v;
}

void cpu_write_dr(unsigned int n, uint64_t v)
{
    switch (n) {
    case 0: __asm__ volatile("movq %0, %%db0" :: "r"(v)); break;
    case 1: __asm__ volatile("movq %0, %%db1" :: "r"(v)); break;
    case 2: __asm__ volatile("movq %0, %%db2" :: "r"(v)); break;
    case 3: __asm__ volatile("movq %0, %%db3" :: "r"(v)); break;
    case 6: __asm__ volatile("movq %0, %%db6" :: "r"(v)); break;
    case 7: __asm__ volatile("movq %0, %%db7" :: "r"(v)); break;
    default: break;
    }
}

uint64_t cpu_xgetbv(void)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return ((uint64_t)hi << 32) | lo;
}

void cpu_xsetbv(uint64_t value)
{
    __asm__ volatile("xsetbv"
                     :: "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

void cpu_xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)"
                     :: "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

void cpu_xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)"
                     :: "r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

void cpu_fpu_borrow(void *area)
{
    uint32_t mxcsr = 0x1f80;

    __asm__ volatile("fxsave64 (%0); fninit; ldmxcsr %1" :: "r"(area), "m"(mxcsr) : "memory");
}

void cpu_fpu_give_back(const void *area)
{
    __asm__ volatile("fxrstor64 (%0)" :: "r"(area) : "memory");
}

void cpu_wbinvd(void) { __asm__ volatile("wbinvd" ::: "memory"); }
void cpu_irq_enable_and_halt(void) { __asm__ volatile("sti; hlt" ::: "memory"); }
void cpu_monitor(const void *at) { __asm__ volatile("monitor" :: "a"(at), "c"(0), "d"(0) : "memory"); }
void cpu_irq_enable_and_mwait(void) { __asm__ volatile("sti; mwait" :: "a"(0), "c"(0) : "memory"); }
void cpu_halt(void) { __asm__ volatile("hlt" ::: "memory"); }

uint8_t cpu_in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

uint16_t cpu_in16(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

uint32_t cpu_in32(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

void cpu_out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
void cpu_out16(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
void cpu_out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(port) : "memory"); }
