/* SPDX-License-Identifier: BSD-2-Clause */
/* Debug keys: typed on the serial line (CTRL-a three times) or sent with `xl debug-keys`. */
#include "boot.h"

#include <domain/domain.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <vcpu/run.h>
#include <x86/irq.h>
#include <x86/panic.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <x86/time.h>

static void key_domains(void)
{
    domid_t from = 0;
    struct domain *d;

    for (; (d = domain_get_next(from)) != NULL; domain_put(d)) {
        from = (domid_t)(d->id + 1);
        log_info("d%u: refs=%u pages=%lu max=%lu paused=%u%s%s", d->id, d->refs, d->tot_pages,
                 d->max_pages, d->pause_count, d->shut_down ? " shut down" : "", d->dying ? " dying" : "");
        for (uint32_t i = 0; i < d->max_vcpus; i++) {
            const struct vcpu *v = d->vcpu[i];

            if (v)
                log_info("  d%uv%u: cpu %u%s%s%s upcall %#x", d->id, i, v->sched.cpu,
                         v->sched.down ? " down" : "", v->sched.blocked ? " blocked" : "",
                         v->sched.on_cpu ? " on a CPU" : "", v->upcall_vector);
        }
    }
}

static void key_event_channels(void)
{
    static const char *const states[] = { "free", "reserved", "unbound", "interdomain", "virq", "ipi",
                                          "pirq" };
    domid_t from = 0;
    struct domain *d;

    for (; (d = domain_get_next(from)) != NULL; domain_put(d)) {
        from = (domid_t)(d->id + 1);
        log_info("d%u event channels (%s ABI): port [pending/masked]", d->id,
                 d->evtchn.fifo ? "FIFO" : "2-level");
        for (uint32_t port = 1; port < d->evtchn.port_limit; port++) {
            const struct evtchn *c = evtchn_port(&d->evtchn, port);

            if (c && c->state != EVT_FREE)
                log_info("  %4u [%d/%d] %s vcpu %u", port, evtchn_is_pending(&d->evtchn, port),
                         evtchn_is_masked(&d->evtchn, port), states[c->state], c->notify_vcpu);
        }
    }
}

/* On each CPU, from the interrupt that asks: the guest's registers are in the VMCS that is loaded here. */
static void dump_here(void *arg unused_arg)
{
    struct vcpu *v = current_vcpu();

    if (!v) {
        log_info("CPU%u holds no vCPU", this_cpu_id());
        return;
    }
    log_info("CPU%u d%uv%u: RIP %#lx RSP %#lx RFLAGS %#lx IRR %d ISR %d PPR %#x posted %d%s%s", this_cpu_id(),
             v->domain->id, v->id, hw_get_rip(&v->hw), hw_get_rsp(&v->hw), hw_get_rflags(&v->hw),
             vlapic_highest_irr(&v->lapic), vlapic_highest_isr(&v->lapic), vlapic_ppr(&v->lapic),
             v->lapic.posted_any, v->sched.blocked ? " blocked" : "",
             evtchn_upcall_pending(&v->domain->evtchn, v->id) ? " upcall" : "");
}

static void key_registers(void)
{
    uint64_t all[MAX_CPUS / 64] = { UINT64_MAX, UINT64_MAX };

    smp_call(all, dump_here, NULL);
}

static void key_memory(void)
{
    log_info("memory: %lu pages in all, %lu free", frames_total(), frames_free_count());
}

static void key_time(void)
{
    log_info("time: %lld ns since boot, TSC %lu kHz", (long long)time_now(), time_tsc_khz());
}

static void key_reboot(void)
{
    log_info("reboot by debug key");
    machine_reboot();
}

static void key_help(void);

static const struct { uint8_t key; void (*fn)(void); const char *what; } keys[] = {
    { 'R', key_reboot, "reboot the machine" },
    { 'd', key_registers, "registers of the vCPU that each CPU holds" },
    { 'e', key_event_channels, "event channels" },
    { 'h', key_help, "this list" },
    { 'i', irq_dump, "interrupts of the machine" },
    { 'm', key_memory, "memory" },
    { 'q', key_domains, "domains and vCPUs" },
    { 'r', sched_dump, "run queues" },
    { 's', key_time, "time" },
    { 'x', exit_stats_dump, "VM exits by reason, with TSC ticks spent on each" },
};

static void key_help(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        log_info("key '%c': %s", keys[i].key, keys[i].what);
}

void key_handle(uint8_t key)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (keys[i].key == key) {
            keys[i].fn();
            return;
        }
    log_info("key '%c' does nothing; 'h' lists the keys", key >= ' ' && key < 127 ? key : '?');
}
