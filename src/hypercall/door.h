/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to src/hypercall: what every op sees. A multiplexer is a table of struct hc_op, one row
 * per sub-op; hc_op_call() fetches the argument once, widens a 32-bit caller's, checks that the
 * result can be written back, calls the op on our copy, and writes back. Ops see guest pointers
 * only for arrays inside the argument (hc_va, hc_read, hc_write).
 *
 * An op returns >= 0, -errno, or -ERESTART after it has changed c->arg so that calling again goes
 * on.
 */
#ifndef HYPERCALL_DOOR_H
#define HYPERCALL_DOOR_H

#include <domain/domain.h>
#include <domain/guest_access.h>
#include <hv/errno.h>

struct hc {
    struct vcpu *v;
    struct domain *d;          /* v->domain */
    uint64_t *arg;             /* the caller's argument registers; changed only for -ERESTART */
    bool bits32;
    bool told;                 /* a refusal has its line in the log */
};

enum hc_dir { HC_IN = 1, HC_OUT = 2, HC_INOUT = 3 };
#define HC_ANY 0U
#define HC_DOM0 1U             /* the privileged domain alone: else -EPERM */
#define HC_NO32 2U             /* no 32-bit form: -ENOSYS */

/* A layout that differs for 32-bit callers. widen/narrow get zeroed destinations. */
struct hc_compat {
    uint16_t size;
    void (*widen)(void *arg64, const void *arg32);
    void (*narrow)(void *arg32, const void *arg64);   /* starts from what the caller passed */
};

struct hc_op {
    int64_t (*fn)(struct hc *c, void *arg);
    uint16_t size;             /* 0: no argument */
    uint8_t dir;               /* enum hc_dir */
    uint8_t who;
    const struct hc_compat *compat;
};
struct hc_table { const struct hc_op *op; size_t count; };
#define HC_TABLE(array) { (array), ARRAY_COUNT(array) }

#define HC_ARG_MAX 144U        /* struct xen_domctl */
union hc_arg { uint64_t align[HC_ARG_MAX / 8]; uint8_t byte[HC_ARG_MAX]; };

int64_t hc_op_call(struct hc *c, const struct hc_table *t, uint64_t cmd, gva_t at);

/* One row of the first table: hypercalls.def. */
struct hc_entry { int64_t (*fn)(struct hc *c); bool bits32; const char *name; };
#define HYPERCALL_COUNT 64U
extern const struct hc_entry hc_entries[HYPERCALL_COUNT];
#define HYPERCALL(nr, fn, bits32) int64_t fn(struct hc *c);
#include "hypercalls.def"
#undef HYPERCALL
extern const struct hc_table hc_evtchn_table, hc_memory_table, hc_hvm_table, hc_sched_table,
    hc_vcpu_table, hc_physdev_table;

/* Pointers inside arguments. */
static inline gva_t hc_va(const volatile void *p) { return gva_of((uint64_t)(uintptr_t)p); }
#define hc_handle(h) hc_va((h).p)
static inline int hc_read(struct hc *c, void *to, gva_t from, size_t size)
{
    return guest_read(c->v, to, from, size);
}
static inline int hc_write(struct hc *c, gva_t to, const void *from, size_t size)
{
    return guest_write(c->v, to, from, size);
}
static inline gva_t gva_at(gva_t base, uint64_t index, size_t size)
{
    return gva_of(base.v + index * size);
}
/* Element of an array of unsigned longs (xen_pfn_t, xen_ulong_t), 4
 * bytes wide for 32-bit callers. */
int hc_read_ulong(struct hc *c, gva_t array, uint64_t index, uint64_t *value) must_check;
int hc_write_ulong(struct hc *c, gva_t array, uint64_t index, uint64_t value) must_check;

/* True when a loop should end with -ERESTART: something else wants this CPU. */
bool hc_preempt(void);

/* The domain meant by id: DOMID_SELF, the caller's own id, or for dom0 any. -EPERM, -ESRCH. Pair
 * with hc_put. */
int hc_target(struct hc *c, domid_t id, struct domain **out) must_check;
/* Any domain, whatever the caller's privilege (grants and event channels check for themselves). */
struct domain *hc_any_domain(struct hc *c, domid_t id);
void hc_put(struct hc *c, struct domain *d);

/* Tells the administrator which field of a request was refused, and gives the errno for it. */
int hc_refuse(struct hc *c, int err, const char *what, uint64_t value);
#define hc_invalid(c, what, value) hc_refuse((c), -EINVAL, (what), (uint64_t)(value))

#endif
