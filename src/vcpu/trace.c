/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits for the trace: VMEXIT when it comes, a record of what was done about it, what is injected, VMENTRY. The run loop
 * comes here only while a trace is taken, and at the first entry after it chose a vCPU.
 */
#include <trace/trace.h>

#include <sched/sched.h>

#include "exits.h"

/* The exit that this CPU is working on; registers as they were, for the handler changes them. */
static struct { uint64_t since; uint32_t rax, rcx; } traced[MAX_CPUS];

#define LOW(x) (uint32_t)(x)
#define HIGH(x) (uint32_t)((uint64_t)(x) >> 32)

cold_fn uint64_t vcpu_trace_exit(struct vcpu *v, const struct vmexit *x, uint64_t since)
{
    uint64_t rip = hw_get_rip(&v->hw);

    traced[this_cpu_id()].since = since;
    traced[this_cpu_id()].rax = LOW(v->hw.regs.rax);
    traced[this_cpu_id()].rcx = LOW(v->hw.regs.rcx);
    TRACE(TRC_HVM_VMEXIT64, x->hw_reason & 0xffff, LOW(rip), HIGH(rip));
    return 0;
}

static void trace_cr(const struct vcpu *v, const struct exit_cr *c)
{
    uint64_t value = v->hw.regs.gpr[c->gpr & 15];

    if (c->op == CR_CLTS)
        TRACE(TRC_HVM_CLTS, 0);
    else if (c->op == CR_LMSW)
        TRACE(TRC_HVM_LMSW64, c->lmsw, 0);
    else
        TRACE(c->op == CR_READ ? TRC_HVM_CR_READ64 : TRC_HVM_CR_WRITE64, c->cr, LOW(value), HIGH(value));
}

static void trace_msr(const struct vcpu *v, uint32_t event)
{
    TRACE(event, LOW(v->hw.regs.rcx), LOW(v->hw.regs.rax), LOW(v->hw.regs.rdx));
}

/* Bits of the qualification as the SDM has them (table 28-7): what was tried, what was allowed. */
static void trace_ept(const struct exit_ept *e)
{
    uint32_t qual = (uint32_t)e->read | (uint32_t)e->write << 1 | (uint32_t)e->fetch << 2 | (uint32_t)e->readable << 3 |
                    (uint32_t)e->writable << 4 | (uint32_t)e->executable << 5 | (uint32_t)e->gva_valid << 7 |
                    (uint32_t)!e->walk << 8;

    TRACE(TRC_HVM_NPF, LOW(e->gpa.v), HIGH(e->gpa.v), UINT32_MAX, UINT32_MAX, qual, 0);
}

static void trace_cpuid(const struct vcpu *v)
{
    const struct guest_regs *r = &v->hw.regs;

    TRACE(TRC_HVM_CPUID, traced[this_cpu_id()].rax, traced[this_cpu_id()].rcx, LOW(r->rax), LOW(r->rbx), LOW(r->rcx),
          LOW(r->rdx));
}

static void trace_handled(const struct vcpu *v, const struct vmexit *x)
{
    if (x->reason == EXIT_EXTERNAL_IRQ)
        TRACE(TRC_HVM_INTR, x->vector);
    else if (x->reason == EXIT_HYPERCALL)
        TRACE(TRC_HVM_VMMCALL, traced[this_cpu_id()].rax);
    else if (x->reason == EXIT_CPUID)
        trace_cpuid(v);
    else if (x->reason == EXIT_HLT)
        TRACE(TRC_HVM_HLT, sched_is_runnable(&v->sched));
    else if (x->reason == EXIT_RDMSR)
        trace_msr(v, TRC_HVM_MSR_READ);
    else if (x->reason == EXIT_WRMSR)
        trace_msr(v, TRC_HVM_MSR_WRITE);
    else if (x->reason == EXIT_PIO)
        TRACE(x->pio.in ? TRC_HVM_IOPORT_READ : TRC_HVM_IOPORT_WRITE, x->pio.port, LOW(v->hw.regs.rax));
    else if (x->reason == EXIT_CR_ACCESS)
        trace_cr(v, &x->cr);
    else if (x->reason == EXIT_EPT_VIOLATION)
        trace_ept(&x->ept);
    else if (x->reason == EXIT_EXCEPTION)
        TRACE(x->exc.event.vector == X86_NMI ? TRC_HVM_NMI : TRC_HVM_TRAP, x->exc.event.vector);
    else if (x->reason == EXIT_IRQ_WINDOW)
        TRACE(TRC_HVM_INTR_WINDOW, 0, 0, UINT32_MAX);
}

cold_fn uint64_t vcpu_trace_close(const struct vcpu *v, const struct vmexit *x)
{
    uint64_t since = traced[this_cpu_id()].since;

    traced[this_cpu_id()].since = 0;
    if (since && trace_is_on())
        trace_handled(v, x);
    return since;
}

static void trace_injected(const struct hv_event *e)
{
    if (e->type == EVENT_EXTINT)
        TRACE(TRC_HVM_INJ_VIRQ, e->vector, 0);
    else if (e->type == EVENT_HW_EXCEPTION && e->vector == X86_PF)
        TRACE(TRC_HVM_PF_INJECT64, e->error, LOW(e->cr2), HIGH(e->cr2));
    else
        TRACE(TRC_HVM_INJ_EXC, e->vector, e->has_error ? e->error : 0);
}

cold_fn void vcpu_trace_entry(const struct vcpu *v)
{
    if (!trace_is_on())
        return;
    if (v->hw.event.valid)
        trace_injected(&v->hw.event);
    trace_put(TRC_HVM_VMENTRY, 0, NULL);
}
