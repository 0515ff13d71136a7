/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FIFO delivery against a guest that takes events as the ABI says, and against guests that do not.
 */
#include <pvhvm/evtchn.h>

#include "evtchn_world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int setup(void **state)
{
    struct world_domain *w = aligned_alloc(4096, sizeof(*w));

    world_allocs_left = -1;
    world_live_allocs = 0;
    assert_int_equal(world_domain_init(w, 1), 0);
    *state = w;
    return 0;
}

static int setup_fifo(void **state)
{
    setup(state);
    assert_int_equal(world_fifo_init(*state, 1), 0);
    return 0;
}

static int teardown(void **state)
{
    struct world_domain *w = *state;

    evtchn_fini(&w->ev);
    assert_int_equal(world_live_allocs, 0);
    free(w);
    return 0;
}

static uint32_t ipi(struct world_domain *w, uint32_t vcpu)
{
    uint32_t p;

    assert_int_equal(evtchn_bind_ipi(&w->ev, vcpu, &p), 0);
    return p;
}

static uint32_t unbound_pair(struct world_domain *w)
{
    uint32_t p1, p2, n;

    assert_int_equal(evtchn_alloc_unbound(&w->ev, 1, &p1), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->ev, &w->ev, p1, &p2, &n), 0);
    while (guest_fifo_take(w, 0) != 0)
        ;
    world_info(w, 0)->evtchn_upcall_pending = 0;
    return p2;
}

static void events_come_in_order(void **state)
{
    struct world_domain *w = *state;
    uint32_t p[10], i;

    for (i = 0; i < 10; i++)
        p[i] = ipi(w, 0);
    assert_int_equal(evtchn_set_pending(&w->ev, p[7]), 0);
    for (i = 0; i < 7; i++)
        assert_int_equal(evtchn_set_pending(&w->ev, p[i]), EVTCHN_NOTIFY_NONE);
    assert_int_equal(w->control[0].ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    assert_int_equal(guest_fifo_take(w, 0), p[7]);
    assert_int_equal(evtchn_set_pending(&w->ev, p[9]), EVTCHN_NOTIFY_NONE);
    for (i = 0; i < 7; i++)
        assert_int_equal(guest_fifo_take(w, 0), p[i]);
    assert_int_equal(guest_fifo_take(w, 0), p[9]);
    assert_int_equal(guest_fifo_take(w, 0), 0);
}

static void urgent_events_come_first(void **state)
{
    struct world_domain *w = *state;
    uint32_t low = ipi(w, 0), normal = ipi(w, 0), high = ipi(w, 0);

    assert_int_equal(evtchn_set_priority(&w->ev, low, EVTCHN_FIFO_PRIORITY_MIN), 0);
    assert_int_equal(evtchn_set_priority(&w->ev, high, EVTCHN_FIFO_PRIORITY_MAX), 0);
    assert_int_equal(evtchn_set_priority(&w->ev, high, EVTCHN_FIFO_PRIORITY_MIN + 1), -EINVAL);
    evtchn_set_pending(&w->ev, low);
    evtchn_set_pending(&w->ev, normal);
    assert_int_equal(guest_fifo_take(w, 0), normal);
    evtchn_set_pending(&w->ev, high);
    assert_int_equal(guest_fifo_take(w, 0), high);
    assert_int_equal(guest_fifo_take(w, 0), low);
    assert_int_equal(guest_fifo_take(w, 0), 0);
}

static void each_vcpu_has_its_queues(void **state)
{
    struct world_domain *w = *state;
    uint32_t p0 = ipi(w, 0), p3 = ipi(w, 3);

    assert_int_equal(evtchn_set_pending(&w->ev, p3), 3);
    assert_int_equal(evtchn_set_pending(&w->ev, p0), 0);
    assert_int_equal(guest_fifo_take(w, 1), 0);
    assert_int_equal(guest_fifo_take(w, 3), p3);
    assert_int_equal(guest_fifo_take(w, 3), 0);
    assert_int_equal(guest_fifo_take(w, 0), p0);
}

static void a_masked_event_waits_for_unmask(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 0), notify;

    guest_fifo_mask(w, p);
    assert_int_equal(evtchn_set_pending(&w->ev, p), EVTCHN_NOTIFY_NONE);
    assert_true(evtchn_is_pending(&w->ev, p));
    assert_true(evtchn_is_masked(&w->ev, p));
    assert_int_equal(guest_fifo_take(w, 0), 0);
    assert_int_equal(evtchn_unmask(&w->ev, p, &notify), 0);
    assert_int_equal(notify, 0);
    assert_int_equal(guest_fifo_take(w, 0), p);
}

static void an_event_masked_while_queued_is_delivered_after_unmask(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 0), notify;

    assert_int_equal(evtchn_set_pending(&w->ev, p), 0);
    guest_fifo_mask(w, p);
    assert_int_equal(guest_fifo_take(w, 0), 0);        /* unlinked and skipped */
    assert_true(guest_fifo_unmask(w, p));
    assert_int_equal(evtchn_unmask(&w->ev, p, &notify), 0);
    assert_int_equal(guest_fifo_take(w, 0), p);
}

static void a_queue_starts_anew_when_the_guest_took_the_tail(void **state)
{
    struct world_domain *w = *state;
    uint32_t a = ipi(w, 0), b = ipi(w, 0), i;

    for (i = 0; i < 3; i++) {
        evtchn_set_pending(&w->ev, a);
        assert_int_equal(guest_fifo_take(w, 0), a);
        evtchn_set_pending(&w->ev, b);
        assert_int_equal(w->control[0].head[7], b);
        assert_int_equal(guest_fifo_take(w, 0), b);
        evtchn_set_pending(&w->ev, b);
        assert_int_equal(guest_fifo_take(w, 0), b);
    }
}

static void a_port_that_was_a_tail_and_moved_does_not_drag_its_old_queue_along(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = unbound_pair(w), q = unbound_pair(w);

    evtchn_set_pending(&w->ev, p);
    assert_int_equal(guest_fifo_take(w, 0), p);        /* tail of vCPU 0's queue, unlinked */
    assert_int_equal(evtchn_bind_vcpu(&w->ev, p, 1), 0);
    assert_int_equal(evtchn_set_pending(&w->ev, p), 1);   /* linked again, on vCPU 1 */
    evtchn_set_pending(&w->ev, q); /* must start vCPU 0's queue anew, not follow p */
    assert_int_equal(guest_fifo_take(w, 0), q);
    assert_int_equal(guest_fifo_take(w, 1), p);
    assert_int_equal(guest_fifo_take(w, 1), 0);
}

static void a_port_still_in_a_queue_is_not_given_out_again(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 0), q;

    evtchn_set_pending(&w->ev, p);
    assert_int_equal(evtchn_close(&w->ev, p, NULL), 0);
    assert_false(evtchn_is_pending(&w->ev, p));
    q = ipi(w, 0);
    assert_int_not_equal(q, p);
    assert_int_equal(guest_fifo_take(w, 0), 0);        /* unlinks it */
    assert_int_equal(ipi(w, 0), p);
}

static void pending_events_survive_the_switch_from_two_levels(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 2), q = ipi(w, 0);

    assert_int_equal(evtchn_set_pending(&w->ev, p), 2);
    world_info(w, 2)->evtchn_upcall_pending = 0;
    assert_int_equal(evtchn_fifo_init_control(&w->ev, 2, &w->control[2]), 0);
    assert_int_equal(evtchn_fifo_init_control(&w->ev, 2, &w->control[2]), -EINVAL);
    assert_int_equal(evtchn_fifo_init_control(&w->ev, WORLD_VCPUS, &w->control[2]), -ENOENT);
    assert_true(evtchn_is_pending(&w->ev, p));
    assert_false(evtchn_is_pending(&w->ev, q));
    /* No word yet: remembered. */
    assert_int_equal(evtchn_set_pending(&w->ev, q), EVTCHN_NOTIFY_NONE);
    assert_int_equal(evtchn_fifo_expand(&w->ev, w->words[0]), 0);
    assert_true(evtchn_upcall_pending(&w->ev, 2));
    assert_int_equal(guest_fifo_take(w, 2), p);
    /* vCPU 0 had no control block: found when it gets one. */
    assert_int_equal(guest_fifo_take(w, 0), 0);
    assert_int_equal(evtchn_fifo_init_control(&w->ev, 0, &w->control[0]), 0);
    assert_true(evtchn_upcall_pending(&w->ev, 0));
    assert_int_equal(guest_fifo_take(w, 0), q);
}

static void the_array_grows_page_by_page_to_131072_ports(void **state)
{
    struct world_domain *w = *state;
    uint32_t i, p = 0, *pages = calloc(128, 4096);

    assert_int_equal(evtchn_fifo_init_control(&w->ev, 0, &w->control[0]), 0);
    for (i = 0; i < 128; i++)
        assert_int_equal(evtchn_fifo_expand(&w->ev, pages + i * 1024UL), 0);
    assert_int_equal(evtchn_fifo_expand(&w->ev, pages), -ENOSPC);
    for (i = 1; i < EVTCHN_MAX_PORTS; i++)
        assert_int_equal(evtchn_bind_ipi(&w->ev, 0, &p), 0);
    assert_int_equal(p, EVTCHN_MAX_PORTS - 1);
    assert_int_equal(evtchn_bind_ipi(&w->ev, 0, &p), -ENOSPC);
    evtchn_set_pending(&w->ev, EVTCHN_MAX_PORTS - 1);
    assert_int_equal(w->control[0].head[7], EVTCHN_MAX_PORTS - 1);
    assert_int_equal(evtchn_reset(&w->ev), 0);
    free(pages);
}

static void reset_returns_to_two_levels(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 1);

    evtchn_set_pending(&w->ev, p);
    assert_int_equal(evtchn_reset(&w->ev), 0);
    assert_false(w->ev.fifo);
    memset(w->words, 0xff, sizeof(w->words));          /* nobody looks at them any more */
    memset(w->shared, 0, sizeof(w->shared));
    p = ipi(w, 1);
    assert_int_equal(evtchn_set_pending(&w->ev, p), 1);
    assert_int_equal(guest_2l_take(w, 1), p);
    memset(w->words, 0, sizeof(w->words));
    memset(w->control, 0, sizeof(w->control));
    assert_int_equal(world_fifo_init(w, 1), 0);
    evtchn_set_pending(&w->ev, p);
    assert_int_equal(guest_fifo_take(w, 1), p);
}

static void a_hostile_tail_only_costs_the_guest_its_events(void **state)
{
    static const uint32_t nasty[] = {
        0, ~0U, W_LINKED, W_LINKED | W_BUSY, W_LINKED | 0x1ffff, W_BUSY, W_MASKED | W_LINKED | 5
    };
    struct world_domain *w = *state;
    uint32_t a = ipi(w, 0), b = ipi(w, 0), i;

    for (i = 0; i < ARRAY_COUNT(nasty); i++) {
        evtchn_set_pending(&w->ev, a);
        *guest_word(w, a) = nasty[i];
        w->control[0].head[7] = ~0U;
        w->control[0].ready = ~0U;
        *guest_word(w, b) = 0;
        evtchn_set_pending(&w->ev, b);
        *guest_word(w, a) = nasty[ARRAY_COUNT(nasty) - 1 - i];
        *guest_word(w, b) = nasty[i];
        evtchn_set_pending(&w->ev, b);
        evtchn_set_pending(&w->ev, a);
        *guest_word(w, a) = *guest_word(w, b) = 0;
        assert_true(w->ev.vcpu[0].fifo_tail[7] == a || w->ev.vcpu[0].fifo_tail[7] == b);
    }
}

static void a_vcpu_without_control_block_gets_no_events_and_no_crash(void **state)
{
    struct world_domain *w = *state;
    uint32_t p = ipi(w, 3);

    assert_int_equal(evtchn_fifo_init_control(&w->ev, 0, &w->control[0]), 0);
    assert_int_equal(evtchn_fifo_expand(&w->ev, w->words[0]), 0);
    assert_int_equal(evtchn_set_pending(&w->ev, p), EVTCHN_NOTIFY_NONE);
    assert_int_equal(*guest_word(w, p), W_PENDING);
}

static void unmask_of_an_event_whose_peer_has_gone_still_delivers_it(void **state)
{
    struct world_domain *w = *state;
    uint32_t p1, p2, n;

    assert_int_equal(evtchn_alloc_unbound(&w->ev, 1, &p1), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->ev, &w->ev, p1, &p2, &n), 0);
    assert_int_equal(guest_fifo_take(w, 0), p2);
    guest_fifo_mask(w, p2);
    evtchn_set_pending(&w->ev, p2);
    assert_int_equal(evtchn_close(&w->ev, p1, NULL), 0);
    assert_int_equal(evtchn_unmask(&w->ev, p2, &n), 0);
    assert_int_equal(guest_fifo_take(w, 0), p2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define F(f) cmocka_unit_test_setup_teardown(f, setup_fifo, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        F(events_come_in_order),
        F(urgent_events_come_first),
        F(each_vcpu_has_its_queues),
        F(a_masked_event_waits_for_unmask),
        F(an_event_masked_while_queued_is_delivered_after_unmask),
        F(a_queue_starts_anew_when_the_guest_took_the_tail),
        F(a_port_that_was_a_tail_and_moved_does_not_drag_its_old_queue_along),
        F(a_port_still_in_a_queue_is_not_given_out_again),
        T(pending_events_survive_the_switch_from_two_levels),
        T(the_array_grows_page_by_page_to_131072_ports),
        F(reset_returns_to_two_levels),
        F(a_hostile_tail_only_costs_the_guest_its_events),
        T(a_vcpu_without_control_block_gets_no_events_and_no_crash),
        F(unmask_of_an_event_whose_peer_has_gone_still_delivers_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
