/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-linear to guest-physical translation by software (SDM vol. 3A chapter 4): no paging, 32-bit, PAE, 4- and 5-level, with
 * permission checks (WP, NX, SMEP, SMAP, U/S). Reads guest page tables through a port; does not set A/D bits unless asked by
 * the port. Pure. */
#ifndef HVM_PAGEWALK_H
#define HVM_PAGEWALK_H

#include <hv/regs.h>
#include <hv/types.h>

#define ACCESS_READ 0U
#define ACCESS_WRITE 1U
#define ACCESS_FETCH 2U
#define ACCESS_USER 4U            /* as CPL 3 would */
#define ACCESS_IMPLICIT 8U        /* implicit supervisor access: SMAP applies whatever EFLAGS.AC is */

struct pagewalk_memory { bool (*read)(void *ctx, gpa_t a, void *to, size_t size);
                         bool (*set_bits)(void *ctx, gpa_t a, uint64_t old, uint64_t bits, size_t size); /* A/D; may be NULL */
                         void *ctx; };
struct pagewalk_result { gpa_t gpa; uint64_t page_size; /* bytes contiguous from the page's start */ uint32_t pfec; /* when it failed */ };

/* true: translated. false: a page fault with error code pfec (P/W/U/I/RSVD). Non-canonical addresses fail too. */
bool pagewalk(const struct guest_mode *mode, const struct pagewalk_memory *mem, gva_t va, uint32_t access,
              struct pagewalk_result *out) must_check;

#endif
