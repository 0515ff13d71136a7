/* SPDX-License-Identifier: BSD-2-Clause */
#include <ept/ept.h>

#include "entry.h"

#include <hv/errno.h>

#define EPTP_WALK_4_LEVELS (3ULL << 3)
#define EPTP_ACCESSED_DIRTY BIT(6)
#define LINK_ENTRIES 6U      /* 6 * 7 bits hold any frame number */

#ifdef HV_HOST
void (*ept_after_store)(void);
#endif

int ept_init(struct ept *e, const struct ept_pages *pages, bool has_1g, bool has_2m, bool has_ad)
{
    mfn_t root = pages->alloc(pages->ctx);

    if (!mfn_is_valid(root))
        return -ENOMEM;
    *e = (struct ept){ .pages = pages, .root = root, .has_1g = has_1g, .has_2m = has_2m,
                       .has_ad = has_ad, .table_count = 1, .retired = mfn_invalid() };
    return 0;
}

uint64_t ept_pointer(const struct ept *e)
{
    return mfn_to_hpa(e->root).v | EPT_WB | EPTP_WALK_4_LEVELS | (e->has_ad ? EPTP_ACCESSED_DIRTY : 0);
}

uint8_t p2m_type_rwx(enum p2m_type type)
{
    static const uint8_t rwx[P2M_TYPE_COUNT] = {
        [P2M_RAM_RW] = EPT_R | EPT_W | EPT_X,
        [P2M_RAM_RO] = EPT_R | EPT_X,
        [P2M_RAM_LOGDIRTY] = EPT_R | EPT_X,
        [P2M_MMIO_DIRECT] = EPT_R | EPT_W,
        [P2M_FOREIGN] = EPT_R | EPT_W,
        [P2M_GRANT_RW] = EPT_R | EPT_W,
        [P2M_GRANT_RO] = EPT_R,
        [P2M_SHARED] = EPT_R | EPT_W,
    };

    return type < P2M_TYPE_COUNT ? rwx[type] : 0;
}

/*
 * A CPU may walk a table that was unlinked until it has invalidated, so its entries must stay as they
 * are: the link to the next retired table goes into bits that hardware ignores.
 */
static void link_write(uint64_t *table, mfn_t next)
{
    for (unsigned int i = 0; i < LINK_ENTRIES; i++) {
        uint64_t part = (next.v >> (i * EPTE_LINK_BITS)) & (BIT(EPTE_LINK_BITS) - 1);

        table[i] |= part << EPTE_LINK_SHIFT;
    }
}

static mfn_t link_read(const uint64_t *table)
{
    uint64_t v = 0;

    for (unsigned int i = 0; i < LINK_ENTRIES; i++)
        v |= ((table[i] >> EPTE_LINK_SHIFT) & (BIT(EPTE_LINK_BITS) - 1)) << (i * EPTE_LINK_BITS);
    return v == BIT(LINK_ENTRIES * EPTE_LINK_BITS) - 1 ? mfn_invalid() : mfn_of(v);
}

void ept_retire(struct ept *e, mfn_t table, unsigned int level)
{
    uint64_t *entries = ept_table(e, table);

    for (unsigned int i = 0; level > 0 && i < EPT_ENTRIES; i++)
        if (entry_is_table(entries[i], level))
            ept_retire(e, entry_mfn(entries[i]), level - 1);
    link_write(entries, e->retired);
    e->retired = table;
    e->retired_count++;
}

void ept_reclaim(struct ept *e)
{
    while (mfn_is_valid(e->retired)) {
        mfn_t m = e->retired;

        e->retired = link_read(ept_table(e, m));
        e->pages->free(e->pages->ctx, m);
        e->table_count--;
        e->retired_count--;
    }
    ASSERT(e->retired_count == 0);
}

void ept_destroy(struct ept *e)
{
    if (!mfn_is_valid(e->root))
        return;
    ept_retire(e, e->root, EPT_LEVELS - 1);
    e->root = mfn_invalid();
    ept_reclaim(e);
    ASSERT(e->table_count == 0);
}
