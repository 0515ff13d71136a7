/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the policy share. */
#ifndef CREDIT2_PRIVATE_H
#define CREDIT2_PRIVATE_H

#include <credit2/credit2.h>

#define CREDIT2_LOAD_SHIFT 18U

static inline bool mask_test(const struct credit2_mask *m, unsigned int cpu)
{
    return m->bits[cpu / 64] >> (cpu % 64) & 1;
}
static inline void mask_set(struct credit2_mask *m, unsigned int cpu) { m->bits[cpu / 64] |= BIT(cpu % 64); }
static inline void mask_clear(struct credit2_mask *m, unsigned int cpu) { m->bits[cpu / 64] &= ~BIT(cpu % 64); }

static inline struct credit2_mask mask_and(const struct credit2_mask *a, const struct credit2_mask *b)
{
    struct credit2_mask m;

    for (unsigned int i = 0; i < CREDIT2_MASK_WORDS; i++)
        m.bits[i] = a->bits[i] & b->bits[i];
    return m;
}

static inline struct credit2_mask mask_or(const struct credit2_mask *a, const struct credit2_mask *b)
{
    struct credit2_mask m;

    for (unsigned int i = 0; i < CREDIT2_MASK_WORDS; i++)
        m.bits[i] = a->bits[i] | b->bits[i];
    return m;
}

/* First member at or after `from`; CREDIT2_NONE: no more. */
static inline uint32_t mask_next(const struct credit2_mask *m, unsigned int from)
{
    for (unsigned int w = from / 64; w < CREDIT2_MASK_WORDS; w++) {
        uint64_t bits = w == from / 64 ? m->bits[w] & (~0ULL << (from % 64)) : m->bits[w];

        if (bits)
            return w * 64 + (unsigned int)__builtin_ctzll(bits);
    }
    return CREDIT2_NONE;
}

#define mask_for_each(cpu, m) \
    for (uint32_t cpu = mask_next((m), 0); cpu != CREDIT2_NONE; cpu = mask_next((m), cpu + 1))

static inline bool mask_is_empty(const struct credit2_mask *m) { return mask_next(m, 0) == CREDIT2_NONE; }
static inline bool masks_meet(const struct credit2_mask *a, const struct credit2_mask *b)
{
    for (unsigned int i = 0; i < CREDIT2_MASK_WORDS; i++)
        if (a->bits[i] & b->bits[i])
            return true;
    return false;
}

static inline struct credit2_runq *rq_of_cpu(struct credit2 *c, unsigned int cpu)
{
    return &c->rq[c->cpu[cpu].rq];
}

static inline int64_t credit_of(const struct credit2_runq *rq, const struct credit2_unit *u)
{
    return (int64_t)(rq->base - u->used);
}

/* How much more credit than the runner's u must have to take its CPU. */
static inline int64_t margin_against(const struct credit2_unit *u, unsigned int cpu)
{
    return CREDIT2_WAKE_MARGIN + (u->last_cpu != cpu ? CREDIT2_MIGRATE_MARGIN : 0);
}

/* How long u runs for so much credit. */
static inline ns_t credit_burn_time(const struct credit2 *c, const struct credit2_unit *u, int64_t credit)
{
    if (credit <= 0)
        return 0;
    if (u->group->weight == c->reference)
        return credit;
    /* More than a slice is as good as a slice; no overflow on the way. */
    credit = min_of(credit, (int64_t)1 << 46);
    return credit * u->group->weight / c->reference;
}

/* credit.c */
void credit_pay(struct credit2 *c, struct credit2_unit *u, ns_t now);
void credit_burn(struct credit2 *c, struct credit2_unit *u, ns_t now);
void credit_clip(const struct credit2_runq *rq, struct credit2_unit *u);
void credit_reset(struct credit2_runq *rq, const struct credit2_unit *u);
void credit_forgive(const struct credit2_runq *rq, struct credit2_unit *u);
void load_change(struct credit2_runq *rq, struct credit2_unit *u, bool in, ns_t now);

/* runq.c: the waiting units of a run queue by credit. */
uint32_t next_random(struct credit2 *c);
void runq_insert(struct credit2 *c, struct credit2_runq *rq, struct credit2_unit *u);
void runq_remove(struct credit2_runq *rq, struct credit2_unit *u);
/* One that waits may run elsewhere than it did so far. */
void runq_renew(struct credit2_unit *u);
/* The one with most credit that may run (preferred: likes to run) on one of the CPUs. O(log n). */
struct credit2_unit *runq_find(struct credit2 *c, const struct credit2_runq *rq,
                               const struct credit2_mask *cpus, bool preferred);

/* tickle.c */
void tickle(struct credit2 *c, unsigned int cpu, struct credit2_effects *fx);
void call_idle(struct credit2 *c, unsigned int cpu, struct credit2_unit *u, struct credit2_effects *fx);
void call_off(struct credit2 *c, struct credit2_unit *u);
uint32_t find_idle(const struct credit2 *c, const struct credit2_unit *u);
void tickle_idle(struct credit2 *c, unsigned int cpu, struct credit2_effects *fx);
void tickle_busy(struct credit2 *c, struct credit2_unit *u, ns_t now, struct credit2_effects *fx);

/* balance.c */
void unit_set_rq(struct credit2 *c, struct credit2_unit *u, uint32_t rq);
uint32_t preferred_queue(const struct credit2 *c, const struct credit2_unit *u);
uint32_t least_loaded(const struct credit2 *c, const struct credit2_mask *allowed);
struct credit2_unit *steal_for(struct credit2 *c, unsigned int cpu, ns_t now);
void balance(struct credit2 *c, ns_t now, struct credit2_effects *fx);

/* cap.c */
void cap_new_period(struct credit2 *c, struct credit2_group *g, ns_t now);
bool cap_take(struct credit2 *c, struct credit2_unit *u, ns_t now);
void cap_return(struct credit2_unit *u);
void cap_park(struct credit2_unit *u, struct credit2_effects *fx);

/* credit2.c */
void enqueue(struct credit2 *c, struct credit2_unit *u, uint32_t rq, ns_t now);
void dequeue(struct credit2 *c, struct credit2_unit *u, ns_t now);

#endif
