/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports, bindings and 2-level delivery. */
#include <pvhvm/evtchn.h>

#include "evtchn_world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DOM_A 0
#define DOM_B 7

static int setup(void **state)
{
    struct world *w = aligned_alloc(4096, sizeof(*w));

    world_allocs_left = -1;
    world_live_allocs = 0;
    assert_int_equal(world_domain_init(&w->a, DOM_A), 0);
    assert_int_equal(world_domain_init(&w->b, DOM_B), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    evtchn_fini(&w->a.ev);
    evtchn_fini(&w->b.ev);
    assert_int_equal(world_live_allocs, 0);
    free(w);
    return 0;
}

static struct evtchn_status status_of(struct evtchn_domain *d, uint32_t port)
{
    struct evtchn_status s = { .port = port };

    assert_int_equal(evtchn_status(d, &s), 0);
    return s;
}

/* b offers a port, a binds to it. */
static void bind_pair(struct world *w, uint32_t *pa, uint32_t *pb)
{
    uint32_t notify;

    assert_int_equal(evtchn_alloc_unbound(&w->b.ev, DOM_A, pb), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, *pb, pa, &notify), 0);
    while (guest_2l_take(&w->a, 0) != 0)
        ;
    world_info(&w->a, 0)->evtchn_upcall_pending = 0;
}

static void port_zero_is_never_given_out(void **state)
{
    struct world *w = *state;
    uint32_t p;

    assert_int_equal(evtchn_alloc_unbound(&w->a.ev, DOM_B, &p), 0);
    assert_int_equal(p, 1);
    assert_int_equal(evtchn_close(&w->a.ev, 0, NULL), -EINVAL);
    assert_int_equal(status_of(&w->a.ev, 0).status, EVTCHNSTAT_closed);
}

static void the_lowest_free_port_is_used_again(void **state)
{
    struct world *w = *state;
    uint32_t p[4], i;

    for (i = 0; i < 4; i++)
        assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p[i]), 0);
    assert_int_equal(evtchn_close(&w->a.ev, p[1], NULL), 0);
    assert_int_equal(evtchn_close(&w->a.ev, p[2], NULL), 0);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &i), 0);
    assert_int_equal(i, p[1]);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &i), 0);
    assert_int_equal(i, p[2]);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &i), 0);
    assert_int_equal(i, 5);
}

static void binding_makes_the_local_port_pending_at_once(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify;

    assert_int_equal(evtchn_alloc_unbound(&w->b.ev, DOM_A, &pb), 0);
    assert_int_equal(status_of(&w->b.ev, pb).status, EVTCHNSTAT_unbound);
    assert_int_equal(status_of(&w->b.ev, pb).u.unbound.dom, DOM_A);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb, &pa, &notify), 0);
    assert_int_equal(notify, 0);
    assert_true(evtchn_is_pending(&w->a.ev, pa));
    assert_false(evtchn_is_pending(&w->b.ev, pb));
    assert_true(evtchn_upcall_pending(&w->a.ev, 0));
    assert_int_equal(guest_2l_take(&w->a, 0), pa);
    assert_int_equal(status_of(&w->a.ev, pa).u.interdomain.dom, DOM_B);
    assert_int_equal(status_of(&w->a.ev, pa).u.interdomain.port, pb);
    assert_int_equal(status_of(&w->b.ev, pb).u.interdomain.dom, DOM_A);
    assert_int_equal(status_of(&w->b.ev, pb).u.interdomain.port, pa);
}

static void only_the_invited_domain_can_bind(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify;

    assert_int_equal(evtchn_alloc_unbound(&w->b.ev, 3, &pb), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb, &pa, &notify), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb + 1, &pa, &notify), -EINVAL);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, 100000, &pa, &notify), -EINVAL);
    assert_int_equal(w->a.ev.in_use, 0);
    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb, &pa, &notify), -EINVAL);
}

static void a_domain_can_bind_to_itself(void **state)
{
    struct world *w = *state;
    uint32_t p1, p2, notify, where;

    assert_int_equal(evtchn_alloc_unbound(&w->a.ev, DOM_A, &p1), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->a.ev, p1, &p2, &notify), 0);
    assert_int_equal(evtchn_send(&w->a.ev, p2, NULL, &where, &notify), 0);
    assert_int_equal(where, 0);
    assert_true(evtchn_is_pending(&w->a.ev, p1));
    assert_int_equal(evtchn_close(&w->a.ev, p1, NULL), 0);
    assert_int_equal(status_of(&w->a.ev, p2).status, EVTCHNSTAT_unbound);
}

static void closing_one_end_leaves_the_other_unbound(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify, where;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_close(&w->a.ev, pa, NULL), -EAGAIN);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->a.ev), -EAGAIN);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), -EINVAL);
    assert_int_equal(status_of(&w->b.ev, pb).status, EVTCHNSTAT_unbound);
    assert_int_equal(status_of(&w->b.ev, pb).u.unbound.dom, DOM_A);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb, &pa, &notify), 0);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(where, EVTCHN_SENT_TO_PEER);
}

static void ports_bound_to_a_dead_domain_become_unbound(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, qa, p;

    bind_pair(w, &pa, &pb);
    bind_pair(w, &qa, &pb);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), 0);
    evtchn_forget_peer(&w->a.ev, DOM_B + 1);
    assert_int_equal(status_of(&w->a.ev, pa).status, EVTCHNSTAT_interdomain);
    evtchn_forget_peer(&w->a.ev, DOM_B);
    assert_int_equal(status_of(&w->a.ev, pa).status, EVTCHNSTAT_unbound);
    assert_int_equal(status_of(&w->a.ev, p).status, EVTCHNSTAT_ipi);
    assert_int_equal(evtchn_close(&w->a.ev, qa, NULL), 0);
}

static void closing_does_not_touch_the_next_domain_with_that_id(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, p;

    bind_pair(w, &pa, &pb);
    evtchn_fini(&w->b.ev);
    assert_int_equal(world_domain_init(&w->b, DOM_B), 0);
    assert_int_equal(evtchn_bind_ipi(&w->b.ev, 0, &p), 0);
    assert_int_equal(p, pb);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(status_of(&w->b.ev, p).status, EVTCHNSTAT_ipi);
}

static void a_virq_is_bound_once(void **state)
{
    struct world *w = *state;
    uint32_t p, q;

    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 1, &p), 0);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 1, &q), -EEXIST);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 2, &q), 0);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_CONSOLE, 1, &q), -EINVAL);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_CONSOLE, 0, &q), 0);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_CONSOLE, 0, &q), -EEXIST);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, 24, 0, &q), -EINVAL);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, ~0U, 0, &q), -EINVAL);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, WORLD_VCPUS, &q), -ENOENT);
    assert_int_equal(status_of(&w->a.ev, p).status, EVTCHNSTAT_virq);
    assert_int_equal(status_of(&w->a.ev, p).u.virq, VIRQ_TIMER);
    assert_int_equal(status_of(&w->a.ev, p).vcpu, 1);
    assert_int_equal(evtchn_close(&w->a.ev, p, NULL), 0);
    assert_int_equal(evtchn_raise_virq(&w->a.ev, VIRQ_TIMER, 1), EVTCHN_NOTIFY_NONE);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 1, &p), 0);
}

static void a_virq_goes_to_its_vcpu(void **state)
{
    struct world *w = *state;
    uint32_t timer, console;

    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 2, &timer), 0);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_CONSOLE, 0, &console), 0);
    assert_int_equal(evtchn_raise_virq(&w->a.ev, VIRQ_TIMER, 0), EVTCHN_NOTIFY_NONE);
    assert_int_equal(evtchn_raise_virq(&w->a.ev, VIRQ_TIMER, 2), 2);
    assert_int_equal(guest_2l_take(&w->a, 2), timer);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, timer, 3), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, console, 3), 0);
    assert_int_equal(evtchn_raise_virq(&w->a.ev, VIRQ_CONSOLE, 0), 3);
    assert_int_equal(guest_2l_take(&w->a, 3), console);
}

static void ipis_stay_with_their_vcpu(void **state)
{
    struct world *w = *state;
    uint32_t p, notify, where;

    assert_int_equal(evtchn_bind_ipi(&w->a.ev, WORLD_VCPUS, &p), -ENOENT);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 3, &p), 0);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, p, 1), -EINVAL);
    assert_int_equal(evtchn_send(&w->a.ev, p, NULL, &where, &notify), 0);
    assert_int_equal(where, 0);
    assert_int_equal(notify, 3);
    assert_int_equal(status_of(&w->a.ev, p).status, EVTCHNSTAT_ipi);
}

static void bind_vcpu_checks_port_and_vcpu(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify, where;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, pa, WORLD_VCPUS), -ENOENT);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, 77, 1), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, 1U << 30, 1), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(&w->a.ev, pa, 1), 0);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, 1);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(status_of(&w->a.ev, pa).vcpu, 0);
}

static void sending_on_what_is_no_channel_is_an_error(void **state)
{
    struct world *w = *state;
    uint32_t p, notify, where;

    assert_int_equal(evtchn_send(&w->a.ev, 9, NULL, &where, &notify), -EINVAL);
    assert_int_equal(evtchn_send(&w->a.ev, 1U << 31, NULL, &where, &notify), -EINVAL);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 0, &p), 0);
    assert_int_equal(evtchn_send(&w->a.ev, p, NULL, &where, &notify), -EINVAL);
}

static void a_pending_port_notifies_once(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify, where;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, 0);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    world_info(&w->a, 0)->evtchn_upcall_pending = 0;
    world_info(&w->a, 0)->evtchn_pending_sel = 0;
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    world_info(&w->a, 0)->evtchn_upcall_pending = 1;
    world_info(&w->a, 0)->evtchn_pending_sel = 1;
    /* The guest cleared the port but not yet the upcall byte: still no second upcall. */
    assert_int_equal(guest_2l_take(&w->a, 0), pa);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    assert_true(evtchn_is_pending(&w->a.ev, pa));
}

static void unmask_delivers_an_event_that_became_pending_while_masked(void **state)
{
    struct world *w = *state;
    struct shared_info *s = (struct shared_info *)(void *)w->a.shared;
    uint32_t pa, pb, notify, where;

    bind_pair(w, &pa, &pb);
    s->evtchn_mask[0] = 1UL << pa;
    assert_true(evtchn_is_masked(&w->a.ev, pa));
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    assert_true(evtchn_is_pending(&w->a.ev, pa));
    assert_int_equal(evtchn_unmask(&w->a.ev, pa, &notify), 0);
    assert_int_equal(notify, 0);
    assert_int_equal(guest_2l_take(&w->a, 0), pa);
    world_info(&w->a, 0)->evtchn_upcall_pending = 0;
    world_info(&w->a, 0)->evtchn_pending_sel = 0;
    s->evtchn_mask[0] = 1UL << pa;
    assert_int_equal(evtchn_unmask(&w->a.ev, pa, &notify), 0);
    assert_int_equal(notify, EVTCHN_NOTIFY_NONE);
    assert_int_equal(s->evtchn_mask[0], 0);
    assert_int_equal(evtchn_unmask(&w->a.ev, 1U << 20, &notify), -EINVAL);
}

static void a_closed_port_is_not_pending_when_reused(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, notify, where;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), 0);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &notify), 0);
    assert_int_equal(notify, pa);
    assert_false(evtchn_is_pending(&w->a.ev, pa));
}

static void two_levels_have_4096_ports_and_1024_for_32_bit_guests(void **state)
{
    struct world *w = *state;
    uint32_t p = 0, i;

    w->a.ev.shared_32bit = true;
    for (i = 1; i < 1024; i++)
        assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), 0);
    assert_int_equal(p, 1023);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), -ENOSPC);
    w->a.ev.shared_32bit = false;
    for (; i < 4096; i++)
        assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), 0);
    assert_int_equal(p, 4095);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), -ENOSPC);
    assert_int_equal(evtchn_set_pending(&w->a.ev, 4095), 0);
    assert_int_equal(guest_2l_take(&w->a, 0), 4095);
    /* Ports that the smaller layout has no bits for are quiet, and touch nothing else. */
    w->a.ev.shared_32bit = true;
    assert_int_equal(evtchn_set_pending(&w->a.ev, 4000), EVTCHN_NOTIFY_NONE);
    assert_false(evtchn_is_pending(&w->a.ev, 4000));
    assert_true(evtchn_is_masked(&w->a.ev, 4000));
}

static void the_32_bit_layout_has_its_own_places(void **state)
{
    struct world *w = *state;
    uint32_t p = 0, notify;

    w->a.ev.shared_32bit = true;
    while (p < 100)
        assert_int_equal(evtchn_bind_ipi(&w->a.ev, 1, &p), 0);
    w->a.shared[2176 + 100 / 8] = 1 << (100 % 8);
    assert_int_equal(evtchn_set_pending(&w->a.ev, 100), EVTCHN_NOTIFY_NONE);
    assert_int_equal(w->a.shared[2048 + 100 / 8], 1 << (100 % 8));
    assert_int_equal(evtchn_unmask(&w->a.ev, 100, &notify), 0);
    assert_int_equal(notify, 1);
    assert_int_equal(*(uint32_t *)(void *)&w->a.shared[64 + 4], 1U << (100 / 32));
    assert_int_equal(w->a.shared[64], 1);
}

static void max_port_limits_allocation(void **state)
{
    struct evtchn_domain d;
    uint32_t p = 0, i;

    (void)state;
    assert_int_equal(evtchn_init(&d, 1, 10, 1, world_alloc, world_free), 0);
    for (i = 1; i <= 10; i++)
        assert_int_equal(evtchn_bind_ipi(&d, 0, &p), 0);
    assert_int_equal(p, 10);
    assert_int_equal(evtchn_bind_ipi(&d, 0, &p), -ENOSPC);
    evtchn_fini(&d);
}

static void every_failed_allocation_is_enomem_and_leaks_nothing(void **state)
{
    struct evtchn_domain d;
    uint32_t p, i;
    long live = world_live_allocs;

    (void)state;
    for (i = 0; i < 3; i++) {
        world_allocs_left = i;
        assert_int_equal(evtchn_init(&d, 1, 4095, 2, world_alloc, world_free), -ENOMEM);
        assert_int_equal(world_live_allocs, live);
    }
    world_allocs_left = 3;
    assert_int_equal(evtchn_init(&d, 1, 4095, 2, world_alloc, world_free), 0);
    for (i = 1; i < EVTCHN_PER_BUCKET; i++)
        assert_int_equal(evtchn_bind_ipi(&d, 0, &p), 0);
    assert_int_equal(evtchn_bind_ipi(&d, 0, &p), -ENOMEM);
    assert_int_equal(d.in_use, EVTCHN_PER_BUCKET - 1);
    world_allocs_left = -1;
    assert_int_equal(evtchn_bind_ipi(&d, 0, &p), 0);
    assert_int_equal(p, EVTCHN_PER_BUCKET);
    evtchn_fini(&d);
    assert_int_equal(world_live_allocs, live);
}

static void the_hypervisors_own_ports_are_out_of_the_guests_reach(void **state)
{
    struct world *w = *state;
    struct evtchn_status s = { 0 };
    struct evtchn_target to;
    uint32_t pa, pb, notify, where;
    bool xen;

    assert_int_equal(evtchn_alloc_unbound_xen(&w->b.ev, DOM_A, 2, &pb), 0);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->b.ev, pb, &pa, &notify), 0);
    s.port = pb;
    assert_int_equal(evtchn_status(&w->b.ev, &s), -EACCES);
    assert_int_equal(evtchn_close(&w->b.ev, pb, &w->a.ev), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(&w->b.ev, pb, 0), -EINVAL);
    assert_int_equal(evtchn_send(&w->b.ev, pb, &w->a.ev, &where, &notify), -EINVAL);
    /* The emulator's send reaches us, no bit of the guest changes. */
    assert_int_equal(evtchn_send(&w->a.ev, pa, &w->b.ev, &where, &notify), 0);
    assert_int_equal(where, EVTCHN_SENT_TO_PEER | EVTCHN_SENT_TO_XEN);
    assert_int_equal(notify, 2);
    assert_false(evtchn_is_pending(&w->b.ev, pb));
    /* And we can send to the emulator. */
    while (guest_2l_take(&w->a, 0) != 0)
        ;
    world_info(&w->a, 0)->evtchn_upcall_pending = 0;
    assert_int_equal(evtchn_send_lookup(&w->b.ev, pb, false, &to), 0);
    assert_int_equal(to.domid, DOM_A);
    assert_int_equal(evtchn_deliver(&w->a.ev, &to, &xen), 0);
    assert_false(xen);
    assert_int_equal(guest_2l_take(&w->a, 0), pa);
    assert_int_equal(evtchn_reset(&w->b.ev), 0);
    assert_int_equal(w->b.ev.in_use, 1);
    assert_int_equal(evtchn_close_xen(&w->b.ev, pb, &w->a.ev), 0);
    assert_int_equal(w->b.ev.in_use, 0);
    assert_int_equal(status_of(&w->a.ev, pa).status, EVTCHNSTAT_unbound);
}

static void an_event_for_a_binding_that_went_away_is_dropped(void **state)
{
    struct world *w = *state;
    struct evtchn_target to;
    uint32_t pa, pb, p, notify;
    bool xen;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_send_lookup(&w->b.ev, pb, true, &to), 0);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(evtchn_deliver(&w->a.ev, &to, &xen), EVTCHN_NOTIFY_NONE);
    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 0, &p), 0);
    assert_int_equal(p, pa);
    assert_int_equal(evtchn_deliver(&w->a.ev, &to, &xen), EVTCHN_NOTIFY_NONE);
    assert_false(evtchn_is_pending(&w->a.ev, pa));
    /*
     * Even if the new binding's far end has the same number, in another domain: here, in a itself.
     */
    assert_int_equal(evtchn_close(&w->a.ev, pa, NULL), 0);
    assert_int_equal(evtchn_alloc_unbound(&w->a.ev, DOM_A, &p), 0);
    assert_int_equal(p, pa);
    assert_int_equal(evtchn_bind_interdomain(&w->a.ev, &w->a.ev, pa, &p, &notify), 0);
    to.from_port = p;
    assert_int_equal(evtchn_deliver(&w->a.ev, &to, &xen), EVTCHN_NOTIFY_NONE);
    assert_false(evtchn_is_pending(&w->a.ev, pa));
    to.from = DOM_A;
    (void)evtchn_deliver(&w->a.ev, &to, &xen);
    assert_true(evtchn_is_pending(&w->a.ev, pa));
}

static void reset_closes_what_has_no_peer_and_asks_for_the_rest(void **state)
{
    struct world *w = *state;
    uint32_t pa, pb, p;
    domid_t peer;

    bind_pair(w, &pa, &pb);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 0, &p), 0);
    assert_int_equal(evtchn_alloc_unbound(&w->a.ev, 9, &p), 0);
    assert_int_equal(evtchn_reset(&w->a.ev), -EAGAIN);
    assert_true(evtchn_peer(&w->a.ev, pa, &peer, &p));
    assert_int_equal(peer, DOM_B);
    assert_int_equal(p, pb);
    assert_int_equal(evtchn_close(&w->a.ev, pa, &w->b.ev), 0);
    assert_int_equal(evtchn_reset(&w->a.ev), 0);
    assert_int_equal(w->a.ev.in_use, 0);
    assert_int_equal(evtchn_next_open(&w->a.ev, 0, true), EVTCHN_MAX_PORTS);
    assert_int_equal(evtchn_next_open(&w->b.ev, 0, true), pb);
    assert_int_equal(evtchn_bind_virq(&w->a.ev, VIRQ_TIMER, 0, &p), 0);
    assert_int_equal(p, 1);
}

static void a_vcpu_info_that_moves_keeps_its_content_and_forces_an_upcall(void **state)
{
    struct world *w = *state;
    _Alignas(64) struct vcpu_info there;
    uint32_t p;

    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 1, &p), 0);
    world_info(&w->a, 1)->time.system_time = 0x1234;
    memset(&there, 0, sizeof(there));
    evtchn_set_vcpu_info(&w->a.ev, 1, &there);
    assert_int_equal(there.time.system_time, 0x1234);
    assert_int_equal(there.evtchn_upcall_pending, 1);
    assert_true(there.evtchn_pending_sel == ~0UL);
    assert_true(evtchn_upcall_pending(&w->a.ev, 1));
    there.evtchn_upcall_pending = 0;
    there.evtchn_pending_sel = 0;
    assert_int_equal(evtchn_set_pending(&w->a.ev, p), 1);
    assert_int_equal(guest_2l_take(&w->a, 1), p);
    evtchn_set_vcpu_info(&w->a.ev, 1, NULL);
    assert_int_equal(evtchn_set_pending(&w->a.ev, p), EVTCHN_NOTIFY_NONE);
    assert_false(evtchn_upcall_pending(&w->a.ev, 1));
    /* What was lost to nowhere is found when there is a place again. */
    memset(&there, 0, sizeof(there));
    evtchn_set_vcpu_info(&w->a.ev, 1, &there);
    assert_int_equal(guest_2l_take(&w->a, 1), p);
}

static void priorities_are_for_fifo_only(void **state)
{
    struct world *w = *state;
    uint32_t p;

    assert_int_equal(evtchn_bind_ipi(&w->a.ev, 1, &p), 0);
    assert_int_equal(evtchn_set_priority(&w->a.ev, p, 3), -ENOSYS);
    assert_int_equal(evtchn_set_priority(&w->a.ev, 1U << 20, 3), -EINVAL);
    assert_int_equal(evtchn_fifo_expand(&w->a.ev, w->a.words[0]), -EOPNOTSUPP);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(port_zero_is_never_given_out),
        T(the_lowest_free_port_is_used_again),
        T(binding_makes_the_local_port_pending_at_once),
        T(only_the_invited_domain_can_bind),
        T(a_domain_can_bind_to_itself),
        T(closing_one_end_leaves_the_other_unbound),
        T(ports_bound_to_a_dead_domain_become_unbound),
        T(closing_does_not_touch_the_next_domain_with_that_id),
        T(a_virq_is_bound_once),
        T(a_virq_goes_to_its_vcpu),
        T(ipis_stay_with_their_vcpu),
        T(bind_vcpu_checks_port_and_vcpu),
        T(sending_on_what_is_no_channel_is_an_error),
        T(a_pending_port_notifies_once),
        T(unmask_delivers_an_event_that_became_pending_while_masked),
        T(a_closed_port_is_not_pending_when_reused),
        T(two_levels_have_4096_ports_and_1024_for_32_bit_guests),
        T(the_32_bit_layout_has_its_own_places),
        T(max_port_limits_allocation),
        T(every_failed_allocation_is_enomem_and_leaks_nothing),
        T(the_hypervisors_own_ports_are_out_of_the_guests_reach),
        T(an_event_for_a_binding_that_went_away_is_dropped),
        T(reset_closes_what_has_no_peer_and_asks_for_the_rest),
        T(a_vcpu_info_that_moves_keeps_its_content_and_forces_an_upcall),
        T(priorities_are_for_fifo_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
