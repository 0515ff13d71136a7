/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channel ops (xen/event_channel.h). The mechanism is pvhvm/evtchn.h; here are whose locks,
 * whose reference, and who is told. Two domains' locks are taken together (spin_lock_pair), and
 * the binding found without them is looked at again with them.
 */
#include "physmap.h"

#include <lib/string.h>
#include <mm/heap.h>
#include <x86/paging.h>

/* The far end of an interdomain port, referenced; *id is DOMID_INVALID when it has none. */
static struct domain *peer_of(struct hc *c, struct domain *d, uint32_t port, domid_t *id)
{
    uint32_t peer_port;
    domid_t peer;
    bool found;

    spin_lock(&d->evtchn_lock);
    found = evtchn_peer(&d->evtchn, port, &peer, &peer_port);
    spin_unlock(&d->evtchn_lock);
    *id = found ? peer : (domid_t)DOMID_INVALID;
    return found ? hc_any_domain(c, peer) : NULL;
}

/* Looked up under the sender's lock, delivered under the receiver's: never two at a time. */
static int64_t op_send(struct hc *c, void *arg)
{
    const struct evtchn_send *a = arg;
    struct evtchn_target to;
    int rc;

    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_send_lookup(&c->d->evtchn, a->port, true, &to);
    spin_unlock(&c->d->evtchn_lock);
    if (rc == 0)
        domain_deliver_event(&to);
    return rc;
}

#define CLOSE_TRIES 8U

/* The peer is found without its lock, so it may have changed when both are held: -EAGAIN, look
 * again. */
static int close_port(struct hc *c, struct domain *d, uint32_t port)
{
    int rc = -EAGAIN;

    for (unsigned int tries = 0; rc == -EAGAIN && tries < CLOSE_TRIES; tries++) {
        domid_t id;
        struct domain *peer = peer_of(c, d, port, &id);
        spinlock_t *other = peer ? &peer->evtchn_lock : &d->evtchn_lock;

        spin_lock_pair(&d->evtchn_lock, other);
        rc = evtchn_close(&d->evtchn, port, peer ? &peer->evtchn : NULL);
        spin_unlock_pair(&d->evtchn_lock, other);
        hc_put(c, peer);
    }
    return rc;
}

static int64_t op_close(struct hc *c, void *arg)
{
    const struct evtchn_close *a = arg;

    return close_port(c, c->d, a->port);
}

static int64_t op_alloc_unbound(struct hc *c, void *arg)
{
    struct evtchn_alloc_unbound *a = arg;
    domid_t remote = a->remote_dom == DOMID_SELF ? c->d->id : a->remote_dom;
    struct domain *d;
    int rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->evtchn_lock);
    /* Under the lock: whoever closes the ports of a dying domain finds this one, or it is not made. */
    rc = d->dying ? -ESRCH : evtchn_alloc_unbound(&d->evtchn, remote, &a->port);
    spin_unlock(&d->evtchn_lock);
    hc_put(c, d);
    return rc;
}

static int64_t op_bind_interdomain(struct hc *c, void *arg)
{
    struct evtchn_bind_interdomain *a = arg;
    struct domain *r = hc_any_domain(c, a->remote_dom);
    uint32_t notify = EVTCHN_NOTIFY_NONE;
    int rc;

    if (!r)
        return -ESRCH;
    spin_lock_pair(&c->d->evtchn_lock, &r->evtchn_lock);
    rc =
        evtchn_bind_interdomain(&c->d->evtchn, &r->evtchn, a->remote_port, &a->local_port, &notify);
    spin_unlock_pair(&c->d->evtchn_lock, &r->evtchn_lock);
    if (rc == 0)
        domain_notify(c->d, notify);
    hc_put(c, r);
    return rc;
}

static int64_t op_bind_virq(struct hc *c, void *arg)
{
    struct evtchn_bind_virq *a = arg;
    int rc;

    if (!domain_vcpu(c->d, a->vcpu))
        return -ENOENT;
    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_bind_virq(&c->d->evtchn, a->virq, a->vcpu, &a->port);
    spin_unlock(&c->d->evtchn_lock);
    return rc;
}

static int64_t op_bind_ipi(struct hc *c, void *arg)
{
    struct evtchn_bind_ipi *a = arg;
    int rc;

    if (!domain_vcpu(c->d, a->vcpu))
        return -ENOENT;
    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_bind_ipi(&c->d->evtchn, a->vcpu, &a->port);
    spin_unlock(&c->d->evtchn_lock);
    return rc;
}

static int64_t op_bind_vcpu(struct hc *c, void *arg)
{
    const struct evtchn_bind_vcpu *a = arg;
    int rc;

    if (!domain_vcpu(c->d, a->vcpu))
        return -ENOENT;
    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_bind_vcpu(&c->d->evtchn, a->port, a->vcpu);
    spin_unlock(&c->d->evtchn_lock);
    return rc;
}

static int64_t op_unmask(struct hc *c, void *arg)
{
    const struct evtchn_unmask *a = arg;
    uint32_t notify = EVTCHN_NOTIFY_NONE;
    int rc;

    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_unmask(&c->d->evtchn, a->port, &notify);
    spin_unlock(&c->d->evtchn_lock);
    if (rc == 0)
        domain_notify(c->d, notify);
    return rc;
}

static int64_t op_status(struct hc *c, void *arg)
{
    struct evtchn_status *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->evtchn_lock);
    rc = evtchn_status(&d->evtchn, a);
    spin_unlock(&d->evtchn_lock);
    hc_put(c, d);
    return rc;
}

static int64_t op_set_priority(struct hc *c, void *arg)
{
    const struct evtchn_set_priority *a = arg;
    int rc;

    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_set_priority(&c->d->evtchn, a->port, a->priority);
    spin_unlock(&c->d->evtchn_lock);
    return rc;
}

/* Interdomain ports one by one, with their peers, before the rest at once. */
static int64_t close_interdomain(struct hc *c, struct domain *d)
{
    uint32_t port = 1;

    for (;;) {
        spin_lock(&d->evtchn_lock);
        port = evtchn_next_open(&d->evtchn, port, false);
        spin_unlock(&d->evtchn_lock);
        if (port >= EVTCHN_MAX_PORTS)
            return 0;
        (void)close_port(c, d, port);
        /* What is closed already costs nothing the next time: there is no progress to remember. */
        if (hc_preempt())
            return -ERESTART;
        port++;
    }
}

struct fifo_pages {
    uint32_t count;
    uint32_t *page[EVTCHN_MAX_PORTS / EVTCHN_FIFO_WORDS_PER_PAGE];
    struct guest_area control[DOMAIN_MAX_VCPUS];
};

/* EVTCHN lock held: the control blocks, which the mechanism has let go of. Another vCPU may give new ones at once. */
static void take_controls(struct domain *d, struct fifo_pages *f)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (!v)
            continue;
        f->control[i] = v->fifo_control;
        v->fifo_control = (struct guest_area){ .page = NULL };
    }
}

/* The pages of the FIFO ABI were looked at through references, which nobody else remembers. */
static void drop_fifo_pages(const struct fifo_pages *f)
{
    for (uint32_t i = 0; i < f->count; i++)
        domain_unmap_page(f->page[i], hpa_to_mfn(virt_to_phys_direct(f->page[i])));
    for (uint32_t i = 0; i < ARRAY_COUNT(f->control); i++)
        domain_unmap_page(f->control[i].page, f->control[i].mfn);
}

static int64_t reset_rest(struct domain *d)
{
    struct fifo_pages *f = heap_new(struct fifo_pages);
    int rc;

    if (!f)
        return -ENOMEM;
    spin_lock(&d->evtchn_lock);
    f->count = d->evtchn.fifo_page_count;
    memcpy(f->page, d->evtchn.fifo_page, f->count * sizeof(f->page[0]));
    rc = evtchn_reset(&d->evtchn);
    if (rc == 0)
        take_controls(d, f);
    spin_unlock(&d->evtchn_lock);
    if (rc == 0)
        drop_fifo_pages(f);
    heap_free(f);
    return rc == -EAGAIN ? -ERESTART : rc;
}

static int64_t op_reset(struct hc *c, void *arg)
{
    const struct evtchn_reset *a = arg;
    struct domain *d;
    int64_t rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return rc;
    rc = close_interdomain(c, d);
    if (rc == 0)
        rc = reset_rest(d);
    hc_put(c, d);
    return rc;
}

/* A change of the ABI may have left upcalls due on any vCPU. */
static void notify_all(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_notify_event(d->vcpu[i]);
}

static int64_t op_init_control(struct hc *c, void *arg)
{
    struct evtchn_init_control *a = arg;
    struct vcpu *v = domain_vcpu(c->d, a->vcpu);
    struct guest_area area = { .offset = a->offset };
    int rc;

    a->link_bits = EVTCHN_FIFO_LINK_BITS;
    if (!v)
        return -ENOENT;
    if (evtchn_fifo_check_offset(a->offset) != 0)
        return hc_invalid(c, "EVTCHNOP_init_control: offset", a->offset);
    area.page = physmap_own_page(c->d, gfn_of(a->control_gfn), &area.mfn);
    if (!area.page)
        return hc_invalid(c, "EVTCHNOP_init_control: control_gfn", a->control_gfn);
    spin_lock(&c->d->evtchn_lock);
    rc = v->fifo_control.page ? -EINVAL
                              : evtchn_fifo_init_control(&c->d->evtchn, a->vcpu,
                                                         (char *)area.page + a->offset);
    if (rc == 0)
        v->fifo_control = area;
    spin_unlock(&c->d->evtchn_lock);
    if (rc != 0)
        domain_unmap_page(area.page, area.mfn);
    else
        notify_all(c->d);
    return rc;
}

static int64_t op_expand_array(struct hc *c, void *arg)
{
    const struct evtchn_expand_array *a = arg;
    mfn_t m;
    void *page = physmap_own_page(c->d, gfn_of(a->array_gfn), &m);
    int rc;

    if (!page)
        return hc_invalid(c, "EVTCHNOP_expand_array: array_gfn", a->array_gfn);
    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_fifo_expand(&c->d->evtchn, page);
    spin_unlock(&c->d->evtchn_lock);
    if (rc != 0)
        domain_unmap_page(page, m);
    else
        notify_all(c->d);
    return rc;
}

#define EVTCHN(cmd, fn, type, dir) [cmd] = { fn, sizeof(type), dir, HC_ANY, NULL }
static const struct hc_op evtchn_ops[] = {
    EVTCHN(EVTCHNOP_bind_interdomain, op_bind_interdomain, struct evtchn_bind_interdomain,
           HC_INOUT),
    EVTCHN(EVTCHNOP_bind_virq, op_bind_virq, struct evtchn_bind_virq, HC_INOUT),
    EVTCHN(EVTCHNOP_close, op_close, struct evtchn_close, HC_IN),
    EVTCHN(EVTCHNOP_send, op_send, struct evtchn_send, HC_IN),
    EVTCHN(EVTCHNOP_status, op_status, struct evtchn_status, HC_INOUT),
    EVTCHN(EVTCHNOP_alloc_unbound, op_alloc_unbound, struct evtchn_alloc_unbound, HC_INOUT),
    EVTCHN(EVTCHNOP_bind_ipi, op_bind_ipi, struct evtchn_bind_ipi, HC_INOUT),
    EVTCHN(EVTCHNOP_bind_vcpu, op_bind_vcpu, struct evtchn_bind_vcpu, HC_IN),
    EVTCHN(EVTCHNOP_unmask, op_unmask, struct evtchn_unmask, HC_IN),
    EVTCHN(EVTCHNOP_reset, op_reset, struct evtchn_reset, HC_IN),
    EVTCHN(EVTCHNOP_init_control, op_init_control, struct evtchn_init_control, HC_INOUT),
    EVTCHN(EVTCHNOP_expand_array, op_expand_array, struct evtchn_expand_array, HC_IN),
    EVTCHN(EVTCHNOP_set_priority, op_set_priority, struct evtchn_set_priority, HC_IN),
};
const struct hc_table hc_evtchn_table = HC_TABLE(evtchn_ops);

int64_t hc_event_channel_op(struct hc *c)
{
    return hc_op_call(c, &hc_evtchn_table, c->arg[0], gva_of(c->arg[1]));
}
