/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual local APIC, xAPIC and x2APIC (SDM vol. 3A chapter 11), over a 4 KiB register page in the virtual-APIC layout, so
 * that APIC virtualisation in hardware and this code share the state. Pure: time is a parameter, effects are returned;
 * knows no vCPU. vlapic_set_irr may be called by any CPU (atomic); all else only by the owning vCPU's CPU
 * or while that vCPU does not run.
 */
#ifndef HVM_VLAPIC_H
#define HVM_VLAPIC_H

#include <hv/types.h>

struct vlapic {
    uint8_t *regs;               /* the page; register r at offset r, 32 bits each */
    uint64_t base_msr;           /* IA32_APIC_BASE: address, EN, EXTD, BSP */
    uint32_t id;                 /* x2APIC id = 2 * vcpu_id */
    bool hw_delivery;            /* virtual-interrupt delivery: PPR/ISR handled by the CPU */
    /* timer */
    ns_t timer_deadline;         /* NS_NEVER: off */
    ns_t timer_started;
    ns_t timer_period;           /* 0: one-shot */
    uint64_t tsc_deadline;       /* guest TSC, 0: off */
    uint64_t eoi_exit[4];        /* vectors whose EOI must be seen (level-triggered) */
    bool irr_hint;               /* shared: something was set since the vCPU looked */
    uint64_t tmr_level[4];
};

/* What a register access or an EOI wants the caller to do. */
#define VLAPIC_TIMER 0x1U        /* timer_deadline changed */
#define VLAPIC_ICR 0x2U          /* an IPI is to be sent: see struct vlapic_ipi */
#define VLAPIC_EOI 0x4U          /* a level vector was ended: tell the IO-APIC */
#define VLAPIC_SELF_IRQ 0x8U     /* own interrupt state changed */
#define VLAPIC_MODE 0x10U        /* enabled/disabled/x2APIC changed */
#define VLAPIC_ICR_LOW (VLAPIC_ICR)

enum ipi_mode { IPI_FIXED = 0, IPI_LOWEST = 1, IPI_SMI = 2, IPI_NMI = 4, IPI_INIT = 5, IPI_SIPI = 6, IPI_EXTINT = 7 };
struct vlapic_ipi { uint8_t mode; uint8_t vector; bool logical, level_assert, trigger_level; uint8_t shorthand; uint32_t dest; };
struct vlapic_effect { uint32_t what; struct vlapic_ipi ipi; uint8_t eoi_vector; };

void vlapic_init(struct vlapic *a, void *regs_page, uint32_t id, bool bsp);
void vlapic_reset(struct vlapic *a);                       /* INIT: keeps id and base MSR address/BSP */
bool vlapic_is_enabled(const struct vlapic *a);            /* hardware enable and software enable (SVR) */
bool vlapic_is_x2apic(const struct vlapic *a);

/* offset 0..0xff0; 32-bit registers. false: access is not possible there (reads 0 / #GP for x2APIC). now: for the timer;
 * guest_tsc: current guest TSC, tsc_khz: its rate. */
bool vlapic_read(struct vlapic *a, uint16_t offset, ns_t now, uint32_t *value);
bool vlapic_write(struct vlapic *a, uint16_t offset, uint32_t value, ns_t now, struct vlapic_effect *e);
/* x2APIC MSRs 0x800-0x8ff; false -> #GP. */
bool vlapic_rdmsr(struct vlapic *a, uint32_t msr, ns_t now, uint64_t *value);
bool vlapic_wrmsr(struct vlapic *a, uint32_t msr, uint64_t value, ns_t now, struct vlapic_effect *e);
bool vlapic_set_base(struct vlapic *a, uint64_t value, struct vlapic_effect *e);  /* IA32_APIC_BASE; false -> #GP */
/* The ICR was written by the guest through hardware virtualisation (APIC-write exit at offset). */
void vlapic_after_hw_write(struct vlapic *a, uint16_t offset, ns_t now, struct vlapic_effect *e);
/* IA32_TSC_DEADLINE. ns conversion done by the caller: deadline is absolute time or NS_NEVER. */
void vlapic_set_tsc_deadline(struct vlapic *a, uint64_t tsc, ns_t deadline, struct vlapic_effect *e);
uint64_t vlapic_get_tsc_deadline(const struct vlapic *a);

/* Deliver a fixed vector: sets IRR (and TMR). true: newly set, the vCPU must be kicked. Atomic, any CPU. */
bool vlapic_set_irr(struct vlapic *a, uint8_t vector, bool level);
/* Highest deliverable vector (above PPR) or -1. Software path. */
int vlapic_pending(struct vlapic *a);
/* The CPU takes vector: IRR -> ISR, PPR updated. Software path. */
void vlapic_accept(struct vlapic *a, uint8_t vector);
void vlapic_eoi(struct vlapic *a, struct vlapic_effect *e);
int vlapic_highest_irr(struct vlapic *a);
int vlapic_highest_isr(struct vlapic *a);
uint32_t vlapic_ppr(struct vlapic *a);
uint8_t vlapic_get_tpr(const struct vlapic *a);            /* 0..255 */
void vlapic_set_tpr(struct vlapic *a, uint8_t tpr);

/* Timer at `now`: sets IRR if due, re-arms periodic ones, updates timer_deadline. true: interrupt raised. */
bool vlapic_timer_expire(struct vlapic *a, ns_t now);
/* LINT0/LINT1/PMI ... delivery of a local source is by lvt offset. */
bool vlapic_lvt_deliver(struct vlapic *a, uint16_t lvt_offset, struct vlapic_ipi *out);

/* Destination match (SDM 11.6.2): does an IPI or IO-APIC/MSI message with this destination address this APIC? */
bool vlapic_matches(const struct vlapic *a, uint32_t dest, bool logical, bool dest_is_x2apic);
uint32_t vlapic_arbitration(struct vlapic *a);             /* for lowest priority: smaller wins */

#endif
