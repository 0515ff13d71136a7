/* SPDX-License-Identifier: BSD-2-Clause */
#include <slat/slat.h>

#include "entry.h"

struct slat_entry entry_decode(const struct slat_format *f, uint64_t entry, gfn_t g, unsigned int level)
{
    uint64_t offset = g.v & (BIT(level_order(level)) - 1);

    enum p2m_type type = entry_type(entry);

    return (struct slat_entry){
        .mfn = type_has_frame(type) ? mfn_add(entry_mfn(entry), offset) : mfn_invalid(),
        .type = type,
        .rwx = entry_rwx(f, entry),
        .memtype = f->memtype_from[(entry >> SLATE_MEMTYPE_SHIFT) & 7],
        .ignore_pat = entry & f->ignore_pat,
        .order = (uint8_t)level_order(level),
    };
}

struct slat_entry slat_lookup(const struct slat *e, gfn_t g)
{
    unsigned int level = SLAT_LEVELS - 1;
    mfn_t table = e->root;

    if (g.v >> SLAT_GFN_BITS)
        return entry_decode(e->format, 0, g, 0);
    for (;;) {
        uint64_t entry = entry_read(slat_table(e, table) + table_index(g, level));

        if (!entry_is_table(entry, level))
            return entry_decode(e->format, entry, g, level);
        table = entry_mfn(entry);
        level--;
    }
}

/* From a hole on: where its table has something again, or ends. */
static uint64_t behind_hole(const struct slat *e, gfn_t g)
{
    unsigned int level = SLAT_LEVELS - 1, i;
    mfn_t table = e->root;
    uint64_t entry;

    while (entry = entry_read(slat_table(e, table) + table_index(g, level)), entry_is_table(entry, level)) {
        table = entry_mfn(entry);
        level--;
    }
    for (i = table_index(g, level) + 1; i < SLAT_ENTRIES; i++)
        if (entry_read(slat_table(e, table) + i) != 0)
            break;
    return (g.v & ~(BIT(level_order(level + 1)) - 1)) + ((uint64_t)i << level_order(level));
}

void slat_for_each(const struct slat *e, gfn_t g, gfn_t end,
                  bool (*fn)(void *ctx, gfn_t g, const struct slat_entry *entry), void *ctx)
{
    uint64_t last = min_of(end.v, BIT(SLAT_GFN_BITS));

    while (g.v < last) {
        struct slat_entry entry = slat_lookup(e, g);

        if (entry.type == P2M_HOLE) {
            g.v = behind_hole(e, g);
            continue;
        }
        if (!fn(ctx, g, &entry))
            return;
        g.v = (g.v | (BIT(entry.order) - 1)) + 1;
    }
}
