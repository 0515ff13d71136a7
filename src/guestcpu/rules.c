/* SPDX-License-Identifier: BSD-2-Clause */
#include <guestcpu/rules.h>

#include <hv/compiler.h>

#define CR3_PCID 0xfffULL
#define EFER_VALID (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define MSR_LSTAR 0xc0000082U
#define MSR_CSTAR 0xc0000083U
#define MSR_FMASK 0xc0000084U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX 0xc0000103U

bool guest_cr0_is_legal(const struct guest_control *old, uint64_t value)
{
    if ((value >> 32) != 0 || ((value & CR0_PG) && !(value & CR0_PE)) ||
        ((value & CR0_NW) && !(value & CR0_CD)))
        return false;
    if (!(old->cr0 & CR0_PG) && (value & CR0_PG) && (old->efer & EFER_LME))
        return (old->cr4 & CR4_PAE) && !old->cs_long;
    if ((old->cr0 & CR0_PG) && !(value & CR0_PG))
        return !(old->cr4 & CR4_PCIDE) && !((old->efer & EFER_LMA) && old->cs_long);
    return true;
}

bool guest_cr4_is_legal(const struct guest_control *old, uint64_t value)
{
    bool lma = old->efer & EFER_LMA;

    if (lma && !(value & CR4_PAE))
        return false;
    return !((value & ~old->cr4 & CR4_PCIDE) && (!lma || (old->cr3 & CR3_PCID)));
}

bool guest_efer_is_legal(const struct guest_control *old, uint64_t value)
{
    return !(value & ~EFER_VALID) && !((old->cr0 & CR0_PG) && ((old->efer ^ value) & EFER_LME));
}

/* SDM table 12-10: UC, WC, WT, WP, WB, UC- */
bool guest_pat_is_legal(uint64_t value)
{
    for (unsigned int i = 0; i < 8; i++) {
        uint64_t type = (value >> (i * 8)) & 0xff;

        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    return true;
}

bool guest_is_canonical(uint64_t a) { return (uint64_t)((int64_t)(a << 16) >> 16) == a; }

bool guest_swapped_msr_is_legal(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_KERNEL_GS_BASE:
    case MSR_LSTAR:
    case MSR_CSTAR: return guest_is_canonical(value);
    case MSR_FMASK:
    case MSR_TSC_AUX: return value >> 32 == 0;
    default: return true;
    }
}

static bool is_contributory(unsigned int vector)
{
    return vector == X86_DE || (vector >= X86_TS && vector <= X86_GP) || vector == X86_CP;
}

bool guest_event_merge(const struct hv_event *first, const struct hv_event *second, struct hv_event *out)
{
    bool faults_again = is_contributory(second->vector) || second->vector == X86_PF;

    *out = *second;
    if (!first->valid || first->type != EVENT_HW_EXCEPTION)
        return true;
    if (first->vector == X86_DF && faults_again)
        return false;
    if ((is_contributory(first->vector) && is_contributory(second->vector)) ||
        (first->vector == X86_PF && faults_again))
        *out = (struct hv_event){ .valid = true, .vector = X86_DF, .type = EVENT_HW_EXCEPTION,
                                  .has_error = true };
    return true;
}

/* SDM table 6-1 */
bool guest_vector_has_error(unsigned int vector)
{
    const uint32_t with_error = 1U << X86_DF | 1U << X86_TS | 1U << X86_NP | 1U << X86_SS | 1U << X86_GP |
                                1U << X86_PF | 1U << X86_AC | 1U << X86_CP;

    return vector < 32 && ((with_error >> vector) & 1);
}
