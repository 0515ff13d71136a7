/* SPDX-License-Identifier: BSD-2-Clause */
/* What holds for every op there is: walks the tables themselves. */
#include "world.h"

#include "ctl.h"
#include "door.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <x86/softirq.h>
#include <xen/memory.h>
#include <xen/version.h>

struct table {
    uint64_t nr;
    const struct hc_table *t;
    unsigned int at; /* index of the pointer argument */
};
static const struct table tables[] = {
    { __HYPERVISOR_event_channel_op, &hc_evtchn_table, 1 },
    { __HYPERVISOR_memory_op, &hc_memory_table, 1 },
    { __HYPERVISOR_hvm_op, &hc_hvm_table, 1 },
    { __HYPERVISOR_sched_op, &hc_sched_table, 1 },
    { __HYPERVISOR_vcpu_op, &hc_vcpu_table, 2 },
    { __HYPERVISOR_physdev_op, &hc_physdev_table, 1 },
};

static int64_t call_at(struct vcpu *v, const struct table *t, uint64_t cmd, uint64_t at)
{
    return t->at == 1 ? world_call(v, t->nr, cmd, at, 0, 0)
                      : world_call(v, t->nr, cmd, v->id, at, 0);
}

static void every_hole_of_the_first_table_is_enosys(void **state)
{
    (void)state;
    for (uint64_t nr = 0; nr < 256; nr++) {
        if (nr < HYPERCALL_COUNT && hc_entries[nr].fn)
            continue;
        assert_int_equal(dom0_call(nr, 1, 2, 3), -ENOSYS);
        assert_int_equal(guest_call(nr, 1, 2, 3), -ENOSYS);
    }
    assert_int_equal(dom0_call(UINT64_MAX, 0, 0, 0), -ENOSYS);
    assert_int_equal(dom0_call(1UL << 32, 0, 0, 0), -ENOSYS);
}

static void every_hole_of_a_sub_op_table_is_enosys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        for (uint64_t cmd = 0; cmd < 64; cmd++)
            if (cmd >= tables[i].t->count || !tables[i].t->op[cmd].fn)
                assert_int_equal(call_at(world.v0, &tables[i], cmd, WORLD_BAD_POINTER), -ENOSYS);
}

static void a_bad_pointer_is_efault_and_changes_nothing(void **state)
{
    (void)state;
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);   /* loads the vCPU */
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        for (uint64_t cmd = 0; cmd < tables[i].t->count; cmd++) {
            const struct hc_op *op = &tables[i].t->op[cmd];
            struct world_picture *p;

            if (!op->fn || op->size == 0)
                continue;
            p = world_picture_take();
            assert_int_equal(call_at(world.v0, &tables[i], cmd, WORLD_BAD_POINTER), -EFAULT);
            assert_int_equal(call_at(world.v0, &tables[i], cmd, ~0UL - 7), -EFAULT);
            assert_true(world_picture_same(p));
        }
}

/* The argument straddles the end of memory: its head can be read, its tail cannot. */
static void half_an_argument_is_efault(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        for (uint64_t cmd = 0; cmd < tables[i].t->count; cmd++) {
            const struct hc_op *op = &tables[i].t->op[cmd];

            if (op->fn && op->size > 4)
                assert_int_equal(call_at(world.v0, &tables[i], cmd, WORLD_DOM0_RAM - 4), -EFAULT);
        }
}

static void privileged_ops_are_eperm_for_a_guest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        for (uint64_t cmd = 0; cmd < tables[i].t->count; cmd++)
            if (tables[i].t->op[cmd].fn && (tables[i].t->op[cmd].who & HC_DOM0))
                assert_int_equal(call_at(world.g0, &tables[i], cmd, WORLD_BAD_POINTER), -EPERM);
    assert_int_equal(guest_call(__HYPERVISOR_domctl, WORLD_BAD_POINTER, 0, 0), -EPERM);
    assert_int_equal(guest_call(__HYPERVISOR_sysctl, WORLD_BAD_POINTER, 0, 0), -EPERM);
    assert_int_equal(guest_call(__HYPERVISOR_platform_op, WORLD_BAD_POINTER, 0, 0), -EPERM);
    assert_int_equal(guest_call(__HYPERVISOR_dm_op, 0, 0, 0), -EPERM);
}

static const struct {
    uint64_t nr;
    const struct ctl_op *op;
    const size_t *count;
    uint32_t version;
} ctls[] = {
    { __HYPERVISOR_domctl, ctl_domctls, &ctl_domctl_count, XEN_DOMCTL_INTERFACE_VERSION },
    { __HYPERVISOR_sysctl, ctl_sysctls, &ctl_sysctl_count, XEN_SYSCTL_INTERFACE_VERSION },
    { __HYPERVISOR_platform_op, ctl_platform_ops, &ctl_platform_count, XENPF_INTERFACE_VERSION },
};

/* cmd and version stand at the same place in all three. */
static int64_t ctl_with(unsigned int kind, uint32_t cmd, uint32_t version)
{
    struct xen_domctl d;

    memset(&d, 0, sizeof(d));
    d.cmd = cmd;
    d.interface_version = version;
    return world_ctl(ctls[kind].nr, &d, sizeof(d));
}

static void a_wrong_interface_version_is_eacces(void **state)
{
    (void)state;
    for (unsigned int k = 0; k < 3; k++)
        for (uint32_t cmd = 0; cmd < 100; cmd++) {
            assert_int_equal(ctl_with(k, cmd, ctls[k].version + 1), -EACCES);
            assert_int_equal(ctl_with(k, cmd, ctls[k].version - 1), -EACCES);
            assert_int_equal(ctl_with(k, cmd, 0), -EACCES);
        }
}

static void control_ops_with_bad_pointers_are_efault(void **state)
{
    (void)state;
    for (unsigned int k = 0; k < 3; k++) {
        assert_int_equal(dom0_call(ctls[k].nr, WORLD_BAD_POINTER, 0, 0), -EFAULT);
        assert_int_equal(dom0_call(ctls[k].nr, WORLD_DOM0_RAM - 16, 0, 0), -EFAULT);
    }
}

static void holes_of_control_ops_are_enosys(void **state)
{
    (void)state;
    for (unsigned int k = 0; k < 3; k++)
        for (uint32_t cmd = 0; cmd < 1100; cmd++)
            if (cmd >= *ctls[k].count || !ctls[k].op[cmd].fn)
                assert_int_equal(ctl_with(k, cmd, ctls[k].version), -ENOSYS);
}

static void a_domctl_on_a_domain_that_is_not_there_is_esrch(void **state)
{
    (void)state;
    for (uint32_t cmd = 0; cmd < ctl_domctl_count; cmd++) {
        struct xen_domctl d = { .cmd = cmd,
                                .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                                .domain = 77 };

        if (!ctl_domctls[cmd].fn || ctl_domctls[cmd].who == CTL_PLAIN)
            continue;
        assert_int_equal(CTL(__HYPERVISOR_domctl, &d), -ESRCH);
    }
}

/* Random arguments at every op of every table, for both domains: an error leaves no trace, memory
 * is read once. */
static void random_arguments_are_fetched_once(void **state)
{
    uint8_t bytes[HC_ARG_MAX];

    (void)state;
    srand(1);
    for (unsigned int round = 0; round < 200; round++)
        for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
            for (uint64_t cmd = 0; cmd < tables[i].t->count; cmd++) {
                struct vcpu *v = round & 1 ? world.g0 : world.v0;
                uint64_t at;

                /* These end the domain or the vCPU, which would end the test. */
                if (tables[i].nr == __HYPERVISOR_sched_op ||
                    (tables[i].nr == __HYPERVISOR_vcpu_op && cmd < 3))
                    continue;
                for (unsigned int b = 0; b < sizeof(bytes); b++)
                    bytes[b] = rand() % 3 ? 0 : (uint8_t)rand();
                world_forget();
                at = world_put(v->domain, bytes, sizeof(bytes));
                (void)call_at(v, &tables[i], cmd, at);
            }
    assert_int_equal(world.double_fetches, 0);
}

/* ---- multicall ---- */

static void multicall_stores_each_result(void **state)
{
    struct multicall_entry e[3] = {
        { .op = __HYPERVISOR_xen_version, .args = { XENVER_version } },
        { .op = 63 },
        { .op = __HYPERVISOR_multicall, .args = { 0, 1 } },
    };
    uint64_t at = world_put(world.dom0, e, sizeof(e));

    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_multicall, at, 3, 0), 0);
    world_get(world.dom0, at, e, sizeof(e));
    assert_int_equal(e[0].result, 0x40011);
    assert_int_equal((int64_t)e[1].result, -ENOSYS);
    assert_int_equal((int64_t)e[2].result, -EINVAL);
}

static void multicall_of_nothing_is_fine_and_of_bad_memory_is_efault(void **state)
{
    (void)state;
    assert_int_equal(dom0_call(__HYPERVISOR_multicall, WORLD_BAD_POINTER, 0, 0), 0);
    assert_int_equal(dom0_call(__HYPERVISOR_multicall, WORLD_BAD_POINTER, 1, 0), -EFAULT);
}

static void multicall_lets_others_run_and_goes_on(void **state)
{
    struct multicall_entry e[4];
    uint64_t at, args[6];
    bool again;

    (void)state;
    for (unsigned int i = 0; i < 4; i++)
        e[i] =
            (struct multicall_entry){ .op = __HYPERVISOR_xen_version, .args = { XENVER_version } };
    at = world_put(world.dom0, e, sizeof(e));
    memcpy(args, (uint64_t[6]){ at, 4 }, sizeof(args));
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);   /* loads the vCPU */
    softirq_raise(SOFTIRQ_TIMER);
    for (unsigned int done = 1; done < 4; done++) {
        assert_int_equal(world_call_once(world.v0, __HYPERVISOR_multicall, args, &again),
                         __HYPERVISOR_multicall);
        assert_true(again);
        assert_int_equal(args[0], at + done * sizeof(e[0]));
        assert_int_equal(args[1], 4 - done);
    }
    assert_int_equal(world_call_once(world.v0, __HYPERVISOR_multicall, args, &again), 0);
    assert_false(again);
    world_get(world.dom0, at, e, sizeof(e));
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(e[i].result, 0x40011);
}

/* What libxc does for every memory_op, when the op itself has to be continued. */
static void an_op_inside_multicall_is_continued(void **state)
{
    uint64_t gfn[3] = { 0x300, 0x301, 0x302 };
    struct xen_memory_reservation r = { .nr_extents = 3, .domid = 1 };
    struct multicall_entry e = { .op = __HYPERVISOR_memory_op,
                                 .args = { XENMEM_populate_physmap } };
    uint64_t args[6] = { 0, 1 };
    unsigned int rounds = 0;
    bool again = true;

    (void)state;
    r.extent_start.p = (void *)world_put(world.dom0, gfn, sizeof(gfn));
    e.args[1] = world_put(world.dom0, &r, sizeof(r));
    args[0] = world_put(world.dom0, &e, sizeof(e));
    (void)dom0_call(__HYPERVISOR_xen_version, 0, 0, 0);
    softirq_raise(SOFTIRQ_TIMER);
    for (; again; rounds++) {
        uint64_t before = args[0];

        (void)world_call_once(world.v0, __HYPERVISOR_multicall, args, &again);
        if (again)
            assert_int_equal(args[0], before);
    }
    assert_int_equal(rounds, 3);
    world_get(world.dom0, args[0], &e, sizeof(e));
    assert_int_equal(e.result, 3);
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(p2m_lookup(&world.guest->p2m, gfn_of(gfn[i])).type, P2M_RAM_RW);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(every_hole_of_the_first_table_is_enosys),
        T(every_hole_of_a_sub_op_table_is_enosys),
        T(a_bad_pointer_is_efault_and_changes_nothing),
        T(half_an_argument_is_efault),
        T(privileged_ops_are_eperm_for_a_guest),
        T(a_wrong_interface_version_is_eacces),
        T(control_ops_with_bad_pointers_are_efault),
        T(holes_of_control_ops_are_enosys),
        T(a_domctl_on_a_domain_that_is_not_there_is_esrch),
        T(random_arguments_are_fetched_once),
        T(multicall_stores_each_result),
        T(multicall_of_nothing_is_fine_and_of_bad_memory_is_efault),
        T(multicall_lets_others_run_and_goes_on),
        T(an_op_inside_multicall_is_continued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
