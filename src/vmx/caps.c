/* SPDX-License-Identifier: BSD-2-Clause */
#include "caps.h"

#include "bits.h"

#include <hv/types.h>
#include <lib/string.h>

#define NEEDS(what) "Tenon needs " what "; this CPU's VMX does not offer it"
#define NESTED "; if this is a virtual machine, its host must pass it on"

enum control { PIN, CPU, SECONDARY, EXIT, ENTRY };

/* Each has to be settable; checked in this order, so that the root of several gaps is named. */
static const struct { enum control control; uint32_t bits; const char *lacking; } required[] = {
    { CPU, CPU_SECONDARY, NEEDS("secondary processor-based controls") },
    { SECONDARY, SEC_EPT, NEEDS("EPT (extended page tables)") },
    { SECONDARY, SEC_UNRESTRICTED, NEEDS("unrestricted guest mode") },
    { SECONDARY, SEC_VPID, NEEDS("VPID (virtual processor identifiers)") },
    { PIN, PIN_EXTINT_EXIT, NEEDS("external-interrupt exits") },
    { PIN, PIN_NMI_EXIT, NEEDS("NMI exits") },
    { PIN, PIN_VIRTUAL_NMI, NEEDS("virtual NMIs") },
    { CPU, CPU_HLT_EXIT, NEEDS("HLT exits") },
    { CPU, CPU_TSC_OFFSET, NEEDS("TSC offsetting") },
    { CPU, CPU_MSR_BITMAPS, NEEDS("MSR bitmaps") },
    { CPU, CPU_IO_BITMAPS | CPU_ALL_IO_EXIT, NEEDS("I/O bitmaps") },
    { CPU, CPU_MOV_DR_EXIT, NEEDS("debug-register exits") },
    { CPU, CPU_MWAIT_EXIT | CPU_MONITOR_EXIT, NEEDS("MONITOR and MWAIT exits") },
    { CPU, CPU_RDPMC_EXIT, NEEDS("RDPMC exits") },
    { CPU, CPU_RDTSC_EXIT, NEEDS("RDTSC exits") },
    { CPU, CPU_CR8_LOAD_EXIT | CPU_CR8_STORE_EXIT, NEEDS("CR8 exits") },
    { CPU, CPU_IRQ_WINDOW | CPU_NMI_WINDOW, NEEDS("interrupt and NMI windows") },
    { SECONDARY, SEC_WBINVD_EXIT, NEEDS("WBINVD exits") },
    { EXIT, EXITCTL_HOST_64, NEEDS("a 64-bit host") },
    { EXIT, EXITCTL_ACK_INTR, NEEDS("acknowledge interrupt on exit") },
    { EXIT, EXITCTL_SAVE_EFER | EXITCTL_LOAD_EFER, NEEDS("saving and loading of IA32_EFER on exit") },
    { EXIT, EXITCTL_SAVE_PAT | EXITCTL_LOAD_PAT, NEEDS("saving and loading of IA32_PAT on exit") },
    { EXIT, EXITCTL_SAVE_DEBUG, NEEDS("saving of debug controls on exit") },
    { ENTRY, ENTRYCTL_IA32E, NEEDS("64-bit guests") },
    { ENTRY, ENTRYCTL_LOAD_EFER, NEEDS("loading of IA32_EFER on entry") },
    { ENTRY, ENTRYCTL_LOAD_PAT, NEEDS("loading of IA32_PAT on entry") },
    { ENTRY, ENTRYCTL_LOAD_DEBUG, NEEDS("loading of debug controls on entry") },
};

/* Each has to be clearable. */
static const struct { enum control control; uint32_t bits; const char *lacking; } avoided[] = {
    { CPU, CPU_CR3_LOAD_EXIT | CPU_CR3_STORE_EXIT, NEEDS("CR3 access without exits") },
    { CPU, CPU_INVLPG_EXIT, NEEDS("INVLPG without exits") },
    { ENTRY, ENTRYCTL_IA32E, NEEDS("guests that are not in 64-bit mode") },
};

static const struct { uint64_t bits; const char *lacking; } ept_required[] = {
    { EPTCAP_WALK_4, NEEDS("EPT with 4-level tables") },
    { EPTCAP_WB, NEEDS("EPT with write-back tables") },
    { EPTCAP_INVEPT, NEEDS("INVEPT") },
    { EPTCAP_INVEPT_ALL, NEEDS("INVEPT of all contexts") },
    { EPTCAP_INVVPID, NEEDS("INVVPID") },
    { EPTCAP_INVVPID_ALL, NEEDS("INVVPID of all contexts") },
};

static const struct { enum control control; uint32_t bits; size_t feature; } optional[] = {
#define HAS(member) offsetof(struct vmx_features, member)
    { PIN, PIN_PREEMPT_TIMER, HAS(preempt_timer) },
    { CPU, CPU_TPR_SHADOW, HAS(tpr_shadow) },
    { SECONDARY, SEC_APIC_ACCESS, HAS(apic_access) },
    { SECONDARY, SEC_APIC_REGISTER, HAS(apic_register_virt) },
    { SECONDARY, SEC_VIRTUAL_INTR, HAS(virtual_intr_delivery) },
    { SECONDARY, SEC_X2APIC, HAS(x2apic_virt) },
    { SECONDARY, SEC_TSC_SCALING, HAS(tsc_scaling) },
    { SECONDARY, SEC_PML, HAS(pml) },
    { SECONDARY, SEC_PAUSE_LOOP, HAS(pause_loop) },
    { SECONDARY, SEC_XSAVES, HAS(xsaves) },
    { SECONDARY, SEC_RDTSCP, HAS(rdtscp) },
    { SECONDARY, SEC_INVPCID, HAS(invpcid) },
    { SECONDARY, SEC_MODE_BASED_EXEC, HAS(mode_based_exec) },
#undef HAS
};

static uint64_t allowed(const struct vmx_caps *c, enum control which)
{
    switch (which) {
    case PIN: return c->pin;
    case CPU: return c->cpu;
    case SECONDARY: return c->secondary;
    case EXIT: return c->exit;
    case ENTRY: return c->entry;
    }
    return 0;
}

static bool may_be_one(const struct vmx_caps *c, enum control which, uint32_t bits)
{
    return ((allowed(c, which) >> 32) & bits) == bits;
}

static bool may_be_zero(const struct vmx_caps *c, enum control which, uint32_t bits)
{
    return (allowed(c, which) & bits) == 0;
}

const char *caps_check_feature_control(uint64_t feature_control)
{
    if ((feature_control & FEATURE_CONTROL_LOCKED) && !(feature_control & FEATURE_CONTROL_VMXON))
        return "VMX is disabled by the firmware: IA32_FEATURE_CONTROL is locked without VMXON outside SMX; "
               "enable VT-x (Virtualization Technology) in the firmware's setup";
    return NULL;
}

static const char *check_basics(const struct vmx_caps *c)
{
    if (!c->vmx)
        return "Tenon needs Intel VT-x (VMX); this CPU does not offer it" NESTED;
    if (!(c->basic & BASIC_TRUE_CONTROLS))
        return NEEDS("the TRUE capability MSRs");
    if (((c->basic >> BASIC_SIZE_SHIFT) & BASIC_SIZE) > PAGE_SIZE || (c->basic & BASIC_ADDRESS_32) ||
        ((c->basic >> BASIC_MEMTYPE_SHIFT) & 0xf) != 6)
        return NEEDS("a VMCS of one write-back page anywhere in memory");
    return caps_check_feature_control(c->feature_control);
}

static const char *check_controls(const struct vmx_caps *c)
{
    for (size_t i = 0; i < ARRAY_COUNT(required); i++)
        if (!may_be_one(c, required[i].control, required[i].bits))
            return required[i].lacking;
    for (size_t i = 0; i < ARRAY_COUNT(avoided); i++)
        if (!may_be_zero(c, avoided[i].control, avoided[i].bits))
            return avoided[i].lacking;
    for (size_t i = 0; i < ARRAY_COUNT(ept_required); i++)
        if ((c->ept_vpid & ept_required[i].bits) != ept_required[i].bits)
            return ept_required[i].lacking;
    return NULL;
}

static struct vmx_features find_features(const struct vmx_caps *c)
{
    struct vmx_features f = {
        .unrestricted = true, .vpid = true, .vnmi = true, .spec_ctrl = c->spec_ctrl,
        .ept_2m = c->ept_vpid & EPTCAP_2M, .ept_1g = c->ept_vpid & EPTCAP_1G,
        .ept_ad = c->ept_vpid & EPTCAP_AD, .invept_single = c->ept_vpid & EPTCAP_INVEPT_SINGLE,
        .invvpid_single = c->ept_vpid & EPTCAP_INVVPID_SINGLE,
    };

    for (size_t i = 0; i < ARRAY_COUNT(optional); i++)
        *((bool *)&f + optional[i].feature) = may_be_one(c, optional[i].control, optional[i].bits);
    /* SDM 27.2.1.1: these need the TPR shadow, and interrupts without it nobody delivers. */
    f.apic_access &= f.tpr_shadow;
    f.apic_register_virt &= f.tpr_shadow;
    f.x2apic_virt &= f.tpr_shadow;
    f.virtual_intr_delivery &= f.tpr_shadow;
    return f;
}

static uint32_t adjust(const struct vmx_caps *c, enum control which, uint32_t wanted)
{
    return wanted | (uint32_t)allowed(c, which);
}

/* Of what is there, what every guest gets. The rest is set per vCPU (controls.c). */
static void choose_controls(const struct vmx_caps *c, struct vmx_setup *s)
{
    const struct vmx_features *f = &s->features;

    s->pin = adjust(c, PIN, PIN_EXTINT_EXIT | PIN_NMI_EXIT | PIN_VIRTUAL_NMI);
    s->cpu = adjust(c, CPU, CPU_HLT_EXIT | CPU_TSC_OFFSET | CPU_MWAIT_EXIT | CPU_MONITOR_EXIT |
                    CPU_RDPMC_EXIT | CPU_MOV_DR_EXIT | CPU_SECONDARY);
    s->secondary = adjust(c, SECONDARY, SEC_EPT | SEC_UNRESTRICTED | SEC_WBINVD_EXIT |
                          (f->rdtscp ? SEC_RDTSCP : 0) | (f->invpcid ? SEC_INVPCID : 0) |
                          (f->xsaves ? SEC_XSAVES : 0) | (f->pause_loop ? SEC_PAUSE_LOOP : 0));
    s->exit = adjust(c, EXIT, EXITCTL_HOST_64 | EXITCTL_ACK_INTR | EXITCTL_SAVE_EFER | EXITCTL_LOAD_EFER |
                     EXITCTL_SAVE_PAT | EXITCTL_LOAD_PAT | EXITCTL_SAVE_DEBUG);
    s->entry = adjust(c, ENTRY, ENTRYCTL_LOAD_EFER | ENTRYCTL_LOAD_PAT | ENTRYCTL_LOAD_DEBUG);
}

const char *caps_choose(const struct vmx_caps *caps, struct vmx_setup *out)
{
    const char *problem = check_basics(caps);

    if (problem == NULL)
        problem = check_controls(caps);
    if (problem != NULL)
        return problem;
    *out = (struct vmx_setup){
        .revision = (uint32_t)(caps->basic & BASIC_REVISION),
        .cr0_fixed0 = caps->cr0_fixed0,
        .cr4_fixed0 = caps->cr4_fixed0,
        .cr4_fixed1 = caps->cr4_fixed1,
        .features = find_features(caps),
    };
    choose_controls(caps, out);
    return NULL;
}

const char *caps_same(const struct vmx_caps *boot, const struct vmx_caps *here)
{
    struct vmx_setup a, b;
    const char *problem = caps_choose(here, &b);

    if (problem == NULL)
        problem = caps_choose(boot, &a);
    if (problem != NULL)
        return problem;
    if (memcmp(&a, &b, sizeof(a)) != 0)
        return "this CPU's VMX differs from the boot CPU's; Tenon needs CPUs of one kind";
    return NULL;
}
