/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channel ops (xen/event_channel.h). The mechanism is pvhvm/evtchn.h; here are whose locks,
 * whose reference, and who is told. Two domains' locks are taken together (spin_lock_pair), and
 * the binding found without them is looked at again with them.
 */
#include "door.h"

/* The far end of an interdomain port: its domain referenced and both locks held, or just d's lock. */
struct ends { struct domain *d, *peer; };

static domid_t peer_id(struct domain *d, uint32_t port)
{
    const struct evtchn *e;
    domid_t id = DOMID_INVALID;

    spin_lock(&d->evtchn_lock);
    e = evtchn_port(&d->evtchn, port);
    if (e && e->state == EVT_INTERDOMAIN)
        id = e->inter.remote;
    spin_unlock(&d->evtchn_lock);
    return id;
}

/* false: the port changed hands between look-up and lock (or the peer is gone): try again. */
static bool lock_ends(struct hc *c, struct domain *d, uint32_t port, struct ends *e)
{
    domid_t id = peer_id(d, port);
    const struct evtchn *now;
    bool same;

    *e = (struct ends){ .d = d };
    if (id != DOMID_INVALID) {
        e->peer = hc_any_domain(c, id);
        if (!e->peer)
            return false;
    }
    spin_lock_pair(&d->evtchn_lock, e->peer ? &e->peer->evtchn_lock : &d->evtchn_lock);
    now = evtchn_port(&d->evtchn, port);
    if (e->peer)
        same = now && now->state == EVT_INTERDOMAIN && now->inter.remote == id;
    else
        same = !now || now->state != EVT_INTERDOMAIN;
    if (same)
        return true;
    spin_unlock_pair(&d->evtchn_lock, e->peer ? &e->peer->evtchn_lock : &d->evtchn_lock);
    hc_put(c, e->peer);
    return false;
}

static void unlock_ends(struct ends *e)
{
    spin_unlock_pair(&e->d->evtchn_lock, e->peer ? &e->peer->evtchn_lock : &e->d->evtchn_lock);
}

static int64_t op_send(struct hc *c, void *arg)
{
    const struct evtchn_send *a = arg;
    uint32_t to_peer = 0, notify = EVTCHN_NOTIFY_NONE;
    struct ends e;
    int rc;

    for (unsigned int tries = 0; !lock_ends(c, c->d, a->port, &e); tries++)
        if (tries == 3)
            return -EINVAL;
    rc = evtchn_send(&c->d->evtchn, a->port, e.peer ? &e.peer->evtchn : NULL, &to_peer, &notify);
    unlock_ends(&e);
    if (rc == 0)
        domain_notify(to_peer && e.peer ? e.peer : c->d, notify);
    hc_put(c, e.peer);
    return rc;
}

static int close_port(struct hc *c, struct domain *d, uint32_t port)
{
    struct ends e;
    int rc;

    for (unsigned int tries = 0; !lock_ends(c, d, port, &e); tries++)
        if (tries == 3)
            return -EINVAL;
    rc = evtchn_close(&d->evtchn, port, e.peer ? &e.peer->evtchn : NULL);
    unlock_ends(&e);
    hc_put(c, e.peer);
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
    rc = evtchn_alloc_unbound(&d->evtchn, remote, &a->port);
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
    rc = evtchn_bind_interdomain(&c->d->evtchn, &r->evtchn, a->remote_port, &a->local_port, &notify);
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

/* Closes what is open; may be long, but each port is short: peers' locks are taken one by one. */
static int64_t op_reset(struct hc *c, void *arg)
{
    const struct evtchn_reset *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->dom, &d);

    if (rc != 0)
        return rc;
    for (uint32_t port = 1; port < READ_ONCE(d->evtchn.port_limit); port++) {
        if (peer_id(d, port) != DOMID_INVALID)
            (void)close_port(c, d, port);
        /* Ports already closed cost nothing the next time: no progress to remember. */
        if (port % 1024 == 0 && hc_preempt()) {
            hc_put(c, d);
            return -ERESTART;
        }
    }
    spin_lock(&d->evtchn_lock);
    evtchn_reset(&d->evtchn);
    spin_unlock(&d->evtchn_lock);
    hc_put(c, d);
    return 0;
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
    if (a->offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || (a->offset & 7))
        return hc_invalid(c, "EVTCHNOP_init_control: offset", a->offset);
    area.page = domain_map_page(c->d, gfn_of(a->control_gfn), &area.mfn);
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
    return rc;
}

static int64_t op_expand_array(struct hc *c, void *arg)
{
    const struct evtchn_expand_array *a = arg;
    mfn_t m;
    void *page = domain_map_page(c->d, gfn_of(a->array_gfn), &m);
    int rc;

    if (!page)
        return hc_invalid(c, "EVTCHNOP_expand_array: array_gfn", a->array_gfn);
    spin_lock(&c->d->evtchn_lock);
    rc = evtchn_fifo_expand(&c->d->evtchn, page);
    spin_unlock(&c->d->evtchn_lock);
    if (rc != 0)
        domain_unmap_page(page, m);
    return rc;
}

#define EVTCHN(cmd, fn, type, dir) [cmd] = { fn, sizeof(type), dir, HC_ANY, NULL }
static const struct hc_op evtchn_ops[] = {
    EVTCHN(EVTCHNOP_bind_interdomain, op_bind_interdomain, struct evtchn_bind_interdomain, HC_INOUT),
    EVTCHN(EVTCHNOP_bind_virq,        op_bind_virq,        struct evtchn_bind_virq,        HC_INOUT),
    EVTCHN(EVTCHNOP_close,            op_close,            struct evtchn_close,            HC_IN),
    EVTCHN(EVTCHNOP_send,             op_send,             struct evtchn_send,             HC_IN),
    EVTCHN(EVTCHNOP_status,           op_status,           struct evtchn_status,           HC_INOUT),
    EVTCHN(EVTCHNOP_alloc_unbound,    op_alloc_unbound,    struct evtchn_alloc_unbound,    HC_INOUT),
    EVTCHN(EVTCHNOP_bind_ipi,         op_bind_ipi,         struct evtchn_bind_ipi,         HC_INOUT),
    EVTCHN(EVTCHNOP_bind_vcpu,        op_bind_vcpu,        struct evtchn_bind_vcpu,        HC_IN),
    EVTCHN(EVTCHNOP_unmask,           op_unmask,           struct evtchn_unmask,           HC_IN),
    EVTCHN(EVTCHNOP_reset,            op_reset,            struct evtchn_reset,            HC_IN),
    EVTCHN(EVTCHNOP_init_control,     op_init_control,     struct evtchn_init_control,     HC_INOUT),
    EVTCHN(EVTCHNOP_expand_array,     op_expand_array,     struct evtchn_expand_array,     HC_IN),
    EVTCHN(EVTCHNOP_set_priority,     op_set_priority,     struct evtchn_set_priority,     HC_IN),
};
const struct hc_table hc_evtchn_table = HC_TABLE(evtchn_ops);

int64_t hc_event_channel_op(struct hc *c)
{
    return hc_op_call(c, &hc_evtchn_table, c->arg[0], gva_of(c->arg[1]));
}
