/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/system_insn.h>

#include <hv/compiler.h>

#define REX_B 0x1U
#define MAX_LENGTH 15U

static bool is_prefix(uint8_t b)
{
    switch (b) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:     /* segments */
    case 0x66: case 0x67:                                                 /* sizes */
    case 0xf0: case 0xf2: case 0xf3: return true;
    default: return false;
    }
}

/* 0F 01: by the whole ModRM byte; with a register form /4 and /6. */
static bool decode_group7(uint8_t modrm, uint8_t rex, struct system_insn *out)
{
    bool is_register = modrm >> 6 == 3;

    switch (modrm) {
    case 0xc1:      /* VMCALL */
    case 0xd1:      /* XSETBV */
    case 0xd9:      /* VMMCALL */
    case 0xf9:      /* RDTSCP */
    case 0xc8: case 0xc9: case 0xfa: case 0xfb: return true;     /* MONITOR, MWAIT, MONITORX, MWAITX */
    default: break;
    }
    out->gpr = (modrm & 7) | (rex & REX_B ? 8 : 0);
    switch ((modrm >> 3) & 7) {
    case 4: out->op = SYSTEM_SMSW; return is_register;
    case 6: out->op = SYSTEM_LMSW; return is_register;
    default: return false;
    }
}

static bool decode_two_bytes(const uint8_t *b, size_t left, uint8_t rex, struct system_insn *out)
{
    switch (b[0]) {
    case 0x06: out->op = SYSTEM_CLTS; break;
    case 0x08: case 0x09:                              /* INVD, WBINVD */
    case 0x30: case 0x31: case 0x32: case 0x33:        /* WRMSR, RDTSC, RDMSR, RDPMC */
    case 0xa2: break;                                  /* CPUID */
    case 0x01:
        out->length++;
        return left > 1 && decode_group7(b[1], rex, out);
    case 0x20: case 0x21: case 0x22: case 0x23:
        if (left < 2)
            return false;
        out->length++;
        out->op = b[0] & 2 ? SYSTEM_MOV_TO : SYSTEM_MOV_FROM;
        out->gpr = (b[1] & 7) | (rex & REX_B ? 8 : 0);
        break;
    default: return false;
    }
    return true;
}

bool system_insn_decode(const uint8_t *bytes, size_t count, bool code64, struct system_insn *out)
{
    size_t i = 0, end = min_of(count, (size_t)MAX_LENGTH);
    uint8_t rex = 0;

    *out = (struct system_insn){ 0 };
    while (i < end && is_prefix(bytes[i]))
        i++;
    if (code64 && i < end && (bytes[i] & 0xf0) == 0x40)
        rex = bytes[i++];
    if (i >= end)
        return false;
    out->length = (uint8_t)(i + 1);
    switch (bytes[i]) {
    case 0xf4:                         /* HLT */
    case 0x90: return true;            /* PAUSE, with F3 */
    case 0x0f:
        if (i + 1 >= end)
            return false;
        out->length++;
        return decode_two_bytes(bytes + i + 1, end - i - 1, rex, out);
    default: return false;
    }
}
