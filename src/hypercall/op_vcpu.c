/* SPDX-License-Identifier: BSD-2-Clause */
/* vcpu_op (xen/vcpu.h) and set_timer_op. The sub-ops take the vCPU's number as second argument. */
#include "compat32.h"
#include "physmap.h"
#include "vcpu_context.h"

#include <pvhvm/shared_info.h>
#include <x86/time.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

/* Checked by hc_vcpu_op before any op runs. */
static struct vcpu *target(struct hc *c)
{
    return domain_vcpu(c->d, (uint32_t)c->arg[1]);
}

/* Nobody else may write its registers, and no INIT or SIPI of another vCPU bring it up, until it has its context. */
static int begin_initialise(struct vcpu *v)
{
    int rc = 0;

    spin_lock(&v->lock);
    if (v->initialised || v->being_initialised)
        rc = -EEXIST;
    else if (!READ_ONCE(v->sched.down) || v->init_pending || v->sipi_pending)
        rc = -EBUSY;
    else
        v->being_initialised = true;
    spin_unlock(&v->lock);
    return rc;
}

static void end_initialise(struct vcpu *v)
{
    spin_lock(&v->lock);
    v->being_initialised = false;
    spin_unlock(&v->lock);
}

static int64_t op_initialise(struct hc *c, void *arg unused_arg)
{
    struct vcpu_hvm_context ctx;
    struct vcpu *v = target(c);
    int rc;

    if (hc_read(c, &ctx, gva_of(c->arg[2]), sizeof(ctx)) != 0)
        return -EFAULT;
    if (v == c->v)
        return -EEXIST;
    rc = begin_initialise(v);
    if (rc != 0)
        return rc;
    sched_wait_off_cpu(&v->sched);         /* an INIT may have had it run: its CPU gives the registers up */
    rc = vcpu_context_set_hvm(v, &ctx);
    end_initialise(v);
    return rc;
}

static int64_t op_up(struct hc *c, void *arg unused_arg)
{
    struct vcpu *v = target(c);

    if (!v->initialised)
        return -EINVAL;
    vcpu_online(v);
    return 0;
}

static bool others_online(const struct domain *d, const struct vcpu *except)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && d->vcpu[i] != except && !READ_ONCE(d->vcpu[i]->sched.down))
            return true;
    return false;
}

/* The last one to go takes the domain with it. */
static int64_t op_down(struct hc *c, void *arg unused_arg)
{
    struct vcpu *v = target(c);

    if (!others_online(c->d, v))
        domain_shutdown(c->d, SHUTDOWN_poweroff);
    else
        vcpu_offline(v);
    return 0;
}

static int64_t op_is_up(struct hc *c, void *arg unused_arg)
{
    return !READ_ONCE(target(c)->sched.down);
}

static int write_runstate(struct hc *c, const struct vcpu *v, gva_t at)
{
    struct runstate_image image;

    runstate_make_image(&v->sched.runstate, time_now(), c->bits32, &image);
    return hc_write(c, at, image.bytes, image.size);
}

static int64_t op_get_runstate(struct hc *c, void *arg unused_arg)
{
    return write_runstate(c, target(c), gva_of(c->arg[2]));
}

/* Kept by address: the switch code writes there through the vCPU's own page tables. */
static int64_t op_register_runstate(struct hc *c, void *arg)
{
    const struct vcpu_register_runstate_memory_area *a = arg;
    struct vcpu *v = target(c);
    gva_t at = gva_of(a->addr.p);

    if (at.v != 0 && v == c->v && write_runstate(c, v, at) != 0)
        return -EFAULT;
    spin_lock(&v->lock);
    v->runstate_va = at;
    v->runstate_registered = at.v != 0;
    spin_unlock(&v->lock);
    return 0;
}

static int64_t op_register_time(struct hc *c, void *arg)
{
    const struct vcpu_register_time_memory_area *a = arg;
    struct vcpu *v = target(c);
    gva_t at = gva_of(a->addr.p);

    if (at.v != 0 && guest_check_write(c->v, at, sizeof(struct vcpu_time_info)) != 0)
        return -EFAULT;
    spin_lock(&v->lock);
    v->time_va = at;
    v->time_registered = at.v != 0;
    spin_unlock(&v->lock);
    if (v == c->v)
        vcpu_update_time(v);
    return 0;
}

/* Contents move along; one upcall follows, as events may have come while both places were looked
 * at. */
static int64_t op_register_info(struct hc *c, void *arg)
{
    const struct vcpu_register_vcpu_info *a = arg;
    struct guest_area area = { .offset = a->offset };
    struct vcpu *v = target(c);
    int rc = 0;

    if (vcpu_info_check_offset(a->offset) != 0)
        return hc_invalid(c, "VCPUOP_register_vcpu_info: offset", a->offset);
    if (v != c->v && !READ_ONCE(v->sched.down))
        return -EINVAL;
    area.page = physmap_own_page(c->d, gfn_of(a->mfn), &area.mfn);
    if (!area.page)
        return hc_invalid(c, "VCPUOP_register_vcpu_info: mfn", a->mfn);
    spin_lock(&c->d->evtchn_lock);
    if (v->info_registered) {
        rc = -EINVAL;
    } else {
        evtchn_set_vcpu_info(&c->d->evtchn, v->id, (char *)area.page + a->offset);
        v->info = area;
        v->info_registered = true;
    }
    spin_unlock(&c->d->evtchn_lock);
    if (rc != 0) {
        domain_unmap_page(area.page, area.mfn);
        return rc;
    }
    vcpu_update_time(v);
    vcpu_notify_event(v);
    return 0;
}

static int64_t op_set_periodic(struct hc *c, void *arg)
{
    const struct vcpu_set_periodic_timer *a = arg;
    struct vcpu *v = target(c);
    ns_t now = time_now();

    if (a->period_ns < (uint64_t)NS_PER_MS)
        return -EINVAL;
    if (a->period_ns > (uint64_t)(30LL * 24 * 3600 * NS_PER_SEC))
        return -EINVAL;
    v->periodic_period = (ns_t)a->period_ns;
    timer_set(&v->periodic_timer, now + v->periodic_period);
    return 0;
}

static int64_t op_stop_periodic(struct hc *c, void *arg unused_arg)
{
    struct vcpu *v = target(c);

    v->periodic_period = 0;
    timer_stop(&v->periodic_timer);
    return 0;
}

static void arm(struct vcpu *v, uint64_t deadline)
{
    timer_set(&v->singleshot_timer, (ns_t)min_of(deadline, (uint64_t)NS_NEVER - 1));
}

static int64_t op_set_singleshot(struct hc *c, void *arg)
{
    const struct vcpu_set_singleshot_timer *a = arg;

    if (target(c) != c->v)
        return -EINVAL;
    if ((a->flags & VCPU_SSHOTTMR_future) && a->timeout_abs_ns < (uint64_t)time_now())
        return -ETIME;
    arm(c->v, a->timeout_abs_ns);
    return 0;
}

static int64_t op_stop_singleshot(struct hc *c, void *arg unused_arg)
{
    if (target(c) != c->v)
        return -EINVAL;
    timer_stop(&c->v->singleshot_timer);
    return 0;
}

static int64_t op_send_nmi(struct hc *c, void *arg unused_arg)
{
    struct vcpu *v = target(c);

    if (!__atomic_exchange_n(&v->pending_nmi, true, __ATOMIC_SEQ_CST))
        sched_kick(&v->sched);
    return 0;
}

#define VCPU(cmd, fn, type, compat) [cmd] = { fn, sizeof(type), HC_IN, HC_ANY, compat }
#define VCPU_PLAIN(cmd, fn) [cmd] = { fn, 0, HC_IN, HC_ANY, NULL }
static const struct hc_op vcpu_ops[] = {
    VCPU_PLAIN(VCPUOP_initialise,            op_initialise),
    VCPU_PLAIN(VCPUOP_up,                    op_up),
    VCPU_PLAIN(VCPUOP_down,                  op_down),
    VCPU_PLAIN(VCPUOP_is_up,                 op_is_up),
    VCPU_PLAIN(VCPUOP_get_runstate_info,     op_get_runstate),
    VCPU(VCPUOP_register_runstate_memory_area, op_register_runstate,
         struct vcpu_register_runstate_memory_area, &compat_area),
    VCPU(VCPUOP_set_periodic_timer, op_set_periodic, struct vcpu_set_periodic_timer, NULL),
    VCPU_PLAIN(VCPUOP_stop_periodic_timer,   op_stop_periodic),
    VCPU(VCPUOP_set_singleshot_timer, op_set_singleshot, struct vcpu_set_singleshot_timer,
         &compat_singleshot),
    VCPU_PLAIN(VCPUOP_stop_singleshot_timer, op_stop_singleshot),
    VCPU(VCPUOP_register_vcpu_info, op_register_info, struct vcpu_register_vcpu_info, NULL),
    VCPU_PLAIN(VCPUOP_send_nmi,              op_send_nmi),
    VCPU(VCPUOP_register_vcpu_time_memory_area, op_register_time,
         struct vcpu_register_time_memory_area, &compat_area),
};
const struct hc_table hc_vcpu_table = HC_TABLE(vcpu_ops);

int64_t hc_vcpu_op(struct hc *c)
{
    if (!target(c))
        return -ENOENT;
    return hc_op_call(c, &hc_vcpu_table, (uint32_t)c->arg[0], gva_of(c->arg[2]));
}

/* 64-bit callers pass the deadline in one register, 32-bit ones in two. Zero stops the timer. */
int64_t hc_set_timer_op(struct hc *c)
{
    uint64_t deadline = c->bits32 ? c->arg[0] | c->arg[1] << 32 : c->arg[0];

    if (deadline == 0)
        timer_stop(&c->v->singleshot_timer);
    else
        arm(c->v, deadline);
    return 0;
}
