/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state of a vCPU that is not running, in and out of records: the 512 bytes of FXSAVE in the CPU record, and the
 * XSAVE record. The CPU gets what a toolstack wrote by XRSTOR, which must not fault: header and MXCSR are checked here.
 * Source: SDM vol. 1 chapter 13.
 */
#include "vcpu_context.h"

#include <hv/errno.h>
#include <lib/string.h>
#include <x86/cpu.h>

#define LEGACY_SIZE 512U
#define HEADER_SIZE 64U
#define X87 1ULL
#define SSE 2ULL
#define FCW_INIT 0x37fU
#define MXCSR_INIT 0x1f80U
#define MXCSR_DEFINED 0xffffU
#define MXCSR_AT 24U
#define XMM_AT 160U
#define XMM_END 416U

/* The first 512 bytes, and the 64 behind them. */
struct xsave_area {
    uint8_t legacy[LEGACY_SIZE];
    struct hvm_hw_cpu_xsave_hdr header;
};

static struct xsave_area *area_of(const struct vcpu *v)
{
    return v->xsave;
}

void vcpu_fpu_save(const struct vcpu *v, char to[LEGACY_SIZE])
{
    const struct xsave_area *a = area_of(v);
    uint16_t fcw = FCW_INIT;

    memcpy(to, a->legacy, LEGACY_SIZE);
    /* A component in its initial state need not be in memory. */
    if (!(a->header.xstate_bv & X87)) {
        memset(to, 0, MXCSR_AT);
        memset(to + MXCSR_AT + 8, 0, XMM_AT - MXCSR_AT - 8);
        memcpy(to, &fcw, sizeof(fcw));
    }
    if (!(a->header.xstate_bv & SSE))
        memset(to + XMM_AT, 0, XMM_END - XMM_AT);
}

static void clean_mxcsr(struct xsave_area *a)
{
    uint32_t mxcsr;

    memcpy(&mxcsr, a->legacy + MXCSR_AT, sizeof(mxcsr));
    mxcsr &= MXCSR_DEFINED;
    memcpy(a->legacy + MXCSR_AT, &mxcsr, sizeof(mxcsr));
}

void vcpu_fpu_load(struct vcpu *v, const char *from)
{
    struct xsave_area *a = area_of(v);
    uint16_t fcw = FCW_INIT;
    uint32_t mxcsr = MXCSR_INIT;

    memset(&a->header, 0, sizeof(a->header));
    if (from) {
        memcpy(a->legacy, from, LEGACY_SIZE);
        a->header.xstate_bv = X87 | SSE;
        clean_mxcsr(a);
        return;
    }
    memset(a->legacy, 0, LEGACY_SIZE);
    memcpy(a->legacy, &fcw, sizeof(fcw));
    memcpy(a->legacy + MXCSR_AT, &mxcsr, sizeof(mxcsr));
}

/* ---- the whole ---- */

static uint64_t components(const struct vcpu *v)
{
    return cpuid_policy_xcr0_allowed(&v->domain->cpuid) & host_xcr0();
}

/* Size of the standard form; the machine's own numbers, whatever the domain was told. */
static uint32_t area_size(uint64_t mask)
{
    uint32_t size = LEGACY_SIZE + HEADER_SIZE;

    for (unsigned int i = 2; i < 63; i++)
        if (mask >> i & 1) {
            struct cpuid_regs r = cpu_cpuid(0xd, i);

            size = max_of(size, r.ebx + r.eax);
        }
    return size;
}

uint32_t vcpu_xsave_length(const struct vcpu *v)
{
    uint64_t mask = components(v);
    uint32_t length = (uint32_t)offsetof(struct hvm_hw_cpu_xsave, save_area) + area_size(mask);

    return mask != 0 && v->xsave && length <= XSAVE_RECORD_MAX ? length : 0;
}

void vcpu_xsave_save(const struct vcpu *v, struct hvm_hw_cpu_xsave *to)
{
    to->xfeature_mask = components(v);
    to->xcr0 = v->hw.guest_xcr0;
    to->xcr0_accum = components(v);
    memcpy(&to->save_area, v->xsave, vcpu_xsave_length(v) - offsetof(struct hvm_hw_cpu_xsave, save_area));
    vcpu_fpu_save(v, to->save_area.fpu_sse.x);
}

int vcpu_xsave_load(struct vcpu *v, const struct hvm_hw_cpu_xsave *from, uint32_t length)
{
    const struct hvm_hw_cpu_xsave_hdr *h = &from->save_area.xsave_hdr;
    uint32_t at = offsetof(struct hvm_hw_cpu_xsave, save_area);
    uint64_t mask = components(v);

    if (length < at + LEGACY_SIZE + HEADER_SIZE || length > vcpu_xsave_length(v) ||
        !cpuid_policy_xcr0_valid(&v->domain->cpuid, from->xcr0) || (from->xcr0 & ~mask) ||
        (h->xstate_bv & ~mask) || length - at < area_size(h->xstate_bv) || h->xcomp_bv)
        return -EINVAL;
    for (unsigned int i = 0; i < ARRAY_COUNT(h->reserved); i++)
        if (h->reserved[i])
            return -EINVAL;
    memcpy(v->xsave, &from->save_area, length - at);
    clean_mxcsr(area_of(v));
    v->hw.guest_xcr0 = from->xcr0;
    return 0;
}
