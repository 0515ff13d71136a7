/* SPDX-License-Identifier: BSD-2-Clause */
/* A fake CPU with SVM switched on and one vCPU loaded. */
#ifndef TESTS_SVM_WORLD_H
#define TESTS_SVM_WORLD_H

#include <svm/svm.h>
#include <svm/svm_fake.h>

#include "caps.h"
#include "state.h"

#include <fake.h>
#include <fake_mm.h>
#include <mm/heap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define EDX_PLAIN 0x1U                       /* nested paging and nothing else, as in QEMU's emulation */
#define EDX_FULL 0x020014fbU                 /* all that Tenon uses */

struct world { struct hw_vcpu v; uint8_t *msr_bitmap, *io_bitmap; };

static inline void world_machine(uint32_t svm_edx, uint32_t asids)
{
    fake_reset();
    fake_mm_init(16UL << 20, 0);
    svm_fake_guest(NULL);
    fake_cpuid_set(0, 0, (struct cpuid_regs){ .eax = 0xd, .ebx = 0x68747541 });
    fake_cpuid_set(1, 0, (struct cpuid_regs){ .ecx = 1U << 26 | 1U << 17 });
    fake_cpuid_set(7, 0, (struct cpuid_regs){ .ebx = 1U << 0 | 1U << 7 });
    fake_cpuid_set(0x80000000U, 0, (struct cpuid_regs){ .eax = 0x8000001fU });
    fake_cpuid_set(0x80000001U, 0, (struct cpuid_regs){ .ecx = 1U << 2, .edx = 1U << 26 | 1U << 27 });
    fake_cpuid_set(0x80000008U, 0, (struct cpuid_regs){ .ebx = 1U << 14 });
    fake_cpuid_set(0x8000000aU, 0, (struct cpuid_regs){ .eax = 1, .ebx = asids, .edx = svm_edx });
    fake_msr_set(MSR_VM_CR, 0);
    fake_msr_set(MSR_EFER, EFER_LMA | EFER_LME | EFER_NXE | EFER_SCE);
    fake_msr_set(MSR_VM_HSAVE_PA, 0);
    fake_msr_set(MSR_TSC_AUX, 0);
    fake_msr_set(MSR_TSC_RATIO, TSC_RATIO_ONE);
    fake_msr_set(MSR_SPEC_CTRL, 0);
}

static inline struct hw_vcpu_config world_config(struct world *w)
{
    return (struct hw_vcpu_config){ .slat_root = 0x123000, .vpid = 7, .msr_bitmap = w->msr_bitmap,
                                    .io_bitmap = w->io_bitmap };
}

static inline struct world *world_new(uint32_t svm_edx, uint32_t asids)
{
    struct world *w = calloc(1, sizeof(*w));
    struct hw_vcpu_config c;

    world_machine(svm_edx, asids);
    assert_null(svm_probe());
    assert_null(svm_cpu_enable());
    w->msr_bitmap = heap_alloc_pages(HW_MSR_BITMAP_ORDER);
    w->io_bitmap = heap_alloc_pages(HW_IO_BITMAP_ORDER);
    memset(w->msr_bitmap, 0xff, HW_MSR_BITMAP_BYTES);
    memset(w->io_bitmap, 0xff, HW_IO_BITMAP_BYTES);
    c = world_config(w);
    assert_int_equal(svm_vcpu_init(&w->v, &c), 0);
    svm_load(&w->v);
    cpu_irq_disable();
    return w;
}

static inline int world_setup(void **state)
{
    *state = world_new(EDX_PLAIN, 16);
    return 0;
}

static inline int world_setup_full(void **state)
{
    *state = world_new(EDX_FULL, 16);
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;

    svm_vcpu_fini(&w->v);
    svm_cpu_disable();
    free(w);
    return 0;
}

#define W(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
#define FULL(f) cmocka_unit_test_setup_teardown(f, world_setup_full, world_teardown)

#endif
