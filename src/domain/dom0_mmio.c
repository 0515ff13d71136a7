/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's device memory. Everything that is not RAM is dom0's, at the same address, except what the
 * hypervisor drives itself. It is mapped on first touch, so that a hole that Linux uses for foreign
 * and grant mappings instead (facts in docs/dom0-memory.md) never carries a mapping it did not ask for.
 */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <x86/cpu.h>

#define MAX_DENIED 192U           /* ours, kept memory, firmware, devices */
#define LOW_MEMORY_GFN 0x100U      /* first MiB */

static struct { uint64_t first, last; } denied[MAX_DENIED];
static unsigned int denied_count;

int dom0_deny_mmio(gfn_t first, gfn_t last)
{
    if (denied_count == MAX_DENIED)
        return -ENOSPC;
    denied[denied_count].first = first.v;
    denied[denied_count++].last = last.v;
    return 0;
}

static bool is_denied(uint64_t first, uint64_t last)
{
    for (unsigned int i = 0; i < denied_count; i++)
        if (first <= denied[i].last && last >= denied[i].first)
            return true;
    return false;
}

/* For good, or because a table that is trapped stands there now. */
static bool is_kept(struct domain *d, uint64_t first, uint64_t last)
{
    return is_denied(first, last) || dom0_pci_traps(d, first, last);
}

static bool has_ram(uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last && n < frames_max_mfn(); n++)
        if (frame_of(mfn_of(n)))
            return true;
    return false;
}

static uint64_t highest_gfn(void)
{
    return 1ULL << ((cpu_cpuid(0x80000008U, 0).eax & 0xff) - PAGE_SHIFT);
}

bool dom0_mmio_is_free(uint64_t first, uint64_t last)
{
    return last < highest_gfn() && !is_denied(first, last) && !has_ram(first, last);
}

bool dom0_unmap_mmio(struct domain *d, gfn_t g)
{
    struct slat_entry old;
    int rc;

    if (p2m_lookup(&d->p2m, g).type != P2M_MMIO_DIRECT)
        return false;
    rc = p2m_clear(&d->p2m, g, &old);
    if (rc != 0)
        domain_crash(d, "no memory to unmap its device page %#lx", (unsigned long)g.v);
    return true;
}

/* A trap may have been set up between the look and the mapping. */
static void undo_if_kept(struct domain *d, uint64_t first, unsigned int order)
{
    bool changed = false;

    for (uint64_t g = first; g < first + (1UL << order); g++)
        if (is_kept(d, g, g))
            changed |= dom0_unmap_mmio(d, gfn_of(g));
    if (changed)
        p2m_flush(&d->p2m);
}

/* A whole 2 MiB when nothing in it is different, else the page. */
int dom0_map_mmio(struct domain *d, gfn_t g)
{
    struct p2m *p = &d->p2m;
    uint64_t first = ALIGN_DOWN(g.v, 512UL);
    unsigned int order = PAGE_ORDER_2M;
    struct slat_entry e;
    int rc;

    if (g.v >= highest_gfn() || is_kept(d, g.v, g.v) || has_ram(g.v, g.v))
        return -EPERM;
    e = p2m_lookup(p, g);
    if (e.type != P2M_HOLE)
        return 0; /* somebody was faster */
    if (e.order < order || is_kept(d, first, first + 511) || has_ram(first, first + 511) ||
        first < LOW_MEMORY_GFN) {
        order = 0;
        first = g.v;
    }
    rc = p2m_set(p, gfn_of(first), order, mfn_of(first),
                 P2M_MMIO_DIRECT, NULL);
    if (rc == 0 && is_kept(d, first, first + (1UL << order) - 1))
        undo_if_kept(d, first, order);
    return rc;
}
