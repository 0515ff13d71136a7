/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant tables, version 1 (xen/grant_table.h): entries of the granting domain, pin counts, maptrack of the mapping domain. Pure over the shared
 * frames. Caller holds both GRANT locks where two tables are involved. p2m and frame references are the caller's.
 */
#ifndef PVHVM_GNTTAB_H
#define PVHVM_GNTTAB_H

#include <hv/types.h>
#include <xen/grant_table.h>

#define GNTTAB_ENTRIES_PER_FRAME (PAGE_SIZE / sizeof(grant_entry_v1_t))

struct gnttab_active { uint32_t pin; /* 4 x 8 bits: device/host read/write counts */ domid_t domid; uint16_t pad; uint64_t frame; };
struct gnttab_map { uint32_t ref; domid_t dom; uint16_t flags; /* 0: free */ uint64_t host_addr; uint64_t mfn; };
struct gnttab {
    domid_t id;
    uint32_t max_frames, frame_count;
    grant_entry_v1_t **frame;          /* our mappings */
    struct gnttab_active **active;
    uint32_t max_maptrack_frames, maptrack_limit, maptrack_free;
    struct gnttab_map **maptrack;
    void *(*alloc)(size_t size); void (*free)(void *p);
};
#define GNTTAB_READ_ONLY 0x1U
#define GNTTAB_DEVICE 0x2U

int gnttab_init(struct gnttab *g, domid_t id, uint32_t max_frames, uint32_t max_maptrack_frames,
                void *(*alloc)(size_t), void (*free)(void *)) must_check;
void gnttab_fini(struct gnttab *g);
/* Adds a shared frame (zeroed page of ours). -ENOSPC at max_frames. */
int gnttab_grow(struct gnttab *g, void *page) must_check;
/* Validates entry ref for `who` and pins it; *gfn is the granter's frame number. GNTST_*. */
int16_t gnttab_acquire(struct gnttab *granter, uint32_t ref, domid_t who, uint32_t flags, gfn_t *gfn) must_check;
void gnttab_release(struct gnttab *granter, uint32_t ref, uint32_t flags);
/* Maptrack of the mapper. handle or negative GNTST_no_space. */
int64_t gnttab_track(struct gnttab *mapper, domid_t dom, uint32_t ref, uint32_t flags, uint64_t host_addr, uint64_t mfn) must_check;
struct gnttab_map *gnttab_tracked(struct gnttab *mapper, uint32_t handle);   /* NULL: bad handle */
void gnttab_untrack(struct gnttab *mapper, uint32_t handle);

#endif
