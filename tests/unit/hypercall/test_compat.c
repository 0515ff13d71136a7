/* SPDX-License-Identifier: BSD-2-Clause */
/* A 32-bit caller and a 64-bit one with the same request: same result, same effect. */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define AT32(data) ((uint32_t)world_put(world.guest, &(data), sizeof(data)))

static int64_t call32(uint64_t nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
    int64_t rc;

    world.bits32 = true;
    rc = world_call(world.g0, nr, a0, a1, a2, 0);
    world.bits32 = false;
    return rc;
}

static void the_callers_upper_halves_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(call32(0xffffffff00000000UL | __HYPERVISOR_xen_version,
                            0xdead00000000UL | XENVER_version, 0, 0),
                     0x40011);
    assert_int_equal(call32(63, 0, 0, 0), -ENOSYS);
}

static void poll_and_timer_arguments_are_widened(void **state)
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = 0 };
    struct { uint32_t ports, n, timeout_lo, timeout_hi; } poll = { 0, 1, 0x77359400, 0 };
    struct { uint32_t lo, hi, flags; } shot = { 0x77359400, 1, 0 };
    uint32_t at;

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a), 0);
    poll.ports = AT32(a.port);
    at = AT32(poll);
    assert_int_equal(call32(__HYPERVISOR_sched_op, SCHEDOP_poll, at, 0), 0);
    assert_true(world.g0->polling);
    assert_int_equal(world.g0->poll_timer.expires, 2000000000);
    assert_int_equal(call32(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, AT32(shot)), 0);
    assert_int_equal(world.g0->singleshot_timer.expires, 0x177359400);
    /* In two registers. */
    assert_int_equal(call32(__HYPERVISOR_set_timer_op, 5, 1, 0), 0);
    assert_int_equal(world.g0->singleshot_timer.expires, 0x100000005);
}

static void the_runstate_record_is_packed(void **state)
{
    struct { uint32_t address, pad; } area = { 0x90000, 0 };
    struct { uint32_t state, entry[2], time[4][2]; } small;
    struct vcpu_runstate_info big;

    (void)state;
    assert_int_equal(
        call32(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, AT32(area)), 0);
    world_get(world.guest, 0x90000, &small, sizeof(small));
    assert_int_equal(guest_call(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, 0x91000), 0);
    world_get(world.guest, 0x91000, &big, sizeof(big));
    assert_int_equal(small.state, big.state);
    assert_memory_equal(small.entry, &big.state_entry_time, 8);
}

static void the_memory_map_count_comes_back(void **state)
{
    struct { uint32_t n, buffer; } m = { 9, 0x92000 };
    uint32_t at = AT32(m);

    (void)state;
    assert_int_equal(call32(__HYPERVISOR_memory_op, XENMEM_memory_map, at, 0), 0);
    world_get(world.guest, at, &m, sizeof(m));
    assert_int_equal(m.n, 1);
    assert_int_equal(m.buffer, 0x92000);
}

static void parameters_have_one_layout(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF,
                               .index = HVM_PARAM_VM86_TSS_SIZED,
                               .value = 0x8000012345 };
    uint32_t at = AT32(p);

    (void)state;
    assert_int_equal(call32(__HYPERVISOR_hvm_op, HVMOP_set_param, at, 0), 0);
    p.value = 0;
    assert_int_equal(OP(world.g0, __HYPERVISOR_hvm_op, HVMOP_get_param, &p), 0);
    assert_int_equal(p.value, 0x8000012345);
}

static void setting_the_callback_decides_the_layout_of_shared_info(void **state)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 0 };
    const uint32_t *wc32 = (const void *)((char *)world.guest->shared_info + 2304);
    uint32_t at = AT32(p);

    (void)state;
    assert_int_equal(call32(__HYPERVISOR_hvm_op, HVMOP_set_param, at, 0), 0);
    assert_true(world.guest->shared_32bit);
    assert_true(world.guest->evtchn.shared_32bit);
    assert_int_equal(wc32[1], 1700000000);
    assert_int_equal(OP(world.g0, __HYPERVISOR_hvm_op, HVMOP_set_param, &p), 0);
    assert_false(world.guest->shared_32bit);
}

static void grants_are_copied_for_32_bit_callers_too(void **state)
{
    struct {
        uint32_t s_gmfn;
        uint16_t s_dom, s_off;
        uint32_t d_gmfn;
        uint16_t d_dom, d_off, len, flags;
        int16_t status;
        uint16_t pad;
    } c = { 0x90, DOMID_SELF, 8, 0x91, DOMID_SELF, 16, 4, 0, 9, 0 };
    struct {
        uint16_t dom, pad;
        uint32_t n;
        int16_t status, pad2;
        uint32_t list;
    } s = { DOMID_SELF, 0, 2, 9, 0, 0x92000 };
    uint32_t at, list[3] = { 7, 7, 7 };
    char text[4];

    (void)state;
    world_put_at(world.guest, 0x90008, "copy", 4);
    at = AT32(c);
    assert_int_equal(call32(__HYPERVISOR_grant_table_op, GNTTABOP_copy, at, 1), 0);
    world_get(world.guest, at, &c, sizeof(c));
    assert_int_equal(c.status, GNTST_okay);
    world_get(world.guest, 0x91010, text, 4);
    assert_memory_equal(text, "copy", 4);
    world_put_at(world.guest, 0x92000, list, sizeof(list));
    at = AT32(s);
    assert_int_equal(call32(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, at, 1), 0);
    world_get(world.guest, 0x92000, list, sizeof(list));
    assert_int_equal(list[1], ~0U);
    assert_int_equal(list[2], 7);
    assert_int_equal(world.guest->grants.frame_count, 2);
}

static void multicall_entries_are_half_as_large(void **state)
{
    struct { uint32_t op, result, args[6]; } e[2] = {
        { __HYPERVISOR_xen_version, 0, { XENVER_version } }, { 63, 0, { 0 } },
    };
    uint32_t at = AT32(e);

    (void)state;
    assert_int_equal(call32(__HYPERVISOR_multicall, at, 2, 0), 0);
    world_get(world.guest, at, e, sizeof(e));
    assert_int_equal(e[0].result, 0x40011);
    assert_int_equal((int32_t)e[1].result, -ENOSYS);
    assert_int_equal(e[1].op, 63);
}

static void moving_a_page_leaves_the_argument_as_it_was(void **state)
{
    struct {
        uint16_t domid, size;
        uint32_t space, idx, gpfn;
    } a = { DOMID_SELF, 0, XENMAPSPACE_gmfn, 5, 0x700 };
    struct { uint16_t domid, pad; uint32_t gpfn; } r = { DOMID_SELF, 0, 0x700 };
    uint32_t at = AT32(a);

    (void)state;
    assert_int_equal(call32(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, at, 0), 0);
    world_get(world.guest, at, &a, sizeof(a));
    assert_int_equal(a.idx, 5);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x700)).type, P2M_RAM_RW);
    assert_int_equal(call32(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, AT32(r), 0), 0);
    assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(0x700)).type, P2M_HOLE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(the_callers_upper_halves_do_not_matter),
        T(poll_and_timer_arguments_are_widened),
        T(the_runstate_record_is_packed),
        T(the_memory_map_count_comes_back),
        T(parameters_have_one_layout),
        T(setting_the_callback_decides_the_layout_of_shared_info),
        T(grants_are_copied_for_32_bit_callers_too),
        T(multicall_entries_are_half_as_large),
        T(moving_a_page_leaves_the_argument_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
