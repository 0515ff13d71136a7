/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant tables, version 1 (xen/grant_table.h): the entries of the granting domain with their pins,
 * and the maptrack (handles) of the mapping domain. Pure over the shared frames, which the granter
 * may rewrite at any time: an entry is judged and marked in use by one atomic exchange of flags and
 * domid together, its frame is read once, afterwards.
 *
 * The caller holds the GRANT lock of the table given (both where it works on two). p2m, frame
 * references and what is mapped where are the caller's. Status codes are GNTST_* as a guest sees
 * them; int results are -errno.
 *
 *   map     gnttab_acquire(granter), translate the gfn, take the frame reference,
 *           gnttab_track(mapper), EPT; on failure undo in reverse
 *   unmap   gnttab_tracked(mapper), EPT, gnttab_release(granter), gnttab_untrack(mapper)
 *   copy    gnttab_copy_check(), gnttab_acquire(GNTTAB_COPY) per side that is a reference, copy,
 *           gnttab_release
 */
#ifndef PVHVM_GNTTAB_H
#define PVHVM_GNTTAB_H

#include <hv/types.h>
#include <xen/grant_table.h>

#define GNTTAB_ENTRIES_PER_FRAME ((uint32_t)(PAGE_SIZE / sizeof(grant_entry_v1_t)))
#define GNTTAB_HANDLES_PER_FRAME 256U    /* what one of max_maptrack_frames is worth */

/* pin: four counters of 8 bits: reads and writes by host mappings, reads and writes by devices. */
struct gnttab_active { uint32_t pin; domid_t domid; uint16_t pad; uint64_t frame; };
struct gnttab_map {
    uint32_t ref;                /* next free handle while free */
    domid_t dom;
    uint16_t flags;              /* GNTMAP_*; 0: free */
    uint64_t host_addr;
    uint64_t mfn;
};
struct gnttab {
    domid_t id;
    uint32_t max_frames, frame_count;
    grant_entry_v1_t **frame;          /* our mappings of the shared frames */
    struct gnttab_active **active;
    uint32_t max_maptrack_frames, maptrack_limit, maptrack_free, maptrack_used;
    struct gnttab_map **maptrack;      /* in pieces of half a maptrack frame */
    void *(*alloc)(size_t size);       /* zeroed */
    void (*free)(void *p);
};

/* Flags of acquire and release: the same for both. Without DEVICE it is a host pin; a mapping for
 * both takes two. */
#define GNTTAB_READ_ONLY 0x1U
#define GNTTAB_DEVICE 0x2U
#define GNTTAB_COPY 0x4U       /* for a copy, which sub-page grants allow and mappings do not */

int gnttab_init(struct gnttab *g, domid_t id, uint32_t max_frames, uint32_t max_maptrack_frames,
                void *(*alloc)(size_t), void (*free)(void *)) must_check;
void gnttab_fini(struct gnttab *g);
/* Adds a shared frame (zeroed page of ours). -ENOSPC at max_frames, -ENOMEM. */
int gnttab_grow(struct gnttab *g, void *page) must_check;
/* GNTTABOP_set_version: 0, -ENOSYS for version 2, -EINVAL for what is none. */
int gnttab_check_version(uint32_t version) must_check;

/* Validates entry ref for `who` and pins it; *gfn is the granter's frame number. GNTST_okay,
 * _bad_gntref (no such entry), _general_error (not granted, not to him, not for writing, pinned for
 * another domain, too many pins, entry unstable). */
int16_t gnttab_acquire(struct gnttab *granter, uint32_t ref, domid_t who, uint32_t flags,
                       gfn_t *gfn) must_check;
/* Undoes one acquire with the same flags; nothing held: nothing happens. */
void gnttab_release(struct gnttab *granter, uint32_t ref, uint32_t flags);
bool gnttab_is_pinned(const struct gnttab *g, uint32_t ref);
/* Of a pinned entry: its frame number. */
bool gnttab_pinned_frame(const struct gnttab *g, uint32_t ref, gfn_t *gfn);
uint32_t gnttab_pinned_count(const struct gnttab *g);    /* entries in use; walks the table */
/* GNTTABOP_swap_grant_ref: GNTST_okay, _bad_gntref, _eagain (one is in use). */
int16_t gnttab_swap(struct gnttab *g, uint32_t a, uint32_t b) must_check;

/* The part of a GNTTABOP_copy that depends on the request alone: _okay, _permission_denied (a frame
 * number of a foreign domain), _bad_copy_arg (crosses a page). */
int16_t gnttab_copy_check(const struct gnttab_copy *op) must_check;

/* Maptrack of the mapper: a handle, or GNTST_no_space (negative). flags: GNTMAP_*, not 0. */
int64_t gnttab_track(struct gnttab *mapper, domid_t dom, uint32_t ref, uint32_t flags,
                     uint64_t host_addr, uint64_t mfn) must_check;
struct gnttab_map *gnttab_tracked(struct gnttab *mapper, uint32_t handle);   /* NULL: bad handle */
void gnttab_untrack(struct gnttab *mapper, uint32_t handle);
/* For tearing a domain down: first handle in use at or after from, -1: none. */
int64_t gnttab_next_tracked(const struct gnttab *mapper, uint32_t from);

#endif
