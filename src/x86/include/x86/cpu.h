/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single instructions as functions. Unprivileged ones are inline everywhere; privileged ones are
 * inline in the product and come from tests/fake on the host (a fake CPU with an IRQ flag and MSRs).
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <hv/compiler.h>
#include <hv/types.h>

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

#ifdef HV_HOST
void cpu_relax(void);                   /* lets other threads run */
#else
static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }
#endif
static inline uint64_t cpu_rdtsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return ((uint64_t)hi << 32) | lo;
}
/* Earlier loads are done before the time is read. */
static inline uint64_t cpu_rdtsc_ordered(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) :: "memory");
    return ((uint64_t)hi << 32) | lo;
}

#ifdef HV_HOST
struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t cpu_rdmsr(uint32_t msr);
void cpu_wrmsr(uint32_t msr, uint64_t value);
bool cpu_irqs_enabled(void);
void cpu_irq_enable(void);
void cpu_irq_disable(void);
uint64_t cpu_irq_save(void);            /* returns RFLAGS, disables */
void cpu_irq_restore(uint64_t flags);
#else
static inline struct cpuid_regs cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}
static inline uint64_t cpu_rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return ((uint64_t)hi << 32) | lo;
}
static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" :: "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
static inline uint64_t cpu_flags(void)
{
    uint64_t f;
    __asm__ volatile("pushfq; popq %0" : "=r"(f));
    return f;
}
static inline bool cpu_irqs_enabled(void) { return cpu_flags() & 0x200; }
static inline void cpu_irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void cpu_irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static inline uint64_t cpu_irq_save(void)
{
    uint64_t f = cpu_flags();
    cpu_irq_disable();
    return f;
}
static inline void cpu_irq_restore(uint64_t flags)
{
    if (flags & 0x200)
        cpu_irq_enable();
}
#endif

/* Out of line: rarely used or privileged. false/-EFAULT: the MSR does not exist (#GP was caught). */
bool cpu_rdmsr_safe(uint32_t msr, uint64_t *value);
bool cpu_wrmsr_safe(uint32_t msr, uint64_t value);
uint64_t cpu_read_cr0(void);
uint64_t cpu_read_cr2(void);
void cpu_write_cr2(uint64_t value);
uint64_t cpu_read_cr3(void);
uint64_t cpu_read_cr4(void);
void cpu_write_cr0(uint64_t value);
void cpu_write_cr3(uint64_t value);
void cpu_write_cr4(uint64_t value);
void cpu_write_cr8(uint64_t value);     /* the local APIC's TPR, bits 7:4 */
void cpu_invlpg(const void *v);
uint64_t cpu_read_dr(unsigned int n);
void cpu_write_dr(unsigned int n, uint64_t value);
uint64_t cpu_xgetbv(void);
void cpu_xsetbv(uint64_t value);
/* XSAVE area of the current CPU's vector state; mask = XCR0 bits. area is 64-byte aligned. */
void cpu_xsave(void *area, uint64_t mask);
void cpu_xrstor(const void *area, uint64_t mask);
/* For foreign code that uses the floating-point unit: what it holds goes to an area of 512 bytes (aligned to 16), and it
 * is in its initial state; then back. */
void cpu_fpu_borrow(void *area);
void cpu_fpu_give_back(const void *area);
void cpu_wbinvd(void);
/* STI; HLT as one: an interrupt that became pending before is not slept through. */
void cpu_irq_enable_and_halt(void);
/* The same with MWAIT, in C1: ends also when someone writes to the cache line of what MONITOR was given last. */
void cpu_monitor(const void *at);
void cpu_irq_enable_and_mwait(void);
void cpu_halt(void);

uint8_t cpu_in8(uint16_t port);
uint16_t cpu_in16(uint16_t port);
uint32_t cpu_in32(uint16_t port);
void cpu_out8(uint16_t port, uint8_t v);
void cpu_out16(uint16_t port, uint16_t v);
void cpu_out32(uint16_t port, uint32_t v);

#endif
