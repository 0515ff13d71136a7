/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local APIC: life cycle, register access and interrupt acceptance. Each register write goes
 * through the mask of its row in vlapic_regs.def and then through one switch that knows the
 * effects.
 */
#include <hvm/vlapic.h>

#include "vlapic_internal.h"

#include <hv/assert.h>
#include <lib/string.h>

enum { R = 1, W = 2, XR = 4, XW = 8 };
struct reg_info {
    uint8_t access;
    uint32_t mask;
};
static const struct reg_info reg_info[REG_COUNT] = {
#define REG(name, offset, acc, wmask) [(offset) >> 4] = { .access = (acc), .mask = (wmask) },
#include <hvm/vlapic_regs.def>
#undef REG
};

static const struct reg_info *find_reg(uint16_t offset, uint8_t access)
{
    unsigned int n = offset >> 4;

    if ((offset & 0xfU) != 0 || n >= REG_COUNT)
        return NULL;
    n = (unsigned int)array_index_nospec(n, REG_COUNT);
    return (reg_info[n].access & access) != 0 ? &reg_info[n] : NULL;
}

/* SDM 11.4.7.1: what power-up and INIT have in common. */
static void reset_registers(struct vlapic *a)
{
    static const uint16_t lvts[] = { VLAPIC_REG_LVTT, VLAPIC_REG_LVTTHMR, VLAPIC_REG_LVTPC,
                                     VLAPIC_REG_LVT0, VLAPIC_REG_LVT1,    VLAPIC_REG_LVTERR };

    memset(a->regs, 0, PAGE_SIZE);
    reg_set(a, VLAPIC_REG_VERSION, VLAPIC_VERSION);
    reg_set(a, VLAPIC_REG_DFR, 0xffffffffU);
    reg_set(a, VLAPIC_REG_SVR, 0xffU);
    for (size_t i = 0; i < ARRAY_COUNT(lvts); i++)
        reg_set(a, lvts[i], LVT_MASKED);
    a->svr = 0xffU;
    a->esr_pending = 0;
    for (int i = 0; i < 4; i++)
        __atomic_store_n(&a->eoi_exit[i], 0, __ATOMIC_RELAXED);
    a->eoi_exit_changed = true;
    vlapic_timer_reset(a);
}

/* ID and LDR have their x2APIC form in x2APIC mode, and LDR is then derived (SDM 11.12.10.2). */
static void set_identity(struct vlapic *a)
{
    if (vlapic_is_x2apic(a)) {
        reg_set(a, VLAPIC_REG_ID, a->id);
        reg_set(a, VLAPIC_REG_LDR, (a->id >> 4) << 16 | 1U << (a->id & 0xfU));
    } else {
        reg_set(a, VLAPIC_REG_ID, a->id << 24);
    }
}

void vlapic_init(struct vlapic *a, void *regs_page, uint32_t id, bool bsp)
{
    memset(a, 0, sizeof(*a));
    a->regs = regs_page;
    a->id = id;
    a->base_msr = VLAPIC_BASE_ADDRESS | VLAPIC_BASE_EN | (bsp ? VLAPIC_BASE_BSP : 0);
    vlapic_reset(a);
    if (bsp)
        reg_set(a, VLAPIC_REG_LVT0, (uint32_t)IPI_EXTINT << 8); /* virtual wire */
}

void vlapic_reset(struct vlapic *a)
{
    reset_registers(a);
    memset(a->posted, 0, sizeof(a->posted));
    a->posted_any = false;
    set_identity(a);
}

static bool hw_enabled(const struct vlapic *a) { return (a->base_msr & VLAPIC_BASE_EN) != 0; }

bool vlapic_is_enabled(const struct vlapic *a)
{
    return hw_enabled(a) && (reg_get(a, VLAPIC_REG_SVR) & SVR_ENABLE) != 0;
}

bool vlapic_is_x2apic(const struct vlapic *a)
{
    return (a->base_msr & (VLAPIC_BASE_EN | VLAPIC_BASE_EXTD)) ==
           (VLAPIC_BASE_EN | VLAPIC_BASE_EXTD);
}

bool vlapic_set_base(struct vlapic *a, uint64_t value, struct vlapic_effect *e)
{
    const uint64_t en = VLAPIC_BASE_EN, extd = VLAPIC_BASE_EXTD;
    uint64_t now = a->base_msr & (en | extd), next = value & (en | extd);

    /* The address stays where it is: nothing moves it, and the APIC-access page could not follow. */
    if ((value & ~(en | extd | VLAPIC_BASE_BSP)) != VLAPIC_BASE_ADDRESS)
        return false;
    if (next == extd || (now == (en | extd) && next == en) || (now == 0 && next == (en | extd)))
        return false;
    a->base_msr = (a->base_msr & ~(en | extd)) | next;
    if (next == now)
        return true;
    if (next == 0)
        reset_registers(a);
    set_identity(a);
    if (next == (en | extd)) {
        reg_set(a, VLAPIC_REG_ICR, 0);
        reg_set(a, VLAPIC_REG_ICR + 4, 0);
        reg_set(a, VLAPIC_REG_ICR2, 0);
    }
    e->what |= VLAPIC_MODE | VLAPIC_TIMER | VLAPIC_SELF_IRQ;
    return true;
}

void vlapic_raise_error(struct vlapic *a, uint32_t bits, struct vlapic_effect *e)
{
    uint32_t lvt = reg_get(a, VLAPIC_REG_LVTERR);
    bool fresh = (a->esr_pending & bits) != bits;

    a->esr_pending |= bits;
    if (!fresh || (lvt & LVT_MASKED) != 0 || (lvt & 0xffU) < 16)
        return;
    if (vlapic_set_irr(a, (uint8_t)lvt, false))
        e->what |= VLAPIC_SELF_IRQ;
}

static uint32_t read_register(struct vlapic *a, uint16_t offset, ns_t now)
{
    if (offset == VLAPIC_REG_TMCCT)
        return vlapic_timer_count(a, now);
    if (offset == VLAPIC_REG_PPR)
        return vlapic_ppr(a);
    return reg_get(a, offset);
}

bool vlapic_read(struct vlapic *a, uint16_t offset, ns_t now, uint32_t *value)
{
    const struct reg_info *r = find_reg(offset, R);

    *value = 0;
    if (!hw_enabled(a) || vlapic_is_x2apic(a))
        return false;
    if (r == NULL) {
        a->esr_pending |= ESR_BAD_REGISTER;
        return false;
    }
    *value = read_register(a, offset, now);
    return true;
}

static void write_svr(struct vlapic *a, uint32_t value, ns_t now, struct vlapic_effect *e)
{
    static const uint16_t lvts[] = { VLAPIC_REG_LVTTHMR, VLAPIC_REG_LVTPC, VLAPIC_REG_LVT0,
                                     VLAPIC_REG_LVT1, VLAPIC_REG_LVTERR };
    bool was = (a->svr & SVR_ENABLE) != 0, is = (value & SVR_ENABLE) != 0;

    a->svr = value;
    reg_set(a, VLAPIC_REG_SVR, value);
    if (was == is)
        return;
    e->what |= VLAPIC_MODE;
    if (is)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(lvts); i++)
        reg_set(a, lvts[i], reg_get(a, lvts[i]) | LVT_MASKED);
    vlapic_timer_lvt(a, a->lvtt | LVT_MASKED, now, e);
}

/* All effects of a register write. value has passed the register's mask. */
static void write_register(struct vlapic *a, uint16_t offset, uint32_t value, ns_t now,
                           struct vlapic_effect *e)
{
    uint32_t forced = (a->svr & SVR_ENABLE) != 0 ? 0 : LVT_MASKED;

    switch (offset) {
    case VLAPIC_REG_TPR:
        vlapic_set_tpr(a, (uint8_t)value);
        e->what |= VLAPIC_SELF_IRQ;
        break;
    case VLAPIC_REG_EOI:
        vlapic_eoi(a, e);
        break;
    case VLAPIC_REG_DFR:
        reg_set(a, offset, value | 0x0fffffffU);
        break;
    case VLAPIC_REG_SVR:
        write_svr(a, value, now, e);
        break;
    case VLAPIC_REG_ESR:
        reg_set(a, offset, a->esr_pending);
        a->esr_pending = 0;
        break;
    case VLAPIC_REG_ICR:
        reg_set(a, offset, value);
        vlapic_icr_write(a, value, reg_get(a, VLAPIC_REG_ICR2) >> 24, e);
        break;
    case VLAPIC_REG_LVTT:
        vlapic_timer_lvt(a, value | forced, now, e);
        break;
    case VLAPIC_REG_LVTTHMR:
    case VLAPIC_REG_LVTPC:
    case VLAPIC_REG_LVT0:
    case VLAPIC_REG_LVT1:
    case VLAPIC_REG_LVTERR:
        reg_set(a, offset, value | forced);
        break;
    case VLAPIC_REG_TMICT:
        vlapic_timer_start(a, value, now, e);
        break;
    case VLAPIC_REG_TDCR:
        vlapic_timer_divide(a, value, now, e);
        break;
    case VLAPIC_REG_SELF_IPI:
        vlapic_self_ipi(a, (uint8_t)value, e);
        break;
    default:
        reg_set(a, offset, value);
        break;
    }
}

bool vlapic_write(struct vlapic *a, uint16_t offset, uint32_t value, ns_t now,
                  struct vlapic_effect *e)
{
    const struct reg_info *r = find_reg(offset, W);

    if (!hw_enabled(a) || vlapic_is_x2apic(a))
        return false;
    if (r == NULL) {
        if (find_reg(offset, R) == NULL)
            vlapic_raise_error(a, ESR_BAD_REGISTER, e);
        return false;
    }
    write_register(a, offset, value & r->mask, now, e);
    return true;
}

void vlapic_after_hw_write(struct vlapic *a, uint16_t offset, ns_t now, struct vlapic_effect *e)
{
    const struct reg_info *r = find_reg(offset, W | XW);

    if (r != NULL)
        write_register(a, offset, reg_get(a, offset) & r->mask, now, e);
    else
        set_identity(a); /* the ID register is the only read-only one that hardware lets through */
}

bool vlapic_rdmsr(struct vlapic *a, uint32_t msr, ns_t now, uint64_t *value)
{
    uint16_t offset = (uint16_t)((msr & 0xffU) << 4);

    if (!vlapic_is_x2apic(a) || find_reg(offset, XR) == NULL)
        return false;
    *value = read_register(a, offset, now);
    if (offset == VLAPIC_REG_ICR)
        *value |= (uint64_t)reg_get(a, VLAPIC_REG_ICR + 4) << 32;
    return true;
}

/* Delivery status and remote IRR of a local vector are read-only, not reserved (SDM 11.5.1): what is written there
 * is dropped. Linux writes ones when it gives the APIC up. */
static uint32_t read_only_bits(uint16_t offset)
{
    if (offset == VLAPIC_REG_LVT0 || offset == VLAPIC_REG_LVT1)
        return 0x5000;
    return offset >= VLAPIC_REG_LVTT && offset <= VLAPIC_REG_LVTERR ? 0x1000 : 0;
}

bool vlapic_wrmsr(struct vlapic *a, uint32_t msr, uint64_t value, ns_t now, struct vlapic_effect *e)
{
    uint16_t offset = (uint16_t)((msr & 0xffU) << 4);
    const struct reg_info *r = find_reg(offset, XW);
    uint32_t low = (uint32_t)value;

    if (!vlapic_is_x2apic(a) || r == NULL)
        return false;
    if (offset == VLAPIC_REG_ICR) {
        low &= ~0x1000U; /* delivery status: tolerated */
        if ((low & ~r->mask) != 0)
            return false;
        reg_set(a, offset, low);
        reg_set(a, VLAPIC_REG_ICR + 4, (uint32_t)(value >> 32));
        vlapic_icr_write(a, low, (uint32_t)(value >> 32), e);
        return true;
    }
    if ((value & ~(uint64_t)(r->mask | read_only_bits(offset))) != 0)
        return false;
    write_register(a, offset, low & r->mask, now, e);
    return true;
}

bool vlapic_set_irr(struct vlapic *a, uint8_t vector, bool level)
{
    uint32_t bit = vector_bit(vector);
    uint64_t exit_bit = 1ULL << (vector % 64U), old;

    if (!vlapic_is_enabled(a) || vector < 16)
        return false;
    if (level) {
        __atomic_fetch_or(vector_word(a, VLAPIC_REG_TMR0, vector), bit, __ATOMIC_SEQ_CST);
        old = __atomic_fetch_or(&a->eoi_exit[vector / 64U], exit_bit, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(vector_word(a, VLAPIC_REG_TMR0, vector), ~bit, __ATOMIC_SEQ_CST);
        old = ~__atomic_fetch_and(&a->eoi_exit[vector / 64U], ~exit_bit, __ATOMIC_SEQ_CST);
    }
    if ((old & exit_bit) == 0)
        __atomic_store_n(&a->eoi_exit_changed, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&a->hw_delivery, __ATOMIC_RELAXED)) {
        old = __atomic_fetch_or(&a->posted[vector / 32], bit, __ATOMIC_SEQ_CST);
        __atomic_store_n(&a->posted_any, true, __ATOMIC_SEQ_CST);
    } else {
        old = __atomic_fetch_or(vector_word(a, VLAPIC_REG_IRR0, vector), bit, __ATOMIC_SEQ_CST);
    }
    if ((old & bit) != 0)
        return false;
    __atomic_store_n(&a->irr_hint, true, __ATOMIC_RELEASE);
    return true;
}

bool vlapic_sync(struct vlapic *a)
{
    if (!__atomic_load_n(&a->posted_any, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&a->posted_any, false, __ATOMIC_SEQ_CST);
    for (unsigned int i = 0; i < 8; i++) {
        uint32_t set = __atomic_exchange_n(&a->posted[i], 0, __ATOMIC_SEQ_CST);

        if (set != 0)
            __atomic_fetch_or(vector_word(a, VLAPIC_REG_IRR0, (uint8_t)(32 * i)), set, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(&a->irr_hint, true, __ATOMIC_RELEASE);
    return true;
}

/* Mostly there is none, and every exit asks: that is seen without a loop. */
static int highest_vector(const struct vlapic *a, unsigned int base)
{
    const uint32_t *words = (const uint32_t *)(const void *)(a->regs + base);

#define WORD(i) __atomic_load_n(&words[4 * (i)], __ATOMIC_RELAXED)
    if (!(WORD(0) | WORD(1) | WORD(2) | WORD(3) | WORD(4) | WORD(5) | WORD(6) | WORD(7)))
        return -1;
    for (unsigned int i = 8; i-- > 0;) {
        uint32_t word = WORD(i);

        if (word != 0)
            return (int)(i * 32 + 31 - (unsigned int)__builtin_clz(word));
    }
#undef WORD
    return -1;
}

bool vlapic_irr_has(const struct vlapic *a, uint8_t vector)
{
    const uint32_t *irr = (const uint32_t *)(const void *)(a->regs + VLAPIC_REG_IRR0 + vector / 32 * 0x10);
    uint32_t set = __atomic_load_n(irr, __ATOMIC_RELAXED) | __atomic_load_n(&a->posted[vector / 32], __ATOMIC_RELAXED);

    return (set & vector_bit(vector)) != 0;
}

int vlapic_highest_irr(const struct vlapic *a) { return highest_vector(a, VLAPIC_REG_IRR0); }
int vlapic_highest_isr(const struct vlapic *a) { return highest_vector(a, VLAPIC_REG_ISR0); }

/* Who sets a vector does so before the hint: what this look has missed, the next one will not. */
int vlapic_look_for_irr(struct vlapic *a)
{
    int irr;

    __atomic_store_n(&a->irr_hint, false, __ATOMIC_SEQ_CST);
    irr = vlapic_highest_irr(a);
    if (irr >= 0)
        __atomic_store_n(&a->irr_hint, true, __ATOMIC_RELAXED);
    return irr;
}

/* SDM 11.8.3.1. */
uint32_t vlapic_ppr(const struct vlapic *a)
{
    uint32_t tpr = reg_get(a, VLAPIC_REG_TPR) & 0xffU;
    int isr = vlapic_highest_isr(a);

    return isr >= 0 && ((uint32_t)isr & 0xf0U) > (tpr & 0xf0U) ? (uint32_t)isr & 0xf0U : tpr;
}

/* The page's copy is for hardware and for dumps; with virtual-interrupt delivery the CPU keeps it. */
static void update_ppr(struct vlapic *a)
{
    if (!a->hw_delivery)
        reg_set(a, VLAPIC_REG_PPR, vlapic_ppr(a));
}

uint8_t vlapic_get_tpr(const struct vlapic *a) { return (uint8_t)reg_get(a, VLAPIC_REG_TPR); }

void vlapic_set_tpr(struct vlapic *a, uint8_t tpr)
{
    reg_set(a, VLAPIC_REG_TPR, tpr);
    update_ppr(a);
}

int vlapic_deliverable(const struct vlapic *a, int vector)
{
    if (vector < 0 || !vlapic_is_enabled(a) || ((uint32_t)vector & 0xf0U) <= (vlapic_ppr(a) & 0xf0U))
        return -1;
    return vector;
}

int vlapic_pending(const struct vlapic *a) { return vlapic_deliverable(a, vlapic_highest_irr(a)); }

void vlapic_accept(struct vlapic *a, uint8_t vector)
{
    __atomic_fetch_and(vector_word(a, VLAPIC_REG_IRR0, vector), ~vector_bit(vector),
                       __ATOMIC_SEQ_CST);
    __atomic_fetch_or(vector_word(a, VLAPIC_REG_ISR0, vector), vector_bit(vector),
                      __ATOMIC_RELAXED);
    update_ppr(a);
}

void vlapic_eoi(struct vlapic *a, struct vlapic_effect *e)
{
    int isr = vlapic_highest_isr(a);
    uint8_t vector = (uint8_t)isr;

    if (isr < 0)
        return;
    __atomic_fetch_and(vector_word(a, VLAPIC_REG_ISR0, vector), ~vector_bit(vector),
                       __ATOMIC_RELAXED);
    update_ppr(a);
    e->what |= VLAPIC_SELF_IRQ;
    if ((__atomic_load_n(vector_word(a, VLAPIC_REG_TMR0, vector), __ATOMIC_SEQ_CST) &
         vector_bit(vector)) != 0) {
        e->what |= VLAPIC_EOI;
        e->eoi_vector = vector;
    }
}
