/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiled to assembler text only: CMakeLists.txt makes offsets.h for entry.S out of the marked lines. */
#include <guestcpu/register_offsets.h>

#include "state.h"
#include "vmcs.h"

enum {
#define F(width, name, encoding, access) ENCODING_##name = (encoding),
#include "vmcs_fields.def"
#undef F
};

void offsets(void);
void offsets(void)
{
    OFFSET(VCPU_RAX, offsetof(struct hw_vcpu, regs.rax));
    register_offsets();
    OFFSET(VCPU_CR2, offsetof(struct hw_vcpu, regs.cr2));
    OFFSET(VCPU_HOST_RSP, offsetof(struct hw_vcpu, vendor) + offsetof(struct vmx_state, host_rsp_cached));
    OFFSET(FIELD_HOST_RSP, ENCODING_HOST_RSP);
}
