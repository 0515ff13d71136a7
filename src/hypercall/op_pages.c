/* SPDX-License-Identifier: BSD-2-Clause */
/* domctl about a domain's pages, for saving it: what kind each gfn is. */
#include "ctl.h"

#define FRAMES_AT_ONCE 1024U

static uint64_t frame_kind(struct domain *d, gfn_t g)
{
    switch (p2m_lookup(&d->p2m, g).type) {
    case P2M_RAM_RW: case P2M_RAM_RO: case P2M_RAM_LOGDIRTY:
        return XEN_DOMCTL_PFINFO_NOTAB;
    case P2M_HOLE: case P2M_MMIO_DIRECT: case P2M_MMIO_DM: case P2M_FOREIGN: case P2M_GRANT_RW:
    case P2M_GRANT_RO: case P2M_SHARED: case P2M_TYPE_COUNT:
        break;
    }
    return XEN_DOMCTL_PFINFO_XTAB;
}

#define FRAMES_PER_COPY 64U

int64_t domctl_getpageframeinfo3(struct ctl *t)
{
    const struct xen_domctl_getpageframeinfo3 *a = t->u;
    uint64_t value[FRAMES_PER_COPY];

    if (a->num > FRAMES_AT_ONCE)
        return -E2BIG;
    for (uint64_t i = 0; i < a->num; i += FRAMES_PER_COPY) {
        gva_t at = gva_at(hc_handle(a->array), i, sizeof(value[0]));
        size_t count = min_of(a->num - i, (uint64_t)FRAMES_PER_COPY);

        if (hc_read(t->c, value, at, count * sizeof(value[0])) != 0)
            return -EFAULT;
        for (size_t k = 0; k < count; k++)
            value[k] = frame_kind(t->d, gfn_of(value[k]));
        if (hc_write(t->c, at, value, count * sizeof(value[0])) != 0)
            return -EFAULT;
    }
    return 0;
}
