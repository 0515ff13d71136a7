/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual local APIC, xAPIC and x2APIC (SDM vol. 3A chapter 11), over a 4 KiB register page in the virtual-APIC layout, so
 * that APIC virtualisation in hardware and this code share the state. Pure: time is a parameter, effects are returned;
 * knows no vCPU. vlapic_set_irr and vlapic_matches may be called by any CPU (atomic); all else only by the owning
 * vCPU's CPU or while that vCPU does not run.
 *
 * Level-triggered vectors are marked in the TMR of the page and in eoi_exit[], both atomically and before IRR;
 * eoi_exit_changed then tells the owner to reload the EOI-exit bitmap before the next entry (only of use
 * with virtual-interrupt delivery).
 */
#ifndef HVM_VLAPIC_H
#define HVM_VLAPIC_H

#include <hv/compiler.h>
#include <hv/types.h>

#define VLAPIC_BASE_ADDRESS 0xfee00000ULL
#define VLAPIC_BASE_BSP 0x100ULL
#define VLAPIC_BASE_EXTD 0x400ULL
#define VLAPIC_BASE_EN 0x800ULL
#define VLAPIC_VERSION 0x00050014U
#define VLAPIC_TICK_NS 10            /* timer bus: 100 MHz before the divisor */

#define VLAPIC_X2APIC_MSR(offset) (0x800U + (offset) / 16)

enum vlapic_offset {
#define REG(name, offset, access, mask) VLAPIC_REG_##name = (offset),
#include <hvm/vlapic_regs.def>
#undef REG
};

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
    uint64_t eoi_exit[4];        /* vectors whose EOI must be seen (level-triggered); atomic */
    bool eoi_exit_changed;       /* shared: see above */
    bool irr_hint;               /* shared: IRR may have something; vlapic_waiting() */
    bool posted_any;             /* shared: posted[] holds something */
    uint32_t posted[8];          /* shared: vectors for a vCPU whose page the CPU itself works on */
    /* What the last register write meant: hardware may have written the page before we are told. */
    uint32_t lvtt, tdcr, svr;
    uint32_t esr_pending;        /* errors since ESR was last written */
};

/* What a register access or an EOI wants the caller to do. */
#define VLAPIC_TIMER 0x1U        /* timer_deadline changed */
#define VLAPIC_ICR 0x2U          /* an IPI is to be sent: see struct vlapic_ipi */
#define VLAPIC_EOI 0x4U          /* a level vector was ended: tell the IO-APIC */
#define VLAPIC_SELF_IRQ 0x8U     /* own interrupt state changed */
#define VLAPIC_MODE 0x10U        /* enabled/disabled/x2APIC changed */
#define VLAPIC_ICR_LOW (VLAPIC_ICR)

enum ipi_mode { IPI_FIXED = 0, IPI_LOWEST = 1, IPI_SMI = 2, IPI_NMI = 4, IPI_INIT = 5, IPI_SIPI = 6, IPI_EXTINT = 7 };
enum ipi_shorthand { IPI_TO_DEST, IPI_TO_SELF, IPI_TO_ALL, IPI_TO_OTHERS };
struct vlapic_ipi { uint8_t mode; uint8_t vector; bool logical, level_assert, trigger_level; uint8_t shorthand; uint32_t dest;
                    bool x2apic; /* dest is 32 bits wide: third argument of vlapic_matches */ };
/* Zeroed by the caller; functions only add to it. */
struct vlapic_effect { uint32_t what; struct vlapic_ipi ipi; uint8_t eoi_vector; };

void vlapic_init(struct vlapic *a, void *regs_page, uint32_t id, bool bsp);
void vlapic_reset(struct vlapic *a);                       /* INIT: keeps id and IA32_APIC_BASE */
bool vlapic_is_enabled(const struct vlapic *a);            /* hardware enable and software enable (SVR) */
bool vlapic_is_x2apic(const struct vlapic *a);

/* offset 0..0xff0; 32-bit registers. false: access is not possible there (reads 0 / #GP for x2APIC). now: for the timer. */
bool vlapic_read(struct vlapic *a, uint16_t offset, ns_t now, uint32_t *value);
bool vlapic_write(struct vlapic *a, uint16_t offset, uint32_t value, ns_t now, struct vlapic_effect *e);
/* x2APIC MSRs 0x800-0x8ff; false -> #GP. */
bool vlapic_rdmsr(struct vlapic *a, uint32_t msr, ns_t now, uint64_t *value);
bool vlapic_wrmsr(struct vlapic *a, uint32_t msr, uint64_t value, ns_t now, struct vlapic_effect *e);
bool vlapic_set_base(struct vlapic *a, uint64_t value, struct vlapic_effect *e);  /* IA32_APIC_BASE; false -> #GP */
/* A register was written by the guest through hardware virtualisation (APIC-write exit at offset): the page has
 * the value already, the effects are still to come. */
void vlapic_after_hw_write(struct vlapic *a, uint16_t offset, ns_t now, struct vlapic_effect *e);
/* IA32_TSC_DEADLINE. ns conversion done by the caller: deadline is absolute time or NS_NEVER. Ignored (as the SDM
 * says) unless the timer is in TSC-deadline mode. */
void vlapic_set_tsc_deadline(struct vlapic *a, uint64_t tsc, ns_t deadline, struct vlapic_effect *e);
uint64_t vlapic_get_tsc_deadline(const struct vlapic *a);

/* Deliver a fixed vector: sets IRR (and TMR). true: newly set, the vCPU must be kicked. Atomic, any CPU. A disabled
 * APIC accepts nothing. */
bool vlapic_set_irr(struct vlapic *a, uint8_t vector, bool level);
/* With hw_delivery, vectors set by others wait outside the page that the CPU may be changing: this moves them into IRR.
 * Owner only, before it looks at or enters with its interrupts. true: there were some. */
bool vlapic_sync(struct vlapic *a);
/* Highest deliverable vector (above PPR) or -1. Software path; with hw_delivery: would the CPU deliver one? */
int vlapic_pending(const struct vlapic *a);
/* vlapic_highest_irr() for every entry: mostly nothing was set since it was found empty. Owner, software path. */
int vlapic_look_for_irr(struct vlapic *a);
static inline int vlapic_waiting(struct vlapic *a)
{
    return unlikely(READ_ONCE(a->irr_hint)) ? vlapic_look_for_irr(a) : -1;
}
/* vlapic_pending() of one who has vlapic_highest_irr() already. */
int vlapic_deliverable(const struct vlapic *a, int irr);
/* The CPU takes vector: IRR -> ISR, PPR updated. Software path. */
void vlapic_accept(struct vlapic *a, uint8_t vector);
void vlapic_eoi(struct vlapic *a, struct vlapic_effect *e);
bool vlapic_irr_has(const struct vlapic *a, uint8_t vector);   /* waits to be accepted; any CPU */
int vlapic_highest_irr(const struct vlapic *a);
int vlapic_highest_isr(const struct vlapic *a);
uint32_t vlapic_ppr(const struct vlapic *a);
uint8_t vlapic_get_tpr(const struct vlapic *a);            /* 0..255 */
void vlapic_set_tpr(struct vlapic *a, uint8_t tpr);

/* Timer at `now`: sets IRR if due, re-arms periodic ones, updates timer_deadline. true: interrupt raised. */
bool vlapic_timer_expire(struct vlapic *a, ns_t now);
/* The registers as a record of a saved domain holds them, image of VLAPIC_IMAGE_SIZE bytes, and back (any content; after
 * vlapic_set_base). In TSC-deadline mode the caller sets the deadline afterwards. The vCPU does not run. */
#define VLAPIC_IMAGE_SIZE 1024U
void vlapic_save(struct vlapic *a, ns_t now, void *image);
void vlapic_restore(struct vlapic *a, const void *image, ns_t now);
/* LINT0/LINT1/PMI ... delivery of a local source is by lvt offset: out is addressed to this APIC itself. false: masked. */
bool vlapic_lvt_deliver(struct vlapic *a, uint16_t lvt_offset, struct vlapic_ipi *out);

/* Destination match (SDM 11.6.2): does an IPI or IO-APIC/MSI message with this destination address this APIC? A
 * hardware-disabled APIC is addressed by nothing; a software-disabled one still takes INIT, SIPI and NMI. */
bool vlapic_matches(const struct vlapic *a, uint32_t dest, bool logical, bool dest_is_x2apic);
uint32_t vlapic_arbitration(const struct vlapic *a);             /* for lowest priority: smaller wins */

#endif
