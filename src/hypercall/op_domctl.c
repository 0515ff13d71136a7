/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl (xen/domctl.h): life cycle, scheduling and limits of a domain, for the toolstack. */
#include "ctl.h"

#include <lib/string.h>
#include <x86/time.h>

/* What the toolstack may ask of a new domain; anything else is refused by name. */
#define CDF_ACCEPTED (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap | XEN_DOMCTL_CDF_s3_integrity | \
                      XEN_DOMCTL_CDF_oos_off | XEN_DOMCTL_CDF_xs_domain)

#define MEMPOOL_DEFAULT (1ULL << 20)   /* what the tools find before they set it */
#define MEMPOOL_MAX (1ULL << 40)

static int check_create(struct hc *c, const struct xen_domctl_createdomain *a)
{
    if (!(a->flags & XEN_DOMCTL_CDF_hvm) || !(a->flags & XEN_DOMCTL_CDF_hap) ||
        (a->flags & ~CDF_ACCEPTED))
        return hc_invalid(c, "createdomain: flags", a->flags);
    if (a->iommu_opts != 0)
        return hc_invalid(c, "createdomain: iommu_opts", a->iommu_opts);
    if (a->max_vcpus == 0 || a->max_vcpus > DOMAIN_MAX_VCPUS)
        return hc_invalid(c, "createdomain: max_vcpus", a->max_vcpus);
    if (XEN_DOMCTL_GRANT_version(a->grant_opts) == 0 ||
        (a->grant_opts & ~(uint32_t)XEN_DOMCTL_GRANT_version_mask))
        return hc_invalid(c, "createdomain: grant_opts", a->grant_opts);
    if (a->vmtrace_size != 0)
        return hc_invalid(c, "createdomain: vmtrace_size", a->vmtrace_size);
    if (a->arch.emulation_flags & ~XEN_X86_EMU_ALL)
        return hc_invalid(c, "createdomain: emulation_flags", a->arch.emulation_flags);
    if (a->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
        return hc_invalid(c, "createdomain: misc_flags", a->arch.misc_flags);
    return 0;
}

static int64_t op_createdomain(struct ctl *t)
{
    struct xen_domctl_createdomain *a = t->u;
    domid_t id = t->id > 0 && t->id < DOMID_FIRST_RESERVED ? t->id : (domid_t)DOMID_INVALID;
    struct domain *d;
    int rc = check_create(t->c, a);

    if (rc != 0)
        return rc;
    rc = domain_create(id, a, &d);
    if (rc != 0)
        return hc_refuse(t->c, rc, "createdomain: domain", t->id);
    if (a->arch.emulation_flags & ~XEN_X86_EMU_LAPIC)
        rc = domain_make_platform(d);
    if (rc != 0) {
        while (domain_destroy(d) == -ERESTART)
            ;
        return rc;
    }
    policy_set_default(d);
    d->no_apicv = t->c->d->no_apicv;
    d->run_limit = t->c->d->run_limit;
    domain_update_wallclock(d);
    d->paging_mempool = MEMPOOL_DEFAULT;
    t->id = d->id;
    return 0;
}

static int64_t op_max_vcpus(struct ctl *t)
{
    const struct xen_domctl_max_vcpus *a = t->u;

    if (a->max != t->d->config.max_vcpus)
        return hc_invalid(t->c, "max_vcpus: max", a->max);
    return domain_add_vcpus(t->d, a->max);
}

static int64_t op_destroydomain(struct ctl *t)
{
    return domain_destroy(t->d);
}

static int64_t op_pausedomain(struct ctl *t)
{
    domain_pause(t->d);
    return 0;
}

static int64_t op_unpausedomain(struct ctl *t)
{
    return domain_unpause(t->d);
}

/* A shutdown that was announced (suspend) is taken back: everything goes on where it was. */
static int64_t op_resumedomain(struct ctl *t)
{
    struct domain *d = t->d;
    bool was;

    domain_pause(d);
    spin_lock(&d->lock);
    was = d->shut_down || d->shutting_down;
    d->shut_down = d->shutting_down = false;
    d->shutdown_reason = ~0U;
    spin_unlock(&d->lock);
    for (uint32_t i = 0; was && i < d->max_vcpus; i++)
        if (d->vcpu[i])
            sched_unpause(&d->vcpu[i]->sched);
    return domain_unpause(d);
}

struct vcpu_totals { uint64_t cpu_time; uint32_t online, max_id; bool running, all_blocked; };

static struct vcpu_totals sum_vcpus(struct domain *d)
{
    struct vcpu_totals s = { .max_id = XEN_INVALID_MAX_VCPU_ID, .all_blocked = true };

    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        const struct vcpu *v = d->vcpu[i];
        struct vcpu_runstate_info r;

        if (!v)
            continue;
        s.max_id = i;
        runstate_get(&v->sched.runstate, time_now(), &r);
        s.cpu_time += r.time[RUNSTATE_running];
        if (READ_ONCE(v->sched.down))
            continue;
        s.online++;
        s.running |= r.state == RUNSTATE_running;
        s.all_blocked &= READ_ONCE(v->sched.blocked) || READ_ONCE(v->sched.waiting);
    }
    return s;
}

static uint32_t info_flags(const struct domain *d, const struct vcpu_totals *s)
{
    uint32_t flags = XEN_DOMINF_hvm_guest | XEN_DOMINF_hap;

    if (d->dead)
        flags |= XEN_DOMINF_dying;   /* only when nothing is left: xenstored lets go at once */
    if (d->shut_down)
        flags |= XEN_DOMINF_shutdown | (d->shutdown_reason & XEN_DOMINF_shutdownmask)
                                           << XEN_DOMINF_shutdownshift;
    if (d->pause_count)
        flags |= XEN_DOMINF_paused;
    if (s->online && s->all_blocked)
        flags |= XEN_DOMINF_blocked;
    if (s->running)
        flags |= XEN_DOMINF_running;
    if (d->config.flags & XEN_DOMCTL_CDF_xs_domain)
        flags |= XEN_DOMINF_xs_domain;
    return flags;
}

/* Who is told that a domain has shut down may copy its memory at once: none of its vCPUs is on its way out of the guest still. */
static void settle_shutdown(struct domain *d)
{
    for (uint32_t i = 0; d->shut_down && i < d->max_vcpus; i++)
        if (d->vcpu[i] && d->vcpu[i] != current_vcpu())
            sched_wait_off_cpu(&d->vcpu[i]->sched);
}

void ctl_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    struct vcpu_totals s;
    uint32_t bits = d->cpuid.ext[8].a & 0xff;

    settle_shutdown(d);
    s = sum_vcpus(d);
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = info_flags(d, &s);
    info->tot_pages = READ_ONCE(d->tot_pages);
    info->max_pages = d->max_pages;
    info->outstanding_pages = READ_ONCE(d->claim);
    info->shared_info_frame = d->shared_info_gfn.v;
    info->cpu_time = s.cpu_time;
    info->nr_online_vcpus = s.online;
    info->max_vcpu_id = s.max_id;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->cpupool = sched_group_pool(&d->sched);
    info->gpaddr_bits = (uint8_t)(bits ? bits : 36);
    info->arch_config = d->config.arch;
}

/* The first domain at or after the number given; the caller compares. */
static int64_t op_getdomaininfo(struct ctl *t)
{
    struct domain *d = domain_get_next(t->id);

    if (!d)
        return -ESRCH;
    ctl_domain_info(d, t->u);
    t->id = d->id;
    domain_put(d);
    return 0;
}

static int64_t op_getvcpuinfo(struct ctl *t)
{
    struct xen_domctl_getvcpuinfo *a = t->u;
    const struct vcpu *v = domain_vcpu(t->d, a->vcpu);
    struct vcpu_runstate_info r;

    if (!v)
        return a->vcpu < t->d->config.max_vcpus ? -ESRCH : -EINVAL;
    runstate_get(&v->sched.runstate, time_now(), &r);
    a->online = !READ_ONCE(v->sched.down);
    a->blocked = READ_ONCE(v->sched.blocked) || READ_ONCE(v->sched.waiting);
    a->running = r.state == RUNSTATE_running;
    a->cpu_time = r.time[RUNSTATE_running];
    a->cpu = READ_ONCE(v->sched.cpu);
    return 0;
}

static struct vcpu *affinity_target(struct ctl *t, const struct xen_domctl_vcpuaffinity *a)
{
    if (a->flags == 0 ||
        (a->flags & ~(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT | XEN_VCPUAFFINITY_FORCE)))
        return NULL;
    return domain_vcpu(t->d, a->vcpu);
}

/* A vCPU that was never made is not there; anything else is a request that makes no sense. */
static int64_t no_affinity(struct ctl *t, const struct xen_domctl_vcpuaffinity *a, const char *what)
{
    bool sensible = a->flags != 0 && a->vcpu < t->d->max_vcpus && !domain_vcpu(t->d, a->vcpu);

    return hc_refuse(t->c, sensible ? -ESRCH : -EINVAL, what, a->vcpu);
}

static int64_t op_getvcpuaffinity(struct ctl *t)
{
    const struct xen_domctl_vcpuaffinity *a = t->u;
    const struct vcpu *v = affinity_target(t, a);
    int rc = 0;

    if (!v)
        return no_affinity(t, a, "getvcpuaffinity: vcpu");
    if (a->flags & XEN_VCPUAFFINITY_HARD)
        rc = ctl_write_cpumask(t->c, &a->cpumap_hard, &v->sched.hard);
    if (rc == 0 && (a->flags & XEN_VCPUAFFINITY_SOFT))
        rc = ctl_write_cpumask(t->c, &a->cpumap_soft, &v->sched.soft);
    return rc;
}

static struct cpumask both(const struct cpumask *a, const struct cpumask *b)
{
    struct cpumask m;

    for (unsigned int i = 0; i < CPUMASK_WORDS; i++)
        m.bits[i] = a->bits[i] & b->bits[i];
    return m;
}

/* Answers with what is in effect: the masks cut down to CPUs that there are. */
static int64_t op_setvcpuaffinity(struct ctl *t)
{
    const struct xen_domctl_vcpuaffinity *a = t->u;
    struct cpumask hard, soft, inside;
    bool set_hard = a->flags & XEN_VCPUAFFINITY_HARD, set_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
    struct vcpu *v = affinity_target(t, a);

    if (!v)
        return no_affinity(t, a, "setvcpuaffinity: vcpu");
    if ((set_hard && ctl_read_cpumask(t->c, &a->cpumap_hard, &hard) != 0) ||
        (set_soft && ctl_read_cpumask(t->c, &a->cpumap_soft, &soft) != 0))
        return -EFAULT;
    if (sched_set_affinity(&v->sched, set_hard ? &hard : NULL, set_soft ? &soft : NULL) != 0)
        return hc_invalid(t->c, "setvcpuaffinity: no CPU left for vcpu", a->vcpu);
    if (set_hard) {
        inside = v->sched.allowed;
        if (ctl_write_cpumask(t->c, &a->cpumap_hard, &inside) != 0)
            return -EFAULT;
    }
    if (set_soft) {
        soft = both(&soft, &v->sched.allowed);
        return ctl_write_cpumask(t->c, &a->cpumap_soft, &soft);
    }
    return 0;
}

static int64_t put_sched_params(struct ctl *t, const struct xen_domctl_sched_credit2 *a)
{
    struct sched_params p = t->d->sched.params;

    /* Zero weight and an all-ones cap mean: leave it. */
    if (a->weight != 0)
        p.weight = a->weight;
    if (a->cap != (uint16_t)~0U)
        p.cap = a->cap;
    if (p.cap > 100 * t->d->max_vcpus)
        return hc_invalid(t->c, "scheduler_op: cap", p.cap);
    return sched_group_set(&t->d->sched, p.weight, p.cap);
}

static int64_t op_scheduler(struct ctl *t)
{
    struct xen_domctl_scheduler_op *a = t->u;
    unsigned int ratelimit;
    uint32_t id;

    if (sched_pool_policy(sched_group_pool(&t->d->sched), &id, &ratelimit) != 0)
        return -ESRCH;
    if (a->sched_id != id)
        return hc_invalid(t->c, "scheduler_op: sched_id", a->sched_id);
    if (id != SCHED_ID_CREDIT2)
        return 0;                     /* the others have no parameters */
    switch (a->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        a->u.credit2.weight = t->d->sched.params.weight;
        a->u.credit2.cap = t->d->sched.params.cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo:
        return put_sched_params(t, &a->u.credit2);
    default:
        return hc_invalid(t->c, "scheduler_op: cmd", a->cmd);
    }
}

static int64_t op_max_mem(struct ctl *t)
{
    const struct xen_domctl_max_mem *a = t->u;

    WRITE_ONCE(t->d->max_pages, min_of(a->max_memkb >> (PAGE_SHIFT - 10), (uint64_t)UINT32_MAX));
    return 0;
}

static int64_t op_setdomainhandle(struct ctl *t)
{
    memcpy(t->d->handle, ((const struct xen_domctl_setdomainhandle *)t->u)->handle,
           sizeof(t->d->handle));
    return 0;
}

static int64_t op_setdebugging(struct ctl *t)
{
    return ((const struct xen_domctl_setdebugging *)t->u)->enable ? -EOPNOTSUPP : 0;
}

/* No devices are handed on yet: allowing or denying access has no effect to undo. */
static int64_t op_permission(struct ctl *t)
{
    (void)t;
    return 0;
}

static int64_t op_settimeoffset(struct ctl *t)
{
    domain_set_time_offset(t->d, ((const struct xen_domctl_settimeoffset *)t->u)->time_offset_seconds);
    return 0;
}

static int64_t op_sendtrigger(struct ctl *t)
{
    const struct xen_domctl_sendtrigger *a = t->u;
    struct vcpu *v = domain_vcpu(t->d, a->vcpu);

    if (!v)
        return hc_refuse(t->c, -ESRCH, "sendtrigger: vcpu", a->vcpu);
    switch (a->trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        __atomic_store_n(&v->pending_nmi, true, __ATOMIC_SEQ_CST);
        sched_kick(&v->sched);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
        domain_press_button(t->d, VPM_PWRBTN_STS);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        domain_press_button(t->d, VPM_SLPBTN_STS);
        return 0;
    default:
        return hc_refuse(t->c, -ENOSYS, "sendtrigger: trigger", a->trigger);
    }
}

static int64_t op_get_address_size(struct ctl *t)
{
    ((struct xen_domctl_address_size *)t->u)->size = 64;
    return 0;
}

static int64_t op_set_target(struct ctl *t)
{
    (void)t;
    return -EOPNOTSUPP;
}

static int64_t op_gettscinfo(struct ctl *t)
{
    struct xen_domctl_tsc_info *a = t->u;

    a->tsc_mode = t->d->tsc.mode;
    a->gtsc_khz = t->d->tsc.khz;
    a->incarnation = t->d->tsc.incarnation;
    a->elapsed_nsec = (uint64_t)time_now();
    return 0;
}

static int64_t op_settscinfo(struct ctl *t)
{
    const struct xen_domctl_tsc_info *a = t->u;

    struct domain *d = t->d;
    int rc;

    domain_pause(d);
    rc = guest_tsc_set_mode(&d->tsc, a->tsc_mode, a->gtsc_khz, (uint32_t)time_tsc_khz(), hw_features.tsc_scaling);
    if (rc == 0)
        d->tsc.incarnation = a->incarnation;
    for (uint32_t i = 0; rc == 0 && i < d->max_vcpus; i++)
        if (d->vcpu[i]) {
            d->vcpu[i]->context_new = true;
            vcpu_update_time(d->vcpu[i]);
        }
    ctl_resume(d);
    return rc == 0 ? 0 : hc_invalid(t->c, a->tsc_mode > GUEST_TSC_NATIVE ? "settscinfo: tsc_mode" : "settscinfo: gtsc_khz",
                                    a->tsc_mode > GUEST_TSC_NATIVE ? a->tsc_mode : a->gtsc_khz);
}

/* One node: any set that contains it will do. */
static int64_t op_setnodeaffinity(struct ctl *t)
{
    const struct xen_domctl_nodeaffinity *a = t->u;
    struct cpumask m;

    if (ctl_read_cpumask(t->c, &a->nodemap, &m) != 0)
        return -EFAULT;
    return m.bits[0] & 1 ? 0 : hc_invalid(t->c, "setnodeaffinity: nodemap", m.bits[0]);
}

static int64_t op_getnodeaffinity(struct ctl *t)
{
    const struct xen_domctl_nodeaffinity *a = t->u;
    struct cpumask m = { { 1 } };

    return ctl_write_cpumask(t->c, &a->nodemap, &m);
}

/* Page tables come from the machine's free memory: the pool is a number that is remembered. */
static int64_t op_get_mempool(struct ctl *t)
{
    ((struct xen_domctl_paging_mempool *)t->u)->size = t->d->paging_mempool;
    return 0;
}

static int64_t op_set_mempool(struct ctl *t)
{
    const struct xen_domctl_paging_mempool *a = t->u;

    if ((a->size & ~PAGE_MASK) || a->size > MEMPOOL_MAX)
        return hc_invalid(t->c, "set_paging_mempool_size: size", a->size);
    t->d->paging_mempool = a->size;
    return 0;
}

static int64_t op_cacheflush(struct ctl *t)
{
    (void)t;   /* coherent on x86 */
    return 0;
}

static int64_t op_unsupported(struct ctl *t)
{
    (void)t;
    return -EOPNOTSUPP;
}

#define DOMCTL(name, fn, type, dir, who) [XEN_DOMCTL_##name] = { fn, sizeof(struct type), dir, who }
#define DOMCTL_BARE(name, fn, who) [XEN_DOMCTL_##name] = { fn, 0, HC_IN, who }
const struct ctl_op ctl_domctls[] = {
    DOMCTL(createdomain, op_createdomain, xen_domctl_createdomain, HC_INOUT, CTL_PLAIN),
    DOMCTL_BARE(destroydomain, op_destroydomain, CTL_OTHER),
    DOMCTL_BARE(pausedomain, op_pausedomain, CTL_OTHER),
    DOMCTL_BARE(unpausedomain, op_unpausedomain, CTL_DOMAIN),
    DOMCTL_BARE(resumedomain, op_resumedomain, CTL_OTHER),
    DOMCTL(getdomaininfo, op_getdomaininfo, xen_domctl_getdomaininfo, HC_INOUT, CTL_PLAIN),
    DOMCTL(getvcpuinfo, op_getvcpuinfo, xen_domctl_getvcpuinfo, HC_INOUT, CTL_DOMAIN),
    DOMCTL(getvcpuaffinity, op_getvcpuaffinity, xen_domctl_vcpuaffinity, HC_IN, CTL_DOMAIN),
    DOMCTL(setvcpuaffinity, op_setvcpuaffinity, xen_domctl_vcpuaffinity, HC_IN, CTL_DOMAIN),
    DOMCTL(scheduler_op, op_scheduler, xen_domctl_scheduler_op, HC_INOUT, CTL_DOMAIN),
    DOMCTL(max_mem, op_max_mem, xen_domctl_max_mem, HC_IN, CTL_DOMAIN),
    DOMCTL(max_vcpus, op_max_vcpus, xen_domctl_max_vcpus, HC_IN, CTL_OTHER),
    DOMCTL(setdomainhandle, op_setdomainhandle, xen_domctl_setdomainhandle, HC_IN, CTL_DOMAIN),
    DOMCTL(setdebugging, op_setdebugging, xen_domctl_setdebugging, HC_IN, CTL_OTHER),
    DOMCTL(irq_permission, op_permission, xen_domctl_irq_permission, HC_IN, CTL_DOMAIN),
    DOMCTL(iomem_permission, op_permission, xen_domctl_iomem_permission, HC_IN, CTL_DOMAIN),
    DOMCTL(ioport_permission, op_permission, xen_domctl_ioport_permission, HC_IN, CTL_DOMAIN),
    DOMCTL(settimeoffset, op_settimeoffset, xen_domctl_settimeoffset, HC_IN, CTL_DOMAIN),
    DOMCTL(sendtrigger, op_sendtrigger, xen_domctl_sendtrigger, HC_IN, CTL_DOMAIN),
    DOMCTL(get_address_size, op_get_address_size, xen_domctl_address_size, HC_INOUT, CTL_DOMAIN),
    DOMCTL(set_target, op_set_target, xen_domctl_set_target, HC_IN, CTL_OTHER),
    DOMCTL(gethvmcontext, domctl_gethvmcontext, xen_domctl_hvmcontext, HC_INOUT, CTL_OTHER),
    DOMCTL(sethvmcontext, domctl_sethvmcontext, xen_domctl_hvmcontext, HC_IN, CTL_OTHER),
    DOMCTL(gethvmcontext_partial, domctl_gethvmcontext_partial, xen_domctl_hvmcontext_partial,
           HC_INOUT, CTL_OTHER),
    DOMCTL(getvcpucontext, domctl_getvcpucontext, xen_domctl_vcpucontext, HC_IN, CTL_OTHER),
    DOMCTL(setvcpucontext, domctl_setvcpucontext, xen_domctl_vcpucontext, HC_IN, CTL_OTHER),
    DOMCTL(gettscinfo, op_gettscinfo, xen_domctl_tsc_info, HC_INOUT, CTL_DOMAIN),
    DOMCTL(settscinfo, op_settscinfo, xen_domctl_tsc_info, HC_IN, CTL_OTHER),
    DOMCTL(getpageframeinfo3, domctl_getpageframeinfo3, xen_domctl_getpageframeinfo3, HC_INOUT,
           CTL_OTHER),
    DOMCTL(shadow_op, domctl_shadow_op, xen_domctl_shadow_op, HC_INOUT, CTL_OTHER),
    DOMCTL(setnodeaffinity, op_setnodeaffinity, xen_domctl_nodeaffinity, HC_IN, CTL_DOMAIN),
    DOMCTL(getnodeaffinity, op_getnodeaffinity, xen_domctl_nodeaffinity, HC_IN, CTL_DOMAIN),
    DOMCTL(get_cpu_policy, domctl_get_cpu_policy, xen_domctl_cpu_policy, HC_INOUT, CTL_DOMAIN),
    DOMCTL(set_cpu_policy, domctl_set_cpu_policy, xen_domctl_cpu_policy, HC_INOUT, CTL_OTHER),
    DOMCTL(get_paging_mempool_size, op_get_mempool, xen_domctl_paging_mempool, HC_INOUT,
           CTL_DOMAIN),
    DOMCTL(set_paging_mempool_size, op_set_mempool, xen_domctl_paging_mempool, HC_IN, CTL_OTHER),
    DOMCTL(cacheflush, op_cacheflush, xen_domctl_cacheflush, HC_IN, CTL_DOMAIN),
    DOMCTL_BARE(vm_event_op, op_unsupported, CTL_DOMAIN),
    DOMCTL_BARE(monitor_op, op_unsupported, CTL_DOMAIN),
    DOMCTL_BARE(psr_cmt_op, op_unsupported, CTL_DOMAIN),
    DOMCTL_BARE(psr_alloc, op_unsupported, CTL_DOMAIN),
    DOMCTL_BARE(debug_op, op_unsupported, CTL_DOMAIN),
    DOMCTL_BARE(mem_sharing_op, op_unsupported, CTL_DOMAIN),
};
const size_t ctl_domctl_count = ARRAY_COUNT(ctl_domctls);
