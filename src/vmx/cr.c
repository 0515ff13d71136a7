/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control registers and EFER. For each bit of CR0 and CR4 either the guest owns it (its value is in
 * the register, changes do not exit) or we do (mask bit set: the guest sees the shadow, a change exits).
 *
 * Ours in CR0: NE (fixed to one in VMX operation), CD and NW (with EPT the memory types are the
 * tables' business, the caches stay on) and what does not exist. PE and PG are the guest's: with unrestricted
 * guest the CPU does all that a change of mode asks for, PDPTEs, EFER.LMA and the entry control included.
 * Ours in CR4: VMXE (one, hidden), MCE (stays on: a machine check is the host's) and what is not allowed.
 */
#include <vmx/vmx.h>

#include "bits.h"
#include "cache.h"
#include "caps.h"
#include "cpu.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>

#define CR0_GUEST (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_WP | CR0_AM | CR0_PG)
#define CR0_VALID (CR0_GUEST | CR0_NE | CR0_NW | CR0_CD)
#define PDPTE_RESERVED (0xfff00000000001e6ULL)
#define PDPTE_PRESENT 0x1ULL

uint64_t cr4_allowed(const struct hw_vcpu *v)
{
    uint64_t all = GUEST_CR4_VIRTUALISED & vmx_setup.cr4_fixed1;

    return v->config.cr4_allowed != 0 ? v->config.cr4_allowed & all : all;
}

uint64_t vmx_get_cr(struct hw_vcpu *v, unsigned int n)
{
    switch (n) {
    case 0:
        return (cache_get(v, CACHED_CR0) & ~vmx(v)->cr0_shadow_mask) |
               (vmreadn(CTL_CR0_SHADOW) & vmx(v)->cr0_shadow_mask);
    case 3:
        return cache_get(v, CACHED_CR3);
    case 4:
        return (cache_get(v, CACHED_CR4) & ~vmx(v)->cr4_shadow_mask) |
               (vmreadn(CTL_CR4_SHADOW) & vmx(v)->cr4_shadow_mask);
    default:
        ASSERT(false);
        return 0;
    }
}

uint64_t vmx_get_efer(struct hw_vcpu *v) { return cache_get(v, CACHED_EFER); }

/* EFER.LMA and the entry control are one bit in two places (SDM 27.3.1.1). */
static void write_efer(struct hw_vcpu *v, uint64_t efer)
{
    uint32_t entry = vmread32(CTL_ENTRY);
    uint32_t wanted = efer & EFER_LMA ? entry | ENTRYCTL_IA32E : entry & ~ENTRYCTL_IA32E;

    cache_set(v, CACHED_EFER, efer);
    if (wanted != entry)
        vmwrite32(CTL_ENTRY, wanted);
}

static void write_cr0(struct hw_vcpu *v, uint64_t value)
{
    uint64_t real = (value & CR0_GUEST) | CR0_ET | (vmx_setup.cr0_fixed0 & ~(CR0_PE | CR0_PG));

    vmwriten(CTL_CR0_SHADOW, value & CR0_VALID);
    cache_set(v, CACHED_CR0, real);
}

static void write_cr4(struct hw_vcpu *v, uint64_t value)
{
    vmwriten(CTL_CR4_SHADOW, value);
    cache_set(v, CACHED_CR4, (value & cr4_allowed(v)) | vmx_setup.cr4_fixed0 | CR4_VMXE |
              (CR4_MCE & vmx_setup.cr4_fixed1));
}

static bool cs_is_64bit(struct hw_vcpu *v) { return cache_get(v, CACHED_CS_ATTR) & SEG_ATTR_L; }

static struct guest_control control_of(struct hw_vcpu *v)
{
    return (struct guest_control){ .cr0 = vmx_get_cr(v, 0), .cr3 = vmx_get_cr(v, 3), .cr4 = vmx_get_cr(v, 4),
                                   .efer = vmx_get_efer(v), .cs_long = cs_is_64bit(v) };
}

static bool set_cr0(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);
    uint64_t old = now.cr0, efer = now.efer;

    if (!guest_cr0_is_legal(&now, value))
        return false;
    value = (value & CR0_VALID) | CR0_ET;
    if ((old ^ value) & CR0_PG) {
        if (efer & EFER_LME)
            write_efer(v, value & CR0_PG ? efer | EFER_LMA : efer & ~EFER_LMA);
        v->pdptes_wanted = value & CR0_PG;
    }
    write_cr0(v, value);
    if ((old ^ value) & GUEST_CR0_FLUSHES)
        vmx_invvpid(v->config.vpid);
    return true;
}

static bool set_cr3(struct hw_vcpu *v, uint64_t value)
{
    bool lma = vmx_get_efer(v) & EFER_LMA;

    if (!lma)
        value = (uint32_t)value;
    else if (vmx_get_cr(v, 4) & CR4_PCIDE)
        value &= ~GUEST_CR3_NO_FLUSH;
    if (value >> 52)
        return false;
    cache_set(v, CACHED_CR3, value);
    v->pdptes_wanted = true;
    vmx_invvpid(v->config.vpid);
    return true;
}

static bool set_cr4(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);
    uint64_t old = now.cr4;

    if ((value & ~cr4_allowed(v)) || !guest_cr4_is_legal(&now, value))
        return false;
    if ((old ^ value) & CR4_PAE)
        v->pdptes_wanted = value & CR4_PAE;
    write_cr4(v, value);
    if ((old ^ value) & GUEST_CR4_FLUSHES)
        vmx_invvpid(v->config.vpid);
    return true;
}

bool vmx_set_cr(struct hw_vcpu *v, unsigned int n, uint64_t value)
{
    switch (n) {
    case 0: return set_cr0(v, value);
    case 3: return set_cr3(v, value);
    case 4: return set_cr4(v, value);
    default: return false;
    }
}

bool vmx_pdptes_wanted(const struct hw_vcpu *v)
{
    struct hw_vcpu *w = (struct hw_vcpu *)(uintptr_t)v;     /* reading fills the cache */

    return v->pdptes_wanted && (vmx_get_cr(w, 0) & CR0_PG) && (vmx_get_cr(w, 4) & CR4_PAE) &&
           !(vmx_get_efer(w) & EFER_LMA);
}

bool vmx_set_pdptes(struct hw_vcpu *v, const uint64_t pdpte[4])
{
    for (unsigned int i = 0; i < 4; i++)
        if ((pdpte[i] & PDPTE_PRESENT) && (pdpte[i] & PDPTE_RESERVED))
            return false;
    vmwrite64(GUEST_PDPTE0, pdpte[0]);
    vmwrite64(GUEST_PDPTE1, pdpte[1]);
    vmwrite64(GUEST_PDPTE2, pdpte[2]);
    vmwrite64(GUEST_PDPTE3, pdpte[3]);
    v->pdptes_wanted = false;
    return true;
}

/* LMA as written is ignored: it follows LME and paging. */
bool vmx_set_efer(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);
    uint64_t old = now.efer;

    if (!guest_efer_is_legal(&now, value))
        return false;
    value = (value & ~EFER_LMA) | (old & EFER_LMA);
    write_efer(v, value);
    if ((old ^ value) & EFER_NXE)
        vmx_invvpid(v->config.vpid);
    return true;
}
