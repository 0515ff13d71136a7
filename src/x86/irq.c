/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vectors, GSIs and who handles them. The controllers themselves are behind irq_hw.h, so that all of
 * this runs on the host. One lock guards descriptors and redirection entries; handlers are called
 * without it.
 *
 * A level GSI goes: idle -> (interrupt) busy, pin masked, LAPIC EOI -> (irq_gsi_eoi) idle, unmasked
 * unless its user masked it meanwhile.
 */
#include <x86/irq.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/log.h>
#include <x86/acpi.h>
#include <x86/percpu.h>
#include <x86/spinlock.h>

#include "irq_hw.h"
#include "vectors.h"

#define MAX_GSIS 512U
#define MSI_ADDRESS 0xfee00000U
#define MSI_MAX_BLOCK 32U

enum vector_use { VECTOR_FREE, VECTOR_GSI, VECTOR_MSI };

static struct vector_desc {
    struct irq_handler handler;
    uint16_t gsi;
    uint8_t use;            /* enum vector_use */
    uint8_t block;          /* MSI: vectors in the block, in its first one */
    uint64_t count;
} vectors[256];

static struct gsi_desc {
    uint8_t vector;         /* 0: nobody's */
    bool level, active_low;
    bool masked;            /* by its user */
    bool busy;              /* level: raised and not yet ended */
    uint16_t cpu;
} gsis[MAX_GSIS];

static struct irq_ioapic ioapics[ACPI_MAX_IOAPICS];
static unsigned int ioapic_total;
static unsigned int gsi_total;
static uint64_t spurious, lapic_errors;
static spinlock_t irq_lock = SPINLOCK_INIT(LOCK_IRQ);

/* --- IO-APICs and GSIs ------------------------------------------------------------------------ */

unsigned int irq_gsi_count(void) { return gsi_total; }
unsigned int irq_ioapic_count(void) { return ioapic_total; }

const struct irq_ioapic *irq_ioapic(unsigned int index)
{
    return index < ioapic_total ? &ioapics[index] : NULL;
}

int irq_add_ioapic(const struct irq_ioapic *io)
{
    if (ioapic_total == ARRAY_COUNT(ioapics))
        return -ENOSPC;
    if (io->pins == 0 || io->gsi_base >= MAX_GSIS || io->pins > MAX_GSIS - io->gsi_base)
        return -EINVAL;
    for (unsigned int i = 0; i < ioapic_total; i++)
        if (io->gsi_base < ioapics[i].gsi_base + ioapics[i].pins &&
            ioapics[i].gsi_base < io->gsi_base + io->pins)
            return -EEXIST;
    ioapics[ioapic_total++] = *io;
    gsi_total = max_of(gsi_total, io->gsi_base + io->pins);
    return 0;
}

void irq_forget_all(void)
{
    for (unsigned int i = 0; i < ARRAY_COUNT(vectors); i++)
        vectors[i] = (struct vector_desc){ .use = VECTOR_FREE };
    for (unsigned int i = 0; i < MAX_GSIS; i++)
        gsis[i] = (struct gsi_desc){ .vector = 0 };
    ioapic_total = gsi_total = 0;
    spurious = lapic_errors = 0;
    irq_lock = (spinlock_t)SPINLOCK_INIT(LOCK_IRQ);
}

/* Index of the IO-APIC that has the GSI, or -1 for a gap between two. */
static int ioapic_of(unsigned int gsi)
{
    for (unsigned int i = 0; i < ioapic_total; i++)
        if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].pins)
            return (int)i;
    return -1;
}

/* Without interrupt remapping only 8-bit APIC ids can be named; the boot CPU always has one. */
static uint64_t destination(unsigned int cpu)
{
    uint32_t id = percpu_of(cpu)->apic_id;

    return id < 0xff ? id : percpu_of(0)->apic_id;
}

static uint64_t gsi_rte(const struct gsi_desc *g)
{
    return g->vector | (g->level ? RTE_LEVEL : 0) | (g->active_low ? RTE_ACTIVE_LOW : 0) |
           (g->masked || g->busy ? RTE_MASKED : 0) | destination(g->cpu) << RTE_DEST_SHIFT;
}

static void gsi_program(unsigned int gsi)
{
    unsigned int io = (unsigned int)ioapic_of(gsi);

    ioapic_write_rte(io, gsi - ioapics[io].gsi_base, gsi_rte(&gsis[gsi]));
}

static void gsi_program_mask(unsigned int gsi)
{
    unsigned int io = (unsigned int)ioapic_of(gsi);

    ioapic_write_rte_low(io, gsi - ioapics[io].gsi_base, (uint32_t)gsi_rte(&gsis[gsi]));
}

/* First of count free vectors, aligned to count; 0 when there are none. */
static unsigned int find_vectors(unsigned int count)
{
    for (unsigned int v = ALIGN_UP(VECTOR_DYNAMIC_FIRST, count);
         v + count - 1 <= VECTOR_DYNAMIC_LAST; v += count) {
        unsigned int n = 0;

        while (n < count && vectors[v + n].use == VECTOR_FREE)
            n++;
        if (n == count)
            return v;
    }
    return 0;
}

int irq_gsi_bind(unsigned int gsi, bool level, bool active_low, unsigned int cpu,
                 struct irq_handler h)
{
    uint64_t flags;
    unsigned int v;
    int rc = -EBUSY;

    if (gsi >= gsi_total || ioapic_of(gsi) < 0 || cpu >= cpu_count() || h.fn == NULL)
        return -EINVAL;
    flags = spin_lock_irqsave(&irq_lock);
    if (gsis[gsi].vector == 0) {
        v = find_vectors(1);
        rc = v == 0 ? -ENOSPC : 0;
    }
    if (rc == 0) {
        vectors[v] = (struct vector_desc){ .handler = h, .gsi = (uint16_t)gsi, .use = VECTOR_GSI };
        gsis[gsi] = (struct gsi_desc){ .vector = (uint8_t)v, .level = level, .masked = true,
                                       .active_low = active_low, .cpu = (uint16_t)cpu };
        gsi_program(gsi);
    }
    spin_unlock_irqrestore(&irq_lock, flags);
    return rc;
}

/* The lock, if the GSI is bound; callers may name any GSI. */
static bool gsi_lock(unsigned int gsi, uint64_t *flags)
{
    if (gsi >= gsi_total)
        return false;
    *flags = spin_lock_irqsave(&irq_lock);
    if (gsis[gsi].vector != 0)
        return true;
    spin_unlock_irqrestore(&irq_lock, *flags);
    return false;
}

void irq_gsi_unbind(unsigned int gsi)
{
    uint64_t flags;

    if (!gsi_lock(gsi, &flags))
        return;
    gsis[gsi].masked = true;
    gsi_program(gsi);
    vectors[gsis[gsi].vector].use = VECTOR_FREE;
    gsis[gsi].vector = 0;
    spin_unlock_irqrestore(&irq_lock, flags);
}

static void gsi_set_masked(unsigned int gsi, bool masked)
{
    uint64_t flags;

    if (!gsi_lock(gsi, &flags))
        return;
    if (gsis[gsi].masked != masked) {
        gsis[gsi].masked = masked;
        gsi_program_mask(gsi);
    }
    spin_unlock_irqrestore(&irq_lock, flags);
}

void irq_gsi_mask(unsigned int gsi) { gsi_set_masked(gsi, true); }
void irq_gsi_unmask(unsigned int gsi) { gsi_set_masked(gsi, false); }

void irq_gsi_eoi(unsigned int gsi)
{
    uint64_t flags;

    if (!gsi_lock(gsi, &flags))
        return;
    if (gsis[gsi].busy) {
        gsis[gsi].busy = false;
        gsi_program_mask(gsi);
    }
    spin_unlock_irqrestore(&irq_lock, flags);
}

int irq_gsi_set_cpu(unsigned int gsi, unsigned int cpu)
{
    uint64_t flags;

    if (cpu >= cpu_count() || !gsi_lock(gsi, &flags))
        return -EINVAL;
    gsis[gsi].cpu = (uint16_t)cpu;
    gsi_program(gsi);
    spin_unlock_irqrestore(&irq_lock, flags);
    return 0;
}

struct irq_isa_route irq_isa_route(unsigned int isa_irq)
{
    struct irq_isa_route r = { isa_irq, false, false };
    const struct acpi_info *acpi = acpi_host();

    for (unsigned int i = 0; acpi != NULL && i < acpi->override_count; i++) {
        const struct acpi_override *o = &acpi->override[i];

        if (o->source != isa_irq)
            continue;
        r.gsi = o->gsi;
        r.active_low = (o->flags & 3) == 3;
        r.level = (o->flags >> 2 & 3) == 3;
    }
    return r;
}

/* --- MSI -------------------------------------------------------------------------------------- */

int irq_msi_bind(unsigned int cpu, unsigned int count, struct irq_handler h, struct irq_msi *msi)
{
    uint64_t flags;
    unsigned int v;

    if (count == 0 || count > MSI_MAX_BLOCK || (count & (count - 1)) != 0 ||
        cpu >= cpu_count() || h.fn == NULL)
        return -EINVAL;
    flags = spin_lock_irqsave(&irq_lock);
    v = find_vectors(count);
    for (unsigned int i = 0; v != 0 && i < count; i++)
        vectors[v + i] = (struct vector_desc){ .handler = h, .use = VECTOR_MSI,
                                               .block = (uint8_t)(i == 0 ? count : 0) };
    spin_unlock_irqrestore(&irq_lock, flags);
    if (v == 0)
        return -ENOSPC;
    msi->vector = (uint8_t)v;
    msi->address = MSI_ADDRESS | destination(cpu) << 12;
    msi->data = v;
    return 0;
}

void irq_msi_unbind(uint8_t vector)
{
    uint64_t flags = spin_lock_irqsave(&irq_lock);
    unsigned int block = vectors[vector].use == VECTOR_MSI ? vectors[vector].block : 0;

    for (unsigned int i = 0; i < block; i++)
        vectors[vector + i].use = VECTOR_FREE;
    spin_unlock_irqrestore(&irq_lock, flags);
}

/* --- An interrupt ----------------------------------------------------------------------------- */

/* Nobody's: ended only if the LAPIC really has it in service, lest another one be ended for it. */
static void dispatch_spurious(uint8_t vector)
{
    __atomic_fetch_add(&spurious, 1, __ATOMIC_RELAXED);
    if (lapic_in_service(vector))
        lapic_eoi();
}

static void dispatch_device(uint8_t vector)
{
    struct vector_desc *d = &vectors[vector];
    uint64_t flags = spin_lock_irqsave(&irq_lock);
    struct irq_handler h = d->handler;
    enum vector_use use = (enum vector_use)d->use;
    unsigned int irq = use == VECTOR_GSI ? d->gsi : vector;

    if (use == VECTOR_GSI && gsis[irq].level) {
        gsis[irq].busy = true;
        gsi_program_mask(irq);
    }
    d->count++;
    spin_unlock_irqrestore(&irq_lock, flags);
    if (use == VECTOR_FREE) {
        dispatch_spurious(vector);
        return;
    }
    lapic_eoi();
    h.fn(h.ctx, irq);
}

static void dispatch_local(uint8_t vector)
{
    __atomic_fetch_add(&vectors[vector].count, 1, __ATOMIC_RELAXED);
    switch (vector) {
    case VECTOR_TIMER:
        lapic_eoi();
        lapic_timer_interrupt();
        break;
    case VECTOR_CALL:
        lapic_eoi();
        smp_call_interrupt();
        break;
    case VECTOR_KICK:
        lapic_eoi();
        break;
    case VECTOR_LAPIC_ERROR:
        lapic_eoi();
        __atomic_fetch_add(&lapic_errors, 1, __ATOMIC_RELAXED);
        log_warn("CPU%u: local APIC error %#x", this_cpu_id(), lapic_read_and_clear_errors());
        break;
    default:
        dispatch_spurious(vector);
        break;
    }
}

void irq_dispatch(uint8_t vector)
{
    struct percpu *p = this_cpu();

    p->irq_depth++;
    p->irq_count++;
    if (vector >= VECTOR_DYNAMIC_FIRST && vector <= VECTOR_DYNAMIC_LAST)
        dispatch_device(vector);
    else
        dispatch_local(vector);
    p->irq_depth--;
}

void irq_dump(void)
{
    for (unsigned int g = 0; g < gsi_total; g++)
        if (gsis[g].vector != 0)
            log_info("GSI %3u vector %#04x CPU%u %s %s%s%s: %lu interrupts", g, gsis[g].vector,
                     gsis[g].cpu, gsis[g].level ? "level" : "edge",
                     gsis[g].active_low ? "low" : "high", gsis[g].masked ? " masked" : "",
                     gsis[g].busy ? " busy" : "", (unsigned long)vectors[gsis[g].vector].count);
    for (unsigned int v = VECTOR_DYNAMIC_FIRST; v < ARRAY_COUNT(vectors); v++)
        if (vectors[v].count != 0 && vectors[v].use != VECTOR_GSI)
            log_info("vector %#04x: %lu interrupts", v, (unsigned long)vectors[v].count);
    for (unsigned int c = 0; c < cpu_count(); c++)
        log_info("CPU%u: %lu interrupts, %lu NMIs", c, (unsigned long)percpu_of(c)->irq_count,
                 (unsigned long)percpu_of(c)->nmi_count);
    log_info("spurious: %lu, local APIC errors: %lu", (unsigned long)spurious,
             (unsigned long)lapic_errors);
}
