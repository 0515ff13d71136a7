/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that are events, windows, or what no guest should do. */
#include "exits.h"

#include <lib/log.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

enum exit_action vcpu_fault(struct vcpu *v, uint8_t vector, uint32_t error)
{
    /* Vectors with an error code: SDM table 6-1. */
    const uint32_t with_error = (1U << X86_DF) | (1U << X86_TS) | (1U << X86_NP) | (1U << X86_SS) |
                                (1U << X86_GP) | (1U << X86_PF) | (1U << X86_AC);

    v->pending = (struct hv_event){
        .valid = true,
        .vector = vector,
        .type = EVENT_HW_EXCEPTION,
        .has_error = (with_error >> vector) & 1,
        .error = error,
    };
    return ACT_INJECT;
}

enum exit_action vcpu_page_fault(struct vcpu *v, uint32_t error, uint64_t cr2)
{
    enum exit_action a = vcpu_fault(v, X86_PF, error);

    v->pending.cr2 = cr2;
    return a;
}

/* Windows, external interrupts, INIT of the host: what was to be done happens on the way back in. */
enum exit_action exit_resume(struct vcpu *v unused_arg, const struct vmexit *x unused_arg)
{
    return ACT_RESUME;
}

enum exit_action exit_unexpected(struct vcpu *v unused_arg, const struct vmexit *x unused_arg)
{
    return ACT_CRASH;
}

enum exit_action exit_undefined(struct vcpu *v, const struct vmexit *x unused_arg)
{
    return vcpu_ud(v);
}

enum exit_action exit_triple_fault(struct vcpu *v, const struct vmexit *x unused_arg)
{
    uint64_t reason = v->domain->params.value[HVM_PARAM_TRIPLE_FAULT_REASON];

    log_err("d%uv%u: triple fault at RIP %#llx", v->domain->id, v->id,
            (unsigned long long)hw_get_rip(&v->hw));
    hw_dump(&v->hw);
    if (v->domain->is_dom0)
        reason = SHUTDOWN_crash;
    domain_shutdown(v->domain, (uint32_t)reason);
    return ACT_RESUME;
}

/* Only #MC, #DB and NMI are intercepted; NMI and #MC were the host's and are done. */
enum exit_action exit_exception(struct vcpu *v, const struct vmexit *x)
{
    if (x->exc.event.vector == X86_NMI || x->exc.event.vector == X86_MC)
        return ACT_RESUME;
    v->pending = x->exc.event;
    if (x->exc.event.vector == X86_PF)
        v->pending.cr2 = x->exc.qual;
    if (x->exc.event.vector == X86_DB)
        vcpu_note_debug(v, x->exc.qual);
    return ACT_INJECT;
}

void vcpu_halt_forever(struct vcpu *v)
{
    struct domain *d = v->domain;

    log_guest(LOG_G_INFO, d->id, "vCPU %u halted with interrupts off", v->id);
    vcpu_offline(v);
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && !d->vcpu[i]->sched.down)
            return;
    domain_shutdown(d, SHUTDOWN_poweroff);
}
