/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID of a guest: tables of which feature bits pass (src/hvm/cpuid_features.def), built from the host's leaves, changed
 * per domain by the toolstack. Pure. Xen's own leaves 0x40000000.. are pvhvm/xen_cpuid.h's.
 *
 * Static and dynamic: the policy holds what is the same on every vCPU; cpuid_policy_read adds APIC ids, OSXSAVE, sizes of the
 * enabled state. dom0's topology is dynamic too: one package, one core per vCPU, APIC id = 2 * vCPU number. */
#ifndef HVM_CPUID_POLICY_H
#define HVM_CPUID_POLICY_H

#include <hv/types.h>
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/xen.h>

struct cpuid_leaf { uint32_t a, b, c, d; };
#define CPUID_BASIC_MAX 0xdU
#define CPUID_EXT_MAX 0x80000008U
#define CPUID_CACHE_LEAVES 6
#define CPUID_FEAT_LEAVES 3
#define CPUID_TOPO_LEAVES 2
#define CPUID_XSTATE_LEAVES 63
#define CPUID_EXT_LEAVES (CPUID_EXT_MAX - 0x80000000U + 1)

/* Same kinds of sub-leaves that the toolstack serialises (xen_cpuid_leaf_t). */
struct cpuid_policy {
    struct cpuid_leaf basic[CPUID_BASIC_MAX + 1];
    struct cpuid_leaf cache[CPUID_CACHE_LEAVES];          /* leaf 4 */
    struct cpuid_leaf feat[CPUID_FEAT_LEAVES];            /* leaf 7 */
    struct cpuid_leaf topo[CPUID_TOPO_LEAVES];            /* leaf 0xb */
    struct cpuid_leaf xstate[CPUID_XSTATE_LEAVES];        /* leaf 0xd */
    struct cpuid_leaf ext[CPUID_EXT_LEAVES];
    uint64_t platform_info, arch_caps;   /* MSRs 0xce, 0x10a as the guest sees them */
    bool own_topology;                   /* leaves 1, 4 and 0xb are made from the number of vCPUs */
};
enum cpuid_kind { CPUID_HOST, CPUID_DOM0, CPUID_HVM_MAX, CPUID_HVM_DEFAULT };
/* Runs a host leaf (so that tests can feed recorded dumps). */
typedef struct cpuid_leaf (*cpuid_source)(uint32_t leaf, uint32_t subleaf);
/* arch_caps and the feature bit for it are 0 until cpuid_policy_set_arch_caps says what the host's MSR holds. */
void cpuid_policy_init(struct cpuid_policy *p, enum cpuid_kind kind, cpuid_source host);
/* host_value: MSR 0x10a of this machine (only if the host's CPUID has ARCH_CAPS); kind as at init. */
void cpuid_policy_set_arch_caps(struct cpuid_policy *p, enum cpuid_kind kind, uint64_t host_value);

/* feature: XEN_X86_FEATURE_* (xen/arch-x86/cpufeatureset.h). cpuid_policy_hide also hides what depends on it and
 * recomputes leaf 0xd: for features that need a VMX control which the machine lacks (XSAVES, INVPCID, RDTSCP). */
bool cpuid_policy_has(const struct cpuid_policy *p, unsigned int feature);
void cpuid_policy_hide(struct cpuid_policy *p, unsigned int feature);
/* For every policy made from now on, as if the CPU lacked it (`cpuid=no-...` on the command line). At boot. */
void cpuid_policy_hide_always(unsigned int feature);

/* Dynamic bits come from here. */
struct cpuid_context { uint32_t apic_id; unsigned int vcpu_count; uint64_t cr4, xcr0, xss; bool apic_enabled; };
/* Any leaf outside the hypervisor range. Never fails: unknown leaves read zero. */
struct cpuid_leaf cpuid_policy_read(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf, const struct cpuid_context *c);
/* Bits of CR0/CR4/EFER/XCR0 that the guest may set under this policy. */
uint64_t cpuid_policy_cr4_allowed(const struct cpuid_policy *p);
uint64_t cpuid_policy_efer_allowed(const struct cpuid_policy *p);
uint64_t cpuid_policy_xcr0_allowed(const struct cpuid_policy *p);   /* 0: no XSAVE */
bool cpuid_policy_xcr0_valid(const struct cpuid_policy *p, uint64_t xcr0);

/* Toolstack form: canonical serialisation (facts: xl-create's get_cpu_policy). */
unsigned int cpuid_policy_count(const struct cpuid_policy *p);
/* The same for any policy: what a toolstack should allocate. */
#define CPUID_POLICY_MAX_LEAVES (CPUID_BASIC_MAX + 1 + CPUID_CACHE_LEAVES + CPUID_FEAT_LEAVES + CPUID_TOPO_LEAVES + \
                                 CPUID_XSTATE_LEAVES + 2 + CPUID_EXT_LEAVES)
/* Fills at most *count leaves and sets *count to those filled; -ENOBUFS when too small (then *count is unchanged). */
int cpuid_policy_serialise(const struct cpuid_policy *p, xen_cpuid_leaf_t *out, uint32_t *count);
#define CPUID_FEATURESET_WORDS 19
void cpuid_policy_featureset(const struct cpuid_policy *p, uint32_t words[CPUID_FEATURESET_WORDS]);

#endif
