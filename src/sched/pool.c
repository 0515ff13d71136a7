/* SPDX-License-Identifier: BSD-2-Clause */
/* cpupools. Their number is bounded, their locks never go away (private.h). */
#include <sched/cpupool.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <mm/heap.h>
#include <x86/softirq.h>
#include <x86/time.h>
#include <xen/sysctl.h>

#include "private.h"

struct sched_pool sched_pools[SCHED_MAX_POOLS];
uint32_t sched_boot_id ro_after_init = SCHED_ID_CREDIT2;
unsigned int sched_boot_ratelimit_us ro_after_init = 1000;

const struct sched_policy *sched_policy_of(uint32_t id)
{
    static const struct sched_policy *const all[] = { &sched_credit2, &sched_null };

    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        if (all[i]->id == id)
            return all[i];
    return NULL;
}

struct sched_pool *sched_pool_find(uint32_t id)
{
    for (unsigned int i = 0; i < SCHED_MAX_POOLS; i++)
        if (sched_pools[i].in_use && sched_pools[i].id == id)
            return &sched_pools[i];
    return NULL;
}

static uint32_t free_id(void)
{
    uint32_t id = 0;

    while (sched_pool_find(id))
        id++;
    return id;
}

int cpupool_create(uint32_t *id, uint32_t sched_id)
{
    const struct sched_policy *policy = sched_policy_of(sched_id);
    struct sched_pool *p = NULL;

    if (!policy)
        return -EINVAL;
    if (*id != CPUPOOL_ANY && sched_pool_find(*id))
        return -EEXIST;
    for (unsigned int i = 0; i < SCHED_MAX_POOLS && !p; i++)
        if (!sched_pools[i].in_use)
            p = &sched_pools[i];
    if (!p)
        return -ENOSPC;
    p->state = heap_alloc(policy->state_size, 64);
    if (!p->state)
        return -ENOMEM;
    if (*id == CPUPOOL_ANY)
        *id = free_id();
    p->id = *id;
    p->policy = policy;
    p->cpus = cpumask_none();
    p->group_count = 0;
    p->ratelimit_us = sched_boot_ratelimit_us;
    list_init(&p->groups);
    policy->init(p->state);
    policy->set_ratelimit(p->state, (ns_t)p->ratelimit_us * NS_PER_US);
    p->in_use = true;
    return 0;
}

int cpupool_destroy(uint32_t id)
{
    struct sched_pool *p = sched_pool_find(id);

    if (!p)
        return -ENOENT;
    if (id == 0 || p->group_count > 0 || !cpumask_is_empty(&p->cpus))
        return -EBUSY;
    /* A CPU that was just taken out may still be between a look at its pool and taking the lock. */
    spin_lock(&p->lock);
    p->in_use = false;
    heap_free(p->state);
    p->state = NULL;
    spin_unlock(&p->lock);
    return 0;
}

/* Lock held. All units leave the policy's queues, the change is made, and they come back. */
static void change_cpu(struct sched_pool *p, unsigned int cpu, bool in)
{
    struct sched_group *g;
    struct sched_unit *u;

    list_for_each(g, &p->groups, link)
        list_for_each(u, &g->units, in_group)
            sched_suspend(p, u);
    p->policy->set_cpu(p->state, cpu, in, time_now());
    if (in) {
        bit_set(p->cpus.bits, cpu);
        WRITE_ONCE(sched_cpus[cpu].pool, p);
    } else {
        bit_clear(p->cpus.bits, cpu);
        WRITE_ONCE(sched_cpus[cpu].pool, NULL);
        /* What it runs is nobody's current unit until the CPU has put its registers away. */
        WRITE_ONCE(sched_cpus[cpu].current, NULL);
    }
    list_for_each(g, &p->groups, link)
        list_for_each(u, &g->units, in_group) {
            sched_update_allowed(p, u);
            sched_reconsider(p, u);
        }
    softirq_raise_on(cpu, SOFTIRQ_SCHED);
}

struct cpumask cpupool_free_cpus(void)
{
    struct cpumask m = cpumask_none();

    for (unsigned int i = 0; i < cpu_count(); i++)
        if (!READ_ONCE(sched_cpus[i].pool))
            bit_set(m.bits, i);
    return m;
}

int cpupool_add_cpu(uint32_t id, uint32_t cpu)
{
    struct cpumask free = cpupool_free_cpus();
    struct sched_pool *p = sched_pool_find(id);

    if (!p)
        return -ENOENT;
    if (cpu == CPUPOOL_ANY) {
        cpu = bitmap_find_set(free.bits, cpu_count(), 0);
        if (cpu >= cpu_count())
            return -ENODEV;
    }
    if (cpu >= cpu_count())
        return -EINVAL;
    if (!bit_test(free.bits, cpu))
        return -ENODEV;
    spin_lock(&p->lock);
    change_cpu(p, cpu, true);
    spin_unlock(&p->lock);
    return 0;
}

int cpupool_remove_cpu(uint32_t id, uint32_t cpu)
{
    struct sched_pool *p = sched_pool_find(id);
    int rc = 0;

    if (!p)
        return -ENOENT;
    if (cpu == CPUPOOL_ANY)
        for (unsigned int i = 0; i < cpu_count(); i++)
            if (bit_test(p->cpus.bits, i))
                cpu = i;
    /* The toolstack relies on CPU 0 being in pool 0. */
    if (cpu >= cpu_count() || (id == 0 && cpu == 0))
        return -EINVAL;
    spin_lock(&p->lock);
    if (!bit_test(p->cpus.bits, cpu))
        rc = -EADDRNOTAVAIL;
    else if (p->group_count > 0 && bitmap_weight(p->cpus.bits, MAX_CPUS) == 1)
        rc = -EBUSY;
    else
        change_cpu(p, cpu, false);
    spin_unlock(&p->lock);
    return rc;
}

int cpupool_info(uint32_t id, struct cpupool_info *info)
{
    const struct sched_pool *p = NULL;

    for (unsigned int i = 0; i < SCHED_MAX_POOLS; i++)
        if (sched_pools[i].in_use && sched_pools[i].id >= id && (!p || sched_pools[i].id < p->id))
            p = &sched_pools[i];
    if (!p)
        return -ENOENT;
    *info = (struct cpupool_info){ p->id, p->policy->id, p->group_count, p->cpus };
    return 0;
}

/* Both locks held; no unit of the group is on a CPU. */
static void move_units(struct sched_group *g, struct sched_pool *from, struct sched_pool *to, ns_t now)
{
    struct sched_effects fx = { { { 0 } }, NULL };
    struct sched_unit *u;

    list_for_each(u, &g->units, in_group) {
        sched_suspend(from, u);
        from->policy->unit(from->state, u, false);
    }
    from->policy->group(from->state, g, SCHED_GROUP_REMOVE, now, &fx);
    list_del(&g->link);
    from->group_count--;
    g->refill_at = NS_NEVER;
    timer_stop(&g->refill);
    to->policy->group(to->state, g, SCHED_GROUP_ADD, now, &fx);
    list_add_tail(&g->link, &to->groups);
    to->group_count++;
    WRITE_ONCE(g->pool, to);
    list_for_each(u, &g->units, in_group) {
        u->hard = u->soft = cpumask_all();
        sched_update_allowed(to, u);
        u->cpu = bitmap_find_set(to->cpus.bits, MAX_CPUS, 0);
        to->policy->unit(to->state, u, true);
        WRITE_ONCE(u->pool, to);
    }
}

int cpupool_move(struct sched_group *g, uint32_t id)
{
    struct sched_pool *from = g->pool, *to = sched_pool_find(id);
    struct sched_unit *u;

    if (from == to)
        return 0;
    if (!to || cpumask_is_empty(&to->cpus))
        return -ENOENT;
    list_for_each(u, &g->units, in_group)
        sched_pause(u);
    list_for_each(u, &g->units, in_group)
        sched_wait_off_cpu(u);
    spin_lock_pair(&from->lock, &to->lock);
    move_units(g, from, to, time_now());
    spin_unlock_pair(&from->lock, &to->lock);
    list_for_each(u, &g->units, in_group)
        sched_unpause(u);
    return 0;
}

/* ---- parameters of pools, boot, debug key ---- */

void sched_configure(uint32_t id, enum sched_arrangement arrangement, unsigned int limit_us)
{
    sched_boot_id = id;
    sched_arrangement = arrangement;
    sched_boot_ratelimit_us = limit_us;
}

void sched_pools_init(void)
{
    uint32_t id = 0;

    for (unsigned int i = 0; i < SCHED_MAX_POOLS; i++) {
        sched_pools[i].in_use = false;
        spin_lock_init(&sched_pools[i].lock, LOCK_SCHED);
    }
    BUG_ON(cpupool_create(&id, sched_boot_id) != 0);
    for (unsigned int i = 0; i < cpu_count(); i++)
        BUG_ON(cpupool_add_cpu(0, i) != 0);
}

unsigned int sched_id(void)
{
    return sched_pool_find(0)->policy->id;
}

int sched_pool_policy(uint32_t pool, uint32_t *sched_id_out, unsigned int *ratelimit)
{
    const struct sched_pool *p = sched_pool_find(pool);

    if (!p)
        return -ENOENT;
    *sched_id_out = p->policy->id;
    *ratelimit = p->ratelimit_us;
    return 0;
}

int sched_set_ratelimit_us(uint32_t pool, unsigned int us)
{
    struct sched_pool *p = sched_pool_find(pool);

    if (!p)
        return -ENOENT;
    if (us != 0 && (us < XEN_SYSCTL_SCHED_RATELIMIT_MIN || us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
        return -EINVAL;
    spin_lock(&p->lock);
    p->ratelimit_us = us;
    p->policy->set_ratelimit(p->state, (ns_t)us * NS_PER_US);
    spin_unlock(&p->lock);
    return 0;
}

static void dump_pool(struct sched_pool *p)
{
    static const char *const names[] = { "running", "runnable", "blocked", "offline" };

    spin_lock(&p->lock);
    log_info("pool %u: %s, %u domains", p->id, p->policy->name, p->group_count);
    for (unsigned int i = 0; i < cpu_count(); i++) {
        const struct sched_unit *u = sched_cpus[i].current;

        if (!bit_test(p->cpus.bits, i))
            continue;
        if (u)
            log_info("  CPU[%02u] current=d%uv%u %s idle=%lld ns", i, u->domid, u->vcpu_id,
                     names[u->runstate.state & 3], (long long)sched_cpu_idle_time(i));
        else
            log_info("  CPU[%02u] idle=%lld ns", i, (long long)sched_cpu_idle_time(i));
    }
    p->policy->dump(p->state, time_now());
    spin_unlock(&p->lock);
}

void sched_dump(void)
{
    for (unsigned int i = 0; i < SCHED_MAX_POOLS; i++)
        if (sched_pools[i].in_use)
            dump_pool(&sched_pools[i]);
}
