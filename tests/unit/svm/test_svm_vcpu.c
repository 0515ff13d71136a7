/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

static struct vmcb seen;

static void guest(struct hw_vcpu *v, struct vmcb *b)
{
    (void)v;
    seen = *b;
    b->exit_code = 0x72;
    b->rip = 0x1000;
    b->next_rip = 0x1002;
    b->rax = 0x55;
}

static void an_entry_takes_the_registers_in_and_out(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest);
    w->v.regs.rax = 0xaa;
    w->v.regs.cr2 = 0x123;
    svm_enter(&w->v, &x);
    assert_int_equal(seen.rax, 0xaa);
    assert_int_equal(seen.cr2, 0x123);
    assert_int_equal(w->v.regs.rax, 0x55);
    assert_int_equal(x.reason, EXIT_CPUID);
}

static void the_next_rip_counts_only_where_the_cpu_saves_it(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest);
    svm_enter(&w->v, &x);
    assert_int_equal(x.insn_len, svm_features.nrips ? 2 : 0);
}

static void clean_bits_are_set_only_where_the_cpu_knows_them(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.clean, 0);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.clean, svm_features.clean ? CLEAN_ALL : 0);
}

static void lowers_its_tpr(struct hw_vcpu *v, struct vmcb *b)
{
    guest(v, b);
    b->vintr = (b->vintr & ~0xfULL) | 3;
}

static void the_tpr_is_the_guests_until_an_interrupt_waits(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    uint8_t *page = heap_alloc_pages(0);
    struct vmexit x;

    memset(page, 0, 4096);
    c.apic_page = page;
    svm_vcpu_fini(&w->v);
    assert_int_equal(svm_vcpu_init(&w->v, &c), 0);
    svm_load(&w->v);
    svm_fake_guest(lowers_its_tpr);
    page[0x80] = 0x50;
    svm_set_tpr_threshold(&w->v, 0);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.vintr & 0xf, 5);
    assert_int_equal(seen.cr_reads & BIT(8), 0);
    assert_int_equal(seen.cr_writes & BIT(8), 0);
    assert_int_equal(page[0x80], 0x30);
    svm_set_tpr_threshold(&w->v, 4);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.cr_writes & BIT(8), BIT(8));
    svm_set_tpr_threshold(&w->v, 0);
    page[0x80] = 0x37;                  /* CR8 would clear the 7 */
    svm_set_tpr_threshold(&w->v, 0);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.cr_writes & BIT(8), BIT(8));
    assert_int_equal(page[0x80], 0x37);
    svm_vcpu_fini(&w->v);
    heap_free_pages(page, 0);
}

static void an_illegal_state_is_an_exit_that_says_so(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest);
    vmcb_of(&w->v)->efer = 0;
    svm_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_BAD_STATE);
}

static void asids_are_used_once_between_two_flushes(void **state)
{
    struct world *w = *state;
    struct vmexit x;
    bool used[16] = { false };

    svm_fake_guest(guest);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.tlb_control, TLB_FLUSH_ALL);
    for (unsigned int i = 0; i < 100; i++) {
        if (seen.tlb_control == TLB_FLUSH_ALL)
            memset(used, 0, sizeof(used));
        assert_in_range(seen.asid, 1, 15);
        assert_false(used[seen.asid]);
        used[seen.asid] = true;
        svm_flush(0);
        svm_enter(&w->v, &x);
    }
}

static void an_asid_is_kept_until_it_has_to_go(void **state)
{
    struct world *w = *state;
    struct vmexit x;
    uint32_t first;

    svm_fake_guest(guest);
    svm_enter(&w->v, &x);
    first = seen.asid;
    svm_enter(&w->v, &x);
    assert_int_equal(seen.asid, first);
    assert_int_equal(seen.tlb_control, TLB_KEEP);
    assert_true(svm_set_cr(&w->v, 3, 0x5000));
    svm_enter(&w->v, &x);
    assert_int_not_equal(seen.asid, first);
}

static void a_vcpu_that_moved_has_nothing_cached(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    svm_fake_guest(guest);
    svm_enter(&w->v, &x);
    svm_unload(&w->v);
    w->v.slat_generation = 5;
    fake_cpu_set_count(2);
    fake_cpu_switch(1);
    fake_msr_set(MSR_EFER, EFER_LMA | EFER_LME);
    assert_null(svm_cpu_enable());
    svm_load(&w->v);
    cpu_irq_disable();
    assert_int_equal(w->v.slat_generation, UINT64_MAX);
    assert_int_equal(vmcb_of(&w->v)->clean, 0);
    svm_enter(&w->v, &x);
    assert_int_equal(seen.tlb_control, TLB_FLUSH_ALL);
    svm_unload(&w->v);
    svm_cpu_disable();
    fake_cpu_switch(0);
}

static void loading_another_vcpu_saves_the_first(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    struct hw_vcpu other;
    uint64_t value;

    assert_int_equal(svm_vcpu_init(&other, &c), 0);
    assert_true(svm_set_msr(&w->v, MSR_TSC_AUX, 1));
    assert_true(svm_set_msr(&other, MSR_TSC_AUX, 2));
    svm_load(&other);
    assert_int_equal(cpu_rdmsr(MSR_TSC_AUX), 2);
    assert_true(svm_get_msr(&w->v, MSR_TSC_AUX, &value));
    assert_int_equal(value, 1);
    svm_load(&w->v);
    assert_int_equal(cpu_rdmsr(MSR_TSC_AUX), 1);
    svm_vcpu_fini(&other);
}

static void spinning_exits_where_the_cpu_can_count_pauses(void **state)
{
    struct world *w = *state;
    const struct vmcb *b = vmcb_of(&w->v);

    assert_int_equal(!!(b->intercepts1 & SVM1_PAUSE), svm_features.pause_filter);
    assert_int_equal(b->pause_count != 0, svm_features.pause_filter);      /* each PAUSE would exit otherwise */
    assert_int_equal(b->pause_threshold != 0, svm_features.pause_threshold);
}

static void the_tsc_ratio_is_there_while_its_vcpu_is(void **state)
{
    struct world *w = *state;

    svm_set_tsc_multiplier(&w->v, 3ULL << 47);                             /* one and a half, of 48 bits */
    assert_int_equal(cpu_rdmsr(MSR_TSC_RATIO), 3ULL << 31);
    svm_unload(&w->v);
    assert_int_equal(cpu_rdmsr(MSR_TSC_RATIO), TSC_RATIO_ONE);
    svm_load(&w->v);
    assert_int_equal(cpu_rdmsr(MSR_TSC_RATIO), 3ULL << 31);
}

static void without_a_tsc_ratio_none_is_set(void **state)
{
    struct world *w = *state;

    svm_set_tsc_multiplier(&w->v, 3ULL << 47);
    assert_int_equal(cpu_rdmsr(MSR_TSC_RATIO), TSC_RATIO_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(an_entry_takes_the_registers_in_and_out),
        W(the_next_rip_counts_only_where_the_cpu_saves_it),
        FULL(the_next_rip_counts_only_where_the_cpu_saves_it),
        W(clean_bits_are_set_only_where_the_cpu_knows_them),
        FULL(clean_bits_are_set_only_where_the_cpu_knows_them),
        W(the_tpr_is_the_guests_until_an_interrupt_waits), FULL(the_tpr_is_the_guests_until_an_interrupt_waits),
        W(an_illegal_state_is_an_exit_that_says_so),
        W(asids_are_used_once_between_two_flushes),
        W(an_asid_is_kept_until_it_has_to_go),
        W(a_vcpu_that_moved_has_nothing_cached),
        W(loading_another_vcpu_saves_the_first),
        W(spinning_exits_where_the_cpu_can_count_pauses),
        FULL(spinning_exits_where_the_cpu_can_count_pauses),
        FULL(the_tsc_ratio_is_there_while_its_vcpu_is),
        W(without_a_tsc_ratio_none_is_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
