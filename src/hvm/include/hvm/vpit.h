/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8254 at 0x40-0x43 and the speaker port 0x61. Pure: time is a parameter, the caller arms a timer for
 * vpit_deadline() and pulses IRQ 0 when vpit_expire() says so; holds the domain's VDEV lock. Counting in BCD is not there (as on the machine whose records this shares).
 */
#ifndef HVM_VPIT_H
#define HVM_VPIT_H

#include <hv/types.h>
#include <xen/hvm/save.h>

#define VPIT_HZ 1193182U

struct vpit {
    struct hvm_hw_pit hw;
    ns_t loaded[3];                  /* when each channel's count was loaded, or its gate opened */
    ns_t next;                       /* IRQ 0 is due; NS_NEVER: not */
};

void vpit_init(struct vpit *p, ns_t now);
/* Ports 0x40-0x43 and 0x61, bytes. */
uint8_t vpit_read(struct vpit *p, uint16_t port, ns_t now);
void vpit_write(struct vpit *p, uint16_t port, uint8_t value, ns_t now);
static inline ns_t vpit_deadline(const struct vpit *p) { return p->next; }
/* How often IRQ 0 has risen since the last one. */
unsigned int vpit_expire(struct vpit *p, ns_t now);
int vpit_load(struct vpit *p, const struct hvm_hw_pit *from, ns_t now) must_check;

#endif
