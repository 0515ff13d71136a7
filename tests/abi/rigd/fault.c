/* SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include "rigd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

static const struct { uint64_t nr; const char *name; enum { NONE, ARG0, FIELD0 } where; } families[] = {
    { __HYPERVISOR_domctl, "domctl", FIELD0 },
    { __HYPERVISOR_sysctl, "sysctl", FIELD0 },
    { __HYPERVISOR_platform_op, "platform", FIELD0 },
    { __HYPERVISOR_memory_op, "memory", ARG0 },
    { __HYPERVISOR_xen_version, "version", ARG0 },
    { __HYPERVISOR_event_channel_op, "evtchn", ARG0 },
    { __HYPERVISOR_grant_table_op, "grant", ARG0 },
    { __HYPERVISOR_sched_op, "sched", ARG0 },
    { __HYPERVISOR_vcpu_op, "vcpu", ARG0 },
    { __HYPERVISOR_physdev_op, "physdev", ARG0 },
    { __HYPERVISOR_console_io, "console", ARG0 },
    { __HYPERVISOR_multicall, "multicall", NONE },
    { __HYPERVISOR_xsm_op, "xsm", NONE },
    { __HYPERVISOR_dm_op, "dm", NONE },
};

static void hvm_name(char *to, size_t size, const uint64_t *args)
{
    struct xen_hvm_param p = { 0 };
    const char *what = args[0] == HVMOP_set_param ? "set" : args[0] == HVMOP_get_param ? "get" : NULL;

    if (what && tool_read(args[1], &p, sizeof(p)) == 0)
        snprintf(to, size, "hvm.%s.%u", what, p.index);
    else
        snprintf(to, size, "hvm.%lu", args[0]);
}

void operation_name(char *to, size_t size, uint64_t nr, const uint64_t *args)
{
    uint32_t cmd = (uint32_t)args[0];

    if (nr == __HYPERVISOR_hvm_op) {
        hvm_name(to, size, args);
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        if (families[i].nr != nr)
            continue;
        if (families[i].where == FIELD0 && tool_read(args[0], &cmd, sizeof(cmd)) != 0)
            cmd = 0;
        if (families[i].where == NONE)
            snprintf(to, size, "%s", families[i].name);
        else
            snprintf(to, size, "%s.%u", families[i].name, nr == __HYPERVISOR_memory_op ? cmd & 63 : cmd);
        return;
    }
    snprintf(to, size, "hypercall.%lu", nr);
}

int fault_of(const char *order, const char *operation)
{
    size_t n = strlen(operation);

    return strncmp(order, operation, n) == 0 && order[n] == '=' ? atoi(order + n + 1) : 0;
}
