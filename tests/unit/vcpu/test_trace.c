/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace of a run: the real CPU loop with a guest that is a function. TRACE_FILE in the environment: what the rings hold
 * goes there as xentrace writes it, for xenalyze (tests/abi/80-trace.sh).
 */
#include "exits.h"

#include "fake.h"
#include "world.h"

#include <mm/frames.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace/trace.h>
#include <vcpu/run.h>
#include <vmx/vmcs_fake.h>
#include <x86/softirq.h>
#include <x86/time.h>

#include <cmocka.h>

#define EXIT_REASON 0x4402U
#define EXIT_INTR_INFO 0x4404U
#define EXIT_INSN_LEN 0x440cU
#define EXIT_QUALIFICATION 0x6400U
#define RIP 0x681eU
#define RFLAGS 0x6820U

enum { CPUID = 10, HLT = 12, VMCALL = 18, RDMSR = 31, WRMSR = 32, PIO = 30, WINDOW = 7 };

static jmp_buf enough;
static unsigned int exits, limit;
static uint64_t made[64];

/* One thing after the other; a HLT now and then, so that the other domain and the idle loop have their turns. */
static void guest(struct hw_vcpu *v, bool launch)
{
    static const uint16_t plan[] = { CPUID, VMCALL, RDMSR, PIO, CPUID, WRMSR, WINDOW, VMCALL, HLT };
    uint16_t reason = plan[exits % ARRAY_COUNT(plan)];

    (void)launch;
    fake_time_advance(20 * NS_PER_US);
    if (exits++ == limit)
        longjmp(enough, 1);
    made[reason]++;
    vmcs_fake_set(EXIT_REASON, reason);
    vmcs_fake_set(EXIT_INSN_LEN, 2);
    vmcs_fake_set(EXIT_INTR_INFO, 0);
    vmcs_fake_set(EXIT_QUALIFICATION, reason == PIO ? 0x56780008 : 0);    /* IN AL, 5678h */
    vmcs_fake_set(RFLAGS, 0x202);          /* HLT with interrupts off would be the end */
    vmcs_fake_set(RIP, 0x100000 + exits * 16);
    v->regs.rax = reason == VMCALL ? __HYPERVISOR_xen_version : 0x40000000;
    v->regs.rcx = reason == WRMSR || reason == RDMSR ? 0x10 : 0;
    v->regs.rdi = 0;
}

void __wrap_cpu_irq_enable_and_halt(void);
void __wrap_cpu_irq_enable_and_halt(void)
{
    fake_time_advance(100 * NS_PER_US);
    sched_wake(&world.v0->sched);
    sched_wake(&world.v1->sched);
    sched_wake(&world.g0->sched);
}

/* ---- the ring as one piece ---- */

static uint32_t *ring;
static uint32_t ring_words;

static void read_ring(unsigned int cpu)
{
    const struct t_info *info = frame_map((mfn_t){ trace_get_info().mfn });
    const uint32_t *list = (const uint32_t *)info + info->mfn_offset[cpu];
    const struct t_buf *head = frame_map((mfn_t){ list[0] });

    assert_int_equal(head->cons, 0);
    assert_true(head->prod < info->tbuf_size * 4096U - sizeof(*head));      /* has not come round */
    ring_words = head->prod / 4;
    ring = malloc(head->prod + 4);
    for (uint32_t i = 0; i < ring_words; i++) {
        uint32_t at = (uint32_t)sizeof(*head) + i * 4;

        memcpy(&ring[i], (const uint8_t *)frame_map((mfn_t){ list[at / 4096] }) + at % 4096, 4);
    }
}

static void write_file(const char *name)
{
    uint32_t window[3] = { TRC_TRACE_CPU_CHANGE | 2U << TRACE_EXTRA_SHIFT, 0, ring_words * 4 };
    FILE *f = fopen(name, "wb");

    assert_non_null(f);
    fwrite(window, sizeof(window), 1, f);
    fwrite(ring, 4, ring_words, f);
    fclose(f);
}

/* ---- what must be in it ---- */

struct count { uint64_t vmexit, vmentry, cpuid, vmcall, hlt, msr, pio, window, change, other; };

/* Exits and entries take turns, and what was done about an exit stands between them. */
static struct count count_records(void)
{
    struct count c = { 0 };
    bool inside = false;

    for (uint32_t i = 0; i < ring_words;) {
        uint32_t event = TRC_HD_TO_EVENT(ring[i]), words = TRC_HD_EXTRA(ring[i]);

        if (event == TRC_HVM_VMEXIT64) {
            assert_false(inside);
            assert_int_equal(words, 3);
            inside = true;
            c.vmexit++;
        } else if (event == TRC_HVM_VMENTRY) {
            inside = false;
            c.vmentry++;
        } else if ((event & 0xfff000) == (TRC_HVM_HANDLER & 0xfff000)) {
            assert_true(inside || event == TRC_HVM_INJ_VIRQ || event == TRC_HVM_INJ_EXC);
            c.cpuid += event == TRC_HVM_CPUID;
            c.vmcall += event == TRC_HVM_VMMCALL;
            c.hlt += event == TRC_HVM_HLT;
            c.msr += event == TRC_HVM_MSR_READ || event == TRC_HVM_MSR_WRITE;
            c.pio += event == TRC_HVM_IOPORT_READ;
            c.window += event == TRC_HVM_INTR_WINDOW;
            if (event == TRC_HVM_CPUID) {
                assert_int_equal(ring[i + 3], 0x40000000);
                assert_int_equal(ring[i + 6], 0x566e6558);      /* EBX: the answer */
            }
            if (event == TRC_HVM_VMMCALL)
                assert_int_equal(ring[i + 3], __HYPERVISOR_xen_version);
        } else if ((event & ~0xff0U) == TRC_SCHED_RUNSTATE_CHANGE) {
            c.change++;
            inside = false;
        } else {
            assert_int_not_equal(event, TRC_LOST_RECORDS);
            c.other++;
        }
        i += 1 + words + (TRC_HD_INCLUDES_CYCLE_COUNT(ring[i]) ? 2 : 0);
    }
    return c;
}

static void all_down(bool down)
{
    sched_set_down(&world.v0->sched, down);
    sched_set_down(&world.v1->sched, down);
    sched_set_down(&world.g0->sched, down);
}

static void run(unsigned int count)
{
    exits = 0;
    limit = count;
    memset(made, 0, sizeof(made));
    all_down(false);
    vmcs_fake_guest(guest);
    if (setjmp(enough) == 0)
        cpu_loop();
    cpu_irq_enable();
    all_down(true);
    softirq_run();
    assert_null(sched_next());
    vcpu_unload(this_cpu()->current);
}

static void a_run_is_in_the_trace_exit_by_exit(void **state)
{
    const char *file = getenv("TRACE_FILE");
    struct count c;

    (void)state;
    assert_int_equal(trace_set_size(64), 0);
    assert_int_equal(trace_enable(), 0);
    run(2000);
    read_ring(0);
    if (file)
        write_file(file);
    c = count_records();
    assert_int_equal(c.vmexit, 2000);
    assert_int_equal(c.vmentry, 2001);
    assert_int_equal(c.cpuid, made[CPUID]);
    assert_int_equal(c.vmcall, made[VMCALL]);
    assert_int_equal(c.hlt, made[HLT]);
    assert_int_equal(c.msr, made[RDMSR] + made[WRMSR]);
    assert_int_equal(c.pio, made[PIO]);
    assert_int_equal(c.window, made[WINDOW]);
    assert_true(c.change > 2 * made[HLT]);
    free(ring);
}

static uint64_t cpuid_exits(void)
{
    return world.v0->exits[EXIT_CPUID] + world.v1->exits[EXIT_CPUID] + world.g0->exits[EXIT_CPUID];
}

static void without_a_trace_exits_are_counted_as_with_one(void **state)
{
    uint64_t before[2];

    (void)state;
    run(900);
    before[0] = cpuid_exits();
    assert_int_equal(trace_set_size(64), 0);
    assert_int_equal(trace_enable(), 0);
    run(900);
    before[1] = cpuid_exits();
    trace_disable();
    assert_int_equal(before[0], 200);
    assert_int_equal(before[1], 400);
}

static int setup(void **state)
{
    static const uint64_t all[MAX_CPUS / 64] = { UINT64_MAX, UINT64_MAX };

    world_cpus = 1;
    trace_forget_all();
    trace_set_cpus(all);
    return world_setup(state);
}

static int teardown(void **state)
{
    trace_forget_all();
    return world_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_in_the_trace_exit_by_exit, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_trace_exits_are_counted_as_with_one, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
