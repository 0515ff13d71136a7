/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's side: capabilities and VMX operation. */
#include <vmx/vmx.h>

#include "bits.h"
#include "caps.h"
#include "cpu.h"
#include "insn.h"

#include <hv/assert.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

struct vmx_features vmx_features;
struct vmx_setup vmx_setup;
static struct vmx_caps boot_caps;

struct vmx_cpu *vmx_this_cpu(void) { return this_cpu()->hw; }

static void read_caps(struct vmx_caps *c)
{
    *c = (struct vmx_caps){ .vmx = cpu_cpuid(1, 0).ecx & BIT(5) };
    if (!c->vmx)
        return;
    c->spec_ctrl = cpu_cpuid(0, 0).eax >= 7 && (cpu_cpuid(7, 0).edx & BIT(26));
    c->feature_control = cpu_rdmsr(MSR_IA32_FEATURE_CONTROL);
    c->basic = cpu_rdmsr(MSR_IA32_VMX_BASIC);
    c->misc = cpu_rdmsr(MSR_IA32_VMX_MISC);
    c->cr0_fixed0 = cpu_rdmsr(MSR_IA32_VMX_CR0_FIXED0);
    c->cr0_fixed1 = cpu_rdmsr(MSR_IA32_VMX_CR0_FIXED1);
    c->cr4_fixed0 = cpu_rdmsr(MSR_IA32_VMX_CR4_FIXED0);
    c->cr4_fixed1 = cpu_rdmsr(MSR_IA32_VMX_CR4_FIXED1);
    if (!(c->basic & BASIC_TRUE_CONTROLS))
        return;
    c->pin = cpu_rdmsr(MSR_IA32_VMX_TRUE_PINBASED_CTLS);
    c->cpu = cpu_rdmsr(MSR_IA32_VMX_TRUE_PROCBASED_CTLS);
    c->exit = cpu_rdmsr(MSR_IA32_VMX_TRUE_EXIT_CTLS);
    c->entry = cpu_rdmsr(MSR_IA32_VMX_TRUE_ENTRY_CTLS);
    if ((c->cpu >> 32) & CPU_SECONDARY)
        c->secondary = cpu_rdmsr(MSR_IA32_VMX_PROCBASED_CTLS2);
    if ((c->secondary >> 32) & (SEC_EPT | SEC_VPID))
        c->ept_vpid = cpu_rdmsr(MSR_IA32_VMX_EPT_VPID_CAP);
}

const char *vmx_probe(void)
{
    const char *problem;

    read_caps(&boot_caps);
    problem = caps_choose(&boot_caps, &vmx_setup);
    if (problem == NULL)
        vmx_features = vmx_setup.features;
    return problem;
}

const struct hw_features *vmx_probed_features(void)
{
    static struct hw_features f;

    f = (struct hw_features){
        .name = "VMX", .slat_1g = vmx_features.ept_1g, .slat_2m = vmx_features.ept_2m, .slat_ad = vmx_features.ept_ad,
        .xsaves = vmx_features.xsaves, .rdtscp = vmx_features.rdtscp, .invpcid = vmx_features.invpcid,
        .tsc_scaling = vmx_features.tsc_scaling,
        .hypercall_insn = { 0x0f, 0x01, 0xc1 },      /* VMCALL */
    };
    return &f;
}

static const char *unlock(void)
{
    uint64_t control = cpu_rdmsr(MSR_IA32_FEATURE_CONTROL);
    const char *problem = caps_check_feature_control(control);

    if (problem == NULL && !(control & FEATURE_CONTROL_LOCKED))
        cpu_wrmsr(MSR_IA32_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON);
    return problem;
}

static struct vmx_cpu *new_cpu(void)
{
    struct vmx_cpu *cpu = heap_new(struct vmx_cpu);

    if (cpu == NULL)
        return NULL;
    cpu->region = heap_alloc_pages(0);
    if (cpu->region == NULL) {
        heap_free(cpu);
        return NULL;
    }
    *(uint32_t *)cpu->region = vmx_setup.revision;
    return cpu;
}

const char *vmx_cpu_enable(void)
{
    struct vmx_cpu *cpu = vmx_this_cpu();
    struct vmx_caps caps;
    const char *problem;

    read_caps(&caps);
    problem = caps_same(&boot_caps, &caps);
    if (problem == NULL)
        problem = unlock();
    if (problem != NULL)
        return problem;
    if (cpu == NULL) {
        cpu = new_cpu();
        if (cpu == NULL)
            return "there is no memory for the VMXON region of a CPU";
        this_cpu()->hw = cpu;
    }
    cpu_write_cr0(cpu_read_cr0() | vmx_setup.cr0_fixed0);
    cpu_write_cr4(cpu_read_cr4() | vmx_setup.cr4_fixed0 | CR4_VMXE);
    if (!insn_vmxon(virt_to_phys(cpu->region)))
        return "VMXON failed although the CPU and the firmware allow it; is another hypervisor active?";
    cpu->on = true;
    if (!insn_invept(INVALIDATE_ALL, 0) || !insn_invvpid(INVALIDATE_ALL, 0))
        return "INVEPT or INVVPID failed although the CPU reports them";
    return NULL;
}

void vmx_cpu_disable(void)
{
    struct vmx_cpu *cpu = vmx_this_cpu();

    if (cpu == NULL || !cpu->on)
        return;
    if (cpu->current != NULL)
        vmx_unload(cpu->current);
    insn_vmxoff();
    cpu_write_cr4(cpu_read_cr4() & ~CR4_VMXE);
    cpu->on = false;
}
