/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's PM1a event block and the 32-bit PM timer (3.579545 MHz). The control register beside them is a device model's.
 * Pure; VDEV lock. The SCI is a level: after every call look at vpm_sci(). Offsets are from the block's first port: 0 status,
 * 2 enable; the timer is a port of its own.
 */
#ifndef HVM_VPM_H
#define HVM_VPM_H

#include <hv/types.h>
#include <xen/hvm/save.h>

#define VPM_TIMER_HZ 3579545U
#define VPM_TMR_STS 0x0001U
#define VPM_GBL_STS 0x0020U
#define VPM_PWRBTN_STS 0x0100U
#define VPM_SLPBTN_STS 0x0200U

struct vpm { uint16_t status, enable; uint32_t base; ns_t started; ns_t seen; ns_t next; };

void vpm_init(struct vpm *p, ns_t now);
uint8_t vpm_read(struct vpm *p, unsigned int offset, ns_t now);          /* event block, bytes 0-3 */
void vpm_write(struct vpm *p, unsigned int offset, uint8_t value, ns_t now);
uint32_t vpm_timer(const struct vpm *p, ns_t now);
void vpm_press(struct vpm *p, uint16_t button);                          /* VPM_PWRBTN_STS, VPM_SLPBTN_STS */
bool vpm_sci(const struct vpm *p);
static inline ns_t vpm_deadline(const struct vpm *p) { return p->next; }
void vpm_expire(struct vpm *p, ns_t now);
void vpm_save(const struct vpm *p, ns_t now, struct hvm_hw_pmtimer *to);
void vpm_load(struct vpm *p, const struct hvm_hw_pmtimer *from, ns_t now);

#endif
