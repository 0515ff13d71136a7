/* SPDX-License-Identifier: BSD-2-Clause */
/* One screen of state for a crash. */
#include <svm/svm.h>

#include "state.h"

#include <lib/log.h>

static const char *const seg_names[SEG_COUNT] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR" };

static void dump_registers(const struct guest_regs *r)
{
    log_err("RAX %016lx RBX %016lx RCX %016lx RDX %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    log_err("RSI %016lx RDI %016lx RBP %016lx R8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    log_err("R9  %016lx R10 %016lx R11 %016lx R12 %016lx", r->r9, r->r10, r->r11, r->r12);
    log_err("R13 %016lx R14 %016lx R15 %016lx CR2 %016lx", r->r13, r->r14, r->r15, r->cr2);
}

static void dump_segments(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);
    struct guest_seg s;

    for (enum seg i = SEG_ES; i < SEG_COUNT; i++) {
        svm_get_seg(v, i, &s);
        log_err("%-4s %04x attr %05x limit %08x base %016lx", seg_names[i], (unsigned int)s.selector, s.attr,
                s.limit, s.base);
    }
    log_err("GDT %016lx limit %04x  IDT %016lx limit %04x  CPL %u", b->gdtr.base, b->gdtr.limit, b->idtr.base,
            b->idtr.limit, (unsigned int)b->cpl);
}

void svm_dump(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);

    log_err("RIP %016lx RSP %016lx RFLAGS %08lx", b->rip, b->rsp, b->rflags);
    dump_registers(&v->regs);
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
