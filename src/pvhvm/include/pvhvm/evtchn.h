/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels (xen/event_channel.h): ports of one domain, 2-level and FIFO delivery. Pure over the shared pages, which are given as
 * pointers. The caller holds the domain's EVTCHN lock (two of them for interdomain bindings) for everything except
 * evtchn_set_pending_port on an already looked-up port. Whom to notify is returned, never called.
 */
#ifndef PVHVM_EVTCHN_H
#define PVHVM_EVTCHN_H

#include <hv/types.h>
#include <xen/event_channel.h>

enum evtchn_state { EVT_FREE, EVT_RESERVED, EVT_UNBOUND, EVT_INTERDOMAIN, EVT_VIRQ, EVT_IPI, EVT_PIRQ };

struct evtchn {
    uint8_t state;               /* enum evtchn_state */
    uint8_t priority;            /* FIFO queue */
    uint8_t last_priority;
    bool xen_consumer;           /* the hypervisor is the other end (ioreq) */
    uint32_t notify_vcpu;
    uint32_t last_vcpu;
    bool pending;                /* set before the FIFO array existed */
    union { struct { domid_t remote; uint32_t remote_port; } inter;   /* UNBOUND: remote only */
            uint16_t virq; uint16_t pirq; };
};

#define EVTCHN_PER_BUCKET 128
#define EVTCHN_MAX_PORTS 131072U
struct evtchn_vcpu {             /* per vCPU delivery state; shared memory of the guest */
    void *vcpu_info;             /* struct vcpu_info, our mapping */
    void *fifo_control;          /* struct evtchn_fifo_control_block, our mapping or NULL */
    uint32_t fifo_tail[16];
    uint32_t virq_port[24];      /* per-vCPU VIRQs, 0: none */
};
struct evtchn_domain {
    domid_t id;
    uint32_t max_port;           /* highest port allowed (createdomain), inclusive */
    uint32_t port_limit;         /* ports that exist */
    struct evtchn **bucket;      /* EVTCHN_MAX_PORTS / EVTCHN_PER_BUCKET pointers */
    bool fifo;
    void *shared_info;           /* struct shared_info, our mapping; 2-level arrays live there */
    bool shared_32bit;           /* 32-bit layout of shared_info and vcpu_info */
    uint32_t *fifo_page[EVTCHN_MAX_PORTS / 1024]; uint32_t fifo_page_count;
    struct evtchn_vcpu *vcpu; uint32_t vcpu_count;
    uint32_t global_virq_port[24];
    uint32_t in_use;
    /* memory: zeroed arrays */
    void *(*alloc)(size_t size); void (*free)(void *p);
};

#define EVTCHN_NOTIFY_NONE UINT32_MAX

int evtchn_init(struct evtchn_domain *d, domid_t id, uint32_t max_port, uint32_t vcpu_count,
                void *(*alloc)(size_t), void (*free)(void *)) must_check;
void evtchn_fini(struct evtchn_domain *d);
struct evtchn *evtchn_port(const struct evtchn_domain *d, uint32_t port);   /* NULL: no such port */

int evtchn_alloc_unbound(struct evtchn_domain *d, domid_t remote, uint32_t *port) must_check;
/* local binds to remote's unbound port; local becomes pending at once (*notify: vCPU of l). */
int evtchn_bind_interdomain(struct evtchn_domain *l, struct evtchn_domain *r, uint32_t remote_port,
                            uint32_t *local_port, uint32_t *notify) must_check;
int evtchn_bind_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port) must_check;
int evtchn_bind_ipi(struct evtchn_domain *d, uint32_t vcpu, uint32_t *port) must_check;
int evtchn_bind_vcpu(struct evtchn_domain *d, uint32_t port, uint32_t vcpu) must_check;
/* peer: the other domain when the port is interdomain (its lock is held too), else NULL. */
int evtchn_close(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer) must_check;
/* Guest's send. For an interdomain port the peer is looked up by the caller from evtchn_port(). */
int evtchn_send(struct evtchn_domain *d, uint32_t port, struct evtchn_domain *peer, uint32_t *notify_domid_is_peer, uint32_t *notify) must_check;
/* Sets a port of d pending: *returns* the vCPU to notify or EVTCHN_NOTIFY_NONE. */
uint32_t evtchn_set_pending(struct evtchn_domain *d, uint32_t port);
uint32_t evtchn_raise_virq(struct evtchn_domain *d, uint32_t virq, uint32_t vcpu);
int evtchn_unmask(struct evtchn_domain *d, uint32_t port, uint32_t *notify) must_check;
int evtchn_status(struct evtchn_domain *d, struct evtchn_status *out) must_check;
int evtchn_set_priority(struct evtchn_domain *d, uint32_t port, uint32_t priority) must_check;
/* FIFO. control/array pages are our mappings of the guest's pages, references held by the caller. */
int evtchn_fifo_init_control(struct evtchn_domain *d, uint32_t vcpu, void *control_block) must_check;
int evtchn_fifo_expand(struct evtchn_domain *d, uint32_t *array_page) must_check;
/* Closes every port (toolstack reset, domain death); peers are found through fn, which locks and returns them. */
void evtchn_reset(struct evtchn_domain *d);
bool evtchn_is_pending(const struct evtchn_domain *d, uint32_t port);
bool evtchn_is_masked(const struct evtchn_domain *d, uint32_t port);
/* vcpu_info moved: carries pending state over. */
void evtchn_set_vcpu_info(struct evtchn_domain *d, uint32_t vcpu, void *vcpu_info);
bool evtchn_upcall_pending(const struct evtchn_domain *d, uint32_t vcpu);   /* byte is set and unmasked */

#endif
