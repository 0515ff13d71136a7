/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels: both ABIs, both ways to be told, virtual timers (xen/event_channel.h, xen/vcpu.h). */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define UPCALL 0xf3
#define CALLBACK 0xf2
#define PATIENCE 200000000UL

static volatile unsigned int upcalls;
static bool by_lapic;

static struct vcpu_info *info(void) { return &shared_info()->vcpu_info[0]; }

static void upcall(struct trap_frame *f unused_arg)
{
    upcalls++;
    if (by_lapic)
        apic_eoi();
    info()->evtchn_upcall_pending = 0;
}

static bool wait_for(unsigned int n)
{
    uint64_t end = rdtsc() + PATIENCE;

    irq_on();
    while (upcalls < n && rdtsc() < end)
        pause();
    irq_off();
    return upcalls >= n;
}

static void let_in(void) { __asm__ volatile("sti; nop; nop; nop; nop; cli" : : : "memory"); }

static bool test_and_clear(xen_ulong_t *word, unsigned int bit)
{
    uint64_t mask = 1UL << bit % 64;

    return __atomic_fetch_and(&word[bit / 64], ~mask, __ATOMIC_SEQ_CST) & mask;
}

static void set_mask(uint32_t port, bool on)
{
    uint64_t bit = 1UL << port % 64;
    xen_ulong_t *word = &shared_info()->evtchn_mask[port / 64];

    if (on)
        __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
}

static uint32_t bind_ipi(void)
{
    struct evtchn_bind_ipi b = { .vcpu = 0 };

    if (evtchn_op(EVTCHNOP_bind_ipi, &b) != 0)
        error("no port for an IPI");
    return b.port;
}

static int64_t send(uint32_t port) { return evtchn_op(EVTCHNOP_send, &(struct evtchn_send){ .port = port }); }
static int64_t unmask(uint32_t port) { return evtchn_op(EVTCHNOP_unmask, &(struct evtchn_unmask){ .port = port }); }
static int64_t close_port(uint32_t port) { return evtchn_op(EVTCHNOP_close, &(struct evtchn_close){ .port = port }); }

/* The local APIC's vector, each vCPU's own; the way of a current Linux. */
static void use_upcall_vector(void)
{
    struct xen_hvm_evtchn_upcall_vector u = { .vcpu = 0, .vector = UPCALL };

    apic_start(true);
    irq_set(UPCALL, upcall);
    by_lapic = true;
    check_equal(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), 0);
    info()->evtchn_upcall_pending = 0;
    upcalls = 0;
}

static void two_level(void)
{
    uint32_t port = bind_ipi();
    struct evtchn_status st = { .dom = DOMID_SELF, .port = port };

    set_mask(port, false);
    check_equal(evtchn_op(EVTCHNOP_status, &st), 0);
    check_equal(st.status, EVTCHNSTAT_ipi);
    check_equal(send(port), 0);
    check_equal(info()->evtchn_upcall_pending, 1);
    check(info()->evtchn_pending_sel & 1UL << port / 64);
    check(wait_for(1));
    check(test_and_clear(shared_info()->evtchn_pending, port));
    info()->evtchn_pending_sel = 0;
    /* Pending already: no second upcall. */
    send(port);
    send(port);
    let_in();
    check_equal(upcalls, 2);
    info()->evtchn_pending_sel = 0;
    test_and_clear(shared_info()->evtchn_pending, port);
    /* Masked: pending, but nobody is told before the unmask. */
    set_mask(port, true);
    send(port);
    let_in();
    check_equal(upcalls, 2);
    check(shared_info()->evtchn_pending[port / 64] >> port % 64 & 1);
    check_equal(unmask(port), 0);
    check(wait_for(3));
    test_and_clear(shared_info()->evtchn_pending, port);
    info()->evtchn_pending_sel = 0;
    check_equal(close_port(port), 0);
    check_equal(send(port), -XEN_EINVAL);
    check_equal(close_port(port), -XEN_EINVAL);
}

GUEST_TEST(events_2level_upcall, "2-level: send, mask, unmask and close, told by the upcall vector")
{
    use_upcall_vector();
    two_level();
}

GUEST_TEST(events_poll, "SCHEDOP_poll ends for a masked pending port, for its timeout, and refuses what is no port")
{
    evtchn_port_t port = bind_ipi(), bad = 0x7fffffff;
    struct sched_poll p = { .nr_ports = 1, .timeout = 0 };
    struct vcpu_time_info *t = (void *)(uintptr_t)&info()->time;
    uint64_t before;

    info()->evtchn_upcall_pending = 0;
    set_mask(port, true);
    send(port);
    set_xen_guest_handle(p.ports, &port);
    check_equal(sched_op(SCHEDOP_poll, &p), 0);          /* at once */
    test_and_clear(shared_info()->evtchn_pending, port);
    p.timeout = t->system_time + 1;                       /* long ago */
    check_equal(sched_op(SCHEDOP_poll, &p), 0);
    before = rdtsc();
    p.timeout = ~0UL >> 1;
    p.nr_ports = 1000;
    check_equal(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL);
    p.nr_ports = 1;
    set_xen_guest_handle(p.ports, &bad);
    check_equal(sched_op(SCHEDOP_poll, &p), -XEN_EINVAL);
    check(rdtsc() - before < PATIENCE);
    close_port(port);
}

static void timers(void)
{
    struct evtchn_bind_virq v = { .virq = VIRQ_TIMER, .vcpu = 0 };
    struct vcpu_set_singleshot_timer s = { .flags = 0 };
    unsigned int before = upcalls;

    check_equal(evtchn_op(EVTCHNOP_bind_virq, &v), 0);
    check_equal(evtchn_op(EVTCHNOP_bind_virq, &(struct evtchn_bind_virq){ .virq = VIRQ_TIMER }), -XEN_EEXIST);
    unmask(v.port);
    vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    info()->evtchn_upcall_pending = 0;
    s.timeout_abs_ns = 1;                                 /* past: at once */
    check_equal(vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
    check(wait_for(before + 1));
    check(test_and_clear(shared_info()->evtchn_pending, v.port));
    info()->evtchn_pending_sel = 0;
    s.flags = VCPU_SSHOTTMR_future;
    check_equal(vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), -XEN_ETIME);
    s.flags = 0;
    s.timeout_abs_ns = ~0UL >> 1;
    check_equal(vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
    check_equal(vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
    before = upcalls;
    check_equal(hypercall(__HYPERVISOR_set_timer_op, 1, 0, 0, 0, 0), 0);
    check(wait_for(before + 1));
    test_and_clear(shared_info()->evtchn_pending, v.port);
    info()->evtchn_pending_sel = 0;
    close_port(v.port);
}

GUEST_TEST(events_timer, "VIRQ_TIMER comes from the singleshot timer and from set_timer_op")
{
    use_upcall_vector();
    timers();
}

GUEST_TEST(events_interdomain, "a port bound to one of our own delivers both ways")
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF, .remote_dom = DOMID_SELF };
    struct evtchn_bind_interdomain b = { .remote_dom = DOMID_SELF };

    use_upcall_vector();
    check_equal(evtchn_op(EVTCHNOP_alloc_unbound, &a), 0);
    b.remote_port = a.port;
    check_equal(evtchn_op(EVTCHNOP_bind_interdomain, &b), 0);
    test_and_clear(shared_info()->evtchn_pending, a.port);
    test_and_clear(shared_info()->evtchn_pending, b.local_port);
    set_mask(a.port, false);
    set_mask(b.local_port, false);
    info()->evtchn_upcall_pending = 0;
    info()->evtchn_pending_sel = 0;
    send(a.port);
    check(test_and_clear(shared_info()->evtchn_pending, b.local_port));
    send(b.local_port);
    check(test_and_clear(shared_info()->evtchn_pending, a.port));
    check_equal(close_port(a.port), 0);
    check_equal(send(b.local_port), 0);                   /* unbound now: nobody listens */
    check_equal(close_port(b.local_port), 0);
    let_in();
    info()->evtchn_pending_sel = 0;
}

/* Before any test that sets an upcall vector: that cannot be taken back. */
GUEST_TEST(events_callback, "the callback vector of HVM_PARAM_CALLBACK_IRQ needs no local APIC")
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 2UL << 56 | CALLBACK };

    (void)info();
    irq_set(CALLBACK, upcall);
    by_lapic = false;
    upcalls = 0;
    info()->evtchn_upcall_pending = 0;
    check_equal(hvm_op(HVMOP_set_param, &p), 0);
    two_level();
    timers();
}

/* ---- FIFO ---- */

static struct evtchn_fifo_control_block *control;
static event_word_t *words;

static void use_fifo(void)
{
    struct evtchn_init_control c = { .vcpu = 0, .offset = 0 };
    struct evtchn_expand_array x;

    evtchn_op(EVTCHNOP_reset, &(struct evtchn_reset){ .dom = DOMID_SELF });
    control = page_alloc();
    words = page_alloc();
    c.control_gfn = address(control) >> 12;
    check_equal(evtchn_op(EVTCHNOP_init_control, &c), 0);
    check_equal(c.link_bits, EVTCHN_FIFO_LINK_BITS);
    x.array_gfn = address(words) >> 12;
    check_equal(evtchn_op(EVTCHNOP_expand_array, &x), 0);
}

GUEST_TEST(events_fifo, "FIFO: events are linked in the order in which they came, by priority")
{
    uint32_t port[3];

    use_fifo();
    use_upcall_vector();
    for (unsigned int i = 0; i < 3; i++) {
        port[i] = bind_ipi();
        check_equal(unmask(port[i]), 0);
    }
    check_equal(evtchn_op(EVTCHNOP_set_priority, &(struct evtchn_set_priority){ .port = port[2], .priority = 3 }), 0);
    send(port[1]);
    send(port[0]);
    send(port[2]);
    check(wait_for(1));
    check_equal(upcalls, 1);
    check_equal(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT | 1U << 3);
    check_equal(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port[1]);
    check_equal(words[port[1]] & ((1U << EVTCHN_FIFO_LINK_BITS) - 1), port[0]);
    check_equal(control->head[3], port[2]);
    for (unsigned int i = 0; i < 3; i++)
        check(words[port[i]] >> EVTCHN_FIFO_PENDING & 1);
    check_equal(evtchn_op(EVTCHNOP_init_control, &(struct evtchn_init_control){ .control_gfn = 1, .vcpu = 0 }), -XEN_EINVAL);
    check_equal(evtchn_op(EVTCHNOP_reset, &(struct evtchn_reset){ .dom = DOMID_SELF }), 0);
}
