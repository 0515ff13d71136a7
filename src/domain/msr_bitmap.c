/* SPDX-License-Identifier: BSD-2-Clause */
/* Which MSRs a guest reaches without an exit: those of the table that hardware or we switch with the vCPU. */
#include <domain/domain.h>

#include <hv/errno.h>
#include <lib/string.h>
#include <mm/heap.h>

static void allow(void *ctx, uint32_t first, uint32_t last)
{
    for (uint32_t msr = first; msr <= last; msr++)
        hw_msr_bitmap_allow(ctx, msr, true, true);
}

int domain_make_msr_bitmaps(struct domain *d)
{
    d->msr_bitmap = heap_alloc_pages(HW_MSR_BITMAP_ORDER);
    d->msr_bitmap_x2apic = heap_alloc_pages(HW_MSR_BITMAP_ORDER);
    if (!d->msr_bitmap || !d->msr_bitmap_x2apic)
        return -ENOMEM;
    memset(d->msr_bitmap, 0xff, HW_MSR_BITMAP_BYTES);
    msr_policy_each_pass(d->is_dom0, allow, d->msr_bitmap);
    memcpy(d->msr_bitmap_x2apic, d->msr_bitmap, HW_MSR_BITMAP_BYTES);
    hw_msr_bitmap_x2apic(d->msr_bitmap_x2apic);
    return 0;
}

void domain_free_msr_bitmaps(struct domain *d)
{
    heap_free_pages(d->msr_bitmap, HW_MSR_BITMAP_ORDER);
    heap_free_pages(d->msr_bitmap_x2apic, HW_MSR_BITMAP_ORDER);
}
