/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties of credit2 over the simulator. The bounds asserted here are the ones that
 * docs/scheduling.md states; that no CPU idles while one waits for it, and that hard affinity holds,
 * is checked by the simulator itself after every event of every test.
 */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEC NS_PER_SEC
#define MS NS_PER_MS
#define US NS_PER_US

static const struct sim_load hog = { 0 };

static uint64_t seed_of(const char *test)
{
    const char *given = getenv("CREDIT2_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 0x1234567890abcdefULL;

    printf("  %s: seed %#llx\n", test, (unsigned long long)seed);
    return seed;
}

static double share(ns_t part, ns_t whole)
{
    return (double)part / (double)whole;
}

static void report(const char *what, struct sim *s)
{
    printf("  %-28s %u CPUs %u units: %.0f picks/s/CPU, %.0f switches/s/CPU, %.1f migrations/s, %.1f nodes/pick, "
           "wake-up p50 %lld p99 %lld us, longest wait %.1f ms\n", what, s->cpus, s->units,
           (double)s->picks * 1e9 / (double)s->now / s->cpus, (double)s->switches * 1e9 / (double)s->now / s->cpus,
           (double)s->c.migrations * 1e9 / (double)s->now, (double)s->c.visits / (double)s->picks,
           (long long)(sim_latency(s, 500) / US), (long long)(sim_latency(s, 990) / US), (double)s->wait_worst / 1e6);
}

/* n hogs per weight on CPUs of one run queue: shares by weight, to a hundredth. */
static void weights_give_shares(unsigned int cpus, unsigned int each, const uint16_t *weight, unsigned int n)
{
    struct sim *s = sim_new(seed_of(__func__), cpus, cpus);
    unsigned int sum = 0;

    for (unsigned int i = 0; i < n; i++) {
        unsigned int g = sim_add_group(s, weight[i], 0);

        sum += weight[i];
        for (unsigned int k = 0; k < each; k++)
            (void)sim_add_unit(s, g, hog);
    }
    sim_start(s);
    sim_run(s, 20 * SEC);
    for (unsigned int i = 0; i < n; i++) {
        double got = share(sim_group_time(s, i), 20 * SEC * cpus), due = (double)weight[i] / sum;

        printf("    weight %5u: share %.4f, due %.4f, error %+.2f %%\n", weight[i], got, due, (got / due - 1) * 100);
        assert_true(got > due * 0.98 && got < due * 1.02);
    }
    report("weights", s);
    sim_free(s);
}

static void shares_of_hogs_are_within_two_percent_of_their_weights(void **state)
{
    static const uint16_t few[] = { 256, 512, 1024 }, far[] = { 16, 256, 4096 }, same[] = { 256, 256, 256 };

    (void)state;
    weights_give_shares(1, 1, few, 3);
    weights_give_shares(1, 5, few, 3);
    weights_give_shares(4, 8, few, 3);
    weights_give_shares(16, 40, few, 3);
    weights_give_shares(1, 1, far, 3);
    weights_give_shares(4, 5, same, 3);
}

static void the_highest_weight_does_not_starve_the_lowest(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 1, 1);
    struct sim_unit *light;

    (void)state;
    (void)sim_add_unit(s, sim_add_group(s, 65535, 0), hog);
    light = sim_add_unit(s, sim_add_group(s, 256, 0), hog);
    sim_start(s);
    sim_run(s, 200 * SEC);
    printf("    weight 256 against 65535: %.4f of the time, due %.4f, longest wait %.0f ms\n",
           share(light->ran, 200 * SEC), 256.0 / 65791, (double)light->wait_max / 1e6);
    assert_true(light->ran > 0);
    assert_true(share(light->ran, 200 * SEC) < 1.1 * 256 / 65791);
    assert_true(share(light->ran, 200 * SEC) > 0.9 * 256 / 65791);
    sim_free(s);
}

/* Equal hogs, an odd number on two single-CPU run queues: their shares are alike if they take turns. */
static void hogs_take_turns(unsigned int hogs)
{
    struct sim *s = sim_new(seed_of(__func__), 2, 1);

    for (unsigned int i = 0; i < hogs; i++)
        (void)sim_add_unit(s, sim_add_group(s, 256, 0), hog);
    sim_start(s);
    sim_run(s, 60 * SEC);
    for (unsigned int i = 0; i < hogs; i++) {
        double got = share(sim_group_time(s, i), 120 * SEC) * hogs;

        printf("    hog %u of %u: %.3f of its due\n", i, hogs, got);
        assert_true(got > 0.95 && got < 1.05);
    }
    report("hogs on 2 run queues", s);
    assert_true(s->c.migrations < 60 * 20);
    sim_free(s);
}

static void uneven_numbers_take_turns_between_run_queues(void **state)
{
    (void)state;
    hogs_take_turns(9);
}

/* One of the queues has a single hog: nobody waits there, and still it has more than its share. */
static void a_queue_where_nobody_waits_takes_its_part(void **state)
{
    (void)state;
    hogs_take_turns(3);
}

/* The shares of domains by weight on four CPUs with a run queue each, however a light load has strewn them at first. */
static void shares_do_not_depend_on_where_units_began(void **state)
{
    static const uint16_t weight[] = { 256, 512, 1024 };

    (void)state;
    for (unsigned int seed = 1; seed <= 8; seed++) {
        struct sim *s = sim_new(seed_of(__func__) + seed, 4, 1);
        unsigned int g[ARRAY_COUNT(weight)];

        for (unsigned int i = 0; i < ARRAY_COUNT(weight); i++) {
            g[i] = sim_add_group(s, weight[i], 0);
            for (unsigned int k = 0; k < 4; k++)
                (void)sim_add_unit(s, g[i], hog);
        }
        (void)sim_add_unit(s, sim_add_group(s, 256, 0), (struct sim_load){ 200 * US, 20000 * US, false, true, SIM_PLAIN });
        sim_start(s);
        sim_run(s, 30 * SEC);
        for (unsigned int i = 0; i < ARRAY_COUNT(weight); i++) {
            double got = share(sim_group_time(s, g[i]), 4 * 30 * SEC) / (weight[i] / 1792.0);

            printf("    seed %u, weight %u: %.3f of what is due\n", seed, weight[i], got);
            assert_true(got > 0.98 && got < 1.02);
        }
        sim_free(s);
    }
}

static void a_cap_is_never_exceeded_in_any_period(unsigned int cpus, unsigned int units, uint16_t cap)
{
    struct sim *s = sim_new(seed_of(__func__), cpus, cpus);
    unsigned int g = sim_add_group(s, 1024, cap);
    double got, due;

    for (unsigned int k = 0; k < units; k++)
        (void)sim_add_unit(s, g, k % 2 ? (struct sim_load){ 3 * MS, MS / 2, false, true, SIM_PLAIN } : hog);
    for (unsigned int k = 0; k < 2 * cpus; k++)
        (void)sim_add_unit(s, sim_add_group(s, 256, 0), k % 2 ? hog : (struct sim_load){ MS, MS, false, true, SIM_PLAIN });
    sim_start(s);
    sim_run(s, 20 * SEC);
    got = share(sim_group_time(s, g), 20 * SEC) * 100;
    due = (double)min_of(cap, (uint16_t)(100 * min_of(cpus, units)));
    printf("    cap %3u%%: %.2f %% used, at most %.3f ms in a period of 10 (cap: %.2f)\n", cap, got,
           (double)s->group[g].period_max / 1e6, cap / 10.0);
    assert_true(s->group[g].period_max <= CREDIT2_CAP_PERIOD / 100 * cap);
    assert_true(got > due * 0.85);
    sim_free(s);
}

static void caps_bound_what_a_group_gets_in_every_period(void **state)
{
    (void)state;
    a_cap_is_never_exceeded_in_any_period(1, 1, 25);
    a_cap_is_never_exceeded_in_any_period(1, 2, 50);
    a_cap_is_never_exceeded_in_any_period(2, 4, 50);
    a_cap_is_never_exceeded_in_any_period(4, 4, 150);
    a_cap_is_never_exceeded_in_any_period(4, 1, 5);
    a_cap_is_never_exceeded_in_any_period(4, 1, 100);
}

static void hogs_alone_get(unsigned int cpus, unsigned int units, uint16_t cap)
{
    struct sim *s = sim_new(seed_of(__func__), cpus, cpus);
    unsigned int g = sim_add_group(s, 256, cap);
    double got;

    for (unsigned int k = 0; k < units; k++)
        (void)sim_add_unit(s, g, hog);
    sim_start(s);
    sim_run(s, 20 * SEC);
    got = share(sim_group_time(s, g), 20 * SEC) * 100;
    printf("    cap %3u%%, %u hogs on %u CPUs: %.2f %% used\n", cap, units, cpus, got);
    assert_true(got > cap * 0.98);
    sim_free(s);
}

static void a_cap_is_all_there_for_hogs(void **state)
{
    (void)state;
    hogs_alone_get(4, 1, 25);
    hogs_alone_get(4, 2, 50);
    hogs_alone_get(4, 2, 150);
    hogs_alone_get(4, 2, 190);
    hogs_alone_get(4, 3, 150);
    hogs_alone_get(4, 4, 350);
    hogs_alone_get(8, 8, 700);
}

static void a_cap_is_kept_from_the_moment_it_is_set_and_gone_when_it_is_taken_away(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 1, 1);
    unsigned int g = sim_add_group(s, 256, 0);
    ns_t at;

    (void)state;
    (void)sim_add_unit(s, g, hog);
    sim_start(s);
    sim_run(s, SEC);
    sim_set_group(s, g, 256, 30);
    at = sim_group_time(s, g);
    sim_run(s, 2 * SEC);
    assert_true(sim_group_time(s, g) - at <= SEC * 30 / 100);
    assert_true(sim_group_time(s, g) - at >= SEC * 29 / 100);
    sim_set_group(s, g, 256, 0);
    at = sim_group_time(s, g);
    sim_run(s, 3 * SEC);
    assert_true(sim_group_time(s, g) - at >= SEC * 99 / 100);
    sim_free(s);
}

/* An I/O guest that needs a fifth of a CPU beside a hog: it gets it, and soon after each wake-up. */
static void a_waker_beside_hogs_is_served_within_the_rate_limit(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 1, 1);
    struct sim_unit *io;

    (void)state;
    (void)sim_add_unit(s, sim_add_group(s, 256, 0), hog);
    (void)sim_add_unit(s, sim_add_group(s, 256, 0), hog);
    io = sim_add_unit(s, sim_add_group(s, 256, 0), (struct sim_load){ 200 * US, 800 * US, false, true, SIM_PLAIN });
    sim_start(s);
    sim_run(s, 20 * SEC);
    report("I/O beside two hogs", s);
    printf("    I/O guest: %.3f of the CPU\n", share(io->ran, 20 * SEC));
    assert_true(sim_latency(s, 990) <= CREDIT2_RATELIMIT_DEFAULT + 100 * US);
    assert_true(share(io->ran, 20 * SEC) > 0.12);
    sim_free(s);
}

/* The same on one CPU of a queue of four, which is theirs alone, while another is busy elsewhere: what that one uses up is no gift to them. */
static void so_is_one_pinned_to_a_cpu_with_pinned_hogs(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 4, 4);
    unsigned int hogs = sim_add_group(s, 256, 0), other = sim_add_group(s, 256, 0);
    struct sim_unit *io;

    (void)state;
    sim_pin(sim_add_unit(s, hogs, hog), 1U << 2, ~0ULL);
    sim_pin(sim_add_unit(s, hogs, hog), 1U << 2, ~0ULL);
    io = sim_add_unit(s, sim_add_group(s, 256, 0), (struct sim_load){ 61 * US, 942 * US, false, true, SIM_PLAIN });
    sim_pin(io, 1U << 2, ~0ULL);
    (void)sim_add_unit(s, other, (struct sim_load){ 5 * MS, MS, false, true, SIM_PLAIN });
    sim_start(s);
    sim_run(s, 20 * SEC);
    report("I/O pinned beside two pinned hogs", s);
    printf("    p99.5 %.0f us, p99.9 %.0f us, longest %.0f us\n", (double)sim_latency(s, 995) / 1e3, (double)sim_latency(s, 999) / 1e3,
           (double)s->wait_worst / 1e3);
    assert_true(sim_latency(s, 990) <= CREDIT2_RATELIMIT_DEFAULT + 100 * US);
    sim_free(s);
}

/* Two hogs of weights 1 and 4 on one CPU, while one that nobody waits for is busy on another of the same queue. */
static void shares_of_pinned_hogs(struct sim_load load)
{
    struct sim *s = sim_new(seed_of(__func__), 4, 4);
    unsigned int light = sim_add_group(s, 256, 0), heavy = sim_add_group(s, 1024, 0), other = sim_add_group(s, 256, 0);
    double got;

    sim_pin(sim_add_unit(s, light, hog), 1U << 2, ~0ULL);
    sim_pin(sim_add_unit(s, heavy, hog), 1U << 2, ~0ULL);
    (void)sim_add_unit(s, other, load);
    sim_start(s);
    sim_run(s, 20 * SEC);
    got = share(sim_group_time(s, light), 20 * SEC);
    printf("    %.4f of the CPU, 0.2 by weight\n", got);
    assert_true(got > 0.196 && got < 0.204);
    sim_free(s);
}

static void work_elsewhere_leaves_the_shares_of_pinned_hogs_alone(void **state)
{
    (void)state;
    shares_of_pinned_hogs(hog);
    shares_of_pinned_hogs((struct sim_load){ 30 * MS, MS, false, true, SIM_PLAIN });
    shares_of_pinned_hogs((struct sim_load){ 5 * MS, MS, false, true, SIM_PLAIN });
    shares_of_pinned_hogs((struct sim_load){ MS, 10 * MS, false, true, SIM_PLAIN });
}

static void a_storm_of_yields_and_wakes_costs_others_nothing_of_their_share(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 2, 2);
    unsigned int storm = sim_add_group(s, 256, 0), calm = sim_add_group(s, 256, 0);
    double got;

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        (void)sim_add_unit(s, storm, i % 2 ? (struct sim_load){ 20 * US, 0, true, false, SIM_PLAIN }
                                           : (struct sim_load){ 20 * US, 20 * US, false, false, SIM_PLAIN });
        (void)sim_add_unit(s, calm, hog);
    }
    sim_start(s);
    sim_run(s, 10 * SEC);
    got = share(sim_group_time(s, calm), 20 * SEC);
    report("storm", s);
    printf("    those that only compute get %.3f of the CPUs\n", got);
    assert_true(got >= 0.49);
    sim_free(s);
}

static void pinned_units_share_their_cpu_and_the_rest_is_shared_by_the_others(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 4, 4);
    struct sim_unit *pinned[2], *free_ones[3];

    (void)state;
    for (unsigned int i = 0; i < 2; i++) {
        pinned[i] = sim_add_unit(s, sim_add_group(s, 256, 0), hog);
        sim_pin(pinned[i], 1, 1);
    }
    for (unsigned int i = 0; i < 3; i++) {
        free_ones[i] = sim_add_unit(s, sim_add_group(s, 256, 0), hog);
        sim_pin(free_ones[i], 0xe, 0xe);
    }
    sim_start(s);
    sim_run(s, 10 * SEC);
    for (unsigned int i = 0; i < 2; i++)
        assert_true(share(pinned[i]->ran, 10 * SEC) > 0.49 && share(pinned[i]->ran, 10 * SEC) < 0.51);
    for (unsigned int i = 0; i < 3; i++)
        assert_true(share(free_ones[i]->ran, 10 * SEC) > 0.999);
    sim_free(s);
}

static void soft_affinity_is_followed_when_there_is_room(void **state)
{
    struct sim *s = sim_new(seed_of(__func__), 4, 4);
    struct sim_unit *u;

    (void)state;
    u = sim_add_unit(s, sim_add_group(s, 256, 0), (struct sim_load){ MS, MS, false, true, SIM_PLAIN });
    sim_pin(u, 0xf, 0x4);
    sim_start(s);
    sim_run(s, SEC);
    assert_int_equal(u->u.last_cpu, 2);
    assert_true(s->c.migrations == 0);
    sim_free(s);
}

/* Any mix on any machine: the simulator's own checks, a bound on waiting, and accounting that adds up. */
static void random_world(uint64_t seed, unsigned int cpus, unsigned int units, bool print)
{
    struct sim *s = sim_new(seed, cpus, 1 + (unsigned int)(seed >> 8) % cpus);
    uint64_t lightest = UINT16_MAX, all = 0;
    ns_t ran = 0, bound;

    s->kick_latency = seed & 1 ? 5 * US : 0;
    for (unsigned int i = 0; i < units; i++) {
        uint16_t weight = (uint16_t)(64 << sim_random(s) % 5);
        unsigned int g = sim_add_group(s, weight, sim_random(s) % 8 ? 0 : (uint16_t)(5 + sim_random(s) % 90));
        struct sim_load load = { (ns_t)(sim_random(s) % 4 ? 10000 + sim_random(s) % (5 * MS) : 0),
                                 (ns_t)(1000 + sim_random(s) % (10 * MS)), sim_random(s) % 16 == 0, true, SIM_PLAIN };
        struct sim_unit *u = sim_add_unit(s, g, load);

        lightest = min_of(lightest, (uint64_t)weight);
        all += weight;
        if (sim_random(s) % 3 == 0) {
            uint64_t some = sim_random(s) & ((cpus >= 64 ? 0 : 1ULL << cpus) - 1);

            sim_pin(u, some ? some : 1, sim_random(s));
        }
    }
    sim_start(s);
    sim_run(s, SEC);
    for (unsigned int i = 0; i < units; i++)
        ran += s->unit[i].ran;
    assert_true(ran <= (ns_t)cpus * SEC);
    /* Even if all were pinned to one CPU: a slice of everyone's by weight, and one each for good measure. */
    bound = (ns_t)(all / lightest + units) * (CREDIT2_GRAIN + CREDIT2_SLICE_MIN) + CREDIT2_INIT;
    assert_true(s->wait_worst <= bound);
    for (unsigned int g = 0; g < s->groups; g++)
        if (s->group[g].g.cap)
            assert_true(s->group[g].period_max <= CREDIT2_CAP_PERIOD / 100 * s->group[g].g.cap + s->kick_latency);
    if (print)
        report("random", s);
    sim_free(s);
}

static void whatever_the_mix_nobody_starves_and_no_cpu_idles_for_nothing(void **state)
{
    uint64_t seed = seed_of(__func__);

    (void)state;
    for (unsigned int i = 0; i < 60; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        random_world(seed, 1 + (unsigned int)(seed >> 40) % 16, 1 + (unsigned int)(seed >> 50) % 60, i % 12 == 0);
    }
    random_world(seed, 64, 300, true);
}

static void a_decision_grows_with_the_logarithm_of_those_who_wait(void **state)
{
    double nodes[2];
    unsigned int sizes[2] = { 64, 4096 };

    (void)state;
    for (unsigned int i = 0; i < 2; i++) {
        struct sim *s = sim_new(seed_of(__func__), 1, 1);

        for (unsigned int k = 0; k < sizes[i]; k++)
            (void)sim_add_unit(s, k < 400 ? sim_add_group(s, 256, 0) : k % 400, hog);
        sim_start(s);
        s->c.visits = s->picks = 0;
        sim_run(s, 10 * SEC);
        nodes[i] = (double)s->c.visits / (double)s->picks;
        report("decision", s);
        sim_free(s);
    }
    /* log 4096 / log 64 = 2; a list would give 64. */
    assert_true(nodes[1] < 3 * nodes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_hogs_are_within_two_percent_of_their_weights),
        cmocka_unit_test(the_highest_weight_does_not_starve_the_lowest),
        cmocka_unit_test(uneven_numbers_take_turns_between_run_queues),
        cmocka_unit_test(a_queue_where_nobody_waits_takes_its_part),
        cmocka_unit_test(shares_do_not_depend_on_where_units_began),
        cmocka_unit_test(caps_bound_what_a_group_gets_in_every_period),
        cmocka_unit_test(a_cap_is_all_there_for_hogs),
        cmocka_unit_test(a_cap_is_kept_from_the_moment_it_is_set_and_gone_when_it_is_taken_away),
        cmocka_unit_test(a_waker_beside_hogs_is_served_within_the_rate_limit),
        cmocka_unit_test(work_elsewhere_leaves_the_shares_of_pinned_hogs_alone),
        cmocka_unit_test(so_is_one_pinned_to_a_cpu_with_pinned_hogs),
        cmocka_unit_test(a_storm_of_yields_and_wakes_costs_others_nothing_of_their_share),
        cmocka_unit_test(pinned_units_share_their_cpu_and_the_rest_is_shared_by_the_others),
        cmocka_unit_test(soft_affinity_is_followed_when_there_is_room),
        cmocka_unit_test(whatever_the_mix_nobody_starves_and_no_cpu_idles_for_nothing),
        cmocka_unit_test(a_decision_grows_with_the_logarithm_of_those_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
