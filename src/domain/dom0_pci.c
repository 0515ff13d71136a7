/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's PCI devices at the machine: configuration space, vectors for MSI and MSI-X, and the memory around their
 * tables. hvm/vpci.h keeps the state, under dom0's VDEV lock; what follows from a change of trapped pages needs
 * the P2M and is done by dom0_pci_settle() when that lock has been let go.
 *
 * The host's handler only notes the vector; SOFTIRQ_IRQ turns it into a message to dom0's virtual APICs.
 */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <mm/heap.h>
#include <x86/irq.h>
#include <x86/paging.h>
#include <x86/pci.h>
#include <x86/smp.h>
#include <x86/softirq.h>

#define VECTORS 256U
#define MAX_FUNCTIONS 512U
#define MAX_ROWS 8192U
#define WINDOWS 64U

static uint64_t fired[BITMAP_WORDS(VECTORS)];        /* atomic */
static struct { struct ioapic_msg msg; bool routed, warned; } routes[VECTORS];      /* VDEV lock, as all below */
static struct { uint64_t page; volatile uint8_t *at; } windows[WINDOWS];
static unsigned int next_window, next_cpu;

/* ---- configuration space ---- */

static struct pci_addr pci_of(uint32_t sbdf)
{
    return (struct pci_addr){ (uint16_t)(sbdf >> 16), (uint8_t)(sbdf >> 8), (uint8_t)sbdf };
}

static uint32_t config_read(void *ctx unused_arg, uint32_t sbdf, unsigned int reg, unsigned int size)
{
    return pci_read(pci_of(sbdf), reg, size);
}

static void config_write(void *ctx unused_arg, uint32_t sbdf, unsigned int reg, unsigned int size,
                         uint32_t value)
{
    pci_write(pci_of(sbdf), reg, size, value);
}

static const struct vpci_host config_host = { config_read, config_write, NULL };

/* ---- device memory ---- */

/* The page of device memory that holds the address, mapped for us. NULL: dom0 has put a BAR where no device can be. */
static volatile uint8_t *window(uint64_t address)
{
    uint64_t page = address & PAGE_MASK;

    for (unsigned int i = 0; i < WINDOWS; i++)
        if (windows[i].at != NULL && windows[i].page == page)
            return windows[i].at + (address & ~PAGE_MASK);
    if (!dom0_mmio_is_free(page >> PAGE_SHIFT, page >> PAGE_SHIFT))
        return NULL;
    next_window = (next_window + 1) % WINDOWS;
    if (windows[next_window].at != NULL)
        unmap_device((void *)(uintptr_t)windows[next_window].at, PAGE_SIZE);
    windows[next_window].page = page;
    windows[next_window].at = map_device(hpa_of(page), PAGE_SIZE, MAP_UC);
    return windows[next_window].at == NULL ? NULL : windows[next_window].at + (address & ~PAGE_MASK);
}

static void table_write(void *ctx unused_arg, uint64_t at, uint32_t value)
{
    volatile uint8_t *p = window(at);

    if (p != NULL)
        *(volatile uint32_t *)(volatile void *)p = value;
}

/* The rest of a page that holds part of a table: the device's own registers. */
static void device_access(struct io_req *req)
{
    volatile uint8_t *p = (req->addr & ~PAGE_MASK) + req->size <= PAGE_SIZE ? window(req->addr) : NULL;
    volatile void *v = p;

    if (p == NULL) {
        req->data = io_all_ones(req->size);
        return;
    }
    switch (req->size) {
#define ACCESS(bytes, type) case bytes: \
        if (req->write) *(volatile type *)v = (type)req->data; else req->data = *(volatile type *)v; \
        break;
    ACCESS(1, uint8_t)
    ACCESS(2, uint16_t)
    ACCESS(4, uint32_t)
    ACCESS(8, uint64_t)
#undef ACCESS
    default: break;
    }
}

/* ---- vectors ---- */

static void msi_fired(void *ctx unused_arg, unsigned int vector)
{
    if (!bit_test_and_set_atomic(fired, vector))
        softirq_raise(SOFTIRQ_IRQ);
}

/* The host's interrupts go to one CPU after the other; dom0's choice is where the message then goes. */
static int vector_bind(void *ctx unused_arg, unsigned int count, struct vpci_message *msg)
{
    const struct irq_handler handler = { msi_fired, NULL };
    struct irq_msi msi;
    int rc;

    next_cpu = (next_cpu + 1) % cpu_count();
    rc = irq_msi_bind(next_cpu, count, handler, &msi);
    if (rc != 0)
        return rc;
    for (unsigned int i = 0; i < count; i++) {
        routes[msi.vector + i].routed = routes[msi.vector + i].warned = false;
        (void)bit_test_and_clear_atomic(fired, msi.vector + i);
    }
    msg->address = (uint32_t)msi.address;
    msg->data = msi.data;
    return msi.vector;
}

static void vector_route(void *ctx unused_arg, uint8_t vector, const struct ioapic_msg *to)
{
    routes[vector].routed = to != NULL;
    if (to != NULL)
        routes[vector].msg = *to;
}

static void vector_unbind(void *ctx unused_arg, uint8_t vector, unsigned int count)
{
    irq_msi_unbind(vector);
    for (unsigned int i = 0; i < count; i++)
        routes[vector + i].routed = false;
}

static const struct vpci_msi_host msi_host = { vector_bind, vector_route, vector_unbind, table_write, NULL };

static void deliver(struct domain *d, unsigned int vector)
{
    struct ioapic_msg msg;
    bool routed, warned;

    spin_lock(&d->vdev_lock);
    routed = routes[vector].routed;
    msg = routes[vector].msg;
    spin_unlock(&d->vdev_lock);
    if (routed && domain_deliver_msg(d, &msg))
        return;
    spin_lock(&d->vdev_lock);
    warned = routes[vector].warned;
    routes[vector].warned = true;
    spin_unlock(&d->vdev_lock);
    if (!warned)
        log_warn("dom0: an MSI interrupt (host vector %#x) names no vCPU that could take it, dropped", vector);
}

void dom0_msi_deliver(struct domain *d)
{
    for (unsigned int v = bitmap_find_set(fired, VECTORS, 0); v < VECTORS;
         v = bitmap_find_set(fired, VECTORS, v + 1))
        if (bit_test_and_clear_atomic(fired, v))
            deliver(d, v);
}

/* ---- traps ---- */

bool dom0_pci_traps(struct domain *d, uint64_t first_gfn, uint64_t last_gfn)
{
    bool trapped;

    if (d->vpci == NULL)
        return false;
    spin_lock(&d->vdev_lock);
    trapped = vpci_traps(d->vpci, first_gfn << PAGE_SHIFT, (last_gfn << PAGE_SHIFT) | ~PAGE_MASK);
    spin_unlock(&d->vdev_lock);
    return trapped;
}

bool dom0_pci_access(struct domain *d, struct io_req *req)
{
    bool ours = false;

    if (d->vpci == NULL)
        return false;
    spin_lock(&d->vdev_lock);
    if (vpci_memory_access(d->vpci, req) == IO_DONE) {
        ours = true;
    } else if (vpci_traps(d->vpci, req->addr, req->addr + req->size - 1)) {
        device_access(req);
        ours = true;
    }
    spin_unlock(&d->vdev_lock);
    if (req->effects & IO_EFFECT_TRAPS)
        dom0_pci_settle(d);
    return ours;
}

/* Takes device memory that is mapped out of dom0's sight. */
static bool unmap_pages(struct domain *d, uint64_t first, uint64_t last)
{
    bool changed = false;

    for (uint64_t g = first >> PAGE_SHIFT; g <= last >> PAGE_SHIFT; g++)
        changed |= dom0_unmap_mmio(d, gfn_of(g));
    return changed;
}

void dom0_pci_settle(struct domain *d)
{
    uint64_t first, last;
    bool more = true, changed = false;

    for (unsigned int i = 0; more; i++) {
        spin_lock(&d->vdev_lock);
        more = vpci_trap(d->vpci, i, &first, &last);
        spin_unlock(&d->vdev_lock);
        if (more && first < last)
            changed |= unmap_pages(d, first, last);
    }
    if (changed)
        p2m_flush(&d->p2m);
}

int dom0_pci_init(struct domain *d)
{
    struct vpci_room room = { heap_new_array(struct vpci_function, MAX_FUNCTIONS), MAX_FUNCTIONS,
                              heap_new_array(struct vpci_entry, MAX_ROWS), MAX_ROWS };
    struct vpci *p = heap_new(struct vpci);

    if (p == NULL || room.function == NULL || room.entry == NULL)
        return -ENOMEM;
    vpci_init(p, &config_host, &msi_host, &room);
    d->vpci = p;
    return 0;
}
