/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpupools: sets of CPUs, each with a policy of its own, and the domains that run on them. Pool 0 has
 * all CPUs at boot. The caller has toolstack operations one at a time (DOMCTL lock) or is the boot
 * code; SCHED locks are taken inside. Errors are those of xen/sysctl.h.
 */
#ifndef SCHED_CPUPOOL_H
#define SCHED_CPUPOOL_H

#include <sched/sched.h>

#define CPUPOOL_ANY UINT32_MAX

struct cpupool_info { uint32_t id, sched_id, domains; struct cpumask cpus; };

/* *id CPUPOOL_ANY: choose. -EEXIST; -EINVAL: no such scheduler; -ENOSPC, -ENOMEM. */
int cpupool_create(uint32_t *id, uint32_t sched_id) must_check;
int cpupool_destroy(uint32_t id) must_check;                       /* -ENOENT, -EBUSY */
/* cpu CPUPOOL_ANY: some free one. -ENOENT, -EINVAL: no such CPU, -ENODEV: not free. */
int cpupool_add_cpu(uint32_t id, uint32_t cpu) must_check;
/* CPUPOOL_ANY: the last. -ENOENT, -EINVAL: no such CPU, or CPU 0 of pool 0, -EADDRNOTAVAIL: not in it, -EBUSY: the last
 * one of a pool with domains. */
int cpupool_remove_cpu(uint32_t id, uint32_t cpu) must_check;
/* The first pool with a number of at least id. -ENOENT. */
int cpupool_info(uint32_t id, struct cpupool_info *info) must_check;
struct cpumask cpupool_free_cpus(void);
/*
 * Moves a domain whose vCPUs the caller does not belong to; each is off its CPU for a moment and may
 * run on all CPUs of the new pool afterwards. -ENOENT: no such pool, or one without CPUs; -ENOMEM.
 */
int cpupool_move(struct sched_group *g, uint32_t id) must_check;

#endif
