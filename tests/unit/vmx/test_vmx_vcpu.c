/* SPDX-License-Identifier: BSD-2-Clause */
#include <vmx/vmx.h>

#include "world.h"

#include <errno.h>

static uint64_t get(unsigned int encoding) { return vmcs_fake_get(encoding); }

static void every_field_has_the_width_and_access_that_its_encoding_says(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < vmcs_field_count; i++) {
        const struct vmcs_field *f = &vmcs_fields[i];

        assert_int_equal((f->encoding >> 13) & 3, f->width);
        assert_int_equal(((f->encoding >> 10) & 3) == 1, f->access == VMCS_ACCESS_RO);
        assert_int_equal(f->encoding & 0x9001, 0);
        for (unsigned int k = 0; k < i; k++)
            assert_int_not_equal(vmcs_fields[k].encoding, f->encoding);
        assert_string_equal(vmcs_field_name(f->encoding), f->name);
    }
    assert_string_equal(vmcs_field_name(0x7ffe), "unknown field");
}

static void fields_of_a_segment_are_where_the_table_has_them(void **state)
{
    (void)state;
    assert_int_equal(seg_selector(SEG_GS).encoding, GUEST_GS_SELECTOR.encoding);
    assert_int_equal(seg_limit(SEG_LDTR).encoding, GUEST_LDTR_LIMIT.encoding);
    assert_int_equal(seg_attr(SEG_TR).encoding, GUEST_TR_ATTR.encoding);
    assert_int_equal(seg_base(SEG_FS).encoding, GUEST_FS_BASE.encoding);
}

static void an_access_that_fails_ends_in_a_bug_with_the_fields_name(void **state)
{
    struct world *w = *state;

    vmx_unload(&w->v);
    FAKE_EXPECT_BUG((void)vmreadn(GUEST_RIP));
    FAKE_EXPECT_BUG(vmwriten(GUEST_RIP, 1));
    vmx_load(&w->v);
    FAKE_EXPECT_BUG(vmwrite32(INFO_EXIT_REASON, 1));
}

static void a_fresh_vmcs_has_the_controls_of_its_configuration(void **state)
{
    struct world *w = *state;
    uint64_t cpu = get(CTL_CPU_BASED.encoding), secondary = get(CTL_SECONDARY.encoding);

    assert_true(cpu & CPU_MSR_BITMAPS);
    assert_true(cpu & CPU_IO_BITMAPS);
    assert_false(cpu & (CPU_ALL_IO_EXIT | CPU_RDTSC_EXIT | CPU_CR8_LOAD_EXIT));
    assert_true(cpu & CPU_TPR_SHADOW);
    assert_true(secondary & SEC_VPID);
    assert_int_equal(get(CTL_EPT_POINTER.encoding), 0x12345e);
    assert_int_equal(get(CTL_VPID.encoding), 7);
    assert_int_equal(get(CTL_MSR_BITMAP.encoding), virt_to_phys(w->msr_bitmap).v);
    assert_int_equal(get(CTL_IO_BITMAP_B.encoding), virt_to_phys(w->io_bitmap).v + PAGE_SIZE);
    assert_int_equal(get(CTL_VIRTUAL_APIC.encoding), virt_to_phys(w->apic_page).v);
    assert_int_equal(get(CTL_EXCEPTION_BITMAP.encoding), 1 << X86_DB | 1 << X86_AC | 1 << X86_MC);
}

/* In units of the TSC shifted by IA32_VMX_MISC[4:0]; without a limit the timer stays off. */
static void a_run_limit_is_the_preemption_timers(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = { .slat_root = 0x5e, .run_limit = 160000 };
    unsigned int shift = (unsigned int)(cpu_rdmsr(MSR_IA32_VMX_MISC) & 0x1f);
    struct hw_vcpu v;

    assert_false(get(CTL_PIN_BASED.encoding) & PIN_PREEMPT_TIMER);
    vmx_unload(&w->v);
    assert_int_equal(vmx_vcpu_init(&v, &c), 0);
    vmx_load(&v);
    assert_int_equal(!!(get(CTL_PIN_BASED.encoding) & PIN_PREEMPT_TIMER), vmx_features.preempt_timer);
    if (vmx_features.preempt_timer)
        assert_int_equal(get(GUEST_PREEMPT_TIMER.encoding), (160000 >> shift) + 1);
    vmx_unload(&v);
    vmx_vcpu_fini(&v);
    vmx_load(&w->v);
}

static void what_is_not_configured_exits(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = { .slat_root = 0x5e, .rdtsc_exits = true };
    struct hw_vcpu v;

    assert_int_equal(vmx_vcpu_init(&v, &c), 0);
    vmx_load(&v);
    assert_true(get(CTL_CPU_BASED.encoding) & CPU_ALL_IO_EXIT);
    assert_true(get(CTL_CPU_BASED.encoding) & CPU_RDTSC_EXIT);
    assert_true(get(CTL_CPU_BASED.encoding) & CPU_CR8_LOAD_EXIT);
    assert_false(get(CTL_CPU_BASED.encoding) & (CPU_MSR_BITMAPS | CPU_TPR_SHADOW));
    assert_false(get(CTL_SECONDARY.encoding) & SEC_VPID);
    vmx_set_rdtsc_exits(&v, false);
    assert_false(get(CTL_CPU_BASED.encoding) & CPU_RDTSC_EXIT);
    vmx_vcpu_fini(&v);
    vmx_load(&w->v);
}

static void host_state_is_that_of_the_cpu(void **state)
{
    (void)state;
    assert_int_equal(get(HOST_CR0.encoding), cpu_read_cr0());
    assert_true(get(HOST_CR4.encoding) & CR4_VMXE);
    assert_int_equal(get(HOST_GS_BASE.encoding), (uintptr_t)this_cpu());
    assert_int_equal(get(HOST_TR_SELECTOR.encoding), 0x18);
    assert_int_equal(get(HOST_GDTR_BASE.encoding), 0x1000);
    assert_int_equal(get(HOST_EFER.encoding), EFER_LMA | EFER_LME | EFER_NXE | EFER_SCE);
    assert_int_not_equal(get(HOST_RIP.encoding), 0);
}

static void moving_to_another_cpu_takes_its_host_state_and_forgets_translations(void **state)
{
    struct world *w = *state;
    unsigned int writes, flushes;

    fake_cpu_set_count(2);
    w->v.slat_generation = 5;
    vmx_unload(&w->v);
    writes = vmcs_fake_counts.writes;
    vmx_load(&w->v);
    assert_int_equal(vmcs_fake_counts.writes, writes);        /* the same CPU: nothing to write */
    assert_int_equal(w->v.slat_generation, 5);
    vmx_unload(&w->v);
    fake_cpu_switch(1);
    assert_null(vmx_cpu_enable());
    flushes = vmcs_fake_counts.invvpids;
    vmx_load(&w->v);
    assert_int_equal(vmcs_fake_counts.invvpids, flushes + 1);
    assert_int_equal(get(HOST_TR_BASE.encoding), 0x3001);
    assert_int_equal(get(HOST_GS_BASE.encoding), (uintptr_t)this_cpu());
    assert_int_equal(w->v.slat_generation, UINT64_MAX);
    vmx_unload(&w->v);
    vmx_cpu_disable();
    fake_cpu_switch(0);
    vmx_load(&w->v);
}

static void debug_registers_exit_again_after_every_load(void **state)
{
    struct world *w = *state;

    vmx_set_dr_exiting(&w->v, false);
    assert_false(get(CTL_CPU_BASED.encoding) & CPU_MOV_DR_EXIT);
    vmx_unload(&w->v);
    vmx_load(&w->v);
    assert_true(get(CTL_CPU_BASED.encoding) & CPU_MOV_DR_EXIT);
}

static void loading_what_is_active_elsewhere_is_a_bug(void **state)
{
    struct world *w = *state;

    fake_cpu_set_count(2);
    fake_cpu_switch(1);
    assert_null(vmx_cpu_enable());
    FAKE_EXPECT_BUG(vmx_load(&w->v));
    vmx_cpu_disable();
    fake_cpu_switch(0);
}

static void the_msrs_follow_the_vcpu(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    struct hw_vcpu other;
    uint64_t value;

    assert_int_equal(vmx_vcpu_init(&other, &c), 0);
    assert_true(vmx_set_msr(&w->v, MSR_IA32_LSTAR, 0xffffffff81000000));
    assert_int_equal(fake_msr_get(MSR_IA32_LSTAR), 0xffffffff81000000);
    cpu_wrmsr(MSR_IA32_KERNEL_GS_BASE, 0x4000);               /* the guest's SWAPGS */
    vmx_load(&other);
    assert_int_equal(fake_msr_get(MSR_IA32_LSTAR), 0);
    assert_int_equal(fake_msr_get(MSR_IA32_KERNEL_GS_BASE), 0);
    vmx_load(&w->v);
    assert_int_equal(fake_msr_get(MSR_IA32_LSTAR), 0xffffffff81000000);
    assert_true(vmx_get_msr(&w->v, MSR_IA32_KERNEL_GS_BASE, &value));
    assert_int_equal(value, 0x4000);
    vmx_vcpu_fini(&other);
}

static void borrowing_leaves_the_loaded_vcpu_as_it_was(void **state)
{
    struct world *w = *state;
    struct hw_vcpu_config c = world_config(w);
    struct hw_vcpu other, *previous;
    uint64_t value;

    assert_int_equal(vmx_vcpu_init(&other, &c), 0);
    assert_int_equal(vmx(&other)->loaded_on, -1);
    vmx_set_rip(&w->v, 0x1111);
    assert_true(vmx_set_msr(&w->v, MSR_IA32_STAR, 5));
    previous = vmx_borrow(&other);
    vmx_set_pvh_entry(&other, 0x2222, 0);
    assert_true(vmx_set_msr(&other, MSR_IA32_STAR, 6));
    assert_true(vmx_get_msr(&other, MSR_IA32_STAR, &value));
    assert_int_equal(value, 6);
    vmx_give_back(&other, previous);
    assert_int_equal(vmx_get_rip(&w->v), 0x1111);
    assert_int_equal(fake_msr_get(MSR_IA32_STAR), 5);
    previous = vmx_borrow(&w->v);                             /* itself */
    vmx_give_back(&w->v, previous);
    assert_int_equal(get(GUEST_RIP.encoding), 0x1111);
    vmx_load(&other);
    assert_int_equal(fake_msr_get(MSR_IA32_STAR), 6);
    assert_int_equal(vmx_get_rip(&other), 0x2222);
    vmx_vcpu_fini(&other);
    vmx_load(&w->v);
}

static void guest_does_cpuid(struct hw_vcpu *v, bool launch)
{
    v->regs.rax = launch ? 1 : 2;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 10);
    vmcs_fake_set(INFO_INSN_LEN.encoding, 2);
}

static void a_cpuid_exit_costs_two_reads_and_the_step_over_it_three(void **state)
{
    struct world *w = *state;
    unsigned int reads, writes;
    struct vmexit x;

    vmcs_fake_guest(guest_does_cpuid);
    vmx_enter(&w->v, &x);
    reads = vmcs_fake_counts.reads;
    writes = vmcs_fake_counts.writes;
    vmx_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_CPUID);
    assert_int_equal(x.insn_len, 2);
    assert_int_equal(vmcs_fake_counts.reads, reads + 2);
    vmx_skip(&w->v, x.insn_len);
    assert_int_equal(vmx_irq_blocked(&w->v), HW_BLOCKED_IF);
    assert_int_equal(vmcs_fake_counts.reads, reads + 5);
    assert_int_equal(vmcs_fake_counts.writes, writes + 1);
}

static void the_first_entry_launches_and_the_next_resumes_until_the_vmcs_is_cleared(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_does_cpuid);
    vmx_enter(&w->v, &x);
    assert_int_equal(w->v.regs.rax, 1);
    vmx_enter(&w->v, &x);
    assert_int_equal(w->v.regs.rax, 2);
    vmx_suspend(&w->v);
    vmx_load(&w->v);
    vmx_enter(&w->v, &x);
    assert_int_equal(w->v.regs.rax, 2);
    vmx_unload(&w->v);
    vmx_load(&w->v);
    vmx_enter(&w->v, &x);
    assert_int_equal(w->v.regs.rax, 1);
    assert_int_equal(x.reason, EXIT_CPUID);
}

static void an_entry_that_fails_is_an_exit_with_the_error_number(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(NULL);
    vmx_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_ENTRY_FAILED);
    assert_int_equal(x.fail_code, 7);
    assert_false(vmx(&w->v)->launched);
}

static void guest_has_a_bad_state(struct hw_vcpu *v, bool launch)
{
    (void)v;
    (void)launch;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 0x80000021);
}

static void a_bad_guest_state_neither_launches_nor_leaves_an_event_behind(void **state)
{
    struct world *w = *state;
    struct hv_event e = { .valid = true, .type = EVENT_EXTINT, .vector = 0x30 };
    struct vmexit x;

    vmcs_fake_guest(guest_has_a_bad_state);
    vmx_inject(&w->v, &e);
    vmx_enter(&w->v, &x);
    assert_int_equal(x.reason, EXIT_BAD_STATE);
    assert_false(vmx(&w->v)->launched);
    assert_false(w->v.event.valid);
    assert_int_equal(get(CTL_ENTRY_INTR_INFO.encoding), 0);
}

static void guest_reads_cr0_into_rsp(struct hw_vcpu *v, bool launch)
{
    (void)v;
    (void)launch;
    vmcs_fake_set(INFO_EXIT_REASON.encoding, 28);
    vmcs_fake_set(INFO_QUALIFICATION.encoding, 0x400);
    vmcs_fake_set(GUEST_RSP.encoding, 0x7654);
}

static void a_register_number_of_an_exit_is_an_index_for_rsp_too(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_reads_cr0_into_rsp);
    vmx_enter(&w->v, &x);
    assert_int_equal(x.cr.gpr, GPR_RSP);
    assert_int_equal(w->v.regs.gpr[x.cr.gpr], 0x7654);
}

static void spec_ctrl_is_the_guests_only_while_it_runs(void **state)
{
    struct world *w = *state;
    struct vmexit x;

    vmcs_fake_guest(guest_does_cpuid);
    assert_true(vmx_set_msr(&w->v, MSR_IA32_SPEC_CTRL, 1));
    assert_false(vmx_set_msr(&w->v, MSR_IA32_SPEC_CTRL, 8));
    fake_msr_set(MSR_IA32_SPEC_CTRL, 0x55);
    vmx_enter(&w->v, &x);
    assert_int_equal(fake_msr_get(MSR_IA32_SPEC_CTRL), 0);
}

static void an_unlocked_feature_control_is_set_and_locked(void **state)
{
    (void)state;
    world_machine(CAPS_unlocked);
    assert_null(vmx_probe());
    assert_null(vmx_cpu_enable());
    assert_int_equal(fake_msr_get(MSR_IA32_FEATURE_CONTROL), FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON);
    assert_true(cpu_read_cr4() & CR4_VMXE);
    vmx_cpu_disable();
    assert_false(cpu_read_cr4() & CR4_VMXE);
    vmx_cpu_disable();
}

static void vmxon_that_fails_gets_a_sentence(void **state)
{
    (void)state;
    world_machine(CAPS_server);
    assert_null(vmx_probe());
    vmcs_fake_no_vmxon = true;
    assert_non_null(strstr(vmx_cpu_enable(), "VMXON"));
}

static void a_cpu_of_another_kind_is_not_enabled(void **state)
{
    (void)state;
    world_machine(CAPS_server);
    assert_null(vmx_probe());
    fake_msr_set(MSR_IA32_VMX_PROCBASED_CTLS2, caps_dumps[CAPS_early_ept].caps.secondary);
    assert_non_null(strstr(vmx_cpu_enable(), "differs"));
}

static void a_machine_without_vmx_is_said_to_be_one_without_touching_its_msrs(void **state)
{
    (void)state;
    world_machine(CAPS_server);
    fake_cpuid_set(1, 0, (struct cpuid_regs){ 0, 0, 0, 0 });
    assert_non_null(strstr(vmx_probe(), "VT-x"));
}

static void the_dump_works_for_a_vcpu_that_is_not_loaded(void **state)
{
    struct world *w = *state;

    vmx_unload(&w->v);
    vmx_dump(&w->v);
    assert_int_equal(vmx(&w->v)->loaded_on, -1);
    vmx_load(&w->v);
}

static void eptp_and_tsc(void **state)
{
    struct world *w = *state;

    w->v.slat_generation = 3;
    vmx_set_eptp(&w->v, 0x12345e);
    assert_int_equal(w->v.slat_generation, 3);
    vmx_set_eptp(&w->v, 0x77775e);
    assert_int_equal(get(CTL_EPT_POINTER.encoding), 0x77775e);
    assert_int_equal(w->v.slat_generation, UINT64_MAX);
    vmx_set_tsc_offset(&w->v, (uint64_t)-5);
    assert_int_equal(get(CTL_TSC_OFFSET.encoding), (uint64_t)-5);
    vmx_set_tsc_multiplier(&w->v, 3ULL << 47);
    assert_true(get(CTL_SECONDARY.encoding) & SEC_TSC_SCALING);
    assert_int_equal(get(CTL_TSC_MULTIPLIER.encoding), 3ULL << 47);
    vmx_set_tsc_multiplier(&w->v, 1ULL << 48);
    assert_false(get(CTL_SECONDARY.encoding) & SEC_TSC_SCALING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_the_width_and_access_that_its_encoding_says),
        cmocka_unit_test(fields_of_a_segment_are_where_the_table_has_them),
        W(an_access_that_fails_ends_in_a_bug_with_the_fields_name),
        W(a_fresh_vmcs_has_the_controls_of_its_configuration),
        W(a_run_limit_is_the_preemption_timers),
        W(what_is_not_configured_exits),
        W(host_state_is_that_of_the_cpu),
        W(moving_to_another_cpu_takes_its_host_state_and_forgets_translations),
        W(debug_registers_exit_again_after_every_load),
        W(loading_what_is_active_elsewhere_is_a_bug),
        W(the_msrs_follow_the_vcpu),
        W(borrowing_leaves_the_loaded_vcpu_as_it_was),
        W(a_cpuid_exit_costs_two_reads_and_the_step_over_it_three),
        W(the_first_entry_launches_and_the_next_resumes_until_the_vmcs_is_cleared),
        W(an_entry_that_fails_is_an_exit_with_the_error_number),
        W(a_bad_guest_state_neither_launches_nor_leaves_an_event_behind),
        W(a_register_number_of_an_exit_is_an_index_for_rsp_too),
        W(spec_ctrl_is_the_guests_only_while_it_runs),
        cmocka_unit_test(an_unlocked_feature_control_is_set_and_locked),
        cmocka_unit_test(vmxon_that_fails_gets_a_sentence),
        cmocka_unit_test(a_cpu_of_another_kind_is_not_enabled),
        cmocka_unit_test(a_machine_without_vmx_is_said_to_be_one_without_touching_its_msrs),
        W(the_dump_works_for_a_vcpu_that_is_not_loaded),
        W(eptp_and_tsc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
