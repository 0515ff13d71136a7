/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine instructions. Those named try_ may be refused: fault_take() tells. */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include "guest.h"

#define CR0_PE 0x1UL
#define CR0_TS 0x8UL
#define CR0_ET 0x10UL
#define CR0_WP 0x10000UL
#define CR0_PG 0x80000000UL
#define CR4_OSXSAVE 0x40000UL
#define RFLAGS_IF 0x200UL
#define MSR_TSC 0x10
#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_GS_BASE 0xc0000101
#define MSR_HYPERCALL_PAGE 0x40000000

struct cpuid { uint32_t eax, ebx, ecx, edx; };
static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}
static inline bool cpu_is_amd(void) { return cpuid(0, 0).ebx == 0x68747541; }        /* "AuthenticAMD" */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return lo | (uint64_t)hi << 32;
}
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return lo | (uint64_t)hi << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
static inline uint64_t try_rdmsr(uint32_t msr)
{
    uint32_t lo = 0, hi = 0;

    __asm__ volatile(PROBE("rdmsr") : "+a"(lo), "+d"(hi) : "c"(msr) : "memory");
    return lo | (uint64_t)hi << 32;
}
static inline void try_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile(PROBE("wrmsr") : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
static inline uint64_t read_cr0(void) { uint64_t v; __asm__ volatile("mov %%cr0, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr2(void) { uint64_t v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr3(void) { uint64_t v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr4(void) { uint64_t v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline uint64_t read_cr8(void) { uint64_t v; __asm__ volatile("mov %%cr8, %0" : "=r"(v)); return v; }
static inline void write_cr3(uint64_t v) { __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }
static inline void write_cr8(uint64_t v) { __asm__ volatile("mov %0, %%cr8" : : "r"(v) : "memory"); }
static inline void try_write_cr0(uint64_t v) { __asm__ volatile(PROBE("mov %0, %%cr0") : : "r"(v) : "memory"); }
static inline void try_write_cr3(uint64_t v) { __asm__ volatile(PROBE("mov %0, %%cr3") : : "r"(v) : "memory"); }
static inline void try_write_cr4(uint64_t v) { __asm__ volatile(PROBE("mov %0, %%cr4") : : "r"(v) : "memory"); }
static inline void try_write_cr8(uint64_t v) { __asm__ volatile(PROBE("mov %0, %%cr8") : : "r"(v) : "memory"); }
static inline void flush_page(uint64_t a) { __asm__ volatile("invlpg (%0)" : : "r"(a) : "memory"); }
static inline uint64_t read_flags(void) { uint64_t v; __asm__ volatile("pushf; pop %0" : "=r"(v)); return v; }
static inline void irq_on(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void irq_off(void) { __asm__ volatile("cli" : : : "memory"); }
static inline void pause(void) { __asm__ volatile("pause" : : : "memory"); }
/* Interrupts come in during the HLT, not before it: the shadow of STI. */
static inline void irq_on_halt_off(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

static inline uint8_t in8(uint16_t port) { uint8_t v; __asm__ volatile("inb %w1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint16_t in16(uint16_t port) { uint16_t v; __asm__ volatile("inw %w1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline uint32_t in32(uint16_t port) { uint32_t v; __asm__ volatile("inl %w1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %w1" : : "a"(v), "Nd"(port)); }
static inline void out16(uint16_t port, uint16_t v) { __asm__ volatile("outw %0, %w1" : : "a"(v), "Nd"(port)); }
static inline void out32(uint16_t port, uint32_t v) { __asm__ volatile("outl %0, %w1" : : "a"(v), "Nd"(port)); }

/* Accesses to memory that may fault or be emulated: one instruction each. */
static inline uint32_t try_read32(uint64_t a)
{
    uint32_t v = 0xdeadbeef;

    __asm__ volatile(PROBE("movl (%1), %0") : "+r"(v) : "r"(a) : "memory");
    return v;
}
static inline void try_write32(uint64_t a, uint32_t v)
{
    __asm__ volatile(PROBE("movl %0, (%1)") : : "r"(v), "r"(a) : "memory");
}

#endif
