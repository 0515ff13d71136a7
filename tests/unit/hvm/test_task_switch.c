/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/task_switch.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A guest's memory, linear; what lies behind its end faults. */
#define MEMORY 0x10000U
#define GDT 0x1000U
#define LDT 0x2000U
#define OLD_TSS 0x3000U
#define NEW_TSS 0x4000U
#define STACK_END 0x6000U

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_OLD 0x18
#define SEL_NEW 0x20
#define SEL_LDT 0x28
#define SEL_USER_CODE 0x33
#define SEL_USER_DATA 0x3b
#define SEL_SPARE 0x40

struct world {
    uint8_t memory[MEMORY];
    struct guest_regs regs;
    struct task_switch t;
    uint32_t cr3, readonly;          /* readonly: a page that may not be written, 0: none */
    bool cr3_is_bad;
};

static enum emul_result no_page(struct world *w, gva_t va, uint32_t error)
{
    w->t.fault_vector = X86_PF;
    w->t.fault_has_error = true;
    w->t.fault_error = error;
    w->t.fault_cr2 = va.v;
    return EMUL_FAULT;
}

static enum emul_result memory_read(void *ctx, gva_t va, void *to, unsigned int size)
{
    struct world *w = ctx;

    if (va.v + size > MEMORY)
        return no_page(w, va, 0);
    memcpy(to, w->memory + va.v, size);
    return EMUL_DONE;
}

static enum emul_result memory_write(void *ctx, gva_t va, const void *from, unsigned int size)
{
    struct world *w = ctx;

    if (va.v + size > MEMORY || (w->readonly && (va.v & PAGE_MASK) == w->readonly))
        return no_page(w, va, PFEC_W);
    memcpy(w->memory + va.v, from, size);
    return EMUL_DONE;
}

static bool load_cr3(void *ctx, uint32_t cr3)
{
    struct world *w = ctx;

    w->cr3 = cr3;
    return !w->cr3_is_bad;
}

static const struct task_ops ops = { memory_read, memory_write, load_cr3 };

static void put(struct world *w, uint32_t at, uint32_t value, unsigned int width) { memcpy(w->memory + at, &value, width); }
static uint32_t get(const struct world *w, uint32_t at, unsigned int width)
{
    uint32_t value = 0;

    memcpy(&value, w->memory + at, width);
    return value;
}

static void put_descriptor(struct world *w, uint32_t table, uint16_t selector, uint32_t base, uint32_t limit, uint32_t attr)
{
    uint32_t at = table + (selector & ~7U);

    put(w, at, (limit & 0xffff) | base << 16, 4);
    put(w, at + 4, (base >> 16 & 0xff) | (attr & 0xff) << 8 | (limit & 0xf0000) | (attr & 0xf000) << 8 | (base & 0xff000000), 4);
}
static uint8_t type_of(const struct world *w, uint16_t selector) { return w->memory[GDT + (selector & ~7U) + 5]; }

static void put_tss32(struct world *w, uint32_t at, uint32_t eip, uint16_t code, uint16_t data)
{
    put(w, at + 28, 0xc3000, 4);
    put(w, at + 32, eip, 4);
    put(w, at + 36, 0x202, 4);
    for (uint32_t i = 0; i < 8; i++)
        put(w, at + 40 + 4 * i, i == 4 ? STACK_END : 0xa0 + i, 4);
    for (uint32_t i = 0; i < 6; i++)
        put(w, at + 72 + 4 * i, i == 1 ? code : data, 4);
}

static int setup(void **state)
{
    static struct world w;

    memset(&w, 0, sizeof(w));
    put_descriptor(&w, GDT, SEL_CODE, 0, 0xfffff, 0xc09b);
    put_descriptor(&w, GDT, SEL_DATA, 0, 0xfffff, 0xc093);
    put_descriptor(&w, GDT, SEL_OLD, OLD_TSS, 0x67, 0x8b);
    put_descriptor(&w, GDT, SEL_NEW, NEW_TSS, 0x67, 0x89);
    put_descriptor(&w, GDT, SEL_LDT, LDT, 0x1f, 0x82);
    put_descriptor(&w, GDT, SEL_USER_CODE, 0, 0xfffff, 0xc0fb);
    put_descriptor(&w, GDT, SEL_USER_DATA, 0, 0xfffff, 0xc0f2);
    put_tss32(&w, NEW_TSS, 0x7000, SEL_CODE, SEL_DATA);
    w.t = (struct task_switch){
        .selector = SEL_NEW, .source = TASK_JMP, .gdt = { GDT, 0x47 }, .ops = &ops, .ctx = &w, .regs = &w.regs,
        .eip = 0x1234, .esp = 0x5678, .eflags = 0x4046,
    };
    for (unsigned int s = SEG_ES; s <= SEG_GS; s++)
        w.t.seg[s] = (struct guest_seg){ .selector = s == SEG_CS ? SEL_CODE : SEL_DATA, .limit = UINT32_MAX,
                                         .attr = s == SEG_CS ? 0xc09b : 0xc093 };
    w.t.seg[SEG_LDTR].attr = SEG_ATTR_UNUSABLE;
    w.t.seg[SEG_TR] = (struct guest_seg){ .selector = SEL_OLD, .base = OLD_TSS, .limit = 0x67, .attr = 0x8b };
    for (unsigned int i = 0; i < 8; i++)
        w.regs.gpr[i] = 0x1100000000 + i;
    *state = &w;
    return 0;
}

static void expect_fault(struct world *w, bool in_new_task, uint8_t vector, uint32_t error)
{
    assert_int_equal(task_switch(&w->t), EMUL_FAULT);
    assert_int_equal(w->t.switched, in_new_task);
    assert_int_equal(w->t.fault_vector, vector);
    assert_true(w->t.fault_has_error);
    assert_int_equal(w->t.fault_error, error);
}

static void a_jump_saves_one_task_and_starts_the_other(void **state)
{
    struct world *w = *state;

    w->t.paging = true;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_true(w->t.switched);
    assert_int_equal(get(w, OLD_TSS + 32, 4), 0x1234);
    assert_int_equal(get(w, OLD_TSS + 36, 4), 0x4046);
    assert_int_equal(get(w, OLD_TSS + 40 + 4 * GPR_RBX, 4), GPR_RBX);
    assert_int_equal(get(w, OLD_TSS + 40 + 4 * GPR_RSP, 4), 0x5678);
    assert_int_equal(get(w, OLD_TSS + 72 + 4 * SEG_CS, 4), SEL_CODE);
    assert_int_equal(get(w, OLD_TSS + 72 + 4 * SEG_GS, 4), SEL_DATA);
    assert_int_equal(get(w, OLD_TSS + 28, 4), 0);                 /* CR3 and LDT are never saved */
    assert_int_equal(w->t.eip, 0x7000);
    assert_int_equal(w->t.esp, STACK_END);
    assert_int_equal(w->t.eflags, 0x202);
    assert_int_equal(w->regs.rax, 0xa0);
    assert_int_equal(w->regs.rdi, 0xa7);
    assert_int_equal(w->cr3, 0xc3000);
    assert_int_equal(w->t.seg[SEG_CS].attr, 0xc09b);
    assert_int_equal(w->t.seg[SEG_CS].limit, UINT32_MAX);
    assert_int_equal(w->t.seg[SEG_TR].selector, SEL_NEW);
    assert_int_equal(w->t.seg[SEG_TR].attr, 0x8b);
    assert_int_equal(type_of(w, SEL_OLD), 0x89);
    assert_int_equal(type_of(w, SEL_NEW), 0x8b);
    assert_int_equal(get(w, NEW_TSS, 2), 0);
}

static void a_call_is_remembered_and_iret_goes_back(void **state)
{
    struct world *w = *state;

    w->t.source = TASK_CALL;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(get(w, NEW_TSS, 2), SEL_OLD);
    assert_int_equal(w->t.eflags, 0x4202);
    assert_int_equal(type_of(w, SEL_OLD), 0x8b);
    assert_int_equal(type_of(w, SEL_NEW), 0x8b);
    assert_int_equal(w->cr3, 0);                                  /* without paging nothing is loaded */
    w->t.source = TASK_IRET;
    w->t.selector = SEL_OLD;
    w->t.eip = 0x7002;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.eip, 0x1234);
    assert_int_equal(w->t.eflags, 0x4046);
    assert_int_equal(w->regs.rbx, GPR_RBX);
    assert_int_equal(get(w, NEW_TSS + 32, 4), 0x7002);
    assert_int_equal(get(w, NEW_TSS + 36, 4), 0x202);             /* NT is not saved */
    assert_int_equal(type_of(w, SEL_OLD), 0x8b);
    assert_int_equal(type_of(w, SEL_NEW), 0x89);
}

static void the_16_bit_format_has_its_own_places(void **state)
{
    struct world *w = *state;

    put_descriptor(w, GDT, SEL_NEW, NEW_TSS, 0x2b, 0x81);
    memset(w->memory + NEW_TSS, 0, 0x2c);
    put(w, NEW_TSS + 14, 0x700, 2);
    put(w, NEW_TSS + 16, 0x46, 2);
    put(w, NEW_TSS + 18 + 2 * GPR_RDX, 0xd1d1, 2);
    put(w, NEW_TSS + 34 + 2 * SEG_CS, SEL_CODE, 2);
    put(w, NEW_TSS + 34 + 2 * SEG_SS, SEL_DATA, 2);
    put(w, NEW_TSS + 42, SEL_LDT, 2);
    w->t.paging = true;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.eip, 0x700);
    assert_int_equal(w->regs.rdx, 0xd1d1);
    assert_int_equal(w->t.seg[SEG_FS].attr, SEG_ATTR_UNUSABLE);
    assert_int_equal(w->t.seg[SEG_LDTR].base, LDT);
    assert_int_equal(w->cr3, 0);                                  /* it has none */
    w->t.selector = SEL_OLD;
    w->t.eip = 0x18888;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.eip, 0x1234);
    assert_int_equal(get(w, NEW_TSS + 14, 2), 0x8888);            /* saved in the format of the task that leaves */
    assert_int_equal(get(w, NEW_TSS + 34 + 2 * SEG_SS, 2), SEL_DATA);
}

static void an_exception_leaves_its_error_code_on_the_new_stack(void **state)
{
    struct world *w = *state;

    w->t.source = TASK_GATE;
    w->t.external = w->t.has_error = true;
    w->t.error = 0x1ff8;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.esp, STACK_END - 4);
    assert_int_equal(get(w, STACK_END - 4, 4), 0x1ff8);
    assert_int_equal(w->t.eflags, 0x4202);
}

static void a_stack_without_room_is_a_stack_fault_of_the_new_task(void **state)
{
    struct world *w = *state;

    put_descriptor(w, GDT, SEL_DATA, 0, STACK_END - 3, 0x4093);
    w->t.source = TASK_GATE;
    w->t.external = w->t.has_error = true;
    expect_fault(w, true, X86_SS, 1);
}

static void an_expand_down_stack_has_its_room_above_the_limit(void **state)
{
    struct world *w = *state;

    put_descriptor(w, GDT, SEL_DATA, 0, STACK_END - 4, 0x4097);
    w->t.source = TASK_GATE;
    w->t.has_error = true;
    expect_fault(w, true, X86_SS, 0);
    setup(state);
    put_descriptor(w, GDT, SEL_DATA, 0, STACK_END - 5, 0x4097);
    w->t.source = TASK_GATE;
    w->t.has_error = true;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
}

static void what_is_no_tss_changes_nothing(void **state)
{
    struct world *w = *state;
    uint8_t before[MEMORY];

    memcpy(before, w->memory, MEMORY);
    w->t.selector = 0;
    expect_fault(w, false, X86_GP, 0);
    w->t.selector = SEL_NEW | 4;
    expect_fault(w, false, X86_GP, SEL_NEW | 4);
    w->t.selector = 0x48;                                         /* beyond the table */
    expect_fault(w, false, X86_GP, 0x48);
    w->t.selector = SEL_OLD;                                      /* busy */
    expect_fault(w, false, X86_GP, SEL_OLD);
    w->t.selector = SEL_DATA;
    expect_fault(w, false, X86_GP, SEL_DATA);
    w->t.source = TASK_IRET;
    w->t.selector = SEL_NEW;                                      /* not busy */
    expect_fault(w, false, X86_TS, SEL_NEW);
    assert_memory_equal(before, w->memory, MEMORY);
    w->t.source = TASK_JMP;
    put_descriptor(w, GDT, SEL_NEW, NEW_TSS, 0x67, 0x09);
    expect_fault(w, false, X86_NP, SEL_NEW);
    put_descriptor(w, GDT, SEL_NEW, NEW_TSS, 0x66, 0x89);
    w->t.external = true;
    expect_fault(w, false, X86_TS, SEL_NEW | 1);
    assert_int_equal(w->t.eip, 0x1234);
    assert_int_equal(w->regs.rbx, 0x1100000000 + GPR_RBX);
}

static void a_page_fault_on_the_way_out_belongs_to_the_old_task(void **state)
{
    struct world *w = *state;

    put_descriptor(w, GDT, SEL_NEW, MEMORY - 0x20, 0x67, 0x89);
    expect_fault(w, false, X86_PF, 0);
    assert_int_equal(w->t.fault_cr2, MEMORY - 0x20);
    put_descriptor(w, GDT, SEL_NEW, NEW_TSS, 0x67, 0x89);
    w->readonly = OLD_TSS;
    expect_fault(w, false, X86_PF, PFEC_W);
    w->readonly = GDT;
    expect_fault(w, false, X86_PF, PFEC_W);
    w->readonly = 0;
    assert_int_equal(task_switch(&w->t), EMUL_DONE);              /* and it can be done again */
}

static void a_segment_that_does_not_suit_is_a_fault_of_the_new_task(void **state)
{
    static const struct { enum seg s; uint16_t selector; uint8_t vector; uint32_t error; } bad[] = {
        { SEG_CS, 0, X86_TS, 0 },
        { SEG_CS, SEL_DATA, X86_TS, SEL_DATA },
        { SEG_CS, SEL_CODE | 3, X86_TS, SEL_CODE },               /* RPL 3 for code of level 0 */
        { SEG_CS, SEL_OLD, X86_TS, SEL_OLD },
        { SEG_CS, 0x48, X86_TS, 0x48 },
        { SEG_SS, 0, X86_TS, 0 },
        { SEG_SS, SEL_CODE, X86_TS, SEL_CODE },
        { SEG_SS, SEL_DATA | 3, X86_TS, SEL_DATA },
        { SEG_SS, SEL_SPARE, X86_SS, SEL_SPARE },                 /* not present */
        { SEG_DS, SEL_SPARE, X86_NP, SEL_SPARE },
        { SEG_DS, SEL_DATA | 3, X86_TS, SEL_DATA },
        { SEG_GS, SEL_LDT, X86_TS, SEL_LDT },
        { SEG_ES, SEL_DATA | 4, X86_TS, SEL_DATA | 4 },           /* there is no LDT */
    };

    for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct world *w;

        setup(state);
        w = *state;
        put_descriptor(w, GDT, SEL_SPARE, 0, 0xfffff, 0xc013);
        put(w, NEW_TSS + 72 + 4 * bad[i].s, bad[i].selector, 4);
        expect_fault(w, true, bad[i].vector, bad[i].error);
        assert_int_equal(w->t.eip, 0x7000);
        assert_int_equal(w->t.seg[SEG_TR].selector, SEL_NEW);
        assert_int_equal(w->t.seg[bad[i].s].selector, bad[i].selector);
        assert_false(w->t.seg[SEG_CS].attr & SEG_ATTR_UNUSABLE);  /* a handler can be run */
        assert_false(w->t.seg[SEG_SS].attr & SEG_ATTR_UNUSABLE);
    }
}

static void user_segments_are_marked_accessed_and_set_the_privilege(void **state)
{
    struct world *w = *state;

    put_tss32(w, NEW_TSS, 0x7000, SEL_USER_CODE, SEL_USER_DATA);
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(type_of(w, SEL_USER_DATA), 0xf3);
    assert_int_equal(SEG_ATTR_DPL(w->t.seg[SEG_SS].attr), 3);
    assert_int_equal(w->t.seg[SEG_SS].attr, 0xc0f3);
}

static void a_local_table_is_used_once_it_is_loaded(void **state)
{
    struct world *w = *state;

    put(w, NEW_TSS + 96, SEL_LDT, 4);
    put_descriptor(w, LDT, 8, 0x100, 0xfffff, 0xc093);
    put(w, NEW_TSS + 72 + 4 * SEG_DS, 0x0c, 4);
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.seg[SEG_DS].base, 0x100);
    setup(state);
    put(w, NEW_TSS + 96, SEL_DATA, 4);
    expect_fault(w, true, X86_TS, SEL_DATA);
}

static void virtual_8086_segments_are_made_of_their_selectors(void **state)
{
    struct world *w = *state;

    put(w, NEW_TSS + 36, 0x20202, 4);
    put(w, NEW_TSS + 72 + 4 * SEG_CS, 0xf000, 4);
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_int_equal(w->t.seg[SEG_CS].base, 0xf0000);
    assert_int_equal(w->t.seg[SEG_CS].limit, 0xffff);
    assert_int_equal(w->t.seg[SEG_CS].attr, 0xf3);
}

static void the_new_tasks_own_troubles_are_faults_in_it(void **state)
{
    struct world *w = *state;

    put_descriptor(w, GDT, SEL_CODE, 0, 0x6fff, 0x409b);
    expect_fault(w, true, X86_GP, 0);                             /* EIP beyond the limit */
    setup(state);
    w->t.paging = w->cr3_is_bad = true;
    expect_fault(w, true, X86_GP, 0);
}

static void the_t_bit_asks_for_a_debug_trap(void **state)
{
    struct world *w = *state;

    put(w, NEW_TSS + 100, 1, 2);
    assert_int_equal(task_switch(&w->t), EMUL_DONE);
    assert_true(w->t.debug_trap);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        T(a_jump_saves_one_task_and_starts_the_other),
        T(a_call_is_remembered_and_iret_goes_back),
        T(the_16_bit_format_has_its_own_places),
        T(an_exception_leaves_its_error_code_on_the_new_stack),
        T(a_stack_without_room_is_a_stack_fault_of_the_new_task),
        T(an_expand_down_stack_has_its_room_above_the_limit),
        T(what_is_no_tss_changes_nothing),
        T(a_page_fault_on_the_way_out_belongs_to_the_old_task),
        T(a_segment_that_does_not_suit_is_a_fault_of_the_new_task),
        T(user_segments_are_marked_accessed_and_set_the_privilege),
        T(a_local_table_is_used_once_it_is_loaded),
        T(virtual_8086_segments_are_made_of_their_selectors),
        T(the_new_tasks_own_troubles_are_faults_in_it),
        T(the_t_bit_asks_for_a_debug_trap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
