/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appending to a FIFO queue while the guest changes the tail's word at the worst moments: the
 * source is compiled here with a compare-and-exchange that lets the guest act first.
 */
#include <stdbool.h>
#include <stdint.h>

static bool cas(uint32_t *word, uint32_t *expected, uint32_t desired);
#define __atomic_compare_exchange_n(p, e, d, weak, s, f) cas(p, e, d)
#include "../../../src/pvhvm/evtchn_fifo.c"
#undef __atomic_compare_exchange_n

#include "evtchn_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { MAX_ACTIONS = 64 };
static uint32_t action[MAX_ACTIONS];          /* what the guest flips before each exchange */
static unsigned int action_count, exchanges;
static bool busy_seen;

static bool cas(uint32_t *word, uint32_t *expected, uint32_t desired)
{
    uint32_t old = *word;

    if (exchanges > 0)
        busy_seen &= (old & W_BUSY) != 0;
    if (exchanges < action_count)
        *word ^= action[exchanges];
    exchanges++;
    old = *word;
    if (old == *expected) {
        *word = desired;
        return true;
    }
    *expected = old;
    return false;
}

static struct world_domain *w;
static uint32_t a, b;

static int setup(void **state)
{
    (void)state;
    w = aligned_alloc(4096, sizeof(*w));
    assert_int_equal(world_domain_init(w, 1), 0);
    assert_int_equal(world_fifo_init(w, 1), 0);
    assert_int_equal(evtchn_bind_ipi(&w->ev, 0, &a), 0);
    assert_int_equal(evtchn_bind_ipi(&w->ev, 0, &b), 0);
    assert_int_equal(evtchn_set_pending(&w->ev, a), 0);
    w->control[0].head[7] = 0;                /* to see whether it is written again */
    exchanges = 0;
    busy_seen = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    evtchn_fini(&w->ev);
    free(w);
    return 0;
}

static void play(const uint32_t *actions, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        action[i] = actions[i];
    action_count = count;
    (void)evtchn_set_pending(&w->ev, b);
    assert_int_equal(*guest_word(w, a) & W_BUSY, 0);
    assert_true(busy_seen);
}

static void an_undisturbed_append_takes_one_exchange(void **state)
{
    (void)state;
    play(NULL, 0);
    assert_int_equal(exchanges, 1);
    assert_int_equal(*guest_word(w, a), W_PENDING | W_LINKED | b);
    assert_int_equal(w->control[0].head[7], 0);
}

static void everything_a_guest_may_do_to_a_linked_word_still_ends_in_a_link(void **state)
{
    static const uint32_t allowed[] = { W_MASKED, W_PENDING, W_MASKED, W_PENDING };

    (void)state;
    play(allowed, ARRAY_COUNT(allowed));
    assert_int_equal(exchanges, 5);
    assert_int_equal(*guest_word(w, a), W_PENDING | W_LINKED | b);
    assert_int_equal(w->control[0].head[7], 0);
}

static void a_tail_taken_meanwhile_starts_the_queue_anew(void **state)
{
    static const uint32_t taken[3][3] = { { W_LINKED },
                                          { W_MASKED, W_LINKED },
                                          { W_MASKED, W_PENDING, W_LINKED } };

    (void)state;
    for (unsigned int i = 0; i < 3; i++) {
        if (i > 0)
            setup(NULL);
        play(taken[i], i + 1);
        assert_int_equal(w->control[0].head[7], b);
        assert_int_equal(*guest_word(w, a) & (W_LINKED | EVTCHN_FIFO_LINK_MASK), 0);
        assert_int_equal(w->ev.vcpu[0].fifo_tail[7], b);
        if (i < 2)
            teardown(NULL);
    }
}

static void a_guest_that_never_stops_does_not_hold_us(void **state)
{
    uint32_t endless[MAX_ACTIONS];

    (void)state;
    for (unsigned int i = 0; i < MAX_ACTIONS; i++)
        endless[i] = 1U << (i % 17);
    play(endless, MAX_ACTIONS);
    assert_int_equal(exchanges, 5);
    assert_int_equal(w->control[0].head[7], b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_undisturbed_append_takes_one_exchange),
        T(everything_a_guest_may_do_to_a_linked_word_still_ends_in_a_link),
        T(a_tail_taken_meanwhile_starts_the_queue_anew),
        T(a_guest_that_never_stops_does_not_hold_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
