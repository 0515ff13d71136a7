/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMCS from nothing: controls, and the host state of the CPU it runs on. Guest state: reset.c. */
#include "vmcs.h"

#include "bits.h"
#include "caps.h"
#include "cpu.h"
#include "state.h"

#include <hv/assert.h>
#include <lib/log.h>
#include <x86/cpu.h>
#include <x86/paging.h>
#include <x86/percpu.h>

#define PLE_GAP_TICKS 128U       /* two PAUSEs closer than this are one loop ... */
#define PLE_WINDOW_TICKS 4096U   /* ... that exits after this long */
#define NO_LINK UINT64_MAX

const struct vmcs_field vmcs_fields[] = {
#define F(width, name, enc, access) { enc, VMCS_WIDTH_##width, VMCS_ACCESS_##access, #name },
#include "vmcs_fields.def"
#undef F
};
const unsigned int vmcs_field_count = ARRAY_COUNT(vmcs_fields);

const char *vmcs_field_name(uint16_t encoding)
{
    for (unsigned int i = 0; i < vmcs_field_count; i++)
        if (vmcs_fields[i].encoding == encoding)
            return vmcs_fields[i].name;
    return "unknown field";
}

void vmcs_access_failed(uint16_t encoding, const char *what)
{
    log_err("%s of %s (%#x) failed", what, vmcs_field_name(encoding), (unsigned int)encoding);
    BUG();
}

static uint64_t physical(const void *page) { return virt_to_phys(page).v; }

/*
 * The timer is loaded anew at each entry, since its value is not saved at exits. It counts the TSC down in units of
 * IA32_VMX_MISC[4:0] bits (SDM 26.5.1).
 */
static void write_run_limit(struct hw_vcpu *v)
{
    uint64_t units;

    if (v->config.run_limit == 0 || !vmx_features.preempt_timer)
        return;
    units = v->config.run_limit >> (cpu_rdmsr(MSR_IA32_VMX_MISC) & 0x1fU);
    vmx(v)->pin_based |= PIN_PREEMPT_TIMER;
    vmwrite32(GUEST_PREEMPT_TIMER, (uint32_t)min_of(units + 1, (uint64_t)UINT32_MAX));
}

static void write_execution_controls(struct hw_vcpu *v)
{
    const struct hw_vcpu_config *c = &v->config;
    struct apic_controls apic = apic_controls(&vmx_features, c, HW_APIC_OFF);

    vmx(v)->pin_based = vmx_setup.pin;
    vmx(v)->cpu_based = vmx_setup.cpu | apic.cpu | (c->io_bitmap != NULL ? CPU_IO_BITMAPS : CPU_ALL_IO_EXIT) |
                   (c->msr_bitmap != NULL ? CPU_MSR_BITMAPS : 0) | (c->rdtsc_exits ? CPU_RDTSC_EXIT : 0);
    vmx(v)->secondary = vmx_setup.secondary | apic.secondary | (c->vpid != 0 ? SEC_VPID : 0);
    write_run_limit(v);
    vmwrite32(CTL_PIN_BASED, vmx(v)->pin_based);
    vmwrite32(CTL_CPU_BASED, vmx(v)->cpu_based);
    vmwrite32(CTL_SECONDARY, vmx(v)->secondary);
    vmwrite32(CTL_EXCEPTION_BITMAP, 1U << X86_DB | 1U << X86_AC | 1U << X86_MC);
    vmwrite32(CTL_PF_ERROR_MASK, 0);
    vmwrite32(CTL_PF_ERROR_MATCH, 0);
    vmwrite32(CTL_CR3_TARGET_COUNT, 0);
    vmwrite64(CTL_TSC_OFFSET, 0);
    vmwrite64(CTL_EPT_POINTER, c->slat_root);
    if (c->vpid != 0)
        vmwrite16(CTL_VPID, c->vpid);
    if (vmx_features.pause_loop) {
        vmwrite32(CTL_PLE_GAP, PLE_GAP_TICKS);
        vmwrite32(CTL_PLE_WINDOW, PLE_WINDOW_TICKS);
    }
    if (vmx_features.xsaves)
        vmwrite64(CTL_XSS_EXIT, UINT64_MAX);
}

static void write_bitmaps(const struct hw_vcpu_config *c)
{
    if (c->io_bitmap != NULL) {
        vmwrite64(CTL_IO_BITMAP_A, physical(c->io_bitmap));
        vmwrite64(CTL_IO_BITMAP_B, physical(c->io_bitmap + PAGE_SIZE));
    }
    if (c->msr_bitmap != NULL)
        vmwrite64(CTL_MSR_BITMAP, physical(c->msr_bitmap));
}

static void write_apic(struct hw_vcpu *v)
{
    const struct hw_vcpu_config *c = &v->config;

    v->apic_mode = HW_APIC_OFF;
    apic_note_controls(v);
    if (!(vmx(v)->cpu_based & CPU_TPR_SHADOW))
        return;
    vmwrite64(CTL_VIRTUAL_APIC, physical(c->apic_page));
    vmwrite32(CTL_TPR_THRESHOLD, 0);
    if (vmx_features.apic_access && c->apic_access_page.v != 0)
        vmwrite64(CTL_APIC_ACCESS, c->apic_access_page.v);
    if (!vmx_features.virtual_intr_delivery)
        return;
    for (unsigned int i = 0; i < 4; i++) {
        v->eoi_exit[i] = c->eoi_exit_bitmap != NULL ? c->eoi_exit_bitmap[i] : 0;
        vmcs_write((uint16_t)(CTL_EOI_EXIT_0.encoding + 2 * i), v->eoi_exit[i]);
    }
    vmwrite16(GUEST_INTR_STATUS, 0);
}

void vmcs_write_controls(struct hw_vcpu *v)
{
    write_execution_controls(v);
    write_bitmaps(&v->config);
    write_apic(v);
    vmwrite32(CTL_EXIT, vmx_setup.exit);
    vmwrite32(CTL_EXIT_MSR_STORE_COUNT, 0);
    vmwrite32(CTL_EXIT_MSR_LOAD_COUNT, 0);
    vmwrite32(CTL_ENTRY, vmx_setup.entry);
    vmwrite32(CTL_ENTRY_MSR_LOAD_COUNT, 0);
    vmwrite32(CTL_ENTRY_INTR_INFO, 0);
    vmwrite64(GUEST_VMCS_LINK, NO_LINK);
}

static void write_host_control_state(void)
{
    vmwriten(HOST_CR0, cpu_read_cr0());
    vmwriten(HOST_CR3, cpu_read_cr3());
    vmwriten(HOST_CR4, cpu_read_cr4());
    vmwrite64(HOST_EFER, cpu_rdmsr(MSR_IA32_EFER));
    vmwrite64(HOST_PAT, cpu_rdmsr(MSR_IA32_PAT));
    vmwrite32(HOST_SYSENTER_CS, 0);
    vmwriten(HOST_SYSENTER_ESP, 0);
    vmwriten(HOST_SYSENTER_EIP, 0);
    vmwriten(HOST_RIP, (uint64_t)(uintptr_t)vmx_exit_stub);
}

/* HOST_RSP is entry.S's. */
void vmcs_write_host_cpu(void)
{
    struct host_tables t;

    insn_read_tables(&t);
    write_host_control_state();
    vmwrite16(HOST_CS_SELECTOR, t.cs & 0xfff8);
    vmwrite16(HOST_SS_SELECTOR, t.ss & 0xfff8);
    vmwrite16(HOST_TR_SELECTOR, t.tr & 0xfff8);
    vmwrite16(HOST_ES_SELECTOR, 0);
    vmwrite16(HOST_DS_SELECTOR, 0);
    vmwrite16(HOST_FS_SELECTOR, 0);
    vmwrite16(HOST_GS_SELECTOR, 0);
    vmwriten(HOST_FS_BASE, cpu_rdmsr(MSR_IA32_FS_BASE));
    vmwriten(HOST_GS_BASE, (uint64_t)(uintptr_t)this_cpu());
    vmwriten(HOST_TR_BASE, t.tr_base);
    vmwriten(HOST_GDTR_BASE, t.gdt_base);
    vmwriten(HOST_IDTR_BASE, t.idt_base);
}
