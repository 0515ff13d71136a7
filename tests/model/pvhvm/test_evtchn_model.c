/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels against a model: two domains, random operations of both guests and of the
 * hypervisor. The model says which error each call returns, which port is given out, what status
 * every port has, and in which order events come: per vCPU and priority a plain list of ports.
 * Domain 0 uses FIFO, domain 1 the two levels; in every second run the other way round.
 */
#include <pvhvm/evtchn.h>

#include "../../unit/pvhvm/evtchn_world.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define PORTS 200U            /* max_port of the model domains; more than one bucket */
#define STEPS 20000
#define RUNS 6

struct mport {
    uint8_t state, prio;
    uint32_t vcpu, virq;
    domid_t remote;
    uint32_t remote_port;
    bool pending, masked, linked;
};
struct mdomain {
    bool fifo;
    struct mport port[PORTS + 1];
    uint32_t queue[WORLD_VCPUS][16][PORTS + 1], length[WORLD_VCPUS][16];
    bool byte[WORLD_VCPUS], busy[WORLD_VCPUS]; /* upcall byte; the guest is between clearing it and
                                                  the end of its scan */
};

static struct mdomain model[2];
static struct world_domain *world[2];
static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % n);
}

/* ---- the model ---- */

static uint32_t m_mark(struct mdomain *m, uint32_t vcpu)
{
    if (m->byte[vcpu])
        return EVTCHN_NOTIFY_NONE;
    m->byte[vcpu] = true;
    return vcpu;
}

/* Only for FIFO: which upcalls two levels make depends on selector words, compared through the real
 * bytes. */
static void m_raise(struct mdomain *m, uint32_t p)
{
    struct mport *e = &m->port[p];
    uint32_t *q, *n;

    e->pending = true;
    if (!m->fifo || e->masked || e->linked)
        return;
    e->linked = true;
    q = m->queue[e->vcpu][e->prio];
    n = &m->length[e->vcpu][e->prio];
    q[(*n)++] = p;
    if (*n == 1)
        (void)m_mark(m, e->vcpu);
}

static uint32_t m_take(struct mdomain *m, uint32_t vcpu)
{
    uint32_t prio, p, n;

    for (prio = 0; prio < 16; prio++)
        while ((n = m->length[vcpu][prio]) != 0) {
            p = m->queue[vcpu][prio][0];
            memmove(m->queue[vcpu][prio], m->queue[vcpu][prio] + 1, (n - 1) * sizeof(uint32_t));
            m->length[vcpu][prio]--;
            m->port[p].linked = false;
            if (m->port[p].pending && !m->port[p].masked) {
                m->port[p].pending = false;
                return p;
            }
        }
    return 0;
}

static uint32_t m_free_port(const struct mdomain *m)
{
    for (uint32_t p = 1; p <= PORTS; p++)
        if (m->port[p].state == EVT_FREE && !(m->fifo && m->port[p].linked))
            return p;
    return 0;
}

static struct mport *m_claim(struct mdomain *m, uint32_t p, uint8_t state, uint32_t vcpu)
{
    struct mport *e = &m->port[p];
    bool masked = e->masked, linked = e->linked;

    *e = (struct mport){ .state = state,
                         .vcpu = vcpu,
                         .prio = EVTCHN_FIFO_PRIORITY_DEFAULT,
                         .masked = masked,
                         .linked = linked };
    return e;
}

static bool m_virq_bound(const struct mdomain *m, uint32_t virq, uint32_t vcpu)
{
    for (uint32_t p = 1; p <= PORTS; p++)
        if (m->port[p].state == EVT_VIRQ && m->port[p].virq == virq &&
            (evtchn_virq_is_global(virq) || m->port[p].vcpu == vcpu))
            return true;
    return false;
}

/* ---- operations ---- */

static void op_alloc(uint32_t d)
{
    uint32_t p = 0, want = m_free_port(&model[d]);
    domid_t remote = (domid_t)rnd(2);

    assert_int_equal(evtchn_alloc_unbound(&world[d]->ev, remote, &p), want ? 0 : -ENOSPC);
    if (want) {
        assert_int_equal(p, want);
        m_claim(&model[d], p, EVT_UNBOUND, 0)->remote = remote;
    }
}

static void op_bind_interdomain(uint32_t l)
{
    uint32_t r = rnd(2), rp = rnd(PORTS + 20), lp = 0, want = m_free_port(&model[l]), notify;
    struct mport *e = rp <= PORTS ? &model[r].port[rp] : NULL;
    int rc = !e || e->state != EVT_UNBOUND || e->remote != l ? -EINVAL : want ? 0 : -ENOSPC;
    struct mport *le;

    assert_int_equal(evtchn_bind_interdomain(&world[l]->ev, &world[r]->ev, rp, &lp, &notify), rc);
    if (rc != 0)
        return;
    assert_int_equal(lp, want);
    le = m_claim(&model[l], lp, EVT_INTERDOMAIN, 0);
    le->remote = (domid_t)r;
    le->remote_port = rp;
    e->state = EVT_INTERDOMAIN;
    e->remote = (domid_t)l;
    e->remote_port = lp;
    m_raise(&model[l], lp);
}

static void op_bind_virq(uint32_t d)
{
    uint32_t virq = rnd(26), vcpu = rnd(3) ? 0 : rnd(WORLD_VCPUS + 1), p = 0,
             want = m_free_port(&model[d]);
    int rc = virq >= 24 || (evtchn_virq_is_global(virq) && vcpu) ? -EINVAL
             : vcpu >= WORLD_VCPUS                               ? -ENOENT
             : m_virq_bound(&model[d], virq, vcpu)               ? -EEXIST
             : want                                              ? 0
                                                                 : -ENOSPC;

    assert_int_equal(evtchn_bind_virq(&world[d]->ev, virq, vcpu, &p), rc);
    if (rc == 0) {
        assert_int_equal(p, want);
        m_claim(&model[d], p, EVT_VIRQ, vcpu)->virq = virq;
    }
}

static void op_bind_ipi(uint32_t d)
{
    uint32_t vcpu = rnd(WORLD_VCPUS + 1), p = 0, want = m_free_port(&model[d]);
    int rc = vcpu >= WORLD_VCPUS ? -ENOENT : want ? 0 : -ENOSPC;

    assert_int_equal(evtchn_bind_ipi(&world[d]->ev, vcpu, &p), rc);
    if (rc == 0) {
        assert_int_equal(p, want);
        (void)m_claim(&model[d], p, EVT_IPI, vcpu);
    }
}

static void op_bind_vcpu(uint32_t d)
{
    uint32_t p = rnd(PORTS + 1), vcpu = rnd(WORLD_VCPUS + 1);
    struct mport *e = &model[d].port[p];
    bool movable = e->state == EVT_UNBOUND || e->state == EVT_INTERDOMAIN ||
                   (e->state == EVT_VIRQ && evtchn_virq_is_global(e->virq));
    int rc = vcpu >= WORLD_VCPUS ? -ENOENT : movable ? 0 : -EINVAL;

    assert_int_equal(evtchn_bind_vcpu(&world[d]->ev, p, vcpu), rc);
    if (rc == 0)
        e->vcpu = vcpu;
}

static void op_close(uint32_t d)
{
    uint32_t p = rnd(PORTS + 1);
    struct mport *e = &model[d].port[p], *o;
    int rc = e->state <= EVT_RESERVED ? -EINVAL : 0;

    assert_int_equal(
        evtchn_close(&world[d]->ev, p, e->state == EVT_INTERDOMAIN ? &world[e->remote]->ev : NULL),
        rc);
    if (rc != 0)
        return;
    if (e->state == EVT_INTERDOMAIN) {
        o = &model[e->remote].port[e->remote_port];
        o->state = EVT_UNBOUND;
        o->remote = (domid_t)d;
    }
    e->state = EVT_FREE;
    e->vcpu = 0;
    e->pending = false;
}

static void op_send(uint32_t d)
{
    uint32_t p = rnd(PORTS + 1), where, notify;
    struct mport *e = &model[d].port[p];
    int rc =
        e->state == EVT_UNBOUND || e->state == EVT_INTERDOMAIN || e->state == EVT_IPI ? 0 : -EINVAL;

    assert_int_equal(evtchn_send(&world[d]->ev, p, &world[!d]->ev, &where, &notify), rc);
    if (rc != 0)
        return;
    if (e->state == EVT_INTERDOMAIN)
        m_raise(&model[e->remote], e->remote_port);
    else if (e->state == EVT_IPI)
        m_raise(&model[d], p);
}

static void op_raise_virq(uint32_t d)
{
    uint32_t virq = rnd(25), vcpu = rnd(WORLD_VCPUS);

    (void)evtchn_raise_virq(&world[d]->ev, virq, vcpu);
    for (uint32_t p = 1; p <= PORTS; p++) {
        struct mport *e = &model[d].port[p];

        if (e->state == EVT_VIRQ && e->virq == virq &&
            (evtchn_virq_is_global(virq) || e->vcpu == vcpu))
            m_raise(&model[d], p);
    }
}

static void op_priority(uint32_t d)
{
    uint32_t p = rnd(PORTS + 1), prio = rnd(18);
    int rc = !model[d].fifo ? -ENOSYS : prio > 15 ? -EINVAL : 0;

    assert_int_equal(evtchn_set_priority(&world[d]->ev, p, prio), rc);
    if (rc == 0)
        model[d].port[p].prio = (uint8_t)prio;
}

/* ---- the guests ---- */

static void guest_mask(uint32_t d)
{
    struct shared_info *s = (struct shared_info *)(void *)world[d]->shared;
    uint32_t p = 1 + rnd(PORTS);

    if (model[d].fifo)
        guest_fifo_mask(world[d], p);
    else
        s->evtchn_mask[p / 64] |= 1UL << (p % 64);
    model[d].port[p].masked = true;
}

static void unmask_port(uint32_t d, uint32_t p)
{
    struct mport *e = &model[d].port[p];
    uint32_t notify;
    bool ask;

    ask = model[d].fifo ? guest_fifo_unmask(world[d], p) : true;
    assert_true(!model[d].fifo || ask == e->pending);
    e->masked = false;
    if (!ask)
        return;
    assert_int_equal(evtchn_unmask(&world[d]->ev, p, &notify), 0);
    if (e->pending && e->state > EVT_RESERVED)
        m_raise(&model[d], p);
}

static void guest_unmask(uint32_t d)
{
    unmask_port(d, 1 + rnd(PORTS));
}

/* Takes one event, or comes to the end of the scan. */
static bool guest_take(uint32_t d, uint32_t vcpu)
{
    struct mdomain *m = &model[d];
    uint32_t p, want;

    if (!m->busy[vcpu]) {
        if (world_info(world[d], vcpu)->evtchn_upcall_pending == 0) {
            /* Without an upcall there must be nothing to take: this is how events get lost. */
            if (m->fifo)
                assert_int_equal(m->byte[vcpu], 0);
            assert_int_equal(m->fifo ? m_take(m, vcpu) : 0, 0);
            assert_int_equal(
                m->fifo ? guest_fifo_take(world[d], vcpu) : guest_2l_take(world[d], vcpu), 0);
            return false;
        }
        world_info(world[d], vcpu)->evtchn_upcall_pending = 0;
        m->byte[vcpu] = false;
        m->busy[vcpu] = true;
    }
    if (m->fifo) {
        p = guest_fifo_take(world[d], vcpu);
        want = m_take(m, vcpu);
        assert_int_equal(p, want);
    } else {
        p = guest_2l_take(world[d], vcpu);
        if (p != 0) {
            assert_true(m->port[p].pending && !m->port[p].masked);
            m->port[p].pending = false;
        }
    }
    m->busy[vcpu] = p != 0;
    return true;
}

/* ---- running ---- */

static void compare(uint32_t d)
{
    static const uint32_t status[] = { [EVT_FREE] = EVTCHNSTAT_closed,
                                       [EVT_RESERVED] = EVTCHNSTAT_closed,
                                       [EVT_UNBOUND] = EVTCHNSTAT_unbound,
                                       [EVT_VIRQ] = EVTCHNSTAT_virq,
                                       [EVT_INTERDOMAIN] = EVTCHNSTAT_interdomain,
                                       [EVT_IPI] = EVTCHNSTAT_ipi };
    struct mdomain *m = &model[d];
    uint32_t used = 0;

    for (uint32_t p = 0; p < world[d]->ev.port_limit && p <= PORTS; p++) {
        struct mport *e = &m->port[p];
        struct evtchn_status s = { .port = p };

        assert_int_equal(evtchn_status(&world[d]->ev, &s), 0);
        assert_int_equal(s.status, status[e->state]);
        assert_int_equal(s.vcpu, e->vcpu);
        used += e->state > EVT_RESERVED;
        if (e->state == EVT_UNBOUND)
            assert_int_equal(s.u.unbound.dom, e->remote);
        if (e->state == EVT_INTERDOMAIN) {
            assert_int_equal(s.u.interdomain.dom, e->remote);
            assert_int_equal(s.u.interdomain.port, e->remote_port);
        }
        if (e->state == EVT_VIRQ)
            assert_int_equal(s.u.virq, e->virq);
        if (p == 0)
            continue;
        assert_int_equal(evtchn_is_pending(&world[d]->ev, p), e->pending);
        assert_int_equal(evtchn_is_masked(&world[d]->ev, p), e->masked);
        if (m->fifo)
            assert_int_equal((*guest_word(world[d], p) & W_LINKED) != 0, e->linked);
    }
    assert_int_equal(world[d]->ev.in_use, used);
    for (uint32_t v = 0; m->fifo && v < WORLD_VCPUS; v++)
        assert_int_equal(evtchn_upcall_pending(&world[d]->ev, v), m->byte[v]);
}

static void settle(uint32_t d)
{
    for (uint32_t p = 1; p <= PORTS; p++)
        if (model[d].port[p].masked)
            unmask_port(d, p);
    for (uint32_t v = 0; v < WORLD_VCPUS; v++)
        while (guest_take(d, v))
            ;
    for (uint32_t p = 1; p <= PORTS; p++)
        assert_false(model[d].port[p].pending);    /* nothing was lost */
}

static void run(uint64_t s)
{
    static void (*const ops[])(uint32_t) = { op_alloc,
                                             op_bind_interdomain,
                                             op_bind_interdomain,
                                             op_bind_virq,
                                             op_bind_ipi,
                                             op_bind_vcpu,
                                             op_close,
                                             op_send,
                                             op_send,
                                             op_send,
                                             op_send,
                                             op_raise_virq,
                                             op_priority,
                                             guest_mask,
                                             guest_unmask };
    uint32_t i, d, p;

    seed = s * 0x9e3779b97f4a7c15ULL + 1;
    memset(model, 0, sizeof(model));
    for (d = 0; d < 2; d++) {
        assert_int_equal(world_domain_init(world[d], (domid_t)d), 0);
        world[d]->ev.max_port = PORTS;
        for (i = 1; i <= PORTS; i++) /* all structures exist: the model knows no others */
            assert_int_equal(evtchn_alloc_unbound(&world[d]->ev, 0, &p), 0);
        assert_int_equal(evtchn_reset(&world[d]->ev), 0);
        model[d].port[0].state = EVT_RESERVED;
        model[d].fifo = (d ^ s) & 1;
        if (model[d].fifo)
            assert_int_equal(world_fifo_init(world[d], 1), 0);
    }
    for (i = 0; i < STEPS; i++) {
        d = rnd(2);
        if (rnd(3) == 0)
            (void)guest_take(d, rnd(WORLD_VCPUS));
        else
            ops[rnd(ARRAY_COUNT(ops))](d);
        if (i % 64 == 0)
            compare(rnd(2));
        if (i % 1000 == 999)
            settle(rnd(2));
    }
    for (d = 0; d < 2; d++) {
        settle(d);
        compare(d);
        evtchn_fini(&world[d]->ev);
    }
}

static void random_operations_agree_with_the_model(void **state)
{
    const char *given = getenv("MODEL_SEED");
    uint64_t first = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    for (uint64_t s = first; s < first + RUNS; s++) {
        print_message("seed %lu\n", (unsigned long)s);
        run(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(random_operations_agree_with_the_model) };
    int rc;

    world[0] = aligned_alloc(4096, sizeof(struct world_domain));
    world[1] = aligned_alloc(4096, sizeof(struct world_domain));
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(world[0]);
    free(world[1]);
    return rc;
}
