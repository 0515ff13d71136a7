/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

static void reset_is_that_of_the_manual(void **state)
{
    struct world *w = *state;
    struct guest_seg cs;
    struct guest_mode m;

    svm_reset(&w->v);
    svm_get_seg(&w->v, SEG_CS, &cs);
    svm_get_mode(&w->v, &m);
    assert_int_equal(cs.base, 0xffff0000);
    assert_int_equal(svm_get_rip(&w->v), 0xfff0);
    assert_int_equal(svm_get_cr(&w->v, 0), CR0_CD | CR0_NW | CR0_ET);
    assert_int_equal(svm_get_efer(&w->v), 0);
    assert_int_equal(m.cpl, 0);
    assert_false(m.code64 || m.code32 || m.long_mode);
}

static void the_caches_stay_on_and_the_guest_does_not_see_it(void **state)
{
    struct world *w = *state;
    struct vmcb *b = vmcb_of(&w->v);

    assert_true(svm_set_cr(&w->v, 0, CR0_PE | CR0_CD | CR0_NW));
    assert_false(b->cr0 & (CR0_CD | CR0_NW));
    assert_true(b->cr_reads & 1);
    assert_int_equal(svm_get_cr(&w->v, 0), CR0_PE | CR0_CD | CR0_NW | CR0_ET);
    assert_true(svm_set_cr(&w->v, 0, CR0_PE));
    assert_false(b->cr_reads & 1);
}

static void machine_checks_stay_on_and_the_guest_does_not_see_it(void **state)
{
    struct world *w = *state;

    assert_true(svm_set_cr(&w->v, 4, CR4_PAE));
    assert_true(vmcb_of(&w->v)->cr4 & CR4_MCE);
    assert_true(vmcb_of(&w->v)->cr_reads & (1U << 4));
    assert_int_equal(svm_get_cr(&w->v, 4), CR4_PAE);
    assert_true(svm_set_cr(&w->v, 4, CR4_PAE | CR4_MCE));
    assert_false(vmcb_of(&w->v)->cr_reads & (1U << 4));
    assert_int_equal(svm_get_cr(&w->v, 4), CR4_PAE | CR4_MCE);
}

static void cr4_has_the_bits_of_the_cpu(void **state)
{
    struct world *w = *state;

    assert_true(svm_set_cr(&w->v, 4, CR4_FSGSBASE | CR4_SMEP | CR4_OSXSAVE));
    assert_false(svm_set_cr(&w->v, 4, CR4_SMAP));
    assert_false(svm_set_cr(&w->v, 4, CR4_VMXE));
    assert_false(svm_set_cr(&w->v, 4, CR4_PCIDE));
}

static void long_mode_comes_with_paging(void **state)
{
    struct world *w = *state;

    assert_true(svm_set_cr(&w->v, 4, CR4_PAE));
    assert_true(svm_set_efer(&w->v, EFER_LME));
    assert_false(svm_set_cr(&w->v, 0, CR0_PG));
    assert_true(svm_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    assert_int_equal(svm_get_efer(&w->v), EFER_LME | EFER_LMA);
    assert_true(vmcb_of(&w->v)->efer & EFER_SVME);
    assert_false(svm_set_efer(&w->v, 0));
    assert_false(svm_set_cr(&w->v, 4, 0));
    assert_true(svm_set_cr(&w->v, 0, CR0_PE));
    assert_int_equal(svm_get_efer(&w->v), EFER_LME);
}

static void segments_come_back_as_they_went_in(void **state)
{
    struct world *w = *state;

    for (enum seg s = SEG_ES; s < SEG_COUNT; s++) {
        struct guest_seg in = { .selector = (uint16_t)(8 * (s + 1)), .limit = 0x1000U + s, .attr = 0xa09b,
                                .base = 0x10000U * (s + 1) }, out;

        svm_set_seg(&w->v, s, &in);
        svm_get_seg(&w->v, s, &out);
        assert_int_equal(out.selector, in.selector);
        assert_int_equal(out.limit, in.limit);
        assert_int_equal(out.attr, in.attr);
        assert_int_equal(out.base, in.base);
    }
    svm_set_seg(&w->v, SEG_LDTR, &(struct guest_seg){ .attr = SEG_ATTR_UNUSABLE });
    assert_int_equal(vmcb_of(&w->v)->ldtr.attr, 0);
    svm_set_seg(&w->v, SEG_SS, &(struct guest_seg){ .attr = 0xc0f3 });
    assert_int_equal(svm_get_cpl(&w->v), 3);
}

static void msrs_have_their_place_and_their_legal_values(void **state)
{
    static const uint32_t msrs[] = { MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_LSTAR, MSR_CSTAR, MSR_STAR,
                                     MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_SFMASK, MSR_TSC_AUX };
    struct world *w = *state;
    uint64_t value;

    for (unsigned int i = 0; i < ARRAY_COUNT(msrs); i++) {
        assert_true(svm_set_msr(&w->v, msrs[i], 0x1000 + i));
        assert_true(svm_get_msr(&w->v, msrs[i], &value));
        assert_int_equal(value, 0x1000 + i);
    }
    assert_false(svm_set_msr(&w->v, MSR_LSTAR, 1ULL << 50));
    assert_false(svm_set_msr(&w->v, MSR_PAT, 2));
    assert_false(svm_set_msr(&w->v, 0x1234, 0));
    assert_false(svm_get_msr(&w->v, 0x1234, &value));
    assert_true(svm_set_msr(&w->v, MSR_PAT, 0x0007040600070406ULL));
}

static void msr_maps_deny_what_was_not_allowed(void **state)
{
    struct world *w = *state;

    svm_msr_bitmap_allow(w->msr_bitmap, 0x174, true, false);
    assert_int_equal(w->msr_bitmap[0x174 * 2 / 8], 0xfe);
    svm_msr_bitmap_allow(w->msr_bitmap, 0xc0000101, true, true);
    assert_int_equal(w->msr_bitmap[0x800 + 0x101 * 2 / 8], 0xf3);
    svm_msr_bitmap_allow(w->msr_bitmap, 0xc0011fff, false, true);
    assert_int_equal(w->msr_bitmap[0x17ff], 0x7f);
    svm_msr_bitmap_allow(w->msr_bitmap, 0x40000000, true, true);      /* has no bit */
    assert_int_equal(w->msr_bitmap[0], 0xff);
}

static void port_maps_deny_what_was_not_allowed(void **state)
{
    struct world *w = *state;

    svm_io_bitmap_allow(w->io_bitmap, 0x3f8, 0x3ff);
    assert_int_equal(w->io_bitmap[0x3f8 / 8], 0);
    assert_int_equal(w->io_bitmap[0x3f8 / 8 - 1], 0xff);
    svm_io_bitmap_allow(w->io_bitmap, 0xffff, 0xffff);
    assert_int_equal(w->io_bitmap[0x1fff], 0x7f);
    assert_int_equal(w->io_bitmap[0x2000], 0xff);
}

static void what_changes_is_told_to_the_cpu(void **state)
{
    struct world *w = *state;
    struct vmcb *b = vmcb_of(&w->v);

#define TELLS(action, group) b->clean = CLEAN_ALL; action; assert_int_equal(b->clean, CLEAN_ALL & ~(group))
    TELLS(svm_set_dr7(&w->v, 0), CLEAN_DR);
    TELLS(svm_set_tsc_offset(&w->v, 5), CLEAN_INTERCEPTS);
    TELLS(svm_set_dr_exiting(&w->v, false), CLEAN_INTERCEPTS);
    TELLS(assert_true(svm_set_cr(&w->v, 3, 0x1000)), CLEAN_CR);
    TELLS(assert_true(svm_set_msr(&w->v, MSR_PAT, 0)), CLEAN_NESTED);
    TELLS(svm_set_table(&w->v, true, &(struct guest_table){ 0 }), CLEAN_DT);
    TELLS(svm_set_seg(&w->v, SEG_DS, &(struct guest_seg){ 0 }), CLEAN_SEG);
    TELLS(svm_set_rip(&w->v, 7), 0);
#undef TELLS
}

static void start_up_and_pvh_entry(void **state)
{
    struct world *w = *state;
    struct guest_seg cs;
    struct guest_mode m;

    svm_set_sipi(&w->v, 0x9a);
    svm_get_seg(&w->v, SEG_CS, &cs);
    assert_int_equal(cs.selector, 0x9a00);
    assert_int_equal(cs.base, 0x9a000);
    assert_int_equal(svm_get_rip(&w->v), 0);
    svm_set_pvh_entry(&w->v, 0x1000000, 0x2000);
    svm_get_mode(&w->v, &m);
    assert_true(m.code32);
    assert_int_equal(m.cr0, CR0_PE | CR0_ET);
    assert_int_equal(w->v.regs.rbx, 0x2000);
    assert_int_equal(svm_get_rip(&w->v), 0x1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(reset_is_that_of_the_manual),
        W(the_caches_stay_on_and_the_guest_does_not_see_it),
        W(machine_checks_stay_on_and_the_guest_does_not_see_it),
        W(cr4_has_the_bits_of_the_cpu),
        W(long_mode_comes_with_paging),
        W(segments_come_back_as_they_went_in),
        W(msrs_have_their_place_and_their_legal_values),
        W(msr_maps_deny_what_was_not_allowed),
        W(port_maps_deny_what_was_not_allowed),
        W(what_changes_is_told_to_the_cpu),
        W(start_up_and_pvh_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
