/* SPDX-License-Identifier: BSD-2-Clause */
/* Known encodings in all modes, faults and waiting. Arithmetic is compared with a real CPU in tests/model/hvm. */
#include <hvm/emul.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define RAM 0x3000U
#define CODE_ATTR 0x9bU
#define DATA_ATTR 0x93U

struct world { uint8_t ram[RAM]; struct guest_regs regs; struct emul_context c; unsigned int budget; bool bounded;
               unsigned int exchanges_to_fail; uint16_t port; uint64_t port_value;
               uint8_t vector[16][EMUL_VECTOR_BYTES]; };
static struct world w;

static enum emul_result ram_access(void *ctx, gva_t va, void *data, unsigned int size, bool write)
{
    struct emul_context *c = ctx;

    if (w.bounded && w.budget-- == 0)
        return EMUL_RETRY;
    if (va.v > RAM - size) {
        c->fault_vector = X86_PF;
        c->fault_cr2 = va.v;
        return EMUL_FAULT;
    }
    if (write)
        memcpy(w.ram + va.v, data, size);
    else
        memcpy(data, w.ram + va.v, size);
    return EMUL_DONE;
}
static enum emul_result ram_read(void *ctx, gva_t va, void *to, unsigned int size) { return ram_access(ctx, va, to, size, false); }
static enum emul_result ram_write(void *ctx, gva_t va, const void *from, unsigned int size)
{
    uint8_t copy[EMUL_VECTOR_BYTES];

    memcpy(copy, from, size);
    return ram_access(ctx, va, copy, size, true);
}
static enum emul_result ram_exchange(void *ctx, gva_t va, const void *expected, const void *value, unsigned int size, bool *stored)
{
    *stored = false;
    if (w.exchanges_to_fail > 0) {
        w.exchanges_to_fail--;
        w.ram[va.v]++;
        return EMUL_DONE;
    }
    if (memcmp(w.ram + va.v, expected, size) != 0)
        return EMUL_DONE;
    *stored = true;
    return ram_write(ctx, va, value, size);
}
static enum emul_result ram_port(void *ctx, uint16_t port, bool write, uint64_t *value, unsigned int size)
{
    (void)ctx;
    (void)size;
    w.port = port;
    if (write)
        w.port_value = *value;
    else
        *value = w.port_value++;
    return EMUL_DONE;
}
static void ram_vector_get(void *ctx, unsigned int n, uint8_t to[EMUL_VECTOR_BYTES])
{
    (void)ctx;
    memcpy(to, w.vector[n], EMUL_VECTOR_BYTES);
}
static void ram_vector_set(void *ctx, unsigned int n, const uint8_t from[EMUL_VECTOR_BYTES], unsigned int bytes)
{
    (void)ctx;
    memcpy(w.vector[n], from, bytes);
}
static const struct emul_ops ops = { .read = ram_read, .write = ram_write, .compare_exchange = ram_exchange, .port = ram_port,
                                     .vector_get = ram_vector_get, .vector_set = ram_vector_set };

static void set_mode(int bits)
{
    w.c.mode = (struct guest_mode){ .cr0 = CR0_PE };
    w.c.mode.code32 = bits == 32;
    w.c.mode.code64 = w.c.mode.long_mode = bits == 64;
    for (int s = 0; s < SEG_COUNT; s++)
        w.c.seg[s] = (struct guest_seg){ .limit = bits == 16 ? 0xffff : 0xffffffff,
                                         .attr = DATA_ATTR | (bits == 32 ? SEG_ATTR_DB : 0) };
    w.c.seg[SEG_CS].attr = CODE_ATTR | (bits == 32 ? SEG_ATTR_DB : 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    for (unsigned int i = 0; i < RAM; i++)
        w.ram[i] = (uint8_t)(i * 7 + (i >> 8));
    w.c = (struct emul_context){ .regs = &w.regs, .ops = &ops, .ops_ctx = &w.c, .rip = 0x1000, .rflags = 2 };
    set_mode(64);
    return 0;
}

static enum emul_result run(const char *bytes, unsigned int length)
{
    memcpy(w.c.insn, bytes, length);
    w.c.insn_len = length;
    return emul_run(&w.c);
}
#define RUN(s) run(s, sizeof(s) - 1)
static uint32_t at32(unsigned int a) { uint32_t v; memcpy(&v, w.ram + a, 4); return v; }
static uint64_t at64(unsigned int a) { uint64_t v; memcpy(&v, w.ram + a, 8); return v; }

static void plain_moves_as_linux_uses_them_for_the_io_apic(void **state)
{
    (void)state;
    w.regs.rax = 0xffffffff80000123;
    w.regs.rdx = 0x200;
    assert_int_equal(RUN("\x89\x02"), EMUL_DONE);                          /* mov %eax,(%rdx) */
    assert_int_equal(at32(0x200), 0x80000123);
    assert_int_equal(w.c.rip, 0x1002);
    assert_int_equal(RUN("\x8b\x82\x10\x00\x00\x00"), EMUL_DONE);          /* mov 0x10(%rdx),%eax */
    assert_true(w.regs.rax == at32(0x210));
    assert_int_equal(w.c.rip, 0x1008);
    assert_int_equal(RUN("\xc7\x42\x04\x78\x56\x34\x12"), EMUL_DONE);      /* movl $0x12345678,4(%rdx) */
    assert_int_equal(at32(0x204), 0x12345678);
    assert_int_equal(RUN("\x44\x8b\x7c\x22\x04"), EMUL_DONE);              /* mov 4(%rdx),%r15d with SIB */
    assert_int_equal(w.regs.r15, 0x12345678);
}

static void moves_of_every_width(void **state)
{
    (void)state;
    w.regs.rbx = 0x300;
    w.regs.rcx = 0x1122334455667788;
    assert_int_equal(RUN("\x48\x89\x0b"), EMUL_DONE);
    assert_true(at64(0x300) == 0x1122334455667788);
    assert_int_equal(RUN("\x66\x8b\x03"), EMUL_DONE);
    assert_true(w.regs.rax == 0x7788);
    w.regs.rax = ~0ULL;
    assert_int_equal(RUN("\x8a\x63\x01"), EMUL_DONE);                      /* mov 1(%rbx),%ah */
    assert_true(w.regs.rax == 0xffffffffffff77ff);
    assert_int_equal(RUN("\x40\x8a\x63\x01"), EMUL_DONE);                  /* the same with REX: %spl */
    assert_int_equal(w.c.rsp, 0x77);
    assert_int_equal(RUN("\x0f\xb6\x4b\x07"), EMUL_DONE);                  /* movzbl 7(%rbx),%ecx */
    assert_int_equal(w.regs.rcx, 0x11);
    w.ram[0x300] = 0x80;
    assert_int_equal(RUN("\x48\x0f\xbe\x0b"), EMUL_DONE);                  /* movsbq */
    assert_true(w.regs.rcx == 0xffffffffffffff80);
    assert_int_equal(RUN("\x48\x63\x4b\xfd"), EMUL_DONE);                  /* movslq -3(%rbx),%rcx */
    assert_int_equal(RUN("\x48\x0f\xc3\x0b"), EMUL_DONE);                  /* movnti %rcx,(%rbx) */
    assert_true(at64(0x300) == w.regs.rcx);
    assert_int_equal(RUN("\xa1\x00\x03\x00\x00\x00\x00\x00\x00"), EMUL_DONE);   /* movabs */
    assert_true(w.regs.rax == at32(0x300));
    assert_int_equal(RUN("\x48\xc7\x03\xff\xff\xff\xff"), EMUL_DONE);      /* sign-extended immediate */
    assert_true(at64(0x300) == ~0ULL);
}

static void rip_relative_counts_from_the_next_instruction(void **state)
{
    (void)state;
    assert_int_equal(RUN("\xc7\x05\x00\x01\x00\x00\x01\x02\x03\x04"), EMUL_DONE);
    assert_int_equal(at32(0x1000 + 10 + 0x100), 0x04030201);
}

static void sixteen_bit_addresses_wrap_and_use_their_segments(void **state)
{
    (void)state;
    set_mode(16);
    w.c.seg[SEG_SS].base = 0x1000;
    w.regs.rbp = 0xfff0;
    w.regs.rsi = 0x0020;
    w.regs.rax = 0xabcd;
    assert_int_equal(RUN("\x89\x02"), EMUL_DONE);                          /* mov %ax,(%bp,%si) */
    assert_int_equal(at32(0x1010) & 0xffff, 0xabcd);
    assert_int_equal(RUN("\x3e\x89\x42\x04"), EMUL_DONE);                  /* %ds: */
    assert_int_equal(at32(0x14) & 0xffff, 0xabcd);
    assert_int_equal(RUN("\x66\x67\xa3\x00\x05\x00\x00"), EMUL_DONE);      /* 32-bit operand and address */
    assert_int_equal(at32(0x500), 0xabcd);
    assert_int_equal(RUN("\x8e\x02"), EMUL_UNHANDLED);                     /* a segment register: not ours */
    w.c.rip = 0xffff;
    assert_int_equal(RUN("\x89\x02"), EMUL_DONE);
    assert_int_equal(w.c.rip, 1);
}

static void thirty_two_bit_segments_are_checked(void **state)
{
    (void)state;
    set_mode(32);
    w.c.seg[SEG_DS].limit = 0x2ff;
    w.regs.rbx = 0x2fd;
    assert_int_equal(RUN("\x8b\x03"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_GP);
    w.regs.rbx = 0x2fc;
    assert_int_equal(RUN("\x8b\x03"), EMUL_DONE);
    w.c.seg[SEG_SS].limit = 0;
    assert_int_equal(RUN("\x36\x8b\x03"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_SS);
    w.c.seg[SEG_DS].attr = 0x91;                                           /* read-only */
    assert_int_equal(RUN("\x8b\x03"), EMUL_DONE);
    assert_int_equal(RUN("\x89\x03"), EMUL_FAULT);
    assert_int_equal(RUN("\x2e\x89\x03"), EMUL_FAULT);                     /* code is not writable */
    w.c.seg[SEG_ES].attr = SEG_ATTR_UNUSABLE;
    assert_int_equal(RUN("\x26\x8b\x03"), EMUL_FAULT);
    w.c.seg[SEG_DS] = (struct guest_seg){ .limit = 0xfff, .attr = 0x97 | SEG_ATTR_DB };   /* expand down */
    w.regs.rbx = 0xffc;
    assert_int_equal(RUN("\x8b\x03"), EMUL_FAULT);
    w.regs.rbx = 0x1000;
    assert_int_equal(RUN("\x8b\x03"), EMUL_DONE);
    assert_int_equal(RUN("\x63\x03"), EMUL_UNHANDLED);                     /* ARPL here, not MOVSXD */
}

static void non_canonical_addresses_fault(void **state)
{
    (void)state;
    w.regs.rbx = 0x0000800000000000;
    assert_int_equal(RUN("\x8b\x03"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_GP);
    w.regs.rbp = 0x00007ffffffffffd;
    assert_int_equal(RUN("\x8b\x45\x00"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_SS);
    assert_int_equal(w.c.rip, 0x1000);
}

static void faults_leave_the_registers_alone(void **state)
{
    struct guest_regs before;

    (void)state;
    w.regs.rbx = RAM;
    w.regs.rax = 5;
    before = w.regs;
    assert_int_equal(RUN("\x0f\xc1\x03"), EMUL_FAULT);                     /* xadd */
    assert_int_equal(RUN("\x87\x03"), EMUL_FAULT);
    assert_int_equal(RUN("\x8f\x03"), EMUL_FAULT);
    assert_int_equal(RUN("\xff\x33"), EMUL_FAULT);
    assert_memory_equal(&before, &w.regs, sizeof(before));
    assert_int_equal(w.c.rsp, 0);
    assert_int_equal(w.c.rip, 0x1000);
    assert_int_equal(w.c.fault_vector, X86_PF);
    assert_int_equal(w.c.fault_cr2, RAM);
}

static void lock_is_only_for_memory_destinations(void **state)
{
    (void)state;
    assert_int_equal(RUN("\xf0\x01\xc0"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_UD);
    assert_int_equal(RUN("\xf0\x8b\x03"), EMUL_FAULT);
    assert_int_equal(RUN("\xf0\x39\x03"), EMUL_FAULT);
    w.regs.rbx = 0x100;
    assert_int_equal(RUN("\xf0\x01\x03"), EMUL_DONE);
    assert_int_equal(RUN("\x0f\xc3\xc0"), EMUL_FAULT);                     /* MOVNTI to a register */
    assert_int_equal(w.c.fault_vector, X86_UD);
}

static void a_lost_race_is_tried_again(void **state)
{
    uint32_t before = at32(0x100);

    (void)state;
    w.regs.rbx = 0x100;
    w.regs.rax = 0x1000;
    w.exchanges_to_fail = 3;
    assert_int_equal(RUN("\xf0\x0f\xc1\x03"), EMUL_DONE);
    assert_int_equal(at32(0x100), before + 0x1000 + 3);
    assert_int_equal(w.regs.rax, before + 3);
    w.exchanges_to_fail = 1000;
    assert_int_equal(RUN("\x87\x03"), EMUL_RETRY);
}

static void waiting_in_a_rep_keeps_finished_iterations(void **state)
{
    (void)state;
    w.regs.rsi = 0x100;
    w.regs.rdi = 0x800;
    w.regs.rcx = 4;
    w.bounded = true;
    w.budget = 5;                                                          /* two moves and a read */
    assert_int_equal(RUN("\xf3\xa5"), EMUL_RETRY);
    assert_int_equal(w.regs.rcx, 2);
    assert_int_equal(w.regs.rsi, 0x108);
    assert_int_equal(w.c.rip, 0x1000);
    w.bounded = false;
    assert_int_equal(RUN("\xf3\xa5"), EMUL_DONE);
    assert_int_equal(w.regs.rcx, 0);
    assert_int_equal(w.c.rip, 0x1002);
    assert_memory_equal(w.ram + 0x100, w.ram + 0x800, 16);
}

static void a_long_rep_goes_in_slices(void **state)
{
    unsigned int slices = 1;

    (void)state;
    w.regs.rdi = 0;
    w.regs.rcx = 0x2000;
    w.regs.rax = 0x5a;
    while (RUN("\xf3\xaa") == EMUL_DONE && w.c.rip == 0x1000)
        slices++;
    assert_true(slices > 1 && slices < 100);
    assert_int_equal(w.regs.rcx, 0);
    assert_int_equal(w.ram[0x1fff], 0x5a);
    assert_int_not_equal(w.ram[0x2000], 0x5a);
}

static void expect_ram(unsigned int at, const uint8_t *bytes, unsigned int size) { assert_memory_equal(w.ram + at, bytes, size); }

static void vectors_move_to_and_from_memory(void **state)
{
    uint8_t before[EMUL_VECTOR_BYTES];

    (void)state;
    w.regs.rdx = 0x200;
    w.regs.r9 = 0x300;
    for (unsigned int i = 0; i < sizeof(w.vector); i++)
        ((uint8_t *)w.vector)[i] = (uint8_t)(i * 3 + 1);
    assert_int_equal(RUN("\x0f\x11\x0a"), EMUL_DONE);                      /* movups %xmm1,(%rdx) */
    expect_ram(0x200, w.vector[1], 16);
    assert_int_equal(w.c.rip, 0x1003);
    assert_int_equal(RUN("\x66\x45\x0f\xe7\x49\x10"), EMUL_DONE);          /* movntdq %xmm9,0x10(%r9) */
    expect_ram(0x310, w.vector[9], 16);
    assert_int_equal(RUN("\xf3\x0f\x6f\x52\x03"), EMUL_DONE);              /* movdqu 3(%rdx),%xmm2 */
    expect_ram(0x203, w.vector[2], 16);
    assert_int_equal(w.vector[2][16], (2 * 32 + 16) * 3 + 1);              /* the upper half stays */
    assert_int_equal(RUN("\xf3\x0f\x10\x1a"), EMUL_DONE);                  /* movss (%rdx),%xmm3 */
    expect_ram(0x200, w.vector[3], 4);
    assert_int_equal(w.vector[3][4], 0);
    assert_int_equal(w.vector[3][15], 0);
    memcpy(before, w.vector[4], sizeof(before));
    assert_int_equal(RUN("\x66\x0f\x16\x22"), EMUL_DONE);                  /* movhpd (%rdx),%xmm4 */
    assert_memory_equal(w.vector[4], before, 8);
    expect_ram(0x200, w.vector[4] + 8, 8);
    assert_int_equal(RUN("\x66\x48\x0f\x7e\x22"), EMUL_DONE);              /* movq %xmm4,(%rdx) */
    expect_ram(0x200, w.vector[4], 8);
    assert_int_equal(RUN("\x66\x0f\x38\x2a\x2a"), EMUL_DONE);              /* movntdqa (%rdx),%xmm5 */
    expect_ram(0x200, w.vector[5], 16);
    assert_int_equal(RUN("\x0f\x7f\x02"), EMUL_UNHANDLED);                 /* MMX */
}

static void vex_moves_clear_what_is_above_and_have_32_bytes(void **state)
{
    (void)state;
    w.regs.rdx = 0x200;
    w.regs.r10 = 0x400;
    memset(w.vector, 0x5a, sizeof(w.vector));
    assert_int_equal(RUN("\xc5\xfa\x6f\x0a"), EMUL_DONE);                  /* vmovdqu (%rdx),%xmm1 */
    expect_ram(0x200, w.vector[1], 16);
    assert_int_equal(w.vector[1][16], 0);
    assert_int_equal(w.vector[1][31], 0);
    assert_int_equal(RUN("\xc4\x41\x7d\x7f\x6a\x20"), EMUL_DONE);          /* vmovdqa %ymm13,0x20(%r10) */
    expect_ram(0x420, w.vector[13], 32);
    assert_int_equal(RUN("\xc5\xfe\x6f\x1a"), EMUL_DONE);                  /* vmovdqu (%rdx),%ymm3 */
    expect_ram(0x200, w.vector[3], 32);
    memset(w.vector[6], 0x11, 32);
    assert_int_equal(RUN("\xc5\xc8\x16\x22"), EMUL_DONE);                  /* vmovhps (%rdx),%xmm6,%xmm4 */
    assert_memory_equal(w.vector[4], w.vector[6], 8);
    expect_ram(0x200, w.vector[4] + 8, 8);
    assert_int_equal(w.vector[4][16], 0);
    set_mode(32);
    assert_int_equal(RUN("\xc5\xfa\x6f\x0a"), EMUL_DONE);                  /* the same where LDS has no register form */
    assert_int_equal(RUN("\xc5\x0a"), EMUL_UNHANDLED);                     /* lds (%edx),%ecx */
}

static void port_strings_use_dx_and_es(void **state)
{
    (void)state;
    w.regs.rdx = 0x1f0;
    w.regs.rdi = 0x100;
    w.regs.rcx = 3;
    w.port_value = 7;
    assert_int_equal(RUN("\xf3\x66\x6d"), EMUL_DONE);                      /* rep insw */
    assert_int_equal(w.port, 0x1f0);
    assert_int_equal(at64(0x100) & 0xffffffffffff, 0x000900080007);
    assert_int_equal(w.regs.rdi, 0x106);
    w.regs.rsi = 0x102;
    assert_int_equal(RUN("\x6e"), EMUL_DONE);                              /* outsb */
    assert_int_equal(w.port_value, 8);
    assert_int_equal(w.regs.rsi, 0x103);
}

static void stack_moves_use_the_stack_segment(void **state)
{
    (void)state;
    w.c.rsp = 0x800;
    w.regs.rbx = 0x200;
    assert_int_equal(RUN("\xff\x33"), EMUL_DONE);                          /* push (%rbx) */
    assert_int_equal(w.c.rsp, 0x7f8);
    assert_true(at64(0x7f8) == at64(0x200));
    assert_int_equal(RUN("\x8f\x44\x24\x10"), EMUL_DONE);                  /* pop 16(%rsp): RSP after the pop */
    assert_true(at64(0x810) == at64(0x200));
    assert_int_equal(w.c.rsp, 0x800);
    set_mode(16);
    w.c.rsp = 0xffff0000;
    w.c.seg[SEG_SS].base = 0;
    assert_int_equal(RUN("\xff\x37"), EMUL_FAULT);                         /* SP wraps to 0xfffe: no memory there */
    assert_true(w.c.rsp == 0xffff0000);
}

static void compare_exchange_of_pairs(void **state)
{
    (void)state;
    w.regs.rdi = 0x400;
    w.regs.rax = at32(0x400);
    w.regs.rdx = at32(0x404);
    w.regs.rbx = 0x11111111;
    w.regs.rcx = 0x22222222;
    assert_int_equal(RUN("\xf0\x0f\xc7\x0f"), EMUL_DONE);
    assert_true(at64(0x400) == 0x2222222211111111);
    assert_true(w.c.rflags & RFLAGS_ZF);
    assert_int_equal(RUN("\x0f\xc7\x0f"), EMUL_DONE);
    assert_false(w.c.rflags & RFLAGS_ZF);
    assert_int_equal(w.regs.rdx, 0x22222222);
    w.regs.rdi = 0x408;
    assert_int_equal(RUN("\x48\x0f\xc7\x0f"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_GP);
}

static void short_input_asks_for_more_and_long_input_faults(void **state)
{
    (void)state;
    assert_int_equal(RUN("\xc7\x42\x04\x78\x56\x34"), EMUL_FETCH_FAILED);
    assert_int_equal(RUN("\x66"), EMUL_FETCH_FAILED);
    assert_int_equal(RUN("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"), EMUL_FAULT);
    assert_int_equal(w.c.fault_vector, X86_GP);
    assert_int_equal(RUN("\x0f\x05"), EMUL_UNHANDLED);
    assert_int_equal(RUN("\xf7\x23"), EMUL_UNHANDLED);                     /* mul: not ours */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(plain_moves_as_linux_uses_them_for_the_io_apic), T(moves_of_every_width),
        T(rip_relative_counts_from_the_next_instruction), T(sixteen_bit_addresses_wrap_and_use_their_segments),
        T(thirty_two_bit_segments_are_checked), T(non_canonical_addresses_fault), T(faults_leave_the_registers_alone),
        T(lock_is_only_for_memory_destinations), T(a_lost_race_is_tried_again),
        T(waiting_in_a_rep_keeps_finished_iterations), T(a_long_rep_goes_in_slices), T(port_strings_use_dx_and_es),
        T(vectors_move_to_and_from_memory), T(vex_moves_clear_what_is_above_and_have_32_bytes),
        T(stack_moves_use_the_stack_segment), T(compare_exchange_of_pairs),
        T(short_input_asks_for_more_and_long_input_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
