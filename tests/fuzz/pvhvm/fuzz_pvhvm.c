/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences of event-channel and grant operations of two domains, with the shared pages rewritten
 * in between as the input says. Beside crashes: bindings stay symmetric, counters true, queue tails
 * are ports that exist, pins balance.
 */
#include <pvhvm/evtchn.h>
#include <pvhvm/gnttab.h>

#include "../../unit/pvhvm/evtchn_world.h"

#define CHECK(x) do { if (!(x)) __builtin_trap(); } while (0)
#define MAX_HELD 64

static struct world_domain *w[2];
static struct gnttab g;
static _Alignas(4096) grant_entry_v1_t grants[2][512];
static struct { uint32_t ref, flags; } held[MAX_HELD];
static uint32_t held_count;
static const uint8_t *in;
static size_t left;

static uint32_t byte(void)
{
    return left ? left--, *in++ : 0;
}
static uint32_t word(void)
{
    uint32_t a = byte(), b = byte(), c = byte();
    return a | b << 8 | c << 16 | byte() << 24;
}
/* Mostly small numbers, sometimes anything. */
static uint32_t port(void)
{
    uint32_t b = byte();
    return b < 250 ? b : word();
}

static void scribble(uint32_t d)
{
    uint32_t what = byte(), v = word(), at = byte();

    switch (what % 6) {
    case 0: w[d]->words[0][at] = v; break;
    case 1: ((uint32_t *)&w[d]->control[at % WORLD_VCPUS])[at / 4 % 18] = v; break;
    case 2: ((uint32_t *)(void *)w[d]->shared)[(at << 2 | byte() % 4) % 1024] = v; break;
    case 3: ((uint32_t *)(void *)grants)[at % 64] = v; break;
    case 4:
        grants[0][at % 16] = (grant_entry_v1_t){ .flags = (uint16_t)(v & 0x1f),
                                                 .domid = (domid_t)(v >> 8 & 1),
                                                 .frame = v };
        break;
    case 5: memset(w[d]->words, (int)(v & 0xff), sizeof(w[d]->words)); break;
    }
}

static void evtchn_op(uint32_t d)
{
    struct evtchn_domain *e = &w[d]->ev, *o = &w[!d]->ev;
    struct evtchn_status s = { 0 };
    uint32_t p = port(), a = byte(), out, out2;

    switch (byte() % 18) {
    case 0: (void)!evtchn_alloc_unbound(e, (domid_t)(a & 1), &out); break;
    case 1: (void)!evtchn_bind_interdomain(e, a & 1 ? e : o, p, &out, &out2); break;
    case 2: (void)!evtchn_bind_virq(e, a, p, &out); break;
    case 3: (void)!evtchn_bind_ipi(e, a, &out); break;
    case 4: (void)!evtchn_bind_vcpu(e, p, a); break;
    case 5: (void)!evtchn_close(e, p, o); break;
    case 6: case 7: (void)!evtchn_send(e, p, o, &out, &out2); break;
    case 8: (void)evtchn_set_pending(e, p); break;
    case 9: (void)evtchn_raise_virq(e, a, p); break;
    case 10: (void)!evtchn_unmask(e, p, &out); break;
    case 11: s.port = p; (void)!evtchn_status(e, &s); break;
    case 12: (void)!evtchn_set_priority(e, p, a % 17); break;
    case 13: (void)!evtchn_fifo_init_control(e, a, &w[d]->control[a % WORLD_VCPUS]); break;
    case 14:
        if (e->fifo_page_count < WORLD_PAGES)
            (void)!evtchn_fifo_expand(e, w[d]->words[e->fifo_page_count]);
        break;
    case 15: (void)evtchn_reset(e); break;
    case 16: e->shared_32bit = a & 1; break;
    case 17:
        (void)!evtchn_alloc_unbound_xen(e, (domid_t)(a & 1), p, &out);
        (void)!evtchn_close_xen(e, port(), o);
        break;
    }
    (void)evtchn_is_pending(e, p);
    (void)evtchn_is_masked(e, p);
    (void)evtchn_upcall_pending(e, a);
}

static void grant_op(void)
{
    uint32_t ref = port(), flags = byte() % 8;
    int64_t h;
    gfn_t gfn;

    switch (byte() % 6) {
    case 0: case 1:
        if (held_count < MAX_HELD &&
            gnttab_acquire(&g, ref, flags & 1, flags, &gfn) == GNTST_okay) {
            held[held_count].ref = ref;
            held[held_count++].flags = flags;
        }
        break;
    case 2:
        if (held_count) {
            uint32_t i = ref % held_count;
            gnttab_release(&g, held[i].ref, held[i].flags);
            held[i] = held[--held_count];
        }
        break;
    case 3: (void)!gnttab_swap(&g, ref, port()); break;
    case 4:
        h = gnttab_track(&g, 1, ref, 1, ref, ref);
        CHECK(h < 0 || gnttab_tracked(&g, (uint32_t)h));
        break;
    case 5: if (gnttab_tracked(&g, ref)) gnttab_untrack(&g, ref); break;
    }
}

static void check(uint32_t d)
{
    struct evtchn_domain *e = &w[d]->ev;
    uint32_t used = 0, xen = 0, p, v, q;

    for (p = 0; p < e->port_limit; p++) {
        struct evtchn *c = evtchn_port(e, p), *r;

        used += c->state > EVT_RESERVED;
        xen += c->xen_consumer;
        CHECK(c->notify_vcpu < e->vcpu_count && c->last_vcpu < e->vcpu_count && c->priority < 16 &&
              c->last_priority < 16);
        if (c->state == EVT_INTERDOMAIN) {
            r = evtchn_port(&w[c->inter.remote]->ev, c->inter.remote_port);
            CHECK(r && r->state == EVT_INTERDOMAIN && r->inter.remote == d &&
                  r->inter.remote_port == p);
        }
        if (c->state == EVT_VIRQ)
            CHECK(p == (evtchn_virq_is_global(c->virq)
                            ? e->global_virq_port[c->virq]
                            : e->vcpu[c->notify_vcpu].virq_port[c->virq]));
    }
    CHECK(e->in_use == used && e->xen_in_use == xen);
    for (v = 0; v < e->vcpu_count; v++)
        for (q = 0; q < 16; q++)
            CHECK(e->vcpu[v].fifo_tail[q] < e->port_limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t d;

    in = data;
    left = size;
    for (d = 0; d < 2; d++) {
        if (w[d] == NULL)
            w[d] = aligned_alloc(4096, sizeof(*w[d]));
        CHECK(world_domain_init(w[d], (domid_t)d) == 0);
    }
    memset(grants, 0, sizeof(grants));
    held_count = 0;
    CHECK(gnttab_init(&g, 0, 2, 1, world_alloc, world_free) == 0);
    CHECK(gnttab_grow(&g, grants[0]) == 0);
    while (left > 0) {
        uint32_t b = byte();

        d = b & 1;
        if (b % 8 < 5)
            evtchn_op(d);
        else if (b % 8 < 7)
            scribble(d);
        else
            grant_op();
    }
    check(0);
    check(1);
    while (held_count > 0) {
        held_count--;
        gnttab_release(&g, held[held_count].ref, held[held_count].flags);
    }
    CHECK(gnttab_pinned_count(&g) == 0);
    gnttab_fini(&g);
    evtchn_fini(&w[0]->ev);
    evtchn_fini(&w[1]->ev);
    CHECK(world_live_allocs == 0);
    return 0;
}
