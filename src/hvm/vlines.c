/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vlines.h>

#include <hv/compiler.h>

#define ISA_LINES 16U
#define SLOTS 32U
#define FIRST_PCI_PIN 16U
#define TIMER_PIN 2U

static unsigned int pin_of(unsigned int slot, unsigned int intx)
{
    return ((slot * 4 + slot / 8 + intx) & 31U) + FIRST_PCI_PIN;
}

static unsigned int pin_of_isa(unsigned int irq)
{
    return irq == 0 ? TIMER_PIN : irq;
}

static bool is_high(const struct vlines *l, unsigned int slot, unsigned int intx)
{
    unsigned int bit = slot * 4 + intx;

    return l->pci.pad[bit / 64] >> (bit % 64) & 1;
}

static void add_intx(const struct vlines *l, unsigned int slot, unsigned int intx, uint64_t *pins, uint16_t *irqs)
{
    uint8_t irq = l->link.route[(slot + intx) & 3U];

    *pins |= 1ULL << pin_of(slot, intx);
    if (irq)
        *irqs |= (uint16_t)(1U << (irq % ISA_LINES));
}

static void add_upcall(const struct vlines *l, uint64_t *pins, uint16_t *irqs)
{
    const struct vlines_upcall *u = &l->upcall;

    if (!u->high || u->kind == VLINES_NO_UPCALL)
        return;
    if (u->kind == VLINES_UPCALL_INTX)
        add_intx(l, u->a % SLOTS, u->b & 3U, pins, irqs);
    else if (u->a < ISA_LINES)
        *irqs |= (uint16_t)(1U << u->a);
    else
        *pins |= 1ULL << (u->a % VLINES_PINS);
}

struct vlines_change vlines_reload(struct vlines *l)
{
    uint16_t irqs = l->isa_model | l->isa_own;
    struct vlines_change c;
    uint64_t pins = 0;

    for (unsigned int slot = 0; slot < SLOTS && (l->pci.pad[0] | l->pci.pad[1]); slot++)
        for (unsigned int intx = 0; intx < 4; intx++)
            if (is_high(l, slot, intx))
                add_intx(l, slot, intx, &pins, &irqs);
    add_upcall(l, &pins, &irqs);
    for (unsigned int irq = 0; irq < ISA_LINES; irq++)
        if (irqs & (1U << irq))
            pins |= 1ULL << pin_of_isa(irq);
    c = (struct vlines_change){ pins ^ l->pins, pins, irqs ^ l->irqs, irqs };
    l->pins = pins;
    l->irqs = irqs;
    return c;
}

struct vlines_change vlines_set_intx(struct vlines *l, unsigned int slot, unsigned int intx, bool high)
{
    unsigned int bit = slot * 4 + intx;

    if (slot < SLOTS && intx < 4) {
        l->pci.pad[bit / 64] &= ~(1ULL << (bit % 64));
        l->pci.pad[bit / 64] |= (uint64_t)high << (bit % 64);
    }
    return vlines_reload(l);
}

struct vlines_change vlines_set_isa(struct vlines *l, unsigned int irq, bool own, bool high)
{
    uint16_t *lines = own ? &l->isa_own : &l->isa_model;

    if (irq < ISA_LINES) {
        *lines &= (uint16_t)~(1U << irq);
        *lines |= (uint16_t)((unsigned int)high << irq);
    }
    return vlines_reload(l);
}

struct vlines_change vlines_set_upcall_line(struct vlines *l, unsigned int kind, unsigned int a, unsigned int b)
{
    l->upcall = (struct vlines_upcall){ .kind = VLINES_NO_UPCALL };
    if (kind == VLINES_UPCALL_GSI && a > 0 && a < VLINES_PINS)
        l->upcall = (struct vlines_upcall){ .kind = VLINES_UPCALL_GSI, .a = (uint8_t)a };
    else if (kind == VLINES_UPCALL_INTX && a < SLOTS && b < 4)
        l->upcall = (struct vlines_upcall){ .kind = VLINES_UPCALL_INTX, .a = (uint8_t)a, .b = (uint8_t)b };
    return vlines_reload(l);
}

struct vlines_change vlines_set_upcall(struct vlines *l, bool high)
{
    l->upcall.high = high && l->upcall.kind != VLINES_NO_UPCALL;
    return vlines_reload(l);
}

struct vlines_change vlines_set_route(struct vlines *l, unsigned int link, uint8_t irq)
{
    if (link < 4 && irq < ISA_LINES)
        l->link.route[link] = irq;
    return vlines_reload(l);
}
