/* SPDX-License-Identifier: BSD-2-Clause */
#include <ept/ept.h>

#include "entry.h"

struct ept_entry entry_decode(uint64_t entry, gfn_t g, unsigned int level)
{
    uint64_t offset = g.v & (BIT(level_order(level)) - 1);

    enum p2m_type type = entry_type(entry);

    return (struct ept_entry){
        .mfn = type_has_frame(type) ? mfn_add(entry_mfn(entry), offset) : mfn_invalid(),
        .type = type,
        .rwx = entry & EPTE_RWX,
        .memtype = (entry >> EPTE_MEMTYPE_SHIFT) & 7,
        .ignore_pat = entry & EPTE_IGNORE_PAT,
        .order = (uint8_t)level_order(level),
    };
}

struct ept_entry ept_lookup(const struct ept *e, gfn_t g)
{
    unsigned int level = EPT_LEVELS - 1;
    mfn_t table = e->root;

    if (g.v >> EPT_GFN_BITS)
        return entry_decode(0, g, 0);
    for (;;) {
        uint64_t entry = entry_read(ept_table(e, table) + table_index(g, level));

        if (!entry_is_table(entry, level))
            return entry_decode(entry, g, level);
        table = entry_mfn(entry);
        level--;
    }
}

void ept_for_each(const struct ept *e, gfn_t g, gfn_t end,
                  bool (*fn)(void *ctx, gfn_t g, const struct ept_entry *entry), void *ctx)
{
    uint64_t last = min_of(end.v, BIT(EPT_GFN_BITS));

    while (g.v < last) {
        struct ept_entry entry = ept_lookup(e, g);

        if (entry.type != P2M_HOLE && !fn(ctx, g, &entry))
            return;
        g.v = (g.v | (BIT(entry.order) - 1)) + 1;
    }
}
