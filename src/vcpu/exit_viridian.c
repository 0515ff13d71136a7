/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs from 0x40000000: Xen's hypercall page, and what Windows finds there if the toolstack has switched it on (pvhvm/viridian.h). */
#include "exits.h"

#include <lib/log.h>
#include <pvhvm/viridian.h>
#include <pvhvm/xen_cpuid.h>
#include <x86/cpu.h>
#include <x86/time.h>

#define APIC_HZ (1000000000UL / VLAPIC_TICK_NS)

static uint64_t features(const struct vcpu *v) { return domain_enlightenments(v->domain); }

void viridian_cpuid_leaf(const struct vcpu *v, uint32_t leaf, uint32_t out[4])
{
    const struct viridian_cpuid info = {
        .features = features(v),
        .guest_os_id = v->domain->viridian.guest_os_id,
        .max_vcpus = v->domain->max_vcpus,
        .apic_by_msr = !v->lapic.hw_delivery,
    };

    viridian_cpuid_read(leaf, &info, out);
}

/* ---- pages, which are filled in the guest's own memory ---- */

typedef void page_filler(const struct vcpu *v, void *page);

static void fill_xen(const struct vcpu *v unused_arg, void *page) { xen_hypercall_page_fill(page, hw_features.hypercall_insn); }
static void fill_hypercall(const struct vcpu *v unused_arg, void *page) { viridian_hypercall_page_fill(page, hw_features.hypercall_insn); }
static void fill_tsc(const struct vcpu *v, void *page) { viridian_tsc_page_fill(page, v->domain->tsc.khz); }
/* Nothing pends: an EOI is always needed. */
static void fill_assist(const struct vcpu *v unused_arg, void *page) { *(uint32_t *)page = 0; }

static bool fill(const struct vcpu *v, uint64_t where, page_filler *filler)
{
    mfn_t m;
    void *page = domain_map_page(v->domain, gfn_of(where >> PAGE_SHIFT), &m);

    if (!page)
        return false;
    filler(v, page);
    domain_unmap_page(page, m);
    return true;
}

static bool set_page(const struct vcpu *v, uint64_t *msr, uint64_t value, page_filler *filler)
{
    if ((value & VIRIDIAN_PAGE_ENABLED) && !fill(v, value, filler))
        return false;
    *msr = value;
    return true;
}

static bool set_xen_page(struct vcpu *v, uint64_t value)
{
    if ((value & ~PAGE_MASK) || !fill(v, value, fill_xen))
        return false;
    domain_set_shared_layout(v->domain, !hw_is_code64(&v->hw));
    return true;
}

/* Only who has said who it is gets one. */
static bool set_hypercall_page(struct vcpu *v, uint64_t value)
{
    struct viridian *s = &v->domain->viridian;

    if (s->hypercall & VIRIDIAN_PAGE_LOCKED)
        return true;
    return set_page(v, &s->hypercall, s->guest_os_id ? value : value & ~VIRIDIAN_PAGE_ENABLED, fill_hypercall);
}

static bool set_os_id(struct vcpu *v, uint64_t value)
{
    struct viridian *s = &v->domain->viridian;

    s->guest_os_id = value;
    if (value == 0)
        s->hypercall &= ~VIRIDIAN_PAGE_ENABLED;
    return true;
}

/* ---- the local APIC ---- */

static bool apic_write(struct vcpu *v, uint16_t offset, uint32_t value)
{
    struct vlapic_effect e = { 0 };

    if (vlapic_is_x2apic(&v->lapic))
        return vcpu_wrmsr_x2apic(v, VLAPIC_X2APIC_MSR(offset), value);
    (void)vlapic_write(&v->lapic, offset, value, time_now(), &e);
    vcpu_apic_effect(v, &e);
    return true;
}

/* High half: the destination. */
static bool send_ipi(struct vcpu *v, uint64_t icr)
{
    if (vlapic_is_x2apic(&v->lapic))
        return vcpu_wrmsr_x2apic(v, VLAPIC_X2APIC_MSR(VLAPIC_REG_ICR), icr);
    return apic_write(v, VLAPIC_REG_ICR2, (uint32_t)(icr >> 32)) && apic_write(v, VLAPIC_REG_ICR, (uint32_t)icr);
}

static bool read_icr(struct vcpu *v, uint64_t *value)
{
    uint32_t high = 0, low = 0;

    if (vlapic_is_x2apic(&v->lapic))
        return vlapic_rdmsr(&v->lapic, VLAPIC_X2APIC_MSR(VLAPIC_REG_ICR), time_now(), value);
    (void)vlapic_read(&v->lapic, VLAPIC_REG_ICR2, time_now(), &high);
    (void)vlapic_read(&v->lapic, VLAPIC_REG_ICR, time_now(), &low);
    *value = (uint64_t)high << 32 | low;
    return true;
}

/* ---- MSRs ---- */

static bool viridian_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct viridian *s = &v->domain->viridian;
    const struct guest_tsc *t = &v->domain->tsc;

    switch (msr) {
    case VIRIDIAN_GUEST_OS_ID: *value = s->guest_os_id; return true;
    case VIRIDIAN_HYPERCALL: *value = s->hypercall; return true;
    case VIRIDIAN_VP_INDEX: *value = v->id; return true;
    case VIRIDIAN_TIME_REF_COUNT: *value = viridian_reference_time(guest_tsc_at(t, cpu_rdtsc()), t->khz); return true;
    case VIRIDIAN_REFERENCE_TSC: *value = s->reference_tsc; return true;
    case VIRIDIAN_TSC_FREQUENCY: *value = t->khz * 1000ULL; return true;
    case VIRIDIAN_APIC_FREQUENCY: *value = APIC_HZ; return true;
    case VIRIDIAN_ICR: return read_icr(v, value);
    case VIRIDIAN_TPR: *value = vlapic_get_tpr(&v->lapic); return true;
    case VIRIDIAN_APIC_ASSIST: *value = v->viridian_assist; return true;
    case VIRIDIAN_CRASH_CTL: *value = VIRIDIAN_CRASH_NOTIFY; return true;
    default: break;
    }
    if (msr < VIRIDIAN_CRASH_P0 || msr > VIRIDIAN_CRASH_P4)
        return false;                      /* VIRIDIAN_EOI is for writing */
    *value = s->crash[array_index_nospec(msr - VIRIDIAN_CRASH_P0, VIRIDIAN_CRASH_PARAMETERS)];
    return true;
}

static void report_crash(const struct vcpu *v)
{
    const uint64_t *p = v->domain->viridian.crash;

    log_guest(LOG_G_ERR, v->domain->id, "its system has crashed: %#lx %#lx %#lx %#lx %#lx", p[0], p[1], p[2], p[3], p[4]);
}

static bool viridian_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct viridian *s = &v->domain->viridian;

    switch (msr) {
    case VIRIDIAN_GUEST_OS_ID: return set_os_id(v, value);
    case VIRIDIAN_HYPERCALL: return set_hypercall_page(v, value);
    case VIRIDIAN_REFERENCE_TSC: return set_page(v, &s->reference_tsc, value, fill_tsc);
    case VIRIDIAN_EOI: return apic_write(v, VLAPIC_REG_EOI, 0);
    case VIRIDIAN_ICR: return send_ipi(v, value);
    case VIRIDIAN_TPR: return apic_write(v, VLAPIC_REG_TPR, (uint8_t)value);
    case VIRIDIAN_APIC_ASSIST: return set_page(v, &v->viridian_assist, value, fill_assist);
    case VIRIDIAN_CRASH_CTL:
        if (value & VIRIDIAN_CRASH_NOTIFY)
            report_crash(v);
        return true;
    default: break;
    }
    if (msr < VIRIDIAN_CRASH_P0 || msr > VIRIDIAN_CRASH_P4)
        return false;
    s->crash[array_index_nospec(msr - VIRIDIAN_CRASH_P0, VIRIDIAN_CRASH_PARAMETERS)] = value;
    return true;
}

static uint32_t xen_page_msr(const struct vcpu *v) { return features(v) ? XEN_MSR_HYPERCALL_PAGE_VIRIDIAN : XEN_MSR_HYPERCALL_PAGE; }

bool synthetic_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = 0;
    if (msr == xen_page_msr(v))
        return true;
    return features(v) && viridian_has_msr(features(v), msr) && viridian_rdmsr(v, msr, value);
}

bool synthetic_wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    if (msr == xen_page_msr(v))
        return set_xen_page(v, value);
    return features(v) && viridian_has_msr(features(v), msr) && viridian_wrmsr(v, msr, value);
}

/* ---- hypercalls ---- */

bool viridian_takes_hypercall(const struct vcpu *v, uint64_t rax) { return (rax & BIT(31)) && features(v); }

void viridian_call(struct vcpu *v, bool bits32)
{
    struct guest_regs *r = &v->hw.regs;
    bool yield;
    uint16_t status = viridian_hypercall(bits32 ? r->rdx << 32 | (uint32_t)r->rax : r->rcx, &yield);

    r->rax = status;
    if (bits32)
        r->rdx = 0;
    if (yield)
        sched_give_way(&v->sched);
}
