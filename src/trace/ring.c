/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer. Offsets run modulo twice the size of the data, so that full and empty differ (xen/trace.h, struct t_buf). */
#include <trace/trace.h>

#include <x86/cpu.h>
#include <x86/softirq.h>

#include "private.h"

#define WORD 4U
#define LOST_WORDS 4U             /* count, vCPU, two of the first one's time */
#define WITH_TIME 3U              /* words of a record besides its data */

uint32_t trace_mask;
struct trace_ring trace_rings[MAX_CPUS];

/* The reader's side: pages shared with it. */
static struct t_buf *head_of(const struct trace_ring *r)
{
    return (struct t_buf *)r->page[0];
}

static void store(struct trace_ring *r, uint32_t *at, uint32_t word)
{
    uint32_t offset = *at % r->size + (uint32_t)sizeof(struct t_buf);

    r->page[offset >> PAGE_SHIFT][(offset & (PAGE_SIZE - 1)) / WORD] = word;
    *at = (*at + WORD) % (2 * r->size);
}

static uint32_t space_left(const struct trace_ring *r)
{
    uint32_t cons = READ_ONCE(head_of(r)->cons), used;

    if (cons >= 2 * r->size || cons % WORD != 0)
        return 0;
    used = r->prod >= cons ? r->prod - cons : r->prod + 2 * r->size - cons;
    return used > r->size ? 0 : r->size - used;
}

/* A record does not go round the end: what is left there is filled with records that mean nothing. */
static uint32_t fill_before(const struct trace_ring *r, uint32_t at, uint32_t bytes)
{
    uint32_t rest = r->size - at % r->size;

    return rest < bytes ? rest : 0;
}

static void store_fill(struct trace_ring *r, uint32_t *at, uint32_t bytes)
{
    while (bytes > 0) {
        uint32_t extra = min_of(bytes / WORD - 1, TRACE_MAX_WORDS);

        store(r, at, TRC_TRACE_WRAP_BUFFER | extra << TRACE_EXTRA_SHIFT);
        for (uint32_t i = 0; i < extra; i++)
            store(r, at, 0);
        bytes -= (1 + extra) * WORD;
    }
}

static void store_record(struct trace_ring *r, uint32_t *at, uint32_t event, uint64_t tsc, unsigned int words,
                         const uint32_t *data)
{
    store_fill(r, at, fill_before(r, *at, (WITH_TIME + words) * WORD));
    store(r, at, (event & 0x0fffffff) | words << TRACE_EXTRA_SHIFT | (uint32_t)TRC_HD_CYCLE_FLAG);
    store(r, at, (uint32_t)tsc);
    store(r, at, (uint32_t)(tsc >> 32));
    for (unsigned int i = 0; i < words; i++)
        store(r, at, data[i]);
}

/* Bytes that a record of so many words takes at *at, which moves behind it. */
static uint32_t cost(const struct trace_ring *r, uint32_t *at, unsigned int words)
{
    uint32_t bytes = (WITH_TIME + words) * WORD;

    bytes += fill_before(r, *at, bytes);
    *at = (*at + bytes) % (2 * r->size);
    return bytes;
}

static void put(struct trace_ring *r, uint32_t event, unsigned int words, const uint32_t *data)
{
    uint64_t tsc = cpu_rdtsc();
    uint32_t at = r->prod, left = space_left(r), need = r->lost ? cost(r, &at, LOST_WORDS) : 0;

    need += cost(r, &at, words);
    if (need > left) {
        if (r->lost++ == 0)
            r->lost_since = tsc;
        /* A reader that has overwritten it finds its way back by what it reads here. */
        WRITE_ONCE(head_of(r)->prod, r->prod);
        return;
    }
    at = r->prod;
    if (r->lost) {
        const uint32_t told[LOST_WORDS] = { r->lost, 0, (uint32_t)r->lost_since, (uint32_t)(r->lost_since >> 32) };

        store_record(r, &at, TRC_LOST_RECORDS, tsc, LOST_WORDS, told);
        r->lost = 0;
    }
    store_record(r, &at, event, tsc, words, data);
    r->prod = at;
    /* What it announces is there before it is announced. */
    __atomic_store_n(&head_of(r)->prod, at, __ATOMIC_RELEASE);
    if (left > r->size / 2 && left - need <= r->size / 2)
        softirq_raise(SOFTIRQ_TRACE);
}

/* One of the event's classes, and one of its subclasses, is in the mask. */
static bool is_wanted(uint32_t mask, uint32_t event)
{
    uint32_t both = mask & event;

    return (both >> TRC_CLS_SHIFT & 0xfff) != 0 && (both >> TRC_SUBCLS_SHIFT & 0xf) != 0;
}

__attribute__((cold)) void trace_put(uint32_t event, unsigned int words, const uint32_t *data)
{
    struct trace_ring *r;
    uint64_t flags;

    if (!is_wanted(READ_ONCE(trace_mask), event) || words > TRACE_MAX_WORDS)
        return;
    flags = cpu_irq_save();
    r = &trace_rings[this_cpu_id()];
    /* Asked again: trace_disable() waits until this CPU has had interrupts on. */
    if (r->page && READ_ONCE(r->wanted) && READ_ONCE(trace_mask) != 0)
        put(r, event, words, data);
    cpu_irq_restore(flags);
}
