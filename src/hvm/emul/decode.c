/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes to struct insn: prefixes, opcode by table, ModRM and SIB, displacement, immediate. Reads
 * registers only to form the effective address. */
#include "internal.h"

static const struct opcode opcodes[2][256] = {
#define INSN(map, opcode, op, form, flags) [map][opcode] = { (op), (form), (flags) },
#define GROUP(opcode, digit, op, form, flags)
#include "opcodes.def"
#undef INSN
#undef GROUP
};
struct group_row {
    uint16_t opcode;
    uint8_t digit;
    struct opcode code;
};
static const struct group_row groups[] = {
#define INSN(map, opcode, op, form, flags)
#define GROUP(opcode, digit, op, form, flags) { (opcode), (digit), { (op), (form), (flags) } },
#include "opcodes.def"
#undef INSN
#undef GROUP
};

static bool next_byte(const struct emul_context *c, struct insn *i, uint8_t *byte)
{
    if (i->pos >= c->insn_len || i->pos >= sizeof(c->insn))
        return false;
    *byte = c->insn[i->pos++];
    return true;
}

/* Little-endian, sign-extended. */
static bool next_value(const struct emul_context *c, struct insn *i, unsigned int size,
                       uint64_t *value)
{
    uint64_t v = 0;

    for (unsigned int n = 0; n < size; n++) {
        uint8_t byte;

        if (!next_byte(c, i, &byte))
            return false;
        v |= (uint64_t)byte << (8 * n);
    }
    *value = size == 0 ? 0 : sign_extend(v, size);
    return true;
}

static bool take_prefix(struct insn *i, uint8_t byte)
{
    static const uint8_t segs[][2] = { { 0x26, SEG_ES }, { 0x2e, SEG_CS }, { 0x36, SEG_SS },
                                       { 0x3e, SEG_DS }, { 0x64, SEG_FS }, { 0x65, SEG_GS } };

    for (size_t n = 0; n < ARRAY_COUNT(segs); n++)
        if (byte == segs[n][0]) {
            i->seg = segs[n][1];
            i->seg_given = true;
            return true;
        }
    switch (byte) {
    case 0x66:
        i->op_prefix = true;
        return true;
    case 0x67:
        i->addr_prefix = true;
        return true;
    case 0xf0:
        i->lock = true;
        return true;
    case 0xf2:
    case 0xf3:
        i->rep = byte;
        return true;
    default:
        return false;
    }
}

static void choose_sizes(const struct emul_context *c, struct insn *i)
{
    if (c->mode.code64) {
        i->op_bytes = (i->rex & 8U) != 0 ? 8 : i->op_prefix ? 2 : 4;
        i->addr_bytes = i->addr_prefix ? 4 : 8;
        /* Only FS and GS have bases here; other overrides are ignored. */
        if (i->seg_given && i->seg != SEG_FS && i->seg != SEG_GS)
            i->seg_given = false;
    } else {
        i->op_bytes = c->mode.code32 != i->op_prefix ? 4 : 2;
        i->addr_bytes = c->mode.code32 != i->addr_prefix ? 4 : 2;
    }
}

/* C4 and C5 begin a VEX prefix in 64-bit mode, and where LES and LDS would have no memory operand. */
static bool is_vex(const struct emul_context *c, const struct insn *i, uint8_t byte)
{
    if ((byte != 0xc4 && byte != 0xc5) || i->pos >= c->insn_len || i->pos >= sizeof(c->insn))
        return false;
    return c->mode.code64 || c->insn[i->pos] >= 0xc0;
}

/* The last byte of the prefix: W (of C4) or R (of C5), the other source inverted, length, implied prefix. */
static void take_vex_end(struct insn *i, uint8_t byte)
{
    static const uint8_t reps[4] = { 0, 0, 0xf3, 0xf2 };

    i->vex = true;
    i->vex_reg = (uint8_t)(~(unsigned int)byte >> 3) & 15U;
    i->vex256 = (byte & 4U) != 0;
    i->op_prefix = (byte & 3U) == 1;
    i->rep = reps[byte & 3U];
}

static bool decode_vex(const struct emul_context *c, struct insn *i, bool three, uint8_t *opcode)
{
    uint8_t first, last;

    if (!next_byte(c, i, &first))
        return false;
    last = first;
    i->map = 1;
    i->rex = (uint8_t)(0x40U | ((~(unsigned int)first >> 5) & 4U));
    if (three) {
        if (!next_byte(c, i, &last))
            return false;
        i->map = first & 31U;
        i->rex = (uint8_t)(0x40U | ((~(unsigned int)first >> 5) & 7U) | ((unsigned int)last >> 4 & 8U));
    }
    take_vex_end(i, last);
    return next_byte(c, i, opcode);
}

/* 0F, 0F 38 */
static bool decode_escape(const struct emul_context *c, struct insn *i, uint8_t *opcode)
{
    i->map = 1;
    if (!next_byte(c, i, opcode))
        return false;
    if (*opcode != 0x38)
        return true;
    i->map = 2;
    return next_byte(c, i, opcode);
}

/* Prefixes and opcode. A REX that is not the last prefix counts for nothing. */
static bool decode_opcode(const struct emul_context *c, struct insn *i)
{
    uint8_t byte;

    for (;;) {
        if (!next_byte(c, i, &byte))
            return false;
        if (take_prefix(i, byte))
            i->rex = 0;
        else if (c->mode.code64 && (byte & 0xf0U) == 0x40)
            i->rex = byte;
        else
            break;
    }
    if (is_vex(c, i, byte)) {
        if (!decode_vex(c, i, byte == 0xc4, &byte))
            return false;
    } else if (byte == 0x0f && !decode_escape(c, i, &byte)) {
        return false;
    }
    i->opcode = byte;
    if (i->map < ARRAY_COUNT(opcodes) && !i->vex)
        i->code = opcodes[i->map][byte];
    if (i->code.op == OP_NONE && i->map != 0 && emul_is_vector(i))
        i->code = (struct opcode){ OP_VECTOR, FORM_VECTOR, MEMORY };
    choose_sizes(c, i);
    return true;
}

static uint64_t address_reg(const struct emul_context *c, const struct insn *i, unsigned int n)
{
    return emul_get_reg(c, i, n, i->addr_bytes == 2 ? 2 : 8);
}

static bool decode_ea16(const struct emul_context *c, struct insn *i)
{
    static const uint8_t bases[8][2] = { { GPR_RBX, GPR_RSI }, { GPR_RBX, GPR_RDI },
                                         { GPR_RBP, GPR_RSI }, { GPR_RBP, GPR_RDI },
                                         { GPR_RSI, 0xff },    { GPR_RDI, 0xff },
                                         { GPR_RBP, 0xff },    { GPR_RBX, 0xff } };
    bool direct = i->mod == 0 && i->rm == 6;
    unsigned int disp_size = direct || i->mod == 2 ? 2 : i->mod;
    uint64_t disp;

    if (!next_value(c, i, disp_size, &disp))
        return false;
    i->ea = disp;
    if (!direct) {
        i->ea += address_reg(c, i, bases[i->rm][0]);
        if (bases[i->rm][1] != 0xff)
            i->ea += address_reg(c, i, bases[i->rm][1]);
    }
    i->ea &= 0xffffU;
    if (!i->seg_given && !direct && (i->rm == 2 || i->rm == 3 || i->rm == 6))
        i->seg = SEG_SS;
    return true;
}

/* A POP to [RSP...] uses RSP after the pop. */
static uint64_t base_reg(const struct emul_context *c, const struct insn *i, unsigned int n)
{
    uint64_t v = address_reg(c, i, n);

    if (n == GPR_RSP && i->map == 0 && i->opcode == 0x8f)
        v += c->mode.code64 && i->op_bytes == 4 ? 8 : i->op_bytes;
    return v;
}

static bool decode_ea(const struct emul_context *c, struct insn *i)
{
    unsigned int disp_size = i->mod == 1 ? 1 : i->mod == 2 ? 4 : 0, base = i->rm;
    uint64_t disp, index_part = 0;

    if (i->rm == 4) {
        uint8_t sib;
        unsigned int index;

        if (!next_byte(c, i, &sib))
            return false;
        index = (sib >> 3 & 7U) | (i->rex & 2U) << 2;
        base = sib & 7U;
        if (index != 4)
            index_part = address_reg(c, i, index) << (sib >> 6);
    }
    if (i->mod == 0 && base == 5) {
        disp_size = 4;
        i->rip_relative = i->rm == 5 && c->mode.code64;
        base = 0xff;
    } else {
        if (!i->seg_given && (i->rex & 1U) == 0 && (base == GPR_RSP || base == GPR_RBP))
            i->seg = SEG_SS;
        base |= (i->rex & 1U) << 3;
    }
    if (!next_value(c, i, disp_size, &disp))
        return false;
    i->ea = disp + index_part + (base == 0xff ? 0 : base_reg(c, i, base));
    return true;
}

static bool decode_modrm(const struct emul_context *c, struct insn *i)
{
    uint8_t modrm;

    if (!next_byte(c, i, &modrm))
        return false;
    i->mod = modrm >> 6;
    i->reg = (modrm >> 3) & 7U;
    i->rm = modrm & 7U;
    i->mem = i->mod != 3;
    if (!i->mem) {
        i->rm |= (uint8_t)((i->rex & 1U) << 3);
        return true;
    }
    return i->addr_bytes == 2 ? decode_ea16(c, i) : decode_ea(c, i);
}

/* The /digit of a group chooses operation and flags, and the form unless that is the group's own. */
static void resolve_group(struct insn *i)
{
    unsigned int key = i->opcode | (i->map != 0 ? 0x100U : 0);

    if (key == 0x80 || key == 0x81)
        key = 0x83;
    else if (key == 0xc6 || key == 0xf6 || key == 0xfe)
        key++;
    for (size_t n = 0; n < ARRAY_COUNT(groups); n++) {
        const struct group_row *g = &groups[n];

        if (g->opcode != key || g->digit != i->reg)
            continue;
        if (i->opcode == 0xfe && g->code.op == OP_PUSH)
            break;
        i->code.op = g->code.op;
        i->code.flags |= g->code.flags;
        if (g->code.form != FORM_SAME)
            i->code.form = g->code.form;
        return;
    }
    i->code.op = OP_NONE;
}

static bool form_has_modrm(uint8_t form)
{
    return form != FORM_AI && form != FORM_AO && form != FORM_OA && form != FORM_STRING;
}

static unsigned int imm_size(const struct insn *i)
{
    switch ((enum form)i->code.form) {
    case FORM_AI:
    case FORM_EI:
        return (i->code.flags & BYTE) != 0 ? 1U : min_of((unsigned int)i->op_bytes, 4U);
    case FORM_EI8:
        return 1;
    case FORM_AO:
    case FORM_OA:
        return i->addr_bytes;
    case FORM_NONE:
    case FORM_SAME:
    case FORM_EG:
    case FORM_GE:
    case FORM_E:
    case FORM_G_E8:
    case FORM_G_E16:
    case FORM_G_E32:
    case FORM_STRING:
    case FORM_VECTOR:
        break;
    }
    return 0;
}

static void finish(const struct emul_context *c, struct insn *i)
{
    if ((i->code.flags & WIDE64) != 0 && c->mode.code64 && i->op_bytes == 4)
        i->op_bytes = 8;
    i->size = (i->code.flags & BYTE) != 0 ? 1 : i->op_bytes;
    i->src_size = i->code.form == FORM_G_E8 ? 1 : i->code.form == FORM_G_E16 ? 2 : i->size;
    if (i->code.form == FORM_G_E32)
        i->src_size = i->op_bytes == 2 ? 2 : 4;
    if (i->code.form == FORM_AO || i->code.form == FORM_OA) {
        i->mem = true;
        i->ea = i->imm;
    }
    if (i->rip_relative)
        i->ea += c->rip + i->pos;
    i->ea &= size_mask(i->addr_bytes);
    if (form_has_modrm(i->code.form) && i->code.op != OP_GROUP)
        i->reg |= (uint8_t)((i->rex & 4U) << 1);
}

enum emul_result emul_decode(const struct emul_context *c, struct insn *i, bool *undefined)
{
    *i = (struct insn){ .seg = SEG_DS };
    *undefined = false;
    if (!decode_opcode(c, i))
        return EMUL_FETCH_FAILED;
    if (!i->seg_given)
        i->seg = SEG_DS;
    if (i->code.op == OP_NONE || ((i->code.flags & ONLY64) != 0 && !c->mode.code64))
        return EMUL_UNHANDLED;
    if (form_has_modrm(i->code.form) && !decode_modrm(c, i))
        return EMUL_FETCH_FAILED;
    if (i->code.op == OP_GROUP)
        resolve_group(i);
    if (i->code.op == OP_NONE)
        return EMUL_UNHANDLED;
    if (!next_value(c, i, imm_size(i), &i->imm))
        return EMUL_FETCH_FAILED;
    finish(c, i);
    if (((i->code.flags & MEMORY) != 0 && !i->mem) ||
        ((i->code.flags & PLAIN) != 0 && (i->op_prefix || i->rep != 0)) ||
        (i->lock && ((i->code.flags & LOCKED) == 0 || !i->mem)))
        *undefined = true;
    return EMUL_DONE;
}
