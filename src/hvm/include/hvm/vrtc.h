/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MC146818 clock at 0x70/0x71: time of day, alarm, periodic and update interrupts. CMOS bytes beyond its 14 are a
 * device model's. Pure: `now` is the time since boot, `epoch` what UTC was at its zero, in seconds; the caller arms a
 * timer for vrtc_deadline() and pulses IRQ 8 as often as vrtc_expire() says; holds the domain's VDEV lock. Each interrupt
 * is an edge of its own: register C need not be read for the next one (hvmloader's WAET table promises that).
 */
#ifndef HVM_VRTC_H
#define HVM_VRTC_H

#include <hv/types.h>
#include <xen/hvm/save.h>

struct vrtc {
    struct hvm_hw_rtc hw;            /* rtc_offset: seconds from UTC to what the guest has set */
    int64_t epoch;
    ns_t c_seen;                     /* register C tells what has happened since */
    ns_t next;                       /* NS_NEVER: no interrupt is wanted */
};

void vrtc_init(struct vrtc *r, int64_t epoch, ns_t now);
void vrtc_set_epoch(struct vrtc *r, int64_t epoch);
/* One-byte accesses. False: not a register of the clock (the access is somebody else's, the index is taken all the same). */
bool vrtc_read(struct vrtc *r, uint16_t port, ns_t now, uint8_t *value);
bool vrtc_write(struct vrtc *r, uint16_t port, uint8_t value, ns_t now);
static inline ns_t vrtc_deadline(const struct vrtc *r) { return r->next; }
unsigned int vrtc_expire(struct vrtc *r, ns_t now);
int vrtc_load(struct vrtc *r, const struct hvm_hw_rtc *from, ns_t now) must_check;

/* Civil time, exported for the tests: days since 1970-01-01 and back (proleptic Gregorian calendar). */
struct civil { int64_t year; unsigned int month, day; };       /* 1-12, 1-31 */
int64_t civil_to_days(struct civil c);
struct civil civil_from_days(int64_t days);

#endif
