/* SPDX-License-Identifier: BSD-2-Clause */
/* The front door: number -> row, multicall, and the one dispatcher of all sub-op tables. */
#include "door.h"

#include <hypercall/hypercall.h>
#include <lib/log.h>
#include <lib/string.h>
#include <x86/softirq.h>

struct hypercall_environment hypercall_env;

const struct hc_entry hc_entries[HYPERCALL_COUNT] = {
#define HYPERCALL(nr, fn_, bits32_) [nr] = { .fn = fn_, .bits32 = bits32_, .name = #nr },
#include "hypercalls.def"
#undef HYPERCALL
};

static int64_t call_row(struct hc *c, uint64_t nr)
{
    const struct hc_entry *e;

    if (nr >= HYPERCALL_COUNT)
        return -ENOSYS;
    e = &hc_entries[array_index_nospec(nr, HYPERCALL_COUNT)];
    if (!e->fn || (c->bits32 && !e->bits32))
        return -ENOSYS;
    return e->fn(c);
}

int64_t hypercall_call(struct vcpu *v, uint64_t nr, uint64_t args[6], bool bits32)
{
    struct hc c = { .v = v, .d = v->domain, .arg = args, .bits32 = bits32 };
    int64_t rc;

    if (bits32) {
        nr &= UINT32_MAX;
        for (unsigned int i = 0; i < 6; i++)
            args[i] &= UINT32_MAX;
    }
    v->hc_restart = false;
    rc = call_row(&c, nr);
    if (rc == -ERESTART) {
        v->hc_restart = true;
        return (int64_t)nr;
    }
    return rc;
}

bool hc_preempt(void)
{
    return softirq_is_pending();
}

int hc_refuse(struct hc *c, int err, const char *what, uint64_t value)
{
    c->told = true;
    log_guest(LOG_G_WARNING, c->d->id, "%s: %#lx refused (errno %d)", what, (unsigned long)value,
              -err);
    return err;
}

/* Targets. */

struct domain *hc_any_domain(struct hc *c, domid_t id)
{
    if (id == DOMID_SELF || id == c->d->id)
        return c->d;
    return domain_get(id);
}

void hc_put(struct hc *c, struct domain *d)
{
    if (d && d != c->d)
        domain_put(d);
}

int hc_target(struct hc *c, domid_t id, struct domain **out)
{
    *out = NULL;
    if (id != DOMID_SELF && id != c->d->id && !c->d->is_dom0)
        return -EPERM;
    *out = hc_any_domain(c, id);
    return *out ? 0 : -ESRCH;
}

/* Arrays of unsigned longs. */

int hc_read_ulong(struct hc *c, gva_t array, uint64_t index, uint64_t *value)
{
    *value = 0;
    if (c->bits32)
        return hc_read(c, value, gva_at(array, index, 4), 4);
    return hc_read(c, value, gva_at(array, index, 8), 8);
}

int hc_write_ulong(struct hc *c, gva_t array, uint64_t index, uint64_t value)
{
    size_t size = c->bits32 ? 4 : 8;

    return hc_write(c, gva_at(array, index, size), &value, size);
}

/* Sub-ops. */

static const struct hc_op *find_op(struct hc *c, const struct hc_table *t, uint64_t cmd)
{
    const struct hc_op *op;

    if (cmd >= t->count)
        return NULL;
    op = &t->op[array_index_nospec(cmd, t->count)];
    if (!op->fn || (c->bits32 && (op->who & HC_NO32)))
        return NULL;
    return op;
}

static int64_t finish(struct hc *c, const struct hc_op *op, int64_t rc, gva_t at, const void *arg,
                      size_t size)
{
    /* A result, or the progress that the next round will read. */
    if ((rc >= 0 || rc == -ERESTART) && (op->dir & HC_OUT) && hc_write(c, at, arg, size) != 0)
        return -EFAULT;
    return rc;
}

/* A 32-bit caller's argument of another layout: read whole, so that what is not changed is written
 * back as it was. */
static int64_t call_compat(struct hc *c, const struct hc_op *op, gva_t at)
{
    union hc_arg arg, arg32;
    size_t size = op->compat->size;
    int64_t rc;

    memset(&arg, 0, sizeof(arg));
    memset(&arg32, 0, sizeof(arg32));
    if (hc_read(c, &arg32, at, size) != 0 ||
        ((op->dir & HC_OUT) && guest_check_write(c->v, at, size) != 0))
        return -EFAULT;
    op->compat->widen(&arg, &arg32);
    rc = op->fn(c, &arg);
    op->compat->narrow(&arg32, &arg);
    return finish(c, op, rc, at, &arg32, size);
}

int64_t hc_op_call(struct hc *c, const struct hc_table *t, uint64_t cmd, gva_t at)
{
    const struct hc_op *op = find_op(c, t, cmd);
    union hc_arg arg;

    if (!op)
        return -ENOSYS;
    if ((op->who & HC_DOM0) && !c->d->is_dom0)
        return -EPERM;
    if (op->size == 0)
        return op->fn(c, NULL);
    if (c->bits32 && op->compat)
        return call_compat(c, op, at);
    memset(&arg, 0, sizeof(arg));
    if ((op->dir & HC_IN) && hc_read(c, &arg, at, op->size) != 0)
        return -EFAULT;
    if ((op->dir & HC_OUT) && guest_check_write(c->v, at, op->size) != 0)
        return -EFAULT;
    return finish(c, op, op->fn(c, &arg), at, &arg, op->size);
}

/* Multicall. */

struct call32 { uint32_t op, result, args[6]; };
_Static_assert(sizeof(struct call32) == 32, "32-bit multicall entry");
_Static_assert(sizeof(struct multicall_entry) == 64, "64-bit multicall entry");

static int fetch_entry(struct hc *c, gva_t at, struct multicall_entry *e)
{
    struct call32 e32;
    int rc;

    if (!c->bits32)
        return hc_read(c, e, at, sizeof(*e));
    rc = hc_read(c, &e32, at, sizeof(e32));
    e->op = e32.op;
    for (unsigned int i = 0; i < 6; i++)
        e->args[i] = e32.args[i];
    return rc;
}

/* The call inside wants to go on later: its progress goes where it came from. */
static int store_args(struct hc *c, gva_t at, const struct multicall_entry *e)
{
    struct call32 e32;

    if (!c->bits32)
        return hc_write(c, gva_of(at.v + offsetof(struct multicall_entry, args)), e->args,
                        sizeof(e->args));
    for (unsigned int i = 0; i < 6; i++)
        e32.args[i] = (uint32_t)e->args[i];
    return hc_write(c, gva_of(at.v + offsetof(struct call32, args)), e32.args, sizeof(e32.args));
}

static int64_t multicall_one(struct hc *c, gva_t at)
{
    gva_t result = gva_of(at.v + (c->bits32 ? offsetof(struct call32, result)
                                            : offsetof(struct multicall_entry, result)));
    struct multicall_entry e = { 0 };
    struct hc inner = *c;
    int64_t rc;

    if (fetch_entry(c, at, &e) != 0 || guest_check_write(c->v, result, c->bits32 ? 4 : 8) != 0)
        return -EFAULT;
    inner.arg = e.args;
    rc = e.op == __HYPERVISOR_multicall ? -EINVAL : call_row(&inner, e.op);
    if (rc == -ERESTART)
        return store_args(c, at, &e) != 0 ? -EFAULT : -ERESTART;
    return hc_write(c, result, &rc, c->bits32 ? 4 : 8);
}

int64_t hc_multicall(struct hc *c)
{
    size_t size = c->bits32 ? sizeof(struct call32) : sizeof(struct multicall_entry);
    gva_t at = gva_of(c->arg[0]);
    uint32_t left = (uint32_t)c->arg[1];
    int64_t rc = 0;

    while (left > 0) {
        rc = multicall_one(c, at);
        if (rc != 0)
            break;
        at.v += size;
        left--;
        if (left > 0 && hc_preempt()) {
            rc = -ERESTART;
            break;
        }
    }
    if (rc == -ERESTART) {
        c->arg[0] = at.v;
        c->arg[1] = left;
    }
    return rc;
}
