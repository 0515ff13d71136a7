/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a domain, in slices: alive -> dying (stopped for good) -> channels closed -> what it
 * has mapped of others given back -> its memory given up -> nobody finds it any more. Each step
 * finds nothing to do when it is called again, so a slice may end anywhere. The structure goes with
 * the last reference; pages that others have mapped go when they unmap them.
 */
#include <domain/domain.h>

#include "destroy.h"

#include <hv/errno.h>
#include <mm/frames.h>
#include <x86/paging.h>
#include <x86/softirq.h>
#include <xen/grant_table.h>

#define CLOSE_TRIES 8U

static void start_dying(struct domain *d)
{
    bool first;

    spin_lock(&d->lock);
    first = !d->dying;
    d->dying = true;
    spin_unlock(&d->lock);
    if (!first)
        return;
    frames_unclaim(&d->claim);
    domain_pause(d);   /* never undone */
    for (unsigned int i = 0; i < DOMAIN_WATCHDOGS; i++)
        timer_stop(&d->watchdog[i].timer);
}

/* The other domain at the far end, referenced; NULL: none, or it is itself. */
static struct domain *far_end(struct domain *d, uint32_t port)
{
    uint32_t peer_port;
    domid_t id;
    bool found;

    spin_lock(&d->evtchn_lock);
    found = evtchn_peer(&d->evtchn, port, &id, &peer_port) && id != d->id;
    spin_unlock(&d->evtchn_lock);
    return found ? domain_get(id) : NULL;
}

static int close_port(struct domain *d, uint32_t port)
{
    struct domain *peer = far_end(d, port);
    struct evtchn_domain *end = peer ? &peer->evtchn : NULL;
    spinlock_t *other = peer ? &peer->evtchn_lock : &d->evtchn_lock;
    int rc;

    spin_lock_pair(&d->evtchn_lock, other);
    if (evtchn_port(&d->evtchn, port)->xen_consumer)
        rc = evtchn_close_xen(&d->evtchn, port, end);
    else
        rc = evtchn_close(&d->evtchn, port, end);
    spin_unlock_pair(&d->evtchn_lock, other);
    if (peer)
        domain_put(peer);
    return rc;
}

/* A peer that comes or goes in between makes it try again; there is a bound to how often that happens. */
void domain_close_xen_port(struct domain *d, uint32_t port)
{
    for (unsigned int tries = 0; tries < CLOSE_TRIES && close_port(d, port) == -EAGAIN; tries++)
        ;
}

static int close_channels(struct domain *d)
{
    uint32_t port = 1;

    for (;;) {
        spin_lock(&d->evtchn_lock);
        port = evtchn_next_open(&d->evtchn, port, true);
        spin_unlock(&d->evtchn_lock);
        if (port >= EVTCHN_MAX_PORTS)
            return 0;
        /* A peer that came or went in between: the port is looked at again. */
        if (close_port(d, port) != -EAGAIN)
            port++;
        if (softirq_is_pending())
            return -ERESTART;
    }
}

/* Its mappings of other domains' grants: they are told, as by an unmap. */
static void release_grant(struct domain *d, const struct gnttab_map *m)
{
    uint32_t ro = m->flags & GNTMAP_readonly ? GNTTAB_READ_ONLY : 0;
    struct domain *granter = domain_get(m->dom);
    struct slat_entry old;

    if ((m->flags & GNTMAP_host_map) &&
        p2m_clear_grant(&d->p2m, gpa_to_gfn(gpa_of(m->host_addr)), mfn_of(m->mfn), &old) == 0)
        p2m_drop(&old);
    if (!granter)
        return;
    spin_lock(&granter->grant_lock);
    if (!ro)
        domain_grant_written(granter, m->ref);
    if (m->flags & GNTMAP_host_map)
        gnttab_release(&granter->grants, m->ref, ro);
    if (m->flags & GNTMAP_device_map)
        gnttab_release(&granter->grants, m->ref, ro | GNTTAB_DEVICE);
    spin_unlock(&granter->grant_lock);
    domain_put(granter);
}

static int release_grants(struct domain *d)
{
    uint32_t from = 0;

    for (;;) {
        struct gnttab_map m;
        int64_t handle;

        spin_lock(&d->grant_lock);
        handle = gnttab_next_tracked(&d->grants, from);
        if (handle >= 0) {
            m = *gnttab_tracked(&d->grants, (uint32_t)handle);
            gnttab_untrack(&d->grants, (uint32_t)handle);
        }
        spin_unlock(&d->grant_lock);
        if (handle < 0)
            return 0;
        release_grant(d, &m);
        from = (uint32_t)handle;
        if (softirq_is_pending())
            return -ERESTART;
    }
}

/* Memory: a handful of entries is collected, taken out of the map, and let go. */

#define SLICE 16U
struct slice { unsigned int count; gfn_t gfn[SLICE]; struct slat_entry entry[SLICE]; };

static bool collect(void *ctx, gfn_t g, const struct slat_entry *e)
{
    struct slice *s = ctx;

    s->gfn[s->count] = g;
    s->entry[s->count] = *e;
    return ++s->count < SLICE;
}

static bool is_own_ram(enum p2m_type t)
{
    return t == P2M_RAM_RW || t == P2M_RAM_RO || t == P2M_RAM_LOGDIRTY;
}

static void drop_entry(struct domain *d, const struct slat_entry *e)
{
    uint64_t pages = 1UL << e->order;
    struct slat_entry one = *e;

    for (uint64_t i = 0; i < pages; i++) {
        one.mfn = mfn_add(e->mfn, i);
        p2m_drop(&one);
    }
    if (is_own_ram(e->type))
        __atomic_fetch_sub(&d->tot_pages, pages, __ATOMIC_SEQ_CST);
}

int domain_release_memory(struct domain *d)
{
    gfn_t from = gfn_of(d->released), end = gfn_of(d->p2m.max_gfn + 1);
    struct slice s;

    if (!d->p2m.slat.pages)
        return 0;              /* one that never came to be */
    do {
        s.count = 0;
        spin_lock(&d->p2m.lock);
        slat_for_each(&d->p2m.slat, from, end, collect, &s);
        for (unsigned int i = 0; i < s.count; i++)
            /* An aligned entry of that size stands there: taking it away needs no memory. */
            if (slat_unmap(&d->p2m.slat, s.gfn[i], s.entry[i].order) != 0)
                s.entry[i].type = P2M_HOLE;
        spin_unlock(&d->p2m.lock);
        for (unsigned int i = 0; i < s.count; i++) {
            if (s.entry[i].type != P2M_HOLE)
                drop_entry(d, &s.entry[i]);
            from = gfn_add(s.gfn[i], 1UL << s.entry[i].order);
        }
        d->released = from.v;
        if (s.count > 0 && softirq_is_pending())
            return -ERESTART;
    } while (s.count > 0);
    d->released = 0;
    return 0;
}

static void forget_everywhere(domid_t gone)
{
    domid_t from = 0;
    struct domain *d;

    while ((d = domain_get_next(from)) != NULL) {
        from = (domid_t)(d->id + 1);
        spin_lock(&d->evtchn_lock);
        evtchn_forget_peer(&d->evtchn, gone);
        spin_unlock(&d->evtchn_lock);
        domain_put(d);
    }
}

int domain_destroy(struct domain *d)
{
    int rc;

    if (d->is_dom0)
        return -EINVAL;
    if (d->dead)
        return 0;
    start_dying(d);
    domain_ioreq_destroy_all(d);
    rc = close_channels(d);
    if (rc == 0)
        rc = release_grants(d);
    if (rc != 0)
        return rc;
    /* It will not run again: no CPU keeps translations of what goes now. */
    p2m_flush(&d->p2m);
    rc = domain_release_memory(d);
    if (rc != 0)
        return rc;
    d->dead = true;
    domain_unlist(d);
    forget_everywhere(d->id);
    domain_raise_global_virq(VIRQ_DOM_EXC);
    domain_put(d);
    return 0;
}

void domain_release_shared(struct domain *d)
{
    for (uint32_t i = 0; i < d->grants.frame_count; i++) {
        frame_unmap(d->grants.frame[i]);
        (void)frame_put(hpa_to_mfn(virt_to_phys_direct(d->grants.frame[i])));
    }
    for (uint32_t i = 0; i < d->evtchn.fifo_page_count; i++)
        domain_unmap_page(d->evtchn.fifo_page[i],
                          hpa_to_mfn(virt_to_phys_direct(d->evtchn.fifo_page[i])));
    d->evtchn.fifo_page_count = 0;
}
