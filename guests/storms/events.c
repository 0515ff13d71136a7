/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels and grants without end, with their shared pages rewritten between two calls. */
#include "cpu.h"
#include "hypercall.h"

static unsigned int rounds(void) { return (unsigned int)command_line_number("rounds=", 2000); }

static uint32_t random_port(void) { return random32() % 16 ? random32() % 64 : random32(); }

/* One call; arrays of the FIFO ABI lie in pages that are given up now and then. */
static void one_event_call(void *const pages[4])
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = random32() % 2 ? DOMID_SELF : 0 };
    struct evtchn_bind_interdomain b = { .remote_dom = a.remote_dom, .remote_port = random_port() };
    struct evtchn_bind_virq v = { .virq = random32() % 26, .vcpu = random32() % 3 };
    struct evtchn_bind_ipi i = { .vcpu = random32() % 3 };
    struct evtchn_bind_vcpu m = { .port = random_port(), .vcpu = random32() % 3 };
    struct evtchn_set_priority p = { .port = random_port(), .priority = random32() % 18 };
    struct evtchn_init_control c = { .control_gfn = address(pages[random32() % 4]) >> 12, .offset = random32() % 512 * 8,
                                     .vcpu = random32() % 2 };
    struct evtchn_expand_array x = { .array_gfn = address(pages[random32() % 4]) >> 12 };
    struct evtchn_reset r = { .dom = DOMID_SELF };
    uint32_t port = random_port();

    switch (random32() % 32) {
    case 0: case 1: case 2: case 3: evtchn_op(EVTCHNOP_alloc_unbound, &a); break;
    case 4: case 5: case 6: evtchn_op(EVTCHNOP_bind_interdomain, &b); break;
    case 7: evtchn_op(EVTCHNOP_bind_virq, &v); break;
    case 8: case 9: evtchn_op(EVTCHNOP_bind_ipi, &i); break;
    case 10: evtchn_op(EVTCHNOP_bind_vcpu, &m); break;
    case 11: evtchn_op(EVTCHNOP_set_priority, &p); break;
    case 12: case 13: evtchn_op(EVTCHNOP_init_control, &c); break;
    case 14: case 15: evtchn_op(EVTCHNOP_expand_array, &x); break;
    case 16: evtchn_op(EVTCHNOP_close, &port); break;
    case 17: evtchn_op(EVTCHNOP_unmask, &port); break;
    case 18: evtchn_op(EVTCHNOP_reset, &r); break;
    default: evtchn_op(EVTCHNOP_send, &port); break;
    }
}

static void scribble(void *const pages[4], struct shared_info *s)
{
    uint32_t *words = (uint32_t *)pages[random32() % 4];

    words[random32() % 1024] = random32();
    words[random32() % 64] = random32() & 0xf000003f;
    s->evtchn_pending[random32() % 64] = random64();
    s->evtchn_mask[random32() % 64] = random64() & random64();
    s->vcpu_info[0].evtchn_upcall_pending = (uint8_t)random32();
    s->vcpu_info[0].evtchn_pending_sel = random64();
}

GUEST_TEST(storm_events, "arbitrary event channel calls on shared pages that say anything harm nobody")
{
    struct shared_info *s = shared_info();
    void *pages[4];

    irq_off();
    for (unsigned int i = 0; i < 4; i++)
        pages[i] = page_alloc();
    for (unsigned int i = 0; i < rounds() * 4; i++) {
        one_event_call(pages);
        if (i % 4 == 0)
            scribble(pages, s);
    }
    evtchn_op(EVTCHNOP_reset, &(struct evtchn_reset){ .dom = DOMID_SELF });
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}

/* ---- grants ---- */

#define SCRATCH 0x110000000UL          /* no RAM there: mappings come and go */
#define FRAMES 2

static grant_entry_v1_t *table;
static uint64_t prey;
static volatile bool stop;

static void map_table(void)
{
    table = page_alloc();
    for (unsigned int i = 1; i < FRAMES; i++)
        page_alloc();
    for (unsigned int i = 0; i < FRAMES; i++) {
        struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .idx = i,
                                        .gpfn = (address(table) >> 12) + i };

        if (memory_op(XENMEM_add_to_physmap, &a) != 0)
            error("grant frame %u cannot be mapped", i);
    }
}

/* To oneself, to dom0, to nobody; of own pages, of what is none, of mapped grants. */
static void rewrite_entry(void)
{
    static domid_t self = DOMID_SELF;
    volatile grant_entry_v1_t *e = &table[8 + random32() % 16];

    if (self == DOMID_SELF)
        self = (domid_t)cpuid(0x40000004, 0).ecx;
    e->frame = random32() % 4 ? (uint32_t)(prey >> 12) : random32() % 2 ? (uint32_t)(SCRATCH >> 12) + random32() % 8 : random32();
    e->domid = random32() % 4 ? self : (domid_t)random32();
    e->flags = (uint16_t)(random32() % 4 ? GTF_permit_access : random32());
}

static void rewrite_entries(void *arg unused_arg)
{
    while (!stop)
        rewrite_entry();
}

static void one_grant_call(domid_t self)
{
    static uint32_t handles[16];
    uint32_t slot = random32() % 16, ref = 8 + random32() % 16;
    struct gnttab_map_grant_ref m = { .host_addr = SCRATCH + random32() % 8 * 4096, .flags = 1 + random32() % 7, .ref = ref, .dom = self };
    struct gnttab_unmap_grant_ref u = { .host_addr = SCRATCH + random32() % 8 * 4096,
                                        .handle = random32() % 8 ? handles[slot] : random32() % 64 };
    struct gnttab_copy c = { .source = { .u.ref = ref, .domid = self, .offset = (uint16_t)(random32() % 4200) },
                             .dest = { .u.ref = 8 + random32() % 16, .domid = self, .offset = (uint16_t)(random32() % 4200) },
                             .len = (uint16_t)(random32() % 4200), .flags = (uint16_t)(random32() % 4) };
    struct gnttab_swap_grant_ref s = { .ref_a = ref, .ref_b = 8 + random32() % 2000 };
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF, .gpfn = (SCRATCH >> 12) + random32() % 8 };

    if (random32() % 16 == 0)
        c.dest = (__typeof__(c.dest)){ .u.gmfn = prey >> 12, .domid = DOMID_SELF };
    switch (random32() % 12) {
    case 0: case 1: case 2: case 3:
        grant_op(GNTTABOP_map_grant_ref, &m, 1);
        if (m.status == GNTST_okay)
            handles[slot] = m.handle;
        break;
    case 4: case 5: case 6: case 7: grant_op(GNTTABOP_unmap_grant_ref, &u, 1); break;
    case 8: grant_op(GNTTABOP_swap_grant_ref, &s, 1); break;
    case 9: memory_op(XENMEM_remove_from_physmap, &r); break;
    default: grant_op(GNTTABOP_copy, &c, 1); break;
    }
}

GUEST_TEST(storm_grants, "a table of grants that changes all the time gives nobody more than it says")
{
    domid_t self = (domid_t)cpuid(0x40000004, 0).ecx;
    bool helped = cpus_start() >= 2;

    prey = address(page_alloc());
    map_table();
    stop = false;
    if (helped)
        cpu_begin(1, rewrite_entries, NULL);
    for (unsigned int i = 0; i < rounds() * 4; i++) {
        if (!helped || i % 4 == 0)
            rewrite_entry();
        one_grant_call(self);
    }
    stop = true;
    if (helped)
        cpu_finish(1);
    for (uint32_t h = 0; h < 2048; h++)
        for (unsigned int n = 0; n < 8; n++) {
            struct gnttab_unmap_grant_ref u = { .host_addr = SCRATCH + n * 4096, .handle = h };

            grant_op(GNTTABOP_unmap_grant_ref, &u, 1);
            if (u.status == GNTST_bad_handle)
                break;
        }
    check_equal(xen_version(XENVER_version, NULL), 0x00040011);
}
