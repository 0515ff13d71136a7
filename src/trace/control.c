/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings come into being, and the trace is switched on and off: sysctl tbuf_op. */
#include <trace/trace.h>

#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/paging.h>
#include <x86/smp.h>
#include <x86/softirq.h>

#include "private.h"

#define INFO_WORDS_MAX 0xffffU    /* offsets in struct t_info have 16 bits */

static struct {
    struct t_info *info;
    unsigned int info_order, info_pages;
    uint32_t pages;               /* of each ring; 0: there are none */
    uint32_t event_mask;
    bool on;
} control = { .event_mask = TRC_ALL };

static mfn_t mfn_of_page(const void *page)
{
    return hpa_to_mfn(virt_to_phys_direct(page));
}

/* Words before the first list of frames. */
static uint32_t info_head_words(void)
{
    return (uint32_t)((sizeof(struct t_info) + cpu_count() * sizeof(uint16_t) + 3) / 4);
}

static void free_ring(struct trace_ring *r, uint32_t pages)
{
    if (!r->page)
        return;
    for (uint32_t i = 0; i < pages && r->page[i]; i++)
        heap_free_pages(r->page[i], 0);
    heap_free(r->page);
    r->page = NULL;
}

static bool make_ring(struct trace_ring *r, uint32_t pages, uint32_t *list)
{
    uint32_t **page = heap_new_array(uint32_t *, pages);

    *r = (struct trace_ring){ .page = page, .wanted = true };
    if (!page)
        return false;
    for (uint32_t i = 0; i < pages; i++) {
        page[i] = heap_alloc_pages(0);
        if (!page[i])
            return false;
        list[i] = (uint32_t)mfn_of_page(page[i]).v;
    }
    r->size = pages * (uint32_t)PAGE_SIZE - (uint32_t)sizeof(struct t_buf);
    return true;
}

static int make_rings(uint32_t pages)
{
    uint32_t head = info_head_words(), words = head + cpu_count() * pages;

    control.info_pages = (words * 4 + (uint32_t)PAGE_SIZE - 1) >> PAGE_SHIFT;
    control.info_order = 0;
    while (1U << control.info_order < control.info_pages)
        control.info_order++;
    control.info = heap_alloc_pages(control.info_order);
    if (!control.info)
        return -ENOMEM;
    control.info->tbuf_size = (uint16_t)pages;
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++) {
        uint32_t offset = head + cpu * pages;

        control.info->mfn_offset[cpu] = (uint16_t)offset;
        if (!make_ring(&trace_rings[cpu], pages, (uint32_t *)control.info + offset))
            return -ENOMEM;
    }
    return 0;
}

static void forget_rings(uint32_t pages)
{
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++)
        free_ring(&trace_rings[cpu], pages);
    if (control.info)
        heap_free_pages(control.info, control.info_order);
    control.info = NULL;
}

int trace_set_size(uint32_t pages)
{
    uint32_t most = (INFO_WORDS_MAX - info_head_words()) / cpu_count();
    int rc;

    if (control.pages)
        return control.pages == pages ? -EBUSY : -EINVAL;
    if (pages == 0)
        return -EINVAL;
    if (pages > most) {
        log_info("trace: rings of %u pages instead of %u", most, pages);
        pages = most;
    }
    rc = make_rings(pages);
    if (rc != 0) {
        log_warn("trace: no memory for rings of %u pages on %u CPUs", pages, cpu_count());
        forget_rings(pages);
        return rc;
    }
    control.pages = pages;
    return 0;
}

/* Decisions are traced from the start: each CPU says at once what it runs. */
static void announce(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++)
        softirq_raise_on(cpu, SOFTIRQ_SCHED);
}

int trace_enable(void)
{
    if (!control.pages)
        return -EINVAL;
    control.on = true;
    WRITE_ONCE(trace_mask, control.event_mask);
    announce();
    return 0;
}

static void forget_losses(void *arg unused_arg)
{
    trace_rings[this_cpu_id()].lost = 0;
}

void trace_disable(void)
{
    uint64_t all[MAX_CPUS / 64] = { 0 };

    control.on = false;
    WRITE_ONCE(trace_mask, 0);
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++)
        bit_set(all, cpu);
    smp_call(all, forget_losses, NULL);
}

void trace_set_event_mask(uint32_t mask)
{
    control.event_mask = mask;
    if (control.on)
        WRITE_ONCE(trace_mask, mask);
}

void trace_set_cpus(const uint64_t cpus[MAX_CPUS / 64])
{
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        WRITE_ONCE(trace_rings[cpu].wanted, bit_test(cpus, cpu));
}

struct trace_info trace_get_info(void)
{
    struct trace_info info = { 0, control.info_pages * (uint32_t)PAGE_SIZE, control.event_mask };

    if (!control.pages)
        info.bytes = 0;
    else
        info.mfn = mfn_of_page(control.info).v;
    return info;
}

static bool is_ours(mfn_t m)
{
    uint64_t first;

    if (!control.pages)
        return false;
    first = mfn_of_page(control.info).v;
    if (m.v >= first && m.v < first + control.info_pages)
        return true;
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++)
        for (uint32_t i = 0; i < control.pages; i++)
            if (mfn_of_page(trace_rings[cpu].page[i]).v == m.v)
                return true;
    return false;
}

bool trace_get_frame(mfn_t m)
{
    return is_ours(m) && frame_get(m, DOMID_XEN);
}

#ifdef HV_HOST
void trace_forget_all(void)
{
    trace_mask = 0;
    control.pages = 0;
    control.info = NULL;
    control.on = false;
    control.event_mask = TRC_ALL;
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        trace_rings[cpu] = (struct trace_ring){ .page = NULL };
}
#endif
