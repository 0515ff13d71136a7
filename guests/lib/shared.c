/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor shares with a guest: its page of information, with the clock, and, of dom0's guests, the console ring. */
#include "cpu.h"
#include "hypercall.h"

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/io/console.h>

#define PORT_DEBUG 0xe9

struct shared_info *shared_info(void)
{
    static struct shared_info *s;
    struct xen_add_to_physmap a = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info };
    struct shared_info *page;

    if (s)
        return s;
    page = page_alloc();
    a.gpfn = address(page) >> 12;
    if (memory_op(XENMEM_add_to_physmap, &a) != 0)
        error("shared_info cannot be mapped");
    else
        s = page;
    return s;
}

uint64_t clock_now(void)
{
    const volatile struct vcpu_time_info *t = &shared_info()->vcpu_info[this_cpu()->index].time;
    uint32_t version;
    uint64_t delta, now;

    do {
        version = t->version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        delta = rdtsc() - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        now = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != t->version);
    return now;
}

static uint64_t hvm_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hvm_op(HVMOP_get_param, &p) == 0 ? p.value : 0;
}

static bool is_dom0(void)
{
    const struct hvm_start_info *s = start_info();

    return s && (s->flags & SIF_INITDOMAIN);
}

/* Waits for xenconsoled where the ring is full. */
static void ring_write(volatile struct xencons_interface *ring, uint32_t port, const char *text, size_t size)
{
    struct evtchn_send e = { .port = port };

    while (size > 0) {
        uint32_t at = ring->out_prod;

        if (at - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) < sizeof(ring->out)) {
            ring->out[at % sizeof(ring->out)] = *text++;
            __atomic_store_n(&ring->out_prod, at + 1, __ATOMIC_RELEASE);
            size--;
        } else {
            evtchn_op(EVTCHNOP_send, &e);
            sched_op(SCHEDOP_yield, NULL);
        }
    }
    evtchn_op(EVTCHNOP_send, &e);
}

/* Xen takes text by hypercall from dom0 alone; what other guests write to port 0xE9 stands in its log as well. */
static void log_write(const char *text, size_t size)
{
    if (hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, size, address(text), 0, 0) >= 0)
        return;
    for (size_t i = 0; i < size; i++)
        out8(PORT_DEBUG, (uint8_t)text[i]);
}

void console_write(const char *text, size_t size)
{
    static volatile struct xencons_interface *ring;
    static uint32_t port;

    if (!ring && !is_dom0() && !command_line_has("log")) {
        port = (uint32_t)hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
        ring = (void *)(hvm_param(HVM_PARAM_CONSOLE_PFN) << 12);
    }
    if (ring)
        ring_write(ring, port, text, size);
    else
        log_write(text, size);
}
