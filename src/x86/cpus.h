/* SPDX-License-Identifier: BSD-2-Clause */
/* Between percpu.c, smp.c, trampoline.S and desc.c. */
#ifndef X86_CPUS_H
#define X86_CPUS_H

#include <x86/percpu.h>

extern struct percpu percpu_bsp;
void cpu_came_online(void);         /* by the boot CPU, after the new one said so */

/*
 * The page that a starting CPU runs in real mode, copied below 1 MiB; its data is filled in by smp.c
 * at these places of the copy.
 */
extern const char trampoline_start[], trampoline_end[];
struct trampoline_data {
    uint32_t far_target;            /* of the jump to 64-bit code: linear, in the copy */
    uint16_t far_selector;
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint32_t cr3;                   /* early tables, below 4 GiB */
    uint64_t final_cr3;
    uint64_t stack;
    uint64_t percpu;
    uint64_t entry;                 /* smp_ap_start */
} packed_struct;
extern const char trampoline_data[];
extern const char trampoline_long[], trampoline_gdt[];
void smp_ap_start(void);            /* trampoline.S, at the image's address */
noreturn_fn void smp_ap_main(struct percpu *p);

#endif
