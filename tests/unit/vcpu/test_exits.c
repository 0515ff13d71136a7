/* SPDX-License-Identifier: BSD-2-Clause */
#include "exits.h"

#include "world.h"
#include <pvhvm/viridian.h>
#include <vmx/vmcs_fake.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include <xen/hvm/params.h>

#define UPCALL 0xf3
#define SVR 0x80fU                 /* x2APIC MSR of the spurious vector register */
#define APIC_BASE 0x1bU
#define INTR_STATUS 0x810U         /* VMCS: RVI, and SVI above it */

static const struct vmexit no_exit;

static enum exit_action wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    v->hw.regs.rcx = msr;
    v->hw.regs.rax = (uint32_t)value;
    v->hw.regs.rdx = value >> 32;
    return exit_wrmsr(v, &no_exit);
}

static enum exit_action rdmsr(struct vcpu *v, uint32_t msr)
{
    v->hw.regs.rcx = msr;
    return exit_rdmsr(v, &no_exit);
}

static void cpuid(struct vcpu *v, uint32_t leaf)
{
    v->hw.regs.rax = leaf;
    v->hw.regs.rcx = 0;
    assert_int_equal(exit_cpuid(v, &no_exit), ACT_ADVANCE);
}

/* Linux's second CPU: its vcpu_info is registered, which raises an upcall, before its APIC is on. */
static void an_upcall_that_found_the_apic_off_is_raised_when_it_is_switched_on(void **state)
{
    struct vcpu *v = world.v0;
    struct vcpu_info *info = v->domain->evtchn.vcpu[v->id].vcpu_info;

    (void)state;
    v->upcall_vector = UPCALL;
    info->evtchn_upcall_pending = 1;
    vcpu_notify_event(v);
    assert_int_equal(vlapic_highest_irr(&v->lapic), -1);
    assert_int_equal(wrmsr(v, APIC_BASE, v->lapic.base_msr | VLAPIC_BASE_EXTD), ACT_ADVANCE);
    assert_int_equal(wrmsr(v, SVR, 0x1ff), ACT_ADVANCE);
    (void)vlapic_sync(&v->lapic);
    assert_int_equal(vlapic_highest_irr(&v->lapic), UPCALL);
}

static void an_unknown_msr_faults_and_a_known_one_does_not(void **state)
{
    struct vcpu *v = world.v0;

    (void)state;
    assert_int_equal(rdmsr(v, 0x12345), ACT_INJECT);
    assert_int_equal(v->pending.vector, X86_GP);
    assert_true(v->pending.has_error);
    v->pending.valid = false;
    assert_int_equal(wrmsr(v, 0x12345, 1), ACT_INJECT);
    assert_int_equal(rdmsr(v, 0x10), ACT_ADVANCE);      /* IA32_TIME_STAMP_COUNTER */
}

static void no_bit_of_xss_is_taken_or_kept(void **state)
{
    struct vcpu *v = world.v0;

    (void)state;
    assert_int_equal(wrmsr(v, 0xda0, 0x100), ACT_INJECT);
    v->pending.valid = false;
    assert_int_equal(rdmsr(v, 0xda0), ACT_ADVANCE);
    assert_int_equal(v->hw.regs.rax, 0);
    assert_int_equal(wrmsr(v, 0xda0, 0), ACT_ADVANCE);
}

/* All who read shared_info do so in one layout, whichever way it was chosen. */
static void a_32_bit_kernel_that_has_a_hypercall_page_has_its_layout_of_shared_info(void **state)
{
    struct domain *d = world.dom0;

    (void)state;
    assert_int_equal(wrmsr(world.v0, 0x40000000, 0x200000), ACT_ADVANCE);
    assert_true(d->shared_32bit);
    assert_true(d->evtchn.shared_32bit);
}

static void cpuid_shows_the_xen_signature_and_nothing_behind_the_last_leaf(void **state)
{
    struct guest_regs *r = &world.v0->hw.regs;

    (void)state;
    cpuid(world.v0, 0x40000000);
    assert_int_equal(r->rbx, 0x566e6558);
    assert_int_equal(r->rcx, 0x65584d4d);
    assert_int_equal(r->rdx, 0x4d4d566e);
    cpuid(world.v0, 0x400000ff);
    assert_int_equal(r->rax | r->rbx | r->rcx | r->rdx, 0);
    cpuid(world.v0, 0x7fffffff);
    assert_int_equal(r->rax | r->rbx | r->rcx | r->rdx, 0);
}

static void only_dom0_is_told_a_frequency(void **state)
{
    (void)state;
    cpuid(world.v0, 0x16);
    assert_int_not_equal(world.v0->hw.regs.rax, 0);
    hw_load(&world.g0->hw);
    cpuid(world.g0, 0x16);
    assert_int_equal(world.g0->hw.regs.rax, 0);
    hw_load(&world.v0->hw);
}

static void a_port_that_nobody_has_reads_all_ones_in_its_width(void **state)
{
    struct vmexit x = { .pio = { .port = 0x5678, .size = 1, .in = true } };
    struct guest_regs *r = &world.v0->hw.regs;

    (void)state;
    r->rax = 0x1122334455667788;
    assert_int_equal(exit_pio(world.v0, &x), ACT_ADVANCE);
    assert_true(r->rax == 0x11223344556677ff);
    x.pio.size = 4;
    assert_int_equal(exit_pio(world.v0, &x), ACT_ADVANCE);
    assert_true(r->rax == 0xffffffff);
}

static void what_no_guest_may_execute_is_undefined_to_it(void **state)
{
    (void)state;
    assert_int_equal(exit_undefined(world.v0, &no_exit), ACT_INJECT);
    assert_int_equal(world.v0->pending.vector, X86_UD);
    assert_false(world.v0->pending.has_error);
    world.v0->pending.valid = false;
}

static void xsetbv_takes_only_what_the_policy_allows(void **state)
{
    struct guest_regs *r = &world.v0->hw.regs;

    (void)state;
    r->rcx = 0;
    r->rdx = 0;
    r->rax = 2;                       /* SSE without x87 */
    assert_int_equal(exit_xsetbv(world.v0, &no_exit), ACT_INJECT);
    world.v0->pending.valid = false;
    r->rcx = 1;                       /* there is no XCR1 */
    r->rax = 1;
    assert_int_equal(exit_xsetbv(world.v0, &no_exit), ACT_INJECT);
    world.v0->pending.valid = false;
}

static void put_code(const char *bytes, size_t size)
{
    struct guest_seg cs = { .limit = UINT32_MAX, .attr = 0xc09b, .base = 0x1000 };

    hw_set_seg(&world.v0->hw, SEG_CS, &cs);
    hw_set_rip(&world.v0->hw, 0x2000);
    world_put_at(world.dom0, 0x3000, bytes, size);
}

static void a_length_that_the_cpu_does_not_tell_is_read_from_the_code(void **state)
{
    (void)state;
    put_code("\x66\x0f\xa2", 3);
    assert_int_equal(vcpu_insn_length(world.v0), 3);
    put_code("\x0f\x01\xd9", 3);
    assert_int_equal(vcpu_insn_length(world.v0), 3);
}

static void so_is_the_register_of_a_control_register_access(void **state)
{
    struct vmexit x = { .reason = EXIT_CR_ACCESS, .cr = { .cr = 8, .undecoded = true } };

    (void)state;
    put_code("\x0f\x22\xc3", 3);                 /* mov %ebx, %cr0 (8, says the exit) */
    world.v0->hw.regs.rbx = 5;
    assert_int_equal(exit_cr(world.v0, &x), ACT_ADVANCE);
    assert_int_equal(vlapic_get_tpr(&world.v0->lapic), 0x50);
    put_code("\x0f\x20\xc1", 3);
    assert_int_equal(exit_cr(world.v0, &x), ACT_ADVANCE);
    assert_int_equal(world.v0->hw.regs.rcx, 5);
    put_code("\x90\x90\x89", 3);
    assert_int_equal(exit_cr(world.v0, &x), ACT_CRASH);
}

/* QEMU may let a guest reach its HLT with an interrupt that it should have taken before. */
static void a_vcpu_does_not_sleep_with_an_event_queued(void **state)
{
    struct hv_event e = { .valid = true, .type = EVENT_EXTINT, .vector = UPCALL };
    struct vcpu *v = world.v0;

    (void)state;
    hw_set_rflags(&v->hw, 0x202);
    hw_inject(&v->hw, &e);
    assert_int_equal(exit_hlt(v, &no_exit), ACT_ADVANCE);
    assert_true(sched_is_runnable(&v->sched));
    v->hw.event.valid = false;
    assert_int_equal(exit_hlt(v, &no_exit), ACT_ADVANCE);
    assert_false(sched_is_runnable(&v->sched));
}

/* A kernel that has loaded CR3 with nonsense: on a CPU of its own it would have ended in a triple fault. */
static void page_tables_in_no_memory_are_a_page_fault(void **state)
{
    struct vmexit x = { .reason = EXIT_EPT_VIOLATION, .ept = { .gpa = { 0x3fffff000 }, .walk = true, .write = true } };
    struct vcpu *v = world.g0;

    (void)state;
    hw_load(&v->hw);
    assert_true(hw_set_efer(&v->hw, 0x100));
    assert_true(hw_set_cr(&v->hw, 4, 0x20));
    assert_true(hw_set_cr(&v->hw, 3, 0x3fffff000));
    assert_true(hw_set_cr(&v->hw, 0, 0x80000011));
    hw_set_rip(&v->hw, 0xfff);
    assert_int_equal(exit_ept(v, &x), ACT_INJECT);
    assert_int_equal(v->pending.vector, X86_PF);
    assert_int_equal(v->pending.error, 0x19);
    v->pending.valid = false;
    x.ept.walk = false;
    assert_int_equal(exit_ept(v, &x), ACT_RETRY);
}

/* ---- enlightenments ---- */

#define PAGE_AT 0x7000U            /* of the guest's memory */

static struct vcpu *enlightened(void)
{
    world.guest->params.value[HVM_PARAM_VIRIDIAN] = VIRIDIAN_FEATURES & ~HVMPV_no_freq;
    hw_load(&world.g0->hw);
    return world.g0;
}

static uint64_t read_back(struct vcpu *v, uint32_t msr)
{
    assert_int_equal(rdmsr(v, msr), ACT_ADVANCE);
    return v->hw.regs.rdx << 32 | (uint32_t)v->hw.regs.rax;
}

static void without_enlightenments_there_are_none(void **state)
{
    (void)state;
    hw_load(&world.g0->hw);
    assert_int_equal(rdmsr(world.g0, VIRIDIAN_VP_INDEX), ACT_INJECT);
    assert_int_equal(wrmsr(world.g0, VIRIDIAN_HYPERCALL, 1), ACT_INJECT);
    assert_int_equal(rdmsr(world.g0, 0x40000200), ACT_INJECT);
    cpuid(world.g0, 0x40000100);
    assert_int_equal(world.g0->hw.regs.rax, 0);
}

static void both_hypervisors_are_found(void **state)
{
    struct vcpu *v = enlightened();

    (void)state;
    cpuid(v, 0x40000000);
    assert_int_equal(v->hw.regs.rbx, 0x7263694d);               /* Micr */
    cpuid(v, 0x40000100);
    assert_int_equal(v->hw.regs.rbx, 0x566e6558);               /* XenV */
    assert_int_equal(wrmsr(v, 0x40000200, PAGE_AT), ACT_ADVANCE);
    cpuid(v, 0x40000200);
    assert_int_equal(v->hw.regs.rax, 0);
}

static void the_hypercall_page_is_for_those_who_say_who_they_are(void **state)
{
    struct vcpu *v = enlightened();
    unsigned char code[9] = { 0 };

    (void)state;
    assert_int_equal(wrmsr(v, VIRIDIAN_HYPERCALL, PAGE_AT | 1), ACT_ADVANCE);
    assert_int_equal(read_back(v, VIRIDIAN_HYPERCALL), PAGE_AT);
    assert_int_equal(wrmsr(v, VIRIDIAN_GUEST_OS_ID, 0x1040000000000000), ACT_ADVANCE);
    assert_int_equal(wrmsr(v, VIRIDIAN_HYPERCALL, PAGE_AT | 1), ACT_ADVANCE);
    assert_int_equal(domain_read_phys(world.guest, (gpa_t){ PAGE_AT }, code, sizeof(code)), 0);
    assert_int_equal(code[0], 0x0d);
    assert_int_equal(code[8], 0xc3);
    assert_int_equal(wrmsr(v, VIRIDIAN_HYPERCALL, 0x7ffffffff001), ACT_INJECT);
    v->pending.valid = false;
    assert_int_equal(wrmsr(v, VIRIDIAN_HYPERCALL, PAGE_AT | 3), ACT_ADVANCE);       /* locked */
    assert_int_equal(wrmsr(v, VIRIDIAN_HYPERCALL, 0), ACT_ADVANCE);
    assert_int_equal(read_back(v, VIRIDIAN_HYPERCALL), PAGE_AT | 3);
}

static void times_and_numbers_are_the_domains(void **state)
{
    struct vcpu *v = enlightened();
    uint64_t before, page[3];

    (void)state;
    v->domain->tsc.khz = 2000000;
    assert_int_equal(read_back(v, VIRIDIAN_VP_INDEX), v->id);
    assert_int_equal(read_back(v, VIRIDIAN_TSC_FREQUENCY), 2000000000);
    assert_int_equal(read_back(v, VIRIDIAN_APIC_FREQUENCY), 100000000);
    before = read_back(v, VIRIDIAN_TIME_REF_COUNT);
    assert_true(read_back(v, VIRIDIAN_TIME_REF_COUNT) >= before);
    assert_int_equal(wrmsr(v, VIRIDIAN_TIME_REF_COUNT, 0), ACT_INJECT);
    v->pending.valid = false;
    assert_int_equal(wrmsr(v, VIRIDIAN_REFERENCE_TSC, PAGE_AT | 1), ACT_ADVANCE);
    assert_int_equal(domain_read_phys(world.guest, (gpa_t){ PAGE_AT }, page, sizeof(page)), 0);
    assert_int_equal(page[0], 1);
    assert_true(page[1] == viridian_tsc_scale(2000000));
}

static void the_apic_is_reached_by_msrs(void **state)
{
    struct vcpu *v = enlightened();

    (void)state;
    assert_int_equal(wrmsr(v, APIC_BASE, v->lapic.base_msr | VLAPIC_BASE_EN), ACT_ADVANCE);
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_SVR, 0x1ff, 0, &(struct vlapic_effect){ 0 }));
    assert_int_equal(wrmsr(v, VIRIDIAN_TPR, 0x50), ACT_ADVANCE);
    assert_int_equal(read_back(v, VIRIDIAN_TPR), 0x50);
    assert_int_equal(wrmsr(v, VIRIDIAN_TPR, 0), ACT_ADVANCE);
    assert_int_equal(wrmsr(v, VIRIDIAN_ICR, 0x40041), ACT_ADVANCE);     /* to itself, vector 0x41 */
    (void)vlapic_sync(&v->lapic);
    assert_int_equal(vlapic_highest_irr(&v->lapic), 0x41);
    vlapic_accept(&v->lapic, 0x41);
    assert_int_equal(vlapic_highest_isr(&v->lapic), 0x41);
    assert_int_equal(wrmsr(v, VIRIDIAN_EOI, 0), ACT_ADVANCE);
    assert_int_equal(vlapic_highest_isr(&v->lapic), -1);
    assert_int_equal(rdmsr(v, VIRIDIAN_EOI), ACT_INJECT);
    v->pending.valid = false;
}

/* An EOI that was emulated, to the page or by MSR, while the CPU delivers interrupts: what is in service below it. */
static void the_cpu_is_told_what_is_in_service_after_an_eoi(void **state)
{
    struct vcpu *v = enlightened();
    struct vlapic_effect e = { 0 };

    (void)state;
    assert_int_equal(wrmsr(v, APIC_BASE, v->lapic.base_msr | VLAPIC_BASE_EN), ACT_ADVANCE);
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_SVR, 0x1ff, 0, &(struct vlapic_effect){ 0 }));
    for (uint8_t vector = 0x41; vector <= 0x91; vector += 0x50) {
        assert_true(vlapic_set_irr(&v->lapic, vector, false));
        (void)vlapic_sync(&v->lapic);
        vlapic_accept(&v->lapic, vector);
    }
    v->hw.delivers_interrupts = v->lapic.hw_delivery = true;
    hw_set_svi(&v->hw, 0x91);
    assert_true(vlapic_write(&v->lapic, VLAPIC_REG_EOI, 0, 0, &e));
    vcpu_apic_effect(v, &e);
    assert_int_equal(vmcs_fake_get(INTR_STATUS) >> 8, 0x41);
    assert_int_equal(wrmsr(v, VIRIDIAN_EOI, 0), ACT_ADVANCE);
    assert_int_equal(vmcs_fake_get(INTR_STATUS) >> 8, 0);
    v->hw.delivers_interrupts = v->lapic.hw_delivery = false;
}

static void a_crash_has_its_parameters(void **state)
{
    struct vcpu *v = enlightened();

    (void)state;
    assert_int_equal(wrmsr(v, VIRIDIAN_CRASH_P4, 0xdead), ACT_ADVANCE);
    assert_int_equal(read_back(v, VIRIDIAN_CRASH_P4), 0xdead);
    assert_int_equal(wrmsr(v, VIRIDIAN_CRASH_CTL, 1ULL << 63), ACT_ADVANCE);
    assert_int_equal(rdmsr(v, VIRIDIAN_CRASH_CTL + 1), ACT_INJECT);
    v->pending.valid = false;
}

static void its_hypercalls_are_none_of_xens(void **state)
{
    struct vcpu *v = enlightened();

    (void)state;
    v->hw.regs.rax = 0x80000000;
    v->hw.regs.rcx = v->hw.regs.rdx = 0;
    assert_int_equal(exit_hypercall(v, &no_exit), ACT_ADVANCE);
    assert_int_equal(v->hw.regs.rax, 2);                        /* HV_STATUS_INVALID_HYPERCALL_CODE */
    v->hw.regs.rax = 0x80000008;                                /* 32 bits: edx:eax */
    v->hw.regs.rcx = 8;
    assert_int_equal(exit_hypercall(v, &no_exit), ACT_ADVANCE);
    assert_int_equal(v->hw.regs.rax, 0);
}

static int load(void **state)
{
    int rc = world_setup(state);

    if (rc == 0)
        hw_load(&world.v0->hw);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, load, world_teardown)
        T(an_upcall_that_found_the_apic_off_is_raised_when_it_is_switched_on),
        T(an_unknown_msr_faults_and_a_known_one_does_not),
        T(no_bit_of_xss_is_taken_or_kept),
        T(a_32_bit_kernel_that_has_a_hypercall_page_has_its_layout_of_shared_info),
        T(cpuid_shows_the_xen_signature_and_nothing_behind_the_last_leaf),
        T(only_dom0_is_told_a_frequency),
        T(a_port_that_nobody_has_reads_all_ones_in_its_width),
        T(a_length_that_the_cpu_does_not_tell_is_read_from_the_code),
        T(so_is_the_register_of_a_control_register_access),
        T(what_no_guest_may_execute_is_undefined_to_it),
        T(xsetbv_takes_only_what_the_policy_allows),
        T(a_vcpu_does_not_sleep_with_an_event_queued),
        T(page_tables_in_no_memory_are_a_page_fault),
        T(without_enlightenments_there_are_none),
        T(both_hypervisors_are_found),
        T(the_hypercall_page_is_for_those_who_say_who_they_are),
        T(times_and_numbers_are_the_domains),
        T(the_apic_is_reached_by_msrs),
        T(the_cpu_is_told_what_is_in_service_after_an_eoi),
        T(a_crash_has_its_parameters),
        T(its_hypercalls_are_none_of_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
