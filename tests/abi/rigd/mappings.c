/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of other domains in a tool: at gfns of dom0 that its kernel chooses, taken away by munmap() or the tool's end. */
#define _GNU_SOURCE
#include "rigd.h"

#include <errno.h>
#include <slat/slat.h>
#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

static uint8_t taken[SCRATCH_PAGES];
static uint64_t used;

/* The first run that is long enough: the same work takes the same gfns, hence the same page tables, each time. */
uint64_t scratch_take(uint64_t pages)
{
    for (uint64_t at = 0; pages > 0 && at + pages <= SCRATCH_PAGES;) {
        const uint8_t *hit = memrchr(taken + at, 1, pages);

        if (hit) {
            at = (uint64_t)(hit - taken) + 1;
            continue;
        }
        memset(taken + at, 1, pages);
        used += pages;
        return SCRATCH_GFN + at;
    }
    return 0;
}

void scratch_give(uint64_t gfn, uint64_t pages)
{
    memset(taken + (gfn - SCRATCH_GFN), 0, pages);
    used -= pages;
}

uint64_t scratch_used(void) { return used; }

static struct rig_extent *last_extent(struct extents *x)
{
    return x->count ? &x->e[x->count - 1] : NULL;
}

static int extent_page(struct extents *x, uint64_t va, uint64_t offset, bool writable)
{
    struct rig_extent *last = last_extent(x);

    if (last && last->va + last->pages * PAGE_SIZE == va && last->offset + last->pages * PAGE_SIZE == offset &&
        last->writable == writable) {
        last->pages++;
        return 0;
    }
    if (x->count == x->room) {
        x->room = x->room ? 2 * x->room : 64;
        x->e = realloc(x->e, x->room * sizeof(*x->e));
        if (!x->e)
            return -ENOMEM;
    }
    x->e[x->count++] = (struct rig_extent){ va, offset, 1, writable, 0 };
    return 0;
}

int extents_add(struct extents *x, uint64_t va, uint64_t gfn, uint64_t pages, bool writable)
{
    for (uint64_t i = 0; i < pages; i++) {
        struct slat_entry e = p2m_lookup(&rig_vcpu->domain->p2m, gfn_of(gfn + i));
        int rc;

        if (e.type == P2M_HOLE)
            continue;   /* stays unmapped in the tool */
        rc = extent_page(x, va + i * PAGE_SIZE, e.mfn.v << PAGE_SHIFT, writable && (e.rwx & SLAT_W));
        if (rc != 0)
            return rc;
    }
    return 0;
}

int mapping_add(struct connection *process, uint64_t va, uint64_t gfn, uint64_t pages, uint32_t *grant_handle)
{
    struct mapping *m = malloc(sizeof(*m));

    if (!m)
        return -ENOMEM;
    *m = (struct mapping){ process->mappings, va, pages, gfn, grant_handle };
    process->mappings = m;
    return 0;
}

void grants_unmap(uint64_t gfn, const uint32_t *handle, uint64_t pages)
{
    struct gnttab_unmap_grant_ref *a = (void *)kernel_memory.byte;

    for (uint64_t i = 0; i < pages; i++) {
        *a = (struct gnttab_unmap_grant_ref){ .host_addr = (gfn + i) << PAGE_SHIFT, .handle = handle[i] };
        if (call_from_kernel(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, kernel_address(a), 1) != 0 ||
            a->status != GNTST_okay)
            kernel_bug("unmap of a grant");
    }
}

static void unmap_pages(const struct mapping *m, uint64_t first, uint64_t pages)
{
    struct xen_remove_from_physmap *a = (void *)kernel_memory.byte;

    if (m->grant_handle)
        grants_unmap(m->gfn + first, m->grant_handle + first, pages);
    for (uint64_t i = 0; !m->grant_handle && i < pages; i++) {
        *a = (struct xen_remove_from_physmap){ .domid = DOMID_SELF, .gpfn = m->gfn + first + i };
        (void)call_from_kernel(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, kernel_address(a), 0);
    }
    scratch_give(m->gfn + first, pages);
}

/* The part of m in [first, first + pages) goes; what is left on either side stays. True: nothing is left. */
static bool cut(struct connection *process, struct mapping *m, uint64_t first, uint64_t pages)
{
    uint64_t end = first + pages, rest = m->pages - end;

    unmap_pages(m, first, pages);
    if (rest > 0 && first > 0) {
        uint32_t *handles = NULL;

        if (m->grant_handle) {
            handles = malloc(rest * sizeof(*handles));
            if (!handles)
                abort();
            memcpy(handles, m->grant_handle + end, rest * sizeof(*handles));
        }
        if (mapping_add(process, m->va + end * PAGE_SIZE, m->gfn + end, rest, handles) != 0)
            abort();
        m->pages = first;
        return false;
    }
    if (first == 0 && rest > 0) {
        m->va += end * PAGE_SIZE;
        m->gfn += end;
        m->pages = rest;
        if (m->grant_handle)
            memmove(m->grant_handle, m->grant_handle + end, rest * sizeof(*m->grant_handle));
        return false;
    }
    m->pages = first;
    return first == 0;
}

void mapping_remove(struct connection *process, uint64_t va, uint64_t pages)
{
    struct mapping **at = &process->mappings;

    while (*at) {
        struct mapping *m = *at;
        uint64_t from = max_of(va, m->va);
        uint64_t to = min_of(va + pages * PAGE_SIZE, m->va + m->pages * PAGE_SIZE);

        if (from < to && cut(process, m, (from - m->va) / PAGE_SIZE, (to - from) / PAGE_SIZE)) {
            /* cut() may have put others in front of it. */
            for (at = &process->mappings; *at != m;)
                at = &(*at)->next;
            *at = m->next;
            free(m->grant_handle);
            free(m);
        } else {
            at = &m->next;
        }
    }
}
