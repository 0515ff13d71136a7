/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU data. `struct percpu` is private to its CPU (reached through %gs; a test variable on the
 * host), except the members marked shared, which others may write atomically.
 */
#ifndef X86_PERCPU_H
#define X86_PERCPU_H

#include <hv/compiler.h>
#include <hv/types.h>

#define MAX_CPUS 128U

#define PERCPU_MAX_HELD 14U

struct vcpu;
struct smp_call;

struct percpu {
    struct percpu *self;           /* %gs:0 */
    uint64_t stack_top;            /* %gs:8, used by entry code */
    unsigned int id;               /* 0..cpu_count()-1, BSP is 0 */
    uint32_t apic_id;
    uint32_t acpi_uid;
    bool online;                   /* shared */
    struct vcpu *current;          /* whose guest state this CPU holds, or NULL while idle */
    uint64_t random_canary;        /* %gs:40: where the compiler's stack protector looks for it */
    uint64_t softirq_pending;      /* shared: bits of enum softirq */
    bool sees_softirqs;            /* shared: idle in MWAIT, or about to look once more; a set bit is enough to wake it */
    uint64_t irq_count;
    void *arch;                    /* src/x86's own: TSS, GDT, IST stacks */
    void *hw;                      /* src/vmx's or src/svm's own */
    void *sched;                   /* src/sched's own */
    struct smp_call *call;         /* shared: the function another CPU wants run here */
    uint64_t nmi_count;            /* NMIs that nobody had asked for */
    uint8_t irq_depth;             /* interrupt handlers this CPU is inside of */
    uint8_t held_count;            /* ranks of the locks held, in the order taken (checked builds) */
    uint8_t held[PERCPU_MAX_HELD];
};
_Static_assert(offsetof(struct percpu, stack_top) == 8, "entry code uses %gs:8");
_Static_assert(offsetof(struct percpu, random_canary) == 40, "the stack protector uses %gs:40");

#ifdef HV_HOST
extern __thread struct percpu *host_this_cpu;
static inline struct percpu *this_cpu(void) { return host_this_cpu; }
#else
static inline struct percpu *this_cpu(void)
{
    struct percpu *p;
    __asm__("movq %%gs:0, %0" : "=r"(p));
    return p;
}
#endif
static inline unsigned int this_cpu_id(void) { return this_cpu()->id; }

extern struct percpu percpu_bsp;              /* CPU 0's, in use since the first C instruction */
struct percpu *percpu_of(unsigned int cpu);   /* cpu < cpu_count() */
unsigned int cpu_count(void);                 /* CPUs that came online at boot */

#endif
