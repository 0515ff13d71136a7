/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC's registers for a record of a saved domain, and back. What comes in was written by anybody: each
 * register goes through the mask of its row, identity and version stay our own, vectors below 16 do not exist.
 */
#include "vlapic_internal.h"

#include <lib/string.h>

enum { R = 0, W = 1, XR = 0, XW = 1 };
struct row { uint16_t offset; uint8_t writable; uint32_t mask; };
static const struct row rows[] = {
#define REG(name, offset, access, wmask) { (offset), (access), (wmask) },
#include <hvm/vlapic_regs.def>
#undef REG
};

void vlapic_save(struct vlapic *a, ns_t now, void *image)
{
    (void)vlapic_sync(a);
    memcpy(image, a->regs, VLAPIC_IMAGE_SIZE);
    *(uint32_t *)(void *)((char *)image + VLAPIC_REG_TMCCT) = vlapic_timer_count(a, now);
    *(uint32_t *)(void *)((char *)image + VLAPIC_REG_PPR) = vlapic_ppr(a);
}

static uint32_t word_of(const void *image, unsigned int offset)
{
    return *(const uint32_t *)(const void *)((const char *)image + offset);
}

static void restore_registers(struct vlapic *a, const void *image)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        uint16_t at = rows[i].offset;

        if (!rows[i].writable || rows[i].mask == 0 || at == VLAPIC_REG_SELF_IPI ||
            (at == VLAPIC_REG_LDR && vlapic_is_x2apic(a)))
            continue;
        reg_set(a, at, word_of(image, at) & rows[i].mask);
    }
    reg_set(a, VLAPIC_REG_DFR, reg_get(a, VLAPIC_REG_DFR) | 0x0fffffffU);
    reg_set(a, VLAPIC_REG_ESR, word_of(image, VLAPIC_REG_ESR) & 0xe0U);
    if (vlapic_is_x2apic(a))
        reg_set(a, VLAPIC_REG_ICR + 4, word_of(image, VLAPIC_REG_ICR + 4));
    a->svr = reg_get(a, VLAPIC_REG_SVR);
    a->lvtt = reg_get(a, VLAPIC_REG_LVTT);
    a->tdcr = reg_get(a, VLAPIC_REG_TDCR);
    a->esr_pending = 0;
}

static void restore_vectors(struct vlapic *a, const void *image)
{
    for (unsigned int i = 0; i < 8; i++) {
        uint32_t real = i == 0 ? 0xffff0000U : 0xffffffffU, tmr = word_of(image, VLAPIC_REG_TMR0 + i * 0x10U) & real;
        uint64_t part = (uint64_t)tmr << (i % 2 * 32);

        reg_set(a, VLAPIC_REG_ISR0 + i * 0x10U, word_of(image, VLAPIC_REG_ISR0 + i * 0x10U) & real);
        reg_set(a, VLAPIC_REG_IRR0 + i * 0x10U, word_of(image, VLAPIC_REG_IRR0 + i * 0x10U) & real);
        reg_set(a, VLAPIC_REG_TMR0 + i * 0x10U, tmr);
        if (i % 2 == 0)
            a->eoi_exit[i / 2] = part;
        else
            a->eoi_exit[i / 2] |= part;
        a->posted[i] = 0;
    }
    a->posted_any = false;
    a->eoi_exit_changed = a->irr_hint = true;
}

/* A count that was running goes on from where it was. */
static void restore_timer(struct vlapic *a, const void *image, ns_t now)
{
    struct vlapic_effect none = { 0 };
    uint32_t initial = word_of(image, VLAPIC_REG_TMICT), left = min_of(word_of(image, VLAPIC_REG_TMCCT), initial);
    ns_t tick;

    a->timer_deadline = NS_NEVER;
    a->timer_period = 0;
    if ((a->lvtt & LVT_MODE_DEADLINE) != 0)
        return;
    a->tsc_deadline = 0;
    if (initial == 0 || left == 0)
        return;
    vlapic_timer_start(a, initial, now, &none);
    tick = vlapic_timer_tick(a->tdcr);
    a->timer_deadline = min_of(a->timer_deadline, now + (ns_t)left * tick);
}

void vlapic_restore(struct vlapic *a, const void *image, ns_t now)
{
    restore_registers(a, image);
    restore_vectors(a, image);
    restore_timer(a, image, now);
}
