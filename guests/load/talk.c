/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that lives on another one's answers, as one with a network card or a disk does: load_fetch asks load_serve
 * and, when the answer is there, works on it for work= units. remote= is the other's domain, port= the port that the
 * server said; both have one CPU.
 */
#include "load.h"

static uint32_t port;

static void serve(unsigned int cpu)
{
    uint64_t work = command_line_number("work=", 5);

    while (!load_over(cpu)) {
        port_wait(port);
        burn(work);
        lanes[cpu].done++;
        port_send(port);
    }
}

static void fetch(unsigned int cpu)
{
    uint64_t work = command_line_number("work=", 20);

    while (!load_over(cpu)) {
        port_send(port);
        port_wait(port);
        burn(work);
        lanes[cpu].done++;
    }
}

GUEST_TEST(load_serve, "a guest answers another one")
{
    struct evtchn_alloc_unbound a = { .dom = DOMID_SELF };

    a.remote_dom = (domid_t)command_line_number("remote=", 0);
    if (!check_equal(evtchn_op(EVTCHNOP_alloc_unbound, &a), 0))
        return;
    port = a.port;
    print("load: port %u\n", port);
    load_run("serve", serve);
}

GUEST_TEST(load_fetch, "a guest asks another one and works on its answers")
{
    struct evtchn_bind_interdomain b = { .remote_dom = 0 };

    b.remote_dom = (domid_t)command_line_number("remote=", 0);
    b.remote_port = (evtchn_port_t)command_line_number("port=", 0);
    if (!check_equal(evtchn_op(EVTCHNOP_bind_interdomain, &b), 0))
        return;
    port = b.local_port;
    load_run("fetch", fetch);
}
