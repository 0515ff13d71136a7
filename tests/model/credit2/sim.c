/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim.h"

#include <hv/assert.h>
#include <stdlib.h>
#include <string.h>

enum what { CPU_PICK, BURST_END, WAKE, GROUP_TIMER };
struct event { ns_t at; uint64_t sequence, version; enum what what; unsigned int index; };

/* ---- the clock ---- */

static bool earlier(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void post(struct sim *s, ns_t at, enum what what, unsigned int index, uint64_t version)
{
    struct event e = { at, s->sequence++, version, what, index };
    size_t i = s->heap_used++;

    if (s->heap_used > s->heap_size) {
        s->heap_size = s->heap_size ? 2 * s->heap_size : 1024;
        s->heap = realloc(s->heap, s->heap_size * sizeof(e));
    }
    for (; i > 0 && earlier(&e, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = e;
}

static struct event take(struct sim *s)
{
    struct event first = s->heap[0], last = s->heap[--s->heap_used];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= s->heap_used)
            break;
        if (child + 1 < s->heap_used && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (earlier(&last, &s->heap[child]))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return first;
}

uint64_t sim_random(struct sim *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed;
}

/* ---- accounting ---- */

static bool has(const struct credit2_mask *m, unsigned int cpu)
{
    return m->bits[cpu / 64] >> (cpu % 64) & 1;
}

/* Time that a unit ran, cut where its group's periods end. */
static void account(struct sim *s, struct sim_unit *u)
{
    struct sim_group *g = &s->group[u->group];
    ns_t from = u->ran_from;

    u->ran += s->now - from;
    g->ran += s->now - from;
    u->left -= s->now - from;
    u->ran_from = s->now;
    while (g->g.cap && from < s->now) {
        int64_t period = (from - g->cap_from) / CREDIT2_CAP_PERIOD;
        ns_t end = g->cap_from + (period + 1) * CREDIT2_CAP_PERIOD;
        ns_t part = (end < s->now ? end : s->now) - from;

        if (period != g->period) {
            g->period = period;
            g->period_ran = 0;
        }
        g->period_ran += part;
        if (g->period_ran > g->period_max)
            g->period_max = g->period_ran;
        from += part;
    }
}

static void account_group(struct sim *s, unsigned int group)
{
    for (unsigned int i = 0; i < s->cpus; i++)
        if (s->cpu[i].unit && s->cpu[i].unit->group == group)
            account(s, s->cpu[i].unit);
}

/* ---- what must hold after every event ---- */

static bool is_looked_for(const struct sim *s, const struct credit2_unit *u)
{
    for (unsigned int cpu = 0; cpu < s->cpus; cpu++)
        if (s->c.cpu[cpu].tickled && has(&u->allowed, cpu))
            return true;
    return false;
}

/* A CPU is idle while one waits that may run there only as long as the kick is under way. */
static void check_work_conserved(const struct sim *s)
{
    uint64_t idle = 0;

    for (unsigned int w = 0; w < CREDIT2_MASK_WORDS; w++)
        idle |= s->c.idle.bits[w];
    if (!idle)
        return;
    for (uint32_t i = 0; i < s->c.rq_count; i++)
        for (struct credit2_unit *u = credit2_next_waiting(&s->c.rq[i], NULL); u;
             u = credit2_next_waiting(&s->c.rq[i], u))
            for (unsigned int w = 0; w < CREDIT2_MASK_WORDS; w++)
                BUG_ON((u->allowed.bits[w] & s->c.idle.bits[w]) && !is_looked_for(s, u));
}

/* ---- events ---- */

static void apply(struct sim *s, const struct credit2_effects *fx)
{
    for (unsigned int w = 0; w < CREDIT2_MASK_WORDS; w++)
        for (uint64_t bits = fx->kick.bits[w]; bits; bits &= bits - 1) {
            unsigned int cpu = w * 64 + (unsigned int)__builtin_ctzll(bits);

            BUG_ON(s->c.cpu[cpu].rq == CREDIT2_NONE);
            post(s, s->now + s->kick_latency, CPU_PICK, cpu, UINT64_MAX);
        }
    for (struct credit2_group *g = fx->rearm; g; g = g->rearm_next) {
        struct sim_group *sg = container_of(g, struct sim_group, g);

        if (g->timer_at != NS_NEVER)
            post(s, g->timer_at, GROUP_TIMER, (unsigned int)(sg - s->group), (uint64_t)g->timer_at);
    }
}

static void take_lock(struct sim *s, ns_t *free_at, ns_t *waited)
{
    ns_t begin = max_of(s->now, *free_at);

    *waited += begin - s->now;
    *free_at = begin + s->lock_hold;
}

static void take_locks(struct sim *s, uint32_t rq)
{
    if (!s->lock_hold)
        return;
    take_lock(s, &s->one_lock_free, &s->one_lock_wait);
    take_lock(s, &s->queue_lock_free[rq == CREDIT2_NONE ? 0 : rq], &s->queue_lock_wait);
}

static void wake(struct sim *s, struct sim_unit *u)
{
    struct credit2_effects fx = { { { 0 } }, NULL };

    uint64_t begin = s->clock ? s->clock() : 0;

    u->u.only_cpu = CREDIT2_NONE;
    credit2_wake(&s->c, &u->u, s->now, &fx);
    if (s->clock)
        s->ticks += s->clock() - begin;
    s->timed++;
    take_locks(s, u->u.rq);
    apply(s, &fx);
}

static void left_cpu(struct sim *s, struct sim_unit *u)
{
    u->u.only_cpu = CREDIT2_NONE;
    u->burst_version++;
    if (!u->wants)
        return;
    u->wait_from = s->now;
    if (u->u.state != CREDIT2_PARKED)
        wake(s, u);
}

static unsigned int bucket_of(ns_t length)
{
    unsigned int octave = length < 32 ? 0 : 58U - (unsigned int)__builtin_clzll((uint64_t)length);

    return octave * 32 + (unsigned int)(length >> octave);
}

static void note_length(struct sim_histogram *h, ns_t length)
{
    h->count[min_of(bucket_of(length), SIM_HISTOGRAM - 1)]++;
    h->total++;
}

/* The greatest length that a bucket holds. */
static ns_t bucket_end(unsigned int b)
{
    unsigned int octave = b < 64 ? 0 : b / 32 - 1;

    return (((ns_t)(b - octave * 32) + 1) << octave) - 1;
}

static void entered_cpu(struct sim *s, struct sim_unit *u, unsigned int cpu)
{
    ns_t waited = s->now - u->wait_from;

    BUG_ON(!has(&u->u.allowed, cpu));
    s->switches++;
    u->ran_from = s->now;
    if (!s->group[u->group].g.cap && waited > u->wait_max) {
        u->wait_max = waited;
        if (waited > s->wait_worst)
            s->wait_worst = waited;
    }
    if (u->just_woke)
        note_length(&s->latency, waited);
    u->just_woke = false;
    if (u->ran_on != cpu && u->ran_on != CREDIT2_NONE)
        s->cpu_moves++;
    u->ran_on = cpu;
    if (u->has_soft) {
        s->soft_starts++;
        s->soft_kept += has(&u->u.preferred, cpu);
    }
    if (u->load.run)
        post(s, s->now + u->left, BURST_END, (unsigned int)(u - s->unit), ++u->burst_version);
}

static void pick(struct sim *s, unsigned int cpu, bool yielded)
{
    struct sim_unit *before = s->cpu[cpu].unit, *next;
    struct credit2_effects fx = { { { 0 } }, NULL };
    struct credit2_choice choice;
    uint64_t begin;

    if (before)
        account(s, before);
    s->picks++;
    s->timed++;
    take_locks(s, s->c.cpu[cpu].rq);
    begin = s->clock ? s->clock() : 0;
    choice = credit2_pick(&s->c, cpu, before && before->wants, yielded, s->now, &fx);
    if (s->clock)
        s->ticks += s->clock() - begin;
    next = choice.unit ? container_of(choice.unit, struct sim_unit, u) : NULL;
    BUG_ON(next && !next->wants);
    s->cpu[cpu].unit = next;
    apply(s, &fx);
    if (before && before != next)
        left_cpu(s, before);
    if (next && next != before)
        entered_cpu(s, next, cpu);
    s->cpu[cpu].version++;
    if (choice.until != NS_NEVER) {
        BUG_ON(choice.until < s->now);
        post(s, choice.until, CPU_PICK, cpu, s->cpu[cpu].version);
    }
}

static ns_t length(struct sim *s, ns_t mean, bool random)
{
    return random ? 1 + (ns_t)(sim_random(s) % (uint64_t)(2 * mean)) : mean;
}

static void woken(struct sim *s, struct sim_unit *u)
{
    u->wants = u->just_woke = true;
    u->wait_from = s->now;
    wake(s, u);
}

/* The last one to come goes on, and wakes the others. True: u is not the last. */
static bool must_wait_for_others(struct sim *s, struct sim_unit *u)
{
    struct sim_group *g = &s->group[u->group];

    if (++g->arrived < g->members)
        return true;
    g->arrived = 0;
    g->rounds++;
    for (unsigned int i = 0; i < s->units; i++)
        if (s->unit[i].group == u->group && &s->unit[i] != u)
            woken(s, &s->unit[i]);
    return false;
}

static ns_t pause_of(struct sim *s, const struct sim_unit *u)
{
    ns_t pause = length(s, u->load.sleep, u->load.random);

    if (u->load.kind != SIM_BURSTY)
        return pause;
    return sim_random(s) % 16 ? pause / 2 : 10 * pause;
}

static void goes_on(struct sim *s, struct sim_unit *u)
{
    if (s->cpu[u->u.last_cpu].unit == u)
        post(s, s->now + u->left, BURST_END, (unsigned int)(u - s->unit), ++u->burst_version);
}

static void burst_end(struct sim *s, struct sim_unit *u)
{
    u->left = length(s, u->load.run, u->load.random);
    if (u->load.yields) {
        pick(s, u->u.last_cpu, true);
        goes_on(s, u);
        return;
    }
    if (u->load.kind == SIM_BARRIER && !must_wait_for_others(s, u)) {
        goes_on(s, u);
        return;
    }
    u->wants = false;
    if (u->load.kind != SIM_BARRIER)
        post(s, s->now + pause_of(s, u), WAKE, (unsigned int)(u - s->unit), 0);
    pick(s, u->u.last_cpu, false);
}

static void group_timer(struct sim *s, struct sim_group *g)
{
    struct credit2_effects fx = { { { 0 } }, NULL };

    credit2_refill(&s->c, &g->g, s->now, &fx);
    apply(s, &fx);
}

static void handle(struct sim *s, const struct event *e)
{
    switch (e->what) {
    case CPU_PICK:
        if (e->version == UINT64_MAX || e->version == s->cpu[e->index].version)
            pick(s, e->index, false);
        break;
    case BURST_END:
        if (e->version == s->unit[e->index].burst_version) {
            account(s, &s->unit[e->index]);
            burst_end(s, &s->unit[e->index]);
        }
        break;
    case WAKE:
        woken(s, &s->unit[e->index]);
        break;
    case GROUP_TIMER:
        if (e->version == (uint64_t)s->group[e->index].g.timer_at)
            group_timer(s, &s->group[e->index]);
        break;
    }
}

/* ---- the experimenter's side ---- */

struct sim *sim_new(uint64_t seed, unsigned int cpus, unsigned int cpus_per_rq)
{
    struct sim *s = calloc(1, sizeof(*s));
    uint16_t rq_of[CREDIT2_MAX_CPUS] = { 0 };

    for (unsigned int i = 0; i < cpus; i++)
        rq_of[i] = (uint16_t)(i / cpus_per_rq);
    s->seed = seed | 1;
    s->cpus = cpus;
    s->check_every = 1;
    credit2_init(&s->c, rq_of, (uint32_t)seed);
    for (unsigned int i = 0; i < cpus; i++)
        credit2_set_cpu(&s->c, i, true, 0);
    return s;
}

void sim_free(struct sim *s)
{
    free(s->heap);
    free(s);
}

unsigned int sim_add_group(struct sim *s, uint16_t weight, uint16_t cap)
{
    BUG_ON(s->groups == SIM_MAX_GROUPS);
    credit2_group_add(&s->c, &s->group[s->groups].g, weight, cap, s->now);
    s->group[s->groups].cap_from = s->now;
    s->group[s->groups].period = -1;
    return s->groups++;
}

struct sim_unit *sim_add_unit(struct sim *s, unsigned int group, struct sim_load load)
{
    struct sim_unit *u = &s->unit[s->units++];

    BUG_ON(s->units > SIM_MAX_UNITS);
    credit2_unit_init(&s->c, &u->u, &s->group[group].g, s->units % s->cpus);
    u->group = group;
    u->load = load;
    u->ran_on = CREDIT2_NONE;
    s->group[group].members++;
    return u;
}

void sim_pin(struct sim_unit *u, uint64_t hard, uint64_t soft)
{
    u->u.allowed = (struct credit2_mask){ { hard } };
    u->u.preferred = (struct credit2_mask){ { soft } };
    u->has_soft = ~soft != 0;
}

void sim_prefer(struct sim_unit *u, unsigned int from, unsigned int count)
{
    u->u.preferred = (struct credit2_mask){ { 0 } };
    for (unsigned int cpu = from; cpu < from + count; cpu++)
        u->u.preferred.bits[cpu / 64] |= BIT(cpu % 64);
    u->has_soft = true;
}

void sim_start(struct sim *s)
{
    for (unsigned int i = 0; i < s->units; i++) {
        s->unit[i].left = s->unit[i].load.run ? length(s, s->unit[i].load.run, s->unit[i].load.random) : 0;
        woken(s, &s->unit[i]);
        s->unit[i].just_woke = false;
    }
}

void sim_run(struct sim *s, ns_t until)
{
    while (s->heap_used > 0 && s->heap[0].at <= until) {
        struct event e = take(s);

        BUG_ON(e.at < s->now);
        s->now = e.at;
        s->events++;
        handle(s, &e);
        if (s->events % s->check_every == 0)
            check_work_conserved(s);
    }
    s->now = until;
    for (unsigned int i = 0; i < s->cpus; i++)
        if (s->cpu[i].unit)
            account(s, s->cpu[i].unit);
}

void sim_set_group(struct sim *s, unsigned int group, uint16_t weight, uint16_t cap)
{
    struct credit2_effects fx = { { { 0 } }, NULL };

    account_group(s, group);
    credit2_group_set(&s->c, &s->group[group].g, weight, cap, s->now, &fx);
    apply(s, &fx);
}

ns_t sim_unit_time(const struct sim *s, const struct sim_unit *u)
{
    (void)s;
    return u->ran;
}

ns_t sim_group_time(struct sim *s, unsigned int group)
{
    account_group(s, group);
    return s->group[group].ran;
}

ns_t sim_latency(const struct sim *s, unsigned int per_mille)
{
    uint64_t want = s->latency.total * per_mille / 1000, sum = 0;

    for (unsigned int b = 0; b < SIM_HISTOGRAM; b++) {
        sum += s->latency.count[b];
        if (sum > want)
            return bucket_end(b);
    }
    return s->latency.total ? s->wait_worst : 0;
}
