/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever exit information the CPU shows: both vendors' decoders give a record whose members are in range. */
#include <svm/decode.h>
#include <vmx/decode.h>

#include <hvm/system_insn.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vmexit *x)
{
    if ((unsigned int)x->reason >= EXIT_COUNT || x->insn_len > 15)
        abort();
    if (x->reason == EXIT_CR_ACCESS && (x->cr.cr > 15 || x->cr.gpr > 15))
        abort();
    if (x->reason == EXIT_PIO && (x->pio.size == 0 || x->pio.size > 8))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct { uint64_t code, info1, info2, int_info, rip, next_rip, dr6; } s = { 0 };
    static struct vmcb b;
    struct vmx_exit_raw v = { 0 };
    struct system_insn insn;
    struct vmexit x;

    memset(&x, 0xa5, sizeof(x));
    memcpy(&s, data, size < sizeof(s) ? size : sizeof(s));
    b.exit_code = s.code;
    b.exit_info1 = s.info1;
    b.exit_info2 = s.info2;
    b.exit_int_info = s.int_info;
    b.rip = s.rip;
    b.next_rip = s.next_rip;
    b.dr6 = s.dr6;
    svm_decode(&b, &x);
    check(&x);
    memcpy(&v, data, size < sizeof(v) ? size : sizeof(v));
    v.insn_len &= 15;      /* the CPU's word */
    vmx_decode(&v, &x);
    if (x.reason != EXIT_CR_ACCESS)
        check(&x);
    if (system_insn_decode(data, size, true, &insn) && (insn.length == 0 || insn.length > 15 || insn.length > size))
        abort();
    return 0;
}
