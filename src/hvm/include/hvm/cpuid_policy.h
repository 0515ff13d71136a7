/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID of a guest: tables of which feature bits pass (src/hvm/cpuid_features.def), built from the host's leaves, changed
 * per domain by the toolstack. Pure. Xen's own leaves 0x40000000.. are pvhvm/xen_cpuid.h's. */
#ifndef HVM_CPUID_POLICY_H
#define HVM_CPUID_POLICY_H

#include <hv/types.h>
#include <xen/arch-x86/xen.h>

struct cpuid_leaf { uint32_t a, b, c, d; };
#define CPUID_BASIC_MAX 0xdU
#define CPUID_EXT_MAX 0x80000008U

/* Same kinds of sub-leaves that the toolstack serialises (xen_cpuid_leaf_t). */
struct cpuid_policy {
    struct cpuid_leaf basic[CPUID_BASIC_MAX + 1];
    struct cpuid_leaf cache[6];          /* leaf 4 */
    struct cpuid_leaf feat[3];           /* leaf 7 */
    struct cpuid_leaf topo[2];           /* leaf 0xb */
    struct cpuid_leaf xstate[63];        /* leaf 0xd */
    struct cpuid_leaf ext[CPUID_EXT_MAX - 0x80000000U + 1];
    uint64_t platform_info, arch_caps;   /* MSRs 0xce, 0x10a as the guest sees them */
};
enum cpuid_kind { CPUID_HOST, CPUID_DOM0, CPUID_HVM_MAX, CPUID_HVM_DEFAULT };
/* Runs a host leaf (so that tests can feed recorded dumps). */
typedef struct cpuid_leaf (*cpuid_source)(uint32_t leaf, uint32_t subleaf);
void cpuid_policy_init(struct cpuid_policy *p, enum cpuid_kind kind, cpuid_source host);

/* Dynamic bits come from here. */
struct cpuid_context { uint32_t apic_id; unsigned int vcpu_count; uint64_t cr4, xcr0, xss; bool apic_enabled; };
/* Any leaf outside the hypervisor range. Never fails: unknown leaves read zero. */
struct cpuid_leaf cpuid_policy_read(const struct cpuid_policy *p, uint32_t leaf, uint32_t subleaf, const struct cpuid_context *c);
/* Bits of CR0/CR4/EFER/XCR0 that the guest may set under this policy. */
uint64_t cpuid_policy_cr4_allowed(const struct cpuid_policy *p);
uint64_t cpuid_policy_efer_allowed(const struct cpuid_policy *p);
uint64_t cpuid_policy_xcr0_allowed(const struct cpuid_policy *p);
bool cpuid_policy_xcr0_valid(const struct cpuid_policy *p, uint64_t xcr0);

/* Toolstack form: canonical serialisation (facts: xl-create's get_cpu_policy). */
unsigned int cpuid_policy_count(const struct cpuid_policy *p);
/* Fills at most *count leaves; -ENOBUFS when too small. */
int cpuid_policy_serialise(const struct cpuid_policy *p, xen_cpuid_leaf_t *out, uint32_t *count);
#define CPUID_FEATURESET_WORDS 19
void cpuid_policy_featureset(const struct cpuid_policy *p, uint32_t words[CPUID_FEATURESET_WORDS]);

#endif
