/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of event channels. Private to this folder. Ports given here exist; e is the
 * port's struct evtchn.
 */
#ifndef PVHVM_EVTCHN_DELIVERY_H
#define PVHVM_EVTCHN_DELIVERY_H

#include <pvhvm/evtchn.h>

/* Sets the pending byte of the vCPU: that vCPU if it was clear, else EVTCHN_NOTIFY_NONE. */
uint32_t evtchn_mark_upcall(struct evtchn_domain *d, uint32_t vcpu);

/* The lowest port that can be given out. Changes nothing but the number of structures. */
int evtchn_port_find_free(struct evtchn_domain *d, uint32_t *port) must_check;
/* last_vcpu and last_priority survive: the port may still be the tail of its former queue. */
struct evtchn *evtchn_port_claim(struct evtchn_domain *d, uint32_t port, enum evtchn_state state,
                                 uint32_t vcpu);
void evtchn_port_release(struct evtchn_domain *d, struct evtchn *e, uint32_t port);
/* Sets it pending by the ABI that the domain uses, whatever its state. */
uint32_t evtchn_port_raise(struct evtchn_domain *d, struct evtchn *e, uint32_t port);

uint32_t evtchn_2l_capacity(const struct evtchn_domain *d);
uint32_t evtchn_2l_set_pending(struct evtchn_domain *d, const struct evtchn *e, uint32_t port);
uint32_t evtchn_2l_unmask(struct evtchn_domain *d, const struct evtchn *e, uint32_t port);
void evtchn_2l_clear_pending(struct evtchn_domain *d, uint32_t port);
bool evtchn_2l_is_pending(const struct evtchn_domain *d, uint32_t port);
bool evtchn_2l_is_masked(const struct evtchn_domain *d, uint32_t port);
/* All selector bits of the vCPU: the guest scans everything at its next upcall. */
void evtchn_2l_select_all(struct evtchn_domain *d, uint32_t vcpu);

uint32_t evtchn_fifo_set_pending(struct evtchn_domain *d, struct evtchn *e, uint32_t port);
uint32_t evtchn_fifo_unmask(struct evtchn_domain *d, struct evtchn *e, uint32_t port);
void evtchn_fifo_clear_pending(struct evtchn_domain *d, struct evtchn *e, uint32_t port);
bool evtchn_fifo_is_pending(const struct evtchn_domain *d, const struct evtchn *e, uint32_t port);
bool evtchn_fifo_is_masked(const struct evtchn_domain *d, uint32_t port);
/* A closed port that the guest has not taken out of its queue yet: must not be given out again. */
bool evtchn_fifo_is_busy(const struct evtchn_domain *d, uint32_t port);
void evtchn_fifo_drop(struct evtchn_domain *d);

#endif
