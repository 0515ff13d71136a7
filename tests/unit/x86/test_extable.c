/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that fault and go on: the product's own cpu.c in a process of the host, where every
 * RDMSR and WRMSR raises #GP, and the kernel's signal frame stands for the trap frame. The label behind the
 * rows is in extable_end.c, which is linked after this file.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <cmocka.h>

__asm__(".pushsection .ex_table, \"a\"\n.balign 4\n.globl extable_start\nextable_start:\n.popsection");
#undef HV_HOST
#include "../../../src/x86/cpu.c"

static volatile int faults;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    uint64_t fixup = extable_fixup((uint64_t)u->uc_mcontext.gregs[REG_RIP]);

    (void)sig;
    (void)info;
    faults++;
    if (fixup == 0)
        abort();
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)fixup;
}

/* In the test itself: cmocka puts its own handler in place before each. */
static void catch_faults(void)
{
    struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

    faults = 0;
    assert_int_equal(sigaction(SIGSEGV, &a, NULL), 0);
}

static void a_faulting_rdmsr_returns_false_and_zero(void **s)
{
    uint64_t v = 5;
    (void)s;
    catch_faults();
    assert_false(cpu_rdmsr_safe(0x10, &v));
    assert_int_equal(v, 0);
    assert_int_equal(faults, 1);
}

static void a_faulting_wrmsr_returns_false(void **s)
{
    (void)s;
    catch_faults();
    for (uint32_t i = 0; i < 10; i++)
        assert_false(cpu_wrmsr_safe(0xc0000100, i));
    assert_int_equal(faults, 10);
}

static void other_addresses_have_no_row(void **s)
{
    (void)s;
    assert_int_equal(extable_fixup(0), 0);
    assert_int_equal(extable_fixup((uint64_t)(uintptr_t)cpu_rdmsr_safe - 1), 0);
    assert_true((uintptr_t)extable_end - (uintptr_t)extable_start >= 2 * sizeof(struct extable_row));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_faulting_rdmsr_returns_false_and_zero),
        cmocka_unit_test(a_faulting_wrmsr_returns_false),
        cmocka_unit_test(other_addresses_have_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
