/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ports and how events go through them. Structures come in buckets that are never given back before
 * the domain dies, so a pointer to a port stays valid. Port 0 is reserved. What ports are bound to
 * is evtchn_bind.c's.
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

uint32_t evtchn_port_raise(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
{
    return d->fifo ? evtchn_fifo_set_pending(d, e, port) : evtchn_2l_set_pending(d, e, port);
}

uint32_t evtchn_set_pending(struct evtchn_domain *d, uint32_t port)
{
    struct evtchn *e = evtchn_port(d, port);

    if (e == NULL || e->state <= EVT_UNBOUND || e->xen_consumer)
        return EVTCHN_NOTIFY_NONE;
    return evtchn_port_raise(d, e, port);
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

int evtchn_port_find_free(struct evtchn_domain *d, uint32_t *port)
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

struct evtchn *evtchn_port_claim(struct evtchn_domain *d, uint32_t port, enum evtchn_state state,
                                 uint32_t vcpu)
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

void evtchn_port_release(struct evtchn_domain *d, struct evtchn *e, uint32_t port)
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

/* ---- sending ---- */

int evtchn_send_lookup(const struct evtchn_domain *d, uint32_t port, bool guest,
                       struct evtchn_target *to)
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
    return *xen ? e->notify_vcpu : evtchn_port_raise(d, e, to->port);
}

int evtchn_send(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer, uint32_t *where,
                uint32_t *notify)
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
