/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSRs. Those that hardware switches live in the VMCS; STAR to TSC_AUX, which the hypervisor itself does not
 * use, stay in the CPU while the vCPU is loaded (live) and in struct vmx_state otherwise. And the bitmaps.
 */
#include <vmx/vmx.h>

#include "bits.h"
#include "cache.h"
#include "cpu.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <x86/cpu.h>

#define SPEC_CTRL_VALID 0x7ULL
#define MSR_HIGH 0xc0000000U
#define MSR_RANGE 0x2000U
#define BITMAP_READ_HIGH 0x400U
#define BITMAP_WRITE 0x800U

static const struct { uint32_t msr; size_t place; } swapped[] = {
    { MSR_IA32_KERNEL_GS_BASE, offsetof(struct vmx_state, kernel_gs_base) },
    { MSR_IA32_STAR, offsetof(struct vmx_state, star) },
    { MSR_IA32_LSTAR, offsetof(struct vmx_state, lstar) },
    { MSR_IA32_CSTAR, offsetof(struct vmx_state, cstar) },
    { MSR_IA32_FMASK, offsetof(struct vmx_state, sfmask) },
    { MSR_IA32_TSC_AUX, offsetof(struct vmx_state, tsc_aux) },      /* the last: not every CPU has it */
};

static unsigned int swapped_count(void)
{
    return vmx_features.rdtscp ? ARRAY_COUNT(swapped) : ARRAY_COUNT(swapped) - 1;
}

static uint64_t *place_of(struct hw_vcpu *v, unsigned int i)
{
    return (uint64_t *)(uintptr_t)((char *)vmx(v) + swapped[i].place);
}

void msrs_load(struct hw_vcpu *v)
{
    for (unsigned int i = 0; i < swapped_count(); i++)
        cpu_wrmsr(swapped[i].msr, *place_of(v, i));
    vmx(v)->live = true;
}

void msrs_save(struct hw_vcpu *v)
{
    for (unsigned int i = 0; i < swapped_count(); i++)
        *place_of(v, i) = cpu_rdmsr(swapped[i].msr);
    vmx(v)->live = false;
}

static bool get_swapped(struct hw_vcpu *v, uint32_t msr, uint64_t *value)
{
    for (unsigned int i = 0; i < swapped_count(); i++) {
        if (swapped[i].msr != msr)
            continue;
        *value = vmx(v)->live ? cpu_rdmsr(msr) : *place_of(v, i);
        return true;
    }
    return false;
}

static bool set_swapped(struct hw_vcpu *v, uint32_t msr, uint64_t value)
{
    for (unsigned int i = 0; i < swapped_count(); i++) {
        if (swapped[i].msr != msr)
            continue;
        if (!guest_swapped_msr_is_legal(msr, value))
            return false;
        *place_of(v, i) = value;
        if (vmx(v)->live)
            cpu_wrmsr(msr, value);
        return true;
    }
    return false;
}

bool vmx_get_msr(struct hw_vcpu *v, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_IA32_FS_BASE: *value = vmreadn(GUEST_FS_BASE); return true;
    case MSR_IA32_GS_BASE: *value = vmreadn(GUEST_GS_BASE); return true;
    case MSR_IA32_SYSENTER_CS: *value = vmread32(GUEST_SYSENTER_CS); return true;
    case MSR_IA32_SYSENTER_ESP: *value = vmreadn(GUEST_SYSENTER_ESP); return true;
    case MSR_IA32_SYSENTER_EIP: *value = vmreadn(GUEST_SYSENTER_EIP); return true;
    case MSR_IA32_PAT: *value = vmread64(GUEST_PAT); return true;
    case MSR_IA32_EFER: *value = vmx_get_efer(v); return true;
    case MSR_IA32_DEBUGCTL: *value = vmread64(GUEST_DEBUGCTL); return true;
    case MSR_IA32_SPEC_CTRL: *value = v->spec_ctrl; return vmx_features.spec_ctrl;
    default: return get_swapped(v, msr, value);
    }
}

static bool set_base(struct vmcs_nat field, uint64_t value)
{
    if (!guest_is_canonical(value))
        return false;
    vmwriten(field, value);
    return true;
}

static bool set_pat(uint64_t value)
{
    if (!guest_pat_is_legal(value))
        return false;
    vmwrite64(GUEST_PAT, value);
    return true;
}

/* Branch records are not offered: the bit that asks for them is dropped. */
static bool set_debugctl(uint64_t value)
{
    if (value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
        return false;
    vmwrite64(GUEST_DEBUGCTL, value & DEBUGCTL_BTF);
    return true;
}

static bool set_spec_ctrl(struct hw_vcpu *v, uint64_t value)
{
    if (!vmx_features.spec_ctrl || (value & ~SPEC_CTRL_VALID))
        return false;
    v->spec_ctrl = value;
    return true;
}

bool vmx_set_msr(struct hw_vcpu *v, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_IA32_FS_BASE: return set_base(GUEST_FS_BASE, value);
    case MSR_IA32_GS_BASE: return set_base(GUEST_GS_BASE, value);
    case MSR_IA32_SYSENTER_CS: vmwrite32(GUEST_SYSENTER_CS, (uint32_t)value); return true;
    case MSR_IA32_SYSENTER_ESP: return set_base(GUEST_SYSENTER_ESP, value);
    case MSR_IA32_SYSENTER_EIP: return set_base(GUEST_SYSENTER_EIP, value);
    case MSR_IA32_PAT: return set_pat(value);
    case MSR_IA32_EFER: return vmx_set_efer(v, value);
    case MSR_IA32_DEBUGCTL: return set_debugctl(value);
    case MSR_IA32_SPEC_CTRL: return set_spec_ctrl(v, value);
    default: return set_swapped(v, msr, value);
    }
}

static void set_exit(uint8_t *bitmap, unsigned int bit, bool exits)
{
    uint8_t mask = (uint8_t)(1U << (bit % 8));

    if (exits)
        bitmap[bit / 8] |= mask;
    else
        bitmap[bit / 8] &= (uint8_t)~mask;
}

void vmx_msr_bitmap_allow(uint8_t *bitmap, uint32_t msr, bool read, bool write)
{
    unsigned int base = msr >= MSR_HIGH ? BITMAP_READ_HIGH : 0;
    uint32_t index = msr >= MSR_HIGH ? msr - MSR_HIGH : msr;

    if (index >= MSR_RANGE)
        return;             /* has no bit: always exits */
    if (read)
        set_exit(bitmap + base, index, false);
    if (write)
        set_exit(bitmap + base + BITMAP_WRITE, index, false);
}

void vmx_io_bitmap_allow(uint8_t *bitmap, uint16_t first, uint16_t last)
{
    for (unsigned int port = first; port <= last; port++)
        set_exit(bitmap, port, false);
}
