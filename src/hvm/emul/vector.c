/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moves of SSE and AVX registers to and from memory. The CPU has checked already what it checks before the access (whether
 * the unit is on, alignment): these instructions are here because their memory is a device's.
 */
#include "internal.h"

#include <lib/string.h>

enum { P_NONE = 1, P_66 = 2, P_F3 = 4, P_F2 = 8 };
enum { STORE = 1, HIGH = 2, KEEP = 4 };
#define OPERAND 0xffU

struct vector_row { uint8_t map, opcode, prefixes, bytes, flags; };
static const struct vector_row rows[] = {
#define VECTOR(map, opcode, prefixes, bytes, flags) { (map), (opcode), (prefixes), (bytes), (flags) },
#include "vector.def"
#undef VECTOR
};

static unsigned int prefix_of(const struct insn *i)
{
    if (i->rep != 0)
        return i->rep == 0xf3 ? P_F3 : P_F2;
    return i->op_prefix ? P_66 : P_NONE;
}

static const struct vector_row *find(const struct insn *i)
{
    for (size_t n = 0; n < ARRAY_COUNT(rows); n++)
        if (rows[n].map == i->map && rows[n].opcode == i->opcode && (rows[n].prefixes & prefix_of(i)) != 0)
            return &rows[n];
    return NULL;
}

bool emul_is_vector(const struct insn *i)
{
    return find(i) != NULL;
}

static unsigned int bytes_of(const struct insn *i, const struct vector_row *row)
{
    if (row->bytes == OPERAND)
        return (i->rex & 8U) != 0 ? 8 : 4;
    return row->bytes != 0 ? row->bytes : i->vex256 ? 32U : 16U;
}

/* With VEX what a load keeps is another register's, and everything above the low 16 bytes is cleared. */
static enum emul_result load(struct emul_context *c, const struct insn *i, const struct vector_row *row)
{
    unsigned int bytes = bytes_of(i, row), at = (row->flags & HIGH) != 0 ? 8 : 0;
    uint8_t reg[EMUL_VECTOR_BYTES] = { 0 }, from[EMUL_VECTOR_BYTES];
    enum emul_result r;

    if ((row->flags & KEEP) != 0)
        c->ops->vector_get(c->ops_ctx, i->vex ? i->vex_reg : i->reg, reg);
    memset(reg + 16, 0, sizeof(reg) - 16);
    r = emul_load(c, i->seg, i->ea, from, bytes);
    if (r != EMUL_DONE)
        return r;
    memcpy(reg + at, from, bytes);
    c->ops->vector_set(c->ops_ctx, i->reg, reg, i->vex ? EMUL_VECTOR_BYTES : 16U);
    return EMUL_DONE;
}

enum emul_result emul_vector(struct emul_context *c, const struct insn *i)
{
    const struct vector_row *row = find(i);
    uint8_t reg[EMUL_VECTOR_BYTES];

    if (row == NULL || !i->mem || c->ops->vector_get == NULL)
        return EMUL_UNHANDLED;
    if ((row->flags & STORE) == 0)
        return load(c, i, row);
    c->ops->vector_get(c->ops_ctx, i->reg, reg);
    return emul_store(c, i->seg, i->ea, reg + ((row->flags & HIGH) != 0 ? 8 : 0), bytes_of(i, row));
}
