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

struct vlines_change vlines_reload(struct vlines *l)
{
    uint16_t irqs = l->isa_model | l->isa_own;
    struct vlines_change c;
    uint64_t pins = 0;

    for (unsigned int slot = 0; slot < SLOTS && (l->pci.pad[0] | l->pci.pad[1]); slot++)
        for (unsigned int intx = 0; intx < 4; intx++)
            if (is_high(l, slot, intx)) {
                uint8_t irq = l->link.route[(slot + intx) & 3U];

                pins |= 1ULL << pin_of(slot, intx);
                if (irq)
                    irqs |= (uint16_t)(1U << (irq % ISA_LINES));
            }
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

struct vlines_change vlines_set_route(struct vlines *l, unsigned int link, uint8_t irq)
{
    if (link < 4 && irq < ISA_LINES)
        l->link.route[link] = irq;
    return vlines_reload(l);
}
