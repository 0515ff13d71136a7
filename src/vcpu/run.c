/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run loop (docs/exit-path.md is this file on one page). One stack per CPU, nothing sleeps:
 * a vCPU that waits is simply not entered again until something wakes it.
 */
#include <vcpu/run.h>

#include <hv/assert.h>
#include <lib/log.h>
#include <trace/trace.h>
#include <x86/cpu.h>
#include <x86/irq.h>
#include <x86/softirq.h>
#include <x86/time.h>
#include <x86/trap.h>

#include "exits.h"

static struct vmexit last_exit[MAX_CPUS];

const struct vmexit *cpu_last_exit(unsigned int cpu)
{
    return &last_exit[cpu];
}

static enum exit_action vcpu_handle(struct vcpu *v, const struct vmexit *x)
{
    /* Direct calls out of the same rows that make the enum: no indirect branch, no missing case. */
    switch (x->reason) {
#define EXIT(reason, hw, handler, reads, label) \
    case EXIT_##reason:                         \
        return handler(v, x);
#include <hv/exits.def>
#undef EXIT
    case EXIT_UNKNOWN:
    case EXIT_ENTRY_FAILED:
    case EXIT_COUNT:
        break;
    }
    return exit_unexpected(v, x);
}

/* The only place that advances RIP, blocks, injects or kills. In line: once in the loop, once off it. */
static inline __attribute__((always_inline)) void vcpu_finish(struct vcpu *v, const struct vmexit *x, enum exit_action a)
{
    switch (__builtin_expect(a, ACT_ADVANCE)) {
    case ACT_ADVANCE:
        hw_skip(&v->hw, likely(x->insn_len) ? x->insn_len : vcpu_insn_length(v));
        break;
    case ACT_RESUME:
    case ACT_RETRY:
        break;
    case ACT_WAIT_IO:
        break;          /* off its CPU since the request was sent */
    case ACT_INJECT:
        hw_inject(&v->hw, &v->pending);
        v->pending.valid = false;
        break;
    case ACT_CRASH:
        domain_crash(v->domain, "%s (reason %u, qualification %#llx) at RIP %#llx on d%uv%u",
                     hw_exit_name(x), x->hw_reason, (unsigned long long)x->hw_qual,
                     (unsigned long long)hw_get_rip(&v->hw), v->domain->id, v->id);
        break;
    }
}

/* INIT and SIPI that other vCPUs sent. */
static noinline_fn void settle_start(struct vcpu *v)
{
    bool init, sipi;
    uint8_t vector;

    spin_lock(&v->lock);
    init = v->init_pending;
    sipi = v->sipi_pending;
    vector = v->sipi_vector;
    v->init_pending = v->sipi_pending = false;
    if (init)
        v->sipi_wait = true;
    if (sipi)
        v->sipi_wait = false;
    spin_unlock(&v->lock);
    if (init) {
        hw_reset(&v->hw);
        vcpu_io_forget(v);
        vlapic_reset(&v->lapic);
        timer_set(&v->lapic_timer, v->lapic.timer_deadline);
        vcpu_apic_mode_changed(v);
    }
    if (sipi) {
        hw_set_sipi(&v->hw, vector);
        v->initialised = true;
    } else if (init) {
        vcpu_offline(v);
    }
}

/* Registers that a toolstack or another vCPU wrote from outside: what hangs on them in this CPU. */
static noinline_fn void settle_context(struct vcpu *v)
{
    v->context_new = false;
    vcpu_apply_tsc(v);
    vcpu_apic_mode_changed(v);
    if (v->pending.valid)
        hw_inject(&v->hw, &v->pending);
    v->pending.valid = false;
}

/* Answers of device models; and they are told before the guest goes on when pages of it have gone. */
static noinline_fn void settle_io(struct vcpu *v)
{
    struct vmexit x = { .insn_len = v->io.insn_len };

    if (__atomic_load_n(&v->io.answered, __ATOMIC_SEQ_CST))
        vcpu_finish(v, &x, vcpu_io_complete(v));
    else if (!READ_ONCE(v->io.waiting))
        (void)vcpu_io_invalidate(v);
}

static noinline_fn void settle_extint(struct vcpu *v)
{
    struct hv_event e = { .valid = true, .type = EVENT_EXTINT };

    if (hw_event_is_queued(&v->hw) || hw_irq_blocked(&v->hw) != HW_OPEN)
        return;
    e.vector = vcpu_take_extint(v);
    hw_inject(&v->hw, &e);
}

/* Plain reads of what others set: each turn of the run loop has its barriers, and a comparison with memory is short. */
inline __attribute__((always_inline)) void vcpu_settle(struct vcpu *v)
{
    const struct platform *p = v->domain->platform;

    if (p != NULL && unlikely(platform_has_upcall_line(p)) && v->id == 0)
        domain_settle_upcall_line(v->domain);
    if (unlikely(v->io.answered || v->io.invalidate))
        settle_io(v);
    /* Not in the middle of an instruction, whose fault would take the place of the interrupt. */
    if (unlikely(vcpu_wants_extint(v)) && !v->io.waiting)
        settle_extint(v);
    if (unlikely(v->context_new))
        settle_context(v);
    if (unlikely(v->init_pending || v->sipi_pending))
        settle_start(v);
    if (unlikely(v->pvh_entry)) {
        hw_set_pvh_entry(&v->hw, v->pvh_entry, v->pvh_start_info);
        v->pvh_entry = 0;
        vcpu_apic_mode_changed(v);
    }
}

/* The global callback vector has no APIC state: pending as long as vCPU's upcall byte is set. */
static int callback_pending(const struct vcpu *v)
{
    const struct domain *d = v->domain;

    if (!d->has_callback_vector || v->upcall_vector)
        return -1;
    return evtchn_upcall_pending(&d->evtchn, v->id) ? d->callback_vector : -1;
}

static noinline_fn void inject_vector(struct vcpu *v, uint8_t vector, bool by_apic)
{
    struct hv_event e = { .valid = true, .type = EVENT_EXTINT, .vector = vector };

    if (hw_event_is_queued(&v->hw) || hw_irq_blocked(&v->hw) != HW_OPEN) {
        hw_want_irq_window(&v->hw, true);
        return;
    }
    if (by_apic)
        vlapic_accept(&v->lapic, vector);
    hw_inject(&v->hw, &e);
    hw_want_irq_window(&v->hw, (!v->lapic.hw_delivery && vlapic_pending(&v->lapic) >= 0) || vcpu_wants_extint(v));
}

static noinline_fn void inject_nmi(struct vcpu *v)
{
    const struct hv_event nmi = { .valid = true, .type = EVENT_NMI, .vector = X86_NMI };

    if (hw_event_is_queued(&v->hw) || hw_nmi_blocked(&v->hw) != HW_OPEN) {
        hw_want_nmi_window(&v->hw, true);
        return;
    }
    WRITE_ONCE(v->pending_nmi, false);
    hw_inject(&v->hw, &nmi);
    hw_want_nmi_window(&v->hw, false);
}

/* What we must inject ourselves: NMIs, the callback, and without virtual-interrupt delivery the APIC's best. */
static void vcpu_inject(struct vcpu *v)
{
    int callback, vector = -1;

    if (unlikely(READ_ONCE(v->pending_nmi)))
        inject_nmi(v);
    if (v->lapic.hw_delivery) {
        vcpu_virtual_interrupts(v);
    } else {
        int irr = vlapic_waiting(&v->lapic);

        /* An exit when the guest lowers its TPR below what keeps an interrupt waiting. */
        hw_want_tpr_threshold(&v->hw, irr < 0 ? 0 : (unsigned int)irr >> 4);
        if (unlikely(irr >= 0))
            vector = vlapic_deliverable(&v->lapic, irr);
    }
    callback = callback_pending(v);
    if (unlikely(callback >= 0))
        inject_vector(v, (uint8_t)callback, false);
    else if (unlikely(vector >= 0))
        inject_vector(v, (uint8_t)vector, true);
    else
        /* The PIC's is acknowledged with interrupts on, once the guest can take it (settle_extint). */
        hw_want_irq_window(&v->hw, vcpu_wants_extint(v));
}

bool vcpu_has_event(struct vcpu *v)
{
    if (v->lapic.hw_delivery)
        vcpu_virtual_interrupts(v);
    /* A virtual interrupt that the CPU has been slow to deliver is an event queued again. */
    return hw_event_is_queued(&v->hw) || READ_ONCE(v->pending_nmi) || callback_pending(v) >= 0 || vlapic_pending(&v->lapic) >= 0 ||
           vcpu_wants_extint(v);
}

/* Interrupts of the machine that ended the guest's run are served with their own vectors, IRQs off. */
static void vcpu_host_event(struct vcpu *v, const struct vmexit *x)
{
    if (x->reason == EXIT_EXTERNAL_IRQ) {
        if (likely(x->vector))
            irq_dispatch(x->vector);
    } else if (x->reason == EXIT_EXCEPTION && x->exc.event.vector == X86_NMI) {
        trap_run_nmi();
    } else if (x->reason == EXIT_EXCEPTION && x->exc.event.vector == X86_MC) {
        trap_run_machine_check();
    }
    /* An event whose delivery was cut short is delivered again; a task switch completes it itself. */
    if (unlikely(x->cut_short.valid) && x->reason != EXIT_TASK_SWITCH)
        hw_inject(&v->hw, &x->cut_short);
}

static void count_exit(struct vcpu *v, enum exit_reason reason, uint64_t since)
{
    uint64_t ticks = cpu_rdtsc() - since;

    v->exits[reason]++;
    v->exit_tsc[reason] += ticks;
    if (ticks > v->exit_max[reason])
        v->exit_max[reason] = ticks;
}

/* While a trace is taken, also at the first entry: count_exit() with the trace's `since`. */
static cold_fn void close_exit(struct vcpu *v, const struct vmexit *x, bool entry)
{
    uint64_t since = vcpu_trace_close(v, x);

    if (since)
        count_exit(v, x->reason, since);
    if (entry)
        vcpu_trace_entry(v);
}

static bool flush_needed(const struct vcpu *v)
{
    return READ_ONCE(v->domain->p2m.slat.generation) != v->hw.slat_generation;
}

/* Runs v until this CPU has something else to do. */
static void vcpu_run(struct vcpu *v)
{
    struct vmexit *x = &last_exit[this_cpu_id()];
    uint64_t since = 0;

    for (;;) {
        vcpu_settle(v);
        cpu_irq_disable();
        if (sched_must_leave(&v->sched))
            break;
        vcpu_inject(v);
        if (unlikely(flush_needed(v))) {
            v->hw.slat_generation = READ_ONCE(v->domain->p2m.slat.generation);
            hw_flush(v->hw.config.slat_root);
        }
        if (likely(since))
            count_exit(v, x->reason, since);
        else if (trace_is_on())
            close_exit(v, x, true);
        hw_enter(&v->hw, x);
        since = cpu_rdtsc();
        if (trace_is_on())
            since = vcpu_trace_exit(v, x, since);
        vcpu_host_event(v, x);
        cpu_irq_enable();
        vcpu_finish(v, x, vcpu_handle(v, x));
    }
    cpu_irq_enable();
    if (likely(since))
        count_exit(v, x->reason, since);
    else if (trace_is_on())
        close_exit(v, x, false);
}

static void cpu_idle(void)
{
    sched_idle_begin();
    cpu_irq_disable();
    softirq_wait();
    sched_idle_end();
}

/* A vCPU's registers stay here while it only sleeps: most wake-ups find them in place. */
static void switch_to(struct vcpu *next)
{
    struct vcpu *held = current_vcpu();

    if (held && held != next && (next || sched_must_give_up(&held->sched)))
        vcpu_unload(held);
    if (next && next != held)
        vcpu_load(next);
}

void cpu_loop(void)
{
    for (;;) {
        struct sched_unit *u;

        softirq_run();
        u = sched_next();
        switch_to(u ? vcpu_of_unit(u) : NULL);
        if (!u) {
            cpu_idle();
            continue;
        }
        vcpu_write_runstate(vcpu_of_unit(u));
        vcpu_run(vcpu_of_unit(u));
    }
}

static void dump_vcpu_exits(const struct vcpu *v)
{
    static const char *const names[] = {
#define EXIT(reason, hw, handler, reads, label) label,
#include <hv/exits.def>
#undef EXIT
    };

    for (unsigned int i = 0; i < ARRAY_COUNT(names); i++)
        if (v->exits[i])
            log_info("d%uv%u %-26s %12llu exits %8llu mean %10llu max", v->domain->id, v->id,
                     names[i], (unsigned long long)v->exits[i],
                     (unsigned long long)(v->exit_tsc[i] / v->exits[i]),
                     (unsigned long long)v->exit_max[i]);
}

static void dump_vcpu_hypercalls(const struct vcpu *v)
{
    for (unsigned int i = 0; i < HYPERCALL_STATS; i++)
        if (v->hypercalls[i])
            log_info("d%uv%u hypercall %-16u %12llu calls %8llu mean", v->domain->id, v->id, i,
                     (unsigned long long)v->hypercalls[i],
                     (unsigned long long)(v->hypercall_tsc[i] / v->hypercalls[i]));
}

void exit_stats_dump(void)
{
    struct domain *d;

    for (domid_t from = 0; (d = domain_get_next(from)) != NULL; from = (domid_t)(d->id + 1), domain_put(d))
        for (uint32_t i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i]) {
                dump_vcpu_exits(d->vcpu[i]);
                dump_vcpu_hypercalls(d->vcpu[i]);
            }
}
