/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoder and executor for the instructions that touch emulated memory (facts: MOV, MOVZX/SX, string moves, ALU with a memory
 * operand ...). Table-driven, pure: registers, memory and I/O through a port. The first users are dom0's IO-APIC and xAPIC
 * accesses; an HVM guest needs the rest (next issues).
 */
#ifndef HVM_EMUL_H
#define HVM_EMUL_H

#include <hv/regs.h>
#include <hv/types.h>

enum emul_result { EMUL_DONE,          /* executed; rip/regs in the context are the new ones */
                   EMUL_UNHANDLED,     /* not an instruction we know: bytes in ctx */
                   EMUL_FAULT,         /* inject ctx->fault_* */
                   EMUL_RETRY,         /* memory/IO not ready (device model): run again later */
                   EMUL_FETCH_FAILED };
struct emul_ops {
    /* Linear accesses; each returns EMUL_DONE, EMUL_FAULT (fault filled in), EMUL_RETRY or EMUL_UNHANDLED. size <= 32. */
    enum emul_result (*read)(void *ctx, gva_t va, void *to, unsigned int size);
    enum emul_result (*write)(void *ctx, gva_t va, const void *from, unsigned int size);
};
struct emul_context {
    struct guest_regs *regs;
    uint64_t rip, rflags, rsp;
    struct guest_mode mode;
    struct guest_seg seg[SEG_COUNT];
    const struct emul_ops *ops;
    void *ops_ctx;
    uint8_t insn[15];
    unsigned int insn_len;          /* bytes fetched; after decode: length of the instruction */
    uint8_t fault_vector; bool fault_has_error; uint32_t fault_error; uint64_t fault_cr2;
};
/* The caller fetched up to 15 bytes at CS:RIP into insn/insn_len. */
enum emul_result emul_run(struct emul_context *c);

#endif
