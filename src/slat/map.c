/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes. Each one reserves all table pages it could need (at most one per level below the root) before
 * its first store, so it either happens or leaves the tree as it was. On the way down missing tables are
 * linked empty and large pages are replaced by tables of the same translations: no store before the last one
 * changes what any gfn means.
 */
#include <slat/slat.h>

#include "entry.h"

#include <hv/errno.h>

struct reserve {
    mfn_t page[SLAT_LEVELS - 1];
    unsigned int count;
};

static bool range_is_valid(gfn_t g, unsigned int order)
{
    if (order != PAGE_ORDER_4K && order != PAGE_ORDER_2M && order != PAGE_ORDER_1G)
        return false;
    return IS_ALIGNED(g.v, BIT(order)) && g.v >> SLAT_GFN_BITS == 0;
}

static bool order_is_offered(const struct slat *e, unsigned int order)
{
    return order == PAGE_ORDER_4K || (order == PAGE_ORDER_2M ? e->has_2m : e->has_1g);
}

/* W without R is a misconfiguration; X without R needs a capability that nothing here relies on. */
static bool rwx_is_valid(uint8_t rwx)
{
    return rwx == 0 || ((rwx & SLAT_R) && rwx <= (SLAT_R | SLAT_W | SLAT_X));
}

static void reserve_release(struct slat *e, struct reserve *r)
{
    while (r->count > 0)
        e->pages->free(e->pages->ctx, r->page[--r->count]);
}

/* Tables that a change of 2^order frames needs where this was found. into_holes: false when a hole ends the work. */
static unsigned int tables_needed(const struct slat_entry *found, unsigned int order, bool into_holes)
{
    if (found->order <= order || (!into_holes && found->type == P2M_HOLE))
        return 0;
    return (found->order - order) / SLAT_INDEX_BITS;
}

static int reserve_take(struct slat *e, struct reserve *r, unsigned int count)
{
    ASSERT(count <= ARRAY_COUNT(r->page));
    for (r->count = 0; r->count < count; r->count++) {
        r->page[r->count] = e->pages->alloc(e->pages->ctx);
        if (!mfn_is_valid(r->page[r->count])) {
            reserve_release(e, r);
            return -ENOMEM;
        }
    }
    return 0;
}

/* The table that says the same as the leaf (or hole) at a level. */
static mfn_t split(struct slat *e, struct reserve *r, uint64_t entry, unsigned int level)
{
    uint64_t step = type_has_frame(entry_type(entry)) ? BIT(level_order(level - 1) + PAGE_SHIFT) : 0;
    mfn_t m;
    uint64_t *table;

    ASSERT(r->count > 0);
    m = r->page[--r->count];
    e->table_count++;
    if (entry == 0)
        return m;
    table = slat_table(e, m);
    if (level == 1)
        entry &= ~SLATE_LARGE;
    for (unsigned int i = 0; i < SLAT_ENTRIES; i++)
        table[i] = entry + i * step;
    return m;
}

/* The place of the entry of 2^order frames at g, with all tables above it made out of the reserve. */
static uint64_t *descend(struct slat *e, struct reserve *r, gfn_t g, unsigned int order)
{
    mfn_t table = e->root;

    for (unsigned int level = SLAT_LEVELS - 1;; level--) {
        uint64_t *at = slat_table(e, table) + table_index(g, level);

        if (level_order(level) == order)
            return at;
        if (!entry_is_table(*at, level)) {
            mfn_t m = split(e, r, *at, level);

            entry_write(at, mfn_to_hpa(m).v | e->format->table_bits |
                            (e->has_ad ? e->format->accessed : 0));
        }
        table = entry_mfn(*at);
    }
}

/* Whether a CPU that cached the old translation could do or reach what the new one does not let it. */
static bool narrows(const struct slat_format *f, uint64_t old, uint64_t now)
{
    uint64_t same = SLATE_FRAME | f->memtype_mask | f->ignore_pat;

    if (!(old & SLATE_R))
        return false;          /* hardware does not cache what is not present */
    return ((old ^ now) & same) != 0 || (entry_rwx(f, old) & ~entry_rwx(f, now)) != 0;
}

/* Replaces whatever stands at a place. */
static void replace(struct slat *e, uint64_t *at, unsigned int order, uint64_t entry)
{
    unsigned int level = order / SLAT_INDEX_BITS;
    uint64_t old = *at;

    if (old == entry)
        return;
    entry_write(at, entry);
    if (entry_is_table(old, level)) {
        slat_retire(e, entry_mfn(old), level - 1);
        e->generation++;
        e->ram_generation++;
    } else {
        bool narrower = narrows(e->format, old, entry);

        e->generation += narrower;
        e->ram_generation += entry_type(old) == P2M_RAM_RW && (narrower || entry_type(entry) != P2M_RAM_RW);
    }
}

/* Accessed and dirty are set from the start: nobody reads them, hardware need not write. */
static uint64_t encode_rights(const struct slat *e, uint8_t rwx)
{
    const struct slat_format *f = e->format;
    uint64_t v = rwx & SLATE_RW;

    if (rwx == 0)
        return 0;
    if (((rwx & SLAT_X) != 0) != f->execute_inverted)
        v |= f->execute_bit;
    return v | f->leaf_bits | (e->has_ad ? f->accessed | f->dirty : 0);
}

static uint64_t entry_encode(const struct slat *e, const struct slat_entry *entry, unsigned int order)
{
    uint64_t v = encode_rights(e, entry->rwx) | ((uint64_t)entry->type << SLATE_TYPE_SHIFT);

    if (type_has_frame(entry->type))
        v |= mfn_to_hpa(entry->mfn).v & SLATE_FRAME;
    v |= e->format->memtype_of[entry->memtype & 7];
    if (entry->ignore_pat)
        v |= e->format->ignore_pat;
    if (order > 0)
        v |= SLATE_LARGE;
    return v;
}

static bool mapping_is_valid(const struct slat_entry *entry, unsigned int order)
{
    if (entry->type == P2M_HOLE || entry->type >= P2M_TYPE_COUNT || !rwx_is_valid(entry->rwx))
        return false;
    if (!type_has_frame(entry->type))
        return entry->rwx == 0;
    return IS_ALIGNED(entry->mfn.v, BIT(order)) && entry->mfn.v <= SLATE_FRAME >> PAGE_SHIFT;
}

int slat_map_found(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *entry, const struct slat_entry *found)
{
    struct reserve r;
    int rc;

    if (!range_is_valid(g, order) || !order_is_offered(e, order) || !mapping_is_valid(entry, order))
        return -EINVAL;
    rc = reserve_take(e, &r, tables_needed(found, order, true));
    if (rc != 0)
        return rc;
    replace(e, descend(e, &r, g, order), order, entry_encode(e, entry, order));
    ASSERT(r.count == 0);
    return 0;
}

int slat_map(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *entry)
{
    struct slat_entry found = slat_lookup(e, g);

    return slat_map_found(e, g, order, entry, &found);
}

static unsigned int best_order(const struct slat *e, gfn_t g, mfn_t m, uint64_t count)
{
    uint64_t aligned = g.v | (mfn_is_valid(m) ? m.v : 0);

    if (e->has_1g && IS_ALIGNED(aligned, BIT(PAGE_ORDER_1G)) && count >= BIT(PAGE_ORDER_1G))
        return PAGE_ORDER_1G;
    if (e->has_2m && IS_ALIGNED(aligned, BIT(PAGE_ORDER_2M)) && count >= BIT(PAGE_ORDER_2M))
        return PAGE_ORDER_2M;
    return PAGE_ORDER_4K;
}

int slat_map_range(struct slat *e, gfn_t g, mfn_t m, uint64_t count, const struct slat_entry *like,
                  uint64_t *done)
{
    struct slat_entry entry = *like;
    int rc = 0;

    *done = 0;
    while (*done < count && rc == 0) {
        gfn_t at = gfn_add(g, *done);
        unsigned int order;

        entry.mfn = mfn_is_valid(m) ? mfn_add(m, *done) : m;
        order = best_order(e, at, entry.mfn, count - *done);
        rc = slat_map(e, at, order, &entry);
        if (rc == 0)
            *done += BIT(order);
    }
    return rc;
}

int slat_unmap_found(struct slat *e, gfn_t g, unsigned int order, const struct slat_entry *found)
{
    struct reserve r;
    int rc;

    if (!range_is_valid(g, order))
        return -EINVAL;
    if (found->type == P2M_HOLE && found->order > order)
        return 0;
    rc = reserve_take(e, &r, tables_needed(found, order, false));
    if (rc != 0)
        return rc;
    replace(e, descend(e, &r, g, order), order, 0);
    return 0;
}

int slat_unmap(struct slat *e, gfn_t g, unsigned int order)
{
    struct slat_entry found = slat_lookup(e, g);

    return slat_unmap_found(e, g, order, &found);
}

static uint64_t retyped(const struct slat *e, uint64_t entry, enum p2m_type type, uint8_t rwx)
{
    const struct slat_format *f = e->format;
    uint64_t rights = SLATE_RW | f->execute_bit | f->leaf_bits | f->accessed | f->dirty;

    entry &= ~(rights | (SLATE_TYPE << SLATE_TYPE_SHIFT));
    return entry | encode_rights(e, rwx) | ((uint64_t)type << SLATE_TYPE_SHIFT);
}

/* Every mapping of frames at or below a place; returns whether there was one. */
static bool retype(struct slat *e, uint64_t *at, unsigned int level, enum p2m_type type, uint8_t rwx)
{
    uint64_t *table;
    bool any = false;

    if (!entry_is_table(*at, level)) {
        if (!type_has_frame(entry_type(*at)))
            return false;
        replace(e, at, level_order(level), retyped(e, *at, type, rwx));
        return true;
    }
    table = slat_table(e, entry_mfn(*at));
    for (unsigned int i = 0; i < SLAT_ENTRIES; i++)
        any |= retype(e, table + i, level - 1, type, rwx);
    return any;
}

int slat_set_type(struct slat *e, gfn_t g, unsigned int order, enum p2m_type type, uint8_t rwx)
{
    struct slat_entry found;
    struct reserve r;
    int rc;

    if (!range_is_valid(g, order) || !rwx_is_valid(rwx) || !type_has_frame(type) ||
        type >= P2M_TYPE_COUNT)
        return -EINVAL;
    found = slat_lookup(e, g);
    if (!type_has_frame(found.type) && found.order >= order)
        return -ENOENT;
    rc = reserve_take(e, &r, tables_needed(&found, order, false));
    if (rc != 0)
        return rc;
    return retype(e, descend(e, &r, g, order), order / SLAT_INDEX_BITS, type, rwx) ? 0 : -ENOENT;
}
