/* SPDX-License-Identifier: BSD-2-Clause */
#include <hvm/vlapic.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct world { struct vlapic a; struct vlapic_effect e; _Alignas(4096) uint8_t page[4096]; };

static int setup(void **state)
{
    struct world *w = aligned_alloc(4096, sizeof(*w));

    memset(w, 0, sizeof(*w));
    vlapic_init(&w->a, w->page, 6, false);
    assert_true(vlapic_write(&w->a, VLAPIC_REG_SVR, 0x1ff, 0, &w->e));
    w->e.what = 0;
    *state = w;
    return 0;
}
static int teardown(void **state) { free(*state); return 0; }

static uint32_t get(struct world *w, uint16_t offset, ns_t now)
{
    uint32_t v = 0;

    assert_true(vlapic_read(&w->a, offset, now, &v));
    return v;
}
static uint32_t put(struct world *w, uint16_t offset, uint32_t v, ns_t now)
{
    w->e = (struct vlapic_effect){ 0 };
    assert_true(vlapic_write(&w->a, offset, v, now, &w->e));
    return w->e.what;
}
static void to_x2apic(struct world *w)
{
    w->e = (struct vlapic_effect){ 0 };
    assert_true(vlapic_set_base(&w->a, VLAPIC_BASE_ADDRESS | VLAPIC_BASE_EN | VLAPIC_BASE_EXTD, &w->e));
}

static void reset_values_are_those_of_the_manual(void **state)
{
    struct world *w = *state;

    vlapic_reset(&w->a);
    assert_int_equal(get(w, VLAPIC_REG_ID, 0), 6u << 24);
    assert_int_equal(get(w, VLAPIC_REG_VERSION, 0), 0x00050014);
    assert_int_equal(get(w, VLAPIC_REG_SVR, 0), 0xff);
    assert_int_equal(get(w, VLAPIC_REG_DFR, 0), 0xffffffff);
    assert_int_equal(get(w, VLAPIC_REG_LVTT, 0), 0x10000);
    assert_int_equal(get(w, VLAPIC_REG_LVT0, 0), 0x10000);
    assert_false(vlapic_is_enabled(&w->a));
    vlapic_init(&w->a, w->page, 0, true);
    assert_int_equal(get(w, VLAPIC_REG_LVT0, 0), 0x700);
    assert_int_equal(w->a.base_msr, 0xfee00900);
}

static void a_disabled_apic_accepts_no_vector_and_masks_its_lvts(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_LVT1, 0x400, 0);
    assert_int_equal(put(w, VLAPIC_REG_SVR, 0xff, 0), VLAPIC_MODE);
    assert_false(vlapic_set_irr(&w->a, 0x40, false));
    assert_int_equal(get(w, VLAPIC_REG_LVT1, 0), 0x10400);
    put(w, VLAPIC_REG_LVT1, 0x400, 0);
    assert_int_equal(get(w, VLAPIC_REG_LVT1, 0), 0x10400);
    assert_int_equal(vlapic_pending(&w->a), -1);
}

static void what_waits_is_looked_for_only_when_something_may(void **state)
{
    struct world *w = *state;

    assert_int_equal(vlapic_waiting(&w->a), -1);
    assert_false(w->a.irr_hint);
    assert_true(vlapic_set_irr(&w->a, 0x41, false));
    assert_true(vlapic_set_irr(&w->a, 0x92, false));
    vlapic_set_tpr(&w->a, 0xf0);
    for (int i = 0; i < 2; i++)             /* found again until it is taken, may it be delivered or not */
        assert_int_equal(vlapic_waiting(&w->a), 0x92);
    vlapic_accept(&w->a, 0x92);
    assert_int_equal(vlapic_waiting(&w->a), 0x41);
    vlapic_accept(&w->a, 0x41);
    assert_int_equal(vlapic_waiting(&w->a), -1);
    assert_false(w->a.irr_hint);
    assert_true(vlapic_set_irr(&w->a, 0x41, false));
    vlapic_reset(&w->a);
    assert_int_equal(vlapic_waiting(&w->a), -1);
}

static void the_highest_vector_above_the_priority_is_taken_first_and_ends_in_order(void **state)
{
    struct world *w = *state;

    assert_true(vlapic_set_irr(&w->a, 0x41, false));
    assert_false(vlapic_set_irr(&w->a, 0x41, false));
    assert_true(vlapic_set_irr(&w->a, 0x92, true));
    assert_int_equal(vlapic_pending(&w->a), 0x92);
    vlapic_accept(&w->a, 0x92);
    assert_int_equal(vlapic_ppr(&w->a), 0x90);
    assert_int_equal(get(w, VLAPIC_REG_PPR, 0), 0x90);
    assert_int_equal(vlapic_pending(&w->a), -1);
    assert_true(vlapic_set_irr(&w->a, 0x9f, false));
    assert_int_equal(vlapic_pending(&w->a), -1);
    assert_int_equal(put(w, VLAPIC_REG_EOI, 0, 0), VLAPIC_SELF_IRQ | VLAPIC_EOI);
    assert_int_equal(w->e.eoi_vector, 0x92);
    assert_int_equal(vlapic_pending(&w->a), 0x9f);
    vlapic_accept(&w->a, 0x9f);
    assert_int_equal(put(w, VLAPIC_REG_EOI, 0, 0), VLAPIC_SELF_IRQ);
    assert_int_equal(vlapic_pending(&w->a), 0x41);
    vlapic_set_tpr(&w->a, 0x45);
    assert_int_equal(vlapic_pending(&w->a), -1);
    assert_int_equal(vlapic_ppr(&w->a), 0x45);
    vlapic_set_tpr(&w->a, 0x3f);
    assert_int_equal(vlapic_pending(&w->a), 0x41);
}

static void level_vectors_are_marked_for_eoi_exits_until_an_edge_comes(void **state)
{
    struct world *w = *state;

    w->a.eoi_exit_changed = false;
    vlapic_set_irr(&w->a, 0x51, true);
    assert_true(w->a.eoi_exit_changed);
    assert_int_equal(w->a.eoi_exit[1], 1u << 0x11);
    assert_int_equal(get(w, VLAPIC_REG_TMR2, 0), 1u << 0x11);
    w->a.eoi_exit_changed = false;
    vlapic_set_irr(&w->a, 0x51, true);
    assert_false(w->a.eoi_exit_changed);
    vlapic_set_irr(&w->a, 0x51, false);
    assert_true(w->a.eoi_exit_changed);
    assert_int_equal(w->a.eoi_exit[1], 0);
}

static void one_shot_timer_counts_down_and_fires_once(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_TDCR, 0x3, 0);                         /* divide by 16: 160 ns */
    put(w, VLAPIC_REG_LVTT, 0x30, 0);
    assert_int_equal(put(w, VLAPIC_REG_TMICT, 1000, 5000), VLAPIC_TIMER);
    assert_int_equal(w->a.timer_deadline, 5000 + 160000);
    assert_int_equal(get(w, VLAPIC_REG_TMCCT, 5000), 1000);
    assert_int_equal(get(w, VLAPIC_REG_TMCCT, 5000 + 80000), 500);
    assert_false(vlapic_timer_expire(&w->a, 5000 + 159999));
    assert_true(vlapic_timer_expire(&w->a, 5000 + 160000));
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
    assert_int_equal(vlapic_pending(&w->a), 0x30);
    assert_int_equal(get(w, VLAPIC_REG_TMCCT, 900000), 0);
    assert_false(vlapic_timer_expire(&w->a, 900000));
}

static void periodic_timer_collapses_missed_ticks_and_keeps_its_phase(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_TDCR, 0xb, 0);                         /* divide by 1 */
    put(w, VLAPIC_REG_LVTT, 0x20031, 0);
    put(w, VLAPIC_REG_TMICT, 100000, 0);                     /* 1 ms */
    assert_true(vlapic_timer_expire(&w->a, 1000000));
    assert_int_equal(w->a.timer_deadline, 2000000);
    vlapic_accept(&w->a, 0x31);
    assert_true(vlapic_timer_expire(&w->a, 5500000));
    assert_int_equal(w->a.timer_deadline, 6000000);
    assert_int_equal(get(w, VLAPIC_REG_TMCCT, 5500000), 50000);
    put(w, VLAPIC_REG_TMICT, 0, 5500000);
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
}

static void a_masked_timer_runs_without_interrupting(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_LVTT, 0x10030, 0);
    put(w, VLAPIC_REG_TMICT, 10, 0);
    assert_false(vlapic_timer_expire(&w->a, 1000000));
    assert_int_equal(vlapic_pending(&w->a), -1);
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
}

static void changing_the_divisor_keeps_the_count(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_TDCR, 0xb, 0);
    put(w, VLAPIC_REG_LVTT, 0x30, 0);
    put(w, VLAPIC_REG_TMICT, 1000, 0);
    assert_int_equal(put(w, VLAPIC_REG_TDCR, 0x0, 5000), VLAPIC_TIMER);   /* by 2, 500 left */
    assert_int_equal(get(w, VLAPIC_REG_TMCCT, 5000), 500);
    assert_int_equal(w->a.timer_deadline, 5000 + 500 * 20);
}

static void tsc_deadline_only_works_in_its_mode(void **state)
{
    struct world *w = *state;

    w->e.what = 0;
    vlapic_set_tsc_deadline(&w->a, 12345, 777, &w->e);
    assert_int_equal(w->e.what, 0);
    assert_int_equal(vlapic_get_tsc_deadline(&w->a), 0);
    put(w, VLAPIC_REG_LVTT, 0x400ec, 0);
    vlapic_set_tsc_deadline(&w->a, 12345, 777, &w->e);
    assert_int_equal(w->a.timer_deadline, 777);
    assert_int_equal(vlapic_get_tsc_deadline(&w->a), 12345);
    put(w, VLAPIC_REG_TMICT, 5, 0);
    assert_int_equal(get(w, VLAPIC_REG_TMICT, 0), 0);
    assert_int_equal(w->a.timer_deadline, 777);
    assert_true(vlapic_timer_expire(&w->a, 777));
    assert_int_equal(vlapic_get_tsc_deadline(&w->a), 0);
    assert_int_equal(vlapic_pending(&w->a), 0xec);
    vlapic_set_tsc_deadline(&w->a, 99, 888, &w->e);
    vlapic_set_tsc_deadline(&w->a, 0, 0, &w->e);
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
    vlapic_set_tsc_deadline(&w->a, 99, 888, &w->e);
    put(w, VLAPIC_REG_LVTT, 0xec, 0);
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
}

static void an_icr_write_becomes_one_record(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_ICR2, 0x08000000, 0);
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x000048fd, 0), VLAPIC_ICR);
    assert_int_equal(w->e.ipi.vector, 0xfd);
    assert_int_equal(w->e.ipi.mode, IPI_FIXED);
    assert_true(w->e.ipi.logical && w->e.ipi.level_assert && !w->e.ipi.x2apic);
    assert_int_equal(w->e.ipi.dest, 8);
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x000c4500, 0), VLAPIC_ICR);
    assert_int_equal(w->e.ipi.mode, IPI_INIT);
    assert_int_equal(w->e.ipi.shorthand, IPI_TO_OTHERS);
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x00008500, 0), 0);        /* INIT de-assert */
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x0000469a, 0), VLAPIC_ICR);
    assert_int_equal(w->e.ipi.mode, IPI_SIPI);
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x00040077, 0), VLAPIC_SELF_IRQ);
    assert_int_equal(vlapic_pending(&w->a), 0x77);
}

static void illegal_vectors_are_errors(void **state)
{
    struct world *w = *state;

    put(w, VLAPIC_REG_LVTERR, 0xfe, 0);
    assert_int_equal(put(w, VLAPIC_REG_ICR, 0x0000000f, 0), VLAPIC_SELF_IRQ);
    assert_int_equal(vlapic_pending(&w->a), 0xfe);
    assert_int_equal(get(w, VLAPIC_REG_ESR, 0), 0);
    put(w, VLAPIC_REG_ESR, 0, 0);
    assert_int_equal(get(w, VLAPIC_REG_ESR, 0), 0x20);
    put(w, VLAPIC_REG_ESR, 0, 0);
    assert_int_equal(get(w, VLAPIC_REG_ESR, 0), 0);
}

static void apic_base_transitions_follow_the_state_diagram(void **state)
{
    struct world *w = *state;
    const uint64_t at = VLAPIC_BASE_ADDRESS, en = VLAPIC_BASE_EN, extd = VLAPIC_BASE_EXTD;

    assert_false(vlapic_set_base(&w->a, at | extd, &w->e));
    assert_false(vlapic_set_base(&w->a, at | en | 1, &w->e));
    assert_false(vlapic_set_base(&w->a, 0xfef00000 | en, &w->e));
    assert_true(vlapic_set_base(&w->a, at | en | extd, &w->e));
    assert_true(w->e.what & VLAPIC_MODE);
    assert_true(vlapic_is_x2apic(&w->a));
    assert_false(vlapic_set_base(&w->a, at | en, &w->e));
    assert_false(vlapic_set_base(&w->a, at | extd, &w->e));
    assert_true(vlapic_is_enabled(&w->a));
    assert_true(vlapic_set_base(&w->a, at, &w->e));
    assert_false(vlapic_is_enabled(&w->a));
    assert_false(vlapic_matches(&w->a, 6, false, true));
    assert_false(vlapic_set_base(&w->a, at | en | extd, &w->e));
    assert_true(vlapic_set_base(&w->a, at | en, &w->e));
    assert_int_equal(get(w, VLAPIC_REG_ID, 0), 6u << 24);
    assert_int_equal(w->a.base_msr & VLAPIC_BASE_BSP, 0);
}

static void x2apic_registers_are_msrs_with_strict_bits(void **state)
{
    struct world *w = *state;
    uint64_t v = 0;
    uint32_t v32;

    assert_false(vlapic_rdmsr(&w->a, 0x802, 0, &v));
    to_x2apic(w);
    assert_false(vlapic_read(&w->a, VLAPIC_REG_ID, 0, &v32));
    assert_true(vlapic_rdmsr(&w->a, 0x802, 0, &v));
    assert_int_equal(v, 6);
    assert_true(vlapic_rdmsr(&w->a, 0x80d, 0, &v));
    assert_int_equal(v, 1u << 6);
    assert_false(vlapic_wrmsr(&w->a, 0x802, 0, 0, &w->e));
    assert_false(vlapic_wrmsr(&w->a, 0x80d, 0, 0, &w->e));
    assert_false(vlapic_rdmsr(&w->a, 0x80e, 0, &v));              /* DFR is gone */
    assert_false(vlapic_rdmsr(&w->a, 0x831, 0, &v));              /* ICR2 is gone */
    assert_false(vlapic_wrmsr(&w->a, 0x80b, 1, 0, &w->e));        /* EOI wants zero */
    assert_true(vlapic_wrmsr(&w->a, 0x80b, 0, 0, &w->e));
    assert_false(vlapic_rdmsr(&w->a, 0x80b, 0, &v));
    assert_false(vlapic_wrmsr(&w->a, 0x808, 0x100, 0, &w->e));
    assert_false(vlapic_wrmsr(&w->a, 0x828, 1, 0, &w->e));
    assert_false(vlapic_wrmsr(&w->a, 0x832, 0x80000, 0, &w->e));
    assert_false(vlapic_wrmsr(&w->a, 0x832, 1ULL << 32, 0, &w->e));
    assert_false(vlapic_wrmsr(&w->a, 0x830, 0x02000, 0, &w->e));
    assert_true(vlapic_wrmsr(&w->a, 0x835, 0x5700, 0, &w->e));    /* status bits are read-only */
    assert_false(vlapic_wrmsr(&w->a, 0x835, 0x0800, 0, &w->e));
    for (uint32_t msr = 0x840; msr <= 0x8ff; msr++) {
        assert_false(vlapic_rdmsr(&w->a, msr, 0, &v));
        assert_false(vlapic_wrmsr(&w->a, msr, 0, 0, &w->e));
    }
    w->e.what = 0;
    assert_true(vlapic_wrmsr(&w->a, 0x83f, 0x55, 0, &w->e));
    assert_int_equal(w->e.what, VLAPIC_SELF_IRQ);
    assert_int_equal(vlapic_pending(&w->a), 0x55);
    w->e.what = 0;
    assert_true(vlapic_wrmsr(&w->a, 0x830, 0x100000008fdULL, 0, &w->e));
    assert_int_equal(w->e.what, VLAPIC_ICR);
    assert_int_equal(w->e.ipi.dest, 0x100);
    assert_true(w->e.ipi.x2apic);
    assert_true(vlapic_rdmsr(&w->a, 0x830, 0, &v));
    assert_true(v == 0x100000008fdULL);
}

static void init_keeps_x2apic_mode_and_identity(void **state)
{
    struct world *w = *state;
    uint64_t v = 0;

    to_x2apic(w);
    vlapic_set_irr(&w->a, 0x40, true);
    vlapic_reset(&w->a);
    assert_true(vlapic_is_x2apic(&w->a));
    assert_false(vlapic_is_enabled(&w->a));
    assert_int_equal(vlapic_highest_irr(&w->a), -1);
    assert_true(vlapic_rdmsr(&w->a, 0x802, 0, &v));
    assert_int_equal(v, 6);
}

static void destinations_match_flat_cluster_and_x2apic(void **state)
{
    struct world *w = *state;

    assert_true(vlapic_matches(&w->a, 6, false, false));
    assert_true(vlapic_matches(&w->a, 0xff, false, false));
    assert_false(vlapic_matches(&w->a, 0xff, false, true));
    assert_true(vlapic_matches(&w->a, 0xffffffff, false, true));
    assert_false(vlapic_matches(&w->a, 4, false, false));
    put(w, VLAPIC_REG_LDR, 0x04000000, 0);
    assert_true(vlapic_matches(&w->a, 0x0c, true, false));
    assert_false(vlapic_matches(&w->a, 0x03, true, false));
    put(w, VLAPIC_REG_DFR, 0, 0);
    put(w, VLAPIC_REG_LDR, 0x24000000, 0);
    assert_true(vlapic_matches(&w->a, 0x2c, true, false));
    assert_false(vlapic_matches(&w->a, 0x14, true, false));
    assert_false(vlapic_matches(&w->a, 0x23, true, false));
    assert_true(vlapic_matches(&w->a, 0xff, true, false));
    to_x2apic(w);
    assert_true(vlapic_matches(&w->a, 0x00000040, true, true));
    assert_true(vlapic_matches(&w->a, 0x40, true, false));
    assert_false(vlapic_matches(&w->a, 0x00010040, true, true));
    assert_true(vlapic_matches(&w->a, 6, false, false));
}

static void a_write_by_hardware_has_the_same_effects(void **state)
{
    struct world *w = *state;
    uint32_t *lvtt = (void *)(w->page + VLAPIC_REG_LVTT), *id = (void *)(w->page + VLAPIC_REG_ID);

    put(w, VLAPIC_REG_TMICT, 100, 0);
    *lvtt = 0x400ecU | 0xff000000U;
    w->e.what = 0;
    vlapic_after_hw_write(&w->a, VLAPIC_REG_LVTT, 0, &w->e);
    assert_int_equal(w->e.what, VLAPIC_TIMER);
    assert_int_equal(*lvtt, 0x400ec);
    assert_int_equal(w->a.timer_deadline, NS_NEVER);
    *id = 0x55000000;
    vlapic_after_hw_write(&w->a, VLAPIC_REG_ID, 0, &w->e);
    assert_int_equal(*id, 6u << 24);
    *(uint32_t *)(void *)(w->page + VLAPIC_REG_SVR) = 0xff;
    vlapic_after_hw_write(&w->a, VLAPIC_REG_SVR, 0, &w->e);
    assert_int_equal(*lvtt, 0x500ec);
}

static void local_sources_deliver_unless_masked(void **state)
{
    struct world *w = *state;
    struct vlapic_ipi ipi;

    assert_false(vlapic_lvt_deliver(&w->a, VLAPIC_REG_LVT1, &ipi));
    put(w, VLAPIC_REG_LVT1, 0x400, 0);
    assert_true(vlapic_lvt_deliver(&w->a, VLAPIC_REG_LVT1, &ipi));
    assert_int_equal(ipi.mode, IPI_NMI);
    assert_int_equal(ipi.shorthand, IPI_TO_SELF);
    assert_false(vlapic_lvt_deliver(&w->a, 0x1000, &ipi));
}

static void every_offset_survives_every_kind_of_access(void **state)
{
    struct world *w = *state;
    uint64_t v;
    uint32_t v32;

    for (int mode = 0; mode < 2; mode++) {
        for (unsigned int offset = 0; offset <= 0xffff; offset++) {
            vlapic_read(&w->a, (uint16_t)offset, 1, &v32);
            vlapic_write(&w->a, (uint16_t)offset, 0xffffffffU * (offset & 1) | offset, 1, &w->e);
            vlapic_after_hw_write(&w->a, (uint16_t)(offset & 0xfff), 1, &w->e);
            vlapic_rdmsr(&w->a, 0x800 + (offset & 0xff), 1, &v);
            vlapic_wrmsr(&w->a, 0x800 + (offset & 0xff), offset >> 8, 1, &w->e);
            vlapic_timer_expire(&w->a, offset * 1000);
        }
        to_x2apic(w);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(reset_values_are_those_of_the_manual),
        T(a_disabled_apic_accepts_no_vector_and_masks_its_lvts),
        T(what_waits_is_looked_for_only_when_something_may),
        T(the_highest_vector_above_the_priority_is_taken_first_and_ends_in_order),
        T(level_vectors_are_marked_for_eoi_exits_until_an_edge_comes),
        T(one_shot_timer_counts_down_and_fires_once),
        T(periodic_timer_collapses_missed_ticks_and_keeps_its_phase),
        T(a_masked_timer_runs_without_interrupting),
        T(changing_the_divisor_keeps_the_count),
        T(tsc_deadline_only_works_in_its_mode),
        T(an_icr_write_becomes_one_record),
        T(illegal_vectors_are_errors),
        T(apic_base_transitions_follow_the_state_diagram),
        T(x2apic_registers_are_msrs_with_strict_bits),
        T(init_keeps_x2apic_mode_and_identity),
        T(destinations_match_flat_cluster_and_x2apic),
        T(a_write_by_hardware_has_the_same_effects),
        T(local_sources_deliver_unless_masked),
        T(every_offset_survives_every_kind_of_access),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
