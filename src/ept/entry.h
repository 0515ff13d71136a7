/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 64-bit EPT entry (SDM tables 29-1 to 29-7) and the walk over tables: private to src/ept.
 *
 * Bits 2:0 R W X, 5:3 memory type and 6 ignore-PAT (leaves), 7 large page, 8 accessed, 9 dirty, 51:12
 * frame. Bits 62:52 are ignored by hardware as long as none of the features that claim some of them is
 * enabled, and none is: 55:52 hold the software type. In tables that wait for reclaim, 62:56 of the first
 * entries hold a link. Bit 63 (suppress #VE) stays clear, #VE is never enabled.
 *
 * An entry of zero is a hole. A leaf without permissions is not present for hardware, but has a type.
 */
#ifndef EPT_ENTRY_H
#define EPT_ENTRY_H

#include <ept/ept.h>
#include <hv/assert.h>
#include <hv/compiler.h>

#define EPT_LEVELS 4U
#define EPT_ENTRIES 512U
#define EPT_INDEX_BITS 9U
#define EPT_GFN_BITS (EPT_LEVELS * EPT_INDEX_BITS)

#define EPTE_RWX 0x7ULL
#define EPTE_MEMTYPE_SHIFT 3U
#define EPTE_IGNORE_PAT BIT(6)
#define EPTE_LARGE BIT(7)
#define EPTE_ACCESSED BIT(8)
#define EPTE_DIRTY BIT(9)
#define EPTE_FRAME 0x000ffffffffff000ULL
#define EPTE_TYPE_SHIFT 52U
#define EPTE_TYPE 0xfULL
#define EPTE_LINK_SHIFT 56U
#define EPTE_LINK_BITS 7U

static inline unsigned int level_order(unsigned int level) { return level * EPT_INDEX_BITS; }

static inline unsigned int table_index(gfn_t g, unsigned int level)
{
    return (g.v >> level_order(level)) & (EPT_ENTRIES - 1);
}

/* Look-ups are made in every hypercall: where tables are mapped one after the other, no call is needed. */
static inline uint64_t *ept_table(const struct ept *e, mfn_t m)
{
    if (e->direct_base != 0)
        return (uint64_t *)(uintptr_t)(e->direct_base + (m.v << PAGE_SHIFT));
    return e->pages->map(e->pages->ctx, m);
}

static inline mfn_t entry_mfn(uint64_t entry) { return mfn_of((entry & EPTE_FRAME) >> PAGE_SHIFT); }

/* A table always grants everything: permissions are the leaf's business. */
static inline bool entry_is_table(uint64_t entry, unsigned int level)
{
    return level > 0 && (entry & EPTE_RWX) == EPTE_RWX && !(entry & EPTE_LARGE);
}

static inline enum p2m_type entry_type(uint64_t entry)
{
    return (enum p2m_type)((entry >> EPTE_TYPE_SHIFT) & EPTE_TYPE);
}

/* A trapped range has no frames behind it. */
static inline bool type_has_frame(enum p2m_type type) { return type != P2M_HOLE && type != P2M_MMIO_DM; }

static inline uint64_t entry_read(const uint64_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

#ifdef HV_HOST
/* Tests look at the tree after every single store. */
extern void (*ept_after_store)(void);
#endif

/* The only store into a table that is linked: ordered after those that filled what it points to. */
static inline void entry_write(uint64_t *at, uint64_t entry)
{
    __atomic_store_n(at, entry, __ATOMIC_RELEASE);
#ifdef HV_HOST
    if (ept_after_store != NULL)
        ept_after_store();
#endif
}

struct ept_entry entry_decode(uint64_t entry, gfn_t g, unsigned int level);
/* Puts a table, and all below it, on the list that ept_reclaim() frees. level: of its entries. */
void ept_retire(struct ept *e, mfn_t table, unsigned int level);

#endif
