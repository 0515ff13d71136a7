/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two domains as two structs, with the pages they share with the hypervisor, and a guest's side of
 * both delivery ABIs written from the description of the ABI alone. For unit, model and fuzz tests.
 * Allocations are counted and can be made to fail.
 */
#ifndef EVTCHN_WORLD_H
#define EVTCHN_WORLD_H

#include <pvhvm/evtchn.h>
#include <pvhvm/shared_info.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_VCPUS 4U
#define WORLD_PAGES 4U       /* of event words, when a test asks for them: 4096 ports */
#define W_PENDING (1U << EVTCHN_FIFO_PENDING)
#define W_MASKED (1U << EVTCHN_FIFO_MASKED)
#define W_LINKED (1U << EVTCHN_FIFO_LINKED)
#define W_BUSY (1U << EVTCHN_FIFO_BUSY)

static long world_live_allocs;
static long world_allocs_left = -1;    /* so many succeed; -1: all */

static inline void *world_alloc(size_t size)
{
    if (world_allocs_left == 0)
        return NULL;
    if (world_allocs_left > 0)
        world_allocs_left--;
    world_live_allocs++;
    return calloc(1, size);
}

static inline void world_free(void *p)
{
    world_live_allocs--;
    free(p);
}

struct world_domain {
    struct evtchn_domain ev;
    _Alignas(4096) uint8_t shared[4096];
    _Alignas(4096) uint32_t words[WORLD_PAGES][1024];
    _Alignas(64) struct evtchn_fifo_control_block control[WORLD_VCPUS];
    uint32_t guest_head[WORLD_VCPUS][16];      /* the guest's own */
    uint32_t guest_ready[WORLD_VCPUS];
};

struct world { struct world_domain a, b; };

static inline int world_domain_init(struct world_domain *w, domid_t id)
{
    uint32_t v;
    int rc;

    memset(w, 0, sizeof(*w));
    rc = evtchn_init(&w->ev, id, ~0U, WORLD_VCPUS, world_alloc, world_free);
    if (rc != 0)
        return rc;
    w->ev.shared_info = w->shared;
    for (v = 0; v < WORLD_VCPUS; v++)
        evtchn_set_vcpu_info(&w->ev, v, shared_info_vcpu(w->shared, v));
    return 0;
}

static inline struct vcpu_info *world_info(struct world_domain *w, uint32_t vcpu)
{
    return w->ev.vcpu[vcpu].vcpu_info;
}

/* All vCPUs and one page of words. */
static inline int world_fifo_init(struct world_domain *w, uint32_t pages)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < WORLD_VCPUS && rc == 0; i++)
        rc = evtchn_fifo_init_control(&w->ev, i, &w->control[i]);
    for (i = 0; i < pages && rc == 0; i++)
        rc = evtchn_fifo_expand(&w->ev, w->words[i]);
    return rc;
}

static inline uint32_t *guest_word(struct world_domain *w, uint32_t port)
{
    return &w->words[port / 1024][port % 1024];
}

static inline uint32_t guest_unlink(uint32_t *word)
{
    uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

    while (!__atomic_compare_exchange_n(word, &old, old & ~(W_LINKED | EVTCHN_FIFO_LINK_MASK),
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    return old & EVTCHN_FIFO_LINK_MASK;
}

/* Takes events from the queues of a vCPU in order until one wants handling: that port, 0: nothing
 * left. */
static inline uint32_t guest_fifo_take(struct world_domain *w, uint32_t vcpu)
{
    struct evtchn_fifo_control_block *c = &w->control[vcpu];
    uint32_t *ready = &w->guest_ready[vcpu];

    for (;;) {
        uint32_t q, port, link, *word;

        *ready |= __atomic_exchange_n(&c->ready, 0, __ATOMIC_SEQ_CST);
        if (*ready == 0)
            return 0;
        q = (uint32_t)__builtin_ctz(*ready);
        if (w->guest_head[vcpu][q] == 0)
            w->guest_head[vcpu][q] = __atomic_load_n(&c->head[q], __ATOMIC_SEQ_CST);
        port = w->guest_head[vcpu][q];
        word = guest_word(w, port);
        link = guest_unlink(word);
        w->guest_head[vcpu][q] = link;
        if (link == 0)
            *ready &= ~(1U << q);
        if ((__atomic_load_n(word, __ATOMIC_SEQ_CST) & (W_PENDING | W_MASKED)) == W_PENDING) {
            __atomic_fetch_and(word, ~W_PENDING, __ATOMIC_SEQ_CST);
            return port;
        }
    }
}

static inline void guest_fifo_mask(struct world_domain *w, uint32_t port)
{
    __atomic_fetch_or(guest_word(w, port), W_MASKED, __ATOMIC_SEQ_CST);
}

/* True: the hypervisor must be asked (EVTCHNOP_unmask) because the event is pending. */
static inline bool guest_fifo_unmask(struct world_domain *w, uint32_t port)
{
    uint32_t *word = guest_word(w, port);
    uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST) & ~W_BUSY, want = old;

    while (!__atomic_compare_exchange_n(word, &want, old & ~W_MASKED, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
        want = old = want & ~W_BUSY;
    return (__atomic_load_n(word, __ATOMIC_SEQ_CST) & W_PENDING) != 0;
}

/*
 * 64-bit layout: the lowest pending unmasked port that the selector of this vCPU leads to; 0: none.
 */
static inline uint32_t guest_2l_take(struct world_domain *w, uint32_t vcpu)
{
    struct shared_info *s = (struct shared_info *)(void *)w->shared;
    struct vcpu_info *info = world_info(w, vcpu);
    uint64_t sel = __atomic_load_n(&info->evtchn_pending_sel, __ATOMIC_SEQ_CST);

    while (sel != 0) {
        uint32_t i = (uint32_t)__builtin_ctzl(sel);
        uint64_t ready = __atomic_load_n(&s->evtchn_pending[i], __ATOMIC_SEQ_CST) &
                         ~__atomic_load_n(&s->evtchn_mask[i], __ATOMIC_SEQ_CST);

        if (ready != 0) {
            uint32_t port = i * 64 + (uint32_t)__builtin_ctzl(ready);

            __atomic_fetch_and(&s->evtchn_pending[i], ~(1UL << (port % 64)), __ATOMIC_SEQ_CST);
            return port;
        }
        /* Nothing more in this word: drop the selector bit, then look once more for what came in
         * between. */
        __atomic_fetch_and(&info->evtchn_pending_sel, ~(1UL << i), __ATOMIC_SEQ_CST);
        if ((__atomic_load_n(&s->evtchn_pending[i], __ATOMIC_SEQ_CST) &
             ~__atomic_load_n(&s->evtchn_mask[i], __ATOMIC_SEQ_CST)) == 0)
            sel &= ~(1UL << i);
    }
    return 0;
}

#endif
