/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How dom0's kernel finds the ports that fire, over the pages it shares with the hypervisor: 2-level bitmaps, selector
 * first, or FIFO queues, highest priority first (xen/event_channel.h).
 */
#include "evtchn_abi.h"

#include <mm/frames.h>
#include <string.h>
#include <xen/event_channel.h>

#define CONTROL_GFN 0x102UL
#define ARRAY_GFN 0x103UL
#define WORDS_PER_PAGE 1024U
#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED (1U << EVTCHN_FIFO_MASKED)
#define LINKED (1U << EVTCHN_FIFO_LINKED)
#define LINK ((uint32_t)EVTCHN_FIFO_LINK_MASK)

bool rig_fifo;
static uint32_t queue_head[EVTCHN_FIFO_MAX_QUEUES];   /* next port of a queue whose head we have taken */

/* What a kernel has at gfn; if tools have taken it away, something harmless. */
static void *shared_page(uint64_t gfn)
{
    static uint64_t lost[PAGE_SIZE / 8];
    struct slat_entry e = p2m_lookup(&rig_vcpu->domain->p2m, gfn_of(gfn));

    if (e.type == P2M_SHARED || e.type == P2M_RAM_RW)
        return frame_map(e.mfn);
    kernel_bug("a page shared with the hypervisor is gone");
    memset(lost, 0, sizeof(lost));
    return lost;
}

static struct shared_info *shared_info(void) { return shared_page(SHARED_INFO_GFN); }
static uint64_t *mask_word(uint32_t port) { return &shared_info()->evtchn_mask[port / 64]; }
static uint64_t *pending_word(uint32_t port) { return &shared_info()->evtchn_pending[port / 64]; }

static uint32_t *event_word(uint32_t port)
{
    return (uint32_t *)shared_page(ARRAY_GFN + port / WORDS_PER_PAGE) + port % WORDS_PER_PAGE;
}

static void start_fifo(void)
{
    struct { struct evtchn_init_control control; struct evtchn_expand_array array; } *k = (void *)kernel_memory.byte;

    k->control = (struct evtchn_init_control){ .control_gfn = CONTROL_GFN };
    if (call_from_kernel(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, kernel_address(&k->control), 0) != 0)
        kernel_bug("no FIFO events");
    for (uint32_t i = 0; i < EVTCHN_ABI_PORTS / WORDS_PER_PAGE; i++) {
        uint32_t *words = shared_page(ARRAY_GFN + i);

        for (uint32_t w = 0; w < WORDS_PER_PAGE; w++)
            words[w] = MASKED;
        k->array.array_gfn = ARRAY_GFN + i;
        if (call_from_kernel(__HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, kernel_address(&k->array), 0) != 0)
            kernel_bug("no room for events");
    }
}

void evtchn_abi_start(void)
{
    if (rig_fifo)
        start_fifo();
    else
        memset(shared_info()->evtchn_mask, 0xff, sizeof(shared_info()->evtchn_mask));
}

void evtchn_abi_mask(uint32_t port)
{
    if (rig_fifo)
        __atomic_fetch_or(event_word(port), MASKED, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_or(mask_word(port), 1UL << (port % 64), __ATOMIC_SEQ_CST);
}

void evtchn_abi_clear(uint32_t port)
{
    if (rig_fifo)
        __atomic_fetch_and(event_word(port), ~PENDING, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(pending_word(port), ~(1UL << (port % 64)), __ATOMIC_SEQ_CST);
}

static void scan_2_level(struct vcpu_info *v, void (*fire)(uint32_t port))
{
    uint64_t words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    for (; words; words &= words - 1) {
        uint32_t w = 64U * (uint32_t)__builtin_ctzll(words);
        uint64_t bits = *pending_word(w) & ~*mask_word(w);

        for (; bits; bits &= bits - 1)
            fire(w + (uint32_t)__builtin_ctzll(bits));
    }
}

/* Takes the port out of its queue; gives the next one, 0 if it was the last. */
static uint32_t unlink_port(uint32_t port)
{
    uint32_t *w = event_word(port), old = *w;

    while (!__atomic_compare_exchange_n(w, &old, old & ~(LINKED | LINK), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    return old & LINK;
}

static void scan_fifo(void (*fire)(uint32_t port))
{
    struct evtchn_fifo_control_block *c = shared_page(CONTROL_GFN);
    uint32_t ready = __atomic_exchange_n(&c->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        uint32_t q = (uint32_t)__builtin_ctz(ready) % EVTCHN_FIFO_MAX_QUEUES;
        uint32_t port = queue_head[q] ? queue_head[q] : c->head[q];

        if (port >= EVTCHN_ABI_PORTS) {
            kernel_bug("a queue leads to a port that was never made");
            port = 0;
        }
        queue_head[q] = unlink_port(port);
        if (queue_head[q] == 0)
            ready &= ~(1U << q);
        if ((*event_word(port) & (PENDING | MASKED)) == PENDING)
            fire(port);
        ready |= __atomic_exchange_n(&c->ready, 0, __ATOMIC_SEQ_CST);
    }
}

void evtchn_abi_scan(void (*fire)(uint32_t port))
{
    struct vcpu_info *v = &shared_info()->vcpu_info[0];

    while (__atomic_exchange_n(&v->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
        if (rig_fifo)
            scan_fifo(fire);
        else
            scan_2_level(v, fire);
    }
}
