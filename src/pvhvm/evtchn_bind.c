/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ports are bound to. A port goes FREE -> {UNBOUND, INTERDOMAIN, VIRQ, IPI} -> FREE; binding
 * to an UNBOUND port of another domain makes both INTERDOMAIN, and closing one end leaves the other
 * UNBOUND. Every function checks first, the finding of a free port last, and cannot fail
 * afterwards.
 */
#include <pvhvm/evtchn.h>

#include "evtchn_delivery.h"

#include <hv/errno.h>
#include <lib/string.h>

int evtchn_alloc_unbound(struct evtchn_domain *d, domid_t remote, uint32_t *port)
{
    int rc = evtchn_port_find_free(d, port);

    if (rc != 0)
        return rc;
    evtchn_port_claim(d, *port, EVT_UNBOUND, 0)->inter.remote = remote;
    return 0;
}

int evtchn_alloc_unbound_xen(struct evtchn_domain *d, domid_t remote, uint32_t vcpu, uint32_t *port)
{
    struct evtchn *e;
    int rc = vcpu < d->vcpu_count ? evtchn_port_find_free(d, port) : -ENOENT;

    if (rc != 0)
        return rc;
    e = evtchn_port_claim(d, *port, EVT_UNBOUND, vcpu);
    e->inter.remote = remote;
    e->xen_consumer = true;
    d->xen_in_use++;
    return 0;
}

int evtchn_bind_interdomain(struct evtchn_domain *l, struct evtchn_domain *r, uint32_t remote_port,
                            uint32_t *local_port, uint32_t *notify)
{
    struct evtchn *le, *re = evtchn_port(r, remote_port);
    int rc;

    *notify = EVTCHN_NOTIFY_NONE;
    if (re == NULL || re->state != EVT_UNBOUND || re->inter.remote != l->id)
        return -EINVAL;
    rc = evtchn_port_find_free(l, local_port);
    if (rc != 0)
        return rc;

    le = evtchn_port_claim(l, *local_port, EVT_INTERDOMAIN, 0);
    le->inter.remote = r->id;
    le->inter.remote_port = remote_port;
    re->inter.remote = l->id;
    re->inter.remote_port = *local_port;
    re->state = EVT_INTERDOMAIN;
    /* Whatever the other end sent before there was a binding went nowhere: let the new end look
     * once. */
    *notify = evtchn_port_raise(l, le, *local_port);
    return 0;
}

int evtchn_bind_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port)
{
    uint32_t *slot;
    int rc;

    if (virq >= EVTCHN_NR_VIRQS || (evtchn_virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    if (vcpu >= d->vcpu_count)
        return -ENOENT;
    virq = (uint32_t)array_index_nospec(virq, EVTCHN_NR_VIRQS);
    vcpu = (uint32_t)array_index_nospec(vcpu, d->vcpu_count);
    slot = evtchn_virq_is_global(virq) ? &d->global_virq_port[virq]
                                       : &d->vcpu[vcpu].virq_port[virq];
    if (*slot != 0)
        return -EEXIST;
    rc = evtchn_port_find_free(d, port);
    if (rc != 0)
        return rc;
    evtchn_port_claim(d, *port, EVT_VIRQ, vcpu)->virq = (uint16_t)virq;
    *slot = *port;
    return 0;
}

int evtchn_bind_ipi(struct evtchn_domain *d, uint32_t vcpu, uint32_t *port)
{
    int rc = vcpu < d->vcpu_count ? evtchn_port_find_free(d, port) : -ENOENT;

    if (rc == 0)
        (void)evtchn_port_claim(d, *port, EVT_IPI,
                                (uint32_t)array_index_nospec(vcpu, d->vcpu_count));
    return rc;
}

int evtchn_bind_vcpu(struct evtchn_domain *d, uint32_t port, uint32_t vcpu)
{
    struct evtchn *e = evtchn_port(d, port);
    bool movable;

    if (vcpu >= d->vcpu_count)
        return -ENOENT;
    if (e == NULL || e->xen_consumer)
        return -EINVAL;
    movable = e->state == EVT_UNBOUND || e->state == EVT_INTERDOMAIN || e->state == EVT_PIRQ ||
              (e->state == EVT_VIRQ && evtchn_virq_is_global(e->virq));
    if (!movable)
        return -EINVAL;
    e->notify_vcpu = (uint32_t)array_index_nospec(vcpu, d->vcpu_count);
    return 0;
}

bool evtchn_peer(const struct evtchn_domain *d, uint32_t port, domid_t *peer, uint32_t *peer_port)
{
    const struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || e->state != EVT_INTERDOMAIN)
        return false;
    *peer = e->inter.remote;
    *peer_port = e->inter.remote_port;
    return true;
}

static int port_close(struct evtchn_domain *d, struct evtchn *e, uint32_t port,
                      struct evtchn_domain *peer)
{
    struct evtchn *pe;

    if (e->state == EVT_INTERDOMAIN) {
        if (e->inter.remote == d->id)
            peer = d;
        if (peer == NULL || peer->id != e->inter.remote)
            return -EAGAIN;
        pe = evtchn_port(peer, e->inter.remote_port);
        /* Not ours: the peer died without evtchn_forget_peer() and its id has a new owner. */
        if (pe != NULL && pe->state == EVT_INTERDOMAIN && pe->inter.remote == d->id &&
            pe->inter.remote_port == port)
            pe->state = EVT_UNBOUND;            /* and remote is d still */
    } else if (e->state == EVT_VIRQ) {
        if (evtchn_virq_is_global(e->virq))
            d->global_virq_port[e->virq] = 0;
        else
            d->vcpu[e->notify_vcpu].virq_port[e->virq] = 0;
    }
    evtchn_port_release(d, e, port);
    return 0;
}

int evtchn_close(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer)
{
    struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || e->xen_consumer || e->state <= EVT_RESERVED)
        return -EINVAL;
    return port_close(d, e, port, peer);
}

int evtchn_close_xen(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer)
{
    struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || !e->xen_consumer)
        return -EINVAL;
    return port_close(d, e, port, peer);
}

void evtchn_forget_peer(struct evtchn_domain *d, domid_t gone)
{
    uint32_t p;

    for (p = 1; p < d->port_limit; p++)
        if (evtchn_port(d, p)->state == EVT_INTERDOMAIN && evtchn_port(d, p)->inter.remote == gone)
            evtchn_port(d, p)->state = EVT_UNBOUND;
}

int evtchn_status(struct evtchn_domain *d, struct evtchn_status *out)
{
    const struct evtchn *e = evtchn_port(d, out->port);

    if (e == NULL)
        return -EINVAL;
    if (e->xen_consumer)
        return -EACCES;
    memset(&out->u, 0, sizeof(out->u));
    out->vcpu = e->notify_vcpu;
    switch ((enum evtchn_state)e->state) {
    case EVT_FREE:
    case EVT_RESERVED:
        out->status = EVTCHNSTAT_closed;
        break;
    case EVT_UNBOUND:
        out->status = EVTCHNSTAT_unbound;
        out->u.unbound.dom = e->inter.remote;
        break;
    case EVT_INTERDOMAIN:
        out->status = EVTCHNSTAT_interdomain;
        out->u.interdomain.dom = e->inter.remote;
        out->u.interdomain.port = e->inter.remote_port;
        break;
    case EVT_VIRQ:
        out->status = EVTCHNSTAT_virq;
        out->u.virq = e->virq;
        break;
    case EVT_IPI:
        out->status = EVTCHNSTAT_ipi;
        break;
    case EVT_PIRQ:
        out->status = EVTCHNSTAT_pirq;
        out->u.pirq = e->pirq;
        break;
    }
    return 0;
}

int evtchn_set_priority(struct evtchn_domain *d, uint32_t port, uint32_t priority)
{
    struct evtchn *e = evtchn_port(d, port);

    if (e == NULL)
        return -EINVAL;
    if (!d->fifo)
        return -ENOSYS;
    if (priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    /* An event that is queued already stays where it is: this is about the next one. */
    e->priority = (uint8_t)priority;
    return 0;
}

uint32_t evtchn_next_open(const struct evtchn_domain *d, uint32_t from, bool with_xen)
{
    const struct evtchn *e;
    uint32_t p;

    for (p = from; p < d->port_limit; p++) {
        e = evtchn_port(d, p);
        if (e->state > EVT_RESERVED && (with_xen || !e->xen_consumer))
            return p;
    }
    return EVTCHN_MAX_PORTS;
}

int evtchn_reset(struct evtchn_domain *d)
{
    uint32_t p;

    for (p = evtchn_next_open(d, 1, false); p != EVTCHN_MAX_PORTS;
         p = evtchn_next_open(d, p + 1, false))
        if (port_close(d, evtchn_port(d, p), p, NULL) != 0)
            return -EAGAIN;
    if (!d->fifo)
        return 0;
    for (p = 0; p < d->port_limit; p++) {
        evtchn_port(d, p)->last_vcpu = 0;
        evtchn_port(d, p)->last_priority = 0;
        evtchn_port(d, p)->pending = false;
    }
    evtchn_fifo_drop(d);
    d->free_hint = 1;
    return 0;
}
