/* SPDX-License-Identifier: BSD-2-Clause */
/* sysctl tbuf_op: the trace rings of src/trace as xentrace wants them. */
#include "ctl.h"

#include <trace/trace.h>

static int64_t set_cpus(struct ctl *t, const struct xen_sysctl_tbuf_op *a)
{
    struct cpumask cpus;
    int rc = ctl_read_cpumask(t->c, &a->cpu_mask, &cpus);

    if (rc == 0)
        trace_set_cpus(cpus.bits);
    return rc;
}

static int64_t set_size(struct ctl *t, uint32_t pages)
{
    int rc = trace_set_size(pages);

    /* xentrace asks for a size each time it starts, and goes on with the rings that are there. */
    return rc == 0 || rc == -EBUSY ? rc : hc_refuse(t->c, rc, "XEN_SYSCTL_tbuf_op: size", pages);
}

static void get_info(struct xen_sysctl_tbuf_op *a)
{
    struct trace_info info = trace_get_info();

    a->evt_mask = info.event_mask;
    a->buffer_mfn = info.mfn;
    a->size = info.bytes;
}

int64_t sysctl_tbuf_op(struct ctl *t)
{
    struct xen_sysctl_tbuf_op *a = t->u;
    int rc;

    switch (a->cmd) {
    case XEN_SYSCTL_TBUFOP_get_info:
        get_info(a);
        return 0;
    case XEN_SYSCTL_TBUFOP_set_cpu_mask:
        return set_cpus(t, a);
    case XEN_SYSCTL_TBUFOP_set_evt_mask:
        trace_set_event_mask(a->evt_mask);
        return 0;
    case XEN_SYSCTL_TBUFOP_set_size:
        return set_size(t, a->size);
    case XEN_SYSCTL_TBUFOP_enable:
        rc = trace_enable();
        return rc == 0 ? 0 : hc_refuse(t->c, rc, "XEN_SYSCTL_tbuf_op: enable, rings of pages", 0);
    case XEN_SYSCTL_TBUFOP_disable:
        trace_disable();
        return 0;
    default:
        return hc_invalid(t->c, "XEN_SYSCTL_tbuf_op: cmd", a->cmd);
    }
}
