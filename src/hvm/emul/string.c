/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String instructions. An iteration is committed whole before the next begins, so a fault or a wait
 * in the middle of a REP leaves the registers as the processor would; and a long REP stops after a
 * while and is simply run again.
 */
#include "internal.h"

#define MAX_ITERATIONS 512

static void step(struct emul_context *c, const struct insn *i, unsigned int n)
{
    uint64_t delta = (c->rflags & RFLAGS_DF) != 0 ? 0 - (uint64_t)i->size : i->size;

    emul_set_reg(c, i, n, i->addr_bytes, emul_get_reg(c, i, n, i->addr_bytes) + delta);
}

static uint64_t index_reg(const struct emul_context *c, const struct insn *i, unsigned int n)
{
    return emul_get_reg(c, i, n, i->addr_bytes);
}

static enum emul_result port_io(struct emul_context *c, const struct insn *i, bool write,
                                uint64_t *value)
{
    if (c->ops->port == NULL)
        return EMUL_UNHANDLED;
    return c->ops->port(c->ops_ctx, (uint16_t)c->regs->rdx, write, value, i->size);
}

/* Reads the operands of one iteration: *a from the source side, *b from the destination (compares
 * only). */
static enum emul_result fetch(struct emul_context *c, const struct insn *i, uint64_t *a,
                              uint64_t *b)
{
    enum emul_result r = EMUL_DONE;
    uint8_t op = i->code.op;

    *a = *b = 0;
    if (op == OP_STOS || op == OP_SCAS)
        *a = emul_get_reg(c, i, GPR_RAX, i->size);
    else if (op == OP_INS)
        r = port_io(c, i, false, a);
    else
        r = emul_load(c, i->seg, index_reg(c, i, GPR_RSI), a, i->size);
    if (r == EMUL_DONE && (op == OP_CMPS || op == OP_SCAS))
        r = emul_load(c, SEG_ES, index_reg(c, i, GPR_RDI), b, i->size);
    return r;
}

static enum emul_result iterate(struct emul_context *c, const struct insn *i)
{
    uint64_t a, b;
    uint8_t op = i->code.op;
    enum emul_result r = fetch(c, i, &a, &b);

    if (r != EMUL_DONE)
        return r;
    if (op == OP_MOVS || op == OP_STOS || op == OP_INS)
        r = emul_store(c, SEG_ES, index_reg(c, i, GPR_RDI), &a, i->size);
    else if (op == OP_OUTS)
        r = port_io(c, i, true, &a);
    if (r != EMUL_DONE)
        return r;
    if (op == OP_LODS)
        emul_set_reg(c, i, GPR_RAX, i->size, a);
    else if (op == OP_CMPS || op == OP_SCAS)
        (void)emul_alu(OP_CMP, a, b, i->size, &c->rflags);
    if (op != OP_STOS && op != OP_SCAS && op != OP_INS)
        step(c, i, GPR_RSI);
    if (op != OP_LODS && op != OP_OUTS)
        step(c, i, GPR_RDI);
    return EMUL_DONE;
}

/* Does the condition of REPE/REPNE end the loop? */
static bool condition_ends(const struct emul_context *c, const struct insn *i)
{
    bool zf = (c->rflags & RFLAGS_ZF) != 0;

    if (i->code.op != OP_CMPS && i->code.op != OP_SCAS)
        return false;
    return i->rep == 0xf3 ? !zf : zf;
}

static bool is_port_op(const struct insn *i)
{
    return i->code.op == OP_INS || i->code.op == OP_OUTS;
}

/* Elements that one question can be about: within a page and without a wrap of the index. */
static uint32_t run_length(const struct emul_context *c, const struct insn *i, gva_t va, uint64_t offset)
{
    uint64_t count = i->rep != 0 ? index_reg(c, i, GPR_RCX) : 1, left = (PAGE_SIZE - (va.v & ~PAGE_MASK)) / i->size;

    if ((c->rflags & RFLAGS_DF) != 0 || left == 0)
        return 1;
    count = min_of(count, left);
    return count * i->size - 1 > size_mask(i->addr_bytes) - offset ? 1 : (uint32_t)count;
}

/* INS or OUTS, REP or not: as many elements at once as whoever plays the port can take; *moved: so many. */
static enum emul_result move_run(struct emul_context *c, const struct insn *i, uint32_t *moved)
{
    bool in = i->code.op == OP_INS;
    unsigned int seg = in ? (unsigned int)SEG_ES : i->seg, index = in ? GPR_RDI : GPR_RSI;
    uint64_t offset = index_reg(c, i, index);
    uint32_t count;
    enum emul_result r;
    gva_t va;

    *moved = 0;
    r = emul_linear(c, seg, offset, i->size, in, &va);
    if (r != EMUL_DONE || c->ops->port_run == NULL)
        return r;
    count = run_length(c, i, va, offset);
    if (count > 1 && emul_linear(c, seg, offset, count * i->size, in, &va) != EMUL_DONE)
        count = 1;      /* the element that is beyond the segment faults when it is its turn */
    r = c->ops->port_run(c->ops_ctx, (uint16_t)c->regs->rdx, !in, va, i->size, &count);
    if (r == EMUL_UNHANDLED)
        return EMUL_DONE;
    if (r == EMUL_DONE) {
        emul_set_reg(c, i, index, i->addr_bytes, offset + (uint64_t)count * i->size);
        *moved = count;
    }
    return r;
}

/* Where a run begins, and how much of count is left of it there. */
static bool copy_end(struct emul_context *c, const struct insn *i, unsigned int seg, unsigned int index, bool write, gva_t *va,
                     uint32_t *count)
{
    uint64_t offset = index_reg(c, i, index);

    if (emul_linear(c, seg, offset, i->size, write, va) != EMUL_DONE)
        return false;
    *count = min_of(*count, run_length(c, i, *va, offset));
    return *count > 1 && emul_linear(c, seg, offset, *count * i->size, write, va) == EMUL_DONE;
}

/* REP MOVS: as many elements at once as whoever plays the memory on one side can take. */
static enum emul_result copy_run(struct emul_context *c, const struct insn *i, uint32_t *moved)
{
    uint32_t count = PAGE_SIZE;
    enum emul_result r;
    gva_t from, to;

    *moved = 0;
    if (c->ops->copy_run == NULL || !copy_end(c, i, i->seg, GPR_RSI, false, &from, &count) ||
        !copy_end(c, i, SEG_ES, GPR_RDI, true, &to, &count))
        return EMUL_DONE;
    r = c->ops->copy_run(c->ops_ctx, from, to, i->size, &count);
    if (r == EMUL_UNHANDLED)
        return EMUL_DONE;
    if (r == EMUL_DONE) {
        uint64_t length = (uint64_t)count * i->size;

        emul_set_reg(c, i, GPR_RSI, i->addr_bytes, index_reg(c, i, GPR_RSI) + length);
        emul_set_reg(c, i, GPR_RDI, i->addr_bytes, index_reg(c, i, GPR_RDI) + length);
        *moved = count;
    }
    return r;
}

/* One element, or as many as can be had at once. */
static enum emul_result advance(struct emul_context *c, const struct insn *i, uint32_t *moved)
{
    enum emul_result r = EMUL_DONE;

    *moved = 0;
    if (is_port_op(i))
        r = move_run(c, i, moved);
    else if (i->code.op == OP_MOVS && i->rep != 0)
        r = copy_run(c, i, moved);
    if (r != EMUL_DONE || *moved != 0)
        return r;
    *moved = 1;
    return iterate(c, i);
}

/* *again: the instruction is not finished, RIP stays on it. */
enum emul_result emul_string(struct emul_context *c, const struct insn *i, bool *again)
{
    uint32_t moved;

    *again = false;
    if (i->rep == 0)
        return advance(c, i, &moved);
    for (int n = 0; n < MAX_ITERATIONS; n++) {
        uint64_t count = index_reg(c, i, GPR_RCX);
        enum emul_result r;

        if (count == 0)
            return EMUL_DONE;
        r = advance(c, i, &moved);
        if (r != EMUL_DONE)
            return r;
        emul_set_reg(c, i, GPR_RCX, i->addr_bytes, count - moved);
        if (condition_ends(c, i))
            return EMUL_DONE;
    }
    *again = index_reg(c, i, GPR_RCX) != 0;
    return EMUL_DONE;
}
