/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw exit information to the neutral record: pure, total (any input gives a record). */
#ifndef VMX_DECODE_H
#define VMX_DECODE_H

#include <hv/vmexit.h>

/* As the VMCS has it. Fields that the reason's row does not ask for are not looked at. */
struct vmx_exit_raw {
    uint32_t reason, insn_len;
    uint32_t intr_info, intr_error;
    uint32_t vectoring_info, vectoring_error;
    uint64_t qual, gpa, gla;
};

#define EXIT_REASON_BASIC 0xffffU
#define EXIT_REASON_ENTRY_FAILURE 0x80000000U

/* A row of exits.def as the collecting code wants it. */
struct exit_row {
    uint8_t reason;             /* enum exit_reason */
    uint8_t reads;              /* READ_*, and: */
};
#define READ_CUT_SHORT 0x40U    /* this exit can have cut short the delivery of an event (SDM 28.2.4) */

struct exit_row exit_row(uint32_t hw_reason);
/* Whether the guest-linear address is there: what the qualification says of it. */
bool exit_has_gla(enum exit_reason reason, uint64_t qual);
/* Pure. Of *x what the reason does not use stays as it was. */
void vmx_decode(const struct vmx_exit_raw *raw, struct vmexit *x);

#endif
