/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vpm.h>

#include <hv/muldiv.h>

#define NS_PER_SECOND 1000000000U
#define MSB 0x80000000ULL
/* Ticks per 2^72 ns, rounded up: a count is never behind, and ahead of the exact one for the last 2^-8 of a tick at most. */
#define TICKS_SHIFT 72U
#define TICKS_SCALE ((uint64_t)((((unsigned __int128)VPM_TIMER_HZ << TICKS_SHIFT) + NS_PER_SECOND - 1) / NS_PER_SECOND))
#define SCI_SOURCES (VPM_TMR_STS | VPM_GBL_STS | VPM_PWRBTN_STS | VPM_SLPBTN_STS)

static uint64_t ticks(const struct vpm *p, ns_t now)
{
    uint64_t ns = now > p->started ? (uint64_t)now - (uint64_t)p->started : 0;

    return p->base + (uint64_t)((unsigned __int128)ns * TICKS_SCALE >> TICKS_SHIFT);
}

uint32_t vpm_timer(const struct vpm *p, ns_t now)
{
    return (uint32_t)ticks(p, now);
}

/* The timer's status bit is set whenever the counter's highest bit changes (ACPI 4.8.2.1). */
static void note_timer(struct vpm *p, ns_t now)
{
    if (ticks(p, now) / MSB != ticks(p, p->seen) / MSB)
        p->status |= VPM_TMR_STS;
    p->seen = now;
}

static void schedule(struct vpm *p, ns_t now)
{
    uint64_t due = (ticks(p, now) / MSB + 1) * MSB - p->base;

    p->next = p->enable & VPM_TMR_STS
                  ? p->started + (ns_t)muldiv(due, NS_PER_SECOND, VPM_TIMER_HZ) + 1
                  : NS_NEVER;
}

void vpm_init(struct vpm *p, ns_t now)
{
    *p = (struct vpm){ .started = now, .seen = now, .next = NS_NEVER };
}

uint8_t vpm_read(struct vpm *p, unsigned int offset, ns_t now)
{
    note_timer(p, now);
    return (uint8_t)((offset & 2 ? p->enable : p->status) >> 8 * (offset & 1));
}

void vpm_write(struct vpm *p, unsigned int offset, uint8_t value, ns_t now)
{
    unsigned int shift = 8 * (offset & 1);

    note_timer(p, now);
    if (offset & 2)
        p->enable = (uint16_t)((p->enable & ~(0xffU << shift)) | (unsigned int)value << shift);
    else
        p->status &= (uint16_t)~((unsigned int)value << shift);
    schedule(p, now);
}

void vpm_press(struct vpm *p, uint16_t button)
{
    p->status |= button;
}

bool vpm_sci(const struct vpm *p)
{
    return p->status & p->enable & SCI_SOURCES;
}

void vpm_expire(struct vpm *p, ns_t now)
{
    note_timer(p, now);
    schedule(p, now);
}

void vpm_save(const struct vpm *p, ns_t now, struct hvm_hw_pmtimer *to)
{
    *to = (struct hvm_hw_pmtimer){ .tmr_val = vpm_timer(p, now), .pm1a_sts = p->status, .pm1a_en = p->enable };
}

void vpm_load(struct vpm *p, const struct hvm_hw_pmtimer *from, ns_t now)
{
    *p = (struct vpm){ .status = from->pm1a_sts, .enable = from->pm1a_en, .base = from->tmr_val, .started = now,
                       .seen = now };
    schedule(p, now);
}
