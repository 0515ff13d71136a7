/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole states that a vCPU starts from: power-up, start-up IPI, PVH. */
#include <vmx/vmx.h>

#include "bits.h"
#include "cache.h"
#include "cpu.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <lib/string.h>

#define ATTR_CODE16 0x9bU        /* present, code, readable, accessed */
#define ATTR_DATA16 0x93U        /* present, data, writable, accessed */
#define ATTR_CODE32 0xc09bU      /* the same with G and D */
#define ATTR_DATA32 0xc093U
#define ATTR_LDT 0x82U
#define ATTR_TSS_BUSY 0x8bU      /* a TR that is loaded is busy (SDM 27.3.1.2) */
#define RESET_CPU_SIGNATURE 0x600U
#define RESET_CR0 (CR0_CD | CR0_NW | CR0_ET)

static const enum seg data_segs[] = { SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

static void set_masks(struct hw_vcpu *v)
{
    vmx(v)->cr0_shadow_mask = ~(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_PG);
    vmx(v)->cr4_shadow_mask = ~cr4_allowed(v) | CR4_MCE;
    vmwriten(CTL_CR0_MASK, vmx(v)->cr0_shadow_mask);
    vmwriten(CTL_CR4_MASK, vmx(v)->cr4_shadow_mask);
}

/* A state that is being written as a whole has no illegal steps. */
static void must(bool ok) { BUG_ON(!ok); }

static void set_control_registers(struct hw_vcpu *v, uint64_t cr0)
{
    vmwrite32(CTL_ENTRY, vmread32(CTL_ENTRY) & ~ENTRYCTL_IA32E);
    cache_set(v, CACHED_EFER, 0);
    cache_set(v, CACHED_CR0, 0);
    cache_set(v, CACHED_CR3, 0);
    cache_set(v, CACHED_CR4, 0);
    vmwriten(CTL_CR0_SHADOW, 0);
    vmwriten(CTL_CR4_SHADOW, 0);
    must(vmx_set_cr(v, 4, 0));
    must(vmx_set_cr(v, 0, cr0));
    v->pdptes_wanted = false;
    for (unsigned int i = 0; i < 4; i++)
        vmcs_write((uint16_t)(GUEST_PDPTE0.encoding + 2 * i), 0);
}

static void set_segments(struct hw_vcpu *v, const struct guest_seg *code, const struct guest_seg *data)
{
    struct guest_seg ldt = { .limit = 0xffff, .attr = ATTR_LDT };

    vmx_set_seg(v, SEG_CS, code);
    for (unsigned int i = 0; i < ARRAY_COUNT(data_segs); i++)
        vmx_set_seg(v, data_segs[i], data);
    vmx_set_seg(v, SEG_LDTR, &ldt);
}

static void set_tss(struct hw_vcpu *v, uint32_t limit)
{
    struct guest_seg tss = { .limit = limit, .attr = ATTR_TSS_BUSY };

    vmx_set_seg(v, SEG_TR, &tss);
}

static void set_tables(struct hw_vcpu *v)
{
    struct guest_table t = { .base = 0, .limit = 0xffff };

    vmx_set_table(v, false, &t);
    vmx_set_table(v, true, &t);
}

static void reset_rest(struct hw_vcpu *v)
{
    cache_set(v, CACHED_INTERRUPTIBILITY, 0);
    vmwrite32(GUEST_ACTIVITY, 0);
    vmwriten(GUEST_PENDING_DEBUG, 0);
    vmwriten(GUEST_DR7, 0x400);
    vmwrite64(GUEST_DEBUGCTL, 0);
    vmwrite64(GUEST_PAT, GUEST_RESET_PAT);
    vmwrite32(GUEST_SYSENTER_CS, 0);
    vmwriten(GUEST_SYSENTER_ESP, 0);
    vmwriten(GUEST_SYSENTER_EIP, 0);
    v->event.valid = false;
    v->triple_fault = false;
}

void vmx_reset(struct hw_vcpu *v)
{
    struct guest_seg code = { 0xf000, 0xffff, ATTR_CODE16, 0xffff0000 };
    struct guest_seg data = { 0, 0xffff, ATTR_DATA16, 0 };

    cache_forget(v);
    set_masks(v);
    set_segments(v, &code, &data);
    set_tss(v, 0xffff);
    set_tables(v);
    set_control_registers(v, RESET_CR0);
    reset_rest(v);
    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rdx = RESET_CPU_SIGNATURE;
    vmx_set_rflags(v, 0);
    vmx_set_rsp(v, 0);
    vmx_set_rip(v, 0xfff0);
}

void vmx_set_sipi(struct hw_vcpu *v, uint8_t vector)
{
    struct guest_seg code = { (uint16_t)(vector << 8), 0xffff, ATTR_CODE16, (uint64_t)vector << 12 };

    vmx_reset(v);
    vmx_set_seg(v, SEG_CS, &code);
    vmx_set_rip(v, 0);
}

void vmx_set_pvh_entry(struct hw_vcpu *v, uint32_t eip, uint32_t ebx)
{
    struct guest_seg code = { 0, UINT32_MAX, ATTR_CODE32, 0 };
    struct guest_seg data = { 0, UINT32_MAX, ATTR_DATA32, 0 };

    vmx_reset(v);
    set_segments(v, &code, &data);
    set_tss(v, 0x67);
    must(vmx_set_cr(v, 0, CR0_PE | CR0_ET));
    memset(&v->regs, 0, sizeof(v->regs));
    v->regs.rbx = ebx;
    vmx_set_rip(v, eip);
}
