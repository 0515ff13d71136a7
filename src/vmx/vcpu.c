/* SPDX-License-Identifier: BSD-2-Clause */
/* Which VMCS is current where, and the entry into the guest. */
#include <vmx/vmx.h>

#include "bits.h"
#include "cache.h"
#include "caps.h"
#include "cpu.h"
#include "decode.h"
#include "state.h"

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#define HW_TRIPLE_FAULT 2U

static void make_current(struct vmx_cpu *cpu, struct hw_vcpu *v)
{
    int here = (int)this_cpu_id();

    if (cpu->current == v)
        return;
    BUG_ON(vmx(v)->loaded_on != -1 && vmx(v)->loaded_on != here);
    BUG_ON(!insn_vmptrld(mfn_to_hpa(vmx(v)->vmcs)));
    cpu->current = v;
    vmx(v)->loaded_on = here;
    cache_forget(v);
}

static void clear(struct vmx_cpu *cpu, struct hw_vcpu *v)
{
    BUG_ON(vmx(v)->loaded_on != (int)this_cpu_id());
    BUG_ON(!insn_vmclear(mfn_to_hpa(vmx(v)->vmcs)));
    if (cpu->current == v)
        cpu->current = NULL;
    vmx(v)->loaded_on = -1;
    vmx(v)->launched = false;
    cache_forget(v);
}

void vmx_load(struct hw_vcpu *v)
{
    struct vmx_cpu *cpu = vmx_this_cpu();

    if (cpu->current == v && vmx(v)->live)
        return;
    if (cpu->current != NULL && vmx(cpu->current)->live)
        msrs_save(cpu->current);
    make_current(cpu, v);
    if (vmx(v)->host_cpu != (int)this_cpu_id()) {
        vmcs_write_host_cpu();
        vmx(v)->host_cpu = (int)this_cpu_id();
        /* What this CPU cached when the vCPU was here last may be stale. */
        vmx_invvpid(v->config.vpid);
        v->slat_generation = UINT64_MAX;
    }
    vmx_set_dr_exiting(v, true);
    msrs_load(v);
}

void vmx_suspend(struct hw_vcpu *v)
{
    if (vmx(v)->live)
        msrs_save(v);
}

void vmx_unload(struct hw_vcpu *v)
{
    if (vmx(v)->loaded_on == -1)
        return;
    vmx_suspend(v);
    clear(vmx_this_cpu(), v);
}

struct hw_vcpu *vmx_borrow(struct hw_vcpu *v)
{
    struct vmx_cpu *cpu = vmx_this_cpu();
    struct hw_vcpu *previous = cpu->current;

    make_current(cpu, v);
    return previous;
}

void vmx_give_back(struct hw_vcpu *v, struct hw_vcpu *previous)
{
    struct vmx_cpu *cpu = vmx_this_cpu();

    if (previous == v)
        return;
    clear(cpu, v);
    if (previous != NULL)
        make_current(cpu, previous);
}

int vmx_vcpu_init(struct hw_vcpu *v, const struct hw_vcpu_config *config)
{
    struct hw_vcpu *previous;
    void *page = heap_alloc_pages(0);

    if (page == NULL)
        return -ENOMEM;
    memset(v, 0, sizeof(*v));
    v->config = *config;
    v->slat_generation = UINT64_MAX;
    vmx(v)->vmcs = hpa_to_mfn(virt_to_phys(page));
    vmx(v)->loaded_on = vmx(v)->host_cpu = -1;
    *(uint32_t *)page = vmx_setup.revision;
    BUG_ON(!insn_vmclear(mfn_to_hpa(vmx(v)->vmcs)));
    previous = vmx_borrow(v);
    vmcs_write_controls(v);
    vmx_reset(v);
    vmx_give_back(v, previous);
    return 0;
}

void vmx_vcpu_fini(struct hw_vcpu *v)
{
    if (!mfn_is_valid(vmx(v)->vmcs) || vmx(v)->vmcs.v == 0)
        return;
    vmx_unload(v);
    heap_free_pages(phys_to_virt(mfn_to_hpa(vmx(v)->vmcs)), 0);
    vmx(v)->vmcs = mfn_invalid();
}

/* The event whose delivery the exit cut short; its instruction's length, if it is a software event. */
static void collect_cut_short(struct vmx_exit_raw *raw)
{
    raw->vectoring_info = vmread32(INFO_VECTORING_INFO);
    if (likely(!(raw->vectoring_info & INTR_VALID)))
        return;
    raw->insn_len = vmread32(INFO_INSN_LEN);
    raw->vectoring_error = vmread32(INFO_VECTORING_ERROR_CODE);
}

/* The fields that the reason's row asks for, and of these only what the qualification says is there. */
static void collect(struct vmx_exit_raw *raw)
{
    struct exit_row row;

    raw->reason = vmread32(INFO_EXIT_REASON);
    row = exit_row(raw->reason);
    if (row.reads & READ_LEN)
        raw->insn_len = vmread32(INFO_INSN_LEN);
    if (!(row.reads & ~READ_LEN))
        return;
    if (row.reads & READ_QUAL)
        raw->qual = vmreadn(INFO_QUALIFICATION);
    if (row.reads & READ_INTR) {
        raw->intr_info = vmread32(INFO_INTR_INFO);
        if (raw->intr_info & INTR_HAS_ERROR)
            raw->intr_error = vmread32(INFO_INTR_ERROR_CODE);
    }
    if (row.reads & READ_GPA)
        raw->gpa = vmread64(INFO_GUEST_PHYSICAL);
    if ((row.reads & READ_GLA) && exit_has_gla((enum exit_reason)row.reason, raw->qual))
        raw->gla = vmreadn(INFO_GUEST_LINEAR);
    if (row.reads & READ_CUT_SHORT)
        collect_cut_short(raw);
}

/*
 * An IRET that faulted after it had unblocked NMIs shall find them blocked when it runs again (SDM 28.2.3);
 * the CPU tells, where the fault was not in the delivery of an event.
 */
static void restore_nmi_blocking(struct hw_vcpu *v, const struct vmexit *x)
{
    bool unblocked = false;

    if (x->reason == EXIT_EPT_VIOLATION)
        unblocked = x->ept.nmi_unblock && !x->cut_short.valid;
    else if (x->reason == EXIT_EXCEPTION)
        unblocked = x->exc.nmi_unblock && x->exc.event.vector != X86_DF && !x->cut_short.valid;
    if (unblocked)
        cache_set(v, CACHED_INTERRUPTIBILITY, cache_get(v, CACHED_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
}

/* What only some exits ask for. */
static void finish_exit(struct hw_vcpu *v, struct vmexit *x)
{
    switch ((int)x->reason) {
    case EXIT_CR_ACCESS:
    case EXIT_DR_ACCESS:
        v->regs.rsp = vmx_get_rsp(v);        /* the instruction may name it */
        break;
    case EXIT_EXCEPTION:
    case EXIT_EPT_VIOLATION:
        restore_nmi_blocking(v, x);
        break;
    default:
        break;
    }
    if (unlikely(x->cut_short.valid))
        x->cut_short.cr2 = v->regs.cr2;      /* a page fault had set it before its delivery began */
}

static void entry_failed(struct vmexit *x)
{
    *x = (struct vmexit){ .reason = EXIT_ENTRY_FAILED };
    x->fail_code = vmread32(INFO_INSTRUCTION_ERROR);
}

void vmx_enter(struct hw_vcpu *v, struct vmexit *x)
{
    struct vmx_exit_raw raw = { 0 };
    bool entered;

    ASSERT(!cpu_irqs_enabled());
    ASSERT(vmx_this_cpu()->current == v && vmx(v)->live);
    if (unlikely(v->triple_fault)) {
        v->triple_fault = false;
        *x = (struct vmexit){ .reason = EXIT_TRIPLE_FAULT, .hw_reason = HW_TRIPLE_FAULT };
        return;
    }
    if (v->event.valid)
        inject_write(v);
    if (unlikely(v->spec_ctrl != 0))
        cpu_wrmsr(MSR_IA32_SPEC_CTRL, v->spec_ctrl);
    entered = vmx_enter_guest(v, vmx(v)->launched);
    if (unlikely(v->spec_ctrl != 0))
        cpu_wrmsr(MSR_IA32_SPEC_CTRL, 0);
    cache_forget(v);
    if (unlikely(!entered)) {
        entry_failed(x);
        return;
    }
    collect(&raw);
    vmx_decode(&raw, x);
    if (unlikely(raw.reason & EXIT_REASON_ENTRY_FAILURE)) {
        vmwrite32(CTL_ENTRY_INTR_INFO, 0);   /* only an exit clears it: not delivered, not tried again */
        v->event.valid = false;
        return;
    }
    vmx(v)->launched = true;
    v->event.valid = false;
    finish_exit(v, x);
}
