/* SPDX-License-Identifier: BSD-2-Clause */
/* What the CPU does of a virtual APIC by itself (SDM chapter 30), where it can. */
#include <vmx/vmx.h>

#include "bits.h"
#include "cpu.h"
#include "state.h"
#include "vmcs.h"

#include <hv/assert.h>
#include <hv/compiler.h>
#include <x86/paging.h>

#define X2APIC_TPR 0x808U
#define X2APIC_EOI 0x80bU
#define X2APIC_SELF_IPI 0x83fU
#define APIC_PAGE_TPR 0x80U
#define APIC_SECONDARY (SEC_APIC_ACCESS | SEC_X2APIC | SEC_APIC_REGISTER | SEC_VIRTUAL_INTR)
#define APIC_CPU (CPU_TPR_SHADOW | CPU_CR8_LOAD_EXIT | CPU_CR8_STORE_EXIT)

static uint32_t register_help(const struct vmx_features *f, const struct hw_vcpu_config *config)
{
    if (!config->virtual_apic)
        return 0;
    return (f->apic_register_virt ? SEC_APIC_REGISTER : 0) | (f->virtual_intr_delivery ? SEC_VIRTUAL_INTR : 0);
}

struct apic_controls apic_controls(const struct vmx_features *f, const struct hw_vcpu_config *config,
                                   enum hw_apic_mode mode)
{
    struct apic_controls c = { .cpu = CPU_CR8_LOAD_EXIT | CPU_CR8_STORE_EXIT };

    if (!f->tpr_shadow || config->apic_page == NULL)
        return c;
    c.cpu = CPU_TPR_SHADOW;
    if (mode == HW_APIC_XAPIC && f->apic_access && config->apic_access_page.v != 0)
        c.secondary = SEC_APIC_ACCESS | register_help(f, config);
    /* The bitmap lets through what the CPU does with all of its help: without it the machine's own APIC would answer. */
    if (mode == HW_APIC_X2APIC && config->virtual_apic && f->x2apic_virt && config->msr_bitmap_x2apic != NULL)
        c.secondary = SEC_X2APIC | register_help(f, config);
    return c;
}

static void choose_msr_bitmap(struct hw_vcpu *v)
{
    bool x2apic = vmx(v)->secondary & SEC_X2APIC;
    const uint8_t *bitmap = x2apic ? v->config.msr_bitmap_x2apic : v->config.msr_bitmap;
    uint32_t cpu = bitmap != NULL ? vmx(v)->cpu_based | CPU_MSR_BITMAPS : vmx(v)->cpu_based & ~CPU_MSR_BITMAPS;

    if (bitmap != NULL)
        vmwrite64(CTL_MSR_BITMAP, virt_to_phys(bitmap).v);
    vmx(v)->cpu_based = cpu;
}

void vmx_set_apic_mode(struct hw_vcpu *v, enum hw_apic_mode mode)
{
    struct apic_controls c = apic_controls(&vmx_features, &v->config, mode);

    if (mode == v->apic_mode)
        return;
    v->apic_mode = mode;
    vmx(v)->secondary = (vmx(v)->secondary & ~APIC_SECONDARY) | c.secondary;
    vmx(v)->cpu_based = (vmx(v)->cpu_based & ~APIC_CPU) | c.cpu;
    choose_msr_bitmap(v);
    apic_note_controls(v);
    vmwrite32(CTL_SECONDARY, vmx(v)->secondary);
    vmwrite32(CTL_CPU_BASED, vmx(v)->cpu_based);
    if (v->uses_tpr_threshold)
        vmx_set_tpr_threshold(v, v->tpr_threshold);
    /* The CPU may have cached translations of the access page's address (SDM 30.4). */
    if (vmx(v)->secondary & SEC_EPT)
        vmx_invept(v->config.slat_root);
}

void apic_note_controls(struct hw_vcpu *v)
{
    v->delivers_interrupts = vmx(v)->secondary & SEC_VIRTUAL_INTR;
    v->uses_tpr_threshold = (vmx(v)->cpu_based & CPU_TPR_SHADOW) && !v->delivers_interrupts;
}

/* Without help with accesses a threshold above the TPR is no legal entry state (SDM 27.2.1.1): it would
 * mean that the interrupt can be delivered already, which is for the caller to see. */
void vmx_set_tpr_threshold(struct hw_vcpu *v, unsigned int threshold)
{
    const uint8_t *page = v->config.apic_page;

    if (!v->uses_tpr_threshold)
        return;
    threshold &= 0xf;
    if (!(vmx(v)->secondary & SEC_APIC_ACCESS))
        threshold = min_of(threshold, (unsigned int)page[APIC_PAGE_TPR] >> 4);
    if (threshold == v->tpr_threshold)
        return;
    v->tpr_threshold = threshold;
    vmwrite32(CTL_TPR_THRESHOLD, threshold);
}

uint8_t vmx_get_rvi(struct hw_vcpu *v unused_arg) { return (uint8_t)vmread16(GUEST_INTR_STATUS); }

static void set_status(uint16_t keep, uint16_t bits)
{
    uint16_t old = vmread16(GUEST_INTR_STATUS), now = (uint16_t)((old & keep) | bits);

    if (now != old)
        vmwrite16(GUEST_INTR_STATUS, now);
}

void vmx_set_rvi(struct hw_vcpu *v, uint8_t vector)
{
    ASSERT(v->delivers_interrupts);
    set_status(0xff00, vector);
}

void vmx_set_svi(struct hw_vcpu *v, uint8_t vector)
{
    ASSERT(v->delivers_interrupts);
    set_status(0x00ff, (uint16_t)(vector << 8));
}

void vmx_set_eoi_exit(struct hw_vcpu *v, uint8_t vector, bool exits)
{
    uint64_t old = v->eoi_exit[vector / 64], bit = BIT(vector % 64);
    uint64_t now = exits ? old | bit : old & ~bit;

    if (now == old || !vmx_features.virtual_intr_delivery || !(vmx(v)->cpu_based & CPU_TPR_SHADOW))
        return;
    v->eoi_exit[vector / 64] = now;
    vmcs_write((uint16_t)(CTL_EOI_EXIT_0.encoding + 2 * (vector / 64)), now);
}

/*
 * The registers that exist and whose value is in the page (SDM table 11-6). The CPU would read the page for all of
 * 0x800-0x8ff, also where an APIC has #GP; the current count (0x839) is a clock, of which the page has no idea, and the
 * upper half of the ICR (0x830) is elsewhere in the page than the CPU would look.
 */
static const struct { uint32_t first, last; } x2apic_read[] = {
    { 0x802, 0x803 }, { 0x808, 0x808 }, { 0x80a, 0x80a }, { 0x80d, 0x80d }, { 0x80f, 0x828 },
    { 0x832, 0x838 }, { 0x83e, 0x83e },
};

void vmx_msr_bitmap_x2apic(uint8_t *bitmap)
{
    if (!vmx_features.x2apic_virt)
        return;
    for (uint32_t i = 0; vmx_features.apic_register_virt && i < ARRAY_COUNT(x2apic_read); i++)
        for (uint32_t msr = x2apic_read[i].first; msr <= x2apic_read[i].last; msr++)
            vmx_msr_bitmap_allow(bitmap, msr, true, false);
    vmx_msr_bitmap_allow(bitmap, X2APIC_TPR, true, true);
    if (!vmx_features.virtual_intr_delivery)
        return;
    vmx_msr_bitmap_allow(bitmap, X2APIC_EOI, false, true);
    vmx_msr_bitmap_allow(bitmap, X2APIC_SELF_IPI, false, true);
}
