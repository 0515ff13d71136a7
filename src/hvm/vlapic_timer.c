/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer of the local APIC (SDM vol. 3A 11.5.4). State is one absolute deadline; the current
 * count is derived from it. One-shot and periodic count down at 100 MHz divided by TDCR;
 * TSC-deadline mode takes a deadline from the caller.
 */
#include "vlapic_internal.h"

/* A guest that asks for a faster periodic tick gets this: missed ticks collapse, so nothing piles
 * up. */
#define PERIOD_MIN (50 * NS_PER_US)

static bool deadline_mode(uint32_t lvtt) { return (lvtt & LVT_MODE_DEADLINE) != 0; }

ns_t vlapic_timer_tick(uint32_t tdcr)
{
    uint32_t code = (tdcr & 3U) | ((tdcr & 8U) >> 1);

    return (ns_t)VLAPIC_TICK_NS << ((code + 1) & 7U);
}

void vlapic_timer_reset(struct vlapic *a)
{
    a->timer_deadline = NS_NEVER;
    a->timer_started = 0;
    a->timer_period = 0;
    a->tsc_deadline = 0;
    a->lvtt = LVT_MASKED;
    a->tdcr = 0;
}

static void stop(struct vlapic *a)
{
    a->timer_deadline = NS_NEVER;
    a->timer_period = 0;
    a->tsc_deadline = 0;
}

static ns_t full_period(const struct vlapic *a)
{
    ns_t period = (ns_t)reg_get(a, VLAPIC_REG_TMICT) * vlapic_timer_tick(a->tdcr);

    return max_of(period, PERIOD_MIN);
}

void vlapic_timer_lvt(struct vlapic *a, uint32_t lvtt, ns_t now, struct vlapic_effect *e)
{
    uint32_t changed = (a->lvtt ^ lvtt) & LVT_MODE_BITS;

    (void)now;
    a->lvtt = lvtt;
    reg_set(a, VLAPIC_REG_LVTT, lvtt);
    if (changed == 0)
        return;
    e->what |= VLAPIC_TIMER;
    if ((changed & LVT_MODE_DEADLINE) != 0) { /* SDM: a switch to or from it disarms */
        stop(a);
        reg_set(a, VLAPIC_REG_TMICT, 0);
    } else if (!deadline_mode(lvtt) && a->timer_deadline != NS_NEVER) {
        a->timer_period = (lvtt & LVT_MODE_PERIODIC) != 0 ? full_period(a) : 0;
    }
}

void vlapic_timer_start(struct vlapic *a, uint32_t count, ns_t now, struct vlapic_effect *e)
{
    if (deadline_mode(a->lvtt)) {
        reg_set(a, VLAPIC_REG_TMICT, 0); /* hardware may have stored it */
        return;
    }
    reg_set(a, VLAPIC_REG_TMICT, count);
    e->what |= VLAPIC_TIMER;
    stop(a);
    if (count == 0)
        return;
    a->timer_started = now;
    if ((a->lvtt & LVT_MODE_PERIODIC) != 0) {
        a->timer_period = full_period(a);
        a->timer_deadline = now + a->timer_period;
    } else {
        a->timer_deadline = now + (ns_t)count * vlapic_timer_tick(a->tdcr);
    }
}

uint32_t vlapic_timer_count(const struct vlapic *a, ns_t now)
{
    ns_t left, count, initial = reg_get(a, VLAPIC_REG_TMICT);

    if (deadline_mode(a->lvtt) || a->timer_deadline == NS_NEVER)
        return 0;
    left = a->timer_deadline - now;
    if (left <= 0) {
        if (a->timer_period == 0)
            return 0;
        left = a->timer_period - (-left % a->timer_period); /* expiry not yet processed */
    }
    count = left / vlapic_timer_tick(a->tdcr);
    return (uint32_t)min_of(count, initial);
}

void vlapic_timer_divide(struct vlapic *a, uint32_t tdcr, ns_t now, struct vlapic_effect *e)
{
    uint32_t count = vlapic_timer_count(a, now);
    bool running = !deadline_mode(a->lvtt) && a->timer_deadline != NS_NEVER && count != 0;

    if (tdcr == a->tdcr)
        return;
    a->tdcr = tdcr;
    reg_set(a, VLAPIC_REG_TDCR, tdcr);
    if (!running)
        return;
    /* The count goes on from where it is, at the new rate. */
    a->timer_deadline = now + (ns_t)count * vlapic_timer_tick(tdcr);
    if (a->timer_period != 0)
        a->timer_period = full_period(a);
    e->what |= VLAPIC_TIMER;
}

void vlapic_set_tsc_deadline(struct vlapic *a, uint64_t tsc, ns_t deadline, struct vlapic_effect *e)
{
    if (!deadline_mode(a->lvtt))
        return;
    a->tsc_deadline = tsc;
    a->timer_deadline = tsc != 0 ? deadline : NS_NEVER;
    e->what |= VLAPIC_TIMER;
}

uint64_t vlapic_get_tsc_deadline(const struct vlapic *a)
{
    return deadline_mode(a->lvtt) ? a->tsc_deadline : 0;
}

bool vlapic_timer_expire(struct vlapic *a, ns_t now)
{
    if (a->timer_deadline > now)
        return false;
    if (a->timer_period != 0 && !deadline_mode(a->lvtt)) {
        ns_t late = now - a->timer_deadline;

        a->timer_started = now - late % a->timer_period;
        a->timer_deadline = a->timer_started + a->timer_period;
    } else {
        a->timer_deadline = NS_NEVER;
        a->tsc_deadline = 0;
    }
    if ((a->lvtt & LVT_MASKED) != 0)
        return false;
    return vlapic_set_irr(a, (uint8_t)a->lvtt, false);
}
