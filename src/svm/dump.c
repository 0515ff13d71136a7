/* SPDX-License-Identifier: BSD-2-Clause */
/* One screen of state for a crash. */
#include <svm/svm.h>

#include "state.h"

#include <guestcpu/dump.h>
#include <lib/log.h>

static void dump_segments(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);
    struct guest_seg s;

    for (enum seg i = SEG_ES; i < SEG_COUNT; i++) {
        svm_get_seg(v, i, &s);
        guest_dump_segment(i, &s);
    }
    log_err("GDT %016lx limit %04x  IDT %016lx limit %04x  CPL %u", b->gdtr.base, b->gdtr.limit, b->idtr.base,
            b->idtr.limit, (unsigned int)b->cpl);
}

void svm_dump(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);

    log_err("RIP %016lx RSP %016lx RFLAGS %08lx", b->rip, b->rsp, b->rflags);
    guest_dump_registers(&v->regs);
    log_err("CR0 %lx (real %lx) CR3 %lx CR4 %lx (real %lx) EFER %lx", svm_get_cr(v, 0), b->cr0, b->cr3,
            svm_get_cr(v, 4), b->cr4, svm_get_efer(v));
    dump_segments(v);
    log_err("exit code %lx info %lx %lx event %lx next RIP %lx", b->exit_code, b->exit_info1, b->exit_info2,
            b->exit_int_info, b->next_rip);
    log_err("intercepts %x %x %x CR %x/%x DR %x/%x exceptions %x", b->intercepts1, b->intercepts2, b->intercepts3,
            (unsigned int)b->cr_reads, (unsigned int)b->cr_writes, (unsigned int)b->dr_reads,
            (unsigned int)b->dr_writes, b->exceptions);
    log_err("vintr %lx shadow %lx ASID %x nested CR3 %lx PAT %lx DR6 %lx DR7 %lx", b->vintr, b->interrupt_shadow,
            b->asid, b->nested_cr3, b->pat, b->dr6, b->dr7);
}
