/* SPDX-License-Identifier: BSD-2-Clause */
/* From a pending event channel to a vCPU that notices: upcall vector, poll, wake. */
#include <domain/domain.h>

#include <lib/bitmap.h>

/* A vCPU that polls is woken by any event of its list, masked or not; others by the vector alone. */
static void end_poll(struct vcpu *v)
{
    if (!READ_ONCE(v->polling))
        return;
    for (uint32_t i = 0; i < v->poll_count; i++)
        if (evtchn_is_pending(&v->domain->evtchn, v->poll_port[i])) {
            WRITE_ONCE(v->polling, false);
            timer_stop(&v->poll_timer);
            sched_wake(&v->sched);
            return;
        }
}

void vcpu_notify_event(struct vcpu *v)
{
    end_poll(v);
    if (!evtchn_upcall_pending(&v->domain->evtchn, v->id))
        return;
    /* The global callback is looked at on the way into the guest; a vector of its own goes through the APIC. */
    if (v->upcall_vector)
        (void)vlapic_set_irr(&v->lapic, v->upcall_vector, false);
    sched_kick(&v->sched);
}

void domain_notify(struct domain *d, uint32_t vcpu)
{
    struct vcpu *v;

    /* Ports that were masked may still be what somebody polls for. */
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && READ_ONCE(d->vcpu[i]->polling))
            end_poll(d->vcpu[i]);
    if (vcpu == EVTCHN_NOTIFY_NONE)
        return;
    v = domain_vcpu(d, vcpu);
    if (v)
        vcpu_notify_event(v);
}

void domain_deliver_event(const struct evtchn_target *to)
{
    struct domain *own = current_vcpu() ? current_vcpu()->domain : NULL, *d = NULL;
    uint32_t notify;
    bool xen;

    if (own && own->id == to->domid)
        d = own;
    else if (to->domid != DOMID_INVALID)
        d = domain_get(to->domid);
    if (!d)
        return; /* the receiver is gone: as if it had not listened */
    spin_lock(&d->evtchn_lock);
    notify = evtchn_deliver(&d->evtchn, to, &xen);
    spin_unlock(&d->evtchn_lock);
    if (xen)
        domain_io_event(d, notify);
    else
        domain_notify(d, notify);
    if (d != own)
        domain_put(d);
}

void domain_send_event(struct domain *d, uint32_t port)
{
    struct evtchn_target to;
    int rc;

    spin_lock(&d->evtchn_lock);
    rc = evtchn_send_lookup(&d->evtchn, port, false, &to);
    spin_unlock(&d->evtchn_lock);
    if (rc == 0)
        domain_deliver_event(&to);
}

void vcpu_raise_virq(struct vcpu *v, uint32_t virq)
{
    struct domain *d = v->domain;
    uint32_t notify;

    spin_lock(&d->evtchn_lock);
    notify = evtchn_raise_virq(&d->evtchn, virq, v->id);
    spin_unlock(&d->evtchn_lock);
    domain_notify(d, notify);
}

void domain_raise_virq(struct domain *d, uint32_t virq)
{
    if (d->max_vcpus > 0 && d->vcpu[0])
        vcpu_raise_virq(d->vcpu[0], virq);
}

void domain_raise_global_virq(uint32_t virq)
{
    if (domain_dom0())
        domain_raise_virq(domain_dom0(), virq);
}
