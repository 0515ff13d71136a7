/* SPDX-License-Identifier: BSD-2-Clause */
/* Routing, the slot of a vCPU and the ring, with the test as device model. */
#include <devmodel-glue/ioreq.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct world { struct ioreq_servers all; struct ioreq_server *s[IOREQ_MAX_SERVERS]; ioservid_t id[IOREQ_MAX_SERVERS]; };

static struct ioreq_server *make(struct world *w, unsigned int n)
{
    struct ioreq_server *s = calloc(1, sizeof(*s));

    s->page = aligned_alloc(4096, 4096);
    s->ring = aligned_alloc(4096, 4096);
    memset(s->page, 0, 4096);
    memset(s->ring, 0, 4096);
    s->buffered = s->enabled = true;
    for (uint32_t i = 0; i < IOREQ_MAX_VCPUS; i++)
        s->port[i] = 100 + i;
    assert_int_equal(ioreq_add(&w->all, s, &w->id[n]), 0);
    return w->s[n] = s;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    make(w, 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (unsigned int i = 0; i < IOREQ_MAX_SERVERS; i++)
        if (w->s[i]) {
            free(w->s[i]->page);
            free(w->s[i]->ring);
            free(w->s[i]);
        }
    free(w);
    return 0;
}

static struct ioreq *slot_of(struct ioreq_server *s, unsigned int vcpu) { return &s->page->vcpu_ioreq[vcpu]; }

static const struct ioreq_request read_port = { .type = IOREQ_TYPE_PIO, .read = true, .size = 2, .addr = 0x1f0 };

static void a_request_reaches_the_slot_of_its_vcpu_and_the_answer_comes_back(void **state)
{
    struct world *w = *state;
    struct ioreq *r = slot_of(w->s[0], 3);
    uint64_t data = 0;

    ioreq_send(w->s[0], 3, &read_port);
    assert_int_equal(r->state, STATE_IOREQ_READY);
    assert_int_equal(r->dir, IOREQ_READ);
    assert_int_equal(r->type, IOREQ_TYPE_PIO);
    assert_int_equal(r->addr, 0x1f0);
    assert_int_equal(r->size, 2);
    assert_int_equal(r->count, 1);
    assert_int_equal(r->data_is_ptr, 0);
    assert_int_equal(r->vp_eport, 103);
    assert_int_equal(ioreq_take(w->s[0], 3, &data), IOREQ_WAITING);
    r->state = STATE_IOREQ_INPROCESS;
    assert_int_equal(ioreq_take(w->s[0], 3, &data), IOREQ_WAITING);
    r->data = 0xbeef;
    r->state = STATE_IORESP_READY;
    assert_int_equal(ioreq_take(w->s[0], 3, &data), IOREQ_ANSWERED);
    assert_int_equal(data, 0xbeef);
    assert_int_equal(r->state, STATE_IOREQ_NONE);
    ioreq_send(w->s[0], 3, &read_port);
    assert_int_equal(r->state, STATE_IOREQ_READY);
}

static void no_other_order_of_states_is_taken(void **state)
{
    struct world *w = *state;
    struct ioreq_server *s = w->s[0];

    for (unsigned int before = 0; before < 3; before++)
        for (unsigned int now = 0; now < 16; now++) {
            /* READY, INPROCESS, RESP_READY in that order; never to NONE, never back, never above. */
            static const uint8_t order[] = { STATE_IOREQ_NONE, STATE_IOREQ_READY, STATE_IOREQ_INPROCESS };
            bool good = before != 0 && now != STATE_IOREQ_NONE && now <= STATE_IORESP_READY && now >= order[before];
            uint64_t data;

            memset(s->seen, 0, sizeof(s->seen));
            ioreq_send(s, 0, &read_port);
            s->seen[0] = order[before];
            slot_of(s, 0)->state = now & 15;
            assert_int_equal(ioreq_take(s, 0, &data) != IOREQ_BROKEN, good);
        }
}

static void what_the_server_writes_elsewhere_in_the_slot_is_not_believed(void **state)
{
    struct world *w = *state;
    uint64_t data;

    ioreq_send(w->s[0], 0, &read_port);
    memset(slot_of(w->s[0], 0), 0xff, sizeof(struct ioreq));
    slot_of(w->s[0], 0)->state = STATE_IORESP_READY;
    assert_int_equal(ioreq_take(w->s[0], 0, &data), IOREQ_ANSWERED);
    ioreq_send(w->s[0], 0, &read_port);
    assert_int_equal(slot_of(w->s[0], 0)->vp_eport, 100);
    assert_int_equal(slot_of(w->s[0], 0)->data_is_ptr, 0);
    assert_int_equal(slot_of(w->s[0], 0)->size, 2);
}

static struct ioreq_server *route_port(struct world *w, uint16_t port, unsigned int size)
{
    struct ioreq_request r = ioreq_from_port(&w->all, port, true, size, 0);
    ioservid_t id;

    return ioreq_route(&w->all, &r, &id);
}

static void only_an_access_that_lies_wholly_in_a_range_is_routed(void **state)
{
    struct world *w = *state;

    assert_int_equal(ioreq_ranges_add(&w->s[0]->ranges[XEN_DMOP_IO_RANGE_PORT], 0x1f0, 0x1f7), 0);
    assert_ptr_equal(route_port(w, 0x1f0, 4), w->s[0]);
    assert_ptr_equal(route_port(w, 0x1f7, 1), w->s[0]);
    assert_null(route_port(w, 0x1f7, 2));
    assert_null(route_port(w, 0x1ef, 2));
    w->s[0]->enabled = false;
    assert_null(route_port(w, 0x1f0, 1));
}

static void configuration_accesses_go_by_the_latch(void **state)
{
    struct world *w = *state;
    struct ioreq_request r;
    ioservid_t id;

    assert_int_equal(ioreq_ranges_add(&w->s[0]->ranges[XEN_DMOP_IO_RANGE_PCI], 0x10, 0x10), 0);
    assert_null(route_port(w, 0xcfc, 4));                    /* the latch is off: a port like others */
    (void)ioreq_from_port(&w->all, 0xcf8, false, 4, 0x80001004);
    r = ioreq_from_port(&w->all, 0xcfe, true, 2, 0);
    assert_int_equal(r.type, IOREQ_TYPE_PCI_CONFIG);
    assert_int_equal(r.addr, 0x10ULL << 32 | 6);
    assert_ptr_equal(ioreq_route(&w->all, &r, &id), w->s[0]);
    (void)ioreq_from_port(&w->all, 0xcf8, false, 1, 0);      /* bytes do not reach the latch */
    assert_ptr_equal(route_port(w, 0xcfc, 4), w->s[0]);
    (void)ioreq_from_port(&w->all, 0xcf8, false, 4, 0x80001104);
    assert_null(route_port(w, 0xcfc, 4));
}

static void of_two_that_claim_a_range_one_gets_it(void **state)
{
    struct world *w = *state;
    struct ioreq_server *second = make(w, 1);

    for (unsigned int i = 0; i < 2; i++)
        assert_int_equal(ioreq_ranges_add(&w->s[i]->ranges[XEN_DMOP_IO_RANGE_PORT], 0x60, 0x60), 0);
    assert_ptr_equal(route_port(w, 0x60, 1), second);
    ioreq_remove(&w->all, w->id[1]);
    assert_ptr_equal(route_port(w, 0x60, 1), w->s[0]);
    assert_null(ioreq_find(&w->all, w->id[1]));
    assert_null(ioreq_find(&w->all, IOREQ_MAX_SERVERS));
}

static void memory_that_wraps_is_nobodys(void **state)
{
    struct world *w = *state;
    struct ioreq_request r = ioreq_from_memory(UINT64_MAX - 2, true, 8, 0);
    ioservid_t id;

    assert_int_equal(ioreq_ranges_add(&w->s[0]->ranges[XEN_DMOP_IO_RANGE_MEMORY], 0, UINT64_MAX), 0);
    assert_null(ioreq_route(&w->all, &r, &id));
    r = ioreq_from_memory(0xa0000, true, 8, 0);
    assert_ptr_equal(ioreq_route(&w->all, &r, &id), w->s[0]);
}

static void there_are_only_so_many_servers(void **state)
{
    struct world *w = *state;
    ioservid_t id;

    for (unsigned int i = 1; i < IOREQ_MAX_SERVERS; i++)
        make(w, i);
    assert_int_equal(ioreq_add(&w->all, w->s[0], &id), -ENOSPC);
}

/* The server's side of the ring. */
static bool pop(struct ioreq_server *s, struct buf_ioreq *b)
{
    if (s->ring->read_pointer == s->ring->write_pointer)
        return false;
    *b = s->ring->buf_ioreq[s->ring->read_pointer % IOREQ_BUFFER_SLOT_NUM];
    s->ring->read_pointer++;
    return true;
}

static void the_ring_keeps_writes_in_order_and_gets_full(void **state)
{
    struct world *w = *state;
    struct ioreq_server *s = w->s[0];
    struct buf_ioreq b;

    for (unsigned int i = 0; i < IOREQ_BUFFER_SLOT_NUM; i++) {
        struct ioreq_request r = ioreq_from_memory(0xa0000 + i, false, 1, i & 0xff);

        assert_true(ioreq_push(s, &r));
    }
    struct ioreq_request more = ioreq_from_memory(0xa0000, false, 1, 0);

    assert_false(ioreq_push(s, &more));
    for (unsigned int i = 0; i < IOREQ_BUFFER_SLOT_NUM; i++) {
        assert_true(pop(s, &b));
        assert_int_equal(b.addr, 0xa0000 + i);
        assert_int_equal(b.data, i & 0xff);
        assert_int_equal(b.size, 0);
        assert_int_equal(b.dir, IOREQ_WRITE);
    }
    assert_false(pop(s, &b));
    assert_true(ioreq_push(s, &more));
}

static void eight_bytes_take_two_slots(void **state)
{
    struct world *w = *state;
    struct ioreq_request r = ioreq_from_memory(0xb8000, false, 8, 0x1122334455667788);
    struct buf_ioreq b;

    assert_true(ioreq_push(w->s[0], &r));
    assert_true(pop(w->s[0], &b));
    assert_int_equal(b.data, 0x55667788);
    assert_int_equal(b.size, 3);
    assert_true(pop(w->s[0], &b));
    assert_int_equal(b.data, 0x11223344);
}

static void what_the_ring_cannot_hold_is_sent(void **state)
{
    struct world *w = *state;
    struct ioreq_request read = ioreq_from_memory(0xa0000, true, 1, 0), high = ioreq_from_memory(0xfffff, false, 2, 0),
                         odd = ioreq_from_memory(0xa0000, false, 3, 0);

    assert_false(ioreq_push(w->s[0], &read));
    assert_false(ioreq_push(w->s[0], &high));
    assert_false(ioreq_push(w->s[0], &odd));
}

static void the_pointers_stay_small_for_ever(void **state)
{
    struct world *w = *state;
    struct ioreq_server *s = w->s[0];
    struct buf_ioreq b;

    for (uint32_t i = 0; i < 5000; i++) {
        struct ioreq_request r = ioreq_from_memory(0xa0000, false, 4, i);

        assert_true(ioreq_push(s, &r));
        assert_true(pop(s, &b));
        assert_int_equal(b.data, i);
        assert_true(s->ring->write_pointer <= 2 * IOREQ_BUFFER_SLOT_NUM);
    }
}

static void pointers_that_the_server_moves_harm_nobody(void **state)
{
    struct world *w = *state;
    struct ioreq_request r = ioreq_from_memory(0xa0000, false, 8, 0);

    srand(2);
    for (int i = 0; i < 10000; i++) {
        w->s[0]->ring->read_pointer = (uint32_t)rand() * (uint32_t)rand();
        w->s[0]->ring->write_pointer = (uint32_t)rand() * (uint32_t)rand();
        (void)ioreq_push(w->s[0], &r);      /* ASan looks */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_request_reaches_the_slot_of_its_vcpu_and_the_answer_comes_back),
        T(no_other_order_of_states_is_taken),
        T(what_the_server_writes_elsewhere_in_the_slot_is_not_believed),
        T(only_an_access_that_lies_wholly_in_a_range_is_routed),
        T(configuration_accesses_go_by_the_latch),
        T(of_two_that_claim_a_range_one_gets_it),
        T(memory_that_wraps_is_nobodys),
        T(there_are_only_so_many_servers),
        T(the_ring_keeps_writes_in_order_and_gets_full),
        T(eight_bytes_take_two_slots),
        T(what_the_ring_cannot_hold_is_sent),
        T(the_pointers_stay_small_for_ever),
        T(pointers_that_the_server_moves_harm_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
