/* SPDX-License-Identifier: BSD-2-Clause */
/* hvm_op (xen/hvm/hvm_op.h): parameters with their side effects, upcall
 * vectors, kinds of memory. */
#include "door.h"

#include <lib/string.h>
#include <trace/trace.h>
#include <x86/time.h>
#include <xen/hvm/hvm_op.h>

#define VIA(value) ((uint8_t)((value) >> 56))

/* Where upcalls go when no per-vCPU vector is set: a vector for all, or (below) a line. */
static void set_callback_vector(struct hc *c, struct domain *d, uint64_t value)
{
    bool vector = VIA(value) == HVM_PARAM_CALLBACK_TYPE_VECTOR && (uint8_t)value >= 0x10;

    d->callback_vector = vector ? (uint8_t)value : 0;
    d->has_callback_vector = vector;
    if (d == c->d)
        domain_set_shared_layout(d, c->bits32);
}

#define VIA_GSI(value) ((value) & 0x00ffffffffffffffULL)
#define VIA_BUS(value) ((value) >> 16 & 0xffffffffULL)         /* and segment */
#define VIA_SLOT(value) ((unsigned int)((value) >> 11) & 31U)
#define VIA_INTX(value) ((unsigned int)(value) & 3U)

static void set_callback_line(struct domain *d, uint64_t value)
{
    if (VIA(value) == HVM_PARAM_CALLBACK_TYPE_GSI && VIA_GSI(value) < VLINES_PINS)
        domain_set_upcall_line(d, VLINES_UPCALL_GSI, (unsigned int)value, 0);
    else if (VIA(value) == HVM_PARAM_CALLBACK_TYPE_PCI_INTX && VIA_BUS(value) == 0)
        domain_set_upcall_line(d, VLINES_UPCALL_INTX, VIA_SLOT(value), VIA_INTX(value));
    else
        domain_set_upcall_line(d, VLINES_NO_UPCALL, 0, 0);
}

static int64_t op_set_param(struct hc *c, void *arg)
{
    const struct xen_hvm_param *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->lock);
    rc = hvm_params_check_set(&d->params, a->index, a->value, d == c->d);
    if (rc == 0) {
        hvm_params_set(&d->params, a->index, a->value);
        if (a->index == HVM_PARAM_CALLBACK_IRQ)
            set_callback_vector(c, d, a->value);
    }
    spin_unlock(&d->lock);
    if (rc == 0 && a->index == HVM_PARAM_CALLBACK_IRQ)
        set_callback_line(d, a->value);
    if (rc == 0 && a->index == HVM_PARAM_ACPI_IOPORTS_LOCATION)
        rc = domain_move_pm_block(d, a->value);
    hc_put(c, d);
    if (rc == -EINVAL) {
        (void)hc_invalid(c, "HVMOP_set_param: index", a->index);
        return hc_invalid(c, "HVMOP_set_param: value", a->value);
    }
    return rc;
}

static int64_t op_get_param(struct hc *c, void *arg)
{
    struct xen_hvm_param *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    spin_lock(&d->lock);
    rc = hvm_params_get(&d->params, a->index, d == c->d, &a->value);
    spin_unlock(&d->lock);
    hc_put(c, d);
    return rc;
}

static int64_t op_upcall_vector(struct hc *c, void *arg)
{
    const struct xen_hvm_evtchn_upcall_vector *a = arg;
    struct vcpu *v = domain_vcpu(c->d, a->vcpu);

    if (a->vector < 0x10)
        return -EINVAL;
    if (!v)
        return -ENOENT;
    v->upcall_vector = a->vector;
    return 0;
}

static int64_t op_flush_tlbs(struct hc *c, void *arg unused_arg)
{
    return c->arg[1] == 0 ? 0 : -EINVAL;
}

static int64_t op_get_time(struct hc *c unused_arg, void *arg)
{
    ((struct xen_hvm_get_time *)arg)->now = (uint64_t)time_now();
    return 0;
}

/* The guest's own words, for whoever takes a trace. */
static int64_t op_xentrace(struct hc *c unused_arg, void *arg)
{
    const struct xen_hvm_xentrace *a = arg;
    uint32_t words[TRACE_MAX_WORDS] = { 0 };
    unsigned int count = (a->extra_bytes + 3U) / 4;

    if (a->extra_bytes > sizeof(a->extra) || a->event > 0xfff)
        return -EINVAL;
    memcpy(words, a->extra, a->extra_bytes);
    if (trace_is_on())
        trace_put(TRC_GUEST | a->event, count, words);
    return 0;
}

static uint16_t mem_type(enum p2m_type t)
{
    switch (t) {
    case P2M_RAM_RW: case P2M_RAM_LOGDIRTY: case P2M_FOREIGN: case P2M_GRANT_RW: case P2M_SHARED:
        return HVMMEM_ram_rw;
    case P2M_RAM_RO: case P2M_GRANT_RO:
        return HVMMEM_ram_ro;
    case P2M_HOLE: case P2M_MMIO_DIRECT: case P2M_MMIO_DM: case P2M_TYPE_COUNT:
        break;
    }
    return HVMMEM_mmio_dm;
}

static int64_t op_get_mem_type(struct hc *c, void *arg)
{
    struct xen_hvm_get_mem_type *a = arg;
    struct domain *d;
    int rc = hc_target(c, a->domid, &d);

    if (rc != 0)
        return rc;
    a->mem_type = mem_type(p2m_lookup(&d->p2m, gfn_of(a->pfn)).type);
    hc_put(c, d);
    return 0;
}

static int64_t op_unsupported(struct hc *c unused_arg, void *arg unused_arg)
{
    return -EOPNOTSUPP;
}

#define HVM(cmd, fn, type, dir) [cmd] = { fn, sizeof(type), dir, HC_ANY, NULL }
static const struct hc_op hvm_ops[] = {
    HVM(HVMOP_set_param, op_set_param, struct xen_hvm_param, HC_IN),
    HVM(HVMOP_get_param, op_get_param, struct xen_hvm_param, HC_INOUT),
    [HVMOP_flush_tlbs] = { op_flush_tlbs, 0, HC_IN, HC_ANY, NULL },
    HVM(HVMOP_get_time, op_get_time, struct xen_hvm_get_time, HC_OUT),
    HVM(HVMOP_xentrace, op_xentrace, struct xen_hvm_xentrace, HC_IN),
    HVM(HVMOP_get_mem_type, op_get_mem_type, struct xen_hvm_get_mem_type, HC_INOUT),
    HVM(HVMOP_set_evtchn_upcall_vector, op_upcall_vector, struct xen_hvm_evtchn_upcall_vector,
        HC_IN),
    [HVMOP_guest_request_vm_event] = { op_unsupported, 0, HC_IN, HC_ANY, NULL },
    [HVMOP_altp2m] = { op_unsupported, 0, HC_IN, HC_ANY, NULL },
};
const struct hc_table hc_hvm_table = HC_TABLE(hvm_ops);

int64_t hc_hvm_op(struct hc *c)
{
    return hc_op_call(c, &hc_hvm_table, c->arg[0], gva_of(c->arg[1]));
}
