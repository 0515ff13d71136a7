/* SPDX-License-Identifier: BSD-2-Clause */
#include <vmx/vmx.h>

#include "world.h"

static uint32_t entry_ctl(void) { return (uint32_t)vmcs_fake_get(CTL_ENTRY.encoding); }
static uint64_t get(struct vmcs_nat f) { return vmcs_fake_get(f.encoding); }

static void power_up_state_is_that_of_the_manual(void **state)
{
    struct world *w = *state;
    struct guest_seg cs, ds, tr;

    vmx_get_seg(&w->v, SEG_CS, &cs);
    vmx_get_seg(&w->v, SEG_DS, &ds);
    vmx_get_seg(&w->v, SEG_TR, &tr);
    assert_int_equal(cs.selector, 0xf000);
    assert_int_equal(cs.base, 0xffff0000);
    assert_int_equal(cs.attr, 0x9b);
    assert_int_equal(ds.attr, 0x93);
    assert_int_equal(tr.attr, 0x8b);
    assert_int_equal(vmx_get_rip(&w->v), 0xfff0);
    assert_int_equal(vmx_get_rflags(&w->v), 2);
    assert_int_equal(vmx_get_cr(&w->v, 0), 0x60000010);
    assert_int_equal(vmx_get_cr(&w->v, 4), 0);
    assert_int_equal(vmx_get_efer(&w->v), 0);
    assert_int_equal(vmx_get_dr7(&w->v), 0x400);
    assert_int_equal(vmcs_fake_get(GUEST_VMCS_LINK.encoding), UINT64_MAX);
    assert_int_equal(vmx_get_cpl(&w->v), 0);
}

static void the_guest_does_not_see_what_vmx_operation_fixes(void **state)
{
    struct world *w = *state;

    assert_int_equal(get(GUEST_CR0), CR0_NE | CR0_ET);
    assert_int_equal(get(GUEST_CR4), CR4_VMXE | CR4_MCE);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_NE));
    assert_int_equal(vmx_get_cr(&w->v, 0), CR0_PE | CR0_NE | CR0_ET);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_int_equal(vmx_get_cr(&w->v, 0), CR0_PE | CR0_ET);
    assert_int_equal(get(GUEST_CR0), CR0_PE | CR0_NE | CR0_ET);
    assert_false(vmx_set_cr(&w->v, 4, CR4_VMXE));
    assert_true(vmx_set_cr(&w->v, 4, CR4_MCE | CR4_PAE));
    assert_int_equal(vmx_get_cr(&w->v, 4), CR4_MCE | CR4_PAE);
}

static void the_caches_stay_on_whatever_the_guest_thinks(void **state)
{
    struct world *w = *state;

    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_CD | CR0_NW));
    assert_int_equal(vmx_get_cr(&w->v, 0), CR0_PE | CR0_CD | CR0_NW | CR0_ET);
    assert_int_equal(get(GUEST_CR0) & (CR0_CD | CR0_NW), 0);
    assert_false(vmx_set_cr(&w->v, 0, CR0_PE | CR0_NW));
}

static void impossible_values_of_cr0_are_refused(void **state)
{
    struct world *w = *state;

    assert_false(vmx_set_cr(&w->v, 0, CR0_PG));
    assert_false(vmx_set_cr(&w->v, 0, CR0_PE | 1ULL << 32));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | 1ULL << 10));
    assert_int_equal(vmx_get_cr(&w->v, 0), CR0_PE | CR0_ET);
    assert_false(vmx_set_cr(&w->v, 2, 0));
}

static void long_mode_begins_with_paging_and_ends_with_it(void **state)
{
    struct world *w = *state;

    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_true(vmx_set_efer(&w->v, EFER_LME | EFER_NXE));
    assert_false(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));       /* without PAE */
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE));
    assert_int_equal(entry_ctl() & ENTRYCTL_IA32E, 0);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    assert_int_equal(vmx_get_efer(&w->v), EFER_LME | EFER_LMA | EFER_NXE);
    assert_int_equal(entry_ctl() & ENTRYCTL_IA32E, ENTRYCTL_IA32E);
    assert_false(vmx_pdptes_wanted(&w->v));
    assert_false(vmx_set_cr(&w->v, 4, 0));                     /* PAE is in use */
    assert_false(vmx_set_efer(&w->v, 0));                      /* LME too */
    assert_true(vmx_set_efer(&w->v, EFER_LME | EFER_SCE));     /* LMA as written does not count */
    assert_int_equal(vmx_get_efer(&w->v), EFER_LME | EFER_LMA | EFER_SCE);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_int_equal(vmx_get_efer(&w->v), EFER_LME | EFER_SCE);
    assert_int_equal(entry_ctl() & ENTRYCTL_IA32E, 0);
}

static void sixty_four_bit_code_cannot_end_long_mode(void **state)
{
    struct world *w = *state;
    struct guest_seg cs = { 8, UINT32_MAX, 0xa09b, 0 };

    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_true(vmx_set_efer(&w->v, EFER_LME));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    vmx_set_seg(&w->v, SEG_CS, &cs);
    assert_true(vmx_is_code64(&w->v));
    assert_false(vmx_set_cr(&w->v, 0, CR0_PE));
    cs.attr = 0xc09b;
    vmx_set_seg(&w->v, SEG_CS, &cs);
    assert_false(vmx_is_code64(&w->v));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE | CR4_PCIDE));
    assert_false(vmx_set_cr(&w->v, 0, CR0_PE));                /* PCIDE must go first */
}

static void pae_paging_asks_for_pdptes_and_checks_them(void **state)
{
    struct world *w = *state;
    uint64_t bad[4] = { 0x1001, 0, 0x3003, 0 }, good[4] = { 0x1001, 0, 0x3001, ~1ULL };
    struct guest_mode m;

    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE));
    assert_false(vmx_pdptes_wanted(&w->v));
    assert_true(vmx_set_cr(&w->v, 3, 0x5020));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    assert_true(vmx_pdptes_wanted(&w->v));
    assert_false(vmx_set_pdptes(&w->v, bad));
    assert_true(vmx_pdptes_wanted(&w->v));
    assert_true(vmx_set_pdptes(&w->v, good));
    assert_false(vmx_pdptes_wanted(&w->v));
    vmx_get_mode(&w->v, &m);
    assert_int_equal(m.pdpte[2], 0x3001);
    assert_int_equal(m.cr3, 0x5020);
    assert_false(m.long_mode);
    assert_true(vmx_set_cr(&w->v, 3, 0x6000));
    assert_true(vmx_pdptes_wanted(&w->v));
}

static void pcid_needs_long_mode_and_a_zero_pcid(void **state)
{
    struct world *w = *state;

    assert_false(vmx_set_cr(&w->v, 4, CR4_PAE | CR4_PCIDE));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_true(vmx_set_efer(&w->v, EFER_LME));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    assert_true(vmx_set_cr(&w->v, 3, 0x1001));
    assert_false(vmx_set_cr(&w->v, 4, CR4_PAE | CR4_PCIDE));
    assert_true(vmx_set_cr(&w->v, 3, 0x1000));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE | CR4_PCIDE));
    assert_true(vmx_set_cr(&w->v, 3, 1ULL << 63 | 0x2005));
    assert_int_equal(vmx_get_cr(&w->v, 3), 0x2005);
    assert_false(vmx_set_cr(&w->v, 3, 1ULL << 60));
}

static void cr4_offers_what_the_cpu_has_and_the_policy_allows(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    struct hw_vcpu other;

    assert_false(vmx_set_cr(&w->v, 4, CR4_LA57));
    assert_false(vmx_set_cr(&w->v, 4, CR4_SMXE));
    assert_true(vmx_set_cr(&w->v, 4, CR4_SMEP | CR4_SMAP));
    c.cr4_allowed = CR4_PAE | CR4_PGE | CR4_LA57;
    assert_int_equal(vmx_vcpu_init(&other, &c), 0);
    vmx_load(&other);
    assert_true(vmx_set_cr(&other, 4, CR4_PAE | CR4_PGE));
    assert_false(vmx_set_cr(&other, 4, CR4_SMEP));
    assert_false(vmx_set_cr(&other, 4, CR4_LA57));
    assert_int_equal(get(CTL_CR4_MASK), ~(CR4_PAE | CR4_PGE) | CR4_MCE);
    vmx_vcpu_fini(&other);
    vmx_load(&w->v);
}

static void changes_of_translation_flush_the_vpid_and_others_do_not(void **state)
{
    struct world *w = *state;
    unsigned int before;

    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    before = vmcs_fake_counts.invvpids;
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_TS));
    assert_int_equal(vmcs_fake_counts.invvpids, before);
    assert_true(vmx_set_cr(&w->v, 4, CR4_PGE));
    assert_int_equal(vmcs_fake_counts.invvpids, before + 1);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_WP));
    assert_int_equal(vmcs_fake_counts.invvpids, before + 2);
    assert_true(vmx_set_efer(&w->v, EFER_NXE));
    assert_int_equal(vmcs_fake_counts.invvpids, before + 3);
}

static void efer_takes_only_its_bits(void **state)
{
    struct world *w = *state;

    assert_false(vmx_set_efer(&w->v, 1ULL << 12));
    assert_false(vmx_set_efer(&w->v, 1ULL << 63));
    assert_true(vmx_set_efer(&w->v, EFER_SCE));
    assert_int_equal(vmx_get_efer(&w->v), EFER_SCE);
}

static void pvh_entry_is_flat_32_bit_with_paging_off(void **state)
{
    struct world *w = *state;
    struct guest_seg s;
    struct guest_mode m;

    vmx_set_pvh_entry(&w->v, 0x1000200, 0x5000);
    assert_int_equal(vmx_get_rip(&w->v), 0x1000200);
    assert_int_equal(w->v.regs.rbx, 0x5000);
    vmx_get_mode(&w->v, &m);
    assert_int_equal(m.cr0, CR0_PE | CR0_ET);
    assert_int_equal(m.cr4, 0);
    assert_true(m.code32);
    assert_false(m.code64);
    assert_int_equal(m.rflags, 2);
    vmx_get_seg(&w->v, SEG_CS, &s);
    assert_int_equal(s.limit, UINT32_MAX);
    assert_int_equal(s.attr, 0xc09b);
    vmx_get_seg(&w->v, SEG_SS, &s);
    assert_int_equal(s.attr, 0xc093);
    vmx_get_seg(&w->v, SEG_TR, &s);
    assert_int_equal(s.limit, 0x67);
}

static void a_startup_ipi_begins_in_real_mode_at_its_page(void **state)
{
    struct world *w = *state;
    struct guest_seg cs;

    vmx_set_pvh_entry(&w->v, 0x1000, 0);
    vmx_set_sipi(&w->v, 0x9a);
    vmx_get_seg(&w->v, SEG_CS, &cs);
    assert_int_equal(cs.selector, 0x9a00);
    assert_int_equal(cs.base, 0x9a000);
    assert_int_equal(vmx_get_rip(&w->v), 0);
    assert_int_equal(vmx_get_cr(&w->v, 0) & CR0_PE, 0);
}

static void skip_moves_rip_ends_the_shadow_and_keeps_single_steps(void **state)
{
    struct world *w = *state;

    vmx_set_rip(&w->v, 0x1000);
    vmcs_fake_set(GUEST_INTERRUPTIBILITY.encoding, BLOCKED_BY_STI | BLOCKED_BY_NMI);
    vmx(&w->v)->cached = 0;
    vmx_skip(&w->v, 3);
    assert_int_equal(get(GUEST_RIP), 0x1003);
    assert_int_equal(vmcs_fake_get(GUEST_INTERRUPTIBILITY.encoding), BLOCKED_BY_NMI);
    assert_int_equal(get(GUEST_PENDING_DEBUG), 0);
    vmx_set_rflags(&w->v, RFLAGS_TF | RFLAGS_RF);
    vmx_skip(&w->v, 1);
    assert_int_equal(get(GUEST_PENDING_DEBUG), PENDING_DEBUG_BS);
    assert_int_equal(vmx_get_rflags(&w->v), RFLAGS_TF | 2);
    vmcs_fake_set(GUEST_PENDING_DEBUG.encoding, 0);
    assert_true(vmx_set_msr(&w->v, MSR_IA32_DEBUGCTL, DEBUGCTL_BTF));
    vmx_skip(&w->v, 1);
    assert_int_equal(get(GUEST_PENDING_DEBUG), 0);             /* only branches are stepped */
}

static void rip_wraps_at_4_gib_outside_64_bit_code_only(void **state)
{
    struct world *w = *state;
    struct guest_seg cs = { 8, UINT32_MAX, 0xa09b, 0 };

    vmx_set_rip(&w->v, 0xfffffffe);
    vmx_skip(&w->v, 3);
    assert_int_equal(vmx_get_rip(&w->v), 1);
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE));
    assert_true(vmx_set_efer(&w->v, EFER_LME));
    assert_true(vmx_set_cr(&w->v, 4, CR4_PAE));
    assert_true(vmx_set_cr(&w->v, 0, CR0_PE | CR0_PG));
    vmx_set_seg(&w->v, SEG_CS, &cs);
    vmx_set_rip(&w->v, 0xfffffffe);
    vmx_skip(&w->v, 3);
    assert_int_equal(vmx_get_rip(&w->v), 0x100000001ULL);
}

static void segments_and_tables_come_back_as_set(void **state)
{
    struct world *w = *state;
    struct guest_table t = { 0xffff800000001000ULL, 0x12345 }, u;

    for (unsigned int i = 0; i < SEG_COUNT; i++) {
        struct guest_seg in = { (uint16_t)(8 * i), 1000 + i, 0x93, 0x10000 * i }, out;

        vmx_set_seg(&w->v, (enum seg)i, &in);
        vmx_get_seg(&w->v, (enum seg)i, &out);
        assert_int_equal(out.selector, in.selector);
        assert_int_equal(out.limit, in.limit);
        assert_int_equal(out.attr, in.attr);
        assert_int_equal(out.base, in.base);
    }
    assert_int_equal(vmcs_fake_get(GUEST_GS_LIMIT.encoding), 1000 + SEG_GS);
    assert_int_equal(get(GUEST_TR_BASE), 0x10000 * SEG_TR);
    vmx_set_table(&w->v, true, &t);
    vmx_get_table(&w->v, true, &u);
    assert_int_equal(u.base, t.base);
    assert_int_equal(u.limit, 0x2345);
    vmx_get_table(&w->v, false, &u);
    assert_int_equal(u.base, 0);
}

static void cpl_is_that_of_the_stack_segment(void **state)
{
    struct world *w = *state;
    struct guest_seg ss = { 0x2b, UINT32_MAX, 0xc0f3, 0 };

    vmx_set_seg(&w->v, SEG_SS, &ss);
    assert_int_equal(vmx_get_cpl(&w->v), 3);
}

static void rsp_is_a_register_like_the_others_for_who_asks_by_number(void **state)
{
    struct world *w = *state;

    vmx_set_gpr(&w->v, GPR_RSP, 0x8000);
    assert_int_equal(get(GUEST_RSP), 0x8000);
    vmx_set_gpr(&w->v, GPR_R9, 9);
    assert_int_equal(w->v.regs.r9, 9);
    assert_int_equal(vmx_get_gpr(&w->v, GPR_RSP), 0x8000);
    assert_int_equal(vmx_get_gpr(&w->v, GPR_R9), 9);
}

static void flags_and_dr7_keep_their_fixed_bits(void **state)
{
    struct world *w = *state;

    vmx_set_rflags(&w->v, UINT64_MAX);
    assert_int_equal(vmx_get_rflags(&w->v), 0x3f7fd7);
    vmx_set_dr7(&w->v, UINT64_MAX);
    assert_int_equal(vmx_get_dr7(&w->v), 0xffff2fff);
    vmx_set_dr7(&w->v, 0);
    assert_int_equal(vmx_get_dr7(&w->v), 0x400);
}

static void a_value_read_twice_is_vmread_once_and_an_unchanged_one_not_written(void **state)
{
    struct world *w = *state;
    unsigned int reads, writes;

    vmx(&w->v)->cached = 0;
    reads = vmcs_fake_counts.reads;
    (void)vmx_get_rip(&w->v);
    (void)vmx_get_rip(&w->v);
    assert_int_equal(vmcs_fake_counts.reads, reads + 1);
    writes = vmcs_fake_counts.writes;
    vmx_set_rip(&w->v, vmx_get_rip(&w->v));
    assert_int_equal(vmcs_fake_counts.writes, writes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(power_up_state_is_that_of_the_manual),
        W(the_guest_does_not_see_what_vmx_operation_fixes),
        W(the_caches_stay_on_whatever_the_guest_thinks),
        W(impossible_values_of_cr0_are_refused),
        W(long_mode_begins_with_paging_and_ends_with_it),
        W(sixty_four_bit_code_cannot_end_long_mode),
        W(pae_paging_asks_for_pdptes_and_checks_them),
        W(pcid_needs_long_mode_and_a_zero_pcid),
        W(cr4_offers_what_the_cpu_has_and_the_policy_allows),
        W(changes_of_translation_flush_the_vpid_and_others_do_not),
        W(efer_takes_only_its_bits),
        W(pvh_entry_is_flat_32_bit_with_paging_off),
        W(a_startup_ipi_begins_in_real_mode_at_its_page),
        W(skip_moves_rip_ends_the_shadow_and_keeps_single_steps),
        W(rip_wraps_at_4_gib_outside_64_bit_code_only),
        W(segments_and_tables_come_back_as_set),
        W(cpl_is_that_of_the_stack_segment),
        W(rsp_is_a_register_like_the_others_for_who_asks_by_number),
        W(flags_and_dr7_keep_their_fixed_bits),
        W(a_value_read_twice_is_vmread_once_and_an_unchanged_one_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
