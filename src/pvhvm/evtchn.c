/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports and their bindings. A port goes FREE -> {UNBOUND, INTERDOMAIN, VIRQ, IPI} -> FREE; an
 * interdomain pair is UNBOUND + bind -> both INTERDOMAIN, and closing one end leaves the other UNBOUND.
 * Port 0 is reserved. Structures come in buckets that are never given back before the domain dies, so a
 * pointer to a port stays valid.
 */
#include <pvhvm/evtchn.h>

#include "evtchn_delivery.h"

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>

int evtchn_init(struct evtchn_domain *d, domid_t id, uint32_t max_port, uint32_t vcpu_count,
                void *(*alloc)(size_t), void (*free)(void *))
{
    if (vcpu_count == 0)
        return -EINVAL;
    memset(d, 0, sizeof(*d));
    d->id = id;
    d->max_port = min_of(max_port, EVTCHN_MAX_PORTS - 1);
    d->vcpu_count = vcpu_count;
    d->alloc = alloc;
    d->free = free;
    d->free_hint = 1;
    d->bucket = alloc((d->max_port / EVTCHN_PER_BUCKET + 1) * sizeof(struct evtchn *));
    d->vcpu = alloc(vcpu_count * sizeof(struct evtchn_vcpu));
    if (d->bucket != NULL)
        d->bucket[0] = alloc(EVTCHN_PER_BUCKET * sizeof(struct evtchn));
    if (d->bucket == NULL || d->vcpu == NULL || d->bucket[0] == NULL) {
        evtchn_fini(d);
        return -ENOMEM;
    }
    d->port_limit = EVTCHN_PER_BUCKET;
    d->bucket[0][0].state = EVT_RESERVED;
    return 0;
}

void evtchn_fini(struct evtchn_domain *d)
{
    uint32_t i;

    if (d->bucket != NULL) {
        for (i = 0; i <= d->max_port / EVTCHN_PER_BUCKET; i++)
            if (d->bucket[i] != NULL)
                d->free(d->bucket[i]);
        d->free(d->bucket);
    }
    if (d->vcpu != NULL)
        d->free(d->vcpu);
    memset(d, 0, sizeof(*d));
}

struct evtchn *evtchn_port(const struct evtchn_domain *d, uint32_t port)
{
    uint32_t limit = __atomic_load_n(&d->port_limit, __ATOMIC_ACQUIRE);
    size_t i;

    if (port >= limit)
        return NULL;
    i = array_index_nospec(port, limit);
    return &d->bucket[i / EVTCHN_PER_BUCKET][i % EVTCHN_PER_BUCKET];
}

uint32_t evtchn_mark_upcall(struct evtchn_domain *d, uint32_t vcpu)
{
    struct vcpu_info *info = d->vcpu[vcpu].vcpu_info;

    if (info == NULL || __atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST) != 0)
        return EVTCHN_NOTIFY_NONE;
    return vcpu;
}

/* ---- delivery, by the ABI that the domain uses ---- */

static uint32_t port_raise(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    return d->fifo ? evtchn_fifo_set_pending(d, e, port) : evtchn_2l_set_pending(d, e, port);
}

uint32_t evtchn_set_pending(struct evtchn_domain *d, uint32_t port)
{
    struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || e->state <= EVT_UNBOUND || e->xen_consumer)
        return EVTCHN_NOTIFY_NONE;
    return port_raise(d, e, port);
}

uint32_t evtchn_raise_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu)
{
    uint32_t port;

    if (virq >= EVTCHN_NR_VIRQS || vcpu >= d->vcpu_count)
        return EVTCHN_NOTIFY_NONE;
    port = evtchn_virq_is_global(virq) ? d->global_virq_port[virq] : d->vcpu[vcpu].virq_port[virq];
    return port != 0 ? evtchn_set_pending(d, port) : EVTCHN_NOTIFY_NONE;
}

int evtchn_unmask(struct evtchn_domain *d, uint32_t port, uint32_t *notify)
{
    struct evtchn *e = evtchn_port(d, port);

    *notify = EVTCHN_NOTIFY_NONE;
    if (e == NULL)
        return -EINVAL;
    *notify = d->fifo ? evtchn_fifo_unmask(d, e, port) : evtchn_2l_unmask(d, e, port);
    return 0;
}

bool evtchn_is_pending(const struct evtchn_domain *d, uint32_t port)
{
    const struct evtchn *e = evtchn_port(d, port);

    if (e == NULL)
        return false;
    return d->fifo ? evtchn_fifo_is_pending(d, e, port) : evtchn_2l_is_pending(d, port);
}

bool evtchn_is_masked(const struct evtchn_domain *d, uint32_t port)
{
    return d->fifo ? evtchn_fifo_is_masked(d, port) : evtchn_2l_is_masked(d, port);
}

bool evtchn_upcall_pending(const struct evtchn_domain *d, uint32_t vcpu)
{
    const struct vcpu_info *info = NULL;

    if (vcpu < d->vcpu_count)
        info = __atomic_load_n(&d->vcpu[vcpu].vcpu_info, __ATOMIC_ACQUIRE);
    return info != NULL && __atomic_load_n(&info->evtchn_upcall_pending, __ATOMIC_ACQUIRE) != 0;
}

void evtchn_set_vcpu_info(struct evtchn_domain *d, uint32_t vcpu, void *vcpu_info)
{
    struct evtchn_vcpu *v = &d->vcpu[vcpu];
    void *old = v->vcpu_info;

    ASSERT(vcpu < d->vcpu_count);
    if (vcpu_info != NULL && old != NULL && old != vcpu_info)
        memmove(vcpu_info, old, sizeof(struct vcpu_info));
    __atomic_store_n(&v->vcpu_info, vcpu_info, __ATOMIC_SEQ_CST);
    if (vcpu_info == NULL || (old == NULL && d->in_use == 0))
        return;
    if (!d->fifo)
        evtchn_2l_select_all(d, vcpu);
    (void)evtchn_mark_upcall(d, vcpu);
}

/* ---- ports ---- */

static int port_grow(struct evtchn_domain *d)
{
    struct evtchn *b = d->alloc(EVTCHN_PER_BUCKET * sizeof(struct evtchn));

    if (b == NULL)
        return -ENOMEM;
    d->bucket[d->port_limit / EVTCHN_PER_BUCKET] = b;
    __atomic_store_n(&d->port_limit, d->port_limit + EVTCHN_PER_BUCKET, __ATOMIC_RELEASE);
    return 0;
}

/* The lowest port that can be given out. Changes nothing but the number of structures. */
static int port_find_free(struct evtchn_domain *d, uint32_t *port)
{
    uint32_t capacity = d->fifo ? EVTCHN_MAX_PORTS : evtchn_2l_capacity(d);
    uint32_t limit = min_of(d->max_port + 1, capacity);
    uint32_t p;
    int rc;

    while (d->free_hint < d->port_limit && evtchn_port(d, d->free_hint)->state != EVT_FREE)
        d->free_hint++;
    for (p = d->free_hint; p < limit; p++) {
        if (p >= d->port_limit) {
            rc = port_grow(d);
            if (rc != 0)
                return rc;
        }
        if (evtchn_port(d, p)->state == EVT_FREE && !(d->fifo && evtchn_fifo_is_busy(d, p))) {
            *port = p;
            return 0;
        }
    }
    return -ENOSPC;
}

/* last_vcpu and last_priority survive: the port may still be the tail of its former queue. */
static struct evtchn *port_claim(struct evtchn_domain *d, uint32_t port, enum evtchn_state state, uint32_t vcpu)
{
    struct evtchn *e = evtchn_port(d, port);

    e->state = (uint8_t)state;
    e->notify_vcpu = vcpu;
    e->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    e->pending = false;
    e->xen_consumer = false;
    d->in_use++;
    return e;
}

static void port_release(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    if (d->fifo)
        evtchn_fifo_clear_pending(d, e, port);
    else
        evtchn_2l_clear_pending(d, port);
    if (e->xen_consumer)
        d->xen_in_use--;
    d->in_use--;
    e->state = EVT_FREE;
    e->notify_vcpu = 0;
    e->pending = false;
    e->xen_consumer = false;
    d->free_hint = min_of(d->free_hint, port);
}

/* ---- binding ---- */

int evtchn_alloc_unbound(struct evtchn_domain *d, domid_t remote, uint32_t *port)
{
    int rc = port_find_free(d, port);

    if (rc != 0)
        return rc;
    port_claim(d, *port, EVT_UNBOUND, 0)->inter.remote = remote;
    return 0;
}

int evtchn_alloc_unbound_xen(struct evtchn_domain *d, domid_t remote, uint32_t vcpu, uint32_t *port)
{
    struct evtchn *e;
    int rc = vcpu < d->vcpu_count ? port_find_free(d, port) : -ENOENT;

    if (rc != 0)
        return rc;
    e = port_claim(d, *port, EVT_UNBOUND, vcpu);
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
    rc = port_find_free(l, local_port);
    if (rc != 0)
        return rc;

    le = port_claim(l, *local_port, EVT_INTERDOMAIN, 0);
    le->inter.remote = r->id;
    le->inter.remote_port = remote_port;
    re->inter.remote = l->id;
    re->inter.remote_port = *local_port;
    re->state = EVT_INTERDOMAIN;
    /* Whatever the other end sent before there was a binding went nowhere: let the new end look once. */
    *notify = port_raise(l, le, *local_port);
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
    slot = evtchn_virq_is_global(virq) ? &d->global_virq_port[virq] : &d->vcpu[vcpu].virq_port[virq];
    if (*slot != 0)
        return -EEXIST;
    rc = port_find_free(d, port);
    if (rc != 0)
        return rc;
    port_claim(d, *port, EVT_VIRQ, vcpu)->virq = (uint16_t)virq;
    *slot = *port;
    return 0;
}

int evtchn_bind_ipi(struct evtchn_domain *d, uint32_t vcpu, uint32_t *port)
{
    int rc = vcpu < d->vcpu_count ? port_find_free(d, port) : -ENOENT;

    if (rc == 0)
        (void)port_claim(d, *port, EVT_IPI, (uint32_t)array_index_nospec(vcpu, d->vcpu_count));
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

static int port_close(struct evtchn_domain *d, struct evtchn *e, uint32_t port, struct evtchn_domain *peer)
{
    struct evtchn *pe;

    if (e->state == EVT_INTERDOMAIN) {
        if (e->inter.remote == d->id)
            peer = d;
        if (peer == NULL || peer->id != e->inter.remote)
            return -EAGAIN;
        pe = evtchn_port(peer, e->inter.remote_port);
        ASSERT(pe != NULL && pe->state == EVT_INTERDOMAIN && pe->inter.remote_port == port);
        pe->state = EVT_UNBOUND;                /* and remote is d still */
    } else if (e->state == EVT_VIRQ) {
        if (evtchn_virq_is_global(e->virq))
            d->global_virq_port[e->virq] = 0;
        else
            d->vcpu[e->notify_vcpu].virq_port[e->virq] = 0;
    }
    port_release(d, e, port);
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

/* ---- sending ---- */

int evtchn_send_lookup(const struct evtchn_domain *d, uint32_t port, bool guest, struct evtchn_target *to)
{
    const struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || (guest && e->xen_consumer))
        return -EINVAL;
    if (e->state == EVT_INTERDOMAIN)
        *to = (struct evtchn_target){ e->inter.remote, e->inter.remote_port, d->id, port };
    else if (e->state == EVT_IPI)
        *to = (struct evtchn_target){ d->id, port, DOMID_INVALID, 0 };
    else if (e->state == EVT_UNBOUND)
        *to = (struct evtchn_target){ DOMID_INVALID, 0, DOMID_INVALID, 0 };
    else
        return -EINVAL;
    return 0;
}

uint32_t evtchn_deliver(struct evtchn_domain *d, const struct evtchn_target *to, bool *xen)
{
    struct evtchn *e = evtchn_port(d, to->port);

    *xen = false;
    if (e == NULL || to->domid != d->id)
        return EVTCHN_NOTIFY_NONE;
    if (to->from == DOMID_INVALID) {
        if (e->state != EVT_IPI)
            return EVTCHN_NOTIFY_NONE;
    } else if (e->state != EVT_INTERDOMAIN || e->inter.remote != to->from ||
               e->inter.remote_port != to->from_port) {
        return EVTCHN_NOTIFY_NONE;
    }
    *xen = e->xen_consumer;
    return *xen ? e->notify_vcpu : port_raise(d, e, to->port);
}

int evtchn_send(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer, uint32_t *where, uint32_t *notify)
{
    struct evtchn_target to;
    struct evtchn_domain *target;
    bool xen;
    int rc = evtchn_send_lookup(d, port, true, &to);

    *where = 0;
    *notify = EVTCHN_NOTIFY_NONE;
    if (rc != 0 || to.domid == DOMID_INVALID)
        return rc;
    target = to.domid == d->id ? d : peer;
    if (target == NULL || target->id != to.domid)
        return -EAGAIN;
    *notify = evtchn_deliver(target, &to, &xen);
    *where = (target != d ? EVTCHN_SENT_TO_PEER : 0) | (xen ? EVTCHN_SENT_TO_XEN : 0);
    return 0;
}

/* ---- the rest ---- */

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

    for (p = evtchn_next_open(d, 1, false); p != EVTCHN_MAX_PORTS; p = evtchn_next_open(d, p + 1, false))
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
