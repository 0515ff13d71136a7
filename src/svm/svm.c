/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's side: capabilities, and SVM on a CPU. */
#include <svm/svm.h>

#include "caps.h"
#include "state.h"

#include <hv/assert.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#define CPUID_EXTENDED 0x80000000U
#define CPUID_HYPERVISOR 0x40000000U
#define HYPERVISOR_PRESENT BIT(31)           /* CPUID 1.ECX */

struct svm_features svm_features;

static bool is_qemu_tcg(void)
{
    struct cpuid_regs r;

    if (!(cpu_cpuid(1, 0).ecx & HYPERVISOR_PRESENT))
        return false;
    r = cpu_cpuid(CPUID_HYPERVISOR, 0);
    return memcmp(&r.ebx, "TCGTCGTCGTCG", 12) == 0;
}

static struct svm_caps read_caps(void)
{
    struct svm_caps c = { .max_leaf = cpu_cpuid(CPUID_EXTENDED, 0).eax };
    struct cpuid_regs ext = cpu_cpuid(CPUID_EXTENDED + 1, 0), r;

    c.ext_ecx = ext.ecx;
    c.ext_edx = ext.edx;
    if (c.max_leaf < CPUID_EXTENDED + 0xa)
        return c;
    r = cpu_cpuid(CPUID_EXTENDED + 0xa, 0);
    c.asids = r.ebx;
    c.svm_edx = r.edx;
    c.ext8_ebx = cpu_cpuid(CPUID_EXTENDED + 8, 0).ebx;
    c.qemu_tcg = is_qemu_tcg();
    if (!cpu_rdmsr_safe(MSR_VM_CR, &c.vm_cr))
        c.vm_cr = 0;
    return c;
}

const char *svm_probe(void)
{
    struct svm_caps caps = read_caps();

    return svm_caps_choose(&caps, &svm_features);
}

const struct hw_features *svm_probed_features(void)
{
    static struct hw_features f;

    f = (struct hw_features){
        .name = "SVM", .slat_1g = svm_features.page_1g, .slat_2m = true, .slat_ad = true,
        .xsaves = true, .rdtscp = svm_features.rdtscp, .invpcid = true, .tsc_scaling = svm_features.tsc_ratio,
        .hypercall_insn = { 0x0f, 0x01, 0xd9 },      /* VMMCALL */
    };
    return &f;
}

static struct svm_cpu *new_cpu(void)
{
    struct svm_cpu *cpu = heap_new(struct svm_cpu);

    if (cpu == NULL)
        return NULL;
    cpu->hsave = heap_alloc_pages(0);
    cpu->host = heap_alloc_pages(0);
    if (cpu->hsave == NULL || cpu->host == NULL) {
        heap_free_pages(cpu->hsave, 0);
        heap_free_pages(cpu->host, 0);
        heap_free(cpu);
        return NULL;
    }
    cpu->host_pa = virt_to_phys(cpu->host);
    return cpu;
}

/* The choice of the boot CPU has to fit the others. */
static const char *check_same(void)
{
    struct svm_caps caps = read_caps();
    struct svm_features here;
    const char *problem = svm_caps_choose(&caps, &here);

    if (problem == NULL && memcmp(&here, &svm_features, sizeof(here)) != 0)
        problem = "this CPU's SVM differs from the boot CPU's; Tenon needs CPUs of one kind";
    return problem;
}

const char *svm_cpu_enable(void)
{
    struct svm_cpu *cpu = svm_this_cpu();
    const char *problem = check_same();
    uint64_t vm_cr = 0;

    if (problem != NULL)
        return problem;
    if (cpu == NULL) {
        cpu = new_cpu();
        if (cpu == NULL)
            return "there is no memory for the host-save area of a CPU";
        this_cpu()->hw = cpu;
    }
    if (cpu_rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS))
        cpu_wrmsr(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS);
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_SVME);
    cpu_wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(cpu->hsave).v);
    svm_vmsave(cpu->host_pa);
    cpu->on = true;
    cpu->asid_generation = 1;
    cpu->asid_count = svm_features.asids;
    cpu->next_asid = svm_features.asids;     /* none is left: the first entry flushes */
    return NULL;
}

void svm_cpu_disable(void)
{
    struct svm_cpu *cpu = svm_this_cpu();

    if (cpu == NULL || !cpu->on)
        return;
    if (cpu->current != NULL)
        svm_unload(cpu->current);
    cpu_wrmsr(MSR_VM_HSAVE_PA, 0);
    cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) & ~EFER_SVME);
    cpu->on = false;
}

void svm_flush(uint64_t root unused_arg)
{
    struct svm_cpu *cpu = svm_this_cpu();

    cpu->asid_generation++;
}

void svm_asid_new(struct svm_cpu *cpu, struct hw_vcpu *v)
{
    struct svm_state *s = svm(v);
    struct vmcb *b = s->vmcb;

    if (cpu->next_asid >= cpu->asid_count) {
        cpu->asid_generation++;
        cpu->next_asid = 1;
        b->tlb_control = TLB_FLUSH_ALL;
    }
    b->asid = cpu->next_asid++;
    s->asid_generation = cpu->asid_generation;
    s->asid_cpu = (int)this_cpu_id();
    vmcb_touch(b, CLEAN_ASID);
}
