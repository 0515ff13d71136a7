/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole states that a vCPU starts from: power-up, start-up IPI, PVH. */
#include <svm/svm.h>

#include "state.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <lib/string.h>

/* Packed attributes: type, S, DPL, P in 7:0, AVL, L, D, G in 11:8. */
#define ATTR_CODE16 0x09bU
#define ATTR_DATA16 0x093U
#define ATTR_CODE32 0xc9bU
#define ATTR_DATA32 0xc93U
#define ATTR_LDT 0x082U
#define ATTR_TSS_BUSY 0x08bU
#define RESET_CPU_SIGNATURE 0x600U
#define RESET_CR0 (CR0_CD | CR0_NW | CR0_ET)
#define RESET_DR6 0xffff0ff0U

/* A state that is being written as a whole has no illegal steps. */
static void must(bool ok) { BUG_ON(!ok); }

static void set_segments(struct vmcb *b, struct vmcb_seg code, struct vmcb_seg data, uint32_t tss_limit)
{
    b->cs = code;
    b->es = b->ss = b->ds = b->fs = b->gs = data;
    b->ldtr = (struct vmcb_seg){ .limit = 0xffff, .attr = ATTR_LDT };
    b->tr = (struct vmcb_seg){ .limit = tss_limit, .attr = ATTR_TSS_BUSY };
    b->cpl = 0;
}

static void reset_msrs(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);

    b->debugctl = 0;
    b->pat = GUEST_RESET_PAT;
    b->sysenter_cs = b->sysenter_esp = b->sysenter_eip = 0;
    b->dr6 = RESET_DR6;
    b->dr7 = GUEST_DR7_ONE;
}

static void reset_events(struct hw_vcpu *v)
{
    struct svm_state *s = svm(v);

    v->event.valid = false;
    v->triple_fault = false;
    s->nmi_masked = s->nmi_stepping = false;
    s->vmcb->interrupt_shadow = 0;
    s->vmcb->event_inj = 0;
    s->vmcb->vintr &= ~VINTR_NMI_MASK;
    s->vmcb->intercepts1 &= (uint32_t)~SVM1_IRET;
}

void svm_reset(struct hw_vcpu *v)
{
    const struct vmcb_seg code = { 0xf000, ATTR_CODE16, 0xffff, 0xffff0000 };
    const struct vmcb_seg data = { 0, ATTR_DATA16, 0xffff, 0 };
    struct vmcb *b = vmcb_of(v);

    set_segments(b, code, data, 0xffff);
    b->gdtr = b->idtr = (struct vmcb_seg){ .limit = 0xffff };
    b->efer = EFER_SVME;
    b->cr0 = b->cr3 = b->cr4 = 0;
    svm(v)->cr0_hidden = svm(v)->cr4_hidden = 0;
    must(svm_set_cr(v, 4, 0));
    must(svm_set_cr(v, 0, RESET_CR0));
    reset_msrs(v);
    reset_events(v);
    svm_asid_drop(v);
    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rdx = RESET_CPU_SIGNATURE;
    b->rflags = GUEST_RFLAGS_ONE;
    b->rsp = 0;
    b->rip = 0xfff0;
    b->clean = 0;
}

void svm_set_sipi(struct hw_vcpu *v, uint8_t vector)
{
    svm_reset(v);
    vmcb_of(v)->cs = (struct vmcb_seg){ (uint16_t)(vector << 8), ATTR_CODE16, 0xffff, (uint64_t)vector << 12 };
    vmcb_of(v)->rip = 0;
}

void svm_set_pvh_entry(struct hw_vcpu *v, uint32_t eip, uint32_t ebx)
{
    const struct vmcb_seg code = { 0, ATTR_CODE32, UINT32_MAX, 0 };
    const struct vmcb_seg data = { 0, ATTR_DATA32, UINT32_MAX, 0 };

    svm_reset(v);
    set_segments(vmcb_of(v), code, data, 0x67);
    must(svm_set_cr(v, 0, CR0_PE | CR0_ET));
    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rbx = ebx;
    vmcb_of(v)->rip = eip;
}
