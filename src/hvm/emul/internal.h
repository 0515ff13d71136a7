/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the emulator share: the decoded instruction and the helpers; for nobody else. */
#ifndef HVM_EMUL_INTERNAL_H
#define HVM_EMUL_INTERNAL_H

#include <hv/compiler.h>
#include <hvm/emul.h>

enum operation {
    OP_NONE, OP_GROUP,
    OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP,
    OP_TEST, OP_MOV, OP_MOVZX, OP_MOVSX, OP_XCHG, OP_XADD, OP_CMPXCHG, OP_CMPXCHG8B,
    OP_NOT, OP_NEG, OP_INC, OP_DEC, OP_BT, OP_BTS, OP_BTR, OP_BTC, OP_PUSH, OP_POP,
    OP_MOVS, OP_CMPS, OP_STOS, OP_LODS, OP_SCAS, OP_INS, OP_OUTS, OP_VECTOR,
};
/* E: register or memory of ModRM; G: register of ModRM.reg; A: accumulator; I: immediate; O: address in the instruction.
 * The first letter is the destination. */
enum form { FORM_NONE, FORM_SAME, FORM_EG, FORM_GE, FORM_AI, FORM_EI, FORM_EI8, FORM_E, FORM_AO, FORM_OA,
            FORM_G_E8, FORM_G_E16, FORM_G_E32, FORM_STRING, FORM_VECTOR };
enum { BYTE = 1, LOCKED = 2, MEMORY = 4, WIDE64 = 8, ONLY64 = 16, PLAIN = 32 };

struct opcode { uint8_t op, form, flags; };

struct insn {
    struct opcode code;
    uint8_t rex, seg, rep, op_bytes, addr_bytes;
    bool lock, seg_given, op_prefix, addr_prefix, rip_relative;
    uint8_t map, opcode;      /* map 1: after 0F, 2: after 0F 38 */
    bool vex, vex256;
    uint8_t vex_reg;
    uint8_t mod, reg, rm;
    bool mem;                 /* E is memory at seg:ea */
    uint64_t ea, imm;
    uint8_t size;             /* of the operands, bytes */
    uint8_t src_size;         /* of E in FORM_G_Ex */
    uint8_t pos;              /* next byte to decode; at the end the length */
};

/* decode.c */
enum emul_result emul_decode(const struct emul_context *c, struct insn *i, bool *undefined);

/* access.c */
enum emul_result emul_fault(struct emul_context *c, uint8_t vector, bool has_error, uint32_t error);
uint64_t emul_get_reg(const struct emul_context *c, const struct insn *i, unsigned int n, unsigned int size);
void emul_set_reg(struct emul_context *c, const struct insn *i, unsigned int n, unsigned int size, uint64_t value);
/* Is memory from offset on all in the segment? */
enum emul_result emul_linear(struct emul_context *c, unsigned int seg, uint64_t offset, unsigned int size, bool write,
                             gva_t *va);
enum emul_result emul_load(struct emul_context *c, unsigned int seg, uint64_t offset, void *to, unsigned int size);
enum emul_result emul_store(struct emul_context *c, unsigned int seg, uint64_t offset, const void *from,
                            unsigned int size);
/* Stores new if memory still holds expected (when the port can tell). *stored false: it does not, try again. */
enum emul_result emul_exchange(struct emul_context *c, unsigned int seg, uint64_t offset, const void *expected,
                               const void *new_value, unsigned int size, bool *stored);

/* alu.c: pure arithmetic; flags are the arithmetic ones of *rflags. */
uint64_t emul_alu(enum operation op, uint64_t a, uint64_t b, unsigned int size, uint64_t *rflags);
uint64_t emul_bit_op(enum operation op, uint64_t value, unsigned int bit, uint64_t *rflags);

/* vector.c */
bool emul_is_vector(const struct insn *i);
enum emul_result emul_vector(struct emul_context *c, const struct insn *i);

/* string.c */
enum emul_result emul_string(struct emul_context *c, const struct insn *i, bool *again);

static inline uint64_t size_mask(unsigned int size)
{
    return size >= 8 ? UINT64_MAX : (1ULL << (8 * size)) - 1;
}
static inline uint64_t sign_extend(uint64_t value, unsigned int size)
{
    unsigned int shift = 64 - 8 * size;

    return (uint64_t)((int64_t)(value << shift) >> shift);
}

#endif
