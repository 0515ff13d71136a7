/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entry and the walk over tables: private to src/slat. In tables that wait for reclaim, bits 62:56 of the first
 * entries hold a link.
 */
#ifndef SLAT_ENTRY_H
#define SLAT_ENTRY_H

#include <slat/slat.h>
#include <hv/assert.h>
#include <hv/compiler.h>

#define SLAT_LEVELS 4U
#define SLAT_ENTRIES 512U
#define SLAT_INDEX_BITS 9U
#define SLAT_GFN_BITS (SLAT_LEVELS * SLAT_INDEX_BITS)

#define SLATE_R BIT(0)
#define SLATE_RW (BIT(0) | BIT(1))
#define SLATE_MEMTYPE_SHIFT 3U
#define SLATE_LARGE BIT(7)
#define SLATE_FRAME 0x000ffffffffff000ULL
#define SLATE_TYPE_SHIFT 52U
#define SLATE_TYPE 0xfULL
#define SLATE_LINK_SHIFT 56U
#define SLATE_LINK_BITS 7U

static inline unsigned int level_order(unsigned int level) { return level * SLAT_INDEX_BITS; }

static inline unsigned int table_index(gfn_t g, unsigned int level)
{
    return (g.v >> level_order(level)) & (SLAT_ENTRIES - 1);
}

/* Look-ups are made in every hypercall: where tables are mapped one after the other, no call is needed. */
static inline uint64_t *slat_table(const struct slat *e, mfn_t m)
{
    if (e->direct_base != 0)
        return (uint64_t *)(uintptr_t)(e->direct_base + (m.v << PAGE_SHIFT));
    return e->pages->map(e->pages->ctx, m);
}

static inline mfn_t entry_mfn(uint64_t entry) { return mfn_of((entry & SLATE_FRAME) >> PAGE_SHIFT); }

/* Tables grant everything, permissions are the leaf's business; above the lowest level a leaf says that it is one. */
static inline bool entry_is_table(uint64_t entry, unsigned int level)
{
    return level > 0 && (entry & (SLATE_R | SLATE_LARGE)) == SLATE_R;
}

static inline uint8_t entry_rwx(const struct slat_format *f, uint64_t entry)
{
    uint8_t rwx = entry & SLATE_RW;

    if (!(rwx & SLAT_R))
        return 0;
    return ((entry & f->execute_bit) != 0) != f->execute_inverted ? rwx | SLAT_X : rwx;
}

static inline enum p2m_type entry_type(uint64_t entry)
{
    return (enum p2m_type)((entry >> SLATE_TYPE_SHIFT) & SLATE_TYPE);
}

/* A trapped range has no frames behind it. */
static inline bool type_has_frame(enum p2m_type type) { return type != P2M_HOLE && type != P2M_MMIO_DM; }

static inline uint64_t entry_read(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

#ifdef HV_HOST
/* Tests look at the tree after every single store. */
extern void (*slat_after_store)(void);
#endif

/* The only store into a table that is linked: ordered after those that filled what it points to. */
static inline void entry_write(uint64_t *at, uint64_t entry)
{
    __atomic_store_n(at, entry, __ATOMIC_RELEASE);
#ifdef HV_HOST
    if (slat_after_store != NULL)
        slat_after_store();
#endif
}

struct slat_entry entry_decode(const struct slat_format *f, uint64_t entry, gfn_t g, unsigned int level);
/* Puts a table, and all below it, on the list that slat_reclaim() frees. level: of its entries. */
void slat_retire(struct slat *e, mfn_t table, unsigned int level);

#endif
