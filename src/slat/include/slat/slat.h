/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Second-level address translation of one guest: gfn -> mfn with permissions, memory type and a software type in
 * ignored bits, as a tree of 4-level tables. The engine is one for EPT and NPT; what an entry looks like is data
 * (struct slat_format), which src/ept and src/npt give. Takes no lock: the caller holds the P2M lock for changes; lookups
 * are safe against a concurrent change (each store leaves old or new translations). Tables come from a port, so the code
 * runs on the host. Invalidation is reported through `generation`, not performed here: a change that
 * took something away raises it, and tables that were unlinked by it wait for slat_reclaim().
 */
#ifndef SLAT_SLAT_H
#define SLAT_SLAT_H

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

enum slat_memtype { SLAT_UC = 0, SLAT_WC = 1, SLAT_WT = 4, SLAT_WP = 5, SLAT_WB = 6 };
#define SLAT_R 1U
#define SLAT_W 2U
#define SLAT_X 4U

struct slat_entry {
    mfn_t mfn;             /* of the gfn asked for; invalid for holes and P2M_MMIO_DM */
    enum p2m_type type;
    uint8_t rwx;           /* SLAT_R|W|X */
    uint8_t memtype;       /* enum slat_memtype */
    bool ignore_pat;
    uint8_t order;         /* of the mapping found: 0, 9, 18; for holes the largest hole known */
};

struct slat_pages {
    mfn_t (*alloc)(void *ctx);             /* zeroed table page; invalid: none */
    void (*free)(void *ctx, mfn_t m);
    uint64_t *(*map)(void *ctx, mfn_t m);  /* content of a table page */
    void *ctx;
};

/*
 * An entry of 64 bits. Alike in both formats: bit 0 grants reading (no access without), bit 1 writing, bit 7 makes a
 * leaf of an entry above the lowest level, 51:12 are the frame, 55:52 hold the software type and 62:56 are ignored by
 * hardware. A leaf without permissions is not present for hardware, but has a type; an entry of zero is a hole.
 */
struct slat_format {
    uint64_t table_bits;     /* of an entry that points to a table, which always grants everything */
    uint64_t leaf_bits;      /* of every leaf with permissions */
    uint64_t execute_bit;    /* says whether code may be fetched ... */
    bool execute_inverted;   /* ... by being clear */
    uint64_t accessed, dirty;
    uint64_t ignore_pat;     /* the guest's own memory type does not count; a note of ours where the CPU has no such bit */
    uint64_t memtype_mask;
    uint64_t memtype_of[8];  /* bits of enum slat_memtype */
    uint8_t memtype_from[8]; /* and back, by bits 5:3 of the entry */
    bool always_ad;          /* accessed and dirty bits are there on every CPU */
};

struct slat {
    const struct slat_pages *pages;
    const struct slat_format *format;
    mfn_t root;
    uint64_t direct_base;    /* where all tables can be reached at base + frame * 4096; 0: ask the port */
    bool has_1g, has_2m, has_ad;
    uint64_t generation;     /* grows when a translation was removed or narrowed: CPUs must invalidate before entry */
    uint64_t ram_generation; /* the same of P2M_RAM_RW alone: grants come and go without it */
    uint64_t table_count;    /* tables held, those that wait for reclaim included */
    mfn_t retired;           /* list of unlinked tables */
    uint64_t retired_count;
};

int slat_init(struct slat *e, const struct slat_format *format, const struct slat_pages *pages, bool has_1g,
              bool has_2m, bool has_ad) must_check;
void slat_destroy(struct slat *e);             /* frees all table pages; entries are simply dropped */
/* Frees the tables that changes have unlinked: only once every CPU that could walk them has invalidated
 * since, and no lookup without the lock that began earlier is still under way. */
void slat_reclaim(struct slat *e);

struct slat_entry slat_lookup(const struct slat *e, gfn_t g);

/* Maps 2^order frames (0, 9, 18; gfn and mfn aligned): splits and replaces what is there. All tables that could
 * be needed are allocated before the first store: -ENOMEM leaves every translation as it was. P2M_MMIO_DM
 * has no frame and no permissions. -EINVAL: an order that the CPU lacks, misaligned, W or X without R. */
int slat_map(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *entry) must_check;
/* Any range, using the largest pages that alignment and capabilities allow. On -ENOMEM *done frames are mapped. */
int slat_map_range(struct slat *e, gfn_t g, mfn_t m, uint64_t count, const struct slat_entry *like, uint64_t *done) must_check;
/* Makes a hole. Splitting a superpage may need memory; a hole is fine. */
int slat_unmap(struct slat *e, gfn_t g, unsigned int order) must_check;
/* The same for a caller that has looked, under the same lock: found is what slat_lookup() says of g. */
int slat_map_found(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *entry, const struct slat_entry *found) must_check;
int slat_unmap_found(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *found) must_check;
/* Changes type/permissions of an existing mapping, keeping the frame; holes and trapped ranges in
 * between stay. -ENOENT: nothing else there. */
int slat_set_type(struct slat *e, gfn_t g, unsigned int order, enum p2m_type type, uint8_t rwx) must_check;
/* Calls fn for every mapping in [g, end); stops when fn returns false. */
void slat_for_each(const struct slat *e, gfn_t g, gfn_t end,
                  bool (*fn)(void *ctx, gfn_t g, const struct slat_entry *entry), void *ctx);
/* The permissions that fit a type. */
uint8_t p2m_type_rwx(enum p2m_type type);

#endif
