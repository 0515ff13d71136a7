/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake CPU with VMX switched on and one vCPU loaded. */
#ifndef TESTS_VMX_WORLD_H
#define TESTS_VMX_WORLD_H

#include <vmx/vmx.h>
#include <vmx/vmcs_fake.h>

#include "caps.h"
#include "bits.h"
#include "state.h"
#include "vmcs.h"

#include <fake.h>
#include <fake_mm.h>
#include <mm/heap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct caps_dump { const char *name; struct vmx_caps caps; };

enum caps_id {
#define D(id, ...) CAPS_##id,
#include "../../data/vmx_caps.h"
#undef D
    CAPS_COUNT
};

static const struct caps_dump caps_dumps[] __attribute__((unused)) = {
#define D(id, fc, basic_, misc_, c00, c01, c40, c41, pin_, cpu_, exit_, entry_, sec_, ept_) \
    { #id, { .vmx = true, .feature_control = fc, .basic = basic_, .misc = misc_, .cr0_fixed0 = c00, \
             .cr0_fixed1 = c01, .cr4_fixed0 = c40, .cr4_fixed1 = c41, .pin = pin_, .cpu = cpu_, \
             .exit = exit_, .entry = entry_, .secondary = sec_, .ept_vpid = ept_ } },
#include "../../data/vmx_caps.h"
#undef D
};

struct world {
    struct hw_vcpu v;
    uint8_t *msr_bitmap, *msr_bitmap_x2apic, *io_bitmap, *apic_page;
};

static inline void world_machine(enum caps_id id)
{
    const struct vmx_caps *c = &caps_dumps[id].caps;

    fake_reset();
    fake_mm_init(16UL << 20, 0);
    vmcs_fake_reset();
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 0xd });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = c->vmx ? 1U << 5 : 0 });
    fake_cpuid_set(7, 0, (struct cpuid_regs){ .edx = 1U << 26 });
    fake_msr_set(MSR_IA32_FEATURE_CONTROL, c->feature_control);
    fake_msr_set(MSR_IA32_VMX_BASIC, c->basic);
    fake_msr_set(MSR_IA32_VMX_MISC, c->misc);
    fake_msr_set(MSR_IA32_VMX_CR0_FIXED0, c->cr0_fixed0);
    fake_msr_set(MSR_IA32_VMX_CR0_FIXED1, c->cr0_fixed1);
    fake_msr_set(MSR_IA32_VMX_CR4_FIXED0, c->cr4_fixed0);
    fake_msr_set(MSR_IA32_VMX_CR4_FIXED1, c->cr4_fixed1);
    fake_msr_set(MSR_IA32_VMX_TRUE_PINBASED_CTLS, c->pin);
    fake_msr_set(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, c->cpu);
    fake_msr_set(MSR_IA32_VMX_TRUE_EXIT_CTLS, c->exit);
    fake_msr_set(MSR_IA32_VMX_TRUE_ENTRY_CTLS, c->entry);
    fake_msr_set(MSR_IA32_VMX_PROCBASED_CTLS2, c->secondary);
    fake_msr_set(MSR_IA32_VMX_EPT_VPID_CAP, c->ept_vpid);
    fake_msr_set(MSR_IA32_EFER, EFER_LMA | EFER_LME | EFER_NXE | EFER_SCE);
    fake_msr_set(MSR_IA32_PAT, 0x0007040600070406ULL);
    fake_msr_set(MSR_IA32_FS_BASE, 0);
    fake_msr_set(MSR_IA32_SPEC_CTRL, 0);
    cpu_write_cr0(0x80010033);
    cpu_write_cr4(0x20);
}

static inline struct hw_vcpu_config world_config(struct world *w)
{
    return (struct hw_vcpu_config){
        .slat_root = 0x12345e, .vpid = 7, .virtual_apic = true, .apic_page = w->apic_page,
        .apic_access_page = hpa_of(0x7000), .msr_bitmap = w->msr_bitmap,
        .msr_bitmap_x2apic = w->msr_bitmap_x2apic, .io_bitmap = w->io_bitmap,
    };
}

static inline struct world *world_new(enum caps_id id)
{
    struct world *w = calloc(1, sizeof(*w));
    struct hw_vcpu_config c;

    world_machine(id);
    assert_null(vmx_probe());
    assert_null(vmx_cpu_enable());
    w->msr_bitmap = heap_alloc_pages(0);
    w->msr_bitmap_x2apic = heap_alloc_pages(0);
    w->io_bitmap = heap_alloc_pages(1);
    w->apic_page = heap_alloc_pages(0);
    memset(w->msr_bitmap, 0xff, PAGE_SIZE);
    memset(w->msr_bitmap_x2apic, 0xff, PAGE_SIZE);
    memset(w->io_bitmap, 0xff, 2 * PAGE_SIZE);
    c = world_config(w);
    assert_int_equal(vmx_vcpu_init(&w->v, &c), 0);
    vmx_load(&w->v);
    cpu_irq_disable();
    return w;
}

static inline int world_setup(void **state)
{
    *state = world_new(CAPS_bochs_skylake_x);
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;

    vmx_vcpu_fini(&w->v);
    vmx_cpu_disable();
    free(w);
    return 0;
}

#define W(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
