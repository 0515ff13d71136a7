/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers by number and width, and memory through segments: limits, rights and canonical form are
 * checked here, paging by the port. */
#include "internal.h"

#include <lib/string.h>

#define TYPE_CODE 8U
#define TYPE_EXPAND_DOWN 4U
#define TYPE_WRITABLE 2U /* of data; readable of code */

enum emul_result emul_fault(struct emul_context *c, uint8_t vector, bool has_error, uint32_t error)
{
    c->fault_vector = vector;
    c->fault_has_error = has_error;
    c->fault_error = error;
    return EMUL_FAULT;
}

static bool is_high_byte(const struct insn *i, unsigned int n, unsigned int size)
{
    return size == 1 && i->rex == 0 && n >= 4 && n < 8;
}

uint64_t emul_get_reg(const struct emul_context *c, const struct insn *i, unsigned int n,
                      unsigned int size)
{
    if (is_high_byte(i, n, size))
        return (c->regs->gpr[n - 4] >> 8) & 0xffU;
    return (n == GPR_RSP ? c->rsp : c->regs->gpr[n & 15U]) & size_mask(size);
}

void emul_set_reg(struct emul_context *c, const struct insn *i, unsigned int n, unsigned int size,
                  uint64_t value)
{
    uint64_t *reg = n == GPR_RSP ? &c->rsp : &c->regs->gpr[n & 15U];
    uint64_t mask = size_mask(size);

    if (is_high_byte(i, n, size)) {
        reg = &c->regs->gpr[n - 4];
        *reg = (*reg & ~0xff00ULL) | (value & 0xffU) << 8;
    } else if (size == 4) {
        *reg = value & mask;
    } else {
        *reg = (*reg & ~mask) | (value & mask);
    }
}

static bool is_canonical(const struct emul_context *c, uint64_t va)
{
    unsigned int shift = (c->mode.cr4 & CR4_LA57) != 0 ? 7 : 16;

    return (uint64_t)((int64_t)(va << shift) >> shift) == va;
}

static bool type_allows(const struct emul_context *c, const struct guest_seg *s, bool write)
{
    bool code = (s->attr & TYPE_CODE) != 0, bit1 = (s->attr & TYPE_WRITABLE) != 0;

    if ((c->mode.cr0 & CR0_PE) == 0 || (c->mode.rflags & RFLAGS_VM) != 0)
        return true;
    if (write)
        return !code && bit1;
    return !code || bit1;
}

static bool limit_allows(const struct guest_seg *s, uint64_t offset, unsigned int size)
{
    uint64_t last = offset + size - 1,
             top = (s->attr & SEG_ATTR_DB) != 0 ? 0xffffffffULL : 0xffffULL;

    if ((s->attr & (TYPE_CODE | TYPE_EXPAND_DOWN)) == TYPE_EXPAND_DOWN)
        return offset > s->limit && last <= top;
    return last <= s->limit;
}

enum emul_result emul_linear(struct emul_context *c, unsigned int seg, uint64_t offset, unsigned int size, bool write,
                             gva_t *va)
{
    const struct guest_seg *s = &c->seg[seg];
    bool ok;

    if (c->mode.code64) {
        *va = gva_of(offset + (seg == SEG_FS || seg == SEG_GS ? s->base : 0));
        ok = is_canonical(c, va->v) && is_canonical(c, va->v + size - 1);
    } else {
        *va = gva_of((s->base + offset) & 0xffffffffULL);
        ok = (s->attr & SEG_ATTR_UNUSABLE) == 0 && type_allows(c, s, write) &&
             limit_allows(s, offset, size);
    }
    return ok ? EMUL_DONE : emul_fault(c, seg == SEG_SS ? X86_SS : X86_GP, true, 0);
}

enum emul_result emul_load(struct emul_context *c, unsigned int seg, uint64_t offset, void *to,
                           unsigned int size)
{
    gva_t va;
    enum emul_result r = emul_linear(c, seg, offset, size, false, &va);

    return r == EMUL_DONE ? c->ops->read(c->ops_ctx, va, to, size) : r;
}

enum emul_result emul_store(struct emul_context *c, unsigned int seg, uint64_t offset,
                            const void *from, unsigned int size)
{
    gva_t va;
    enum emul_result r = emul_linear(c, seg, offset, size, true, &va);

    return r == EMUL_DONE ? c->ops->write(c->ops_ctx, va, from, size) : r;
}

enum emul_result emul_exchange(struct emul_context *c, unsigned int seg, uint64_t offset,
                               const void *expected, const void *new_value, unsigned int size,
                               bool *stored)
{
    gva_t va;
    enum emul_result r = emul_linear(c, seg, offset, size, true, &va);

    *stored = true;
    if (r != EMUL_DONE)
        return r;
    if (c->ops->compare_exchange == NULL)
        return c->ops->write(c->ops_ctx, va, new_value, size);
    return c->ops->compare_exchange(c->ops_ctx, va, expected, new_value, size, stored);
}
