/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three vCPUs at once, each on a thread and a CPU of its own: dom0's two and the guest's, with
 * random calls on the same few ports, grants and pages. Afterwards the books must balance: every
 * frame is held by exactly those that have it mapped, and no grant is left pinned.
 */
#include "world.h"

#include "fake.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <mm/frames.h>
#include <x86/smp.h>
#include <x86/softirq.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

#define ROUNDS 8000U
#define SLOTS 8U /* gfns of dom0 where foreign pages and grants come and go, per thread */
#define SCRATCH 0x10000UL
#define REFS 8U               /* grant references 8.. of the guest */
#define PAGES 16U             /* gfns that several vCPUs give up and ask for at once */
#define DOM0_PAGES 0x400UL
#define GUEST_PAGES 0x80UL

/* The fake's would change CPUs under the other threads' feet; there are no translations to forget.
 */
void __wrap_smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg);
void __wrap_smp_call(const uint64_t *cpus, void (*fn)(void *), void *arg)
{
    (void)cpus;
    (void)fn;
    (void)arg;
}

struct actor {
    struct vcpu *v;
    unsigned int cpu, seed;
    uint64_t area;                         /* guest-physical, its own */
    uint32_t handle[SLOTS];
    bool mapped[SLOTS];
    uint64_t too_many;
};

static unsigned int dice(struct actor *a, unsigned int n)
{
    return (unsigned int)rand_r(&a->seed) % n;
}

static int64_t call(struct actor *a, uint64_t nr, uint64_t cmd, void *arg, size_t size)
{
    uint64_t args[6] = { cmd, a->area, 1 };
    int64_t rc;

    if (domain_write_phys(a->v->domain, gpa_of(a->area), arg, size) != 0)
        abort();
    do {
        rc = hypercall_call(a->v, nr, args, false);
        softirq_run();
    } while (a->v->hc_restart);
    if (domain_read_phys(a->v->domain, gpa_of(a->area), arg, size) != 0)
        abort();
    return rc;
}
#define CALL(a, nr, cmd, arg) call((a), __HYPERVISOR_##nr, (cmd), (arg), sizeof(*(arg)))

static void play_events(struct actor *a)
{
    domid_t other = a->v->domain->id == 0 ? 1 : 0;
    struct evtchn_alloc_unbound u = { .dom = DOMID_SELF,
                                      .remote_dom = dice(a, 2) ? other : (domid_t)DOMID_SELF };
    struct evtchn_bind_interdomain b = { .remote_dom = u.remote_dom,
                                         .remote_port = 1 + dice(a, 12) };
    struct evtchn_send s = { 1 + dice(a, 12) };
    struct evtchn_status st = { .dom = DOMID_SELF, .port = s.port };

    switch (dice(a, 6)) {
    case 0: (void)CALL(a, event_channel_op, EVTCHNOP_alloc_unbound, &u); break;
    case 1: (void)CALL(a, event_channel_op, EVTCHNOP_bind_interdomain, &b); break;
    case 2: (void)CALL(a, event_channel_op, EVTCHNOP_close, &s); break;
    case 3: (void)CALL(a, event_channel_op, EVTCHNOP_status, &st); break;
    default: (void)CALL(a, event_channel_op, EVTCHNOP_send, &s); break;
    }
}

/* One extent; its number stands behind the argument. */
static int64_t reserve(struct actor *a, uint64_t cmd, domid_t domid, uint64_t gfn)
{
    struct { struct xen_memory_reservation r; uint64_t gfn; } m = {
        .r = { .nr_extents = 1, .domid = domid }, .gfn = gfn
    };

    m.r.extent_start.p = (void *)(a->area + offsetof(__typeof__(m), gfn));
    return CALL(a, memory_op, cmd, &m);
}

static void play_pages(struct actor *a, uint64_t base)
{
    struct xen_add_to_physmap move = { .domid = DOMID_SELF,
                                       .space = XENMAPSPACE_gmfn,
                                       .idx = base + dice(a, PAGES),
                                       .gpfn = base + dice(a, PAGES) };

    switch (dice(a, 3)) {
    case 0: (void)reserve(a, XENMEM_decrease_reservation, DOMID_SELF, base + dice(a, PAGES)); break;
    case 1: (void)reserve(a, XENMEM_populate_physmap, DOMID_SELF, base + dice(a, PAGES)); break;
    default:
        /* dom0's pages stay where devices find them. */
        if (a->v->domain->id != 0)
            (void)CALL(a, memory_op, XENMEM_add_to_physmap, &move);
        break;
    }
}

static uint64_t slot_gfn(const struct actor *a, unsigned int slot)
{
    return SCRATCH + a->cpu * 0x100 + slot;
}

static void unmap(struct actor *a, unsigned int slot)
{
    struct gnttab_unmap_grant_ref u = { .host_addr = slot_gfn(a, slot) << 12,
                                        .handle = a->handle[slot] };

    assert_int_equal(CALL(a, grant_table_op, GNTTABOP_unmap_grant_ref, &u), 0);
    assert_int_equal(u.status, GNTST_okay);
    a->mapped[slot] = false;
}

static void map(struct actor *a, unsigned int slot)
{
    struct gnttab_map_grant_ref m = { .host_addr = slot_gfn(a, slot) << 12,
                                      .dom = 1,
                                      .ref = 8 + dice(a, REFS),
                                      .flags = GNTMAP_host_map |
                                               (dice(a, 2) ? GNTMAP_readonly : 0) };

    assert_int_equal(CALL(a, grant_table_op, GNTTABOP_map_grant_ref, &m), 0);
    a->mapped[slot] = m.status == GNTST_okay;
    a->handle[slot] = m.handle;
}

static void play_grants(struct actor *a)
{
    unsigned int slot = dice(a, SLOTS);
    struct gnttab_copy c = { .source = { .u.ref = 8 + dice(a, REFS), .domid = 1 },
                             .dest = { .u.gmfn = 0x300 + a->cpu, .domid = DOMID_SELF },
                             .len = 64,
                             .flags = GNTCOPY_source_gref };

    if (dice(a, 4) == 0)
        (void)CALL(a, grant_table_op, GNTTABOP_copy, &c);
    else if (a->mapped[slot])
        unmap(a, slot);
    else
        map(a, slot);
}

static void play_foreign(struct actor *a)
{
    uint64_t gfn = slot_gfn(a, SLOTS + dice(a, SLOTS));
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = gfn };
    struct { struct xen_add_to_physmap_batch b; uint64_t idx, gpfn; int err;
    } m = {
        .b = { .domid = DOMID_SELF,
               .space = XENMAPSPACE_gmfn_foreign,
               .size = 1,
               .u.foreign_domid = 1 },
        .idx = GUEST_PAGES + dice(a, PAGES),
        .gpfn = gfn,
    };

    m.b.idxs.p = (void *)(a->area + offsetof(__typeof__(m), idx));
    m.b.gpfns.p = (void *)(a->area + offsetof(__typeof__(m), gpfn));
    m.b.errs.p = (void *)(a->area + offsetof(__typeof__(m), err));
    if (dice(a, 2))
        (void)CALL(a, memory_op, XENMEM_add_to_physmap_batch, &m);
    else
        (void)CALL(a, memory_op, XENMEM_remove_from_physmap, &r);
}

/* The guest changes its mind about what it grants all the time, in use or not. */
static void play_granter(struct actor *a)
{
    grant_entry_v1_t e = { .flags = dice(a, 3) ? GTF_permit_access | (dice(a, 2) ? GTF_readonly : 0)
                                               : 0,
                           .domid = 0,
                           .frame = (uint32_t)(GUEST_PAGES + dice(a, PAGES)) };
    grant_entry_v1_t *at = &a->v->domain->grants.frame[0][8 + dice(a, REFS)];

    __atomic_store_n(&at->frame, e.frame, __ATOMIC_SEQ_CST);
    __atomic_store_n(&at->flags, e.flags, __ATOMIC_SEQ_CST);
}

static void *act(void *arg)
{
    struct actor *a = arg;

    fake_cpu_switch(a->cpu);
    vcpu_load(a->v);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        switch (dice(a, 4)) {
        case 0: play_events(a); break;
        case 1: play_pages(a, a->v->domain->id == 0 ? DOM0_PAGES : GUEST_PAGES); break;
        case 2: a->v->domain->id == 0 ? play_grants(a) : play_granter(a); break;
        default: a->v->domain->id == 0 ? play_foreign(a) : play_pages(a, GUEST_PAGES); break;
        }
    }
    for (unsigned int s = 0; s < SLOTS; s++)
        if (a->mapped[s])
            unmap(a, s);
    for (unsigned int s = SLOTS; s < 2 * SLOTS; s++) {
        struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = slot_gfn(a, s) };

        if (a->v->domain->id == 0)
            (void)CALL(a, memory_op, XENMEM_remove_from_physmap, &r);
    }
    vcpu_unload(a->v);
    return NULL;
}

struct count { uint64_t ram, wrong; };

static bool count_entry(void *ctx, gfn_t g, const struct slat_entry *e)
{
    struct count *c = ctx;

    if (e->type != P2M_RAM_RW)
        return true;
    for (uint64_t i = 0; i < 1UL << e->order; i++, c->ram++)
        if (frame_of(mfn_add(e->mfn, i))->refs != 1) {
            c->wrong++;
            print_error("gfn %#lx mfn %#lx refs %u\n", g.v + i, e->mfn.v + i,
                        frame_of(mfn_add(e->mfn, i))->refs);
        }
    return true;
}

static void books_balance(struct domain *d)
{
    struct count c = { 0 };

    slat_for_each(&d->p2m.slat, gfn_of(0), gfn_of(1UL << 30), count_entry, &c);
    assert_int_equal(c.ram, d->tot_pages);
    assert_int_equal(c.wrong, 0);
    assert_int_equal(gnttab_pinned_count(&d->grants), 0);
}

static void three_vcpus_at_once_leave_the_books_balanced(void **state)
{
    struct xen_add_to_physmap table = { .domid = DOMID_SELF,
                                        .space = XENMAPSPACE_grant_table,
                                        .gpfn = 0xa0 };
    struct actor actor[3] = { { .v = world.v0, .cpu = 0, .seed = 1, .area = 0x10000 },
                              { .v = world.v1, .cpu = 1, .seed = 2, .area = 0x20000 },
                              { .v = world.g0, .cpu = 2, .seed = 3, .area = 0x30000 } };
    pthread_t thread[3];

    (void)state;
    assert_int_equal(OP(world.g0, __HYPERVISOR_memory_op, XENMEM_add_to_physmap, &table), 0);
    vcpu_unload(this_cpu()->current);
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, act, &actor[i]), 0);
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    books_balance(world.dom0);
    books_balance(world.guest);
}

/* Asks for a page of the guest's, and gives it up again. */
static void *ask(void *arg)
{
    struct actor *a = arg;
    const struct domain *d = world.guest;
    uint64_t got = 0;

    fake_cpu_switch(a->cpu);
    vcpu_load(a->v);
    for (unsigned int i = 0; i < 4 * ROUNDS; i++) {
        if (reserve(a, XENMEM_populate_physmap, 1, SCRATCH + a->cpu) != 1)
            continue;
        got++;
        a->too_many += READ_ONCE(d->tot_pages) > d->max_pages;
        assert_int_equal(reserve(a, XENMEM_decrease_reservation, 1, SCRATCH + a->cpu), 1);
    }
    assert_true(got > 0);
    vcpu_unload(a->v);
    return NULL;
}

static void two_that_ask_for_the_last_page_do_not_both_get_one(void **state)
{
    struct actor actor[2] = { { .v = world.v0, .cpu = 0, .area = 0x10000 }, { .v = world.v1, .cpu = 1, .area = 0x20000 } };
    uint64_t before = world.guest->tot_pages;
    pthread_t thread[2];

    (void)state;
    world.guest->max_pages = before + 1;
    for (unsigned int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask, &actor[i]), 0);
    for (unsigned int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(actor[0].too_many + actor[1].too_many, 0);
    assert_int_equal(world.guest->tot_pages, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_vcpus_at_once_leave_the_books_balanced, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(two_that_ask_for_the_last_page_do_not_both_get_one, world_setup, world_teardown),
    };

    world_cpus = 3;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
