/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest and hypervisor at the same time: one thread sends, one is the guest. The guest masks a port
 * while it handles an event, and unmasks it by itself or by hypercall. Before each send the sender
 * advances the port's number; the guest notes the number it saw last. When both are done every port
 * must have been seen with its last number: no event is lost. A third thread scribbles over
 * everything that is shared in the hostile test: there, all that must hold is that the sender comes
 * to its end.
 */
#include <pvhvm/evtchn.h>

#include "../../unit/pvhvm/evtchn_world.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PORTS 12U
#define SENDS 60000U

static struct world_domain *w;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;      /* the EVTCHN lock */
static uint32_t sent[PORTS + 1], seen[PORTS + 1];
static bool done, fifo;

static uint32_t next(uint32_t *s)
{
    *s = *s * 1664525 + 1013904223;
    return *s >> 8;
}

static void *sender(void *arg)
{
    uint32_t s = 1, i, p;

    for (i = 0; i < SENDS; i++) {
        p = 1 + next(&s) % PORTS;
        __atomic_add_fetch(&sent[p], 1, __ATOMIC_SEQ_CST);
        pthread_mutex_lock(&lock);
        (void)evtchn_set_pending(&w->ev, p);
        if (fifo && next(&s) % 64 == 0)
            (void)!evtchn_set_priority(&w->ev, p, next(&s) % 16);
        pthread_mutex_unlock(&lock);
        if (next(&s) % 32 == 0)
            sched_yield();
    }
    __atomic_store_n(&done, true, __ATOMIC_SEQ_CST);
    return arg;
}

static void hypercall_unmask(uint32_t p)
{
    uint32_t notify;

    pthread_mutex_lock(&lock);
    (void)!evtchn_unmask(&w->ev, p, &notify);
    pthread_mutex_unlock(&lock);
}

static void handle(uint32_t p)
{
    struct shared_info *s = (struct shared_info *)(void *)w->shared;

    if (fifo)
        guest_fifo_mask(w, p);
    else
        __atomic_fetch_or(&s->evtchn_mask[0], 1UL << p, __ATOMIC_SEQ_CST);
    __atomic_store_n(&seen[p], __atomic_load_n(&sent[p], __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
    if (!fifo || guest_fifo_unmask(w, p))
        hypercall_unmask(p);
}

static void *guest(void *arg)
{
    uint32_t p;
    bool last;

    do {
        last = __atomic_load_n(&done, __ATOMIC_SEQ_CST);
        while (__atomic_exchange_n(&world_info(w, 0)->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST) !=
               0)
            while ((p = fifo ? guest_fifo_take(w, 0) : guest_2l_take(w, 0)) != 0)
                handle(p);
        sched_yield();
    } while (!last);
    return arg;
}

static void *vandal(void *arg)
{
    uint32_t s = 77, *word = (uint32_t *)(void *)&w->shared;

    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(guest_word(w, next(&s) % (PORTS + 1)), next(&s) << 8 | next(&s),
                         __ATOMIC_RELAXED);
        __atomic_store_n((uint32_t *)&w->control[0] + next(&s) % 18, next(&s) << 8,
                         __ATOMIC_RELAXED);
        __atomic_store_n(word + next(&s) % 1024, next(&s) << 8, __ATOMIC_RELAXED);
    }
    return arg;
}

/* Breaks the rules for linked words, but leaves BUSY to the hypervisor. */
static void *link_toggler(void *arg)
{
    uint32_t s = 5;

    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST))
        __atomic_fetch_xor(guest_word(w, 1 + next(&s) % PORTS),
                           next(&s) % 4 ? 1 : W_PENDING | W_LINKED, __ATOMIC_SEQ_CST);
    return arg;
}

static void start(bool use_fifo)
{
    uint32_t i, p;

    fifo = use_fifo;
    done = false;
    memset(sent, 0, sizeof(sent));
    memset(seen, 0, sizeof(seen));
    assert_int_equal(world_domain_init(w, 1), 0);
    if (fifo)
        assert_int_equal(world_fifo_init(w, 1), 0);
    for (i = 1; i <= PORTS; i++)
        assert_int_equal(evtchn_bind_ipi(&w->ev, 0, &p), 0);
}

static void run_both(void *(*other)(void *))
{
    pthread_t a, b;

    assert_int_equal(pthread_create(&a, NULL, sender, NULL), 0);
    assert_int_equal(pthread_create(&b, NULL, other, NULL), 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    evtchn_fini(&w->ev);
}

static void busy_is_never_left_behind(void **state)
{
    (void)state;
    start(true);
    run_both(link_toggler);
    for (uint32_t p = 1; p <= PORTS; p++)
        assert_int_equal(*guest_word(w, p) & W_BUSY, 0);
}

static void expect_all_seen(void)
{
    for (uint32_t p = 1; p <= PORTS; p++)
        assert_int_equal(seen[p], sent[p]);
}

static void fifo_loses_no_event_under_fire(void **state)
{
    (void)state;
    start(true);
    run_both(guest);
    expect_all_seen();
}

static void two_levels_lose_no_event_under_fire(void **state)
{
    (void)state;
    start(false);
    run_both(guest);
    expect_all_seen();
}

static void a_vandal_on_the_shared_pages_does_not_stop_the_sender(void **state)
{
    (void)state;
    start(true);
    run_both(vandal);
    start(false);
    run_both(vandal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifo_loses_no_event_under_fire),
        cmocka_unit_test(two_levels_lose_no_event_under_fire),
        cmocka_unit_test(busy_is_never_left_behind),
        cmocka_unit_test(a_vandal_on_the_shared_pages_does_not_stop_the_sender),
    };
    int rc;

    w = aligned_alloc(4096, sizeof(*w));
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(w);
    return rc;
}
