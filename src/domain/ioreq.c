/* SPDX-License-Identifier: BSD-2-Clause */
#include <domain/ioreq.h>

#include <domain/domain.h>

#include "destroy.h"

#include <hv/errno.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/paging.h>
#include <xen/memory.h>

_Static_assert(DOMAIN_MAX_VCPUS <= IOREQ_MAX_VCPUS, "every vCPU has a slot");

/* ---- pages and ports ---- */

/* Ours; whoever maps it holds a further reference. */
static void *page_alloc(void)
{
    mfn_t m = frame_alloc(0, DOMID_XEN, true);

    return mfn_is_valid(m) ? frame_map(m) : NULL;
}

static void page_put(void *page)
{
    mfn_t m;

    if (!page)
        return;
    m = hpa_to_mfn(virt_to_phys_direct(page));
    frame_unmap(page);
    (void)frame_put(m);
}

static int open_port(struct domain *d, domid_t emulator, uint32_t vcpu, uint32_t *port)
{
    int rc;

    spin_lock(&d->evtchn_lock);
    rc = evtchn_alloc_unbound_xen(&d->evtchn, emulator, vcpu, port);
    spin_unlock(&d->evtchn_lock);
    if (rc != 0)
        *port = 0;
    return rc;
}

static void server_free(struct domain *d, struct ioreq_server *s)
{
    if (s->ring_port)
        domain_close_xen_port(d, s->ring_port);
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (s->port[i])
            domain_close_xen_port(d, s->port[i]);
    page_put(s->page);
    page_put(s->ring);
    heap_free(s);
}

static int server_fill(struct domain *d, domid_t emulator, uint8_t mode, struct ioreq_server *s)
{
    int rc = 0;

    s->buffered = mode != HVM_IOREQSRV_BUFIOREQ_OFF;
    s->page = page_alloc();
    s->ring = s->buffered ? page_alloc() : NULL;
    if (!s->page || (s->buffered && !s->ring))
        return -ENOMEM;
    if (s->buffered)
        rc = open_port(d, emulator, 0, &s->ring_port);
    for (uint32_t i = 0; rc == 0 && i < d->max_vcpus; i++)
        if (d->vcpu[i])
            rc = open_port(d, emulator, i, &s->port[i]);
    return rc;
}

static void publish_ports(struct domain *d, struct ioreq_server *s)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        ioreq_publish_port(s, i);
}

int domain_ioreq_create(struct domain *d, domid_t emulator, uint8_t mode, ioservid_t *id)
{
    struct ioreq_server *s;
    int rc;

    if (mode > HVM_IOREQSRV_BUFIOREQ_ATOMIC)
        return -EINVAL;
    s = heap_new(struct ioreq_server);
    if (!s)
        return -ENOMEM;
    rc = server_fill(d, emulator, mode, s);
    if (rc == 0) {
        publish_ports(d, s);
        spin_lock(&d->ioreq_lock);
        rc = d->dying ? -EINVAL : ioreq_add(&d->ioreq, s, id);
        spin_unlock(&d->ioreq_lock);
    }
    if (rc != 0)
        server_free(d, s);
    return rc;
}

/* IOREQ lock held: server id has answered v, or never will. */
static void no_longer_waits_for(struct vcpu *v, ioservid_t id)
{
    v->io.waiting &= ~(1U << id);
    if (v->io.waiting)
        return;
    __atomic_store_n(&v->io.answered, true, __ATOMIC_SEQ_CST);
    sched_set_waiting(&v->sched, false);
}

int domain_ioreq_destroy(struct domain *d, ioservid_t id)
{
    struct ioreq_server *s;

    spin_lock(&d->ioreq_lock);
    s = ioreq_find(&d->ioreq, id);
    if (s)
        ioreq_remove(&d->ioreq, id);
    for (uint32_t i = 0; s && i < d->max_vcpus; i++)
        if (d->vcpu[i] && (d->vcpu[i]->io.waiting & (1U << id))) {
            d->vcpu[i]->io.data = UINT64_MAX;
            no_longer_waits_for(d->vcpu[i], id);
        }
    spin_unlock(&d->ioreq_lock);
    if (!s)
        return -ENOENT;
    server_free(d, s);
    return 0;
}

void domain_ioreq_destroy_all(struct domain *d)
{
    for (unsigned int id = 0; id < IOREQ_MAX_SERVERS; id++)
        (void)(domain_ioreq_destroy(d, (ioservid_t)id) == 0);
}

int domain_ioreq_enable(struct domain *d, ioservid_t id, bool on)
{
    struct ioreq_server *s;

    spin_lock(&d->ioreq_lock);
    s = ioreq_find(&d->ioreq, id);
    if (s) {
        publish_ports(d, s);
        s->enabled = on;
    }
    spin_unlock(&d->ioreq_lock);
    return s ? 0 : -ENOENT;
}

int domain_ioreq_range(struct domain *d, ioservid_t id, uint32_t space, uint64_t start, uint64_t end, bool add)
{
    struct ioreq_server *s;
    int rc = -ENOENT;

    if (space >= IOREQ_SPACES)
        return -EINVAL;
    spin_lock(&d->ioreq_lock);
    s = ioreq_find(&d->ioreq, id);
    if (s) {
        struct ioreq_ranges *r = &s->ranges[array_index_nospec(space, IOREQ_SPACES)];

        rc = add ? ioreq_ranges_add(r, start, end) : ioreq_ranges_remove(r, start, end);
    }
    spin_unlock(&d->ioreq_lock);
    return rc;
}

int domain_ioreq_ring_port(struct domain *d, ioservid_t id, uint32_t *port)
{
    struct ioreq_server *s;

    spin_lock(&d->ioreq_lock);
    s = ioreq_find(&d->ioreq, id);
    if (s)
        *port = s->ring_port;
    spin_unlock(&d->ioreq_lock);
    return s ? 0 : -ENOENT;
}

static void *server_page(const struct ioreq_server *s, uint64_t frame)
{
    if (frame == XENMEM_resource_ioreq_server_frame_bufioreq)
        return s->ring;
    return frame == XENMEM_resource_ioreq_server_frame_ioreq(0) ? s->page : NULL;
}

int domain_ioreq_frame(struct domain *d, ioservid_t id, uint64_t frame, mfn_t *m)
{
    struct ioreq_server *s;
    int rc = -ENOENT;

    spin_lock(&d->ioreq_lock);
    s = ioreq_find(&d->ioreq, id);
    if (s) {
        void *page = server_page(s, frame);

        rc = -EINVAL;
        if (page) {
            *m = hpa_to_mfn(virt_to_phys_direct(page));
            rc = frame_get(*m, DOMID_XEN) ? 0 : -ENOMEM;
        }
    }
    spin_unlock(&d->ioreq_lock);
    return rc;
}

/* ---- requests and answers ---- */

/* IOREQ lock held; v is the current one and waits for nothing. */
static void send(struct vcpu *v, struct ioreq_server *s, ioservid_t id, const struct ioreq_request *r)
{
    if (!v->io.waiting)
        sched_set_waiting(&v->sched, true);
    v->io.waiting |= 1U << id;
    ioreq_send(s, v->id, r);
}

/* What is written to the VGA window is looked at when the screen is drawn: nobody has to wait for it. The server takes what
 * is in the ring before it answers the next request, so the order stays. */
#define VGA_WINDOW 0xa0000UL
#define VGA_WINDOW_END 0xc0000UL

static bool is_for_later(const struct ioreq_request *r)
{
    return r->type == IOREQ_TYPE_COPY && !r->read && r->addr >= VGA_WINDOW && r->addr + r->size <= VGA_WINDOW_END;
}

enum io_result vcpu_io_request(struct vcpu *v, const struct ioreq_request *r)
{
    struct domain *d = v->domain;
    struct ioreq_server *s;
    bool buffered;
    uint32_t port;
    ioservid_t id;

    spin_lock(&d->ioreq_lock);
    s = ioreq_route(&d->ioreq, r, &id);
    if (!s) {
        spin_unlock(&d->ioreq_lock);
        return IO_UNCLAIMED;
    }
    buffered = is_for_later(r) && ioreq_push(s, r);
    port = buffered ? s->ring_port : s->port[v->id];
    if (!buffered) {
        v->io.request = *r;
        send(v, s, id, r);
    }
    spin_unlock(&d->ioreq_lock);
    domain_send_event(d, port);
    return buffered ? IO_DONE : IO_PENDING;
}

enum io_result vcpu_io_port(struct vcpu *v, const struct io_req *req)
{
    struct domain *d = v->domain;
    struct ioreq_request r;

    if (READ_ONCE(d->ioreq.count) == 0)
        return IO_UNCLAIMED;
    spin_lock(&d->ioreq_lock);
    r = ioreq_from_port(&d->ioreq, (uint16_t)req->addr, !req->write, req->size, req->data);
    spin_unlock(&d->ioreq_lock);
    return vcpu_io_request(v, &r);
}

enum io_result vcpu_io_port_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run)
{
    const struct ioreq_request r = { .type = IOREQ_TYPE_PIO, .read = !req->write, .size = req->size, .run = run,
                                     .addr = req->addr, .data = memory.v };

    if (READ_ONCE(v->domain->ioreq.count) == 0 || ioreq_is_config_port((uint16_t)req->addr))
        return IO_UNCLAIMED;
    return vcpu_io_request(v, &r);
}

enum io_result vcpu_io_memory_run(struct vcpu *v, const struct io_req *req, gpa_t memory, uint32_t run)
{
    const struct ioreq_request r = { .type = IOREQ_TYPE_COPY, .read = !req->write, .size = req->size, .run = run,
                                     .addr = req->addr, .data = memory.v };

    return vcpu_io_request(v, &r);
}

bool vcpu_io_invalidate(struct vcpu *v)
{
    const struct ioreq_request r = { .type = IOREQ_TYPE_INVALIDATE, .size = 4, .data = UINT64_MAX };
    struct domain *d = v->domain;
    uint32_t port[IOREQ_MAX_SERVERS];
    unsigned int count = 0;

    __atomic_store_n(&v->io.invalidate, false, __ATOMIC_SEQ_CST);
    spin_lock(&d->ioreq_lock);
    for (unsigned int id = 0; id < IOREQ_MAX_SERVERS; id++) {
        struct ioreq_server *s = d->ioreq.server[id];

        if (!s || !s->enabled)
            continue;
        v->io.request = r;
        send(v, s, (ioservid_t)id, &r);
        port[count++] = s->port[v->id];
    }
    spin_unlock(&d->ioreq_lock);
    for (unsigned int i = 0; i < count; i++)
        domain_send_event(d, port[i]);
    return count > 0;
}

void domain_ioreq_stale(struct domain *d)
{
    struct vcpu *v = current_vcpu();

    if (READ_ONCE(d->ioreq.count) == 0)
        return;
    if (v && v->domain == d) {
        __atomic_store_n(&v->io.invalidate, true, __ATOMIC_SEQ_CST);
        return;
    }
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            __atomic_store_n(&d->vcpu[i]->io.invalidate, true, __ATOMIC_SEQ_CST);
}

/* IOREQ lock held. False: a server has broken the protocol. */
static bool take_answers(struct domain *d, struct vcpu *v)
{
    uint32_t left = v->io.waiting;

    for (; left; left &= left - 1) {
        ioservid_t id = (ioservid_t)__builtin_ctz(left);
        uint64_t data = 0;

        switch (ioreq_take(d->ioreq.server[id], v->id, &data)) {
        case IOREQ_WAITING:
            break;
        case IOREQ_ANSWERED:
            v->io.data = data;
            no_longer_waits_for(v, id);
            break;
        case IOREQ_BROKEN:
            return false;
        }
    }
    return true;
}

void domain_io_event(struct domain *d, uint32_t vcpu)
{
    struct vcpu *v = domain_vcpu(d, vcpu);
    bool good;

    if (!v)
        return;
    spin_lock(&d->ioreq_lock);
    good = take_answers(d, v);
    spin_unlock(&d->ioreq_lock);
    if (!good)
        domain_crash(d, "its device model broke the protocol of requests (vCPU %u)", vcpu);
}
