/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SDM tables 29-1 to 29-7: bits 2:0 R W X, 5:3 memory type and 6 ignore-PAT (leaves), 7 large page, 8 accessed, 9
 * dirty. 62:52 are ignored as long as none of the features that claim some of them is enabled, and none is. Bit
 * 63 (suppress #VE) stays clear, #VE is never enabled.
 */
#include <ept/ept.h>

#define EPT_RWX 0x7ULL
#define EPT_MEMTYPE(type) ((uint64_t)(type) << 3)
#define EPT_IGNORE_PAT BIT(6)
#define EPT_ACCESSED BIT(8)
#define EPT_DIRTY BIT(9)
#define EPTP_WALK_4_LEVELS (3ULL << 3)
#define EPTP_ACCESSED_DIRTY BIT(6)

static const struct slat_format format = {
    .table_bits = EPT_RWX,
    .execute_bit = BIT(2),
    .accessed = EPT_ACCESSED,
    .dirty = EPT_DIRTY,
    .ignore_pat = EPT_IGNORE_PAT,
    .memtype_mask = EPT_MEMTYPE(7),
    .memtype_of = { EPT_MEMTYPE(0), EPT_MEMTYPE(1), EPT_MEMTYPE(2), EPT_MEMTYPE(3), EPT_MEMTYPE(4), EPT_MEMTYPE(5),
                    EPT_MEMTYPE(6), EPT_MEMTYPE(7) },
    .memtype_from = { 0, 1, 2, 3, 4, 5, 6, 7 },
};

const struct slat_format *ept_format(void) { return &format; }

uint64_t ept_pointer(const struct slat *s)
{
    return mfn_to_hpa(s->root).v | SLAT_WB | EPTP_WALK_4_LEVELS | (s->has_ad ? EPTP_ACCESSED_DIRTY : 0);
}
