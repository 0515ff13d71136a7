/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticks of a periodic timer that its guest could not take in time (HVM_PARAM_TIMER_MODE, xl.cfg's timer_mode): an edge that comes
 * while the last one still waits is lost, and a guest that counts ticks falls behind. Here they are owed instead, and handed out one by one as
 * the guest takes them. Pure; the caller holds the lock of the timer itself.
 */
#ifndef HVM_VTICKS_H
#define HVM_VTICKS_H

#include <hv/types.h>

#define VTICKS_RETRY_NS (200 * NS_PER_US)  /* how soon to look whether the last one was taken ... */
#define VTICKS_RETRY_MAX_NS (2 * NS_PER_MS) /* ... twice as long each time that it was not, up to this: its vCPU may wait for its device model */
#define VTICKS_MAX 10000U                  /* owed at most: a guest that takes none for longer does not count them */

struct vticks {
    uint32_t owed;
    ns_t again;                            /* when to look; NS_NEVER: none are owed */
    ns_t patience;                         /* how long that is from the last look on */
};

static inline void vticks_init(struct vticks *t) { *t = (struct vticks){ .again = NS_NEVER, .patience = VTICKS_RETRY_NS }; }
/* count more ticks are due (none: it is time to look again); taken: the last edge does not wait any more; make_up: the guest wants to have
 * those that it missed. True: an edge is to be made now. */
bool vticks_due(struct vticks *t, unsigned int count, bool taken, bool make_up, ns_t now) must_check;

#endif
