/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's interrupts on their way to dom0. A host GSI is bound when dom0 unmasks the pin of its
 * virtual IO-APIC, with the trigger mode it programmed. The host handler only notes the GSI; the
 * virtual line moves from SOFTIRQ_IRQ with interrupts on. A level GSI stays masked at the host until
 * dom0's EOI reaches the virtual IO-APIC.
 */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <x86/irq.h>
#include <x86/softirq.h>

#define MAX_GSI 512U

static uint64_t pending[BITMAP_WORDS(MAX_GSI)];    /* atomic */
static uint64_t bound[BITMAP_WORDS(MAX_GSI)];      /* under dom0's VIOAPIC lock */
static uint64_t level[BITMAP_WORDS(MAX_GSI)];

static void gsi_fired(void *ctx unused_arg, unsigned int gsi)
{
    if (gsi < MAX_GSI && !bit_test_and_set_atomic(pending, gsi))
        softirq_raise(SOFTIRQ_IRQ);
}

static void deliver_pending(void)
{
    struct domain *d = domain_dom0();

    for (unsigned int gsi = bitmap_find_set(pending, MAX_GSI, 0); gsi < MAX_GSI;
         gsi = bitmap_find_set(pending, MAX_GSI, gsi + 1)) {
        if (!bit_test_and_clear_atomic(pending, gsi))
            continue;
        domain_set_gsi(d, gsi, true);
        if (!bit_test(level, gsi))
            domain_set_gsi(d, gsi, false);
    }
    dom0_msi_deliver(d);
}

void dom0_irq_init(void)
{
    softirq_set_handler(SOFTIRQ_IRQ, deliver_pending);
}

void dom0_gsi_changed(struct domain *d, unsigned int gsi, const struct vioapic_effect *e)
{
    const struct irq_handler handler = { gsi_fired, NULL };
    int rc;

    if (gsi >= MAX_GSI || gsi >= irq_gsi_count())
        return;
    if (e->ended)
        dom0_gsi_ended(d, gsi);
    if (!e->unmasked)
        return;
    if (!bit_test(bound, gsi)) {
        rc = irq_gsi_bind(gsi, e->level, e->active_low, 0, handler);
        if (rc != 0) {
            log_warn("dom0: interrupt line %u is not available (%d)", gsi, rc);
            return;
        }
        bit_set(bound, gsi);
        if (e->level)
            bit_set(level, gsi);
    }
    irq_gsi_unmask(gsi);
}

void dom0_gsi_ended(struct domain *d, unsigned int gsi)
{
    if (gsi >= MAX_GSI || !bit_test(bound, gsi) || !bit_test(level, gsi))
        return;
    domain_set_gsi(d, gsi, false);
    irq_gsi_eoi(gsi);
}

struct eoi_walk { uint64_t ended[BITMAP_WORDS(VIOAPIC_MAX_PINS)]; struct domain *d; };

/* A line that is still high (only a guest with emulated devices has such) interrupts again at once. */
static void pin_ended(void *ctx, unsigned int pin, const struct ioapic_msg *again)
{
    struct eoi_walk *w = ctx;

    bit_set(w->ended, pin);
    if (again)
        (void)domain_deliver_msg(w->d, again);
}

/* The virtual line of a host interrupt falls with its EOI; a device that still asks fires anew at the host. */
static void lower_host_lines(struct vioapic *io, uint8_t vector)
{
    for (unsigned int pin = 0; pin < io->pins; pin++) {
        unsigned int gsi = io->gsi_base + pin;
        struct ioapic_msg none;

        if ((io->rte[pin] & 0xff) == vector && gsi < MAX_GSI && bit_test(level, gsi))
            (void)vioapic_set_line(io, pin, false, &none);
    }
}

void domain_ioapic_eoi(struct domain *d, uint8_t vector)
{
    domain_settle_upcall_line(d);      /* lowered, if the guest has seen its events, before it could interrupt again */
    for (unsigned int i = 0; i < d->vioapic_count; i++) {
        struct vioapic *io = d->vioapic[i];
        struct eoi_walk w = { .d = d };

        spin_lock(&d->vioapic_lock);
        if (d->is_dom0)
            lower_host_lines(io, vector);
        vioapic_eoi(io, vector, pin_ended, &w);
        spin_unlock(&d->vioapic_lock);
        if (!d->is_dom0)
            continue;
        for (unsigned int pin = bitmap_find_set(w.ended, io->pins, 0); pin < io->pins;
             pin = bitmap_find_set(w.ended, io->pins, pin + 1))
            dom0_gsi_ended(d, io->gsi_base + pin);
    }
}
