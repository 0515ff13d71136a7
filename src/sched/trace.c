/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions for the trace. A CPU without work runs a vCPU of the idle domain there, numbered as the CPU is. */
#include <sched/sched.h>

#include <x86/cpu.h>
#include <xen/xen.h>

#include "private.h"

struct who { uint32_t domid, vcpu; };

static struct who who_is(const struct sched_unit *u)
{
    return u ? (struct who){ u->domid, u->vcpu_id } : (struct who){ DOMID_IDLE, this_cpu_id() };
}

/* Lengths of time in a record have 32 bits; the format counts nanoseconds. */
static uint32_t short_time(ns_t t)
{
    return t < 0 || t > INT32_MAX ? INT32_MAX : (uint32_t)t;
}

static uint32_t slice_of(ns_t now, ns_t until)
{
    return until == NS_NEVER ? 0 : short_time(until - now);
}

static uint32_t since_change(const struct sched_unit *u, ns_t now)
{
    return u ? short_time(now - u->runstate.since) : 0;
}

cold_fn void sched_trace_choice(const struct sched_unit *before, const struct sched_unit *next, ns_t now, ns_t until)
{
    struct who a = who_is(before), b = who_is(next);

    if (before == next) {
        TRACE(TRC_SCHED_SWITCH_INFCONT, a.domid, a.vcpu, since_change(before, now), slice_of(now, until));
        TRACE(TRC_SCHED_CONTINUE_RUNNING, trace_vcpu((domid_t)a.domid, a.vcpu));
        return;
    }
    TRACE(TRC_SCHED_SWITCH_INFPREV, a.domid, a.vcpu, since_change(before, now));
    TRACE(TRC_SCHED_SWITCH_INFNEXT, b.domid, b.vcpu, since_change(next, now), slice_of(now, until));
    TRACE(TRC_SCHED_SWITCH, a.domid, a.vcpu, b.domid, b.vcpu);
    if (!before)
        TRACE(sched_trace_change(RUNSTATE_running, RUNSTATE_runnable), trace_vcpu(DOMID_IDLE, this_cpu_id()));
}

cold_fn void sched_trace_idle(void)
{
    TRACE(sched_trace_change(RUNSTATE_runnable, RUNSTATE_running), trace_vcpu(DOMID_IDLE, this_cpu_id()));
}
