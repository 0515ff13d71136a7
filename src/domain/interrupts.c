/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt messages between the virtual APICs of a domain. */
#include <domain/domain.h>

#include <x86/time.h>

static void deliver_fixed(struct vcpu *v, uint8_t vector, bool level)
{
    if (vlapic_set_irr(&v->lapic, vector, level))
        sched_kick(&v->sched);
}

/* INIT and SIPI only leave a note: the target's own CPU changes its state (vcpu_settle). */
static void deliver_init(struct vcpu *v)
{
    bool start;

    spin_lock(&v->lock);
    start = !v->being_initialised;         /* else as if it had come before VCPUOP_initialise */
    if (start)
        v->init_pending = true;
    spin_unlock(&v->lock);
    if (start) {
        sched_set_down(&v->sched, false);
        sched_kick(&v->sched);
    }
}

static void deliver_sipi(struct vcpu *v, uint8_t vector)
{
    bool start = false;

    spin_lock(&v->lock);
    if (!v->being_initialised && (v->sipi_wait || v->init_pending)) {
        v->sipi_pending = true;
        v->sipi_vector = vector;
        start = true;
    }
    spin_unlock(&v->lock);
    if (start) {
        sched_set_down(&v->sched, false);
        sched_kick(&v->sched);
    }
}

static void deliver(struct vcpu *v, uint8_t mode, uint8_t vector, bool level)
{
    switch (mode) {
    case IPI_FIXED:
    case IPI_LOWEST:
        deliver_fixed(v, vector, level);
        break;
    case IPI_NMI:
        WRITE_ONCE(v->pending_nmi, true);
        sched_kick(&v->sched);
        break;
    case IPI_INIT:
        deliver_init(v);
        break;
    case IPI_SIPI:
        deliver_sipi(v, vector);
        break;
    default: /* SMI and ExtINT have no target here */
        break;
    }
}

static bool addressed(const struct vcpu *v, const struct vcpu *from, const struct vlapic_ipi *ipi)
{
    switch (ipi->shorthand) {
    case 1: return v == from;
    case 2: return true;
    case 3: return v != from;
    default: return vlapic_matches(&v->lapic, ipi->dest, ipi->logical, vlapic_is_x2apic(&from->lapic));
    }
}

void vcpu_send_ipi(struct vcpu *from, const struct vlapic_ipi *ipi)
{
    struct domain *d = from->domain;
    struct vcpu *lowest = NULL;

    /* INIT level de-assert is an APIC bus relic: no effect (SDM 11.6.1). */
    if (ipi->mode == IPI_INIT && !ipi->level_assert && ipi->trigger_level)
        return;
    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (!v || !addressed(v, from, ipi))
            continue;
        if (ipi->mode != IPI_LOWEST)
            deliver(v, ipi->mode, ipi->vector, false);
        else if (!lowest || vlapic_arbitration(&v->lapic) < vlapic_arbitration(&lowest->lapic))
            lowest = v;
    }
    if (lowest)
        deliver_fixed(lowest, ipi->vector, false);
}

bool domain_deliver_msg(struct domain *d, const struct ioapic_msg *m)
{
    struct vcpu *lowest = NULL;
    bool taken = false;

    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];

        if (!v || !vlapic_is_enabled(&v->lapic) ||
            !vlapic_matches(&v->lapic, m->dest, m->logical, false))
            continue;
        taken = true;
        if (m->mode != IPI_LOWEST)
            deliver(v, m->mode, m->vector, m->level);
        else if (!lowest || vlapic_arbitration(&v->lapic) < vlapic_arbitration(&lowest->lapic))
            lowest = v;
    }
    if (lowest)
        deliver_fixed(lowest, m->vector, m->level);
    return taken;
}

struct vioapic *domain_vioapic_of_gsi(struct domain *d, unsigned int gsi, unsigned int *pin)
{
    for (unsigned int i = 0; i < d->vioapic_count; i++) {
        struct vioapic *io = d->vioapic[i];

        if (gsi >= io->gsi_base && gsi - io->gsi_base < io->pins) {
            *pin = gsi - io->gsi_base;
            return io;
        }
    }
    return NULL;
}

void domain_set_gsi(struct domain *d, unsigned int gsi, bool high)
{
    struct ioapic_msg msg;
    struct vioapic *io;
    unsigned int pin;
    bool send = false;

    spin_lock(&d->vioapic_lock);
    io = domain_vioapic_of_gsi(d, gsi, &pin);
    if (io)
        send = vioapic_set_line(io, pin, high, &msg);
    spin_unlock(&d->vioapic_lock);
    if (send)
        (void)domain_deliver_msg(d, &msg);
}
