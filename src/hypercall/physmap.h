/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private: changing a domain's physical map. Every entry that has a frame holds one reference of
 * it. What a change replaces is collected in a batch and let go only after the CPUs have forgotten
 * it: one flush for many pages. No lock is held between calls; two vCPUs of a guest that race get
 * one or the other result, never a frame that is mapped without a reference.
 */
#ifndef HYPERCALL_PHYSMAP_H
#define HYPERCALL_PHYSMAP_H

#include "door.h"

#define PHYSMAP_BATCH 16U
struct physmap_batch { struct domain *d; unsigned int count; struct slat_entry old[PHYSMAP_BATCH]; };

static inline struct physmap_batch physmap_begin(struct domain *d)
{
    return (struct physmap_batch){ .d = d };
}
/* Flushes and lets go of what was replaced. */
void physmap_end(struct physmap_batch *b);

/* Pages of RAM are counted before they are put, and no longer when they are replaced or taken. physmap_room() counts them if the
 * domain may have so many, physmap_count() in any case (negative: they were not put after all). */
bool physmap_room(struct domain *d, uint64_t pages) must_check;
void physmap_count(struct domain *d, int64_t pages);
/* Puts m at g; the caller's reference becomes the map's, or is still the caller's on error. A
 * mapped grant is not replaced: -EBUSY. */
int physmap_put(struct physmap_batch *b, gfn_t g, mfn_t m, enum p2m_type type) must_check;
/* 2^order pages of RAM where nothing is: -EEXIST if something is. */
int physmap_put_new(struct domain *d, gfn_t g, unsigned int order, mfn_t m) must_check;
/* dom0's own page of the machine that it gave up before, at the same place: -EEXIST if something is
 * there, -ENOENT if no page of its own belongs there. */
int physmap_put_back(struct domain *d, gfn_t g) must_check;
/* Makes g a hole (dom0: identity MMIO where it was). */
int physmap_take(struct physmap_batch *b, gfn_t g) must_check;
/* The same where frame m is mapped by a grant; -ENOENT: it is not. */
int physmap_take_grant(struct physmap_batch *b, gfn_t g, mfn_t m) must_check;

/* A page of RAM goes from one place to another, replacing what is there. */
int physmap_move(struct physmap_batch *b, gfn_t from, gfn_t to) must_check;

/* A page of d's own RAM kept mapped with a reference, for areas that the hypervisor writes on its
 * own. Not one that it has of somebody else: that one may be taken back. */
void *physmap_own_page(struct domain *d, gfn_t g, mfn_t *m) must_check;
/* A frame of `from`, as the toolstack may see it, with a reference. */
bool physmap_foreign_frame(struct domain *from, gfn_t g, mfn_t *m) must_check;

/* Makes the grant table of d at least `frames` long. -ENOSPC beyond its limit. */
int grant_table_grow_to(struct domain *d, uint32_t frames) must_check;
/* Frame i of the grant table with a reference, growing it as needed. */
int grant_table_frame(struct domain *d, uint64_t i, mfn_t *m) must_check;

#endif
