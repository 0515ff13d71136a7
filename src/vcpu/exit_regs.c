/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers, debug registers, model-specific registers. */
#include "exits.h"

#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <x86/cpu.h>
#include <x86/time.h>

static uint64_t gpr_read(struct vcpu *v, uint8_t gpr)
{
    return gpr == GPR_RSP ? hw_get_rsp(&v->hw) : v->hw.regs.gpr[gpr & 15];
}

static void gpr_write(struct vcpu *v, uint8_t gpr, uint64_t value)
{
    if (gpr == GPR_RSP)
        hw_set_rsp(&v->hw, value);
    else
        v->hw.regs.gpr[gpr & 15] = value;
}

static bool write_cr(struct vcpu *v, unsigned int cr, uint64_t value)
{
    if (cr == 8) {
        if (value & ~0xfULL)
            return false;
        vlapic_set_tpr(&v->lapic, (uint8_t)(value << 4));
        return true;
    }
    if (cr == 4 && (value & ~cpuid_policy_cr4_allowed(&v->domain->cpuid)))
        return false;
    return vcpu_set_cr(v, cr, value);
}

enum exit_action exit_cr(struct vcpu *v, const struct vmexit *x)
{
    struct exit_cr c = x->cr;
    uint64_t cr0, value;

    if (unlikely(c.undecoded) && !vcpu_decode_cr(v, &c))
        return ACT_CRASH;
    switch (c.op) {
    case CR_READ:
        value = c.cr == 8 ? vlapic_get_tpr(&v->lapic) >> 4 : hw_get_cr(&v->hw, c.cr);
        gpr_write(v, c.gpr, value);
        return ACT_ADVANCE;
    case CR_WRITE:
        return write_cr(v, c.cr, gpr_read(v, c.gpr)) ? ACT_ADVANCE : vcpu_gp(v);
    case CR_CLTS:
        cr0 = hw_get_cr(&v->hw, 0);
        return write_cr(v, 0, cr0 & ~CR0_TS) ? ACT_ADVANCE : vcpu_gp(v);
    case CR_LMSW:
        /* LMSW can set PE but not clear it (SDM vol. 2). */
        cr0 = hw_get_cr(&v->hw, 0);
        value = (cr0 & ~0xeULL) | (c.lmsw & 0xfU);
        return write_cr(v, 0, value) ? ACT_ADVANCE : vcpu_gp(v);
    }
    return ACT_CRASH;
}

/* The first access brings the guest's debug registers onto the CPU; later ones do not exit. */
enum exit_action exit_dr(struct vcpu *v, const struct vmexit *x unused_arg)
{
    vcpu_load_debug(v);
    hw_set_dr_exiting(&v->hw, false);
    return ACT_RETRY;
}

/* ---- MSRs ---- */

/* By the name that the guest's CPU has: "Auth"enticAMD, "Hygo"nGenuine. */
static bool is_amd(const struct domain *d)
{
    return d->cpuid.basic[0].b == 0x68747541U || d->cpuid.basic[0].b == 0x6f677948U;
}

static bool rdmsr(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    struct domain *d = v->domain;
    struct msr_rule rule = msr_policy(msr, d->is_dom0);

    *value = 0;
    switch (rule.read) {
    case MSR_GP: return false;
    case MSR_VMCS:
    case MSR_PASS: /* without a bitmap these exit as well */
    case MSR_SPEC_CTRL:
    case MSR_EFER: return hw_get_msr(&v->hw, msr, value);
    case MSR_CONST: *value = rule.value; return true;
    case MSR_STORE: return msr_store_read(&v->msrs, msr, value);
    case MSR_TSC: *value = vcpu_tsc(v); return true;
    case MSR_TSC_ADJUST: *value = v->tsc_adjust; return true;
    case MSR_TSC_DEADLINE: *value = vlapic_get_tsc_deadline(&v->lapic); return true;
    case MSR_APIC_BASE: *value = v->lapic.base_msr; return true;
    case MSR_X2APIC: return vlapic_rdmsr(&v->lapic, msr, time_now(), value);
    case MSR_XSS: return true;            /* no state that it could switch on is offered */
    case MSR_MISC_ENABLE: *value = v->misc_enable | rule.value; return true;
    case MSR_ARCH_CAPS: *value = d->cpuid.arch_caps; return true;
    case MSR_PLATFORM_INFO: *value = d->cpuid.platform_info; return true;
    case MSR_HOST_READ: return cpu_rdmsr_safe(msr, value);
    case MSR_AMD_CONST: *value = rule.value; return is_amd(d);
    case MSR_SYNTHETIC: return synthetic_rdmsr(v, msr, value);
    case MSR_PRED_CMD:
    case MSR_FLUSH_CMD: return false;
    }
    return false;
}

static bool set_tsc_deadline(struct vcpu *v, uint64_t tsc)
{
    struct vlapic_effect e = { 0 };

    vlapic_set_tsc_deadline(&v->lapic, tsc, tsc ? vcpu_tsc_deadline(v, tsc) : NS_NEVER, &e);
    vcpu_apic_effect(v, &e);
    return true;
}

static bool set_apic_base(struct vcpu *v, uint64_t value)
{
    struct vlapic_effect e = { 0 };
    bool ok = vlapic_set_base(&v->lapic, value, &e);

    if (ok)
        vcpu_apic_effect(v, &e);
    return ok;
}

bool vcpu_wrmsr_x2apic(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct vlapic_effect e = { 0 };
    bool ok = vlapic_wrmsr(&v->lapic, msr, value, time_now(), &e);

    if (ok)
        vcpu_apic_effect(v, &e);
    return ok;
}

static bool set_efer(struct vcpu *v, uint64_t value)
{
    if (value & ~cpuid_policy_efer_allowed(&v->domain->cpuid) & ~EFER_LMA)
        return false;
    return hw_set_efer(&v->hw, value);
}

/* dom0 shares the TSC with the hypervisor, and with the clocks of all others: its writes are ignored. */
static bool set_tsc_adjust(struct vcpu *v, uint64_t value)
{
    if (!v->domain->is_dom0)
        vcpu_set_tsc_adjust(v, value);
    return true;
}

static bool wrmsr(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct msr_rule rule = msr_policy(msr, v->domain->is_dom0);

    if (value & rule.reserved)
        return false;
    switch (rule.write) {
    case MSR_GP: return rule.ignore_write;
    case MSR_CONST:
    case MSR_HOST_READ:
    case MSR_PLATFORM_INFO:
    case MSR_ARCH_CAPS: return rule.ignore_write;
    case MSR_AMD_CONST: return is_amd(v->domain);
    case MSR_VMCS:
    case MSR_PASS:
    case MSR_SPEC_CTRL: return hw_set_msr(&v->hw, msr, value);
    case MSR_EFER: return set_efer(v, value);
    case MSR_STORE: return msr_store_write(&v->msrs, msr, value);
    case MSR_TSC: return set_tsc_adjust(v, v->tsc_adjust + value - vcpu_tsc(v));   /* SDM vol. 3B 18.17.3: by as much */
    case MSR_TSC_ADJUST: return set_tsc_adjust(v, value);
    case MSR_TSC_DEADLINE: return set_tsc_deadline(v, value);
    case MSR_APIC_BASE: return set_apic_base(v, value);
    case MSR_X2APIC: return vcpu_wrmsr_x2apic(v, msr, value);
    case MSR_XSS: return value == 0;
    case MSR_MISC_ENABLE: v->misc_enable = value; return true;
    case MSR_SYNTHETIC: return synthetic_wrmsr(v, msr, value);
    case MSR_PRED_CMD:
    case MSR_FLUSH_CMD: return cpu_wrmsr_safe(msr, value);
    }
    return false;
}

enum exit_action exit_rdmsr(struct vcpu *v, const struct vmexit *x unused_arg)
{
    struct guest_regs *r = &v->hw.regs;
    uint64_t value;

    if (!rdmsr(v, (uint32_t)r->rcx, &value)) {
        log_guest(LOG_G_DEBUG, v->domain->id, "RDMSR %#x: #GP", (uint32_t)r->rcx);
        return vcpu_gp(v);
    }
    r->rax = (uint32_t)value;
    r->rdx = value >> 32;
    return ACT_ADVANCE;
}

enum exit_action exit_wrmsr(struct vcpu *v, const struct vmexit *x unused_arg)
{
    struct guest_regs *r = &v->hw.regs;
    uint64_t value = (r->rdx << 32) | (uint32_t)r->rax;

    if (wrmsr(v, (uint32_t)r->rcx, value))
        return ACT_ADVANCE;
    log_guest(LOG_G_DEBUG, v->domain->id, "WRMSR %#x = %#llx: #GP", (uint32_t)r->rcx,
              (unsigned long long)value);
    return vcpu_gp(v);
}
