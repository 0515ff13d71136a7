/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC as sender (ICR, self IPI, local vector table) and as addressee (SDM vol.
 * 3A 11.6, 11.12.9-10). */
#include "vlapic_internal.h"

void vlapic_self_ipi(struct vlapic *a, uint8_t vector, struct vlapic_effect *e)
{
    if (vector < 16)
        vlapic_raise_error(a, ESR_SEND_ILLEGAL, e);
    else if (vlapic_set_irr(a, vector, false))
        e->what |= VLAPIC_SELF_IRQ;
}

void vlapic_icr_write(struct vlapic *a, uint32_t low, uint32_t dest, struct vlapic_effect *e)
{
    struct vlapic_ipi ipi = {
        .vector = (uint8_t)low,
        .mode = (uint8_t)((low >> 8) & 7U),
        .logical = (low & 0x800U) != 0,
        .level_assert = (low & 0x4000U) != 0,
        .trigger_level = (low & 0x8000U) != 0,
        .shorthand = (uint8_t)((low >> 18) & 3U),
        .dest = dest,
        .x2apic = vlapic_is_x2apic(a),
    };

    if ((ipi.mode == IPI_FIXED || ipi.mode == IPI_LOWEST) && ipi.vector < 16) {
        vlapic_raise_error(a, ESR_SEND_ILLEGAL, e);
        return;
    }
    /* INIT level de-assert is a no-op since the Pentium 4; modes 3 and 7 cannot be sent; SMIs are
     * nobody's. */
    if ((ipi.mode == IPI_INIT && ipi.trigger_level && !ipi.level_assert) || ipi.mode == 3 ||
        ipi.mode == IPI_EXTINT || ipi.mode == IPI_SMI)
        return;
    if (ipi.mode == IPI_FIXED && ipi.shorthand == IPI_TO_SELF) {
        vlapic_self_ipi(a, ipi.vector, e);
        return;
    }
    e->what |= VLAPIC_ICR;
    e->ipi = ipi;
}

bool vlapic_lvt_deliver(struct vlapic *a, uint16_t lvt_offset, struct vlapic_ipi *out)
{
    uint32_t lvt;

    if (lvt_offset < VLAPIC_REG_LVTT || lvt_offset > VLAPIC_REG_LVTERR || (lvt_offset & 0xfU) != 0)
        return false;
    lvt = reg_get(a, lvt_offset);
    if ((lvt & LVT_MASKED) != 0 || (a->base_msr & VLAPIC_BASE_EN) == 0)
        return false;
    *out = (struct vlapic_ipi){
        .vector = (uint8_t)lvt,
        .mode = (uint8_t)((lvt >> 8) & 7U),
        .level_assert = true,
        .trigger_level = (lvt & 0x8000U) != 0,
        .shorthand = IPI_TO_SELF,
        .dest = a->id,
        .x2apic = true,
    };
    return true;
}

static bool matches_logical_xapic(const struct vlapic *a, uint32_t dest)
{
    uint32_t ldr = reg_get(a, VLAPIC_REG_LDR) >> 24;

    if (reg_get(a, VLAPIC_REG_DFR) >> 28 == 0xfU) /* flat */
        return (ldr & dest) != 0;
    return (ldr ^ dest) < 0x10U && (ldr & dest & 0xfU) != 0; /* cluster */
}

bool vlapic_matches(const struct vlapic *a, uint32_t dest, bool logical, bool dest_is_x2apic)
{
    if ((a->base_msr & VLAPIC_BASE_EN) == 0)
        return false;
    if (dest == (dest_is_x2apic ? 0xffffffffU : 0xffU))
        return true;
    if (!logical)
        return dest == a->id;
    if (vlapic_is_x2apic(a)) {
        uint32_t ldr = (a->id >> 4) << 16 | 1U << (a->id & 0xfU);

        return (ldr >> 16) == (dest >> 16) && (ldr & dest & 0xffffU) != 0;
    }
    return dest <= 0xffU && matches_logical_xapic(a, dest);
}

/* Processor priority, as the hardware of the shared-bus days compared it; ties are the caller's. */
uint32_t vlapic_arbitration(const struct vlapic *a)
{
    int irr = vlapic_highest_irr(a);
    uint32_t ppr = vlapic_ppr(a), wanted = irr < 0 ? 0 : (uint32_t)irr & 0xf0U;

    return max_of(ppr, wanted);
}
