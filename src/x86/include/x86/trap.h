/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and interrupts that reach the hypervisor itself. Vectors from 32 go to irq_dispatch();
 * an exception on an instruction with an exception-table row continues at the row's fix-up; any
 * other one is a panic. NMI and #MC have a handler that may be registered at boot.
 */
#ifndef X86_TRAP_H
#define X86_TRAP_H

#include <hv/types.h>

/* What the entry code pushes, lowest address first. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Boot CPU, before the first desc_load(): fills the shared IDT. */
void trap_init(void);
/* Runs in NMI context on every NMI (stop requests of smp_stop_others among them). May take no lock. */
void trap_set_nmi_handler(void (*fn)(struct trap_frame *f));
/* After a VM exit because of an NMI or #MC: serves it as if it had come in the hypervisor. NMIs are unblocked by
 * the IRET at its end (SDM 6.7.1). IRQs off. */
void trap_run_nmi(void);
void trap_run_machine_check(void);

#endif
