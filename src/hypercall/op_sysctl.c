/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl (xen/sysctl.h): the machine and the list of domains as the toolstack sees them. */
#include "ctl.h"

#include <hypercall/hypercall.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <sched/cpupool.h>
#include <x86/time.h>

#define CONSOLE_CHUNK 512U

static int64_t op_readconsole(struct ctl *t)
{
    struct xen_sysctl_readconsole *a = t->u;
    uint32_t done = 0, index = a->index;
    bool incremental = a->incremental;
    char text[CONSOLE_CHUNK];

    while (done < a->count) {
        size_t n =
            log_ring_read(text, min_of(a->count - done, CONSOLE_CHUNK), &index, incremental, false);

        if (n == 0)
            break;
        if (hc_write(t->c, gva_at(hc_handle(a->buffer), done, 1), text, n) != 0)
            return -EFAULT;
        incremental = true;
        done += (uint32_t)n;
    }
    if (a->clear)
        (void)log_ring_read(text, 0, &index, true, true);
    a->index = index;
    a->count = done;
    return 0;
}

static int64_t op_physinfo(struct ctl *t)
{
    struct xen_sysctl_physinfo *a = t->u;

    memset(a, 0, sizeof(*a));
    topology_summary(&a->threads_per_core, &a->cores_per_socket);
    a->nr_cpus = cpu_count();
    a->max_cpu_id = cpu_count() - 1;
    a->nr_nodes = 1;
    a->cpu_khz = (uint32_t)time_tsc_khz();
    a->capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap |
                      XEN_SYSCTL_PHYSCAP_gnttab_v1;
    a->total_pages = frames_total();
    a->free_pages = frames_free_count();
    a->outstanding_pages = frames_claimed();
    a->max_mfn = frames_max_mfn();
    policy_host_words(a->hw_cap);
    return 0;
}

static int64_t op_sched_id(struct ctl *t)
{
    ((struct xen_sysctl_sched_id *)t->u)->sched_id = sched_id();
    return 0;
}

static int64_t op_getdomaininfolist(struct ctl *t)
{
    struct xen_sysctl_getdomaininfolist *a = t->u;
    uint32_t n = 0;
    domid_t from = a->first_domain;

    while (n < a->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = domain_get_next(from);
        int rc;

        if (!d)
            break;
        from = (domid_t)(d->id + 1);
        ctl_domain_info(d, &info);
        domain_put(d);
        rc = hc_write(t->c, gva_at(hc_handle(a->buffer), n, sizeof(info)), &info, sizeof(info));
        if (rc != 0)
            return rc;
        n++;
    }
    a->num_domains = n;
    return 0;
}

static int64_t op_debug_keys(struct ctl *t)
{
    const struct xen_sysctl_debug_keys *a = t->u;

    for (uint32_t i = 0; i < min_of(a->nr_keys, 64U); i++) {
        uint8_t key;

        if (hc_read(t->c, &key, gva_at(hc_handle(a->keys), i, 1), 1) != 0)
            return -EFAULT;
        if (hypercall_env.debug_key)
            hypercall_env.debug_key(key);
    }
    return 0;
}

static int64_t op_getcpuinfo(struct ctl *t)
{
    struct xen_sysctl_getcpuinfo *a = t->u;
    uint32_t n = min_of(a->max_cpus, cpu_count());

    for (uint32_t cpu = 0; cpu < n; cpu++) {
        struct xen_sysctl_cpuinfo info = { (uint64_t)sched_cpu_idle_time(cpu) };

        if (hc_write(t->c, gva_at(hc_handle(a->info), cpu, sizeof(info)), &info, sizeof(info)) != 0)
            return -EFAULT;
    }
    a->nr_cpus = n;
    return 0;
}

static int64_t op_availheap(struct ctl *t)
{
    struct xen_sysctl_availheap *a = t->u;

    if (a->node > 0)
        return hc_invalid(t->c, "XEN_SYSCTL_availheap: node", a->node);
    a->avail_bytes = frames_free_count() << PAGE_SHIFT;
    return 0;
}

static int64_t cpupool_info_out(struct ctl *t, struct xen_sysctl_cpupool_op *a)
{
    struct cpupool_info info;
    int rc = cpupool_info(a->cpupool_id, &info);

    if (rc != 0)
        return rc;
    a->cpupool_id = info.id;
    a->sched_id = info.sched_id;
    a->n_dom = info.domains;
    return ctl_write_cpumask(t->c, &a->cpumap, &info.cpus);
}

static int64_t cpupool_move_domain(struct ctl *t, const struct xen_sysctl_cpupool_op *a)
{
    struct domain *d = a->domid < DOMID_FIRST_RESERVED ? domain_get((domid_t)a->domid) : NULL;
    int rc;

    if (!d)
        return -ESRCH;
    /* The caller would have to wait for itself. */
    rc = d == t->c->d ? -EPERM : cpupool_move(&d->sched, a->cpupool_id);
    domain_put(d);
    return rc;
}

static int64_t cpupool_change(struct ctl *t, struct xen_sysctl_cpupool_op *a)
{
    switch (a->op) {
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return cpupool_create(&a->cpupool_id, a->sched_id);
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return cpupool_destroy(a->cpupool_id);
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        return cpupool_add_cpu(a->cpupool_id, a->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return cpupool_remove_cpu(a->cpupool_id, a->cpu);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return cpupool_move_domain(t, a);
    default:
        return -ENOSYS;
    }
}

static int64_t op_cpupool(struct ctl *t)
{
    struct xen_sysctl_cpupool_op *a = t->u;
    struct cpumask free = cpupool_free_cpus();
    int64_t rc;

    /* The toolstack asks for pools until there is none: that is no news. */
    if (a->op == XEN_SYSCTL_CPUPOOL_OP_INFO)
        return cpupool_info_out(t, a);
    if (a->op == XEN_SYSCTL_CPUPOOL_OP_FREEINFO)
        return ctl_write_cpumask(t->c, &a->cpumap, &free);
    rc = cpupool_change(t, a);
    return rc < 0 ? hc_refuse(t->c, (int)rc, "XEN_SYSCTL_cpupool_op: op", a->op) : rc;
}

static int64_t op_scheduler(struct ctl *t)
{
    struct xen_sysctl_scheduler_op *a = t->u;
    unsigned int ratelimit;
    uint32_t id;

    if (sched_pool_policy(a->cpupool_id, &id, &ratelimit) != 0)
        return -ESRCH;
    if (a->sched_id != id)
        return hc_invalid(t->c, "XEN_SYSCTL_scheduler_op: sched_id", a->sched_id);
    if (id != SCHED_ID_CREDIT2)
        return 0;                     /* the others have no parameters */
    switch (a->cmd) {
    case XEN_SYSCTL_SCHEDOP_putinfo:
        if (sched_set_ratelimit_us(a->cpupool_id, a->u.sched_credit2.ratelimit_us) != 0)
            return hc_invalid(t->c, "XEN_SYSCTL_scheduler_op: ratelimit_us",
                              a->u.sched_credit2.ratelimit_us);
        return 0;
    case XEN_SYSCTL_SCHEDOP_getinfo:
        a->u.sched_credit2.ratelimit_us = ratelimit;
        return 0;
    default:
        return hc_invalid(t->c, "XEN_SYSCTL_scheduler_op: cmd", a->cmd);
    }
}

static int64_t op_levelling_caps(struct ctl *t)
{
    ((struct xen_sysctl_cpu_levelling_caps *)t->u)->caps = 0;
    return 0;
}

static int64_t op_unsupported(struct ctl *t)
{
    (void)t;
    return -EOPNOTSUPP;
}

#define SYSCTL(name, fn, dir) \
    [XEN_SYSCTL_##name] = { fn, sizeof(struct xen_sysctl_##name), dir, CTL_PLAIN }
#define SYSCTL_AS(name, type, fn, dir) \
    [XEN_SYSCTL_##name] = { fn, sizeof(struct type), dir, CTL_PLAIN }
const struct ctl_op ctl_sysctls[] = {
    SYSCTL(readconsole, op_readconsole, HC_INOUT),
    SYSCTL(tbuf_op, sysctl_tbuf_op, HC_INOUT),
    SYSCTL(physinfo, op_physinfo, HC_INOUT),
    SYSCTL(sched_id, op_sched_id, HC_INOUT),
    SYSCTL(getdomaininfolist, op_getdomaininfolist, HC_INOUT),
    SYSCTL(debug_keys, op_debug_keys, HC_IN),
    SYSCTL(getcpuinfo, op_getcpuinfo, HC_INOUT),
    SYSCTL(availheap, op_availheap, HC_INOUT),
    SYSCTL(cputopoinfo, sysctl_cputopoinfo, HC_INOUT),
    SYSCTL(numainfo, sysctl_numainfo, HC_INOUT),
    SYSCTL(cpupool_op, op_cpupool, HC_INOUT),
    SYSCTL(scheduler_op, op_scheduler, HC_INOUT),
    SYSCTL(pcitopoinfo, sysctl_pcitopoinfo, HC_INOUT),
    SYSCTL(psr_cmt_op, op_unsupported, HC_IN),
    SYSCTL(psr_alloc, op_unsupported, HC_IN),
    SYSCTL_AS(get_cpu_levelling_caps, xen_sysctl_cpu_levelling_caps, op_levelling_caps, HC_INOUT),
    SYSCTL_AS(get_cpu_featureset, xen_sysctl_cpu_featureset, sysctl_get_cpu_featureset, HC_INOUT),
    SYSCTL_AS(get_cpu_policy, xen_sysctl_cpu_policy, sysctl_get_cpu_policy, HC_INOUT),
};
const size_t ctl_sysctl_count = ARRAY_COUNT(ctl_sysctls);
