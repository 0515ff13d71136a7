/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory: one struct frame per page frame of RAM, a buddy allocator, ownership and reference
 * counts. Takes the FRAMES lock itself (a leaf); any context with IRQs on.
 *
 * A frame is free, ours (owner DOMID_XEN), or a domain's. A domain's frame carries references: one for
 * being the domain's, one for each mapping by somebody else (foreign, grant, device). It becomes free
 * when the last goes; freed frames of domains are scrubbed before anyone else sees them. The owner of
 * a frame changes only while it has no references, so a reference pins the owner, too.
 */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include <hv/types.h>

struct frame {
    uint32_t refs;        /* atomic */
    domid_t owner;        /* valid while refs > 0 */
    uint8_t order;        /* free blocks: buddy order, in the first frame */
    uint8_t flags;        /* FRAME_* */
    uint32_t next, prev;  /* free list links, frame numbers; owner's use otherwise */
};
#define FRAME_RAM 0x01      /* real RAM, managed here */
#define FRAME_FREE 0x02     /* head of a free block */
#define FRAME_IDENTITY 0x04 /* dom0's gfn == mfn page: never goes to the free lists (DMA may reach it) */
#define FRAME_SHARED 0x08   /* a page shared with the hypervisor (shared_info, grant table, ioreq ...) */
#define FRAME_DIRTY 0x10    /* free: may hold old data (of ours or the boot loader's), else all zero */
#define FRAME_MAX_ORDER 18U

struct mem_range { uint64_t start, end; };   /* bytes, [start, end), page aligned */

/* Boot: ranges of RAM that the allocator shall have; table is memory for struct frame of [0, max_mfn). */
void frames_init(struct frame *table, uint64_t max_mfn);
void frames_add_free(struct mem_range r);                     /* gives RAM to the allocator */
void frames_assign_identity(struct mem_range r, domid_t owner); /* dom0's RAM: refs 1, FRAME_IDENTITY */

uint64_t frames_total(void);     /* RAM pages of the machine */
uint64_t frames_free_count(void);
uint64_t frames_max_mfn(void);

/* A naturally aligned block of 2^order frames, refs 1 each. Invalid: none left. A domain always gets
 * zeroed frames; ours (DOMID_XEN) hold anything unless zero is asked for. */
mfn_t frame_alloc(unsigned int order, domid_t owner, bool zero) must_check;
/*
 * Claims: a number of frames that is promised to a domain, in *claim, which nobody else touches. frames_claim: -EEXIST, there is one
 * already; -ENOMEM, not so many are free that nobody has been promised. frames_unclaim gives up what is left. frame_alloc_claimed is
 * frame_alloc for a domain: it uses up the domain's own claim, and fails rather than touch another's. What the hypervisor
 * itself needs (frame_alloc) does not heed claims.
 */
int frames_claim(uint64_t *claim, uint64_t want) must_check;
void frames_unclaim(uint64_t *claim);
mfn_t frame_alloc_claimed(unsigned int order, domid_t owner, uint64_t *claim) must_check;
uint64_t frames_claimed(void);
/* Free a block of ours (owner DOMID_XEN, refs 1), or any aligned part of one. */
void frame_free(mfn_t m, unsigned int order);

struct frame *frame_of(mfn_t m);              /* NULL when not RAM */
domid_t frame_owner(mfn_t m);                 /* DOMID_INVALID when not RAM or free */
/* Takes a reference if the frame is RAM and owned by owner; never wraps (fails when saturated). */
bool frame_get(mfn_t m, domid_t owner) must_check;
/* Drops one; frees (scrubbed) on the last. Returns true when that was the last. */
bool frame_put(mfn_t m);

/* An identity frame that nobody holds goes back to owner, refs 1, content zeroed: dom0 gets its own
 * memory back after ballooning out. False: not such a frame, or still referenced. */
bool frame_reclaim_identity(mfn_t m, domid_t owner) must_check;

/* Access to the content; today the direct map, callers must pair them all the same. */
void *frame_map(mfn_t m);
void frame_unmap(const void *p);

#ifdef HV_HOST
/* Tests: the n-th frame_alloc() from now on fails (1: the next), 0: none. */
extern unsigned int frames_fail_countdown;
#endif

#endif
