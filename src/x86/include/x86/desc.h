/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables and control registers of a CPU: GDT, TSS with IST stacks, the IDT that all CPUs
 * share, CR0/CR4/EFER/PAT. Each CPU calls desc_load() and desc_enable_features() once on its way
 * up; nothing here is called later. SDM volume 3, chapters 2, 3, 6 and 8.
 */
#ifndef X86_DESC_H
#define X86_DESC_H

#include <x86/percpu.h>

#define SEL_CODE64 0x08U
#define SEL_DATA 0x10U
#define SEL_TSS 0x18U        /* 16 bytes */

/* IST slots: what may arrive on any stack, however broken, gets its own. */
#define IST_NMI 1U
#define IST_DOUBLE_FAULT 2U
#define IST_MACHINE_CHECK 3U
#define IST_DEBUG 4U
#define IST_COUNT 4U

/* The boot CPU's stack in pages, and what others should get: dom0's decompressor runs on it. */
#define CPU_STACK_PAGES 8U

struct desc_tables;          /* percpu.arch points at one */

/* Memory for p's tables and IST stacks (after paging_init), and its stack-protector canary unless it has
 * one. -ENOMEM. Any CPU, before p starts; the boot CPU for itself. */
int desc_prepare(struct percpu *p) must_check;
/* On p's CPU with interrupts off: GDT, TSS, IDT, segment registers. GS base must be p already, as the
 * first C function's canary is read through it: the assembly that calls C sets it. */
void desc_load(struct percpu *p);
/* On every CPU after desc_load: CR0, CR4 (SMEP, SMAP, UMIP, OSXSAVE, OSFXSR as available), EFER.NXE,
 * PAT (WB WT UC- UC, WP WC UC- UC: index 5 is write-combining). */
void desc_enable_features(void);
/* Boot CPU, before dom0's kernel is unpacked: %fs:0x28 holds the canary that Debian's libraries expect. */
void desc_enable_library_canary(void);
/* For the VMCS's host state. */
uint64_t desc_gdt_base(const struct percpu *p);
uint64_t desc_tss_base(const struct percpu *p);
uint64_t desc_idt_base(void);

/* Continues in fn, which never returns, on an empty stack. */
noreturn_fn void cpu_run_on_stack(void *top, void (*fn)(void));

#endif
