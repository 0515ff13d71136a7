/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Differential test of the emulator: random instructions out of its own table are emulated over a copy of an arena, and,
 * if the emulator says that they stay in the arena, run by the host's CPU on the arena itself. Registers, arithmetic flags
 * and memory must come out the same. The seed is printed; SEED= and COUNT= in the environment override.
 */
#include <hvm/emul.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

_Static_assert(offsetof(struct guest_regs, cr2) == 128, "flags travel in the place after the registers");
void host_run(struct guest_regs *regs_and_flags, const void *code);
extern const char host_run_return[];

#define ARENA 0x1000U
#define FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint8_t *arena, *code;
static uint8_t shadow[ARENA], before[ARENA];
static struct emul_context ctx;
static struct guest_regs emulated, real;
static bool crosses_line;
static sigjmp_buf escape;

static uint64_t seed;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dULL;
}
static uint64_t below(uint64_t n) { return (rnd() >> 16) % n; }

static enum emul_result locate(gva_t va, unsigned int size, uint8_t **at)
{
    uint64_t offset = va.v - (uint64_t)(uintptr_t)arena;

    if (offset > ARENA - size)
        return EMUL_UNHANDLED;
    if ((va.v & 63U) + size > 64)
        crosses_line = true;
    *at = shadow + offset;
    return EMUL_DONE;
}
static enum emul_result shadow_read(void *c, gva_t va, void *to, unsigned int size)
{
    uint8_t *at;

    (void)c;
    if (locate(va, size, &at) != EMUL_DONE)
        return EMUL_UNHANDLED;
    memcpy(to, at, size);
    return EMUL_DONE;
}
static enum emul_result shadow_write(void *c, gva_t va, const void *from, unsigned int size)
{
    uint8_t *at;

    (void)c;
    if (locate(va, size, &at) != EMUL_DONE)
        return EMUL_UNHANDLED;
    memcpy(at, from, size);
    return EMUL_DONE;
}
static enum emul_result shadow_exchange(void *c, gva_t va, const void *expected, const void *value, unsigned int size, bool *stored)
{
    uint8_t *at;

    (void)c;
    if (locate(va, size, &at) != EMUL_DONE)
        return EMUL_UNHANDLED;
    *stored = memcmp(at, expected, size) == 0;
    if (*stored)
        memcpy(at, value, size);
    return EMUL_DONE;
}
static const struct emul_ops ops = { .read = shadow_read, .write = shadow_write, .compare_exchange = shadow_exchange };

/* The opcodes of the emulator's table; operations become kinds, which is what the generator cares for. */
enum { OP_GROUP = 1, OP_STRINGY = 2, OP_BITTY = 4, OP_LOGIC = 8, OP_CX = 16,
       OP_ADD = 0, OP_OR = OP_LOGIC, OP_ADC = 0, OP_SBB = 0, OP_AND = OP_LOGIC, OP_SUB = 0, OP_XOR = OP_LOGIC, OP_CMP = 0,
       OP_TEST = OP_LOGIC, OP_MOV = 0, OP_MOVZX = 0, OP_MOVSX = 0, OP_XCHG = 0, OP_XADD = 0, OP_CMPXCHG = OP_CX,
       OP_BT = OP_BITTY, OP_BTS = OP_BITTY, OP_BTR = OP_BITTY, OP_BTC = OP_BITTY, OP_MOVS = OP_STRINGY, OP_CMPS = OP_STRINGY,
       OP_STOS = OP_STRINGY, OP_LODS = OP_STRINGY, OP_SCAS = OP_STRINGY, OP_INS = 64, OP_OUTS = 64 };
static const struct { uint8_t map, opcode, kind; } table[] = {
#define INSN(map, opcode, op, form, flags) { (map), (opcode), (op) },
#define GROUP(opcode, digit, op, form, flags)
#include "../../../src/hvm/emul/opcodes.def"
#undef INSN
#undef GROUP
};
#define TABLE (sizeof(table) / sizeof(table[0]))

static uint64_t random_value(void)
{
    switch (below(8)) {
    case 0: return rnd();
    case 1: return below(16);
    case 2: return 0 - below(16);
    case 3: return 1ULL << below(64);
    default: return (uint64_t)(uintptr_t)arena + ARENA / 4 + below(ARENA / 2);
    }
}

/* Bytes of one instruction; returns its kind. */
static unsigned int make_instruction(uint8_t *to, unsigned int *length)
{
    size_t n = below(TABLE);
    unsigned int p = 0, kind = table[n].kind;

    if (below(3) == 0)
        to[p++] = 0x66;
    if (below(8) == 0)
        to[p++] = 0x67;
    if (below(8) == 0 && kind != OP_STRINGY)
        to[p++] = 0xf0;
    if (kind == OP_STRINGY && below(2) == 0)
        to[p++] = below(2) == 0 ? 0xf2 : 0xf3;
    if (below(2) == 0)
        to[p++] = (uint8_t)(0x40 | below(16));
    if (table[n].map == 1)
        to[p++] = 0x0f;
    to[p++] = table[n].opcode;
    to[p++] = (uint8_t)rnd();                                     /* ModRM */
    to[p++] = (uint8_t)rnd();
    while (p < 15) {                                              /* small displacements and immediates, mostly */
        to[p] = below(4) == 0 ? (uint8_t)rnd() : (uint8_t)(below(2) == 0 ? 0 : 0xff);
        if (p > 9 && below(2) == 0)
            to[p] = 0;
        p++;
    }
    if ((table[n].opcode & 0xfcU) == 0xa0 && table[n].map == 0) { /* an address that may lie in the arena */
        uint64_t at = (uint64_t)(uintptr_t)arena + below(ARENA);

        for (unsigned int i = 0; i < 15; i++)
            if (to[i] == table[n].opcode) {
                memcpy(to + i + 1, &at, min_of(8U, 15 - i - 1));
                break;
            }
    }
    *length = 15;
    return kind;
}

/* Flags that the SDM leaves undefined for this instruction. */
static uint64_t undefined_flags(const uint8_t *bytes, unsigned int length, unsigned int kind)
{
    unsigned int at = 0;

    if (kind == OP_BITTY)
        return RFLAGS_PF | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF;
    if (kind == OP_LOGIC)
        return RFLAGS_AF;
    if (kind != OP_GROUP)
        return 0;
    while (at < length && (bytes[at] == 0x66 || bytes[at] == 0x67 || bytes[at] == 0xf0 || (bytes[at] & 0xf0) == 0x40))
        at++;
    if (bytes[at] == 0x0f)
        return bytes[at + 1] == 0xba ? RFLAGS_PF | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF : 0;
    return RFLAGS_AF;                                             /* of the groups, logical operations and TEST */
}

static void on_fault(int sig)
{
    siglongjmp(escape, sig);
}

static void place_code(const uint8_t *bytes, unsigned int length)
{
    uint64_t back = (uint64_t)(uintptr_t)host_run_return;

    memcpy(code, bytes, length);
    memcpy(code + length, "\xff\x25\x00\x00\x00\x00", 6);         /* jmp *0(%rip) */
    memcpy(code + length + 6, &back, 8);
}

static void explain(const uint8_t *bytes, unsigned int length, const struct guest_regs *start, uint64_t flags)
{
    static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

    fprintf(stderr, "instruction:");
    for (unsigned int i = 0; i < length; i++)
        fprintf(stderr, " %02x", bytes[i]);
    fprintf(stderr, "\narena %p, flags before %llx, emulated %llx, real %llx\n", (void *)arena, (unsigned long long)flags,
            (unsigned long long)ctx.rflags, (unsigned long long)real.cr2);
    for (int r = 0; r < 16; r++)
        if (emulated.gpr[r] != real.gpr[r])
            fprintf(stderr, "%s: before %llx, emulated %llx, real %llx\n", names[r], (unsigned long long)start->gpr[r],
                    (unsigned long long)emulated.gpr[r], (unsigned long long)real.gpr[r]);
    for (unsigned int i = 0; i < ARENA; i++)
        if (arena[i] != shadow[i])
            fprintf(stderr, "memory %x: before %02x, emulated %02x, real %02x\n", i, before[i], shadow[i], arena[i]);
}

static void random_state(struct guest_regs *regs, unsigned int kind, uint64_t *flags)
{
    for (int r = 0; r < 16; r++)
        regs->gpr[r] = random_value();
    if (kind == OP_STRINGY) {
        regs->rcx = below(20);
        regs->rsi = (uint64_t)(uintptr_t)arena + ARENA / 4 + below(ARENA / 2);
        regs->rdi = (uint64_t)(uintptr_t)arena + ARENA / 4 + below(ARENA / 2);
    }
    regs->rsp = (uint64_t)(uintptr_t)arena + ARENA / 4 + below(ARENA / 2);
    *flags = (rnd() & FLAGS) | 0x202 | (kind == OP_STRINGY && below(2) == 0 ? RFLAGS_DF : 0);
    for (unsigned int i = 0; i < ARENA; i += 8) {
        uint64_t v = below(8) == 0 ? 0 : rnd();

        memcpy(before + i, &v, 8);
    }
}

/* 1: compared, 0: not comparable, -1: different. */
static int try_one(void)
{
    uint8_t bytes[15];
    unsigned int length, kind = make_instruction(bytes, &length);
    struct guest_regs start = { 0 };
    uint64_t flags, ignore;

    random_state(&start, kind, &flags);
    memcpy(shadow, before, ARENA);
    emulated = start;
    ctx = (struct emul_context){ .regs = &emulated, .rip = (uint64_t)(uintptr_t)code, .rflags = flags, .rsp = start.rsp,
                                 .ops = &ops, .insn_len = length };
    ctx.mode = (struct guest_mode){ .cr0 = CR0_PE | CR0_PG, .long_mode = true, .code64 = true };
    memcpy(ctx.insn, bytes, length);
    crosses_line = false;
    if (emul_run(&ctx) != EMUL_DONE || crosses_line)
        return 0;                                                 /* locked accesses across lines are slow, some forbidden */
    emulated.rsp = ctx.rsp;
    length = ctx.insn_len;
    ignore = undefined_flags(bytes, length, kind);
    memcpy(arena, before, ARENA);
    place_code(bytes, length);
    real = start;
    real.cr2 = flags;
    if (sigsetjmp(escape, 1) != 0) {
        explain(bytes, length, &start, flags);
        fprintf(stderr, "the CPU faults\n");
        return -1;
    }
    host_run(&real, code);
    if (memcmp(real.gpr, emulated.gpr, sizeof(real.gpr)) == 0 && memcmp(arena, shadow, ARENA) == 0 &&
        ((real.cr2 ^ ctx.rflags) & FLAGS & ~ignore) == 0 && ctx.rip == (uint64_t)(uintptr_t)code + length)
        return 1;
    explain(bytes, length, &start, flags);
    return -1;
}

static void emulated_and_real_instructions_agree(void **state)
{
    const char *s = getenv("SEED"), *n = getenv("COUNT");
    unsigned long count = n != NULL ? strtoul(n, NULL, 0) : 200000, compared = 0;
    static char stack[65536];
    stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER };

    (void)state;
    seed = s != NULL ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) * 2654435761U + 1;
    printf("SEED=%llu\n", (unsigned long long)seed);
    arena = mmap(NULL, ARENA + 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    assert_ptr_not_equal(arena, MAP_FAILED);
    code = arena + ARENA;
    sigaltstack(&alt, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    for (unsigned long i = 0; i < count; i++) {
        int r = try_one();

        assert_int_not_equal(r, -1);
        compared += (unsigned long)r;
    }
    printf("%lu of %lu instructions compared\n", compared, count);
    assert_true(compared > count / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(emulated_and_real_instructions_agree) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
