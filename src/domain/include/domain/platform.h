/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices that the hypervisor itself plays for an HVM guest: PIC, PIT, RTC, HPET, PM block and timer, debug port, the
 * wires between them, and an IO-APIC. They are on the domain's io_bus. Made by domain_make_platform() when the emulation
 * flags of createdomain ask for them; a PVH guest and dom0 have none. Registers under the VDEV lock (PIC included),
 * wires and IO-APIC under VIOAPIC, which is taken first where both are.
 */
#ifndef DOMAIN_PLATFORM_H
#define DOMAIN_PLATFORM_H

#include <hv/compiler.h>
#include <hv/types.h>
#include <hvm/vhpet.h>
#include <hvm/vlines.h>
#include <hvm/vpic.h>
#include <hvm/vpit.h>
#include <hvm/vpm.h>
#include <hvm/vrtc.h>
#include <hvm/vticks.h>
#include <sched/timer.h>

struct domain;
struct vcpu;

struct platform {
    struct domain *domain;
    struct vpic pic;
    struct vpit pit;
    struct vrtc rtc;
    struct vhpet hpet;
    struct vpm pm;
    uint16_t pm_port;                  /* of the PM1a event block */
    uint16_t pulse_isa;                /* VDEV: edges that the wires have not seen yet */
    uint64_t pulse_pins;
    struct vticks pit_ticks, rtc_ticks;
    struct timer timer;                /* the earliest deadline of all */
    struct vlines lines;               /* VIOAPIC */
    uint64_t hpet_pins;                /* driven by HPET timers in level mode */
    char line[128]; unsigned int line_used;     /* port 0xE9 */
};

/* -ENOMEM, -ENOSPC. Before the domain runs. */
int domain_make_platform(struct domain *d) must_check;
void domain_free_platform(struct domain *d);
/* HVM_PARAM_ACPI_IOPORTS_LOCATION: 0 or 1. */
int domain_move_pm_block(struct domain *d, uint64_t location) must_check;
void domain_press_button(struct domain *d, uint16_t button);      /* VPM_PWRBTN_STS, VPM_SLPBTN_STS */
void domain_set_time_offset(struct domain *d, int64_t seconds);

/* Wires driven by device models. They do nothing where there is no platform. */
void domain_set_intx(struct domain *d, unsigned int slot, unsigned int intx, bool high);
void domain_set_isa(struct domain *d, unsigned int irq, bool high);
void domain_set_link_route(struct domain *d, unsigned int link, uint8_t irq);
/* The line for event upcalls (VLINES_UPCALL_*), and its following vCPU 0's upcall byte: before that runs, and at the end of an
 * interrupt. */
void domain_set_upcall_line(struct domain *d, unsigned int kind, unsigned int a, unsigned int b);
bool domain_upcall_line_is_stale(const struct domain *d);
void domain_settle_upcall_line(struct domain *d);
static inline bool platform_has_upcall_line(const struct platform *p)
{
    return READ_ONCE(p->lines.upcall.kind) != VLINES_NO_UPCALL;
}
/* A message as a PCI device would write it, or its place within the 1 MiB of messages. -EINVAL: not addressed to local APICs. */
int domain_send_msi(struct domain *d, uint64_t address, uint32_t data) must_check;

/* Records of a saved domain, which is paused. The n-th that this domain has; false: no more. */
#define PLATFORM_RECORD_MAX 1048U
bool platform_record_at(const struct domain *d, unsigned int n, uint16_t *type, uint16_t *instance);
uint32_t platform_record_length(uint16_t type);                   /* 0: not one of the platform's */
bool platform_save(struct domain *d, uint16_t type, uint16_t instance, void *to, uint32_t *length);
/* -EINVAL: no such device, or a state that it cannot have. */
int platform_load(struct domain *d, uint16_t type, uint16_t instance, const void *from) must_check;
void platform_arm(struct platform *p);                            /* VDEV held: its timer follows its devices */

/* After an access to these devices: what follows from it. No lock held. */
void platform_settle(struct domain *d);
/* The PIC, which wants an ExtINT, would get it from this vCPU (vcpu_wants_extint() asks both). */
bool vcpu_extint_pending(const struct vcpu *v);
/* It takes it: the vector. IRQs on. */
uint8_t vcpu_take_extint(struct vcpu *v);

#endif
