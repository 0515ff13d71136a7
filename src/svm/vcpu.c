/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's VMCB, on and off a CPU, and the entry into the guest. */
#include <svm/svm.h>

#include "caps.h"
#include "decode.h"
#include "state.h"

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#define PAUSE_COUNT 3000U        /* so many PAUSEs ... */
#define PAUSE_THRESHOLD 128U     /* ... closer than this in cycles are one loop, and exit */
#define CR4 BIT(4)

/* Task switches are left to the CPU: nothing that they load is ours with nested paging. */
static void write_intercepts(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);
    uint64_t one = SVM1_INTR | SVM1_NMI | SVM1_INIT | SVM1_CR0_SELECTIVE | SVM1_RDPMC | SVM1_CPUID |
                   SVM1_INVD | SVM1_HLT | SVM1_INVLPGA | SVM1_IOIO | SVM1_MSR | SVM1_SHUTDOWN;
    uint64_t two = SVM2_VMRUN | SVM2_VMMCALL | SVM2_VMLOAD | SVM2_VMSAVE | SVM2_STGI | SVM2_CLGI | SVM2_SKINIT |
                   SVM2_WBINVD | SVM2_MONITOR | SVM2_MWAIT | SVM2_XSETBV | SVM2_RDPRU;

    if (svm_features.pause_filter) {
        one |= SVM1_PAUSE;
        b->pause_count = PAUSE_COUNT;
        b->pause_threshold = svm_features.pause_threshold ? PAUSE_THRESHOLD : 0;
    }
    b->intercepts1 = (uint32_t)one;
    b->intercepts2 = (uint32_t)two;
    b->intercepts3 = SVM3_INVLPGB | SVM3_INVLPGB_ILLEGAL | SVM3_MCOMMIT | SVM3_TLBSYNC;
    v->uses_tpr_threshold = v->config.apic_page != NULL;
    b->cr_reads = v->uses_tpr_threshold ? 0 : SVM_CR8;
    b->cr_writes = (v->uses_tpr_threshold ? 0 : SVM_CR8) | CR4;
    b->exceptions = 1U << X86_DB | 1U << X86_AC | 1U << X86_MC;
    svm_set_rdtsc_exits(v, v->config.rdtsc_exits);
    svm_set_dr_exiting(v, true);
}

/* No map: everything exits. The CPU reads one all the same. */
static hpa_t deny_all(void)
{
    static uint8_t all[HW_IO_BITMAP_BYTES] aligned_to(PAGE_SIZE);

    if (all[0] == 0)
        for (size_t i = 0; i < sizeof(all); i++)
            all[i] = 0xff;
    return virt_to_phys(all);
}

static void write_controls(struct hw_vcpu *v)
{
    struct vmcb *b = vmcb_of(v);

    write_intercepts(v);
    b->iopm = v->config.io_bitmap != NULL ? virt_to_phys(v->config.io_bitmap).v : deny_all().v;
    b->msrpm = v->config.msr_bitmap != NULL ? virt_to_phys(v->config.msr_bitmap).v : deny_all().v;
    b->vintr = VINTR_MASKING | (svm_features.vnmi ? VINTR_NMI_ENABLE : 0);
    b->nested_control = NESTED_PAGING;
    b->nested_cr3 = v->config.slat_root;
}

int svm_vcpu_init(struct hw_vcpu *v, const struct hw_vcpu_config *config)
{
    struct vmcb *b = heap_alloc_pages(0);

    if (b == NULL)
        return -ENOMEM;
    memset(b, 0, sizeof(*b));
    memset(v, 0, sizeof(*v));
    v->config = *config;
    v->slat_generation = UINT64_MAX;
    *svm(v) = (struct svm_state){ .vmcb = b, .vmcb_pa = virt_to_phys(b), .loaded_on = -1, .asid_cpu = -1,
                                  .tsc_ratio = TSC_RATIO_ONE };
    write_controls(v);
    svm_reset(v);
    return 0;
}

void svm_vcpu_fini(struct hw_vcpu *v)
{
    if (vmcb_of(v) == NULL)
        return;
    svm_unload(v);
    heap_free_pages(vmcb_of(v), 0);
    svm(v)->vmcb = NULL;
}

void svm_load(struct hw_vcpu *v)
{
    struct svm_cpu *cpu = svm_this_cpu();

    if (cpu->current == v)
        return;
    if (cpu->current != NULL)
        svm_unload(cpu->current);
    BUG_ON(svm(v)->loaded_on != -1);
    svm(v)->loaded_on = (int)this_cpu_id();
    cpu->current = v;
    if (svm(v)->asid_cpu != (int)this_cpu_id()) {
        vmcb_of(v)->clean = 0;               /* this CPU has cached nothing of it, or something old */
        svm_asid_drop(v);
        v->slat_generation = UINT64_MAX;
    }
    svm_set_dr_exiting(v, true);
    svm_msrs_load(v);
}

void svm_unload(struct hw_vcpu *v)
{
    if (svm(v)->loaded_on == -1)
        return;
    BUG_ON(svm(v)->loaded_on != (int)this_cpu_id());
    svm_msrs_save(v);
    svm(v)->loaded_on = -1;
    svm_this_cpu()->current = NULL;
}

/* A VMCB is memory: nothing has to be switched to look into it. */
struct hw_vcpu *svm_borrow(struct hw_vcpu *v) { return v; }
void svm_give_back(struct hw_vcpu *v unused_arg, struct hw_vcpu *previous unused_arg) { }

/* V_TPR, events and virtual interrupts are in place. */
static void run(struct hw_vcpu *v, struct svm_cpu *cpu)
{
    struct vmcb *b = vmcb_of(v);

    b->rax = v->regs.rax;
    if (b->cr2 != v->regs.cr2) {
        b->cr2 = v->regs.cr2;
        vmcb_touch(b, CLEAN_CR2);
    }
    if (unlikely(v->spec_ctrl != 0))
        cpu_wrmsr(MSR_SPEC_CTRL, v->spec_ctrl);
    svm_enter_guest(v, svm(v)->vmcb_pa, cpu->host_pa);
    if (unlikely(v->spec_ctrl != 0))
        cpu_wrmsr(MSR_SPEC_CTRL, 0);
    v->regs.rax = b->rax;
    v->regs.rsp = b->rsp;                    /* the instruction may name it */
    v->regs.cr2 = b->cr2;
    b->event_inj = 0;
    if (svm_features.clean)
        b->clean = CLEAN_ALL;
    if (!svm_features.nrips)
        b->next_rip = 0;
}

static cold_fn void triple_fault(struct hw_vcpu *v, struct vmexit *x)
{
    v->triple_fault = false;
    *x = (struct vmexit){ .reason = EXIT_TRIPLE_FAULT, .hw_reason = SVM_EXIT_SHUTDOWN };
}

void svm_enter(struct hw_vcpu *v, struct vmexit *x)
{
    struct svm_cpu *cpu = svm_this_cpu();

    ASSERT(!cpu_irqs_enabled());
    ASSERT(cpu->current == v);
    if (unlikely(v->triple_fault)) {
        triple_fault(v, x);
        return;
    }
    svm_asid_prepare(cpu, v);
    svm_tpr_load(v);
    if (v->event.valid)
        svm_inject_write(v);
    run(v, cpu);
    v->event.valid = false;
    if (unlikely(svm(v)->virtual_irq || v->irq_window))
        svm_virtual_irq_end(v);
    svm_tpr_save(v);
    svm_decode(vmcb_of(v), x);
    if (unlikely(svm(v)->nmi_masked))
        svm_nmi_after_exit(v, x);
}
