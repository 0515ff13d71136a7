/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of each function: found at its first access, forgotten when another one answers in its place
 * or the bridge above it changes its bus numbers.
 */
#include "vpci_parts.h"

#include <lib/log.h>
#include <lib/string.h>

#define CAP_MSI 0x05U
#define CAP_MSIX 0x11U
#define CAPS_MAX 48U               /* as many as fit */
#define EXT_CAP_FIRST 0x100U
#define EXT_CAP_SRIOV 0x10U
#define EXT_CAPS_MAX 960U
#define ABSENT 0xffffffffU

void function_warn(struct vpci_function *f, const char *what, uint64_t value)
{
    if (f->warned)
        return;
    f->warned = true;
    log_warn("PCI %04x:%02x:%02x.%u: %s %#lx", f->sbdf >> 16, f->sbdf >> 8 & 0xff, f->sbdf >> 3 & 0x1f,
             f->sbdf & 7, what, (unsigned long)value);
}

static void find_capabilities(struct vpci *p, struct vpci_function *f)
{
    uint8_t at;

    if (!(cfg_read(p, f, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return;
    at = (uint8_t)(cfg_read(p, f, PCI_CAP_POINTER, 1) & ~3U);
    for (unsigned int i = 0; i < CAPS_MAX && at >= 0x40; i++) {
        uint32_t head = cfg_read(p, f, at, 2);

        if ((head & 0xff) == CAP_MSI && f->msi.cap == 0)
            vmsi_find(p, f, at);
        if ((head & 0xff) == CAP_MSIX && f->msix.cap == 0)
            vmsix_find(p, f, at);
        at = (uint8_t)(head >> 8 & ~3U);
    }
}

static void find_extended(struct vpci *p, struct vpci_function *f)
{
    unsigned int at = EXT_CAP_FIRST;

    for (unsigned int i = 0; i < EXT_CAPS_MAX && at >= EXT_CAP_FIRST; i++) {
        uint32_t head = cfg_read(p, f, at, 4);

        if (head == 0 || head == ABSENT)
            return;
        if ((head & 0xffff) == EXT_CAP_SRIOV)
            f->sriov = (uint16_t)at;
        at = head >> 20 & ~3U;
    }
}

static void learn(struct vpci *p, struct vpci_function *f)
{
    struct vpci_entry *entry = f->msix.entry;
    uint16_t count = f->msix.count;
    struct io_req none = { .size = 4 };

    *f = (struct vpci_function){ .used = true, .sbdf = f->sbdf };
    /* Rows are never given back: a successor that needs no more of them takes them over. */
    f->msix.entry = entry;
    f->msix.count = count;
    f->id = cfg_read(p, f, 0, 4);
    if (f->id == ABSENT)
        return;
    f->is_bridge = (cfg_read(p, f, PCI_HEADER_TYPE, 1) & 0x7f) == 1;
    find_capabilities(p, f);
    find_extended(p, f);
    function_moved(p, f, &none);
}

static void forget(struct vpci *p, struct vpci_function *f)
{
    vmsi_release(p, f);
    vmsix_release(p, f);
    learn(p, f);
}

/* It will answer at another address, where its vectors are not known to be its own. */
static void silence(struct vpci *p, struct vpci_function *f)
{
    if (f->id == ABSENT || cfg_read(p, f, 0, 4) != f->id)
        return;
    if (f->msi.bound != 0)
        cfg_write(p, f, f->msi.cap + 2U, 2, cfg_read(p, f, f->msi.cap + 2U, 2) & ~1U);
    if (f->msix.enabled)
        cfg_write(p, f, f->msix.cap + 2U, 2, cfg_read(p, f, f->msix.cap + 2U, 2) & ~0x8000U);
}

struct vpci_function *function_get(struct vpci *p, uint32_t sbdf)
{
    unsigned int i;

    for (i = 0; i < p->function_max && p->function[i].used; i++)
        if (p->function[i].sbdf == sbdf)
            break;
    if (i < p->function_max && p->function[i].used && p->function[i].id != ABSENT)
        return &p->function[i];
    /* Never seen, or gone when last looked at. */
    if (p->function_max == 0 || p->host->read(p->host->ctx, sbdf, 0, 4) == ABSENT)
        return NULL;
    if (i == p->function_max) {
        if (!p->full_warned)
            log_warn("PCI: more than %u functions, the others' interrupts are not translated", i);
        p->full_warned = true;
        return NULL;
    }
    p->function[i].sbdf = sbdf;
    learn(p, &p->function[i]);
    return &p->function[i];
}

void function_check(struct vpci *p, struct vpci_function *f)
{
    if (cfg_read(p, f, 0, 4) != f->id)
        forget(p, f);
}

void function_forget_behind(struct vpci *p, const struct vpci_function *bridge)
{
    uint32_t buses = cfg_read(p, bridge, PCI_BUSES, 4), segment = bridge->sbdf >> 16;
    uint32_t secondary = buses >> 8 & 0xff, subordinate = buses >> 16 & 0xff;

    for (unsigned int i = 0; i < p->function_max && p->function[i].used; i++) {
        struct vpci_function *f = &p->function[i];
        uint32_t bus = f->sbdf >> 8 & 0xff;

        if (f->sbdf >> 16 != segment || secondary == 0 || bus < secondary || bus > subordinate)
            continue;
        silence(p, f);
        forget(p, f);
    }
}

/* Where the BAR stands if memory is decoded, else 0. */
static uint64_t bar_address(struct vpci *p, const struct vpci_function *f, unsigned int bar)
{
    unsigned int count = f->is_bridge ? 2 : 6;
    uint32_t low;
    uint64_t high = 0;

    if (bar >= count || !(cfg_read(p, f, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return 0;
    low = cfg_read(p, f, PCI_BAR0 + 4 * bar, 4);
    if (low & 1)
        return 0;
    if ((low >> 1 & 3) == 2 && bar + 1 < count)
        high = cfg_read(p, f, PCI_BAR0 + 4 * (bar + 1), 4);
    return high << 32 | (low & ~0xfU);
}

void function_moved(struct vpci *p, struct vpci_function *f, struct io_req *req)
{
    uint64_t base, at = 0;

    if (f->msix.cap == 0)
        return;
    base = bar_address(p, f, f->msix.bar);
    if (base != 0 && base + f->msix.offset >= base)
        at = base + f->msix.offset;
    if (at == f->msix.at)
        return;
    f->msix.at = at;
    req->effects |= IO_EFFECT_TRAPS;
    if (at != 0)
        vmsix_moved(p, f);
}
