/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executes a decoded instruction: read operands, compute, write memory (which may fault or have to
 * wait), and only then commit registers, flags and RIP. So a fault leaves the guest as it was.
 */
#include <hvm/emul.h>

#include "internal.h"

#define ATOMIC_TRIES 16

static enum emul_result read_e(struct emul_context *c, const struct insn *i, unsigned int size,
                               uint64_t *value)
{
    *value = 0;
    if (i->mem)
        return emul_load(c, i->seg, i->ea, value, size);
    *value = emul_get_reg(c, i, i->rm, size);
    return EMUL_DONE;
}

/* New contents of E; memory that was read before is replaced atomically if the instruction is
 * locked. */
static enum emul_result write_e(struct emul_context *c, const struct insn *i, uint64_t old,
                                uint64_t value, bool *stored)
{
    *stored = true;
    if (!i->mem) {
        emul_set_reg(c, i, i->rm, i->size, value);
        return EMUL_DONE;
    }
    if (i->lock || i->code.op == OP_XCHG)
        return emul_exchange(c, i->seg, i->ea, &old, &value, i->size, stored);
    return emul_store(c, i->seg, i->ea, &value, i->size);
}

static uint64_t source_of(const struct emul_context *c, const struct insn *i)
{
    if (i->code.form == FORM_EG)
        return emul_get_reg(c, i, i->reg, i->size);
    return i->imm & size_mask(i->size);
}

static bool is_bit_op(uint8_t op)
{
    return op == OP_BT || op == OP_BTS || op == OP_BTR || op == OP_BTC;
}
static bool stores_nothing(uint8_t op) { return op == OP_CMP || op == OP_TEST || op == OP_BT; }

/* The register operand of a bit test reaches beyond the operand in memory: move the address. */
static void adjust_bit_address(const struct emul_context *c, struct insn *i)
{
    int64_t bit;

    if (!is_bit_op(i->code.op) || i->code.form != FORM_EG || !i->mem)
        return;
    bit = (int64_t)sign_extend(emul_get_reg(c, i, i->reg, i->size), i->size);
    bit >>= i->size == 8 ? 6 : i->size == 4 ? 5 : 4;
    i->ea = (i->ea + (uint64_t)bit * i->size) & size_mask(i->addr_bytes);
}

/* CMPXCHG: on a mismatch the accumulator takes the destination; memory is written back unchanged, a
 * register not. */
static enum emul_result compare_exchange(struct emul_context *c, const struct insn *i, uint64_t dst,
                                         bool *stored)
{
    uint64_t flags = c->rflags, acc = emul_get_reg(c, i, GPR_RAX, i->size);
    bool equal = emul_alu(OP_CMP, acc, dst, i->size, &flags) == 0;
    enum emul_result r = EMUL_DONE;

    *stored = true;
    if (equal || i->mem)
        r = write_e(c, i, dst, equal ? emul_get_reg(c, i, i->reg, i->size) : dst, stored);
    if (r != EMUL_DONE || !*stored)
        return r;
    if (!equal)
        emul_set_reg(c, i, GPR_RAX, i->size, dst);
    c->rflags = flags;
    return EMUL_DONE;
}

/* Destination E. One try; *stored false: memory changed in between. */
static enum emul_result modify_once(struct emul_context *c, const struct insn *i, bool *stored)
{
    uint64_t dst = 0, src = source_of(c, i), flags = c->rflags, value;
    uint8_t op = i->code.op;
    enum emul_result r = EMUL_DONE;

    *stored = true;
    if (op != OP_MOV)
        r = read_e(c, i, i->size, &dst);
    if (r != EMUL_DONE)
        return r;
    if (op == OP_CMPXCHG)
        return compare_exchange(c, i, dst, stored);
    if (op == OP_MOV || op == OP_XCHG)
        value = src;
    else if (is_bit_op(op))
        value =
            emul_bit_op((enum operation)op, dst, (unsigned int)src & (8U * i->size - 1U), &flags);
    else
        value = emul_alu((enum operation)op, dst, src, i->size, &flags);
    if ((op == OP_XCHG || op == OP_XADD) && !i->mem)
        emul_set_reg(c, i, i->reg, i->size, dst); /* first: with equal registers E wins */
    if (!stores_nothing(op))
        r = write_e(c, i, dst, value, stored);
    if (r != EMUL_DONE || !*stored)
        return r;
    if ((op == OP_XCHG || op == OP_XADD) && i->mem)
        emul_set_reg(c, i, i->reg, i->size, dst);
    c->rflags = flags;
    return EMUL_DONE;
}

static enum emul_result modify_e(struct emul_context *c, struct insn *i)
{
    adjust_bit_address(c, i);
    for (int n = 0; n < ATOMIC_TRIES; n++) {
        bool stored;
        enum emul_result r = modify_once(c, i, &stored);

        if (r != EMUL_DONE || stored)
            return r;
    }
    return EMUL_RETRY;
}

/* Destination a register: G with source E, or the accumulator with an immediate or a direct
 * address. */
static enum emul_result load_register(struct emul_context *c, const struct insn *i)
{
    unsigned int dst =
        i->code.form == FORM_AI || i->code.form == FORM_AO ? (unsigned int)GPR_RAX : i->reg;
    uint64_t src, flags = c->rflags, value;
    uint8_t op = i->code.op;
    enum emul_result r = EMUL_DONE;

    if (i->code.form == FORM_AI)
        src = i->imm & size_mask(i->size);
    else
        r = read_e(c, i, i->src_size, &src);
    if (r != EMUL_DONE)
        return r;
    if (op == OP_MOV || op == OP_MOVZX)
        value = src;
    else if (op == OP_MOVSX)
        value = sign_extend(src, i->src_size);
    else
        value =
            emul_alu((enum operation)op, emul_get_reg(c, i, dst, i->size), src, i->size, &flags);
    if (!stores_nothing(op))
        emul_set_reg(c, i, dst, i->size, value);
    c->rflags = flags;
    return EMUL_DONE;
}

static enum emul_result store_accumulator(struct emul_context *c, const struct insn *i)
{
    uint64_t value = emul_get_reg(c, i, GPR_RAX, i->size);

    return emul_store(c, i->seg, i->ea, &value, i->size);
}

static uint64_t stack_mask(const struct emul_context *c)
{
    if (c->mode.code64)
        return UINT64_MAX;
    return (c->seg[SEG_SS].attr & SEG_ATTR_DB) != 0 ? 0xffffffffULL : 0xffffULL;
}

static enum emul_result push_or_pop(struct emul_context *c, const struct insn *i)
{
    uint64_t mask = stack_mask(c), value = 0, sp = c->rsp & mask, new_sp;
    bool push = i->code.op == OP_PUSH;
    enum emul_result r;

    new_sp = (push ? sp - i->size : sp + i->size) & mask;
    r = push ? read_e(c, i, i->size, &value) : emul_load(c, SEG_SS, sp, &value, i->size);
    if (r != EMUL_DONE)
        return r;
    if (push)
        r = emul_store(c, SEG_SS, new_sp, &value, i->size);
    else if (i->mem)
        r = emul_store(c, i->seg, i->ea, &value, i->size);
    if (r != EMUL_DONE)
        return r;
    c->rsp = (c->rsp & ~mask) | new_sp;
    if (!push && !i->mem)
        emul_set_reg(c, i, i->rm, i->size, value);
    return EMUL_DONE;
}

/* CMPXCHG8B and 16B: two registers each; always as if locked. */
static enum emul_result compare_exchange_pair(struct emul_context *c, const struct insn *i)
{
    unsigned int half = i->op_bytes == 8 ? 8 : 4;
    uint64_t mem[2] = { 0, 0 }, want[2], put[2];
    static const uint8_t regs[4] = { GPR_RAX, GPR_RDX, GPR_RBX, GPR_RCX };
    uint8_t old[16], new_value[16];
    bool equal, stored;
    enum emul_result r;

    if (half == 8 && (i->ea & 15U) != 0)
        return emul_fault(c, X86_GP, true, 0);
    r = emul_load(c, i->seg, i->ea, old, 2 * half);
    if (r != EMUL_DONE)
        return r;
    for (unsigned int n = 0; n < 2; n++) {
        __builtin_memcpy(&mem[n], old + n * half, half);
        want[n] = emul_get_reg(c, i, regs[n], half);
        put[n] = emul_get_reg(c, i, regs[2 + n], half);
    }
    equal = mem[0] == want[0] && mem[1] == want[1];
    for (unsigned int n = 0; n < 2; n++)
        __builtin_memcpy(new_value + n * half, equal ? &put[n] : &mem[n], half);
    r = emul_exchange(c, i->seg, i->ea, old, new_value, 2 * half, &stored);
    if (r != EMUL_DONE || !stored)
        return r == EMUL_DONE ? EMUL_RETRY : r;
    for (unsigned int n = 0; n < 2 && !equal; n++)
        emul_set_reg(c, i, regs[n], half, mem[n]);
    c->rflags = equal ? c->rflags | RFLAGS_ZF : c->rflags & ~RFLAGS_ZF;
    return EMUL_DONE;
}

static enum emul_result execute(struct emul_context *c, struct insn *i, bool *again)
{
    if (i->code.op == OP_PUSH || i->code.op == OP_POP)
        return push_or_pop(c, i);
    if (i->code.op == OP_CMPXCHG8B)
        return compare_exchange_pair(c, i);
    switch ((enum form)i->code.form) {
    case FORM_EG:
    case FORM_EI:
    case FORM_EI8:
    case FORM_E:
        return modify_e(c, i);
    case FORM_GE:
    case FORM_AI:
    case FORM_AO:
    case FORM_G_E8:
    case FORM_G_E16:
    case FORM_G_E32:
        return load_register(c, i);
    case FORM_OA:
        return store_accumulator(c, i);
    case FORM_STRING:
        return emul_string(c, i, again);
    case FORM_VECTOR:
        return emul_vector(c, i);
    case FORM_NONE:
    case FORM_SAME:
        break;
    }
    return EMUL_UNHANDLED;
}

enum emul_result emul_run(struct emul_context *c)
{
    struct insn i;
    bool undefined, again = false;
    enum emul_result r = emul_decode(c, &i, &undefined);

    if (r == EMUL_FETCH_FAILED && c->insn_len >= sizeof(c->insn))
        return emul_fault(c, X86_GP, true, 0); /* longer than 15 bytes */
    if (r != EMUL_DONE)
        return r;
    if (undefined)
        return emul_fault(c, X86_UD, false, 0);
    r = execute(c, &i, &again);
    c->insn_len = i.pos;
    if (r == EMUL_DONE && !again) {
        c->rip += i.pos;
        if (!c->mode.code64)
            c->rip &= c->mode.code32 ? 0xffffffffULL : 0xffffULL;
    }
    return r;
}
