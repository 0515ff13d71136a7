/* SPDX-License-Identifier: BSD-2-Clause */
/* Event channels and the paravirtual clock between CPUs. */
#include "apic.h"
#include "cpu.h"
#include "hypercall.h"

#define UPCALL 0xf4
#define PATIENCE (400000000UL * cpus_told())

static volatile unsigned int upcalls[CPUS_MAX];
static evtchn_port_t port[CPUS_MAX];

static void upcall(struct trap_frame *f unused_arg)
{
    unsigned int me = this_cpu()->index;

    shared_info()->vcpu_info[me].evtchn_upcall_pending = 0;
    upcalls[me]++;
    apic_eoi();
}

static void set_mask(evtchn_port_t p, bool on)
{
    xen_ulong_t *word = &shared_info()->evtchn_mask[p / 64];

    if (on)
        __atomic_fetch_or(word, 1UL << p % 64, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(word, ~(1UL << p % 64), __ATOMIC_SEQ_CST);
}

static bool take_pending(evtchn_port_t p)
{
    xen_ulong_t bit = 1UL << p % 64;

    return __atomic_fetch_and(&shared_info()->evtchn_pending[p / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

static void bind_all(unsigned int n, bool masked)
{
    for (unsigned int i = 0; i < n; i++) {
        struct evtchn_bind_ipi b = { .vcpu = i };

        check_equal(evtchn_op(EVTCHNOP_bind_ipi, &b), 0);
        port[i] = b.port;
        set_mask(b.port, masked);
    }
}

static void close_all(unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        evtchn_op(EVTCHNOP_close, &(struct evtchn_close){ .port = port[i] });
}

static int64_t send(evtchn_port_t p) { return evtchn_op(EVTCHNOP_send, &(struct evtchn_send){ .port = p }); }

GUEST_TEST(smp_events, "an event for another CPU reaches that CPU's vector, awake or halted")
{
    unsigned int n = cpus_start();

    irq_set(UPCALL, upcall);
    bind_all(n, false);
    for (unsigned int i = 0; i < n; i++) {
        struct xen_hvm_evtchn_upcall_vector u = { .vcpu = i, .vector = UPCALL };

        check_equal(hvm_op(HVMOP_set_evtchn_upcall_vector, &u), 0);
        upcalls[i] = 0;
    }
    for (unsigned int round = 1; round <= 50; round++)
        for (unsigned int i = 1; i < n; i++) {
            uint64_t end = rdtsc() + PATIENCE;

            send(port[i]);
            while (upcalls[i] < round && rdtsc() < end)
                pause();
            if (!check_equal(upcalls[i], round))
                return;
            check(take_pending(port[i]));
            shared_info()->vcpu_info[i].evtchn_pending_sel = 0;
        }
    check_equal(upcalls[0], 0);
    close_all(n);
}

/* Sleeps in SCHEDOP_poll until its (masked) port is pending, then wakes the other. */
static void play(void *p)
{
    unsigned int me = this_cpu()->index, rounds = *(unsigned int *)p;
    struct sched_poll poll = { .nr_ports = 1 };

    set_xen_guest_handle(poll.ports, &port[me]);
    for (unsigned int i = 0; i < rounds; i++) {
        while (!take_pending(port[me]))
            sched_op(SCHEDOP_poll, &poll);
        send(port[1 - me]);
    }
}

GUEST_TEST(smp_poll, "a thousand events to and fro between CPUs that sleep in SCHEDOP_poll lose none")
{
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 1000);

    if (cpus_start() < 2) {
        skip("one CPU");
        return;
    }
    bind_all(2, true);
    cpu_begin(1, play, &rounds);
    send(port[0]);
    play(&rounds);
    cpu_finish(1);
    take_pending(port[0]);
    close_all(2);
}

struct turns { volatile unsigned int turn; volatile uint64_t last; unsigned int cpus, bad; };

static void read_clock(void *p)
{
    struct turns *c = p;

    for (unsigned int i = 0; i < 300; i++) {
        uint64_t now;

        while (c->turn % c->cpus != this_cpu()->index)
            pause();
        now = clock_now();
        if (now < c->last)
            c->bad++;
        c->last = now;
        __atomic_store_n(&c->turn, c->turn + 1, __ATOMIC_SEQ_CST);
    }
}

GUEST_TEST(smp_pvclock, "the paravirtual clock does not go backwards from CPU to CPU")
{
    struct turns c = { .cpus = cpus_start() };

    (void)shared_info();
    for (unsigned int i = 1; i < c.cpus; i++)
        cpu_begin(i, read_clock, &c);
    read_clock(&c);
    for (unsigned int i = 1; i < c.cpus; i++)
        cpu_finish(i);
    check_equal(c.bad, 0);
}
