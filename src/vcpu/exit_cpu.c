/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits due to instructions about the CPU itself: CPUID, HLT, PAUSE, XSETBV, time stamps, caches. */
#include "exits.h"

#include <hypercall/hypercall.h>
#include <pvhvm/xen_cpuid.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <xen/arch-x86/cpuid.h>

#define FREQUENCY_LEAF 0x16U
#define XSTATE_LEAF 0xdU
#define BUS_MHZ 100U

static void cpuid_xen(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    struct tsc_scale s = time_tsc_scale();
    const struct xen_cpuid_info info = {
        .domid = v->domain->id,
        .vcpu_id = v->id,
        .apic_reg_virt = v->lapic.hw_delivery,
        .tsc_emulated = v->domain->tsc.emulated,
        .guest_tsc_khz = v->domain->tsc.khz,
        .host_tsc_khz = time_tsc_khz(),
        .tsc_offset = v->domain->tsc.offset,
        .tsc_mul = s.mul,
        .tsc_shift = s.shift,
        .tsc_mode = v->domain->tsc.mode,
        .incarnation = v->domain->tsc.incarnation,
        .tsc_safe = true,
        .viridian = domain_enlightenments(v->domain) != 0,
    };

    xen_cpuid_read(leaf, subleaf, &info, out);
}

/* Leaves from 0x40000000. false: there are none of a hypervisor. */
static bool cpuid_hypervisor(const struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    bool viridian = domain_enlightenments(v->domain) != 0;
    uint32_t n = leaf - XEN_CPUID_BASE;

    if (n >= XEN_CPUID_SIZE * (viridian ? 2U : 1U))
        return false;
    if (viridian && n < XEN_CPUID_SIZE)
        viridian_cpuid_leaf(v, leaf, out);
    else
        cpuid_xen(v, leaf, subleaf, out);
    return true;
}

static struct cpuid_leaf cpuid_policy_leaf(struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_context c = {
        .apic_id = 2 * v->id,
        .vcpu_count = v->domain->max_vcpus,
        .apic_enabled = true,
    };

    /* CR4.OSXSAVE is mirrored in leaf 1 only, and reading it is a VMREAD. */
    if (leaf == 1 || leaf == 7)
        c.cr4 = hw_get_cr(&v->hw, 4);
    if (leaf == XSTATE_LEAF)
        c.xcr0 = cpu_xgetbv();
    return cpuid_policy_read(&v->domain->cpuid, leaf, subleaf, &c);
}

/*
 * dom0 has no PIT to calibrate its TSC with: without this leaf it would poll absent ports for a second
 * and more before it believes pvclock.
 */
static struct cpuid_leaf cpuid_frequency(void)
{
    uint32_t mhz = (uint32_t)(time_tsc_khz() / 1000);

    return (struct cpuid_leaf){ .a = mhz, .b = mhz, .c = BUS_MHZ };
}

static struct cpuid_leaf cpuid_leaf_of(struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_leaf l;

    if (leaf == FREQUENCY_LEAF && v->domain->is_dom0)
        return cpuid_frequency();
    l = cpuid_policy_leaf(v, leaf, subleaf);
    if (leaf == 0 && v->domain->is_dom0)
        l.a = FREQUENCY_LEAF;
    return l;
}

enum exit_action exit_cpuid(struct vcpu *v, const struct vmexit *x unused_arg)
{
    struct guest_regs *r = &v->hw.regs;
    uint32_t leaf = (uint32_t)r->rax, subleaf = (uint32_t)r->rcx, out[4];

    if (cpuid_hypervisor(v, leaf, subleaf, out)) {
        r->rax = out[0];
        r->rbx = out[1];
        r->rcx = out[2];
        r->rdx = out[3];
    } else {
        struct cpuid_leaf l = cpuid_leaf_of(v, leaf, subleaf);

        r->rax = l.a;
        r->rbx = l.b;
        r->rcx = l.c;
        r->rdx = l.d;
    }
    return ACT_ADVANCE;
}

enum exit_action exit_hlt(struct vcpu *v, const struct vmexit *x unused_arg)
{
    bool wakes = hw_get_rflags(&v->hw) & RFLAGS_IF;

    sched_block_prepare(&v->sched);
    if (vcpu_has_event(v) && (wakes || v->pending_nmi))
        return ACT_ADVANCE;
    /* Nothing but an NMI could end it: the vCPU has switched itself off. */
    if (!wakes && !v->pending_nmi)
        vcpu_halt_forever(v);
    else
        vcpu_block(v);
    return ACT_ADVANCE;
}

enum exit_action exit_pause(struct vcpu *v, const struct vmexit *x unused_arg)
{
    sched_give_way(&v->sched);
    return ACT_ADVANCE;
}

enum exit_action exit_xsetbv(struct vcpu *v, const struct vmexit *x unused_arg)
{
    struct guest_regs *r = &v->hw.regs;
    uint64_t value = (r->rdx << 32) | (uint32_t)r->rax;

    if ((uint32_t)r->rcx != 0 || hw_get_cpl(&v->hw) != 0 ||
        !cpuid_policy_xcr0_valid(&v->domain->cpuid, value))
        return vcpu_gp(v);
    v->hw.guest_xcr0 = value;
    cpu_xsetbv(value);
    return ACT_ADVANCE;
}

static void return_tsc(struct vcpu *v)
{
    uint64_t tsc = vcpu_tsc(v);

    v->hw.regs.rax = (uint32_t)tsc;
    v->hw.regs.rdx = tsc >> 32;
}

enum exit_action exit_rdtsc(struct vcpu *v, const struct vmexit *x unused_arg)
{
    return_tsc(v);
    return ACT_ADVANCE;
}

enum exit_action exit_rdtscp(struct vcpu *v, const struct vmexit *x unused_arg)
{
    uint64_t aux = 0;

    return_tsc(v);
    (void)hw_get_msr(&v->hw, 0xc0000103U /* IA32_TSC_AUX */, &aux);
    v->hw.regs.rcx = (uint32_t)aux;
    return ACT_ADVANCE;
}

enum exit_action exit_rdpmc(struct vcpu *v, const struct vmexit *x unused_arg)
{
    return vcpu_gp(v); /* no performance counters are offered */
}

/* dom0 drives real devices without an IOMMU: its cache flushes are real. INVD would lose our data. */
enum exit_action exit_wbinvd(struct vcpu *v, const struct vmexit *x unused_arg)
{
    if (v->domain->is_dom0)
        cpu_wbinvd();
    return ACT_ADVANCE;
}

enum exit_action exit_invd(struct vcpu *v, const struct vmexit *x)
{
    return exit_wbinvd(v, x);
}

static void count_hypercall(struct vcpu *v, uint64_t nr, uint64_t since)
{
    unsigned int slot = nr < HYPERCALL_STATS ? (unsigned int)nr : 0;

    v->hypercalls[slot]++;
    v->hypercall_tsc[slot] += cpu_rdtsc() - since;
}

enum exit_action exit_hypercall(struct vcpu *v, const struct vmexit *x unused_arg)
{
    struct guest_regs *r = &v->hw.regs;
    bool bits32 = !hw_is_code64(&v->hw);
    uint64_t nr, since, args[6];
    int64_t result;

    if (hw_get_cpl(&v->hw) != 0) {
        r->rax = (uint64_t)-(int64_t)1 /* -EPERM */;
        return ACT_ADVANCE;
    }
    if (viridian_takes_hypercall(v, r->rax)) {
        viridian_call(v, bits32);
        return ACT_ADVANCE;
    }
    if (bits32) {
        const uint64_t in[6] = { r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp };

        for (unsigned int i = 0; i < 6; i++)
            args[i] = (uint32_t)in[i];
        nr = (uint32_t)r->rax;
    } else {
        const uint64_t in[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

        for (unsigned int i = 0; i < 6; i++)
            args[i] = in[i];
        nr = r->rax;
    }
    v->hc_restart = false;
    since = cpu_rdtsc();
    result = hypercall_call(v, nr, args, bits32);
    count_hypercall(v, nr, since);
    if (v->hc_restart) {
        /* The guest issues the call again, with the progress in its argument registers. */
        if (bits32) {
            r->rbx = args[0]; r->rcx = args[1]; r->rdx = args[2]; r->rsi = args[3]; r->rdi = args[4];
        } else {
            r->rdi = args[0]; r->rsi = args[1]; r->rdx = args[2]; r->r10 = args[3]; r->r8 = args[4];
        }
        return ACT_RETRY;
    }
    r->rax = bits32 ? (uint32_t)result : (uint64_t)result;
    return ACT_ADVANCE;
}
