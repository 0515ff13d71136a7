/* SPDX-License-Identifier: BSD-2-Clause */
#include "vcpu_context.h"

#include <hv/errno.h>
#include <lib/string.h>
#include <x86/time.h>

#define MSR_SYSENTER_CS 0x174U
#define MSR_SYSENTER_ESP 0x175U
#define MSR_SYSENTER_EIP 0x176U
#define MSR_PAT 0x277U
#define MSR_STAR 0xc0000081U
#define MSR_LSTAR 0xc0000082U
#define MSR_CSTAR 0xc0000083U
#define MSR_FMASK 0xc0000084U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX 0xc0000103U
#define RFLAGS_FIXED 0x2ULL
#define RFLAGS_DEFINED 0x3f7fd5ULL

/* The ABI packs access rights into 12 bits; the VMCS leaves a gap at 11:8. */
static uint32_t attr_of(uint32_t packed)
{
    return packed == 0 ? SEG_ATTR_UNUSABLE : (packed & 0xffU) | (packed & 0xf00U) << 4;
}

static uint32_t packed_of(uint32_t attr)
{
    return attr & SEG_ATTR_UNUSABLE ? 0 : (attr & 0xffU) | (attr >> 4 & 0xf00U);
}

static bool set_control(struct vcpu *v, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    /* EFER.LME before CR0.PG, as a CPU demands; CR4.PAE before both. */
    if (!vcpu_set_cr(v, 4, cr4))
        return false;
    if (!hw_set_efer(&v->hw, efer & ~EFER_LMA))
        return false;
    return vcpu_set_cr(v, 3, cr3) && vcpu_set_cr(v, 0, cr0);
}

struct packed_seg { enum seg s; uint32_t base, limit; uint16_t ar; };

static void set_segs(struct vcpu *v, const struct packed_seg *p, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        struct guest_seg s = { .selector = 0, .limit = p[i].limit, .attr = attr_of(p[i].ar),
                               .base = p[i].base };

        hw_set_seg(&v->hw, p[i].s, &s);
    }
}

static bool set_hvm32(struct vcpu *v, const struct vcpu_hvm_x86_32 *r)
{
    const struct packed_seg segs[] = {
        { SEG_CS, r->cs_base, r->cs_limit, r->cs_ar },
        { SEG_DS, r->ds_base, r->ds_limit, r->ds_ar },
        { SEG_SS, r->ss_base, r->ss_limit, r->ss_ar },
        { SEG_ES, r->es_base, r->es_limit, r->es_ar },
        { SEG_TR, r->tr_base, r->tr_limit, r->tr_ar },
    };
    struct guest_regs *g = &v->hw.regs;

    if (!(r->cs_ar & 0x80) || (r->cr0 & CR0_PG && !(r->cr0 & CR0_PE)))
        return false;
    if (!set_control(v, r->cr0 | CR0_ET, r->cr3, r->cr4, r->efer))
        return false;
    set_segs(v, segs, ARRAY_COUNT(segs));
    g->rax = r->eax; g->rcx = r->ecx; g->rdx = r->edx; g->rbx = r->ebx;
    g->rbp = r->ebp; g->rsi = r->esi; g->rdi = r->edi;
    hw_set_rsp(&v->hw, r->esp);
    hw_set_rip(&v->hw, r->eip);
    hw_set_rflags(&v->hw, r->eflags | 2);
    return true;
}

static bool set_hvm64(struct vcpu *v, const struct vcpu_hvm_x86_64 *r)
{
    static const struct packed_seg segs[] = {
        { SEG_CS, 0, UINT32_MAX, 0xa9b }, { SEG_DS, 0, UINT32_MAX, 0xc93 },
        { SEG_SS, 0, UINT32_MAX, 0xc93 }, { SEG_ES, 0, UINT32_MAX, 0xc93 },
        { SEG_TR, 0, 0x67, 0x8b },
    };
    struct guest_regs *g = &v->hw.regs;

    if (!(r->efer & EFER_LME) || !(r->cr0 & CR0_PG) || !(r->cr4 & CR4_PAE))
        return false;
    if (!set_control(v, r->cr0 | CR0_ET, r->cr3, r->cr4, r->efer))
        return false;
    set_segs(v, segs, ARRAY_COUNT(segs));
    g->rax = r->rax; g->rcx = r->rcx; g->rdx = r->rdx; g->rbx = r->rbx;
    g->rbp = r->rbp; g->rsi = r->rsi; g->rdi = r->rdi;
    hw_set_rsp(&v->hw, r->rsp);
    hw_set_rip(&v->hw, r->rip);
    hw_set_rflags(&v->hw, r->rflags | 2);
    return true;
}

/* It starts from these registers, not from a start-up IPI. */
static void given_context(struct vcpu *v)
{
    spin_lock(&v->lock);
    v->sipi_wait = v->init_pending = v->sipi_pending = false;
    v->initialised = v->context_new = true;
    spin_unlock(&v->lock);
}

/* What a guest may not set by itself it may not begin with. */
static bool is_in_policy(const struct vcpu *v, uint64_t cr4, uint64_t efer)
{
    const struct cpuid_policy *p = &v->domain->cpuid;

    return !(cr4 & ~cpuid_policy_cr4_allowed(p)) && !(efer & ~cpuid_policy_efer_allowed(p) & ~EFER_LMA);
}

int vcpu_context_set_hvm(struct vcpu *v, const struct vcpu_hvm_context *ctx)
{
    const struct vcpu_hvm_x86_32 *r32 = &ctx->cpu_regs.x86_32;
    const struct vcpu_hvm_x86_64 *r64 = &ctx->cpu_regs.x86_64;
    struct hw_vcpu *before;
    bool good;

    if (ctx->mode == VCPU_HVM_MODE_32B ? !is_in_policy(v, r32->cr4, r32->efer)
                                       : ctx->mode != VCPU_HVM_MODE_64B || !is_in_policy(v, r64->cr4, r64->efer))
        return -EINVAL;
    before = hw_borrow(&v->hw);
    hw_reset(&v->hw);
    if (ctx->mode == VCPU_HVM_MODE_32B)
        good = set_hvm32(v, r32);
    else
        good = set_hvm64(v, r64);
    hw_give_back(&v->hw, before);
    if (good)
        given_context(v);
    return good ? 0 : -EINVAL;
}

/* Toolstack records (save, restore, first context of a domain). */

#define EACH_SEG(X) \
    X(CS, cs) X(DS, ds) X(ES, es) X(FS, fs) X(GS, gs) X(SS, ss) X(TR, tr) X(LDTR, ldtr)

static void load_segs(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct guest_table gdt = { c->gdtr_base, c->gdtr_limit }, idt = { c->idtr_base, c->idtr_limit };
    struct guest_seg s;

#define X(S, n) s = (struct guest_seg){ .selector = (uint16_t)c->n##_sel, .limit = c->n##_limit, \
                                        .attr = attr_of(c->n##_arbytes), .base = c->n##_base };   \
    hw_set_seg(&v->hw, SEG_##S, &s);
    EACH_SEG(X)
#undef X
    hw_set_table(&v->hw, false, &gdt);
    hw_set_table(&v->hw, true, &idt);
}

static void save_segs(struct vcpu *v, struct hvm_hw_cpu *c)
{
    struct guest_table t;
    struct guest_seg s;

#define X(S, n) \
    hw_get_seg(&v->hw, SEG_##S, &s); \
    c->n##_sel = s.selector; \
    c->n##_limit = s.limit; \
    c->n##_arbytes = packed_of(s.attr); \
    c->n##_base = s.base;
    EACH_SEG(X)
#undef X
    hw_get_table(&v->hw, false, &t);
    c->gdtr_base = t.base;
    c->gdtr_limit = t.limit;
    hw_get_table(&v->hw, true, &t);
    c->idtr_base = t.base;
    c->idtr_limit = t.limit;
}

#define EACH_GPR(X) X(rax) X(rbx) X(rcx) X(rdx) X(rbp) X(rsi) X(rdi) \
    X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15)
#define EACH_MSR(X) X(MSR_SYSENTER_CS, sysenter_cs) X(MSR_SYSENTER_ESP, sysenter_esp) \
    X(MSR_SYSENTER_EIP, sysenter_eip) X(MSR_KERNEL_GS_BASE, shadow_gs) X(MSR_LSTAR, msr_lstar) \
    X(MSR_STAR, msr_star) X(MSR_CSTAR, msr_cstar) X(MSR_FMASK, msr_syscall_mask) \
    X(MSR_TSC_AUX, msr_tsc_aux)

static bool load_loaded(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct guest_regs *g = &v->hw.regs;

    hw_reset(&v->hw);
    if (!set_control(v, c->cr0, c->cr3, c->cr4, c->msr_efer))
        return false;
    load_segs(v, c);
#define X(r) g->r = c->r;
    EACH_GPR(X)
#undef X
#define X(index, field) (void)hw_set_msr(&v->hw, index, c->field);
    EACH_MSR(X)
#undef X
    g->cr2 = c->cr2;
    hw_set_rsp(&v->hw, c->rsp);
    hw_set_rip(&v->hw, c->rip);
    hw_set_rflags(&v->hw, (c->rflags & RFLAGS_DEFINED) | RFLAGS_FIXED);
    hw_set_dr7(&v->hw, c->dr7);
    return true;
}

void vcpu_context_set_regs(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct hw_vcpu *before = hw_borrow(&v->hw);
    struct guest_regs *g = &v->hw.regs;

#define X(r) g->r = c->r;
    EACH_GPR(X)
#undef X
    hw_set_rsp(&v->hw, c->rsp);
    hw_set_rip(&v->hw, c->rip);
    hw_set_rflags(&v->hw, (c->rflags & RFLAGS_DEFINED) | RFLAGS_FIXED);
    hw_give_back(&v->hw, before);
}

static void load_event(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    v->pending = (struct hv_event){ 0 };
    if (!c->pending_valid)
        return;
    v->pending = (struct hv_event){ .valid = true, .vector = c->pending_vector,
                                    .type = c->pending_type, .has_error = c->pending_error_valid,
                                    .error = c->error_code };
}

int vcpu_context_load(struct vcpu *v, const struct hvm_hw_cpu *c)
{
    struct hw_vcpu *before;
    bool good;

    before = hw_borrow(&v->hw);
    good = load_loaded(v, c);
    hw_give_back(&v->hw, before);
    if (!good)
        return -EINVAL;
    v->dr[0] = c->dr0; v->dr[1] = c->dr1; v->dr[2] = c->dr2; v->dr[3] = c->dr3;
    v->dr6 = c->dr6;
    if (v->xsave)
        vcpu_fpu_load(v, c->flags & XEN_X86_FPU_INITIALISED ? (const char *)c->fpu_regs : NULL);
    load_event(v, c);
    given_context(v);
    return 0;
}

static void save_loaded(struct vcpu *v, struct hvm_hw_cpu *c)
{
    const struct guest_regs *g = &v->hw.regs;

    c->cr0 = hw_get_cr(&v->hw, 0);
    c->cr3 = hw_get_cr(&v->hw, 3);
    c->cr4 = hw_get_cr(&v->hw, 4);
    c->msr_efer = hw_get_efer(&v->hw);
    save_segs(v, c);
#define X(r) c->r = g->r;
    EACH_GPR(X)
#undef X
#define X(index, field) (void)hw_get_msr(&v->hw, index, &c->field);
    EACH_MSR(X)
#undef X
    c->cr2 = g->cr2;
    c->rsp = hw_get_rsp(&v->hw);
    c->rip = hw_get_rip(&v->hw);
    c->rflags = hw_get_rflags(&v->hw);
    c->dr7 = hw_get_dr7(&v->hw);
}

void vcpu_context_save(struct vcpu *v, struct hvm_hw_cpu *c)
{
    struct hw_vcpu *before;

    memset(c, 0, sizeof(*c));
    before = hw_borrow(&v->hw);
    save_loaded(v, c);
    hw_give_back(&v->hw, before);
    c->dr0 = v->dr[0]; c->dr1 = v->dr[1]; c->dr2 = v->dr[2]; c->dr3 = v->dr[3];
    c->dr6 = v->dr6;
    if (v->xsave) {
        vcpu_fpu_save(v, (char *)c->fpu_regs);
        c->flags = XEN_X86_FPU_INITIALISED;
    }
    if (v->pending.valid) {
        c->pending_vector = v->pending.vector;
        c->pending_type = (uint8_t)(v->pending.type & 7U) & 7U;
        c->pending_error_valid = v->pending.has_error;
        c->pending_valid = 1;
        c->error_code = v->pending.error;
    }
}

bool vcpu_context_pat(struct vcpu *v, uint64_t *pat, bool set)
{
    struct hw_vcpu *before;
    bool good;

    before = hw_borrow(&v->hw);
    good = set ? hw_set_msr(&v->hw, MSR_PAT, *pat) : hw_get_msr(&v->hw, MSR_PAT, pat);
    hw_give_back(&v->hw, before);
    return good;
}
