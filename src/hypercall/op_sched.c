/* SPDX-License-Identifier: BSD-2-Clause */
/* sched_op (xen/sched.h): giving up the CPU, polling ports, ending the domain. */
#include "compat32.h"

#include <x86/time.h>
#include <xen/sched.h>

static int64_t op_yield(struct hc *c, void *arg unused_arg)
{
    sched_give_way(&c->v->sched);
    return 0;
}

/* The wake-up flag is cleared before the look at the events: one that comes in between is seen by
 * sched_block. */
static int64_t op_block(struct hc *c, void *arg unused_arg)
{
    sched_block_prepare(&c->v->sched);
    if (!evtchn_upcall_pending(&c->d->evtchn, c->v->id))
        vcpu_block(c->v);
    return 0;
}

static int fetch_ports(struct hc *c, const struct sched_poll *a)
{
    struct vcpu *v = c->v;

    if (a->nr_ports > HYPERCALL_MAX_POLL)
        return hc_invalid(c, "SCHEDOP_poll: nr_ports", a->nr_ports);
    if (hc_read(c, v->poll_port, hc_handle(a->ports), a->nr_ports * sizeof(evtchn_port_t)) != 0)
        return -EFAULT;
    for (uint32_t i = 0; i < a->nr_ports; i++)
        if (v->poll_port[i] >= READ_ONCE(c->d->evtchn.port_limit))
            return -EINVAL;
    return 0;
}

static bool port_is_pending(struct hc *c, uint32_t count)
{
    bool found = false;

    spin_lock(&c->d->evtchn_lock);
    for (uint32_t i = 0; i < count && !found; i++)
        found = evtchn_is_pending(&c->d->evtchn, c->v->poll_port[i]);
    spin_unlock(&c->d->evtchn_lock);
    return found;
}

/* An interrupt that the vCPU would take at once ends a poll before it begins; one that it has
 * masked does not, or a spinning lock would never sleep. */
static bool upcall_is_due(struct vcpu *v)
{
    return evtchn_upcall_pending(&v->domain->evtchn, v->id) &&
           (hw_get_rflags(&v->hw) & RFLAGS_IF) != 0;
}

/* Wakes for a listed port (masked ones count), for the timeout, and for any other reason. */
static int64_t op_poll(struct hc *c, void *arg)
{
    const struct sched_poll *a = arg;
    struct vcpu *v = c->v;
    int rc;

    WRITE_ONCE(v->polling, false);
    rc = fetch_ports(c, a);
    if (rc != 0)
        return rc;
    v->poll_count = a->nr_ports;
    sched_block_prepare(&v->sched);
    __atomic_store_n(&v->polling, true, __ATOMIC_SEQ_CST);
    if (port_is_pending(c, a->nr_ports) || upcall_is_due(v)) {
        WRITE_ONCE(v->polling, false);
        return 0;
    }
    if (a->timeout != 0)
        timer_set(&v->poll_timer, (ns_t)min_of(a->timeout, (uint64_t)NS_NEVER - 1));
    vcpu_block(v);
    return 0;
}

/* dom0's end is the machine's: src/domain knows. */
static int64_t op_shutdown(struct hc *c, void *arg)
{
    const struct sched_shutdown *a = arg;

    if (a->reason > SHUTDOWN_MAX)
        return -EINVAL;
    domain_shutdown(c->d, a->reason);
    return 0;
}

static int64_t op_remote_shutdown(struct hc *c, void *arg)
{
    const struct sched_remote_shutdown *a = arg;
    struct domain *d;
    int rc;

    if (a->reason > SHUTDOWN_MAX)
        return -EINVAL;
    rc = hc_target(c, a->domain_id, &d);
    if (rc != 0)
        return rc;
    if (d == c->d)
        return -EPERM;
    domain_shutdown(d, a->reason);
    hc_put(c, d);
    return 0;
}

/* Tells in advance why the domain will go down; kept only for what the toolstack is shown. */
static int64_t op_shutdown_code(struct hc *c, void *arg)
{
    const struct sched_shutdown *a = arg;

    if (a->reason > SHUTDOWN_MAX)
        return -EINVAL;
    c->d->shutdown_reason = a->reason;
    return 0;
}

/* Ids count from 1. The timers belong to the domain (domain.c says what happens when one fires). */
static int64_t watchdog_new(struct domain *d, ns_t deadline)
{
    for (uint32_t i = 0; i < DOMAIN_WATCHDOGS; i++) {
        struct domain_watchdog *w = &d->watchdog[i];

        if (w->in_use)
            continue;
        w->in_use = true;
        timer_set(&w->timer, deadline);
        return i + 1;
    }
    return -ENOSPC;
}

static int64_t watchdog_change(struct domain *d, uint32_t id, ns_t deadline)
{
    struct domain_watchdog *w = &d->watchdog[array_index_nospec(id - 1, DOMAIN_WATCHDOGS)];

    if (!w->in_use)
        return -EINVAL;
    w->in_use = deadline != NS_NEVER;
    if (w->in_use)
        timer_set(&w->timer, deadline);
    else
        timer_stop(&w->timer);
    return 0;
}

static int64_t op_watchdog(struct hc *c, void *arg)
{
    const struct sched_watchdog *a = arg;
    ns_t deadline = a->timeout ? time_now() + a->timeout * NS_PER_SEC : NS_NEVER;
    int64_t rc = -EINVAL;

    if (a->id > DOMAIN_WATCHDOGS || (a->id == 0 && a->timeout == 0))
        return rc;
    spin_lock(&c->d->lock);
    rc = a->id == 0 ? watchdog_new(c->d, deadline) : watchdog_change(c->d, a->id, deadline);
    spin_unlock(&c->d->lock);
    return rc;
}

#define SCHED(cmd, fn, type, compat) [cmd] = { fn, sizeof(type), HC_IN, HC_ANY, compat }
#define SCHED_PLAIN(cmd, fn) [cmd] = { fn, 0, HC_IN, HC_ANY, NULL }
static const struct hc_op sched_ops[] = {
    SCHED_PLAIN(SCHEDOP_yield, op_yield),
    SCHED_PLAIN(SCHEDOP_block, op_block),
    SCHED(SCHEDOP_shutdown, op_shutdown, struct sched_shutdown, NULL),
    SCHED(SCHEDOP_poll, op_poll, struct sched_poll, &compat_sched_poll),
    SCHED(SCHEDOP_remote_shutdown, op_remote_shutdown, struct sched_remote_shutdown, NULL),
    SCHED(SCHEDOP_watchdog, op_watchdog, struct sched_watchdog, NULL),
    SCHED(SCHEDOP_shutdown_code, op_shutdown_code, struct sched_shutdown, NULL),
};
const struct hc_table hc_sched_table = HC_TABLE(sched_ops);

int64_t hc_sched_op(struct hc *c)
{
    return hc_op_call(c, &hc_sched_table, (uint32_t)c->arg[0], gva_of(c->arg[1]));
}
