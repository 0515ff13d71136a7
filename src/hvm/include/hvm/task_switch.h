/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware task switches outside long mode (SDM vol. 3A 8.3), which VMX never does for a guest: old state into the old
 * TSS, new state out of the new one, 16- and 32-bit formats. Pure: state is the caller's copy, memory goes through
 * struct task_ops. Checked again is what the CPU checked before its exit: another CPU may have changed the GDT since.
 *
 * A fault before t->switched happens in the old task, with nothing changed but what doing it again will overwrite; one after
 * it in the new task: the caller commits the state, then injects the fault.
 */
#ifndef HVM_TASK_SWITCH_H
#define HVM_TASK_SWITCH_H

#include <hv/regs.h>
#include <hv/types.h>
#include <hv/vmexit.h>
#include <hvm/emul.h>

/* Linear accesses with the rights of the CPU itself, at any privilege; results as in struct emul_ops. */
struct task_ops {
    enum emul_result (*read)(void *ctx, gva_t va, void *to, unsigned int size);
    enum emul_result (*write)(void *ctx, gva_t va, const void *from, unsigned int size);
    /* Accesses that follow go through the new page tables. false: a value that MOV to CR3 refuses. */
    bool (*load_cr3)(void *ctx, uint32_t cr3);
};

struct task_switch {
    uint16_t selector;               /* of the new TSS */
    enum task_source source;
    bool external;                   /* not by the program: faults have the EXT bit */
    bool has_error;                  /* an exception's error code, for the new stack */
    uint32_t error;
    struct guest_table gdt;
    bool paging;
    const struct task_ops *ops;
    void *ctx;

    /* In: the old task's, with the EIP that it goes on at. Out: the new task's. RSP is not in regs. */
    struct guest_regs *regs;
    uint32_t eip, esp, eflags;
    struct guest_seg seg[SEG_COUNT];

    bool switched;                   /* the members above are the new task's; CR0.TS is to be set, DR7's local bits to go */
    bool debug_trap;                 /* the new TSS has the T bit: #DB with DR6.BT */
    uint8_t fault_vector;            /* EMUL_FAULT; a task_ops function fills them for its own */
    bool fault_has_error;
    uint32_t fault_error;
    uint64_t fault_cr2;
};

/* EMUL_DONE, EMUL_FAULT, or EMUL_UNHANDLED where a structure lies in memory that cannot be reached. */
enum emul_result task_switch(struct task_switch *t) must_check;

#endif
