/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests: the server ("peer=" the client's domain) grants pages and answers each event with one; the client ("peer=" the
 * server's domain, "port=" its port) times what it does with them. A granted page holds what the server is to do.
 */
#include "apic.h"
#include "bench.h"

#define UPCALL 0x61
#define FIRST_REF 8U
#define REF_MODE (FIRST_REF + 0)
#define REF_DATA (FIRST_REF + 1)
#define SCRATCH 0x100000000UL            /* above all RAM: where nothing is */
#define PATIENCE 1000000000UL

enum mode { MODE_HALTS = 0, MODE_POLLS = 1, MODE_ENDS = 2 };

static volatile uint64_t upcall_at;

static void on_upcall(struct trap_frame *f unused_arg)
{
    shared_info()->vcpu_info[0].evtchn_upcall_pending = 0;
    shared_info()->vcpu_info[0].evtchn_pending_sel = 0;
    apic_eoi();
}

static void begin_events(void)
{
    struct xen_hvm_evtchn_upcall_vector u = { .vcpu = 0, .vector = UPCALL };

    bench_quiet();
    apic_start(true);
    irq_set(UPCALL, on_upcall);
    check_equal(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), 0);
    irq_on();
}

static bool is_pending(evtchn_port_t p) { return shared_info()->evtchn_pending[p / 64] >> p % 64 & 1; }
static void clear(evtchn_port_t p)
{
    __atomic_fetch_and(&shared_info()->evtchn_pending[p / 64], ~(1UL << p % 64), __ATOMIC_SEQ_CST);
}
static void set_mask(evtchn_port_t p, bool on)
{
    xen_ulong_t bit = 1UL << p % 64, *word = &shared_info()->evtchn_mask[p / 64];

    if (on)
        __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}
static void send(evtchn_port_t p) { evtchn_op(EVTCHNOP_send, &(struct evtchn_send){ .port = p }); }

/* A moment's wait for an event, awake or in HLT. */
static void wait_a_moment(evtchn_port_t p, bool halts)
{
    if (!halts) {
        pause();
        return;
    }
    irq_off();
    if (!is_pending(p))
        irq_on_halt_off();
    irq_on();
}

static bool await(evtchn_port_t p, bool halts)
{
    uint64_t end = rdtsc() + PATIENCE;

    while (!is_pending(p)) {
        wait_a_moment(p, halts);
        if (rdtsc() > end)
            return false;
    }
    clear(p);
    return true;
}

/* ---- the server ---- */

static void grant(volatile grant_entry_v1_t *table, uint32_t ref, const volatile void *page, domid_t to)
{
    table[ref].domid = to;
    table[ref].frame = (uint32_t)(address(page) >> 12);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    table[ref].flags = GTF_permit_access;
}

static volatile enum mode *grant_pages(domid_t to)
{
    void *table = page_alloc();
    volatile enum mode *mode = page_alloc();
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = address(table) >> 12 };

    check_equal(memory_op(XENMEM_add_to_physmap, &a), 0);
    grant(table, REF_MODE, mode, to);
    grant(table, REF_DATA, page_alloc(), to);
    return mode;
}

/* HLT is only for the mode's change without an event to be missed: the client sends one after it. */
static void serve(evtchn_port_t port, const volatile enum mode *mode)
{
    while (*mode != MODE_ENDS) {
        set_mask(port, *mode == MODE_POLLS);
        if (is_pending(port)) {
            clear(port);
            send(port);
        } else {
            wait_a_moment(port, *mode == MODE_HALTS);
        }
    }
}

GUEST_TEST(bench_server, "another guest's events were answered until it said that it was enough")
{
    domid_t peer = (domid_t)command_line_number("peer=", 0);
    struct evtchn_alloc_unbound u = { .dom = DOMID_SELF, .remote_dom = peer };
    volatile enum mode *mode;

    begin_events();
    mode = grant_pages(peer);
    if (!check_equal(evtchn_op(EVTCHNOP_alloc_unbound, &u), 0))
        return;
    print("guest: serves domain %u at port %u\n", peer, u.port);
    serve(u.port, mode);
}

/* ---- the client ---- */

static int map(domid_t dom, uint32_t ref, uint64_t where, grant_handle_t *handle)
{
    struct gnttab_map_grant_ref m = { .host_addr = where, .flags = GNTMAP_host_map, .ref = ref, .dom = dom };

    grant_op(GNTTABOP_map_grant_ref, &m, 1);
    *handle = m.handle;
    return m.status;
}

static int unmap(uint64_t where, grant_handle_t handle)
{
    struct gnttab_unmap_grant_ref u = { .host_addr = where, .handle = handle };

    grant_op(GNTTABOP_unmap_grant_ref, &u, 1);
    return u.status;
}

static void bench_grants(domid_t peer)
{
    uint64_t at = SCRATCH + 0x200000;
    grant_handle_t h;
    struct gnttab_copy copy = {
        .source = { .u.ref = REF_DATA, .domid = peer }, .dest = { .u.gmfn = address(page_alloc()) >> 12, .domid = DOMID_SELF },
        .len = 4096, .flags = GNTCOPY_source_gref,
    };

    if (!check_equal(map(peer, REF_DATA, at, &h), GNTST_okay))
        return;
    check_equal(unmap(at, h), GNTST_okay);
    BENCH("grant-map-unmap", 200, map(peer, REF_DATA, at, &h); unmap(at, h));
    BENCH("grant-map-touch-unmap", 200, map(peer, REF_DATA, at, &h); *(volatile uint64_t *)at = 1; unmap(at, h));
    grant_op(GNTTABOP_copy, &copy, 1);
    if (copy.status == GNTST_okay)
        BENCH("grant-copy-page", 200, grant_op(GNTTABOP_copy, &copy, 1));
    else
        bench_absent("grant-copy-page", "refused");
}

static void bench_round_trip(const char *name, evtchn_port_t port, bool halts)
{
    clear(port);
    bench_begin(name);
    for (int i = 0; i < 100; i++) {
        uint64_t before = rdtsc();

        send(port);
        if (!await(port, halts))
            break;
        if (i >= 5)                      /* the server may still have been in its other mode */
            bench_add(rdtsc() - before);
    }
    bench_end();
}

static void bench_events(evtchn_port_t port, volatile enum mode *mode)
{
    *mode = MODE_HALTS;
    bench_round_trip("event-round-trip-halted", port, true);
    *mode = MODE_POLLS;
    set_mask(port, true);
    bench_round_trip("event-round-trip-polled", port, false);
    BENCH("event-send-pending", 200, send(port));
}

/* ---- both in one: without a dom0 there is no other guest ---- */

static void on_timed_upcall(struct trap_frame *f)
{
    upcall_at = rdtsc();
    on_upcall(f);
}

static void bench_own_event(evtchn_port_t to, evtchn_port_t at)
{
    irq_set(UPCALL, on_timed_upcall);
    bench_begin("event-to-itself");
    for (int i = 0; i < 200; i++) {
        uint64_t before;

        clear(at);
        before = rdtsc();
        send(to);
        while (!is_pending(at))
            pause();
        bench_add(upcall_at - before);
    }
    bench_end();
    irq_set(UPCALL, on_upcall);
}

GUEST_TEST(bench_loop, "events and grants of a domain to itself (\"domain=\" its id) were timed")
{
    domid_t self = (domid_t)command_line_number("domain=", 0);
    struct evtchn_alloc_unbound u = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };

    begin_events();
    (void)grant_pages(self);
    bench_grants(self);
    if (!check_equal(evtchn_op(EVTCHNOP_alloc_unbound, &u), 0))
        return;
    b.remote_port = u.port;
    if (!check_equal(evtchn_op(EVTCHNOP_bind_interdomain, &b), 0))
        return;
    clear(u.port);
    clear(b.local_port);
    bench_own_event(b.local_port, u.port);
    set_mask(u.port, true);
    BENCH("event-send-pending", 200, send(b.local_port));
}

GUEST_TEST(bench_client, "events to another guest and its grants were timed")
{
    domid_t peer = (domid_t)command_line_number("peer=", 0);
    struct evtchn_bind_interdomain b = {
        .remote_dom = peer, .remote_port = (evtchn_port_t)command_line_number("port=", 0),
    };
    volatile enum mode *mode = (void *)SCRATCH;
    grant_handle_t h;

    begin_events();
    if (!check_equal(map(peer, REF_MODE, SCRATCH, &h), GNTST_okay) ||
        !check_equal(evtchn_op(EVTCHNOP_bind_interdomain, &b), 0))
        return;
    bench_grants(peer);
    bench_events(b.local_port, mode);
    *mode = MODE_ENDS;
    send(b.local_port);
    check_equal(unmap(SCRATCH, h), GNTST_okay);
}
