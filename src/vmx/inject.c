/* SPDX-License-Identifier: BSD-2-Clause */
/* Events into the guest: what may go in now, what becomes of two at once, and how the VMCS wants it. */
#include "inject.h"

#include "bits.h"
#include "cache.h"
#include "cpu.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <vmx/vmx.h>

enum hw_blocked irq_blocked(bool queued, uint64_t rflags, uint64_t interruptibility)
{
    if (queued)
        return HW_BLOCKED_EVENT;
    if (!(rflags & RFLAGS_IF))
        return HW_BLOCKED_IF;
    return interruptibility & BLOCKED_SHADOW ? HW_BLOCKED_SHADOW : HW_OPEN;
}

/* Whether STI blocks NMIs depends on the CPU (SDM 27.3.1.5): waiting one instruction suits all. */
enum hw_blocked nmi_blocked(bool queued, uint64_t interruptibility)
{
    if (queued)
        return HW_BLOCKED_EVENT;
    if (interruptibility & BLOCKED_BY_NMI)
        return HW_BLOCKED_NMI;
    return interruptibility & BLOCKED_SHADOW ? HW_BLOCKED_SHADOW : HW_OPEN;
}

/* In real mode exceptions push no error code, and the entry must not ask for it (SDM 27.2.1.3). */
uint32_t event_encode(const struct hv_event *e, bool protected_mode)
{
    uint32_t info = INTR_VALID | e->vector | (uint32_t)(e->type & INTR_TYPE) << INTR_TYPE_SHIFT;

    return e->has_error && protected_mode ? info | INTR_HAS_ERROR : info;
}

enum hw_blocked vmx_irq_blocked(struct hw_vcpu *v)
{
    if (v->event.valid)
        return HW_BLOCKED_EVENT;
    return irq_blocked(false, vmx_get_rflags(v), cache_get(v, CACHED_INTERRUPTIBILITY));
}

enum hw_blocked vmx_nmi_blocked(struct hw_vcpu *v)
{
    return v->event.valid ? HW_BLOCKED_EVENT : nmi_blocked(false, cache_get(v, CACHED_INTERRUPTIBILITY));
}

static void queue(struct hw_vcpu *v, const struct hv_event *e)
{
    v->event = *e;
    v->event.valid = true;
    if (e->type == EVENT_HW_EXCEPTION && e->vector == X86_PF)
        v->regs.cr2 = e->cr2;
}

void vmx_inject(struct hw_vcpu *v, const struct hv_event *e)
{
    struct hv_event merged;

    ASSERT(!v->event.valid || e->type == EVENT_HW_EXCEPTION);
    if (guest_event_merge(&v->event, e, &merged))
        queue(v, &merged);
    else
        v->triple_fault = true;
}

/* The entry that delivers an NMI blocks further ones; it must not find them blocked, as it would when
 * the delivery was cut short (SDM 27.3.1.5). */
static void unblock_nmi(struct hw_vcpu *v)
{
    uint64_t blocked = cache_get(v, CACHED_INTERRUPTIBILITY);

    cache_set(v, CACHED_INTERRUPTIBILITY, blocked & ~(uint64_t)BLOCKED_BY_NMI);
}

void inject_write(struct hw_vcpu *v)
{
    const struct hv_event *e = &v->event;
    uint32_t info = event_encode(e, cache_get(v, CACHED_CR0) & CR0_PE);

    if (info & INTR_HAS_ERROR)
        vmwrite32(CTL_ENTRY_ERROR_CODE, e->error);
    if (e->type == EVENT_SOFT_INT || e->type == EVENT_SW_EXCEPTION || e->type == EVENT_PRIV_SW_EXCEPTION)
        vmwrite32(CTL_ENTRY_INSN_LEN, e->insn_len);
    if (e->type == EVENT_NMI)
        unblock_nmi(v);
    vmwrite32(CTL_ENTRY_INTR_INFO, info);
}

static void set_cpu_based(struct hw_vcpu *v, uint32_t bit, bool on)
{
    uint32_t wanted = on ? vmx(v)->cpu_based | bit : vmx(v)->cpu_based & ~bit;

    if (wanted == vmx(v)->cpu_based)
        return;
    vmx(v)->cpu_based = wanted;
    vmwrite32(CTL_CPU_BASED, wanted);
}

void vmx_open_irq_window(struct hw_vcpu *v, bool open)
{
    v->irq_window = open;
    set_cpu_based(v, CPU_IRQ_WINDOW, open);
}

void vmx_open_nmi_window(struct hw_vcpu *v, bool open)
{
    v->nmi_window = open;
    set_cpu_based(v, CPU_NMI_WINDOW, open);
}

void vmx_set_dr_exiting(struct hw_vcpu *v, bool exits) { set_cpu_based(v, CPU_MOV_DR_EXIT, exits); }
void vmx_set_rdtsc_exits(struct hw_vcpu *v, bool exits) { set_cpu_based(v, CPU_RDTSC_EXIT, exits); }
