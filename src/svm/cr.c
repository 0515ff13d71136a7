/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control registers and EFER. The guest has CR2, CR3 and most of CR0 for itself. Writes that exit: CR0 when another bit than
 * TS or MP changes, CR4, CR8, EFER. Kept from the hardware: CR0.CD and NW (memory types are the tables' business, the
 * caches stay on), for which reads of CR0 exit while they are set; CR4.MCE stays on (a machine check is the
 * host's); EFER.SVME is set and hidden.
 */
#include <svm/svm.h>

#include "state.h"

#include <guestcpu/rules.h>
#include <hv/assert.h>
#include <x86/cpu.h>

#define CR0_KEPT (CR0_CD | CR0_NW)
#define CR0_VALID (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG | CR0_KEPT)
#define CS_LONG 0x200U

/* What this CPU has: there is no MSR that says which CR4 bits exist. */
static uint64_t cr4_of_cpu(void)
{
    static uint64_t all;
    struct cpuid_regs r1, r7 = { 0 };

    if (all != 0)
        return all;
    r1 = cpu_cpuid(1, 0);
    if (cpu_cpuid(0, 0).eax >= 7)
        r7 = cpu_cpuid(7, 0);
    all = GUEST_CR4_VIRTUALISED;
#define NEEDS(reg, bit, cr4) if (!((reg) & BIT(bit))) all &= ~(cr4)
    NEEDS(r1.ecx, 17, CR4_PCIDE);
    NEEDS(r1.ecx, 26, CR4_OSXSAVE);
    NEEDS(r7.ebx, 0, CR4_FSGSBASE);
    NEEDS(r7.ebx, 7, CR4_SMEP);
    NEEDS(r7.ebx, 20, CR4_SMAP);
    NEEDS(r7.ecx, 2, CR4_UMIP);
    NEEDS(r7.ecx, 3, CR4_PKE);
#undef NEEDS
    return all;
}

uint64_t svm_cr4_allowed(const struct hw_vcpu *v)
{
    return v->config.cr4_allowed != 0 ? v->config.cr4_allowed & cr4_of_cpu() : cr4_of_cpu();
}

/* MCE of the real register is always set: whether the guest set it is in cr4_hidden. */
uint64_t svm_get_cr(struct hw_vcpu *v, unsigned int n)
{
    const struct vmcb *b = vmcb_of(v);

    switch (n) {
    case 0: return (b->cr0 & ~CR0_KEPT) | svm(v)->cr0_hidden;
    case 3: return b->cr3;
    case 4: return (b->cr4 & ~CR4_MCE) | svm(v)->cr4_hidden;
    default:
        ASSERT(false);
        return 0;
    }
}

uint64_t svm_get_efer(struct hw_vcpu *v) { return vmcb_of(v)->efer & ~EFER_SVME; }

static struct guest_control control_of(struct hw_vcpu *v)
{
    const struct vmcb *b = vmcb_of(v);

    return (struct guest_control){ .cr0 = svm_get_cr(v, 0), .cr3 = b->cr3, .cr4 = svm_get_cr(v, 4),
                                   .efer = svm_get_efer(v), .cs_long = b->cs.attr & CS_LONG };
}

static void write_efer(struct vmcb *b, uint64_t efer)
{
    b->efer = efer | EFER_SVME;
    vmcb_touch(b, CLEAN_CR);
}

/* A register whose value differs from what the guest set exits when it is read. */
static void set_read_exit(struct vmcb *b, unsigned int cr, bool exits)
{
    uint16_t bit = (uint16_t)(1U << cr);

    b->cr_reads = (uint16_t)(exits ? b->cr_reads | bit : b->cr_reads & ~bit);
    vmcb_touch(b, CLEAN_INTERCEPTS);
}

static bool set_cr0(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);
    struct vmcb *b = vmcb_of(v);

    if (!guest_cr0_is_legal(&now, value))
        return false;
    value = (value & CR0_VALID) | CR0_ET;
    if (((now.cr0 ^ value) & CR0_PG) && (now.efer & EFER_LME))
        write_efer(b, value & CR0_PG ? now.efer | EFER_LMA : now.efer & ~EFER_LMA);
    svm(v)->cr0_hidden = value & CR0_KEPT;
    set_read_exit(b, 0, value & CR0_KEPT);
    b->cr0 = value & ~CR0_KEPT;
    vmcb_touch(b, CLEAN_CR);
    if ((now.cr0 ^ value) & GUEST_CR0_FLUSHES)
        svm_asid_drop(v);
    return true;
}

static bool set_cr3(struct hw_vcpu *v, uint64_t value)
{
    struct vmcb *b = vmcb_of(v);

    if (!(b->efer & EFER_LMA))
        value = (uint32_t)value;
    else if (b->cr4 & CR4_PCIDE)
        value &= ~GUEST_CR3_NO_FLUSH;
    if (value >> 52)
        return false;
    b->cr3 = value;
    vmcb_touch(b, CLEAN_CR);
    svm_asid_drop(v);
    return true;
}

static bool set_cr4(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);
    struct vmcb *b = vmcb_of(v);

    if ((value & ~svm_cr4_allowed(v)) || !guest_cr4_is_legal(&now, value))
        return false;
    svm(v)->cr4_hidden = value & CR4_MCE;
    set_read_exit(b, 4, !(value & CR4_MCE));
    b->cr4 = value | CR4_MCE;
    vmcb_touch(b, CLEAN_CR);
    if ((now.cr4 ^ value) & GUEST_CR4_FLUSHES)
        svm_asid_drop(v);
    return true;
}

bool svm_set_cr(struct hw_vcpu *v, unsigned int n, uint64_t value)
{
    switch (n) {
    case 0: return set_cr0(v, value);
    case 3: return set_cr3(v, value);
    case 4: return set_cr4(v, value);
    default: return false;
    }
}

/* With nested paging the CPU reads PDPTEs from memory when it walks (APM 15.25.10). */
bool svm_pdptes_wanted(const struct hw_vcpu *v unused_arg) { return false; }
bool svm_set_pdptes(struct hw_vcpu *v unused_arg, const uint64_t pdpte[4] unused_arg) { return true; }

/* LMA as written is ignored: it follows LME and paging. */
bool svm_set_efer(struct hw_vcpu *v, uint64_t value)
{
    struct guest_control now = control_of(v);

    if (!guest_efer_is_legal(&now, value))
        return false;
    write_efer(vmcb_of(v), (value & ~EFER_LMA) | (now.efer & EFER_LMA));
    if ((now.efer ^ value) & EFER_NXE)
        svm_asid_drop(v);
    return true;
}
