/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ownership and references of page frames. States of a frame of RAM:
 *   free      refs 0, inside a block of the buddy allocator
 *   held      refs > 0, owner fixed: ours, or a domain's
 *   parked    refs 0, FRAME_IDENTITY: dom0 gave it up, only dom0 may have it again
 * The lock guards the free lists alone. References are atomic: nobody can take one of a frame that
 * has none, so whoever dropped the last is alone with the frame until it is on a free list.
 */
#include <mm/frames.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <x86/paging.h>
#include <x86/spinlock.h>

#include "buddy.h"

static struct frame *table;
static uint64_t max_frame;
static uint64_t ram_frames;
static struct buddy buddy;
static spinlock_t frames_lock = SPINLOCK_INIT(LOCK_FRAMES);

#ifdef HV_HOST
unsigned int frames_fail_countdown;
static bool must_fail(void)
{
    return frames_fail_countdown != 0 && --frames_fail_countdown == 0;
}
#else
static inline bool must_fail(void) { return false; }
#endif

void frames_init(struct frame *t, uint64_t max_mfn)
{
    BUG_ON(max_mfn >= BUDDY_NONE);
    memset(t, 0, max_mfn * sizeof(*t));
    table = t;
    max_frame = max_mfn;
    ram_frames = 0;
    buddy_init(&buddy, t, (uint32_t)max_mfn);
    spin_lock_init(&frames_lock, LOCK_FRAMES);
}

/* Marks the frames of a range as RAM, each given the same initial state. */
static void add_ram(struct mem_range r, struct frame as)
{
    uint64_t start = r.start >> PAGE_SHIFT, end = r.end >> PAGE_SHIFT;

    BUG_ON(start > end || end > max_frame);
    for (uint64_t m = start; m < end; m++) {
        ASSERT(table[m].flags == 0);
        table[m] = as;
    }
    ram_frames += end - start;
}

void frames_add_free(struct mem_range r)
{
    add_ram(r, (struct frame){ .owner = DOMID_INVALID, .flags = FRAME_RAM | FRAME_DIRTY });
    spin_lock(&frames_lock);
    buddy_free_range(&buddy, (uint32_t)(r.start >> PAGE_SHIFT), (uint32_t)(r.end >> PAGE_SHIFT));
    spin_unlock(&frames_lock);
}

void frames_assign_identity(struct mem_range r, domid_t owner)
{
    add_ram(r, (struct frame){ .refs = 1, .owner = owner, .flags = FRAME_RAM | FRAME_IDENTITY });
}

uint64_t frames_total(void) { return ram_frames; }
uint64_t frames_free_count(void) { return READ_ONCE(buddy.free_frames); }
uint64_t frames_max_mfn(void) { return max_frame; }

struct frame *frame_of(mfn_t m)
{
    if (m.v >= max_frame || !(table[m.v].flags & FRAME_RAM))
        return NULL;
    return &table[m.v];
}

static void scrub(uint64_t mfn)
{
    void *p = frame_map(mfn_of(mfn));

    memset(p, 0, PAGE_SIZE);
    frame_unmap(p);
}

static mfn_t hand_out(uint32_t first, unsigned int order, domid_t owner, bool zero)
{
    if (first == BUDDY_NONE)
        return mfn_invalid();
    for (uint64_t m = first; m < first + (1ULL << order); m++) {
        struct frame *f = &table[m];

        ASSERT(f->refs == 0 && (f->flags & FRAME_RAM));
        if ((f->flags & FRAME_DIRTY) && (zero || owner != DOMID_XEN))
            scrub(m);
        f->flags = FRAME_RAM;
        f->owner = owner;
        f->next = f->prev = 0;
        __atomic_store_n(&f->refs, 1, __ATOMIC_RELEASE);
    }
    return mfn_of(first);
}

mfn_t frame_alloc(unsigned int order, domid_t owner, bool zero)
{
    uint32_t first;

    if (order > FRAME_MAX_ORDER || must_fail())
        return mfn_invalid();
    spin_lock(&frames_lock);
    first = buddy_alloc(&buddy, order);
    spin_unlock(&frames_lock);
    return hand_out(first, order, owner, zero);
}

/* All promises together; FRAMES lock. */
static uint64_t claimed;

uint64_t frames_claimed(void) { return READ_ONCE(claimed); }

/* FRAMES lock held. */
static uint64_t unclaimed(void)
{
    return buddy.free_frames > claimed ? buddy.free_frames - claimed : 0;
}

int frames_claim(uint64_t *claim, uint64_t want)
{
    int rc = 0;

    spin_lock(&frames_lock);
    if (*claim != 0) {
        rc = -EEXIST;
    } else if (want > unclaimed()) {
        rc = -ENOMEM;
    } else {
        claimed += want;
        *claim = want;
    }
    spin_unlock(&frames_lock);
    return rc;
}

void frames_unclaim(uint64_t *claim)
{
    spin_lock(&frames_lock);
    claimed -= *claim;
    *claim = 0;
    spin_unlock(&frames_lock);
}

mfn_t frame_alloc_claimed(unsigned int order, domid_t owner, uint64_t *claim)
{
    uint64_t count = 1ULL << order, own;
    uint32_t first = BUDDY_NONE;

    if (order > FRAME_MAX_ORDER || must_fail())
        return mfn_invalid();
    spin_lock(&frames_lock);
    own = min_of(*claim, count);
    if (count - own <= unclaimed())
        first = buddy_alloc(&buddy, order);
    if (first != BUDDY_NONE) {
        claimed -= own;
        *claim -= own;
    }
    spin_unlock(&frames_lock);
    return hand_out(first, order, owner, true);
}

static void give_back(uint64_t mfn, unsigned int order)
{
    spin_lock(&frames_lock);
    buddy_free(&buddy, (uint32_t)mfn, order);
    spin_unlock(&frames_lock);
}

void frame_free(mfn_t first, unsigned int order)
{
    BUG_ON(order > FRAME_MAX_ORDER || !IS_ALIGNED(first.v, 1ULL << order) ||
           first.v + (1ULL << order) > max_frame);
    for (uint64_t m = first.v; m < first.v + (1ULL << order); m++) {
        struct frame *f = &table[m];

        BUG_ON(f->refs != 1 || f->owner != DOMID_XEN);
        f->owner = DOMID_INVALID;
        f->flags |= FRAME_DIRTY;
        __atomic_store_n(&f->refs, 0, __ATOMIC_RELEASE);
    }
    give_back(first.v, order);
}

domid_t frame_owner(mfn_t m)
{
    const struct frame *f = frame_of(m);

    if (f == NULL || __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) == 0)
        return DOMID_INVALID;
    return READ_ONCE(f->owner);
}

bool frame_get(mfn_t m, domid_t owner)
{
    struct frame *f = frame_of(m);
    uint32_t refs;

    if (f == NULL)
        return false;
    refs = __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE);
    do {
        if (refs == 0 || refs == UINT32_MAX || READ_ONCE(f->owner) != owner)
            return false;
    } while (!__atomic_compare_exchange_n(&f->refs, &refs, refs + 1, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    /* Freed and taken by another domain between the two looks: not what was asked for. */
    if (READ_ONCE(f->owner) == owner)
        return true;
    (void)frame_put(m);
    return false;
}

bool frame_put(mfn_t m)
{
    struct frame *f = frame_of(m);
    uint32_t before;

    BUG_ON(f == NULL);
    before = __atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL);
    BUG_ON(before == 0);
    if (before != 1)
        return false;
    f->owner = DOMID_INVALID;
    f->flags &= (uint8_t)~FRAME_SHARED;
    if (f->flags & FRAME_IDENTITY)
        return true;
    scrub(m.v);
    give_back(m.v, 0);
    return true;
}

bool frame_reclaim_identity(mfn_t m, domid_t owner)
{
    struct frame *f = frame_of(m);

    /* Parked frames are dom0's alone, and its p2m lock is held: nobody else competes. */
    if (f == NULL || !(f->flags & FRAME_IDENTITY) || __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE))
        return false;
    scrub(m.v);
    f->owner = owner;
    __atomic_store_n(&f->refs, 1, __ATOMIC_RELEASE);
    return true;
}

void *frame_map(mfn_t m) { return phys_to_virt(mfn_to_hpa(m)); }
void frame_unmap(const void *p) { (void)p; }
