/* SPDX-License-Identifier: BSD-2-Clause */
/* The paravirtual clock, the wall clock and the record of a vCPU's states (xen/xen.h, xen/vcpu.h). */
#include "cpu.h"
#include "hypercall.h"

static uint64_t clock_at(const volatile struct vcpu_time_info *t, uint64_t *tsc)
{
    uint32_t version;
    uint64_t delta, now;

    do {
        version = t->version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        *tsc = rdtsc();
        delta = *tsc - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        now = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != t->version);
    return now;
}

GUEST_TEST(time_pvclock, "the clock never goes backwards and keeps the pace of the TSC")
{
    const volatile struct vcpu_time_info *t = &shared_info()->vcpu_info[0].time;
    uint64_t tsc, last = clock_at(t, &tsc), first = last, first_tsc = tsc, khz, should;
    struct cpuid c = cpuid(0x40000003, 0);

    for (int i = 0; i < 20000; i++) {
        uint64_t now = clock_at(t, &tsc);

        if (now < last) {
            fail("%lu after %lu", now, last);
            return;
        }
        last = now;
        if (i % 1000 == 0)
            (void)cpuid(0, 0);
    }
    khz = c.ecx;
    check(khz > 1000);
    should = (tsc - first_tsc) * 1000000 / khz;
    check(last - first <= should + should / 1000 + 1000 && last - first + should / 1000 + 1000 >= should);
    check(t->flags & XEN_PVCLOCK_TSC_STABLE_BIT);
}

GUEST_TEST(time_wallclock, "the wall clock is a date of our time, and its halves agree")
{
    struct shared_info *s = shared_info();
    uint64_t seconds = s->wc_sec | (uint64_t)s->wc_sec_hi << 32;

    check(!(s->wc_version & 1));
    check(s->wc_nsec < 1000000000);
    check(seconds > 1700000000 && seconds < 4000000000);
}

GUEST_TEST(time_poll, "SCHEDOP_poll sleeps until its time and not much longer")
{
    const volatile struct vcpu_time_info *t = &shared_info()->vcpu_info[0].time;
    struct sched_poll p = { .nr_ports = 0 };
    uint64_t tsc, now;

    shared_info()->vcpu_info[0].evtchn_upcall_pending = 0;
    p.timeout = clock_at(t, &tsc) + 3000000;
    check_equal(sched_op(SCHEDOP_poll, &p), 0);
    now = clock_at(t, &tsc);
    if (now < p.timeout || now > p.timeout + 5000000)
        fail("%lu for %lu", now, (uint64_t)p.timeout);
}

GUEST_TEST(time_areas, "a second copy of the time and the record of states are kept where we say")
{
    static struct vcpu_time_info copy;
    static struct vcpu_runstate_info run;
    struct vcpu_register_time_memory_area a;
    struct vcpu_register_runstate_memory_area r;
    uint64_t tsc, one, two, sum = 0;

    a.addr.p = address(&copy);
    check_equal(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a), 0);
    one = clock_at(&shared_info()->vcpu_info[0].time, &tsc);
    two = clock_at(&copy, &tsc);
    check(two >= one && two - one < 100000000);
    r.addr.p = address(&run);
    check_equal(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &r), 0);
    check_equal(run.state, RUNSTATE_running);
    for (unsigned int i = 0; i < 4; i++)
        sum += run.time[i];
    check(run.state_entry_time > 0 && run.state_entry_time <= two + 1000000000);
    check(sum <= two + 1000000000);
    a.addr.p = UNMAPPED_ADDRESS;
    check(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &a) < 0);
    check(vcpu_op(VCPUOP_register_runstate_memory_area, 99, &r) == -XEN_ENOENT);
}
