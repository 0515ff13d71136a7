/* SPDX-License-Identifier: BSD-2-Clause */
/* General registers, segments, descriptor tables and the instruction pointer. */
#include <svm/svm.h>

#include "state.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>

#define ATTR_PRESENT 0x80U
#define CS_LONG 0x200U       /* L and D of CS, in the packed form */
#define CS_32 0x400U

uint64_t svm_get_rip(struct hw_vcpu *v) { return vmcb_of(v)->rip; }
void svm_set_rip(struct hw_vcpu *v, uint64_t rip) { vmcb_of(v)->rip = rip; }
uint64_t svm_get_rsp(struct hw_vcpu *v) { return vmcb_of(v)->rsp; }
void svm_set_rsp(struct hw_vcpu *v, uint64_t rsp) { vmcb_of(v)->rsp = rsp; }
uint64_t svm_get_rflags(struct hw_vcpu *v) { return vmcb_of(v)->rflags; }

void svm_set_rflags(struct hw_vcpu *v, uint64_t rflags)
{
    vmcb_of(v)->rflags = (rflags & GUEST_RFLAGS_VALID) | GUEST_RFLAGS_ONE;
}

bool svm_is_code64(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);

    return (b->cs.attr & CS_LONG) && (b->efer & EFER_LMA);
}

/* Single-stepping goes on after an instruction that was done for the guest. */
static noinline_fn void step_on(struct hw_vcpu *v)
{
    const struct hv_event db = { .valid = true, .type = EVENT_HW_EXCEPTION, .vector = X86_DB };

    if (v->event.valid)
        return;
    vmcb_of(v)->dr6 |= DR6_BS | DR6_FIXED;
    vmcb_touch(vmcb_of(v), CLEAN_DR);
    svm_inject(v, &db);
}

void svm_skip(struct hw_vcpu *v, unsigned int length)
{
    struct vmcb *b = vmcb_of(v);
    uint64_t next = b->rip + length;

    if (((b->rip ^ next) >> 32) != 0 && !svm_is_code64(v))
        next = (uint32_t)next;
    b->rip = next;
    b->interrupt_shadow &= ~SHADOW_ACTIVE;
    b->rflags &= ~RFLAGS_RF;
    if (unlikely(b->rflags & RFLAGS_TF) && !(b->debugctl & DEBUGCTL_BTF))
        step_on(v);
}

/* The order of the VMCB is that of enum seg up to GS. */
static struct vmcb_seg *place(struct vmcb *b, enum seg s)
{
    switch (s) {
    case SEG_LDTR: return &b->ldtr;
    case SEG_TR: return &b->tr;
    case SEG_ES:
    case SEG_CS:
    case SEG_SS:
    case SEG_DS:
    case SEG_FS:
    case SEG_GS:
    case SEG_COUNT: break;
    }
    return &b->es + s;
}

/* Attributes are packed into 12 bits; a segment that cannot be used is one that is not present. */
void svm_get_seg(struct hw_vcpu *v, enum seg s, struct guest_seg *out)
{
    const struct vmcb_seg *from = place(vmcb_of(v), s);

    ASSERT(s < SEG_COUNT);
    *out = (struct guest_seg){ .selector = from->selector, .limit = from->limit, .base = from->base,
                               .attr = (from->attr & 0xffU) | (from->attr & 0xf00U) << 4 };
    if (!(from->attr & ATTR_PRESENT))
        out->attr |= SEG_ATTR_UNUSABLE;
    if (s == SEG_SS)
        out->attr = (out->attr & ~0x60U) | (uint32_t)vmcb_of(v)->cpl << 5;
}

void svm_set_seg(struct hw_vcpu *v, enum seg s, const struct guest_seg *in)
{
    struct vmcb *b = vmcb_of(v);
    struct vmcb_seg *to = place(b, s);

    ASSERT(s < SEG_COUNT);
    *to = (struct vmcb_seg){ .selector = in->selector, .limit = in->limit, .base = in->base };
    if (!(in->attr & SEG_ATTR_UNUSABLE))
        to->attr = (uint16_t)((in->attr & 0xffU) | (in->attr >> 4 & 0xf00U));
    if (s == SEG_SS)
        b->cpl = SEG_ATTR_DPL(in->attr);
    vmcb_touch(b, CLEAN_SEG);
}

void svm_get_table(struct hw_vcpu *v, bool idt, struct guest_table *out)
{
    const struct vmcb_seg *from = idt ? &vmcb_of(v)->idtr : &vmcb_of(v)->gdtr;

    *out = (struct guest_table){ .base = from->base, .limit = from->limit & 0xffff };
}

void svm_set_table(struct hw_vcpu *v, bool idt, const struct guest_table *in)
{
    struct vmcb_seg *to = idt ? &vmcb_of(v)->idtr : &vmcb_of(v)->gdtr;

    *to = (struct vmcb_seg){ .base = in->base, .limit = in->limit & 0xffff };
    vmcb_touch(vmcb_of(v), CLEAN_DT);
}

void svm_set_dr_exiting(struct hw_vcpu *v, bool exits)
{
    struct vmcb *b = vmcb_of(v);

    b->dr_reads = b->dr_writes = exits ? 0xffff : 0;
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

uint64_t svm_get_dr6(struct hw_vcpu *v) { return vmcb_of(v)->dr6; }

void svm_set_dr6(struct hw_vcpu *v, uint64_t value)
{
    vmcb_of(v)->dr6 = (uint32_t)value;
    vmcb_touch(vmcb_of(v), CLEAN_DR);
}

uint64_t svm_get_dr7(struct hw_vcpu *v) { return vmcb_of(v)->dr7; }

void svm_set_dr7(struct hw_vcpu *v, uint64_t value)
{
    vmcb_of(v)->dr7 = (value & GUEST_DR7_VALID) | GUEST_DR7_ONE;
    vmcb_touch(vmcb_of(v), CLEAN_DR);
}

unsigned int svm_get_cpl(struct hw_vcpu *v) { return vmcb_of(v)->cpl; }

void svm_get_mode(struct hw_vcpu *v, struct guest_mode *out)
{
    const struct vmcb *b = vmcb_of(v);

    *out = (struct guest_mode){
        .cr0 = svm_get_cr(v, 0), .cr3 = b->cr3, .cr4 = svm_get_cr(v, 4), .efer = svm_get_efer(v), .rflags = b->rflags,
        .cpl = b->cpl, .long_mode = b->efer & EFER_LMA, .code32 = b->cs.attr & CS_32, .pdptes_in_memory = true,
    };
    out->code64 = out->long_mode && (b->cs.attr & CS_LONG);
}
