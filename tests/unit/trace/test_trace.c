/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings as a reader sees them: it finds them by struct t_info and consumes as xentrace does. */
#include <trace/trace.h>

#include "fake.h"
#include "fake_mm.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86/softirq.h>

#include <cmocka.h>

#define EVENT TRC_SCHED_WAKE
#define ALL_CPUS { UINT64_MAX, UINT64_MAX }

static unsigned int notified;
static void notify(void) { notified++; }

static int with_cpus(unsigned int cpus)
{
    static const uint64_t all[MAX_CPUS / 64] = ALL_CPUS;

    fake_reset();
    fake_mm_init(16UL << 20, 0);
    fake_cpu_set_count(cpus);
    trace_forget_all();
    trace_set_cpus(all);
    softirq_set_handler(SOFTIRQ_TRACE, notify);
    notified = 0;
    return 0;
}
static int one_cpu(void **state) { (void)state; return with_cpus(1); }
static int four_cpus(void **state) { (void)state; return with_cpus(4); }

/* ---- a reader ---- */

struct reader { struct t_buf *head; unsigned int pages; uint8_t *page[64]; uint32_t size; };

static struct reader open_ring(unsigned int cpu)
{
    const struct t_info *info = frame_map((mfn_t){ trace_get_info().mfn });
    const uint32_t *list = (const uint32_t *)info + info->mfn_offset[cpu];
    struct reader r = { .pages = info->tbuf_size };

    assert_in_range(info->mfn_offset[cpu], 1, 0xffff);
    for (unsigned int i = 0; i < r.pages; i++) {
        assert_true(trace_get_frame((mfn_t){ list[i] }));
        assert_false(frame_put((mfn_t){ list[i] }));
        r.page[i] = frame_map((mfn_t){ list[i] });
    }
    r.head = (struct t_buf *)(void *)r.page[0];
    r.size = r.pages * 4096 - (uint32_t)sizeof(struct t_buf);
    return r;
}

static uint32_t word_at(const struct reader *r, uint32_t at)
{
    uint32_t offset = at % r->size + (uint32_t)sizeof(struct t_buf), word;

    memcpy(&word, r->page[offset / 4096] + offset % 4096, 4);
    return word;
}

struct seen { uint32_t event, words, data[7]; uint64_t tsc; };

/* The next record that means something. False: none. */
static bool next(struct reader *r, struct seen *s)
{
    while (r->head->cons != r->head->prod) {
        uint32_t at = r->head->cons, begin = at % r->size, first = word_at(r, at), bytes = 4;

        s->event = TRC_HD_TO_EVENT(first);
        s->words = TRC_HD_EXTRA(first);
        if (TRC_HD_INCLUDES_CYCLE_COUNT(first)) {
            s->tsc = word_at(r, at + 4) | (uint64_t)word_at(r, at + 8) << 32;
            bytes += 8;
        }
        for (unsigned int i = 0; i < s->words; i++)
            s->data[i] = word_at(r, at + bytes + 4 * i);
        bytes += 4 * s->words;
        assert_true(begin + bytes <= r->size);         /* none goes round the end */
        r->head->cons = (at + bytes) % (2 * r->size);
        if (s->event != TRC_TRACE_WRAP_BUFFER)
            return true;
    }
    return false;
}

/* ---- sizes and switches ---- */

static void without_rings_nothing_can_be_traced(void **state)
{
    (void)state;
    assert_int_equal(trace_get_info().mfn, 0);
    assert_int_equal(trace_enable(), -EINVAL);
    assert_false(trace_is_on());
    TRACE(EVENT, 1, 2);
    assert_int_equal(trace_set_size(0), -EINVAL);
}

static void rings_are_made_once(void **state)
{
    (void)state;
    assert_int_equal(trace_set_size(3), 0);
    assert_int_equal(trace_set_size(3), -EBUSY);
    assert_int_equal(trace_set_size(4), -EINVAL);
    assert_int_equal(open_ring(3).pages, 3);
}

static void a_size_beyond_what_the_description_can_say_is_reduced(void **state)
{
    (void)state;
    assert_true(trace_set_size(UINT32_MAX) == 0 || trace_get_info().mfn == 0);
}

static void when_memory_is_short_nothing_is_kept(void **state)
{
    uint64_t before = frames_free_count();

    (void)state;
    for (unsigned int n = 1; n < 60; n++) {
        frames_fail_countdown = n;
        if (trace_set_size(8) == 0) {
            frames_fail_countdown = 0;
            assert_true(n > 30);
            return;
        }
        frames_fail_countdown = 0;
        assert_int_equal(trace_get_info().mfn, 0);
        /* Small objects keep their page. */
        assert_true(frames_free_count() + 1 >= before);
    }
    fail();
}

static void only_the_rings_and_their_description_can_be_mapped(void **state)
{
    mfn_t other = frame_alloc(0, DOMID_XEN, true);

    (void)state;
    assert_int_equal(trace_set_size(2), 0);
    assert_false(trace_get_frame(other));
    assert_true(trace_get_frame((mfn_t){ trace_get_info().mfn }));
    assert_false(frame_put((mfn_t){ trace_get_info().mfn }));
}

static void an_event_is_recorded_if_its_class_and_subclass_are_wanted(void **state)
{
    struct seen s;
    struct reader r;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    trace_set_event_mask(TRC_SCHED_MIN | TRC_HVM_ENTRYEXIT);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    TRACE(TRC_SCHED_WAKE, 1, 2);                   /* another subclass */
    TRACE(TRC_HVM_HLT, 1);
    TRACE(TRC_MEM_PAGE_GRANT_MAP, 1);
    TRACE(TRC_SCHED_RUNSTATE_CHANGE | 0x210, 7);
    trace_put(TRC_HVM_VMENTRY, 0, NULL);
    assert_true(next(&r, &s));
    assert_int_equal(s.event, TRC_SCHED_RUNSTATE_CHANGE | 0x210);
    assert_int_equal(s.words, 1);
    assert_int_equal(s.data[0], 7);
    assert_true(next(&r, &s));
    assert_int_equal(s.event, TRC_HVM_VMENTRY);
    assert_int_equal(s.words, 0);
    assert_false(next(&r, &s));
}

static void a_cpu_outside_the_mask_records_nothing(void **state)
{
    static const uint64_t second[MAX_CPUS / 64] = { 2 };
    struct reader r0, r1;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    trace_set_cpus(second);
    r0 = open_ring(0);
    r1 = open_ring(1);
    TRACE(EVENT, 1, 2);
    assert_false(next(&r0, &s));
    fake_cpu_switch(1);
    TRACE(EVENT, 3, 4);
    assert_true(next(&r1, &s));
    assert_int_equal(s.data[0], 3);
}

static void enabling_makes_every_cpu_say_what_it_runs(void **state)
{
    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    for (unsigned int cpu = 1; cpu < 4; cpu++)
        assert_true(fake_kicks(cpu) > 0);
    assert_true(softirq_is_pending());
}

/* ---- what is in the ring ---- */

static void a_full_ring_counts_what_it_loses_and_says_so_first(void **state)
{
    uint64_t put = 0, got = 0, lost = 0, last = 0;
    struct reader r;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    for (; put < 1000; put++) {
        fake_time_advance(1);
        TRACE(EVENT, (uint32_t)put, 1);
    }
    for (int round = 0; round < 40; round++) {
        while (next(&r, &s)) {
            assert_true(s.tsc >= last);
            last = s.tsc;
            if (s.event == TRC_LOST_RECORDS) {
                assert_int_equal(s.words, 4);
                assert_true((s.data[2] | (uint64_t)s.data[3] << 32) <= s.tsc);
                lost += s.data[0];
                continue;
            }
            assert_int_equal(s.data[0], got + lost);   /* in order, the gap is where the count says */
            got++;
        }
        for (unsigned int i = 0; i < 150 + (unsigned int)round; i++, put++) {
            fake_time_advance(1);
            TRACE(EVENT, (uint32_t)put, 1);
        }
    }
    while (next(&r, &s))
        s.event == TRC_LOST_RECORDS ? (lost += s.data[0]) : got++;
    TRACE(EVENT, (uint32_t)put, 1);                    /* brings the account of the last losses */
    put++;
    while (next(&r, &s))
        s.event == TRC_LOST_RECORDS ? (lost += s.data[0]) : got++;
    assert_true(lost > 700);
    assert_int_equal(got + lost, put);
}

static void records_of_all_lengths_fit_round_the_end(void **state)
{
    static const uint32_t data[7] = { 1, 2, 3, 4, 5, 6, 7 };
    struct reader r;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(2), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    srand(7);
    for (unsigned int i = 0; i < 20000; i++) {
        unsigned int words = (unsigned int)rand() % 8;

        trace_put(EVENT, words, data);
        assert_true(next(&r, &s));
        assert_int_equal(s.event, EVENT);
        assert_int_equal(s.words, words);
        assert_memory_equal(s.data, data, words * 4);
        assert_false(next(&r, &s));
    }
    trace_put(EVENT, 8, data);                         /* longer than the format allows */
    assert_false(next(&r, &s));
}

static void a_reader_that_writes_nonsense_harms_only_its_own_trace(void **state)
{
    static const uint32_t bad[] = { 1, 3, 8192, 8176, 0x7fffffff, 0xffffffff, 0xfffffffc };
    struct reader r;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    for (unsigned int i = 0; i < ARRAY_COUNT(bad); i++) {
        r.head->cons = bad[i];
        r.head->prod = bad[ARRAY_COUNT(bad) - 1 - i];
        memset(r.page[0] + 8, 0xa5, 4088);
        for (unsigned int k = 0; k < 1000; k++)
            TRACE(EVENT, k, 1);
        r.head->cons = 0;
    }
    /* A sane one finds a sane trace again. */
    r.head->cons = r.head->prod;
    TRACE(EVENT, 1, 1);
    r.head->cons = r.head->prod;
    TRACE(EVENT, 4711, 1);
    assert_true(next(&r, &s));
    assert_int_equal(s.data[0], 4711);
}

static void the_reader_is_told_when_a_ring_becomes_half_full(void **state)
{
    struct reader r;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    for (unsigned int i = 0; i < 90; i++)
        TRACE(EVENT, i, 1);
    softirq_run();
    assert_int_equal(notified, 0);
    for (unsigned int i = 0; i < 90; i++)
        TRACE(EVENT, i, 1);
    softirq_run();
    assert_int_equal(notified, 1);
    while (next(&r, &s))
        ;
    for (unsigned int i = 0; i < 150; i++)
        TRACE(EVENT, i, 1);
    softirq_run();
    assert_int_equal(notified, 2);
}

static void new_rings_hold_no_old_memory(void **state)
{
    mfn_t m[64];
    struct reader r;

    (void)state;
    for (unsigned int i = 0; i < 64; i++) {
        m[i] = frame_alloc(0, DOMID_XEN, false);
        memset(frame_map(m[i]), 0x5a, 4096);
    }
    for (unsigned int i = 0; i < 64; i++)
        frame_free(m[i], 0);
    assert_int_equal(trace_set_size(16), 0);
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        r = open_ring(cpu);
        for (unsigned int i = 0; i < r.pages; i++)
            for (unsigned int k = 0; k < 4096; k++)
                assert_int_equal(r.page[i][k], 0);
    }
}

static void once_disabled_the_rings_stand_still_and_old_losses_are_forgotten(void **state)
{
    struct reader r;
    struct seen s;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    for (unsigned int i = 0; i < 400; i++)
        TRACE(EVENT, i, 1);
    trace_disable();
    TRACE(EVENT, 1, 1);
    trace_put(EVENT, 0, NULL);
    while (next(&r, &s))
        assert_int_not_equal(s.event, TRC_LOST_RECORDS);
    assert_int_equal(trace_enable(), 0);
    TRACE(EVENT, 99, 1);
    assert_true(next(&r, &s));
    assert_int_equal(s.event, EVENT);
    assert_int_equal(s.data[0], 99);
}

/* A reader on another CPU, as xentrace is: never half a record. */
static bool stop;
static uint64_t read_count, read_lost;

static void *reading(void *arg)
{
    struct reader *r = arg;
    uint64_t expect = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE) || r->head->cons != __atomic_load_n(&r->head->prod, __ATOMIC_ACQUIRE)) {
        struct seen s;
        uint32_t prod = __atomic_load_n(&r->head->prod, __ATOMIC_ACQUIRE);

        if (r->head->cons == prod || !next(r, &s))
            continue;
        if (s.event == TRC_LOST_RECORDS) {
            read_lost += s.data[0];
            expect += s.data[0];
            continue;
        }
        if (s.event != EVENT || s.data[0] != (uint32_t)expect || s.data[1] != ~s.data[0])
            abort();
        expect++;
        read_count++;
    }
    return NULL;
}

static void a_reader_on_another_cpu_never_sees_half_a_record(void **state)
{
    const uint32_t total = 300000;
    struct reader r;
    pthread_t thread;

    (void)state;
    assert_int_equal(trace_set_size(1), 0);
    assert_int_equal(trace_enable(), 0);
    r = open_ring(0);
    stop = false;
    read_count = read_lost = 0;
    assert_int_equal(pthread_create(&thread, NULL, reading, &r), 0);
    for (uint32_t i = 0; i < total; i++) {
        TRACE(EVENT, i, ~i);
        if (i % 128 == 0)
            (void)sched_yield();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    TRACE(EVENT, total, ~total);
    for (struct seen s; next(&r, &s);)
        s.event == TRC_LOST_RECORDS ? (read_lost += s.data[0]) : read_count++;
    printf("    %llu records read, %llu lost\n", (unsigned long long)read_count, (unsigned long long)read_lost);
    assert_int_equal(read_count + read_lost, total + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_rings_nothing_can_be_traced, one_cpu),
        cmocka_unit_test_setup(rings_are_made_once, four_cpus),
        cmocka_unit_test_setup(a_size_beyond_what_the_description_can_say_is_reduced, four_cpus),
        cmocka_unit_test_setup(when_memory_is_short_nothing_is_kept, four_cpus),
        cmocka_unit_test_setup(only_the_rings_and_their_description_can_be_mapped, four_cpus),
        cmocka_unit_test_setup(an_event_is_recorded_if_its_class_and_subclass_are_wanted, one_cpu),
        cmocka_unit_test_setup(a_cpu_outside_the_mask_records_nothing, four_cpus),
        cmocka_unit_test_setup(enabling_makes_every_cpu_say_what_it_runs, four_cpus),
        cmocka_unit_test_setup(a_full_ring_counts_what_it_loses_and_says_so_first, one_cpu),
        cmocka_unit_test_setup(records_of_all_lengths_fit_round_the_end, one_cpu),
        cmocka_unit_test_setup(a_reader_that_writes_nonsense_harms_only_its_own_trace, one_cpu),
        cmocka_unit_test_setup(the_reader_is_told_when_a_ring_becomes_half_full, one_cpu),
        cmocka_unit_test_setup(new_rings_hold_no_old_memory, four_cpus),
        cmocka_unit_test_setup(once_disabled_the_rings_stand_still_and_old_losses_are_forgotten, one_cpu),
        cmocka_unit_test_setup(a_reader_on_another_cpu_never_sees_half_a_record, one_cpu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
