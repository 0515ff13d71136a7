/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended page tables of one guest (SDM 29.3): gfn -> mfn with permissions, memory type and a software
 * type in the ignored bits. Takes no lock: the caller holds the P2M lock for changes; lookups are safe against a
 * concurrent change (each store leaves old or new translations). Tables come from a port, so the code
 * runs on the host. Invalidation is reported through `generation`, not performed here: a change that
 * took something away raises it, and tables that were unlinked by it wait for ept_reclaim().
 */
#ifndef EPT_EPT_H
#define EPT_EPT_H

#include <hv/compiler.h>
#include <hv/types.h>

/* Software type of an entry: what the frame is to the guest. */
enum p2m_type {
    P2M_HOLE,          /* nothing here */
    P2M_RAM_RW,
    P2M_RAM_RO,        /* writes are discarded */
    P2M_RAM_LOGDIRTY,  /* RAM, not writable until marked dirty */
    P2M_MMIO_DIRECT,   /* a machine's device, mapped */
    P2M_MMIO_DM,       /* trapped on purpose */
    P2M_FOREIGN,       /* another domain's page (a reference is held) */
    P2M_GRANT_RW,      /* mapped grant (a reference is held by the grant table) */
    P2M_GRANT_RO,
    P2M_SHARED,        /* shared_info, grant frames: owned by the hypervisor on the domain's behalf */
    P2M_TYPE_COUNT
};

enum ept_memtype { EPT_UC = 0, EPT_WC = 1, EPT_WT = 4, EPT_WP = 5, EPT_WB = 6 };
#define EPT_R 1U
#define EPT_W 2U
#define EPT_X 4U

struct ept_entry {
    mfn_t mfn;             /* of the gfn asked for; invalid for holes and P2M_MMIO_DM */
    enum p2m_type type;
    uint8_t rwx;           /* EPT_R|W|X */
    uint8_t memtype;       /* enum ept_memtype */
    bool ignore_pat;
    uint8_t order;         /* of the mapping found: 0, 9, 18; for holes the largest hole known */
};

struct ept_pages {
    mfn_t (*alloc)(void *ctx);             /* zeroed table page; invalid: none */
    void (*free)(void *ctx, mfn_t m);
    uint64_t *(*map)(void *ctx, mfn_t m);  /* content of a table page */
    void *ctx;
};

struct ept {
    const struct ept_pages *pages;
    mfn_t root;
    uint64_t direct_base;    /* where all tables can be reached at base + frame * 4096; 0: ask the port */
    bool has_1g, has_2m, has_ad;
    uint64_t generation;     /* grows when a translation was removed or narrowed: CPUs must INVEPT before entry */
    uint64_t table_count;    /* tables held, those that wait for reclaim included */
    mfn_t retired;           /* list of unlinked tables */
    uint64_t retired_count;
};

int ept_init(struct ept *e, const struct ept_pages *pages, bool has_1g, bool has_2m, bool has_ad) must_check;
void ept_destroy(struct ept *e);             /* frees all table pages; entries are simply dropped */
/* Frees the tables that changes have unlinked: only once every CPU that could walk them has invalidated
 * (INVEPT) since, and no lookup without the lock that began earlier is still under way. */
void ept_reclaim(struct ept *e);
uint64_t ept_pointer(const struct ept *e);   /* EPTP: root, WB, 4 levels, A/D as available */

struct ept_entry ept_lookup(const struct ept *e, gfn_t g);

/* Maps 2^order frames (0, 9, 18; gfn and mfn aligned): splits and replaces what is there. All tables that could
 * be needed are allocated before the first store: -ENOMEM leaves every translation as it was. P2M_MMIO_DM
 * has no frame and no permissions. -EINVAL: an order that the CPU lacks, misaligned, W or X without R. */
int ept_map(struct ept *e, gfn_t g, unsigned int order, const struct ept_entry *entry) must_check;
/* Any range, using the largest pages that alignment and capabilities allow. On -ENOMEM *done frames are mapped. */
int ept_map_range(struct ept *e, gfn_t g, mfn_t m, uint64_t count, const struct ept_entry *like, uint64_t *done) must_check;
/* Makes a hole. Splitting a superpage may need memory; a hole is fine. */
int ept_unmap(struct ept *e, gfn_t g, unsigned int order) must_check;
/* Changes type/permissions of an existing mapping, keeping the frame; holes and trapped ranges in
 * between stay. -ENOENT: nothing else there. */
int ept_set_type(struct ept *e, gfn_t g, unsigned int order, enum p2m_type type, uint8_t rwx) must_check;
/* Calls fn for every mapping in [g, end); stops when fn returns false. */
void ept_for_each(const struct ept *e, gfn_t g, gfn_t end,
                  bool (*fn)(void *ctx, gfn_t g, const struct ept_entry *entry), void *ctx);
/* The permissions that fit a type. */
uint8_t p2m_type_rwx(enum p2m_type type);

#endif
