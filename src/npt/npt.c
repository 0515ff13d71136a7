/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The format of ordinary long-mode tables (APM volume 2, 5.3 and 15.25.5): bit 0 P, 1 R/W, 2 U/S, which must be set since
 * a guest's accesses count as a user's, 3 PWT, 4 PCD, 5 A, 6 D, 7 PS, 11:9 for software, 63 NX; 62:52 are ignored while
 * the host has no protection keys. Accessed and dirty bits are always kept.
 *
 * The memory type is an index into the host's PAT (x86/desc.h: WB WT UC- UC in its lower half) and is combined with the
 * guest's own type; there is no bit that makes the latter not count. Uncached memory is UC-, so that a guest can
 * still have write-combining where it asks for it, as with EPT.
 */
#include <npt/npt.h>

#define NPT_P BIT(0)
#define NPT_W BIT(1)
#define NPT_U BIT(2)
#define NPT_PWT BIT(3)
#define NPT_PCD BIT(4)
#define NPT_A BIT(5)
#define NPT_D BIT(6)
#define NPT_NOTE_IGNORE_PAT BIT(9)
#define NPT_NX BIT(63)

static const struct slat_format format = {
    .table_bits = NPT_P | NPT_W | NPT_U,
    .leaf_bits = NPT_U,
    .execute_bit = NPT_NX,
    .execute_inverted = true,
    .accessed = NPT_A,
    .dirty = NPT_D,
    .ignore_pat = NPT_NOTE_IGNORE_PAT,
    .memtype_mask = NPT_PWT | NPT_PCD,
    .memtype_of = { [SLAT_UC] = NPT_PCD, [SLAT_WC] = NPT_PCD, [SLAT_WT] = NPT_PWT, [SLAT_WP] = NPT_PWT,
                    [SLAT_WB] = 0 },
    /* Bit 5 of the entry, the third of the index, is the accessed bit. */
    .memtype_from = { SLAT_WB, SLAT_WT, SLAT_UC, SLAT_UC, SLAT_WB, SLAT_WT, SLAT_UC, SLAT_UC },
    .always_ad = true,
};

const struct slat_format *npt_format(void) { return &format; }
uint64_t npt_pointer(const struct slat *s) { return mfn_to_hpa(s->root).v; }
