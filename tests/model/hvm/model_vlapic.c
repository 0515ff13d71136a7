/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC against a model that knows nothing but sets of vectors: requested, in service, level. Random deliveries,
 * acceptances, EOIs and TPR changes; after each step both must name the same next vector and priority.
 */
#include <hvm/vlapic.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

struct model { bool irr[256], isr[256], level[256]; unsigned int tpr; };

static uint64_t seed;
static unsigned int below(unsigned int n)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned int)(seed >> 33) % n;
}

static int highest(const bool *set)
{
    for (int v = 255; v >= 0; v--)
        if (set[v])
            return v;
    return -1;
}
static unsigned int model_ppr(const struct model *m)
{
    int isr = highest(m->isr);

    return isr >= 0 && (unsigned int)isr >> 4 > m->tpr >> 4 ? (unsigned int)isr & 0xf0U : m->tpr;
}
static int model_pending(const struct model *m)
{
    int v = highest(m->irr);

    return v >= 0 && (unsigned int)v >> 4 > model_ppr(m) >> 4 ? v : -1;
}

static void do_step(struct vlapic *a, struct model *m)
{
    struct vlapic_effect e = { 0 };
    unsigned int v = 16 + below(240);
    int top;

    switch (below(5)) {
    case 0:
    case 1:
        m->level[v] = below(2) != 0;
        assert_int_equal(vlapic_set_irr(a, (uint8_t)v, m->level[v]), !m->irr[v]);
        m->irr[v] = true;
        break;
    case 2:
        top = model_pending(m);
        assert_int_equal(vlapic_pending(a), top);
        if (top < 0)
            break;
        vlapic_accept(a, (uint8_t)top);
        m->irr[top] = false;
        m->isr[top] = true;
        break;
    case 3:
        top = highest(m->isr);
        vlapic_eoi(a, &e);
        if (top < 0) {
            assert_int_equal(e.what, 0);
            break;
        }
        m->isr[top] = false;
        assert_int_equal((e.what & VLAPIC_EOI) != 0, m->level[top]);
        if (m->level[top])
            assert_int_equal(e.eoi_vector, top);
        break;
    default:
        m->tpr = below(4) == 0 ? below(256) : 0;
        vlapic_set_tpr(a, (uint8_t)m->tpr);
        break;
    }
    assert_int_equal(vlapic_ppr(a), model_ppr(m));
    assert_int_equal(vlapic_pending(a), model_pending(m));
    assert_int_equal(vlapic_highest_isr(a), highest(m->isr));
}

static void delivery_agrees_with_the_model(void **state)
{
    uint8_t *page = aligned_alloc(4096, 4096);
    struct vlapic a;
    struct vlapic_effect e = { 0 };
    struct model m = { 0 };

    (void)state;
    seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    vlapic_init(&a, page, 0, true);
    vlapic_write(&a, VLAPIC_REG_SVR, 0x1ff, 0, &e);
    for (int i = 0; i < 200000; i++)
        do_step(&a, &m);
    free(page);
}

/* Random register traffic and time: the deadline is never in the far past after expiry, counts never exceed the initial
 * count, a periodic timer keeps firing, a one-shot one fires at most once per start. */
static void timer_invariants_hold_under_random_programming(void **state)
{
    uint8_t *page = aligned_alloc(4096, 4096);
    struct vlapic a;
    struct vlapic_effect e = { 0 };
    ns_t now = 0;

    (void)state;
    vlapic_init(&a, page, 0, true);
    vlapic_write(&a, VLAPIC_REG_SVR, 0x1ff, 0, &e);
    for (int i = 0; i < 200000; i++) {
        uint32_t count = 0, initial = 0;

        now += below(100000);
        switch (below(6)) {
        case 0: vlapic_write(&a, VLAPIC_REG_LVTT, below(4) << 17 | 0x30, now, &e); break;
        case 1: vlapic_write(&a, VLAPIC_REG_TMICT, below(3) == 0 ? 0 : below(100000), now, &e); break;
        case 2: vlapic_write(&a, VLAPIC_REG_TDCR, below(16), now, &e); break;
        case 3: vlapic_set_tsc_deadline(&a, below(3), now + below(100000), &e); break;
        default: vlapic_timer_expire(&a, now); assert_true(a.timer_deadline > now); break;
        }
        assert_true(vlapic_read(&a, VLAPIC_REG_TMCCT, now, &count));
        assert_true(vlapic_read(&a, VLAPIC_REG_TMICT, now, &initial));
        assert_true(count <= initial);
        if (a.timer_period != 0)
            assert_true(a.timer_deadline != NS_NEVER && a.timer_deadline <= now + a.timer_period * 130);
    }
    free(page);
}

/* ---- several senders against one owner ---- */

#define SENDERS 3
#define SENDS 200000
struct race { struct vlapic a; unsigned long raised; int running; };

static void *send_many(void *arg)
{
    struct race *r = arg;
    unsigned long raised = 0;
    unsigned int x = (unsigned int)(uintptr_t)&raised;

    for (int i = 0; i < SENDS; i++) {
        x = x * 1103515245U + 12345U;
        raised += vlapic_set_irr(&r->a, (uint8_t)(16 + (x >> 16) % 240), (x & 0x100U) != 0);
    }
    __atomic_fetch_add(&r->raised, raised, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&r->running, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* "Newly set" promises exactly one delivery: none is lost, none invented. */
static void each_vector_that_was_newly_set_is_delivered_once(void **state)
{
    uint8_t *page = aligned_alloc(4096, 4096);
    struct race r = { .running = SENDERS };
    struct vlapic_effect e = { 0 };
    pthread_t t[SENDERS];
    unsigned long taken = 0;
    bool last = false;

    (void)state;
    vlapic_init(&r.a, page, 0, true);
    vlapic_write(&r.a, VLAPIC_REG_SVR, 0x1ff, 0, &e);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, send_many, &r), 0);
    while (!last) {
        int v;

        last = __atomic_load_n(&r.running, __ATOMIC_SEQ_CST) == 0;     /* one more sweep after the last sender */
        while ((v = vlapic_pending(&r.a)) >= 0) {
            vlapic_accept(&r.a, (uint8_t)v);
            vlapic_eoi(&r.a, &e);
            taken++;
        }
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(taken, r.raised);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivery_agrees_with_the_model),
        cmocka_unit_test(each_vector_that_was_newly_set_is_delivered_once),
        cmocka_unit_test(timer_invariants_hold_under_random_programming),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
