/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl.h"

#include <hv/assert.h>
#include <lib/bitmap.h>
#include <lib/string.h>

static spinlock_t ctl_lock = SPINLOCK_INIT(LOCK_DOMCTL);

/* The three headers start alike; only domctl has a domain in it. */
struct ctl_kind {
    const struct ctl_op *op;
    const size_t *count;
    uint32_t version;
    uint16_t size, body;       /* of the whole and where the union starts */
    bool has_domain;
    const char *what;          /* for a refusal's line; NULL: none */
};
union ctl_buffer { struct xen_domctl dom; struct xen_sysctl sys; struct xen_platform_op plat;
                   union hc_arg raw; };

static const struct ctl_kind domctl_kind = { ctl_domctls, &ctl_domctl_count,
    XEN_DOMCTL_INTERFACE_VERSION, sizeof(struct xen_domctl), offsetof(struct xen_domctl, u), true, "domctl: cmd" };
static const struct ctl_kind sysctl_kind = { ctl_sysctls,
                                             &ctl_sysctl_count,
                                             XEN_SYSCTL_INTERFACE_VERSION,
                                             sizeof(struct xen_sysctl),
                                             offsetof(struct xen_sysctl, u),
                                             false,
                                             "sysctl: cmd" };
static const struct ctl_kind platform_kind = { ctl_platform_ops,
                                               &ctl_platform_count,
                                               XENPF_INTERFACE_VERSION,
                                               sizeof(struct xen_platform_op),
                                               offsetof(struct xen_platform_op, u),
                                               false,
                                               NULL };

static const struct ctl_op *find_row(const struct ctl_kind *k, uint32_t cmd)
{
    const struct ctl_op *op;

    if (cmd >= *k->count)
        return NULL;
    op = &k->op[array_index_nospec(cmd, *k->count)];
    return op->fn ? op : NULL;
}

static int find_domain(struct ctl *t, const struct ctl_op *op)
{
    if (op->who == CTL_PLAIN)
        return 0;
    t->d = hc_any_domain(t->c, t->id);
    if (!t->d)
        return -ESRCH;
    if (op->who == CTL_OTHER && t->d == t->c->d)
        return hc_invalid(t->c, "domctl on the caller's own domain: domain", t->id);
    return 0;
}

static int64_t run(const struct ctl_op *op, struct ctl *t)
{
    int64_t rc = find_domain(t, op);

    if (rc == 0)
        rc = op->fn(t);
    hc_put(t->c, t->d);
    return rc;
}

static int64_t ctl_call(struct hc *c, const struct ctl_kind *k)
{
    gva_t at = gva_of(c->arg[0]);
    struct ctl t = { .c = c };
    const struct ctl_op *op;
    union ctl_buffer b;
    int64_t rc;

    memset(&b, 0, sizeof(b));
    if (!c->d->is_dom0)
        return -EPERM;
    if (hc_read(c, &b, at, k->size) != 0)
        return -EFAULT;
    if (b.dom.interface_version != k->version)
        return -EACCES;
    op = find_row(k, b.dom.cmd);
    if (!op)
        return -ENOSYS;
    if (op->dir == HC_INOUT && guest_check_write(c->v, at, k->body + (size_t)op->size) != 0)
        return -EFAULT;
    t.u = b.raw.byte + k->body;
    t.id = k->has_domain ? b.dom.domain : DOMID_INVALID;
    if (!spin_trylock(&ctl_lock))
        return -ERESTART;
    rc = run(op, &t);
    spin_unlock(&ctl_lock);
    if (rc == -EINVAL && !c->told && k->what)
        rc = hc_refuse(c, -EINVAL, k->what, b.dom.cmd);   /* what no line of its own has named: the command at least */
    if (op->dir != HC_INOUT || (rc < 0 && rc != -ENOBUFS))
        return rc;
    if (k->has_domain)
        b.dom.domain = t.id;
    return hc_write(c, at, &b, k->body + (size_t)op->size) != 0 ? -EFAULT : rc;
}

int64_t hc_domctl(struct hc *c) { return ctl_call(c, &domctl_kind); }
int64_t hc_sysctl(struct hc *c) { return ctl_call(c, &sysctl_kind); }
int64_t hc_platform_op(struct hc *c) { return ctl_call(c, &platform_kind); }

static void keep_low_bits(struct cpumask *m, uint32_t bits)
{
    for (uint32_t i = bits; i < MAX_CPUS; i++)
        bit_clear(m->bits, i);
}

int ctl_read_cpumask(struct hc *c, const struct xenctl_bitmap *from, struct cpumask *to)
{
    size_t bytes = min_of((from->nr_bits + 7UL) / 8, sizeof(*to));

    memset(to, 0, sizeof(*to));
    if (hc_read(c, to->bits, hc_handle(from->bitmap), bytes) != 0)
        return -EFAULT;
    keep_low_bits(to, from->nr_bits);
    return 0;
}

int ctl_write_cpumask(struct hc *c, const struct xenctl_bitmap *to, const struct cpumask *from)
{
    size_t bytes = (to->nr_bits + 7UL) / 8, known = min_of(bytes, sizeof(*from));
    struct cpumask m = *from;

    keep_low_bits(&m, to->nr_bits);
    if (hc_write(c, hc_handle(to->bitmap), m.bits, known) != 0)
        return -EFAULT;
    /* A sane caller's map is as long as max_cpu_id says; no more than a page is cleared for
     * another's. */
    bytes = min_of(bytes, PAGE_SIZE);
    return guest_clear(c->v, gva_at(hc_handle(to->bitmap), known, 1), bytes - known);
}

void ctl_resume(struct domain *d)
{
    int rc = domain_unpause(d);

    ASSERT(rc == 0);
    (void)rc;
}
