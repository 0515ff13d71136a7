/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoder and executor for the instructions that touch emulated memory: MOV, MOVZX/SX, string moves, ALU operations with a
 * memory operand, exchanges, bit tests, PUSH/POP, INS/OUTS (src/hvm/emul/opcodes.def), moves of SSE and AVX registers
 * (vector.def). Table-driven, pure:
 * registers are the caller's copy, memory and ports go through struct emul_ops. No control transfers.
 *
 * A fault or a wait leaves the registers as before the instruction (of a REP: before the iteration). Locked read-modify-write
 * is atomic as far as compare_exchange makes it so; device memory needs none.
 */
#ifndef HVM_EMUL_H
#define HVM_EMUL_H

#include <hv/regs.h>
#include <hv/types.h>

enum emul_result { EMUL_DONE,          /* executed; rip/regs in the context are the new ones. A long REP may
                                          stop half way: rip is then unchanged, the guest simply goes on */
                   EMUL_UNHANDLED,     /* not an instruction we know: bytes in ctx */
                   EMUL_FAULT,         /* inject ctx->fault_* */
                   EMUL_RETRY,         /* memory/IO not ready (device model): run again later. Finished iterations of
                                          a REP are already in the registers: write them back */
                   EMUL_FETCH_FAILED   /* more instruction bytes are needed than insn_len */ };
#define EMUL_VECTOR_BYTES 32U
struct emul_ops {
    /* Linear accesses; each returns EMUL_DONE, EMUL_FAULT (fault filled in), EMUL_RETRY or EMUL_UNHANDLED. size 1, 2, 4, 8
     * (16 for CMPXCHG16B, 16 and 32 for vectors). May cross a page. */
    enum emul_result (*read)(void *ctx, gva_t va, void *to, unsigned int size);
    enum emul_result (*write)(void *ctx, gva_t va, const void *from, unsigned int size);
    /* Replaces expected by new_value atomically; *stored false: memory held something else. May be NULL: write is used. */
    enum emul_result (*compare_exchange)(void *ctx, gva_t va, const void *expected, const void *new_value,
                                         unsigned int size, bool *stored);
    /* INS/OUTS; the caller has checked the right to the port. May be NULL: they are unhandled. */
    enum emul_result (*port)(void *ctx, uint16_t port, bool write, uint64_t *value, unsigned int size);
    /* Asked before the elements of INS/OUTS are moved: *count of them, ascending from va; all in one page, or the first alone,
     * which may cross. EMUL_FAULT: va cannot be reached (and the port was not touched). EMUL_DONE: *count (at most what
     * was asked) have been moved. EMUL_UNHANDLED: they have to be moved one by one. May be NULL. */
    enum emul_result (*port_run)(void *ctx, uint16_t port, bool write, gva_t va, unsigned int size, uint32_t *count);
    /* Asked before the elements of REP MOVS are moved, two or more of them, ascending, all in one page on either side. As above; of
     * what cannot be reached it says EMUL_UNHANDLED, and the move of the element faults. May be NULL. */
    enum emul_result (*copy_run)(void *ctx, gva_t from, gva_t to, unsigned int size, uint32_t *count);
    /* Vector registers, the low 16 bytes and then AVX's; set: the first `bytes`, 16 or all. May both be NULL. */
    void (*vector_get)(void *ctx, unsigned int n, uint8_t to[EMUL_VECTOR_BYTES]);
    void (*vector_set)(void *ctx, unsigned int n, const uint8_t from[EMUL_VECTOR_BYTES], unsigned int bytes);
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
