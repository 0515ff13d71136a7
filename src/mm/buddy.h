/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free blocks of 2^order frames, naturally aligned, merged with their buddies. Links and orders stand in
 * the frame table itself. No lock: frames.c holds FRAMES. Knows nothing of owners and content.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include <mm/frames.h>

#define BUDDY_NONE UINT32_MAX

struct buddy {
    struct frame *table;
    uint32_t max_mfn;
    uint32_t head[FRAME_MAX_ORDER + 1];
    uint64_t free_frames;
};

void buddy_init(struct buddy *b, struct frame *table, uint32_t max_mfn);
/* First frame of a block, or BUDDY_NONE. */
uint32_t buddy_alloc(struct buddy *b, unsigned int order);
void buddy_free(struct buddy *b, uint32_t mfn, unsigned int order);
/* Any range, as few blocks as alignment allows. */
void buddy_free_range(struct buddy *b, uint32_t start, uint32_t end);

#endif
