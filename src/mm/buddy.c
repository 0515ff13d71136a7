/* SPDX-License-Identifier: BSD-2-Clause */
#include "buddy.h"

#include <hv/assert.h>

void buddy_init(struct buddy *b, struct frame *table, uint32_t max_mfn)
{
    b->table = table;
    b->max_mfn = max_mfn;
    b->free_frames = 0;
    for (unsigned int o = 0; o <= FRAME_MAX_ORDER; o++)
        b->head[o] = BUDDY_NONE;
}

static void push(struct buddy *b, uint32_t mfn, unsigned int order)
{
    struct frame *f = &b->table[mfn];

    f->flags |= FRAME_FREE;
    f->order = (uint8_t)order;
    f->prev = BUDDY_NONE;
    f->next = b->head[order];
    if (f->next != BUDDY_NONE)
        b->table[f->next].prev = mfn;
    b->head[order] = mfn;
}

static void unlink_block(struct buddy *b, uint32_t mfn)
{
    struct frame *f = &b->table[mfn];

    ASSERT(f->flags & FRAME_FREE);
    if (f->prev != BUDDY_NONE)
        b->table[f->prev].next = f->next;
    else
        b->head[f->order] = f->next;
    if (f->next != BUDDY_NONE)
        b->table[f->next].prev = f->prev;
    f->flags &= (uint8_t)~FRAME_FREE;
}

uint32_t buddy_alloc(struct buddy *b, unsigned int order)
{
    unsigned int o = order;
    uint32_t mfn;

    while (o <= FRAME_MAX_ORDER && b->head[o] == BUDDY_NONE)
        o++;
    if (o > FRAME_MAX_ORDER)
        return BUDDY_NONE;
    mfn = b->head[o];
    unlink_block(b, mfn);
    while (o > order) {
        o--;
        push(b, mfn + (1U << o), o);
    }
    b->free_frames -= 1ULL << order;
    return mfn;
}

static bool is_free_block(const struct buddy *b, uint32_t mfn, unsigned int order)
{
    return mfn < b->max_mfn && (b->table[mfn].flags & FRAME_FREE) != 0 &&
           b->table[mfn].order == order;
}

void buddy_free(struct buddy *b, uint32_t mfn, unsigned int order)
{
    ASSERT(IS_ALIGNED(mfn, 1U << order));
    ASSERT(!(b->table[mfn].flags & FRAME_FREE));
    b->free_frames += 1ULL << order;
    while (order < FRAME_MAX_ORDER) {
        uint32_t other = mfn ^ (1U << order);

        if (!is_free_block(b, other, order))
            break;
        unlink_block(b, other);
        mfn &= ~(1U << order);
        order++;
    }
    push(b, mfn, order);
}

void buddy_free_range(struct buddy *b, uint32_t start, uint32_t end)
{
    while (start < end) {
        unsigned int order = start == 0 ? FRAME_MAX_ORDER : (unsigned int)__builtin_ctz(start);

        order = min_of(order, FRAME_MAX_ORDER);
        while ((1ULL << order) > end - start)
            order--;
        buddy_free(b, start, order);
        start += 1U << order;
    }
}
