/* SPDX-License-Identifier: BSD-2-Clause */
/* Units and groups come and go; where they may run and what share they get. */
#include <sched/sched.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <x86/time.h>

#include "private.h"

#define WEIGHT_DEFAULT 256U

struct cpumask cpumask_all(void)
{
    struct cpumask m = { { 0 } };

    for (unsigned int i = 0; i < cpu_count(); i++)
        bit_set(m.bits, i);
    return m;
}

struct cpumask cpumask_and(const struct cpumask *a, const struct cpumask *b)
{
    struct cpumask m;

    for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
        m.bits[i] = a->bits[i] & b->bits[i];
    return m;
}

bool cpumask_is_empty(const struct cpumask *m)
{
    return bitmap_is_empty(m->bits, MAX_CPUS);
}

/* A unit without a CPU could never run again: rather than that, its pinning is undone. */
void sched_update_allowed(struct sched_pool *p, struct sched_unit *u)
{
    u->allowed = cpumask_and(&u->hard, &p->cpus);
    if (!cpumask_is_empty(&u->allowed))
        return;
    if (!cpumask_is_empty(&p->cpus))
        log_warn("d%uv%u: none of the CPUs it is pinned to is left in pool %u; it may run on all", u->domid,
                 u->vcpu_id, p->id);
    u->hard = cpumask_all();
    u->allowed = p->cpus;
}

void sched_unit_init(struct sched_unit *u, domid_t domid, uint32_t vcpu_id, unsigned int cpu)
{
    *u = (struct sched_unit){ .domid = domid, .vcpu_id = vcpu_id, .cpu = cpu, .down = true };
    u->hard = u->soft = cpumask_all();
    list_init(&u->in_group);
    runstate_init(&u->runstate, time_now());
    u->runstate.state = RUNSTATE_offline;
}

/* The CPU to begin with: the pool's, one after the other. */
static unsigned int first_cpu(const struct sched_pool *p, uint32_t vcpu_id)
{
    unsigned int count = bitmap_weight(p->cpus.bits, MAX_CPUS), cpu;

    ASSERT(count > 0);
    cpu = bitmap_find_set(p->cpus.bits, MAX_CPUS, 0);
    for (unsigned int n = vcpu_id % count; n > 0; n--)
        cpu = bitmap_find_set(p->cpus.bits, MAX_CPUS, cpu + 1);
    return cpu;
}

void sched_group_add(struct sched_group *g, struct sched_unit *u)
{
    struct sched_pool *p = sched_lock_group(g);

    u->group = g;
    list_add_tail(&u->in_group, &g->units);
    u->cpu = first_cpu(p, u->vcpu_id);
    sched_update_allowed(p, u);
    p->policy->unit(p->state, u, true);
    WRITE_ONCE(u->pool, p);
    spin_unlock(&p->lock);
}

void sched_unit_fini(struct sched_unit *u)
{
    struct sched_pool *p;

    if (!u->pool)
        return;
    p = sched_lock_unit(u);
    ASSERT(!u->on_cpu && !sched_is_current(u));
    sched_suspend(p, u);
    p->policy->unit(p->state, u, false);
    list_del(&u->in_group);
    WRITE_ONCE(u->pool, NULL);
    spin_unlock(&p->lock);
}

int sched_set_affinity(struct sched_unit *u, const struct cpumask *hard, const struct cpumask *soft)
{
    struct sched_pool *p = sched_lock_unit(u);
    struct cpumask allowed = cpumask_and(hard ? hard : &u->hard, &p->cpus);
    int rc = cpumask_is_empty(&allowed) ? -EINVAL : 0;

    if (rc == 0) {
        sched_suspend(p, u);
        if (hard)
            u->hard = *hard;
        if (soft)
            u->soft = *soft;
        u->allowed = allowed;
        sched_reconsider(p, u);
    }
    spin_unlock(&p->lock);
    return rc;
}

/* ---- groups ---- */

struct sched_pool *sched_lock_group(struct sched_group *g)
{
    for (;;) {
        struct sched_pool *p = READ_ONCE(g->pool);

        spin_lock(&p->lock);
        if (READ_ONCE(g->pool) == p)
            return p;
        spin_unlock(&p->lock);
    }
}

static int group_event(struct sched_group *g, const struct sched_params *params, enum sched_group_event e)
{
    struct sched_effects fx = { { { 0 } }, NULL };
    struct sched_pool *p = sched_lock_group(g);

    if (params)
        g->params = *params;
    if (params)
        TRACE(TRC_SCHED_ADJDOM, g->domid);
    p->policy->group(p->state, g, e, time_now(), &fx);
    sched_apply(&fx);
    spin_unlock(&p->lock);
    return 0;
}

static void refill_due(void *arg)
{
    (void)group_event(arg, NULL, SCHED_GROUP_TIMER);
}

int sched_group_init(struct sched_group *g, domid_t domid, uint32_t pool_id)
{
    struct sched_pool *p = sched_pool_find(pool_id);
    struct sched_effects fx = { { { 0 } }, NULL };

    *g = (struct sched_group){ .domid = domid, .params = { WEIGHT_DEFAULT, 0 }, .refill_at = NS_NEVER };
    list_init(&g->units);
    timer_init(&g->refill, refill_due, g, this_cpu_id());
    if (!p)
        return -ESRCH;
    if (cpumask_is_empty(&p->cpus))
        return -ENODEV;
    spin_lock(&p->lock);
    p->policy->group(p->state, g, SCHED_GROUP_ADD, time_now(), &fx);
    list_add_tail(&g->link, &p->groups);
    p->group_count++;
    g->pool = p;
    spin_unlock(&p->lock);
    TRACE(TRC_SCHED_DOM_ADD, domid);
    return 0;
}

void sched_group_fini(struct sched_group *g)
{
    struct sched_effects fx = { { { 0 } }, NULL };
    struct sched_pool *p;

    if (!g->pool)
        return;
    ASSERT(list_is_empty(&g->units));
    timer_kill(&g->refill);
    p = sched_lock_group(g);
    p->policy->group(p->state, g, SCHED_GROUP_REMOVE, time_now(), &fx);
    list_del(&g->link);
    p->group_count--;
    spin_unlock(&p->lock);
    TRACE(TRC_SCHED_DOM_REM, g->domid);
    g->pool = NULL;
}

int sched_group_set(struct sched_group *g, uint16_t weight, uint16_t cap)
{
    const struct sched_params params = { weight, cap };

    return weight == 0 ? -EINVAL : group_event(g, &params, SCHED_GROUP_PARAMS);
}

uint32_t sched_group_pool(const struct sched_group *g)
{
    const struct sched_pool *p = READ_ONCE(g->pool);

    return p ? p->id : 0;
}
