/* SPDX-License-Identifier: BSD-2-Clause */
/* Over an invented Skylake-like host: every feature bit set that the policy has to hide, and the real sizes of leaf 0xd. */
#include <hvm/cpuid_policy.h>

#include <hv/errno.h>
#include <hv/regs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FEATURE(n) XEN_X86_FEATURE_##n
static uint32_t without_ecx1, without_edx1, without_ebx7;

static struct cpuid_leaf host_xstate(uint32_t subleaf)
{
    static const struct { uint8_t n; struct cpuid_leaf l; } parts[] = {
        { 0, { 0x2e7, 0xa88, 0xa88, 0 } }, { 1, { 0xf, 0xa00, 0x100, 0 } },
        { 2, { 256, 576, 0, 0 } },  { 5, { 64, 1088, 0, 0 } }, { 6, { 512, 1152, 0, 0 } },
        { 7, { 1024, 1664, 0, 0 } }, { 8, { 128, 0, 1, 0 } },  { 9, { 8, 2688, 0, 0 } },
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].n == subleaf)
            return parts[i].l;
    return (struct cpuid_leaf){ 0 };
}

static struct cpuid_leaf host(uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_leaf none = { 0 }, all = { ~0u, ~0u, ~0u, ~0u };

    switch (leaf) {
    case 0: return (struct cpuid_leaf){ 0x16, 0x756e6547, 0x6c65746e, 0x49656e69 };
    case 1: return (struct cpuid_leaf){ 0x50654, 0x07100800, ~without_ecx1, ~without_edx1 };
    case 4:
        if (subleaf == 0)
            return (struct cpuid_leaf){ 0x1c004121, 0x1c0003f, 0x3f, 0 };
        if (subleaf == 1)
            return (struct cpuid_leaf){ 0x1c004143, 0x3c0003f, 0x3ff, 0 };
        return subleaf == 2 ? (struct cpuid_leaf){ 0x1c03c163, 0x280003f, 0x6fff, 4 } : none;
    case 7:
        return subleaf == 0 ? (struct cpuid_leaf){ 2, ~without_ebx7, ~0u, ~0u } : all;
    case 0xb:
        return subleaf == 0 ? (struct cpuid_leaf){ 1, 2, 0x100, 7 } : (struct cpuid_leaf){ 5, 16, 0x201, 7 };
    case 0xd: return host_xstate(subleaf);
    case 0x80000000: return (struct cpuid_leaf){ 0x80000008, 0, 0, 0 };
    case 0x80000008: return (struct cpuid_leaf){ 0x302e, ~0u, ~0u, ~0u };
    default: return all;
    }
}

struct world { struct cpuid_policy p; struct cpuid_context c; };
static int setup(void **state)
{
    static struct world w;

    without_ecx1 = without_edx1 = without_ebx7 = 0;
    w.c = (struct cpuid_context){ .apic_id = 6, .vcpu_count = 4, .apic_enabled = true, .xcr0 = 3 };
    cpuid_policy_init(&w.p, CPUID_DOM0, host);
    *state = &w;
    return 0;
}
static struct cpuid_leaf leaf(struct world *w, uint32_t l, uint32_t s) { return cpuid_policy_read(&w->p, l, s, &w->c); }

static void dom0_does_not_see_what_is_not_virtualised(void **state)
{
    static const unsigned int hidden[] = { FEATURE(MONITOR), FEATURE(VMX), FEATURE(SMX), FEATURE(EIST), FEATURE(TM1),
        FEATURE(TM2), FEATURE(DS), FEATURE(DTES64), FEATURE(PDCM), FEATURE(SGX), FEATURE(HLE), FEATURE(RTM),
        FEATURE(MPX), FEATURE(PROC_TRACE), FEATURE(PKU), FEATURE(OSPKE), FEATURE(CET_SS), FEATURE(CET_IBT),
        FEATURE(ENQCMD), FEATURE(PQM), FEATURE(PQE), FEATURE(HYBRID), FEATURE(CORE_CAPS), FEATURE(SVM),
        FEATURE(RTM_ALWAYS_ABORT), FEATURE(TSXLDTRK), FEATURE(HW_PSTATE), FEATURE(ARCH_CAPS) };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        assert_false(cpuid_policy_has(&w->p, hidden[i]));
    assert_int_equal(leaf(w, 7, 0).c & (1u << 5 | 1u << 16 | 1u << 13 | 1u << 24 | 1u << 31), 0);   /* WAITPKG, LA57 ... */
    assert_int_equal(leaf(w, 7, 0).d & (1u << 18 | 1u << 22 | 3u << 24), 0);    /* PCONFIG, AMX */
    for (uint32_t l = 5; l <= 0xa; l++)
        if (l != 7)
            assert_true(leaf(w, l, 0).a == 0 && leaf(w, l, 0).c == 0);
    assert_int_equal(leaf(w, 0xe, 0).a, 0);
    assert_int_equal(leaf(w, 0x16, 0).a, 0);
    assert_int_equal(leaf(w, 0, 0).a, 0xd);
}

static void dom0_sees_the_rest(void **state)
{
    static const unsigned int shown[] = { FEATURE(HYPERVISOR), FEATURE(X2APIC), FEATURE(APIC), FEATURE(TSC_DEADLINE),
        FEATURE(ITSC), FEATURE(SMEP), FEATURE(SMAP), FEATURE(UMIP), FEATURE(INVPCID), FEATURE(ERMS), FEATURE(XSAVE),
        FEATURE(AVX), FEATURE(AVX2), FEATURE(AVX512F), FEATURE(AVX512VL), FEATURE(FSGSBASE), FEATURE(RDTSCP),
        FEATURE(LM), FEATURE(NX), FEATURE(PAGE1GB), FEATURE(MTRR), FEATURE(PAT), FEATURE(XSAVES), FEATURE(MD_CLEAR) };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        assert_true(cpuid_policy_has(&w->p, shown[i]));
}

static void invariant_tsc_is_not_for_guests_by_default(void **state)
{
    struct world *w = *state;

    cpuid_policy_init(&w->p, CPUID_HVM_DEFAULT, host);
    assert_false(cpuid_policy_has(&w->p, FEATURE(ITSC)));
    cpuid_policy_init(&w->p, CPUID_HVM_MAX, host);
    assert_true(cpuid_policy_has(&w->p, FEATURE(ITSC)));
}

static void forced_bits_do_not_need_the_host(void **state)
{
    struct world *w = *state;

    without_ecx1 = 1u << 31 | 1u << 21;
    cpuid_policy_init(&w->p, CPUID_DOM0, host);
    assert_true(cpuid_policy_has(&w->p, FEATURE(HYPERVISOR)));
    assert_true(cpuid_policy_has(&w->p, FEATURE(X2APIC)));
}

/* libxl sets HTT for every guest, on a machine of one CPU too. */
static void a_guest_may_have_several_cpus_on_a_machine_of_one(void **state)
{
    struct world *w = *state;

    without_edx1 = 1u << 28;
    cpuid_policy_init(&w->p, CPUID_HVM_MAX, host);
    assert_true(cpuid_policy_has(&w->p, FEATURE(HTT)));
    cpuid_policy_init(&w->p, CPUID_DOM0, host);
    assert_false(cpuid_policy_has(&w->p, FEATURE(HTT)));
}

static void what_depends_on_a_missing_feature_is_hidden_too(void **state)
{
    struct world *w = *state;

    without_ecx1 = 1u << 28;                                 /* no AVX */
    cpuid_policy_init(&w->p, CPUID_DOM0, host);
    assert_false(cpuid_policy_has(&w->p, FEATURE(AVX2)));
    assert_false(cpuid_policy_has(&w->p, FEATURE(AVX512VL)));
    assert_int_equal(cpuid_policy_xcr0_allowed(&w->p), 3);
    assert_int_equal(leaf(w, 0xd, 0).c, 576);
    without_ecx1 = 1u << 26;                                 /* no XSAVE */
    cpuid_policy_init(&w->p, CPUID_DOM0, host);
    assert_int_equal(cpuid_policy_xcr0_allowed(&w->p), 0);
    assert_int_equal(leaf(w, 0xd, 0).a, 0);
    assert_int_equal(leaf(w, 0xd, 0).b, 0);
    assert_false(cpuid_policy_has(&w->p, FEATURE(XSAVES)));
    assert_int_equal(cpuid_policy_cr4_allowed(&w->p) & CR4_OSXSAVE, 0);
}

static void hiding_a_feature_later_recomputes(void **state)
{
    struct world *w = *state;

    cpuid_policy_hide(&w->p, FEATURE(AVX512F));
    assert_false(cpuid_policy_has(&w->p, FEATURE(AVX512BW)));
    assert_int_equal(cpuid_policy_xcr0_allowed(&w->p), 7);
    assert_int_equal(leaf(w, 0xd, 0).c, 832);
    assert_int_equal(leaf(w, 0xd, 5).a, 0);
    cpuid_policy_hide(&w->p, FEATURE(XSAVES));
    assert_int_equal(leaf(w, 0xd, 1).a & 8, 0);
}

static void what_the_administrator_hides_is_in_no_policy(void **state)
{
    struct world *w = *state;

    cpuid_policy_hide_always(FEATURE(AVX512F));
    for (int kind = CPUID_HOST; kind <= CPUID_HVM_DEFAULT; kind++) {
        cpuid_policy_init(&w->p, (enum cpuid_kind)kind, host);
        assert_false(cpuid_policy_has(&w->p, FEATURE(AVX512F)));
        assert_true(cpuid_policy_has(&w->p, FEATURE(SSE2)));
    }
    assert_false(cpuid_policy_has(&w->p, FEATURE(AVX512BW)));
}

static void state_sizes_follow_xcr0(void **state)
{
    struct world *w = *state;

    assert_int_equal(leaf(w, 0xd, 0).a, 0xe7);
    assert_int_equal(leaf(w, 0xd, 0).c, 2688);
    assert_int_equal(leaf(w, 0xd, 0).b, 576);
    w->c.xcr0 = 7;
    assert_int_equal(leaf(w, 0xd, 0).b, 832);
    w->c.xcr0 = 0xe7;
    assert_int_equal(leaf(w, 0xd, 0).b, 2688);
    assert_int_equal(leaf(w, 0xd, 1).b, 576 + 256 + 64 + 512 + 1024);
    assert_int_equal(leaf(w, 0xd, 1).c, 0);
    assert_int_equal(leaf(w, 0xd, 2).b, 576);
    assert_int_equal(leaf(w, 0xd, 9).a, 0);
    assert_int_equal(leaf(w, 0xd, 63).a, 0);
    assert_int_equal(leaf(w, 0xd, 0xffffffff).a, 0);
}

static void xcr0_values_must_be_consistent(void **state)
{
    struct world *w = *state;
    static const uint64_t good[] = { 1, 3, 7, 0xe7 }, bad[] = { 0, 2, 5, 0x27, 0xe3, 0x207, 1ULL << 63 | 1, 0x1f };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(cpuid_policy_xcr0_valid(&w->p, good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cpuid_policy_xcr0_valid(&w->p, bad[i]));
}

static void dynamic_bits_follow_the_vcpu(void **state)
{
    struct world *w = *state;

    assert_int_equal(leaf(w, 1, 0).b >> 24, 6);
    assert_int_equal(leaf(w, 1, 0).c & 1u << 27, 0);
    w->c.cr4 = CR4_OSXSAVE;
    w->c.apic_enabled = false;
    assert_true(leaf(w, 1, 0).c & 1u << 27);
    assert_int_equal(leaf(w, 1, 0).d & 1u << 9, 0);
}

static void dom0s_topology_is_one_core_per_vcpu(void **state)
{
    struct world *w = *state;

    assert_int_equal(leaf(w, 1, 0).b >> 16 & 0xff, 8);        /* 4 cores, 2 ids each */
    assert_int_equal(leaf(w, 4, 0).a >> 26, 3);
    assert_int_equal(leaf(w, 4, 0).a >> 14 & 0xfff, 1);
    assert_int_equal(leaf(w, 4, 2).a >> 14 & 0xfff, 7);
    assert_int_equal(leaf(w, 4, 3).a, 0);
    assert_int_equal(leaf(w, 0xb, 0).a, 1);
    assert_int_equal(leaf(w, 0xb, 0).c, 0x100);
    assert_int_equal(leaf(w, 0xb, 1).a, 3);
    assert_int_equal(leaf(w, 0xb, 1).b, 4);
    assert_int_equal(leaf(w, 0xb, 1).c, 0x201);
    assert_int_equal(leaf(w, 0xb, 2).c, 2);
    assert_int_equal(leaf(w, 0xb, 2).d, 6);
    w->c.vcpu_count = 1;
    assert_int_equal(leaf(w, 1, 0).d & 1u << 28, 0);
    assert_int_equal(leaf(w, 1, 0).b >> 16 & 0xff, 2);
    w->c.vcpu_count = 5;
    assert_int_equal(leaf(w, 0xb, 1).a, 4);
    w->c.vcpu_count = 128;
    assert_int_equal(leaf(w, 1, 0).b >> 16 & 0xff, 255);
    assert_int_equal(leaf(w, 4, 0).a >> 26, 63);
}

static void arch_caps_show_what_the_silicon_says(void **state)
{
    struct world *w = *state;

    cpuid_policy_set_arch_caps(&w->p, CPUID_DOM0, 0xab | 1u << 7 | 1u << 12);
    assert_true(cpuid_policy_has(&w->p, FEATURE(ARCH_CAPS)));
    assert_int_equal(w->p.arch_caps, 0x2b);
    assert_true(cpuid_policy_has(&w->p, FEATURE(RDCL_NO)));
}

static void control_registers_follow_the_features(void **state)
{
    struct world *w = *state;

    assert_int_equal(cpuid_policy_cr4_allowed(&w->p), 0x370fff & ~CR4_LA57);
    assert_int_equal(cpuid_policy_efer_allowed(&w->p), EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    without_ebx7 = 1u << 20 | 1u << 7;
    cpuid_policy_init(&w->p, CPUID_DOM0, host);
    assert_int_equal(cpuid_policy_cr4_allowed(&w->p) & (CR4_SMAP | CR4_SMEP), 0);
}

static void serialised_form_is_canonical(void **state)
{
    struct world *w = *state;
    xen_cpuid_leaf_t *out = calloc(CPUID_POLICY_MAX_LEAVES, sizeof(*out));
    uint32_t count = cpuid_policy_count(&w->p), small = count - 1;

    assert_true(count <= CPUID_POLICY_MAX_LEAVES);
    assert_int_equal(cpuid_policy_serialise(&w->p, out, &small), -ENOBUFS);
    count = CPUID_POLICY_MAX_LEAVES;
    assert_int_equal(cpuid_policy_serialise(&w->p, out, &count), 0);
    assert_int_equal(count, cpuid_policy_count(&w->p));
    for (uint32_t i = 1; i < count; i++)
        assert_true(out[i].leaf > out[i - 1].leaf ||
                    (out[i].leaf == out[i - 1].leaf && out[i].subleaf > out[i - 1].subleaf));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(out[i].subleaf == XEN_CPUID_NO_SUBLEAF,
                         out[i].leaf != 4 && out[i].leaf != 7 && out[i].leaf != 0xb && out[i].leaf != 0xd);
    /* 14 basic leaves of which 4 have sub-leaves: 4+3+1+8 (components up to 7); two of Xen's; nine extended. */
    assert_int_equal(count, 10 + 4 + 3 + 1 + 8 + 2 + 9);
    free(out);
}

static void featureset_has_xens_order(void **state)
{
    struct world *w = *state;
    uint32_t words[CPUID_FEATURESET_WORDS];

    cpuid_policy_featureset(&w->p, words);
    assert_int_equal(words[0], w->p.basic[1].d);
    assert_int_equal(words[5], w->p.feat[0].b);
    assert_int_equal(words[7], 1u << 8);
    assert_int_equal(words[11] | words[18], 0);
}

static void an_old_host_has_zeros_where_it_has_nothing(void **state)
{
    struct world *w = *state;

    w->p.basic[0].a = 4;
    assert_int_equal(leaf(w, 7, 0).b, 0);
    assert_int_equal(leaf(w, 0x80000009, 0).a, 0);
    assert_int_equal(leaf(w, 0xffffffff, 0).a, 0);
    assert_int_equal(leaf(w, 4, 0xffffffff).a, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
    const struct CMUnitTest tests[] = {
        T(dom0_does_not_see_what_is_not_virtualised), T(dom0_sees_the_rest),
        T(invariant_tsc_is_not_for_guests_by_default), T(forced_bits_do_not_need_the_host),
        T(a_guest_may_have_several_cpus_on_a_machine_of_one),
        T(what_depends_on_a_missing_feature_is_hidden_too), T(hiding_a_feature_later_recomputes),
        T(state_sizes_follow_xcr0), T(xcr0_values_must_be_consistent), T(dynamic_bits_follow_the_vcpu),
        T(dom0s_topology_is_one_core_per_vcpu), T(arch_caps_show_what_the_silicon_says),
        T(control_registers_follow_the_features), T(serialised_form_is_canonical), T(featureset_has_xens_order),
        T(an_old_host_has_zeros_where_it_has_nothing),
        T(what_the_administrator_hides_is_in_no_policy), /* the last: it stays hidden */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
