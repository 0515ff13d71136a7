/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels (xen/event_channel.h): the ports of one domain, 2-level and FIFO delivery. Pure
 * over the shared pages, which are given as pointers and whose content is never trusted: a guest
 * that scribbles over them loses its own events and nothing else.
 *
 * The caller holds the domain's EVTCHN lock around every call that takes the domain (both locks
 * where two domains are given; for a send, evtchn_send_lookup() and evtchn_deliver() need one at a
 * time). Nothing here blocks, sends interrupts or looks up a domain: whom to notify is returned.
 * Sending never searches and never allocates.
 *
 * A port that becomes pending may also end a SCHEDOP_poll of a vCPU, even a masked one: whoever
 * sets a port pending looks at the pollers of that domain afterwards (evtchn_is_pending() on what
 * they poll), whatever the notification was.
 */
#ifndef PVHVM_EVTCHN_H
#define PVHVM_EVTCHN_H

#include <hv/compiler.h>
#include <hv/errno.h>
#include <hv/types.h>
#include <xen/event_channel.h>

enum evtchn_state { EVT_FREE, EVT_RESERVED, EVT_UNBOUND, EVT_INTERDOMAIN, EVT_VIRQ, EVT_IPI,
                    EVT_PIRQ };

struct evtchn {
    uint8_t state;               /* enum evtchn_state */
    uint8_t priority;            /* FIFO queue for the next event */
    uint8_t last_priority;       /* and the queue in which the port was linked last */
    bool xen_consumer;           /* the hypervisor is this end (ioreq): never set pending */
    uint32_t notify_vcpu;        /* always < vcpu_count */
    uint32_t last_vcpu;
    bool pending;                /* became pending before its FIFO event word existed */
    union {
        struct { domid_t remote; uint32_t remote_port; } inter;   /* UNBOUND: remote only */
        uint16_t virq;
        uint16_t pirq;
    };
};

#define EVTCHN_PER_BUCKET 128U
#define EVTCHN_MAX_PORTS 131072U
#define EVTCHN_FIFO_WORDS_PER_PAGE 1024U
#define EVTCHN_NR_VIRQS 24U

struct evtchn_vcpu { /* per vCPU delivery state; the pointers lead into memory of the guest */
    void *vcpu_info;             /* struct vcpu_info, our mapping; NULL: none yet */
    void *fifo_control;          /* struct evtchn_fifo_control_block, our mapping or NULL */
    uint32_t fifo_tail[EVTCHN_FIFO_MAX_QUEUES];
    uint32_t virq_port[EVTCHN_NR_VIRQS];     /* per-vCPU VIRQs, 0: none */
};

struct evtchn_domain {
    domid_t id;
    uint32_t max_port;           /* highest port allowed (createdomain), inclusive */
    uint32_t port_limit;         /* ports 0 .. port_limit-1 have a struct evtchn */
    uint32_t free_hint;          /* no free port below this one */
    struct evtchn **bucket;      /* max_port / EVTCHN_PER_BUCKET + 1 pointers */
    bool fifo;
    void *shared_info;           /* struct shared_info, our mapping; 2-level arrays live there */
    bool shared_32bit;           /* 32-bit layout of shared_info and vcpu_info */
    uint32_t *fifo_page[EVTCHN_MAX_PORTS / EVTCHN_FIFO_WORDS_PER_PAGE];
    uint32_t fifo_page_count;
    struct evtchn_vcpu *vcpu;
    uint32_t vcpu_count;
    uint32_t global_virq_port[EVTCHN_NR_VIRQS];
    uint32_t in_use;             /* ports that are neither free nor reserved, xen_in_use included */
    uint32_t xen_in_use;
    void *(*alloc)(size_t size); /* zeroed */
    void (*free)(void *p);
};

#define EVTCHN_NOTIFY_NONE UINT32_MAX

/* max_port above the ABI's 131071 (the tools say "no limit" with ~0) is cut to that. -ENOMEM,
 * -EINVAL. */
int evtchn_init(struct evtchn_domain *d, domid_t id, uint32_t max_port, uint32_t vcpu_count,
                void *(*alloc)(size_t), void (*free)(void *)) must_check;
void evtchn_fini(struct evtchn_domain *d);
struct evtchn *evtchn_port(const struct evtchn_domain *d, uint32_t port);   /* NULL: no such port */

/* Binding. Errors as in EVTCHNOP_*: -ENOSPC no port left, -ENOMEM, -EINVAL bad port or VIRQ,
 * -ENOENT no such vCPU, -EEXIST VIRQ bound already. remote is a domain id, DOMID_SELF already
 * resolved. On error nothing has changed. */
int evtchn_alloc_unbound(struct evtchn_domain *d, domid_t remote, uint32_t *port) must_check;
/* l binds to r's unbound port; l's new port becomes pending at once (*notify: vCPU of l). l may be
 * r. */
int evtchn_bind_interdomain(struct evtchn_domain *l, struct evtchn_domain *r, uint32_t remote_port,
                            uint32_t *local_port, uint32_t *notify) must_check;
int evtchn_bind_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu,
                     uint32_t *port) must_check;
int evtchn_bind_ipi(struct evtchn_domain *d, uint32_t vcpu, uint32_t *port) must_check;
int evtchn_bind_vcpu(struct evtchn_domain *d, uint32_t port, uint32_t vcpu) must_check;
static inline bool evtchn_virq_is_global(uint32_t virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

/* The other end of an interdomain port; false: there is none. For finding and locking it before
 * evtchn_close/evtchn_send. */
bool evtchn_peer(const struct evtchn_domain *d, uint32_t port, domid_t *peer, uint32_t *peer_port);
/* EVTCHNOP_close. peer: the other domain when the port is interdomain (its lock is held too), else
 * NULL. -EAGAIN: it is not (or no longer) the peer, look again. The peer's port becomes unbound,
 * awaiting a new connection from d. */
int evtchn_close(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer) must_check;

/* Ports whose local end is the hypervisor (ioreq servers): guests cannot close, send on or rebind
 * them. */
int evtchn_alloc_unbound_xen(struct evtchn_domain *d, domid_t remote, uint32_t vcpu,
                             uint32_t *port) must_check;
int evtchn_close_xen(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer) must_check;

/* Sending with one lock at a time: look up under d's lock, then deliver under the target's. In
 * between the binding may go away (deliver finds out and drops the event, as if it had come after
 * the close). */
struct evtchn_target {
    domid_t domid;               /* DOMID_INVALID: nobody there (unbound), the event is dropped */
    uint32_t port;
    domid_t from;                /* the sending end, DOMID_INVALID for an IPI */
    uint32_t from_port;
};
/* guest: on behalf of the guest (EVTCHNOP_send), which cannot use Xen's ports; else the hypervisor
 * sends. -EINVAL. */
int evtchn_send_lookup(const struct evtchn_domain *d, uint32_t port, bool guest,
                       struct evtchn_target *to) must_check;
/* *xen: the hypervisor is the consumer, the returned vCPU is the one that waits for it. */
uint32_t evtchn_deliver(struct evtchn_domain *d, const struct evtchn_target *to, bool *xen);

/* The same in one call, both locks held. *where: whose vCPU *notify is, and that it is not a guest
 * event but one of ours. */
#define EVTCHN_SENT_TO_PEER 0x1U
#define EVTCHN_SENT_TO_XEN 0x2U
int evtchn_send(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer, uint32_t *where,
                uint32_t *notify) must_check;

/* Sets a port of d pending; returns the vCPU to notify or EVTCHN_NOTIFY_NONE (masked, pending
 * already, upcall already due). */
uint32_t evtchn_set_pending(struct evtchn_domain *d, uint32_t port);
/* vcpu is ignored for global VIRQs. Nobody bound: nothing happens. */
uint32_t evtchn_raise_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu);
int evtchn_unmask(struct evtchn_domain *d, uint32_t port, uint32_t *notify) must_check;
/* out->port asks; fills status, vcpu and u. -EACCES: the port is the hypervisor's own. */
int evtchn_status(struct evtchn_domain *d, struct evtchn_status *out) must_check;
int evtchn_set_priority(struct evtchn_domain *d, uint32_t port, uint32_t priority) must_check;

/* FIFO. control/array pages are our mappings of the guest's pages, references held by the caller,
 * who has checked the control block's place with the first function. Both others may make upcalls
 * due on any vCPU: look at evtchn_upcall_pending() of all. */
static inline int evtchn_fifo_check_offset(uint32_t offset)
{
    return offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || (offset & 7) != 0
               ? -EINVAL
               : 0;
}
int evtchn_fifo_init_control(struct evtchn_domain *d, uint32_t vcpu,
                             void *control_block) must_check;
int evtchn_fifo_expand(struct evtchn_domain *d, uint32_t *array_page) must_check;

/* EVTCHNOP_reset and domain death: the caller closes the interdomain ports (peers looked up and
 * locked), then evtchn_reset() closes the others, returns to the 2-level ABI and forgets control
 * blocks and event array, whose mappings the caller drops afterwards. -EAGAIN: an interdomain port
 * is open (again): close it and come back. The hypervisor's own ports stay open (evtchn_close_xen).
 * evtchn_next_open: first open port at or after from, EVTCHN_MAX_PORTS if there is none. */
uint32_t evtchn_next_open(const struct evtchn_domain *d, uint32_t from, bool with_xen);
int evtchn_reset(struct evtchn_domain *d);
/* Domain `gone` has died (nobody finds it any more): ports of d bound to it become unbound. For
 * every other domain, before gone's own structure goes: an interdomain port whose peer cannot be
 * found could never be closed. */
void evtchn_forget_peer(struct evtchn_domain *d, domid_t gone);

/* May be asked without the lock while the ABI does not change (no reset): vCPUs that poll. */
bool evtchn_is_pending(const struct evtchn_domain *d, uint32_t port);
bool evtchn_is_masked(const struct evtchn_domain *d, uint32_t port);
/* vcpu_info is (now) here; NULL: nowhere. Carries the content over from the old place and, since an
 * event may have been lost to the old one, makes an upcall due: the caller notifies the vCPU if
 * evtchn_upcall_pending() says so. */
void evtchn_set_vcpu_info(struct evtchn_domain *d, uint32_t vcpu, void *vcpu_info);
/*
 * The vCPU's pending byte is set; needs no lock. (evtchn_upcall_mask is for PV guests and ignored.)
 */
bool evtchn_upcall_pending(const struct evtchn_domain *d, uint32_t vcpu);

#endif
