/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSRs. All that a 64-bit system call needs is in the VMCB after each exit (VMSAVE); TSC_AUX and the TSC ratio stay in
 * the CPU while the vCPU is loaded. And the permission maps (APM 15.10, 15.11).
 */
#include <svm/svm.h>

#include "caps.h"
#include "state.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <x86/cpu.h>

#define SPEC_CTRL_VALID 0x7ULL
#define RATIO_SHIFT 16U              /* 16.48 to 8.32 */
#define MSR_RANGE 0x2000U
#define MAP_BYTES 0x800U             /* of one range: two bits per MSR */

void svm_msrs_load(struct hw_vcpu *v)
{
    if (svm_features.rdtscp)
        cpu_wrmsr(MSR_TSC_AUX, svm(v)->tsc_aux);
    if (unlikely(svm(v)->tsc_ratio != TSC_RATIO_ONE))
        cpu_wrmsr(MSR_TSC_RATIO, svm(v)->tsc_ratio);
}

void svm_msrs_save(struct hw_vcpu *v)
{
    if (svm_features.rdtscp)
        svm(v)->tsc_aux = cpu_rdmsr(MSR_TSC_AUX);
    if (unlikely(svm(v)->tsc_ratio != TSC_RATIO_ONE))
        cpu_wrmsr(MSR_TSC_RATIO, TSC_RATIO_ONE);
}

static bool is_loaded(const struct hw_vcpu *v) { return svm(v)->loaded_on != -1; }

/* Where a register is that has nothing special about it. */
static uint64_t *place(struct vmcb *b, uint32_t msr)
{
    switch (msr) {
    case MSR_FS_BASE: return &b->fs.base;
    case MSR_GS_BASE: return &b->gs.base;
    case MSR_KERNEL_GS_BASE: return &b->kernel_gs_base;
    case MSR_SYSENTER_CS: return &b->sysenter_cs;
    case MSR_SYSENTER_ESP: return &b->sysenter_esp;
    case MSR_SYSENTER_EIP: return &b->sysenter_eip;
    case MSR_STAR: return &b->star;
    case MSR_LSTAR: return &b->lstar;
    case MSR_CSTAR: return &b->cstar;
    case MSR_SFMASK: return &b->sfmask;
    default: return NULL;
    }
}

static bool place_takes(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP: return guest_is_canonical(value);
    default: return guest_swapped_msr_is_legal(msr, value);
    }
}

static bool get_tsc_aux(struct hw_vcpu *v, uint64_t *value)
{
    *value = is_loaded(v) && svm_features.rdtscp ? cpu_rdmsr(MSR_TSC_AUX) : svm(v)->tsc_aux;
    return svm_features.rdtscp;
}

bool svm_get_msr(struct hw_vcpu *v, uint32_t msr, uint64_t *value)
{
    const uint64_t *at = place(vmcb_of(v), msr);

    if (at != NULL) {
        *value = *at;
        return true;
    }
    switch (msr) {
    case MSR_PAT: *value = vmcb_of(v)->pat; return true;
    case MSR_EFER: *value = svm_get_efer(v); return true;
    case MSR_DEBUGCTL: *value = vmcb_of(v)->debugctl; return true;
    case MSR_SPEC_CTRL: *value = v->spec_ctrl; return svm_features.spec_ctrl;
    case MSR_TSC_AUX: return get_tsc_aux(v, value);
    default: return false;
    }
}

static bool set_tsc_aux(struct hw_vcpu *v, uint64_t value)
{
    if (!svm_features.rdtscp || !guest_swapped_msr_is_legal(MSR_TSC_AUX, value))
        return false;
    svm(v)->tsc_aux = value;
    if (is_loaded(v))
        cpu_wrmsr(MSR_TSC_AUX, value);
    return true;
}

static bool set_pat(struct hw_vcpu *v, uint64_t value)
{
    if (!guest_pat_is_legal(value))
        return false;
    vmcb_of(v)->pat = value;
    vmcb_touch(vmcb_of(v), CLEAN_NESTED);
    return true;
}

/* Branch records are not offered: the bit that asks for them is dropped. */
static bool set_debugctl(struct hw_vcpu *v, uint64_t value)
{
    if (value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
        return false;
    vmcb_of(v)->debugctl = value & DEBUGCTL_BTF;
    vmcb_touch(vmcb_of(v), CLEAN_LBR);
    return true;
}

static bool set_spec_ctrl(struct hw_vcpu *v, uint64_t value)
{
    if (!svm_features.spec_ctrl || (value & ~SPEC_CTRL_VALID))
        return false;
    v->spec_ctrl = value;
    return true;
}

bool svm_set_msr(struct hw_vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t *at = place(vmcb_of(v), msr);

    if (at != NULL) {
        if (!place_takes(msr, value))
            return false;
        *at = msr == MSR_SYSENTER_CS ? (uint32_t)value : value;
        return true;
    }
    switch (msr) {
    case MSR_PAT: return set_pat(v, value);
    case MSR_EFER: return svm_set_efer(v, value);
    case MSR_DEBUGCTL: return set_debugctl(v, value);
    case MSR_SPEC_CTRL: return set_spec_ctrl(v, value);
    case MSR_TSC_AUX: return set_tsc_aux(v, value);
    default: return false;
    }
}

void svm_set_tsc_offset(struct hw_vcpu *v, uint64_t offset)
{
    vmcb_of(v)->tsc_offset = offset;
    vmcb_touch(vmcb_of(v), CLEAN_INTERCEPTS);
}

void svm_set_tsc_multiplier(struct hw_vcpu *v, uint64_t multiplier)
{
    if (!svm_features.tsc_ratio)
        return;
    svm(v)->tsc_ratio = multiplier >> RATIO_SHIFT;
    if (is_loaded(v))
        cpu_wrmsr(MSR_TSC_RATIO, svm(v)->tsc_ratio);
}

void svm_set_rdtsc_exits(struct hw_vcpu *v, bool exits)
{
    struct vmcb *b = vmcb_of(v);

    b->intercepts1 = (uint32_t)(exits ? b->intercepts1 | SVM1_RDTSC : b->intercepts1 & ~SVM1_RDTSC);
    b->intercepts2 = (uint32_t)(exits ? b->intercepts2 | SVM2_RDTSCP : b->intercepts2 & ~SVM2_RDTSCP);
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

/* Three ranges have bits; what is in none always exits. */
static int range_of(uint32_t msr)
{
    static const uint32_t first[] = { 0, 0xc0000000U, 0xc0010000U };

    for (int i = 0; i < (int)ARRAY_COUNT(first); i++)
        if (msr - first[i] < MSR_RANGE)
            return i;
    return -1;
}

void svm_msr_bitmap_allow(uint8_t *bitmap, uint32_t msr, bool read, bool write)
{
    int range = range_of(msr);
    unsigned int bit = 2 * (msr & (MSR_RANGE - 1));
    uint8_t *at;

    if (range < 0)
        return;
    at = bitmap + (unsigned int)range * MAP_BYTES + bit / 8;
    if (read)
        *at &= (uint8_t)~(1U << (bit % 8));
    if (write)
        *at &= (uint8_t)~(2U << (bit % 8));
}

/* Without AVIC the CPU virtualises no register of the x2APIC. */
void svm_msr_bitmap_x2apic(uint8_t *bitmap unused_arg) { }

void svm_io_bitmap_allow(uint8_t *bitmap, uint16_t first, uint16_t last)
{
    for (unsigned int port = first; port <= last; port++)
        bitmap[port / 8] &= (uint8_t)~(1U << (port % 8));
}
