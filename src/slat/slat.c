/* SPDX-License-Identifier: BSD-2-Clause */
#include <slat/slat.h>

#include "entry.h"

#include <hv/errno.h>

#define LINK_ENTRIES 6U      /* 6 * 7 bits hold any frame number */

#ifdef HV_HOST
void (*slat_after_store)(void);
#endif

int slat_init(struct slat *e, const struct slat_format *format, const struct slat_pages *pages, bool has_1g,
              bool has_2m, bool has_ad)
{
    mfn_t root = pages->alloc(pages->ctx);

    if (!mfn_is_valid(root))
        return -ENOMEM;
    *e = (struct slat){ .pages = pages, .format = format, .root = root, .has_1g = has_1g, .has_2m = has_2m,
                       .has_ad = has_ad || format->always_ad, .table_count = 1, .retired = mfn_invalid() };
    return 0;
}

uint8_t p2m_type_rwx(enum p2m_type type)
{
    static const uint8_t rwx[P2M_TYPE_COUNT] = {
        [P2M_RAM_RW] = SLAT_R | SLAT_W | SLAT_X,
        [P2M_RAM_RO] = SLAT_R | SLAT_X,
        [P2M_RAM_LOGDIRTY] = SLAT_R | SLAT_X,
        [P2M_MMIO_DIRECT] = SLAT_R | SLAT_W,
        [P2M_FOREIGN] = SLAT_R | SLAT_W,
        [P2M_GRANT_RW] = SLAT_R | SLAT_W,
        [P2M_GRANT_RO] = SLAT_R,
        [P2M_SHARED] = SLAT_R | SLAT_W,
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
        uint64_t part = (next.v >> (i * SLATE_LINK_BITS)) & (BIT(SLATE_LINK_BITS) - 1);

        table[i] |= part << SLATE_LINK_SHIFT;
    }
}

static mfn_t link_read(const uint64_t *table)
{
    uint64_t v = 0;

    for (unsigned int i = 0; i < LINK_ENTRIES; i++)
        v |= ((table[i] >> SLATE_LINK_SHIFT) & (BIT(SLATE_LINK_BITS) - 1)) << (i * SLATE_LINK_BITS);
    return v == BIT(LINK_ENTRIES * SLATE_LINK_BITS) - 1 ? mfn_invalid() : mfn_of(v);
}

void slat_retire(struct slat *e, mfn_t table, unsigned int level)
{
    uint64_t *entries = slat_table(e, table);

    for (unsigned int i = 0; level > 0 && i < SLAT_ENTRIES; i++)
        if (entry_is_table(entries[i], level))
            slat_retire(e, entry_mfn(entries[i]), level - 1);
    link_write(entries, e->retired);
    e->retired = table;
    e->retired_count++;
}

void slat_reclaim(struct slat *e)
{
    while (mfn_is_valid(e->retired)) {
        mfn_t m = e->retired;

        e->retired = link_read(slat_table(e, m));
        e->pages->free(e->pages->ctx, m);
        e->table_count--;
        e->retired_count--;
    }
    ASSERT(e->retired_count == 0);
}

void slat_destroy(struct slat *e)
{
    if (!mfn_is_valid(e->root))
        return;
    slat_retire(e, e->root, SLAT_LEVELS - 1);
    e->root = mfn_invalid();
    slat_reclaim(e);
    ASSERT(e->table_count == 0);
}
