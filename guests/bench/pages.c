/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages given back to the hypervisor and taken from it; and when the guest began. */
#include "bench.h"

#include <xen/arch-x86/hvm/start_info.h>

#define NOWHERE 0x100000000UL            /* above all RAM: where nothing is */

/* Nanoseconds since 1970 by Xen's clock, which dom0's date goes by. */
static uint64_t wall_clock(void)
{
    const volatile struct shared_info *s = shared_info();
    const volatile struct vcpu_time_info *t = &s->vcpu_info[0].time;
    uint64_t ticks = rdtsc() - t->tsc_timestamp, seconds = s->wc_sec | (uint64_t)s->wc_sec_hi << 32;

    ticks = t->tsc_shift < 0 ? ticks >> -t->tsc_shift : ticks << t->tsc_shift;
    return seconds * 1000000000 + s->wc_nsec + t->system_time +
           (uint64_t)((unsigned __int128)ticks * t->tsc_to_system_mul >> 32);
}

GUEST_TEST(bench_date, "the date at the guest's first instructions was told")
{
    print("guest: began at %lu\n", wall_clock());
}

static int64_t pages(unsigned int op, xen_pfn_t *gfn)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    r.extent_start.p = gfn;
    return memory_op(op, &r);
}

GUEST_TEST(bench_memory, "pages that were given back, taken and touched were timed")
{
    uint64_t at = address(page_alloc());
    xen_pfn_t gfn = at >> 12;
    volatile uint64_t *page = (uint64_t *)at;

    if (!check_equal(pages(XENMEM_decrease_reservation, &gfn), 1) ||
        !check_equal(pages(XENMEM_populate_physmap, &gfn), 1))
        return;
    BENCH("page-back-and-again", 200, pages(XENMEM_decrease_reservation, &gfn); pages(XENMEM_populate_physmap, &gfn));
    bench_begin("page-first-touch");
    for (int i = 0; i < 200; i++) {
        uint64_t before;

        pages(XENMEM_decrease_reservation, &gfn);
        pages(XENMEM_populate_physmap, &gfn);
        before = rdtsc();
        *page = 1;
        bench_add(rdtsc() - before);
    }
    bench_end();
    if (!(((const struct hvm_start_info *)(uintptr_t)entry_state.ebx)->flags & SIF_INITDOMAIN)) /* dom0's may be a device */
        BENCH("memory-nobody-read", 200, (void)*(volatile uint32_t *)NOWHERE);
}
