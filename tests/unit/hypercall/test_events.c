/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels, blocking, timers and shared areas through the door. */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mm/frames.h>
#include <x86/softirq.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define EVTCHN(v, cmd, arg) OP(v, __HYPERVISOR_event_channel_op, cmd, arg)

static void map_shared_info(struct vcpu *v, uint64_t gfn)
{
    struct xen_add_to_physmap a = { .domid = DOMID_SELF,
                                    .space = XENMAPSPACE_shared_info,
                                    .gpfn = gfn };

    assert_int_equal(OP(v, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a), 0);
}

static uint32_t guest_port_for_dom0(void)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = 0 };

    assert_int_equal(EVTCHN(world.g0, EVTCHNOP_alloc_unbound, &a), 0);
    return a.port;
}

static void an_interdomain_channel_carries_events_both_ways(void **state)
{
    struct evtchn_bind_interdomain b = { .remote_dom = 1, .remote_port = guest_port_for_dom0() };
    struct evtchn_send s;
    struct shared_info *info = world.guest->shared_info;

    (void)state;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_bind_interdomain, &b), 0);
    /* The new end is told to look at once. */
    assert_true(evtchn_is_pending(&world.dom0->evtchn, b.local_port));
    s.port = b.local_port;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_send, &s), 0);
    assert_true(evtchn_is_pending(&world.guest->evtchn, b.remote_port));
    assert_int_equal(info->vcpu_info[0].evtchn_upcall_pending, 1);
}

static void closing_one_end_leaves_the_other_unbound(void **state)
{
    struct evtchn_bind_interdomain b = { .remote_dom = 1, .remote_port = guest_port_for_dom0() };
    struct evtchn_status st = { .dom = 1 };
    struct evtchn_close c;

    (void)state;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_bind_interdomain, &b), 0);
    c.port = b.local_port;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_close, &c), 0);
    st.port = b.remote_port;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_status, &st), 0);
    assert_int_equal(st.status, EVTCHNSTAT_unbound);
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_close, &c), -EINVAL);
}

static void dom0_may_connect_to_itself(void **state)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };
    struct evtchn_send s;

    (void)state;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_alloc_unbound, &a), 0);
    b.remote_port = a.port;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_bind_interdomain, &b), 0);
    s.port = b.local_port;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_send, &s), 0);
    assert_true(evtchn_is_pending(&world.dom0->evtchn, a.port));
}

static void a_guest_touches_only_its_own_channels(void **state)
{
    struct evtchn_alloc_unbound a = { .dom = 0, .remote_dom = DOMID_SELF };
    struct evtchn_status st = { .dom = 0, .port = 1 };
    struct evtchn_reset r = { .dom = 0 };

    (void)state;
    assert_int_equal(EVTCHN(world.g0, EVTCHNOP_alloc_unbound, &a), -EPERM);
    assert_int_equal(EVTCHN(world.g0, EVTCHNOP_status, &st), -EPERM);
    assert_int_equal(EVTCHN(world.g0, EVTCHNOP_reset, &r), -EPERM);
}

static void fifo_control_and_array_come_up_and_go_with_a_reset(void **state)
{
    struct evtchn_init_control i = { .control_gfn = 0x200, .offset = 0, .vcpu = 0 };
    struct evtchn_expand_array x = { .array_gfn = 0x201 };
    struct evtchn_reset r = { .dom = DOMID_SELF };
    struct frame *control = frame_of(mfn_of(0x200)), *array = frame_of(mfn_of(0x201));

    (void)state;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_init_control, &i), 0);
    assert_int_equal(i.link_bits, EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_init_control, &i), -EINVAL);
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_expand_array, &x), 0);
    assert_int_equal(control->refs, 2);
    assert_int_equal(array->refs, 2);
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_reset, &r), 0);
    assert_int_equal(control->refs, 1);
    assert_int_equal(array->refs, 1);
    assert_false(world.dom0->evtchn.fifo);
}

static void vcpu_info_is_registered_once_with_a_clock_in_it(void **state)
{
    struct vcpu_register_vcpu_info r = { .mfn = 0x210, .offset = 64 };
    uint64_t at = world_put(world.dom0, &r, sizeof(r));
    struct vcpu_info info;

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, at), 0);
    world_get(world.dom0, (0x210 << 12) + 64, &info, sizeof(info));
    assert_int_not_equal(info.time.tsc_to_system_mul, 0);
    assert_int_equal(info.evtchn_upcall_pending, 1);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, at), -EINVAL);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 2, at), -ENOENT);
    assert_int_equal(frame_of(mfn_of(0x210))->refs, 2);
}

static void shared_info_shows_the_time_as_soon_as_it_is_mapped(void **state)
{
    struct shared_info *info;

    (void)state;
    map_shared_info(world.v0, 0x220);
    info = frame_map(world.dom0->shared_info_mfn);
    assert_int_not_equal(info->vcpu_info[0].time.tsc_to_system_mul, 0);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(0x220)).mfn.v,
                     world.dom0->shared_info_mfn.v);
}

static void shared_info_moves_and_the_page_below_is_given_up(void **state)
{
    uint64_t before = world.dom0->tot_pages;

    (void)state;
    map_shared_info(world.v0, 0x220);
    assert_int_equal(world.dom0->tot_pages, before - 1);
    assert_int_equal(frame_of(mfn_of(0x220))->refs, 0);
    map_shared_info(world.v0, 0x221);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(0x220)).type, P2M_HOLE);
    assert_int_equal(p2m_lookup(&world.dom0->p2m, gfn_of(0x221)).type, P2M_SHARED);
    assert_int_equal(frame_of(world.dom0->shared_info_mfn)->refs, 2);
}

static void polling_a_pending_port_does_not_block(void **state)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };
    struct sched_poll p = { .nr_ports = 1 };

    (void)state;
    assert_int_equal(EVTCHN(world.v0, EVTCHNOP_alloc_unbound, &a), 0);
    p.ports.p = (void *)world_put(world.dom0, &a.port, sizeof(a.port));
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    assert_true(world.v0->sched.blocked);
    assert_true(world.v0->polling);
    /* Binding the other end and sending wakes it. */
    b.remote_port = a.port;
    assert_int_equal(EVTCHN(world.v1, EVTCHNOP_bind_interdomain, &b), 0);
    assert_int_equal(EVTCHN(world.v1, EVTCHNOP_send, &((struct evtchn_send){ b.local_port })), 0);
    assert_false(world.v0->sched.blocked);
    assert_false(world.v0->polling);
    ((struct shared_info *)world.dom0->shared_info)->vcpu_info[0].evtchn_upcall_pending = 0;
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    assert_false(world.v0->sched.blocked);
}

static void an_upcall_ends_a_poll_only_if_it_can_be_taken(void **state)
{
    struct shared_info *info = world.dom0->shared_info;
    struct sched_poll p = { .nr_ports = 0 };

    (void)state;
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);   /* loads the vCPU */
    info->vcpu_info[0].evtchn_upcall_pending = 1;
    hw_set_rflags(&world.v0->hw, 2 | RFLAGS_IF);
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    assert_false(world.v0->sched.blocked);
    hw_set_rflags(&world.v0->hw, 2);
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), 0);
    assert_true(world.v0->sched.blocked);
}

static void too_many_or_unknown_ports_are_not_polled(void **state)
{
    struct sched_poll p = { .nr_ports = HYPERCALL_MAX_POLL + 1 };
    uint32_t port = 1000000;

    (void)state;
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), -EINVAL);
    p.nr_ports = 1;
    p.ports.p = (void *)world_put(world.dom0, &port, sizeof(port));
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), -EINVAL);
    p.ports.p = (void *)WORLD_BAD_POINTER;
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_poll, &p), -EFAULT);
    assert_false(world.v0->sched.blocked);
}

static void block_returns_at_once_when_an_event_is_there(void **state)
{
    struct shared_info *info = world.dom0->shared_info;

    (void)state;
    info->vcpu_info[0].evtchn_upcall_pending = 1;
    assert_int_equal(dom0_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0), 0);
    assert_false(world.v0->sched.blocked);
    info->vcpu_info[0].evtchn_upcall_pending = 0;
    assert_int_equal(dom0_call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0), 0);
    assert_true(world.v0->sched.blocked);
}

static void a_deadline_in_the_past_is_accepted(void **state)
{
    struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = 1 };
    uint64_t at = world_put(world.dom0, &t, sizeof(t));

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, at), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 1, at), -EINVAL);
    assert_int_equal(dom0_call(__HYPERVISOR_set_timer_op, ~0UL, 0, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_set_timer_op, 0, 0, 0), 0);
}

static void the_runstate_area_is_written_at_once(void **state)
{
    struct vcpu_register_runstate_memory_area r = { .addr.p = 0x230000 };
    struct vcpu_runstate_info info;
    uint64_t at = world_put(world.dom0, &r, sizeof(r));

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, at),
                     0);
    world_get(world.dom0, 0x230000, &info, sizeof(info));
    assert_in_range(info.state, 0, 3);
    assert_int_not_equal(info.state_entry_time, 0);
    assert_true(world.v0->runstate_registered);
    r.addr.p = WORLD_BAD_POINTER;
    at = world_put(world.dom0, &r, sizeof(r));
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, at),
                     -EFAULT);
    assert_int_equal(world.v0->runstate_va.v, 0x230000);
}

static void vcpus_go_down_and_up_and_the_last_one_ends_the_domain(void **state)
{
    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 1, 0), 1);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_down, 1, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 1, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 1, 0), 1);
    assert_int_equal(guest_call(__HYPERVISOR_vcpu_op, VCPUOP_down, 0, 0), 0);
    assert_true(world.guest->shut_down);
    assert_int_equal(world.guest->shutdown_reason, SHUTDOWN_poweroff);
}

static void a_vcpu_is_initialised_once_with_a_context_that_a_cpu_takes(void **state)
{
    struct vcpu_hvm_context c = { .mode = VCPU_HVM_MODE_32B };
    struct hw_vcpu *before;
    uint64_t at;

    (void)state;
    world.v1->initialised = false;
    world.v1->sipi_wait = true;
    vcpu_offline(world.v1);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0), -EINVAL);
    c.cpu_regs.x86_32 = (xen_vcpu_hvm_x86_32_t){ .eip = 0x1234, .cr0 = CR0_PE, .eflags = 2,
                                                 .cs_limit = ~0U, .cs_ar = 0xc9b, .tr_ar = 0x8b,
                                                 .tr_limit = 0x67 };
    at = world_put(world.dom0, &c, sizeof(c));
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), -EEXIST);
    assert_false(world.v1->sipi_wait);
    before = hw_borrow(&world.v1->hw);
    assert_int_equal(hw_get_rip(&world.v1->hw), 0x1234);
    hw_give_back(&world.v1->hw, before);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_up, 1, 0), 0);
    assert_false(world.v1->sched.down);
}

static void a_context_that_no_cpu_takes_is_einval(void **state)
{
    struct vcpu_hvm_context c = { .mode = 7 };

    (void)state;
    world.v1->initialised = false;
    vcpu_offline(world.v1);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1,
                               world_put(world.dom0, &c, sizeof(c))), -EINVAL);
    c.mode = VCPU_HVM_MODE_64B;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1,
                               world_put(world.dom0, &c, sizeof(c))), -EINVAL);
    c.mode = VCPU_HVM_MODE_32B;
    c.cpu_regs.x86_32.cs_ar = 0xc9b;
    c.cpu_regs.x86_32.cr4 = CR4_SMEP;         /* which CPUID does not show */
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1,
                               world_put(world.dom0, &c, sizeof(c))), -EINVAL);
    c.cpu_regs.x86_32.cr4 = 0;
    c.cpu_regs.x86_32.cr0 = CR0_PG;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1,
                               world_put(world.dom0, &c, sizeof(c))), -EINVAL);
    assert_false(world.v1->initialised);
}

static void the_callback_and_upcall_vectors_are_remembered(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ,
                               .value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | 0xf3 };
    struct xen_hvm_evtchn_upcall_vector u = { .vcpu = 1, .vector = 0xf3 };

    (void)state;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    assert_true(world.dom0->has_callback_vector);
    assert_int_equal(world.dom0->callback_vector, 0xf3);
    p.value = 1;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    assert_false(world.dom0->has_callback_vector);
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &u), 0);
    assert_int_equal(world.v1->upcall_vector, 0xf3);
    u.vector = 15;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &u),
                     -EINVAL);
    u = (struct xen_hvm_evtchn_upcall_vector){ .vcpu = 9, .vector = 0xf3 };
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &u),
                     -ENOENT);
}

static void dom0_finds_its_store_port_zero(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_STORE_EVTCHN, .value = 77 };

    (void)state;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_get_param, &p), 0);
    assert_int_equal(p.value, 0);
}

static void a_guest_cannot_set_the_toolstacks_params(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_IOREQ_PFN, .value = 5 };

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), -EPERM);
    p.domid = 0;
    assert_int_equal(OP(world.g0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), -EPERM);
    p.domid = 1;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    p.value = 6;
    assert_int_equal(OP(world.v0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), -EEXIST);
}

static void a_watchdog_that_is_not_fed_ends_the_domain(void **state)
{
    struct sched_watchdog w = { .timeout = 30 };

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), 1);
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), 2);
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), -ENOSPC);
    w = (struct sched_watchdog){ .id = 2 };
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), 0);
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), -EINVAL);
    fake_time_advance(20 * NS_PER_SEC);
    w = (struct sched_watchdog){ .id = 1, .timeout = 30 };
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_watchdog, &w), 0);
    fake_time_advance(20 * NS_PER_SEC);
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
    assert_false(world.guest->shut_down);
    fake_time_advance(20 * NS_PER_SEC);
    softirq_raise(SOFTIRQ_TIMER);
    softirq_run();
    assert_true(world.guest->shut_down);
    assert_int_equal(world.guest->shutdown_reason, SHUTDOWN_watchdog);
}

static void a_guest_may_shut_itself_down_and_dom0_any_other(void **state)
{
    struct sched_remote_shutdown r = { .domain_id = 1, .reason = SHUTDOWN_suspend };

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &r), -EPERM);
    assert_int_equal(OP(world.v0, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &r), 0);
    assert_true(world.guest->shut_down);
    assert_int_equal(world.guest->shutdown_reason, SHUTDOWN_suspend);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(an_interdomain_channel_carries_events_both_ways),
        T(closing_one_end_leaves_the_other_unbound),
        T(dom0_may_connect_to_itself),
        T(a_guest_touches_only_its_own_channels),
        T(fifo_control_and_array_come_up_and_go_with_a_reset),
        T(vcpu_info_is_registered_once_with_a_clock_in_it),
        T(shared_info_shows_the_time_as_soon_as_it_is_mapped),
        T(shared_info_moves_and_the_page_below_is_given_up),
        T(polling_a_pending_port_does_not_block),
        T(an_upcall_ends_a_poll_only_if_it_can_be_taken),
        T(too_many_or_unknown_ports_are_not_polled),
        T(block_returns_at_once_when_an_event_is_there),
        T(a_deadline_in_the_past_is_accepted),
        T(the_runstate_area_is_written_at_once),
        T(vcpus_go_down_and_up_and_the_last_one_ends_the_domain),
        T(a_vcpu_is_initialised_once_with_a_context_that_a_cpu_takes),
        T(a_context_that_no_cpu_takes_is_einval),
        T(the_callback_and_upcall_vectors_are_remembered),
        T(dom0_finds_its_store_port_zero),
        T(a_guest_cannot_set_the_toolstacks_params),
        T(a_watchdog_that_is_not_fed_ends_the_domain),
        T(a_guest_may_shut_itself_down_and_dom0_any_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
