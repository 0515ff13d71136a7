/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of domains, references, creation, pause, shutdown and crash. */
#include <domain/domain.h>

#include "destroy.h"

#include <stdarg.h>

#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/time.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

#define GRANT_FRAMES_DEFAULT 64U
#define MAPTRACK_FRAMES_DEFAULT 1024U
#define FIRST_GUEST_DOMID 1U

static spinlock_t list_lock = SPINLOCK_INIT(LOCK_DOMLIST);
static struct list domains = { &domains, &domains };
static struct domain *dom0;

static void *zalloc(size_t size)
{
    return heap_alloc(size, 16);
}

struct domain *domain_dom0(void)
{
    return dom0;
}

struct domain *domain_get_next(domid_t from)
{
    struct domain *d, *found = NULL;

    spin_lock(&list_lock);
    list_for_each(d, &domains, link)
        if (d->id >= from && __atomic_load_n(&d->complete, __ATOMIC_ACQUIRE)) {
            __atomic_fetch_add(&d->refs, 1, __ATOMIC_SEQ_CST);
            found = d;
            break;
        }
    spin_unlock(&list_lock);
    return found;
}

struct domain *domain_get(domid_t id)
{
    struct domain *d = domain_get_next(id);

    if (d && d->id != id) {
        domain_put(d);
        return NULL;
    }
    return d;
}

static void watchdog_fired(void *arg)
{
    struct domain *d = arg;

    log_err("d%u: its watchdog has run out", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

/* What a call that was under way put into the map while the domain was taken apart is let go of here, where nobody else is left. */
static void domain_free(struct domain *d)
{
    while (domain_release_memory(d) == -ERESTART)
        ;
    for (unsigned int i = 0; i < DOMAIN_WATCHDOGS; i++)
        timer_kill(&d->watchdog[i].timer);
    domain_free_platform(d);         /* before the vCPUs: its timer interrupts them */
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        vcpu_destroy(d->vcpu[i]);
    sched_group_fini(&d->sched);
    domain_release_shared(d);
    domain_free_msr_bitmaps(d);
    evtchn_fini(&d->evtchn);
    gnttab_fini(&d->grants);
    p2m_fini(&d->p2m);
    for (unsigned int i = 0; i < d->vioapic_count; i++)
        heap_free(d->vioapic[i]);
    if (d->shared_info)
        (void)frame_put(d->shared_info_mfn);
    heap_free(d->vcpu);
    heap_free(d);
}

void domain_put(struct domain *d)
{
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST) == 0)
        domain_free(d);
}

static bool id_is_taken(domid_t id)
{
    struct domain *d;

    list_for_each(d, &domains, link)
        if (d->id == id)
            return true;
    return false;
}

/* List lock held: the id after the one given last, so that a dead domain's is not met again soon;
 * DOMID_INVALID if all are taken. */
static domid_t choose_id(void)
{
    static domid_t last;

    for (unsigned int i = FIRST_GUEST_DOMID; i < DOMID_FIRST_RESERVED; i++) {
        last = last + 1 < (int)DOMID_FIRST_RESERVED ? (domid_t)(last + 1) : FIRST_GUEST_DOMID;
        if (!id_is_taken(last))
            return last;
    }
    return DOMID_INVALID;
}

static int list_insert(struct domain *d, domid_t id)
{
    struct domain *at;

    spin_lock(&list_lock);
    if (id == DOMID_INVALID)
        id = choose_id();
    list_for_each(at, &domains, link)
        if (at->id >= id)
            break;
    if (id == DOMID_INVALID || (&at->link != &domains && at->id == id)) {
        spin_unlock(&list_lock);
        return id == DOMID_INVALID ? -ENOSPC : -EEXIST;
    }
    d->id = id;
    list_add_tail(&d->link, &at->link);
    spin_unlock(&list_lock);
    return 0;
}

static int init_shared_info(struct domain *d)
{
    d->shared_info_mfn = frame_alloc(0, DOMID_XEN, true);
    if (!mfn_is_valid(d->shared_info_mfn))
        return -ENOMEM;
    d->shared_info = frame_map(d->shared_info_mfn);
    d->shared_info_gfn = gfn_invalid();
    return 0;
}

static int init_parts(struct domain *d, const struct xen_domctl_createdomain *c)
{
    uint32_t grants = (int32_t)c->max_grant_frames < 0 ? GRANT_FRAMES_DEFAULT
                                                       : (uint32_t)c->max_grant_frames;
    uint32_t track = (int32_t)c->max_maptrack_frames < 0 ? MAPTRACK_FRAMES_DEFAULT
                                                         : (uint32_t)c->max_maptrack_frames;
    uint32_t ports = min_of(c->max_evtchn_port, EVTCHN_MAX_PORTS - 1);
    int rc = sched_group_init(&d->sched, d->id, c->cpupool_id);

    if (rc == 0)
        rc = init_shared_info(d);
    if (rc == 0)
        rc = p2m_init(&d->p2m, d->id);
    if (rc == 0)
        rc = evtchn_init(&d->evtchn, d->id, ports, d->max_vcpus, zalloc, heap_free);
    if (rc == 0)
        rc = gnttab_init(&d->grants, d->id, grants, track, zalloc, heap_free);
    if (rc == 0)
        d->evtchn.shared_info = d->shared_info;
    return rc;
}

static void init_locks(struct domain *d)
{
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    spin_lock_init(&d->ioreq_lock, LOCK_IOREQ);
    spin_lock_init(&d->evtchn_lock, LOCK_EVTCHN);
    spin_lock_init(&d->grant_lock, LOCK_GRANT);
    spin_lock_init(&d->vioapic_lock, LOCK_VIOAPIC);
    spin_lock_init(&d->vdev_lock, LOCK_VDEV);
}

/* dom0 shares the machine's; others begin at 0. */
static void init_tsc(struct domain *d, bool shared)
{
    uint64_t host = shared ? time_boot_tsc() : cpu_rdtsc();

    guest_tsc_init(&d->tsc, (uint32_t)time_tsc_khz());
    guest_tsc_set(&d->tsc, shared ? host : 0, host);
}

int domain_create(domid_t id, const struct xen_domctl_createdomain *config, struct domain **out)
{
    struct domain *d;
    int rc;

    if (config->max_vcpus == 0 || config->max_vcpus > DOMAIN_MAX_VCPUS)
        return -EINVAL;
    d = heap_new(struct domain);
    if (!d)
        return -ENOMEM;
    d->refs = 1;
    d->config = *config;
    d->max_vcpus = config->max_vcpus;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    d->pause_count = 1;
    d->max_pages = 0;
    init_locks(d);
    hvm_params_init(&d->params);
    init_tsc(d, id == 0);
    for (unsigned int i = 0; i < DOMAIN_WATCHDOGS; i++)
        timer_init(&d->watchdog[i].timer, watchdog_fired, d, this_cpu_id());
    d->vcpu = heap_new_array(struct vcpu *, d->max_vcpus);
    rc = d->vcpu ? list_insert(d, id) : -ENOMEM;
    if (rc == 0) {
        rc = init_parts(d, config);
        if (rc != 0)
            domain_unlist(d);
    }
    if (rc != 0) {
        domain_put(d);
        return rc;
    }
    if (d->id == 0) {
        dom0 = d;
        d->is_dom0 = true;
    }
    __atomic_store_n(&d->complete, true, __ATOMIC_RELEASE);
    *out = d;
    return 0;
}

void domain_unlist(struct domain *d)
{
    spin_lock(&list_lock);
    list_del(&d->link);
    spin_unlock(&list_lock);
}

int domain_add_vcpus(struct domain *d, uint32_t max)
{
    int rc = 0;

    if (max != d->max_vcpus)
        return -EINVAL;
    if (!d->msr_bitmap)
        rc = domain_make_msr_bitmaps(d);
    for (uint32_t i = 0; rc == 0 && i < max; i++)
        rc = d->vcpu[i] ? 0 : vcpu_create(d, i);
    return rc;
}

void domain_pause(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->pause_count++ == 0)
        for (uint32_t i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i])
                sched_pause(&d->vcpu[i]->sched);
    spin_unlock(&d->lock);
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i] && d->vcpu[i] != current_vcpu())
            sched_wait_off_cpu(&d->vcpu[i]->sched);
}

int domain_unpause(struct domain *d)
{
    int rc = 0;

    spin_lock(&d->lock);
    if (d->pause_count == 0)
        rc = -EINVAL;
    else if (--d->pause_count == 0)
        for (uint32_t i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i])
                sched_unpause(&d->vcpu[i]->sched);
    spin_unlock(&d->lock);
    return rc;
}

static const char *shutdown_name(uint32_t reason)
{
    static const char *const names[] = { "power off", "reboot", "suspend", "crash", "watchdog",
                                         "soft reset" };

    return reason < ARRAY_COUNT(names) ? names[reason] : "unknown";
}

static struct domain_hooks hooks ro_after_init;

void domain_set_hooks(const struct domain_hooks *h)
{
    hooks = *h;
}

void domain_shutdown(struct domain *d, uint32_t reason)
{
    bool first = false;

    spin_lock(&d->lock);
    if (!d->shutting_down) {
        d->shutting_down = first = true;
        d->shutdown_reason = reason;
        for (uint32_t i = 0; i < d->max_vcpus; i++)
            if (d->vcpu[i])
                sched_pause(&d->vcpu[i]->sched);
        d->shut_down = true;
    }
    spin_unlock(&d->lock);
    if (!first)
        return;
    log_info("d%u: %s", d->id, shutdown_name(reason));
    if (d->is_dom0 && hooks.dom0_shutdown)
        hooks.dom0_shutdown(reason);
    else
        domain_raise_global_virq(VIRQ_DOM_EXC);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char why[160];
    va_list args;

    if (READ_ONCE(d->shutting_down))
        return;                /* what already ends has no further reasons: a device model may find one with each event */
    va_start(args, fmt);
    (void)hv_vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    log_err("d%u crashed: %s", d->id, why);
    if (current_vcpu() && current_vcpu()->domain == d)
        hw_dump(&current_vcpu()->hw);
    domain_shutdown(d, SHUTDOWN_crash);
}
