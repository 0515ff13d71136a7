/* SPDX-License-Identifier: BSD-2-Clause */
/* Task switches by hardware, which VMX leaves to us (SDM 26.4.2); AMD's CPUs make them themselves. */
#include "exits.h"

#include <domain/guest_access.h>
#include <hvm/task_switch.h>
#include <lib/log.h>

#define DR7_LOCAL 0x155U        /* L0 to L3, LE */

struct switching { struct vcpu *v; struct task_switch t; };

static enum emul_result table_access(struct switching *s, gva_t va, void *buf, unsigned int size, bool write)
{
    uint32_t pfec = 0;
    gva_t at;
    int rc = guest_table_access(s->v, va, buf, size, write, &at, &pfec);

    if (rc == 0)
        return EMUL_DONE;
    if (rc != -EFAULT)
        return EMUL_UNHANDLED;
    s->t.fault_vector = X86_PF;
    s->t.fault_has_error = true;
    s->t.fault_error = pfec;
    s->t.fault_cr2 = at.v;
    return EMUL_FAULT;
}

static enum emul_result table_read(void *ctx, gva_t va, void *to, unsigned int size)
{
    return table_access(ctx, va, to, size, false);
}

static enum emul_result table_write(void *ctx, gva_t va, const void *from, unsigned int size)
{
    return table_access(ctx, va, (void *)(uintptr_t)from, size, true);
}

static bool load_cr3(void *ctx, uint32_t cr3)
{
    struct switching *s = ctx;

    return vcpu_set_cr(s->v, 3, cr3);
}

static const struct task_ops task_ops = { .read = table_read, .write = table_write, .load_cr3 = load_cr3 };

/* An event that the program did not ask for has no instruction to go on behind. */
static bool is_external(const struct vmexit *x)
{
    return x->task.source == TASK_GATE && x->cut_short.valid &&
           (x->cut_short.type == EVENT_EXTINT || x->cut_short.type == EVENT_NMI || x->cut_short.type == EVENT_HW_EXCEPTION);
}

static void read_state(struct vcpu *v, const struct vmexit *x, struct task_switch *t)
{
    t->selector = x->task.selector;
    t->source = x->task.source;
    t->external = is_external(x);
    t->has_error = t->external && x->cut_short.has_error;
    t->error = x->cut_short.error;
    t->paging = hw_get_cr(&v->hw, 0) & CR0_PG;
    t->regs = &v->hw.regs;
    t->eip = (uint32_t)(hw_get_rip(&v->hw) + (t->external ? 0 : x->insn_len));
    t->esp = (uint32_t)hw_get_rsp(&v->hw);
    t->eflags = (uint32_t)hw_get_rflags(&v->hw);
    hw_get_table(&v->hw, false, &t->gdt);
    for (unsigned int s = 0; s < SEG_COUNT; s++)
        hw_get_seg(&v->hw, (enum seg)s, &t->seg[s]);
}

/* The commit of a new task moves RIP (invariant I1). */
static enum exit_action commit(struct vcpu *v, const struct task_switch *t)
{
    for (unsigned int s = 0; s < SEG_COUNT; s++)
        hw_set_seg(&v->hw, (enum seg)s, &t->seg[s]);
    hw_set_rsp(&v->hw, t->esp);
    hw_set_rflags(&v->hw, t->eflags & ~RFLAGS_TF);
    hw_skip(&v->hw, 0);                                /* the old task's STI or MOV SS ends here */
    hw_set_rflags(&v->hw, t->eflags);
    hw_set_rip(&v->hw, t->eip);
    hw_set_dr7(&v->hw, hw_get_dr7(&v->hw) & ~(uint64_t)DR7_LOCAL);
    return vcpu_set_cr(v, 0, hw_get_cr(&v->hw, 0) | CR0_TS) ? ACT_RESUME : ACT_CRASH;
}

static enum exit_action fault_of(struct vcpu *v, const struct task_switch *t, const struct vmexit *x)
{
    /* A fault while the old task still had the event to deliver. */
    if (!t->switched && x->cut_short.valid)
        hw_inject(&v->hw, &x->cut_short);
    if (t->fault_vector == X86_PF)
        return vcpu_page_fault(v, t->fault_error, t->fault_cr2);
    return vcpu_fault(v, t->fault_vector, t->fault_error);
}

enum exit_action exit_task_switch(struct vcpu *v, const struct vmexit *x)
{
    struct switching s = { .v = v, .t = { .ops = &task_ops, .ctx = &s } };
    enum exit_action action = ACT_RESUME;
    enum emul_result result;

    read_state(v, x, &s.t);
    result = task_switch(&s.t);
    if (s.t.switched)
        action = commit(v, &s.t);
    if (action != ACT_RESUME)
        return action;
    if (result == EMUL_FAULT)
        return fault_of(v, &s.t, x);
    if (result == EMUL_DONE && s.t.debug_trap) {
        vcpu_note_debug(v, DR6_BT);
        return vcpu_fault(v, X86_DB, 0);
    }
    if (result == EMUL_DONE)
        return ACT_RESUME;
    log_err("d%uv%u: task switch to selector %#x: a table lies in memory that is no RAM", v->domain->id, v->id,
            x->task.selector);
    return ACT_CRASH;
}
