/* SPDX-License-Identifier: BSD-2-Clause */
#include "caps.h"

#include "world.h"

static const char *choose(enum caps_id id, struct vmx_setup *s)
{
    return caps_choose(&caps_dumps[id].caps, s);
}

static void every_recorded_cpu_is_usable(void **state)
{
    struct vmx_setup s;

    (void)state;
    for (unsigned int i = 0; i < CAPS_COUNT; i++) {
        const char *problem = choose((enum caps_id)i, &s);

        if (problem != NULL)
            fail_msg("%s: %s", caps_dumps[i].name, problem);
    }
}

static void controls_hold_what_the_cpu_insists_on_and_nothing_it_forbids(void **state)
{
    struct vmx_setup s;

    (void)state;
    for (unsigned int i = 0; i < CAPS_COUNT; i++) {
        const struct vmx_caps *c = &caps_dumps[i].caps;
        const uint64_t allowed[] = { c->pin, c->cpu, c->secondary, c->exit, c->entry };
        uint32_t chosen[5];

        assert_null(choose((enum caps_id)i, &s));
        chosen[0] = s.pin;
        chosen[1] = s.cpu;
        chosen[2] = s.secondary;
        chosen[3] = s.exit;
        chosen[4] = s.entry;
        for (unsigned int k = 0; k < 5; k++) {
            assert_int_equal(chosen[k] & (uint32_t)allowed[k], (uint32_t)allowed[k]);
            assert_int_equal(chosen[k] & ~(uint32_t)(allowed[k] >> 32), 0);
        }
        assert_int_equal(s.cpu & (CPU_CR3_LOAD_EXIT | CPU_CR3_STORE_EXIT | CPU_INVLPG_EXIT), 0);
        assert_int_equal(s.entry & ENTRYCTL_IA32E, 0);
    }
}

/* Takes one bit away (or makes it stuck) and looks for a word in the sentence. */
#define WITHOUT(member, bit, word) do { \
        struct vmx_caps c = caps_dumps[CAPS_server].caps; \
        struct vmx_setup s; \
        c.member &= ~((uint64_t)(bit) << 32); \
        sentence_has(caps_choose(&c, &s), word); \
    } while (0)
#define STUCK(member, bit, word) do { \
        struct vmx_caps c = caps_dumps[CAPS_server].caps; \
        struct vmx_setup s; \
        c.member |= (uint64_t)(bit); \
        sentence_has(caps_choose(&c, &s), word); \
    } while (0)

static void sentence_has(const char *sentence, const char *word)
{
    assert_non_null(sentence);
    if (strstr(sentence, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", sentence, word);
}

static void each_missing_control_is_named(void **state)
{
    (void)state;
    WITHOUT(cpu, CPU_SECONDARY, "secondary");
    WITHOUT(secondary, SEC_EPT, "EPT");
    WITHOUT(secondary, SEC_UNRESTRICTED, "unrestricted guest");
    WITHOUT(secondary, SEC_VPID, "VPID");
    WITHOUT(secondary, SEC_WBINVD_EXIT, "WBINVD");
    WITHOUT(pin, PIN_EXTINT_EXIT, "external-interrupt");
    WITHOUT(pin, PIN_NMI_EXIT, "NMI exits");
    WITHOUT(pin, PIN_VIRTUAL_NMI, "virtual NMI");
    WITHOUT(cpu, CPU_HLT_EXIT, "HLT");
    WITHOUT(cpu, CPU_TSC_OFFSET, "TSC offset");
    WITHOUT(cpu, CPU_MSR_BITMAPS, "MSR bitmaps");
    WITHOUT(cpu, CPU_IO_BITMAPS, "I/O bitmaps");
    WITHOUT(cpu, CPU_ALL_IO_EXIT, "I/O bitmaps");
    WITHOUT(cpu, CPU_MOV_DR_EXIT, "debug-register");
    WITHOUT(cpu, CPU_MWAIT_EXIT, "MWAIT");
    WITHOUT(cpu, CPU_RDPMC_EXIT, "RDPMC");
    WITHOUT(cpu, CPU_RDTSC_EXIT, "RDTSC");
    WITHOUT(cpu, CPU_CR8_LOAD_EXIT, "CR8");
    WITHOUT(cpu, CPU_IRQ_WINDOW, "windows");
    WITHOUT(cpu, CPU_NMI_WINDOW, "windows");
    WITHOUT(exit, EXITCTL_HOST_64, "64-bit host");
    WITHOUT(exit, EXITCTL_ACK_INTR, "acknowledge");
    WITHOUT(exit, EXITCTL_SAVE_EFER, "IA32_EFER");
    WITHOUT(exit, EXITCTL_LOAD_EFER, "IA32_EFER");
    WITHOUT(exit, EXITCTL_SAVE_PAT, "IA32_PAT");
    WITHOUT(exit, EXITCTL_LOAD_PAT, "IA32_PAT");
    WITHOUT(exit, EXITCTL_SAVE_DEBUG, "debug controls");
    WITHOUT(entry, ENTRYCTL_IA32E, "64-bit guests");
    WITHOUT(entry, ENTRYCTL_LOAD_EFER, "IA32_EFER");
    WITHOUT(entry, ENTRYCTL_LOAD_PAT, "IA32_PAT");
    WITHOUT(entry, ENTRYCTL_LOAD_DEBUG, "debug controls");
}

static void controls_that_cannot_be_switched_off_are_named(void **state)
{
    (void)state;
    STUCK(cpu, CPU_CR3_LOAD_EXIT, "CR3");
    STUCK(cpu, CPU_CR3_STORE_EXIT, "CR3");
    STUCK(cpu, CPU_INVLPG_EXIT, "INVLPG");
    STUCK(entry, ENTRYCTL_IA32E, "not in 64-bit mode");
}

static void each_missing_ept_capability_is_named(void **state)
{
    static const struct { uint64_t bit; const char *word; } cases[] = {
        { EPTCAP_WALK_4, "4-level" }, { EPTCAP_WB, "write-back" }, { EPTCAP_INVEPT, "INVEPT" },
        { EPTCAP_INVEPT_ALL, "INVEPT of all" }, { EPTCAP_INVVPID, "INVVPID" },
        { EPTCAP_INVVPID_ALL, "INVVPID of all" },
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_COUNT(cases); i++) {
        struct vmx_caps c = caps_dumps[CAPS_server].caps;
        struct vmx_setup s;

        c.ept_vpid &= ~cases[i].bit;
        sentence_has(caps_choose(&c, &s), cases[i].word);
    }
}

static void a_cpu_without_vmx_and_a_firmware_that_forbids_it_get_their_sentences(void **state)
{
    struct vmx_caps c = caps_dumps[CAPS_server].caps, none = { 0 };
    struct vmx_setup s;

    (void)state;
    sentence_has(caps_choose(&none, &s), "does not offer it");
    sentence_has(caps_choose(&none, &s), "virtual machine");
    c.feature_control = FEATURE_CONTROL_LOCKED;
    sentence_has(caps_choose(&c, &s), "VMX is disabled by the firmware: IA32_FEATURE_CONTROL is locked without "
                                      "VMXON outside SMX");
    c.feature_control = 0;
    assert_null(caps_choose(&c, &s));
    c.feature_control = 0x3;           /* only inside SMX */
    sentence_has(caps_choose(&c, &s), "firmware");
    c = caps_dumps[CAPS_server].caps;
    c.basic &= ~BASIC_TRUE_CONTROLS;
    sentence_has(caps_choose(&c, &s), "TRUE");
    c = caps_dumps[CAPS_server].caps;
    c.basic |= BASIC_ADDRESS_32;
    sentence_has(caps_choose(&c, &s), "VMCS");
}

static void optional_features_are_found_where_they_are(void **state)
{
    struct vmx_setup s;

    (void)state;
    assert_null(choose(CAPS_bochs_skylake_x, &s));
    assert_true(s.features.tpr_shadow && s.features.apic_register_virt && s.features.virtual_intr_delivery &&
                s.features.x2apic_virt && s.features.tsc_scaling && s.features.pml && s.features.xsaves);
    assert_true(s.features.ept_1g && s.features.ept_2m && s.features.ept_ad && s.features.invept_single);
    assert_null(choose(CAPS_bochs_haswell, &s));
    assert_false(s.features.tsc_scaling || s.features.pml || s.features.xsaves);
    assert_null(choose(CAPS_early_ept, &s));
    assert_true(s.features.tpr_shadow && s.features.apic_access && s.features.ept_2m);
    assert_false(s.features.ept_1g || s.features.ept_ad || s.features.x2apic_virt ||
                 s.features.apic_register_virt || s.features.virtual_intr_delivery || s.features.invpcid);
    assert_null(choose(CAPS_kvm_nested, &s));
    assert_false(s.features.pause_loop || s.features.xsaves || s.features.preempt_timer == false);
}

static void without_the_tpr_shadow_nothing_of_the_virtual_apic_is_used(void **state)
{
    struct vmx_setup s;

    (void)state;
    assert_null(choose(CAPS_no_tpr_shadow, &s));
    assert_false(s.features.tpr_shadow || s.features.apic_access || s.features.apic_register_virt ||
                 s.features.virtual_intr_delivery || s.features.x2apic_virt);
}

static void another_kind_of_cpu_is_refused_and_the_same_kind_is_not(void **state)
{
    const struct vmx_caps *a = &caps_dumps[CAPS_server].caps;
    struct vmx_caps b = *a;

    (void)state;
    assert_null(caps_same(a, &b));
    b.feature_control = 0;             /* not locked yet: no difference */
    assert_null(caps_same(a, &b));
    sentence_has(caps_same(a, &caps_dumps[CAPS_early_ept].caps), "differs");
    b.feature_control = FEATURE_CONTROL_LOCKED;
    sentence_has(caps_same(a, &b), "firmware");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_cpu_is_usable),
        cmocka_unit_test(controls_hold_what_the_cpu_insists_on_and_nothing_it_forbids),
        cmocka_unit_test(each_missing_control_is_named),
        cmocka_unit_test(controls_that_cannot_be_switched_off_are_named),
        cmocka_unit_test(each_missing_ept_capability_is_named),
        cmocka_unit_test(a_cpu_without_vmx_and_a_firmware_that_forbids_it_get_their_sentences),
        cmocka_unit_test(optional_features_are_found_where_they_are),
        cmocka_unit_test(without_the_tpr_shadow_nothing_of_the_virtual_apic_is_used),
        cmocka_unit_test(another_kind_of_cpu_is_refused_and_the_same_kind_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
