/* SPDX-License-Identifier: BSD-2-Clause */
/* The rings that a guest shares with dom0's daemons, rewritten while they are in use. Run with "log": the console is one of them. */
#include "cpu.h"
#include "hypercall.h"

#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

static uint64_t param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hvm_op(HVMOP_get_param, &p) == 0 ? p.value : 0;
}

static void notify(uint64_t port)
{
    struct evtchn_send e = { .port = (evtchn_port_t)port };

    evtchn_op(EVTCHNOP_send, &e);
}

static uint32_t random_index(void)
{
    return random32() % 2 ? random32() : random32() % 5000;
}

GUEST_TEST(rings_console, "a console ring whose indices jump about is xenconsoled's loss alone")
{
    volatile struct xencons_interface *ring = (void *)(param(HVM_PARAM_CONSOLE_PFN) << 12);
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 2000);

    if (!ring) {
        skip("there is no console");
        return;
    }
    for (unsigned int i = 0; i < rounds; i++) {
        ring->out_prod = random_index();
        if (random32() % 2)
            ring->out_cons = random_index();
        ring->in_prod = random_index();
        ring->out[random32() % sizeof(ring->out)] = (char)random32();
        notify(param(HVM_PARAM_CONSOLE_EVTCHN));
        if (i % 16 == 0)
            sched_op(SCHEDOP_yield, NULL);
    }
}

GUEST_TEST(rings_xenstore, "a xenstore ring of noise is xenstored's to refuse")
{
    volatile struct xenstore_domain_interface *ring = (void *)(param(HVM_PARAM_STORE_PFN) << 12);
    unsigned int rounds = (unsigned int)command_line_number("rounds=", 2000);

    if (!ring) {
        skip("there is no xenstore");
        return;
    }
    for (unsigned int i = 0; i < rounds; i++) {
        struct xsd_sockmsg m = { .type = random32() % 32, .req_id = random32(), .len = random32() % 3 ? random32() % 64 : random32() };

        memcpy((void *)(uintptr_t)ring->req, &m, sizeof(m));
        for (unsigned int n = sizeof(m); n < 256; n++)
            ring->req[n] = (char)random32();
        ring->req_prod = random32() % 2 ? ring->req_cons + random32() % 1100 : random_index();
        if (random32() % 4 == 0)
            ring->req_cons = random_index();
        ring->rsp_prod = random_index();
        ring->rsp_cons = random_index();
        notify(param(HVM_PARAM_STORE_EVTCHN));
        if (i % 16 == 0)
            sched_op(SCHEDOP_yield, NULL);
    }
}
