/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two-level delivery: a bit per port in shared_info (pending, mask), a selector word per vCPU that
 * says which words of the pending array to look at. Bit arrays are little-endian whatever the
 * guest's word size, so 32-bit atomics fit both layouts; only the places, the number of ports and
 * what a selector bit covers differ.
 */
#include "evtchn_delivery.h"

#include <hv/compiler.h>
#include <pvhvm/shared_info.h>

uint32_t evtchn_2l_capacity(const struct evtchn_domain *d)
{
    return d->shared_32bit ? 1024 : 4096;
}

static uint32_t *pending_word(const struct evtchn_domain *d, uint32_t port)
{
    return (uint32_t *)(void *)((char *)d->shared_info + SHARED_INFO_PENDING) + port / 32;
}

static uint32_t *mask_word(const struct evtchn_domain *d, uint32_t port)
{
    return (uint32_t *)(void *)((char *)d->shared_info + shared_info_mask_offset(d->shared_32bit)) +
           port / 32;
}

/* A port from before the layout shrank has no bit any more. */
static bool has_bits(const struct evtchn_domain *d, uint32_t port)
{
    return d->shared_info != NULL && port < evtchn_2l_capacity(d);
}

static bool test_and_set(uint32_t *word, uint32_t port)
{
    uint32_t bit = 1U << (port % 32);

    return (__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static bool test(const uint32_t *word, uint32_t port)
{
    return (__atomic_load_n(word, __ATOMIC_SEQ_CST) >> (port % 32)) & 1;
}

static uint32_t select_and_mark(struct evtchn_domain *d, uint32_t vcpu, uint32_t port)
{
    char *info = d->vcpu[vcpu].vcpu_info;
    uint32_t word = port / (d->shared_32bit ? 32 : 64);
    uint32_t *sel;

    if (info == NULL)
        return EVTCHN_NOTIFY_NONE;
    sel = (uint32_t *)(void *)(info + vcpu_info_sel_offset(d->shared_32bit));
    if (test_and_set(sel + word / 32, word))
        return EVTCHN_NOTIFY_NONE;
    return evtchn_mark_upcall(d, vcpu);
}

uint32_t evtchn_2l_set_pending(struct evtchn_domain *d, const struct evtchn *e, uint32_t port)
{
    if (!has_bits(d, port) || test_and_set(pending_word(d, port), port) ||
        test(mask_word(d, port), port))
        return EVTCHN_NOTIFY_NONE;
    return select_and_mark(d, e->notify_vcpu, port);
}

uint32_t evtchn_2l_unmask(struct evtchn_domain *d, const struct evtchn *e, uint32_t port)
{
    uint32_t bit = 1U << (port % 32);

    if (!has_bits(d, port))
        return EVTCHN_NOTIFY_NONE;
    /* Only the one who opens the mask hands over what waits behind it. */
    if ((__atomic_fetch_and(mask_word(d, port), ~bit, __ATOMIC_SEQ_CST) & bit) == 0 ||
        !test(pending_word(d, port), port))
        return EVTCHN_NOTIFY_NONE;
    return select_and_mark(d, e->notify_vcpu, port);
}

void evtchn_2l_clear_pending(struct evtchn_domain *d, uint32_t port)
{
    if (has_bits(d, port))
        __atomic_fetch_and(pending_word(d, port), ~(1U << (port % 32)), __ATOMIC_SEQ_CST);
}

bool evtchn_2l_is_pending(const struct evtchn_domain *d, uint32_t port)
{
    return has_bits(d, port) && test(pending_word(d, port), port);
}

bool evtchn_2l_is_masked(const struct evtchn_domain *d, uint32_t port)
{
    return !has_bits(d, port) || test(mask_word(d, port), port);
}

void evtchn_2l_select_all(struct evtchn_domain *d, uint32_t vcpu)
{
    char *info = d->vcpu[vcpu].vcpu_info;
    uint32_t *sel = (uint32_t *)(void *)(info + vcpu_info_sel_offset(d->shared_32bit));

    __atomic_store_n(&sel[0], UINT32_MAX, __ATOMIC_SEQ_CST);
    if (!d->shared_32bit)
        __atomic_store_n(&sel[1], UINT32_MAX, __ATOMIC_SEQ_CST);
}
