/* SPDX-License-Identifier: BSD-2-Clause */
/* General registers, segments, descriptor tables and the instruction pointer. */
#include <vmx/vmx.h>

#include "bits.h"
#include "cache.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <x86/cpu.h>

uint64_t vmx_get_rip(struct hw_vcpu *v) { return cache_get(v, CACHED_RIP); }
void vmx_set_rip(struct hw_vcpu *v, uint64_t rip) { cache_set(v, CACHED_RIP, rip); }
uint64_t vmx_get_rsp(struct hw_vcpu *v) { return cache_get(v, CACHED_RSP); }
void vmx_set_rsp(struct hw_vcpu *v, uint64_t rsp) { cache_set(v, CACHED_RSP, rsp); }
uint64_t vmx_get_rflags(struct hw_vcpu *v) { return cache_get(v, CACHED_RFLAGS); }

void vmx_set_rflags(struct hw_vcpu *v, uint64_t rflags)
{
    cache_set(v, CACHED_RFLAGS, (rflags & GUEST_RFLAGS_VALID) | GUEST_RFLAGS_ONE);
}

uint64_t vmx_get_gpr(struct hw_vcpu *v, unsigned int n)
{
    n = (unsigned int)array_index_nospec(n, GPR_COUNT);
    return n == GPR_RSP ? vmx_get_rsp(v) : v->regs.gpr[n];
}

void vmx_set_gpr(struct hw_vcpu *v, unsigned int n, uint64_t value)
{
    n = (unsigned int)array_index_nospec(n, GPR_COUNT);
    v->regs.gpr[n] = value;
    if (n == GPR_RSP)
        vmx_set_rsp(v, value);
}

bool vmx_is_code64(struct hw_vcpu *v)
{
    return (cache_get(v, CACHED_CS_ATTR) & SEG_ATTR_L) && (vmx_get_efer(v) & EFER_LMA);
}

/* Single-stepping goes on after an instruction that was done for the guest (SDM 26.5.2), but not that from branch to
 * branch. */
static void finish_flags(struct hw_vcpu *v)
{
    uint64_t rflags = vmx_get_rflags(v);

    if (unlikely(rflags & RFLAGS_TF) && !(vmread64(GUEST_DEBUGCTL) & DEBUGCTL_BTF))
        vmwriten(GUEST_PENDING_DEBUG, vmreadn(GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
    if (rflags & RFLAGS_RF)
        vmx_set_rflags(v, rflags & ~RFLAGS_RF);
}

void vmx_skip(struct hw_vcpu *v, unsigned int length)
{
    uint64_t rip = vmx_get_rip(v), next = rip + length;
    uint64_t blocked = cache_get(v, CACHED_INTERRUPTIBILITY);

    if (((rip ^ next) >> 32) != 0 && !vmx_is_code64(v))
        next = (uint32_t)next;
    vmx_set_rip(v, next);
    if (blocked & BLOCKED_SHADOW)
        cache_set(v, CACHED_INTERRUPTIBILITY, blocked & ~(uint64_t)BLOCKED_SHADOW);
    finish_flags(v);
}

void vmx_get_seg(struct hw_vcpu *v, enum seg s, struct guest_seg *out)
{
    ASSERT(s < SEG_COUNT);
    out->selector = vmread16(seg_selector(s));
    out->limit = vmread32(seg_limit(s));
    out->base = vmreadn(seg_base(s));
    if (s == SEG_CS)
        out->attr = (uint32_t)cache_get(v, CACHED_CS_ATTR);
    else if (s == SEG_SS)
        out->attr = (uint32_t)cache_get(v, CACHED_SS_ATTR);
    else
        out->attr = vmread32(seg_attr(s));
}

void vmx_set_seg(struct hw_vcpu *v, enum seg s, const struct guest_seg *in)
{
    ASSERT(s < SEG_COUNT);
    vmwrite16(seg_selector(s), in->selector);
    vmwrite32(seg_limit(s), in->limit);
    vmwriten(seg_base(s), in->base);
    if (s == SEG_CS)
        cache_set(v, CACHED_CS_ATTR, in->attr);
    else if (s == SEG_SS)
        cache_set(v, CACHED_SS_ATTR, in->attr);
    else
        vmwrite32(seg_attr(s), in->attr);
}

void vmx_get_table(struct hw_vcpu *v unused_arg, bool idt, struct guest_table *out)
{
    out->base = vmreadn(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE);
    out->limit = vmread32(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT);
}

void vmx_set_table(struct hw_vcpu *v unused_arg, bool idt, const struct guest_table *in)
{
    vmwriten(idt ? GUEST_IDTR_BASE : GUEST_GDTR_BASE, in->base);
    vmwrite32(idt ? GUEST_IDTR_LIMIT : GUEST_GDTR_LIMIT, in->limit & 0xffff);
}

/* DR6 is not switched by hardware: while accesses do not exit, the CPU has the guest's. */
uint64_t vmx_get_dr6(struct hw_vcpu *v unused_arg) { return cpu_read_dr(6); }
void vmx_set_dr6(struct hw_vcpu *v unused_arg, uint64_t value) { cpu_write_dr(6, value); }

uint64_t vmx_get_dr7(struct hw_vcpu *v unused_arg) { return vmreadn(GUEST_DR7); }

void vmx_set_dr7(struct hw_vcpu *v unused_arg, uint64_t value)
{
    vmwriten(GUEST_DR7, (value & GUEST_DR7_VALID) | GUEST_DR7_ONE);
}

unsigned int vmx_get_cpl(struct hw_vcpu *v) { return SEG_ATTR_DPL(cache_get(v, CACHED_SS_ATTR)); }

static bool uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA);
}

void vmx_get_mode(struct hw_vcpu *v, struct guest_mode *out)
{
    uint64_t cs = cache_get(v, CACHED_CS_ATTR);

    *out = (struct guest_mode){
        .cr0 = vmx_get_cr(v, 0), .cr3 = vmx_get_cr(v, 3), .cr4 = vmx_get_cr(v, 4),
        .efer = vmx_get_efer(v), .rflags = vmx_get_rflags(v), .cpl = (uint8_t)vmx_get_cpl(v),
    };
    out->long_mode = out->efer & EFER_LMA;
    out->code64 = out->long_mode && (cs & SEG_ATTR_L);
    out->code32 = cs & SEG_ATTR_DB;
    if (!uses_pdptes(out->cr0, out->cr4, out->efer))
        return;
    out->pdpte[0] = vmread64(GUEST_PDPTE0);
    out->pdpte[1] = vmread64(GUEST_PDPTE1);
    out->pdpte[2] = vmread64(GUEST_PDPTE2);
    out->pdpte[3] = vmread64(GUEST_PDPTE3);
}
