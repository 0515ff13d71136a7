/* SPDX-License-Identifier: BSD-2-Clause */
#include <boot/cmdline.h>
#include <xen/arch-x86/cpufeatureset.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct cmdline c;

static void an_empty_line_gives_both_consoles_and_all_of_the_machine(void **s)
{
    (void)s;
    cmdline_parse("", &c);
    assert_true(c.console_serial && c.console_vga && c.com[0].enabled && !c.com[1].enabled);
    assert_int_equal(c.com[0].port, 0x3f8);
    assert_int_equal(c.com[0].baud, 115200);
    assert_int_equal(c.maxcpus, 0);
    assert_false(c.dom0_mem.given);
    assert_false(c.noreboot);
    assert_int_equal(c.loglvl_lower, 3);
    assert_int_equal(c.guest_loglvl_lower, 0);
    assert_int_equal(c.guest_loglvl_upper, 2);
}

static void serial_lines_take_xens_forms(void **s)
{
    (void)s;
    cmdline_parse("com1=9600,7e2,0x2e8,5 com2=auto", &c);
    assert_int_equal(c.com[0].baud, 9600);
    assert_int_equal(c.com[0].data_bits, 7);
    assert_int_equal(c.com[0].parity, 'e');
    assert_int_equal(c.com[0].stop_bits, 2);
    assert_int_equal(c.com[0].port, 0x2e8);
    assert_int_equal(c.com[0].irq, 5);
    assert_true(c.com[1].enabled);
    assert_int_equal(c.com[1].baud, 0);
    assert_int_equal(c.com[1].port, 0x2f8);
    cmdline_parse("com1=115200/921600,,0x3e8", &c);
    assert_int_equal(c.com[0].clock_hz, 921600 * 16);
    assert_int_equal(c.com[0].data_bits, 8);
    assert_int_equal(c.com[0].port, 0x3e8);
}

static void a_bad_serial_line_leaves_the_default_and_is_reported(void **s)
{
    static const char *const bad[] = { "com1=fast", "com1=0", "com1=115200,9n1", "com1=115200,8n1,pci",
                                       "com1=115200,8n1,0x3f8,99", "com1=115200,8n1x" };
    (void)s;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        cmdline_parse(bad[i], &c);
        assert_int_equal(c.com[0].baud, 115200);
        assert_int_equal(c.com[0].port, 0x3f8);
        assert_int_equal(c.com[0].irq, 4);
        assert_string_equal(c.unknown, bad[i]);
    }
}

static void the_console_list_replaces_the_default(void **s)
{
    (void)s;
    cmdline_parse("console=vga vga=text-80x25,keep", &c);
    assert_false(c.console_serial);
    assert_true(c.console_vga && c.vga_keep);
    cmdline_parse("console=com2", &c);
    assert_true(c.console_serial);
    assert_false(c.console_vga);
    assert_int_equal(c.console_com, 1);
}

static void dom0_mem_takes_all_its_forms(void **s)
{
    (void)s;
    cmdline_parse("dom0_mem=1024M,max:2G", &c);
    assert_true(c.dom0_mem.given && c.dom0_mem.max_given && !c.dom0_mem.min_given);
    assert_int_equal(c.dom0_mem.nr, 1LL << 30);
    assert_int_equal(c.dom0_mem.max, 2LL << 30);
    cmdline_parse("dom0_mem=min:256M,-128M", &c);
    assert_int_equal(c.dom0_mem.min, 256LL << 20);
    assert_int_equal(c.dom0_mem.nr, -(128LL << 20));
    cmdline_parse("dom0_mem=524288", &c);        /* KiB without a suffix */
    assert_int_equal(c.dom0_mem.nr, 512LL << 20);
    cmdline_parse("dom0_mem=max:1g", &c);
    assert_true(c.dom0_mem.given);
    assert_int_equal(c.dom0_mem.nr, 0);
    cmdline_parse("dom0_mem=lots", &c);
    assert_false(c.dom0_mem.given);
    assert_string_equal(c.unknown, "dom0_mem=lots");
}

static void shares_of_ram_are_percentages(void **s)
{
    static const char *const bad[] = { "dom0_mem=101%", "dom0_mem=1G25%", "dom0_mem=25%x", "dom0_mem=1G+" };
    (void)s;
    cmdline_parse("dom0_mem=25%,min:256M+10%,max:-1G+5%", &c);
    assert_true(c.dom0_mem.given && c.dom0_mem.min_given && c.dom0_mem.max_given);
    assert_int_equal(c.dom0_mem.nr, 0);
    assert_int_equal(c.dom0_mem.nr_percent, 25);
    assert_int_equal(c.dom0_mem.min, 256LL << 20);
    assert_int_equal(c.dom0_mem.min_percent, 10);
    assert_int_equal(c.dom0_mem.max, -(1LL << 30));
    assert_int_equal(c.dom0_mem.max_percent, -5);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        cmdline_parse(bad[i], &c);
        assert_false(c.dom0_mem.given);
        assert_string_equal(c.unknown, bad[i]);
    }
}

static void vcpu_counts_are_a_number_or_a_range(void **s)
{
    (void)s;
    cmdline_parse("dom0_max_vcpus=4", &c);
    assert_int_equal(c.dom0_max_vcpus_min, 4);
    assert_int_equal(c.dom0_max_vcpus_max, 4);
    cmdline_parse("dom0_max_vcpus=2-8", &c);
    assert_int_equal(c.dom0_max_vcpus_min, 2);
    assert_int_equal(c.dom0_max_vcpus_max, 8);
    cmdline_parse("dom0_max_vcpus=-3", &c);
    assert_int_equal(c.dom0_max_vcpus_min, 0);
    assert_int_equal(c.dom0_max_vcpus_max, 3);
    cmdline_parse("dom0_max_vcpus=8-2", &c);
    assert_int_equal(c.dom0_max_vcpus_max, 0);
}

static void levels_are_words_with_a_rate_limited_upper_part(void **s)
{
    (void)s;
    cmdline_parse("loglvl=all guest_loglvl=error/info", &c);
    assert_int_equal(c.loglvl_lower, 4);
    assert_int_equal(c.guest_loglvl_lower, 1);
    assert_int_equal(c.guest_loglvl_upper, 3);
    cmdline_parse("loglvl=loud", &c);
    assert_int_equal(c.loglvl_lower, 3);
}

static void booleans_have_xens_spellings(void **s)
{
    (void)s;
    cmdline_parse("noreboot sync_console dom0_vcpus_pin", &c);
    assert_true(c.noreboot && c.sync_console && c.dom0_vcpus_pin);
    cmdline_parse("noreboot=0 no-sync_console dom0-vcpus-pin=yes apicv=0", &c);
    assert_false(c.noreboot || c.sync_console);
    assert_true(c.dom0_vcpus_pin && c.no_apicv);
    cmdline_parse("apicv", &c);
    assert_false(c.no_apicv);
    assert_false(c.mwait_idle);
    cmdline_parse("mwait-idle", &c);
    assert_true(c.mwait_idle);
    cmdline_parse("mwait-idle=0", &c);
    assert_false(c.mwait_idle);
    cmdline_parse("no-apicv sched=null", &c);
    assert_true(c.no_apicv && c.sched_null);
}

static void the_scheduler_is_chosen_by_xens_names(void **s)
{
    (void)s;
    cmdline_parse("", &c);
    assert_false(c.sched_null);
    assert_int_equal(c.runqueue, SCHED_PER_SOCKET);
    assert_int_equal(c.ratelimit_us, 1000);
    cmdline_parse("sched=null credit2_runqueue=core sched_ratelimit_us=500", &c);
    assert_true(c.sched_null);
    assert_int_equal(c.runqueue, SCHED_PER_CORE);
    assert_int_equal(c.ratelimit_us, 500);
    cmdline_parse("sched=credit2 credit2_runqueue=all sched_ratelimit_us=0", &c);
    assert_false(c.sched_null);
    assert_int_equal(c.runqueue, SCHED_ALL);
    assert_int_equal(c.ratelimit_us, 0);
    cmdline_parse("credit2_runqueue=cpu", &c);
    assert_int_equal(c.runqueue, SCHED_PER_CPU);
    cmdline_parse("sched=rtds credit2_runqueue=planet sched_ratelimit_us=99", &c);
    assert_int_equal(c.runqueue, SCHED_PER_SOCKET);
    assert_int_equal(c.ratelimit_us, 1000);
    assert_non_null(strstr(c.unknown, "sched=rtds"));
    assert_non_null(strstr(c.unknown, "credit2_runqueue=planet"));
    assert_non_null(strstr(c.unknown, "sched_ratelimit_us=99"));
    cmdline_parse("sched_ratelimit_us=500001", &c);
    assert_int_equal(c.ratelimit_us, 1000);
}

static void a_run_limit_has_a_bound(void **s)
{
    (void)s;
    cmdline_parse("run_limit=4000", &c);
    assert_int_equal(c.run_limit_us, 4000);
    cmdline_parse("run_limit=1000001", &c);
    assert_int_equal(c.run_limit_us, 0);
}

static bool hides(unsigned int feature)
{
    return (c.cpuid_hidden[feature / 32] >> (feature % 32) & 1U) != 0;
}

static void features_are_hidden_by_xens_names(void **s)
{
    (void)s;
    cmdline_parse("cpuid=no-xsavec,no-xsaves,avx512_vbmi2=off,smap", &c);
    assert_true(hides(XEN_X86_FEATURE_XSAVEC) && hides(XEN_X86_FEATURE_XSAVES));
    assert_true(hides(XEN_X86_FEATURE_AVX512_VBMI2));
    assert_false(hides(XEN_X86_FEATURE_SMAP) || hides(XEN_X86_FEATURE_XSAVE));
    assert_string_equal(c.unknown, "");
    cmdline_parse("cpuid=no-frobnicate,no-avx512-vnni,", &c);
    assert_true(hides(XEN_X86_FEATURE_AVX512_VNNI));
    assert_string_equal(c.unknown, "cpuid=no-frobnicate,no-avx512-vnni,");
}

static void what_grub_adds_is_silent_and_the_unknown_is_noted(void **s)
{
    (void)s;
    cmdline_parse("placeholder no-real-mode edd=off  maxcpus=2\tmem=1g frobnicate x=y", &c);
    assert_string_equal(c.unknown, "frobnicate x=y");
    assert_int_equal(c.maxcpus, 2);
    assert_int_equal(c.mem_limit, 1LL << 30);
}

static void any_length_of_rubbish_is_survived(void **s)
{
    static char rubbish[20000];
    (void)s;
    memset(rubbish, 'q', sizeof(rubbish) - 1);
    cmdline_parse(rubbish, &c);
    for (size_t i = 0; i < sizeof(rubbish) - 1; i += 7)
        rubbish[i] = ' ';
    cmdline_parse(rubbish, &c);
    assert_int_equal(strlen(c.unknown), sizeof(c.unknown) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_line_gives_both_consoles_and_all_of_the_machine),
        cmocka_unit_test(serial_lines_take_xens_forms),
        cmocka_unit_test(a_bad_serial_line_leaves_the_default_and_is_reported),
        cmocka_unit_test(the_console_list_replaces_the_default),
        cmocka_unit_test(dom0_mem_takes_all_its_forms),
        cmocka_unit_test(shares_of_ram_are_percentages),
        cmocka_unit_test(vcpu_counts_are_a_number_or_a_range),
        cmocka_unit_test(levels_are_words_with_a_rate_limited_upper_part),
        cmocka_unit_test(booleans_have_xens_spellings),
        cmocka_unit_test(the_scheduler_is_chosen_by_xens_names),
        cmocka_unit_test(a_run_limit_has_a_bound),
        cmocka_unit_test(features_are_hidden_by_xens_names),
        cmocka_unit_test(what_grub_adds_is_silent_and_the_unknown_is_noted),
        cmocka_unit_test(any_length_of_rubbish_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
