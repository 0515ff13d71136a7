/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the virtual local APIC share; for nobody else. */
#ifndef HVM_VLAPIC_INTERNAL_H
#define HVM_VLAPIC_INTERNAL_H

#include <hv/compiler.h>
#include <hvm/vlapic.h>

#define LVT_MASKED 0x10000U
#define LVT_MODE_PERIODIC 0x20000U
#define LVT_MODE_DEADLINE 0x40000U
#define LVT_MODE_BITS 0x60000U
#define SVR_ENABLE 0x100U
#define ESR_SEND_ILLEGAL 0x20U
#define ESR_RECV_ILLEGAL 0x40U
#define ESR_BAD_REGISTER 0x80U
#define REG_COUNT 0x40           /* registers of 16 bytes that have an x2APIC number */

static inline uint32_t *vlapic_reg(const struct vlapic *a, unsigned int offset)
{
    return (uint32_t *)(void *)(a->regs + offset);
}
static inline uint32_t reg_get(const struct vlapic *a, unsigned int offset)
{
    return __atomic_load_n(vlapic_reg(a, offset), __ATOMIC_RELAXED);
}
static inline void reg_set(struct vlapic *a, unsigned int offset, uint32_t value)
{
    __atomic_store_n(vlapic_reg(a, offset), value, __ATOMIC_RELAXED);
}
/* The word of a 256-bit register (ISR, TMR, IRR at `base`) that holds vector. */
static inline uint32_t *vector_word(const struct vlapic *a, unsigned int base, uint8_t vector)
{
    return vlapic_reg(a, base + (vector / 32U) * 0x10U);
}
static inline uint32_t vector_bit(uint8_t vector) { return 1U << (vector % 32U); }

void vlapic_raise_error(struct vlapic *a, uint32_t bits, struct vlapic_effect *e);
/* Timer half (vlapic_timer.c): effects of a write to its registers, with the values already masked. */
void vlapic_timer_lvt(struct vlapic *a, uint32_t lvtt, ns_t now, struct vlapic_effect *e);
void vlapic_timer_start(struct vlapic *a, uint32_t count, ns_t now, struct vlapic_effect *e);
void vlapic_timer_divide(struct vlapic *a, uint32_t tdcr, ns_t now, struct vlapic_effect *e);
uint32_t vlapic_timer_count(const struct vlapic *a, ns_t now);
void vlapic_timer_reset(struct vlapic *a);
ns_t vlapic_timer_tick(uint32_t tdcr);              /* of the count at that divisor */
/* Sending half (vlapic_ipi.c). */
void vlapic_icr_write(struct vlapic *a, uint32_t low, uint32_t dest, struct vlapic_effect *e);
void vlapic_self_ipi(struct vlapic *a, uint8_t vector, struct vlapic_effect *e);

#endif
