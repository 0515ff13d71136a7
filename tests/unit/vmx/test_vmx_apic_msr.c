/* SPDX-License-Identifier: BSD-2-Clause */
#include <vmx/vmx.h>

#include "cpu.h"
#include "world.h"

static uint64_t get(unsigned int encoding) { return vmcs_fake_get(encoding); }

static bool msr_exits(const uint8_t *bitmap, uint32_t msr, bool write)
{
    uint32_t bit = msr & 0x1fff;

    bitmap += (msr >= 0xc0000000 ? 0x400 : 0) + (write ? 0x800 : 0);
    return (bitmap[bit / 8] >> (bit % 8)) & 1;
}

static void bitmaps_let_through_exactly_what_they_are_told(void **state)
{
    struct world *w = *state;
    unsigned int open = 0;

    vmx_msr_bitmap_allow(w->msr_bitmap, 0x174, true, false);
    vmx_msr_bitmap_allow(w->msr_bitmap, 0xc0000101, true, true);
    vmx_msr_bitmap_allow(w->msr_bitmap, 0xc0001fff, false, true);
    vmx_msr_bitmap_allow(w->msr_bitmap, 0x1fff, true, true);
    vmx_msr_bitmap_allow(w->msr_bitmap, 0x2000, true, true);           /* has no bit */
    vmx_msr_bitmap_allow(w->msr_bitmap, 0x40000000, true, true);
    vmx_msr_bitmap_allow(w->msr_bitmap, 0xc0002000, true, true);
    assert_false(msr_exits(w->msr_bitmap, 0x174, false));
    assert_true(msr_exits(w->msr_bitmap, 0x174, true));
    assert_false(msr_exits(w->msr_bitmap, 0xc0000101, false));
    assert_false(msr_exits(w->msr_bitmap, 0xc0000101, true));
    assert_true(msr_exits(w->msr_bitmap, 0xc0001fff, false));
    assert_false(msr_exits(w->msr_bitmap, 0x1fff, true));
    for (unsigned int i = 0; i < PAGE_SIZE * 8; i++)
        open += !((w->msr_bitmap[i / 8] >> (i % 8)) & 1);
    assert_int_equal(open, 6);
    vmx_io_bitmap_allow(w->io_bitmap, 0x70, 0x71);
    vmx_io_bitmap_allow(w->io_bitmap, 0xffff, 0xffff);
    open = 0;
    for (unsigned int i = 0; i < 65536; i++)
        open += !((w->io_bitmap[i / 8] >> (i % 8)) & 1);
    assert_int_equal(open, 3);
    assert_int_equal(w->io_bitmap[0x70 / 8], 0xfc);
    assert_int_equal(w->io_bitmap[8191], 0x7f);
}

static void msrs_in_the_vmcs_are_checked_like_the_cpu_does(void **state)
{
    struct world *w = *state;
    uint64_t v;

    assert_true(vmx_set_msr(&w->v, MSR_IA32_GS_BASE, 0xffff888000000000));
    assert_true(vmx_get_msr(&w->v, MSR_IA32_GS_BASE, &v));
    assert_int_equal(v, 0xffff888000000000);
    assert_false(vmx_set_msr(&w->v, MSR_IA32_GS_BASE, 0x8000000000000000));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_LSTAR, 0x0000800000000000));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_SYSENTER_EIP, 1ULL << 60));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_TSC_AUX, 1ULL << 32));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_FMASK, 1ULL << 32));
    assert_true(vmx_set_msr(&w->v, MSR_IA32_PAT, 0x0007040600070406));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_PAT, 0x0207040600070406));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_PAT, 0x0807040600070406));
    assert_true(vmx_set_msr(&w->v, MSR_IA32_DEBUGCTL, 3));
    assert_true(vmx_get_msr(&w->v, MSR_IA32_DEBUGCTL, &v));
    assert_int_equal(v, 2);
    assert_false(vmx_set_msr(&w->v, MSR_IA32_DEBUGCTL, 0x40));
    assert_true(vmx_set_msr(&w->v, MSR_IA32_EFER, EFER_NXE));
    assert_true(vmx_get_msr(&w->v, MSR_IA32_EFER, &v));
    assert_int_equal(v, EFER_NXE);
    assert_true(vmx_set_msr(&w->v, MSR_IA32_SYSENTER_CS, 0x10));
    assert_true(vmx_get_msr(&w->v, MSR_IA32_SYSENTER_CS, &v));
    assert_int_equal(v, 0x10);
    assert_false(vmx_get_msr(&w->v, 0x10, &v));
    assert_false(vmx_set_msr(&w->v, 0x10, 0));
}

static void what_the_cpu_lacks_is_no_msr_of_the_guest(void **state)
{
    struct world *w = world_new(CAPS_early_ept);
    uint64_t v;

    (void)state;
    fake_cpuid_set(7, 0, (struct cpuid_regs){ 0, 0, 0, 0 });
    assert_true(vmx_get_msr(&w->v, MSR_IA32_TSC_AUX, &v));
    vmx_features.rdtscp = false;
    assert_false(vmx_get_msr(&w->v, MSR_IA32_TSC_AUX, &v));
    vmx_features.spec_ctrl = false;
    assert_false(vmx_get_msr(&w->v, MSR_IA32_SPEC_CTRL, &v));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_SPEC_CTRL, 0));
    vmx_vcpu_fini(&w->v);
    free(w);
}

static void the_apic_helps_as_far_as_mode_and_cpu_go(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    struct vmx_features f = vmx_features;
    struct apic_controls a = apic_controls(&f, &c, HW_APIC_XAPIC);

    assert_int_equal(a.cpu, CPU_TPR_SHADOW);
    assert_int_equal(a.secondary, SEC_APIC_ACCESS | SEC_APIC_REGISTER | SEC_VIRTUAL_INTR);
    a = apic_controls(&f, &c, HW_APIC_X2APIC);
    assert_int_equal(a.secondary, SEC_X2APIC | SEC_APIC_REGISTER | SEC_VIRTUAL_INTR);
    assert_int_equal(apic_controls(&f, &c, HW_APIC_OFF).secondary, 0);
    f.virtual_intr_delivery = f.apic_register_virt = false;
    assert_int_equal(apic_controls(&f, &c, HW_APIC_X2APIC).secondary, SEC_X2APIC);
    assert_int_equal(apic_controls(&f, &c, HW_APIC_XAPIC).secondary, SEC_APIC_ACCESS);
    f.x2apic_virt = f.apic_access = false;
    assert_int_equal(apic_controls(&f, &c, HW_APIC_X2APIC).secondary, 0);
    assert_int_equal(apic_controls(&f, &c, HW_APIC_XAPIC).secondary, 0);
    f.tpr_shadow = false;
    assert_int_equal(apic_controls(&f, &c, HW_APIC_OFF).cpu, CPU_CR8_LOAD_EXIT | CPU_CR8_STORE_EXIT);
    f = vmx_features;
    c.virtual_apic = false;
    a = apic_controls(&f, &c, HW_APIC_X2APIC);
    assert_int_equal(a.cpu, CPU_TPR_SHADOW);
    assert_int_equal(a.secondary, 0);
    assert_int_equal(apic_controls(&f, &c, HW_APIC_XAPIC).secondary, SEC_APIC_ACCESS);
    c = world_config(w);
    c.apic_access_page = hpa_of(0);
    assert_int_equal(apic_controls(&f, &c, HW_APIC_XAPIC).secondary, 0);
    c.msr_bitmap_x2apic = NULL;
    assert_int_equal(apic_controls(&f, &c, HW_APIC_X2APIC).secondary, 0);
}

static void the_x2apic_bitmap_is_in_use_only_in_x2apic_mode(void **state)
{
    struct world *w = *state;

    assert_int_equal(get(CTL_MSR_BITMAP.encoding), virt_to_phys(w->msr_bitmap).v);
    vmx_set_apic_mode(&w->v, HW_APIC_X2APIC);
    assert_int_equal(get(CTL_MSR_BITMAP.encoding), virt_to_phys(w->msr_bitmap_x2apic).v);
    assert_true(get(CTL_SECONDARY.encoding) & SEC_X2APIC);
    assert_true(w->v.delivers_interrupts);
    vmx_set_apic_mode(&w->v, HW_APIC_XAPIC);
    assert_int_equal(get(CTL_MSR_BITMAP.encoding), virt_to_phys(w->msr_bitmap).v);
    assert_false(get(CTL_SECONDARY.encoding) & SEC_X2APIC);
    assert_true(get(CTL_SECONDARY.encoding) & SEC_APIC_ACCESS);
    assert_true(get(CTL_SECONDARY.encoding) & SEC_EPT);
    vmx_set_apic_mode(&w->v, HW_APIC_OFF);
    assert_false(w->v.delivers_interrupts);
}

static void x2apic_msrs_let_through_are_those_that_the_cpu_virtualises(void **state)
{
    struct world *w = *state;
    uint8_t *b = w->msr_bitmap_x2apic;

    vmx_msr_bitmap_x2apic(b);
    assert_false(msr_exits(b, 0x802, false));
    assert_true(msr_exits(b, 0x839, false));
    /* Where no register is, an APIC has #GP and the CPU would read the page. */
    assert_true(msr_exits(b, 0x80c, false));
    assert_true(msr_exits(b, 0x80e, false));
    assert_true(msr_exits(b, 0x831, false));
    assert_true(msr_exits(b, 0x8ff, false));
    assert_true(msr_exits(b, 0x830, false));
    assert_true(msr_exits(b, 0x830, true));
    assert_false(msr_exits(b, 0x808, true));
    assert_false(msr_exits(b, 0x80b, true));
    assert_false(msr_exits(b, 0x83f, true));
    assert_true(msr_exits(b, 0x7ff, false));
    assert_true(msr_exits(b, 0x900, false));
    memset(b, 0xff, PAGE_SIZE);
    vmx_features.virtual_intr_delivery = vmx_features.apic_register_virt = false;
    vmx_msr_bitmap_x2apic(b);
    assert_true(msr_exits(b, 0x802, false));
    assert_false(msr_exits(b, 0x808, false));
    assert_true(msr_exits(b, 0x80b, true));
    memset(b, 0xff, PAGE_SIZE);
    vmx_features.x2apic_virt = false;
    vmx_msr_bitmap_x2apic(b);
    assert_true(msr_exits(b, 0x808, false));
}

static void rvi_and_svi_share_a_field(void **state)
{
    struct world *w = *state;
    unsigned int writes;

    vmx_set_apic_mode(&w->v, HW_APIC_X2APIC);
    vmx_set_rvi(&w->v, 0x41);
    vmx_set_svi(&w->v, 0x52);
    assert_int_equal(get(GUEST_INTR_STATUS.encoding), 0x5241);
    assert_int_equal(vmx_get_rvi(&w->v), 0x41);
    writes = vmcs_fake_counts.writes;
    vmx_set_rvi(&w->v, 0x41);
    assert_int_equal(vmcs_fake_counts.writes, writes);
}

static void eoi_exits_are_one_bit_per_vector(void **state)
{
    struct world *w = *state;

    vmx_set_eoi_exit(&w->v, 0x31, true);
    vmx_set_eoi_exit(&w->v, 0xff, true);
    assert_int_equal(get(CTL_EOI_EXIT_0.encoding), 1ULL << 0x31);
    assert_int_equal(get(CTL_EOI_EXIT_3.encoding), 1ULL << 63);
    vmx_set_eoi_exit(&w->v, 0x31, false);
    assert_int_equal(get(CTL_EOI_EXIT_0.encoding), 0);
}

static void the_tpr_threshold_is_never_an_illegal_entry_state(void **state)
{
    struct world *w = *state;

    w->apic_page[0x80] = 0x30;
    vmx_set_tpr_threshold(&w->v, 2);
    assert_int_equal(get(CTL_TPR_THRESHOLD.encoding), 2);
    vmx_set_tpr_threshold(&w->v, 9);
    assert_int_equal(get(CTL_TPR_THRESHOLD.encoding), 3);
    vmx_features.virtual_intr_delivery = false;
    vmx_set_apic_mode(&w->v, HW_APIC_XAPIC);
    vmx_set_tpr_threshold(&w->v, 9);
    assert_int_equal(get(CTL_TPR_THRESHOLD.encoding), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        W(bitmaps_let_through_exactly_what_they_are_told),
        W(msrs_in_the_vmcs_are_checked_like_the_cpu_does),
        cmocka_unit_test(what_the_cpu_lacks_is_no_msr_of_the_guest),
        W(the_apic_helps_as_far_as_mode_and_cpu_go),
        W(the_x2apic_bitmap_is_in_use_only_in_x2apic_mode),
        W(x2apic_msrs_let_through_are_those_that_the_cpu_virtualises),
        W(rvi_and_svi_share_a_field),
        W(eoi_exits_are_one_bit_per_vector),
        W(the_tpr_threshold_is_never_an_illegal_entry_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
