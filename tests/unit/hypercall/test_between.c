/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two CPUs, step by step: a call of one comes in the middle of a call of the other, at the place where it would do harm. (The
 * same at random places is test_race.c.)
 */
#include "world.h"

#include "fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mm/frames.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

/* ---- the places ---- */

static void (*at_unmap)(void), (*at_flush)(void);   /* once */

static void come_between(void (**fn)(void))
{
    void (*now)(void) = *fn;

    *fn = NULL;
    if (now)
        now();
}

void __real_domain_unmap_page(void *page, mfn_t mfn);
void __wrap_domain_unmap_page(void *page, mfn_t mfn);
void __wrap_domain_unmap_page(void *page, mfn_t mfn)
{
    come_between(&at_unmap);
    __real_domain_unmap_page(page, mfn);
}

/* As a CPU that answers while it does something else: each has flushed. */
void __wrap_smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg);
void __wrap_smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg)
{
    (void)cpus;
    (void)fn;
    (void)arg;
    come_between(&at_flush);
}

/* dom0's second vCPU on the other CPU. */
static int64_t other_cpu(uint64_t nr, uint64_t a0, uint64_t a1)
{
    int64_t rc;

    fake_cpu_switch(1);
    rc = world_call(world.v1, nr, a0, a1, 0, 0);
    vcpu_unload(world.v1);
    fake_cpu_switch(0);
    return rc;
}

/* ---- VCPUOP_initialise ---- */

static uint64_t a_context(void)
{
    struct vcpu_hvm_context c = { .mode = VCPU_HVM_MODE_32B };

    c.cpu_regs.x86_32 = (xen_vcpu_hvm_x86_32_t){ .eip = 0x1234, .cr0 = CR0_PE, .eflags = 2, .cs_limit = ~0U,
                                                 .cs_ar = 0xc9b, .tr_ar = 0x8b, .tr_limit = 0x67 };
    return world_put(world.dom0, &c, sizeof(c));
}

static void wait_for_start(struct vcpu *v)
{
    v->initialised = false;
    v->sipi_wait = true;
    vcpu_offline(v);
}

static void send(uint8_t mode)
{
    const struct vlapic_ipi ipi = { .mode = mode, .vector = 8, .shorthand = 3, .level_assert = true };

    vcpu_send_ipi(world.v0, &ipi);
}

static void a_vcpu_that_an_init_has_on_a_cpu_is_given_no_context(void **state)
{
    uint64_t at = a_context();

    (void)state;
    wait_for_start(world.v1);
    send(IPI_INIT);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), -EBUSY);
    fake_cpu_switch(1);
    vcpu_load(world.v1);                          /* where the INIT is about to be served */
    fake_cpu_switch(0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), -EBUSY);
    world.v1->init_pending = false;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), -EBUSY);
    fake_cpu_switch(1);
    vcpu_offline(world.v1);
    vcpu_unload(world.v1);
    fake_cpu_switch(0);
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, at), 0);
    assert_false(world.v1->being_initialised);
}

static void no_init_or_sipi_wakes_a_vcpu_whose_context_is_being_written(void **state)
{
    (void)state;
    wait_for_start(world.v1);
    world.v1->being_initialised = true;
    assert_int_equal(dom0_call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, a_context()), -EEXIST);
    send(IPI_INIT);
    send(IPI_SIPI);
    assert_true(world.v1->sched.down);
    assert_false(world.v1->init_pending || world.v1->sipi_pending);
    world.v1->being_initialised = false;
    send(IPI_SIPI);
    assert_true(world.v1->sipi_pending);
    assert_false(world.v1->sched.down);
}

/* ---- EVTCHNOP_reset ---- */

static struct evtchn_init_control second = { .control_gfn = 0x202, .vcpu = 1 };

static void give_control_block(void)
{
    assert_int_equal(other_cpu(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control,
                               world_put(world.dom0, &second, sizeof(second))), 0);
}

static void a_control_block_that_comes_during_a_reset_stays_and_is_held(void **state)
{
    struct evtchn_init_control first = { .control_gfn = 0x200, .vcpu = 0 };
    struct evtchn_expand_array x = { .array_gfn = 0x201 };
    struct evtchn_reset r = { .dom = DOMID_SELF };

    (void)state;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_init_control, &first), 0);
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, &x), 0);
    at_unmap = give_control_block;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_reset, &r), 0);
    assert_null(at_unmap);
    assert_non_null(world.dom0->evtchn.vcpu[1].fifo_control);
    assert_ptr_equal(world.v1->fifo_control.page, world.dom0->evtchn.vcpu[1].fifo_control);
    assert_int_equal(frame_of(mfn_of(0x200))->refs, 1);
    assert_int_equal(frame_of(mfn_of(0x201))->refs, 1);
    assert_int_equal(frame_of(mfn_of(0x202))->refs, 2);
}

/* ---- the end of a domain ---- */

static domid_t victim;
static uint32_t platform;

static int64_t domctl(struct vcpu *v, uint32_t cmd, struct xen_domctl *d)
{
    uint64_t at;
    int64_t rc;

    d->cmd = cmd;
    d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    at = world_put(world.dom0, d, sizeof(*d));
    rc = v == world.v0 ? dom0_call(__HYPERVISOR_domctl, at, 0, 0) : other_cpu(__HYPERVISOR_domctl, at, 0);
    world_get(world.dom0, at, d, sizeof(*d));
    return rc;
}

static void make_victim(void)
{
    struct xen_domctl d = { .u.createdomain = { .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = 1,
                                                .max_evtchn_port = 100, .max_grant_frames = 2, .max_maptrack_frames = 1,
                                                .grant_opts = 1, .arch.emulation_flags = XEN_X86_EMU_LAPIC | platform } };

    d.domain = 0;
    assert_int_equal(domctl(world.v0, XEN_DOMCTL_createdomain, &d), 0);
    victim = d.domain;
    d = (struct xen_domctl){ .domain = victim, .u.max_mem.max_memkb = 4096 };
    assert_int_equal(domctl(world.v0, XEN_DOMCTL_max_mem, &d), 0);
}

static void destroy_victim(void)
{
    struct xen_domctl d = { .domain = victim };

    assert_int_equal(domctl(world.v1, XEN_DOMCTL_destroydomain, &d), 0);
}

static int64_t populate(uint64_t gfn)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = victim };

    r.extent_start.p = (void *)world_put(world.dom0, &gfn, sizeof(gfn));
    return OP(world.v0, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r);
}

static void live_and_die_in_the_middle_of_a_call(void)
{
    struct xen_add_to_physmap a = { .space = XENMAPSPACE_grant_table, .gpfn = 6 };

    world_forget();
    make_victim();
    a.domid = victim;
    assert_int_equal(populate(6), 1);
    /* What is at gfn 6 is replaced by a frame of the grant table: the flush is where the other CPU comes in. */
    at_flush = destroy_victim;
    (void)OP(world.v0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &a);
    assert_null(at_flush);
    make_victim();
    world_on_fetch = destroy_victim;
    world_fetches_until = 2;                      /* the argument, then the list of frames */
    (void)populate(7);
    assert_null(world_on_fetch);
    assert_null(domain_get(victim));
}

static unsigned int ends;

void __real_vcpu_destroy(struct vcpu *v);
void __wrap_vcpu_destroy(struct vcpu *v);
void __wrap_vcpu_destroy(struct vcpu *v)
{
    /* Its timer may fire on another CPU until it is gone. */
    if (v && v->domain->id == victim && !v->domain->platform)
        ends++;
    __real_vcpu_destroy(v);
}

static void no_timer_of_the_platform_finds_vcpus_that_are_gone(void **state)
{
    struct xen_domctl d;

    (void)state;
    platform = XEN_X86_EMU_PIT | XEN_X86_EMU_PIC | XEN_X86_EMU_IOAPIC;
    make_victim();
    platform = 0;
    d = (struct xen_domctl){ .domain = victim, .u.max_vcpus.max = 1 };
    assert_int_equal(domctl(world.v0, XEN_DOMCTL_max_vcpus, &d), 0);
    ends = 0;
    destroy_victim();
    assert_int_equal(ends, 1);
}

static unsigned int from_the_beginning;

void __real_slat_for_each(const struct slat *e, gfn_t g, gfn_t end, bool (*fn)(void *, gfn_t, const struct slat_entry *), void *ctx);
void __wrap_slat_for_each(const struct slat *e, gfn_t g, gfn_t end, bool (*fn)(void *, gfn_t, const struct slat_entry *), void *ctx);
void __wrap_slat_for_each(const struct slat *e, gfn_t g, gfn_t end, bool (*fn)(void *, gfn_t, const struct slat_entry *), void *ctx)
{
    from_the_beginning += g.v == 0;
    __real_slat_for_each(e, g, end, fn, ctx);
}

/* Else what is given up already would be looked through again in each of thousands of slices. */
static void destroying_goes_on_where_it_stopped(void **state)
{
    struct xen_domctl d = { .cmd = XEN_DOMCTL_destroydomain, .interface_version = XEN_DOMCTL_INTERFACE_VERSION };
    unsigned int slices = 0;
    bool again = true;

    (void)state;
    make_victim();
    for (uint64_t gfn = 0x100; gfn < 0x200; gfn++) {
        world_forget();
        assert_int_equal(populate(gfn), 1);
    }
    d.domain = victim;
    from_the_beginning = 0;
    for (; again; slices++) {
        uint64_t args[6] = { world_put(world.dom0, &d, sizeof(d)) };

        softirq_raise(SOFTIRQ_TIMER);
        (void)world_call_once(world.v0, __HYPERVISOR_domctl, args, &again);
    }
    this_cpu()->softirq_pending = 0;
    assert_true(slices >= 16);
    assert_true(from_the_beginning <= 2);        /* and once more with the last reference */
}

static void nothing_is_left_of_a_domain_that_dies_in_the_middle_of_a_call(void **state)
{
    uint64_t before;

    (void)state;
    live_and_die_in_the_middle_of_a_call();       /* the heap takes what it needs */
    before = frames_free_count();
    live_and_die_in_the_middle_of_a_call();
    assert_int_equal(frames_free_count(), before);
}

/* ---- its beginning ---- */

static void (*at_init)(void);
static domid_t coming;

int __real_p2m_init(struct p2m *p, domid_t owner);
int __wrap_p2m_init(struct p2m *p, domid_t owner);
int __wrap_p2m_init(struct p2m *p, domid_t owner)
{
    coming = owner;
    come_between(&at_init);
    return __real_p2m_init(p, owner);
}

static void look_for_it(void)
{
    struct evtchn_status st = { .dom = coming, .port = 1 };

    assert_null(domain_get(coming));
    assert_int_equal(other_cpu(__HYPERVISOR_event_channel_op, EVTCHNOP_status, world_put(world.dom0, &st, sizeof(st))), -ESRCH);
}

static void nobody_finds_a_domain_that_lacks_parts(void **state)
{
    struct xen_domctl d;

    (void)state;
    at_init = look_for_it;
    make_victim();
    assert_null(at_init);
    assert_int_equal(victim, coming);
    d = (struct xen_domctl){ .domain = victim };
    assert_int_equal(domctl(world.v0, XEN_DOMCTL_getdomaininfo, &d), 0);
    assert_int_equal(d.domain, victim);
    d = (struct xen_domctl){ .domain = victim };
    assert_int_equal(domctl(world.v0, XEN_DOMCTL_destroydomain, &d), 0);
}

static void a_dying_domain_gets_no_new_channels(void **state)
{
    struct evtchn_alloc_unbound a = { .remote_dom = DOMID_SELF };

    (void)state;
    make_victim();
    a.dom = victim;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a), 0);
    domain_get(victim)->dying = true;
    assert_int_equal(OP(world.v0, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, &a), -ESRCH);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_vcpu_that_an_init_has_on_a_cpu_is_given_no_context),
        T(no_init_or_sipi_wakes_a_vcpu_whose_context_is_being_written),
        T(a_control_block_that_comes_during_a_reset_stays_and_is_held),
        T(no_timer_of_the_platform_finds_vcpus_that_are_gone),
        T(destroying_goes_on_where_it_stopped),
        T(nothing_is_left_of_a_domain_that_dies_in_the_middle_of_a_call),
        T(nobody_finds_a_domain_that_lacks_parts),
        T(a_dying_domain_gets_no_new_channels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
