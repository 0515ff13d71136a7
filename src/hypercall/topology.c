/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPU is which core of which socket, from the APIC ids (SDM vol. 3A 9.9.1); one memory node;
 * PCI without nodes. */
#include "ctl.h"

#include <mm/frames.h>
#include <x86/cpu.h>
#include <xen/physdev.h>

struct shifts { unsigned int smt, core; };

static unsigned int bits_for(uint32_t count)
{
    unsigned int bits = 0;

    while (bits < 31 && 1U << bits < count)
        bits++;
    return bits;
}

static struct shifts apic_shifts(void)
{
    struct cpuid_regs top = cpu_cpuid(0, 0), r;
    uint32_t logical, cores;

    if (top.eax >= 0xb) {
        r = cpu_cpuid(0xb, 0);
        if (r.ebx & 0xffff)
            return (struct shifts){ r.eax & 31, cpu_cpuid(0xb, 1).eax & 31 };
    }
    r = cpu_cpuid(1, 0);
    logical = r.edx & 1U << 28 ? r.ebx >> 16 & 0xff : 1;
    cores = top.eax >= 4 ? (cpu_cpuid(4, 0).eax >> 26) + 1 : 1;
    if (cores > logical || cores == 0)
        cores = 1;
    return (struct shifts){ bits_for(logical) - bits_for(cores), bits_for(logical) };
}

static struct xen_sysctl_cputopo topology_of(unsigned int cpu, struct shifts s)
{
    uint32_t id = percpu_of(cpu)->apic_id;
    uint32_t in_socket = id & ((1U << s.core) - 1);

    return (
        struct xen_sysctl_cputopo){ .core = in_socket >> s.smt, .socket = id >> s.core, .node = 0 };
}

void topology_summary(uint32_t *threads_per_core, uint32_t *cores_per_socket)
{
    struct shifts s = apic_shifts();
    struct xen_sysctl_cputopo first = topology_of(0, s);
    uint32_t threads = 0, in_socket = 0;

    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++) {
        struct xen_sysctl_cputopo t = topology_of(cpu, s);

        if (t.socket != first.socket)
            continue;
        in_socket++;
        threads += t.core == first.core;
    }
    /* CPU 0 itself was counted: neither is zero. */
    *threads_per_core = threads;
    *cores_per_socket = in_socket / threads;
}

int64_t sysctl_cputopoinfo(struct ctl *t)
{
    struct xen_sysctl_cputopoinfo *a = t->u;
    struct shifts s = apic_shifts();
    uint32_t n = cpu_count();

    if (!hc_handle(a->cputopo).v) {
        a->num_cpus = n;
        return 0;
    }
    n = min_of(n, a->num_cpus);
    for (uint32_t cpu = 0; cpu < n; cpu++) {
        struct xen_sysctl_cputopo topo = topology_of(cpu, s);

        if (hc_write(t->c, gva_at(hc_handle(a->cputopo), cpu, sizeof(topo)), &topo, sizeof(topo)) !=
            0)
            return -EFAULT;
    }
    a->num_cpus = n;
    return 0;
}

int64_t sysctl_numainfo(struct ctl *t)
{
    struct xen_sysctl_numainfo *a = t->u;
    struct xen_sysctl_meminfo mem = { frames_total() << PAGE_SHIFT, frames_free_count()
                                                                        << PAGE_SHIFT };
    uint32_t distance = 10, given = a->num_nodes;
    bool mem_wanted = hc_handle(a->meminfo).v, distance_wanted = hc_handle(a->distance).v;

    a->num_nodes = 1;
    if (given == 0)
        return 0;
    if (mem_wanted && hc_write(t->c, hc_handle(a->meminfo), &mem, sizeof(mem)) != 0)
        return -EFAULT;
    if (distance_wanted && hc_write(t->c, hc_handle(a->distance), &distance, sizeof(distance)) != 0)
        return -EFAULT;
    return 0;
}

#define PCI_TOPOLOGY_MAX 65536U

/* Memory has one node, and devices none of their own. */
int64_t sysctl_pcitopoinfo(struct ctl *t)
{
    struct xen_sysctl_pcitopoinfo *a = t->u;
    uint32_t node = XEN_INVALID_NODE_ID;

    if (!hc_handle(a->devs).v || !hc_handle(a->nodes).v || a->num_devs > PCI_TOPOLOGY_MAX)
        return hc_invalid(t->c, "XEN_SYSCTL_pcitopoinfo: num_devs", a->num_devs);
    for (uint32_t i = 0; i < a->num_devs; i++) {
        struct physdev_pci_device dev;

        if (hc_read(t->c, &dev, gva_at(hc_handle(a->devs), i, sizeof(dev)), sizeof(dev)) != 0 ||
            hc_write(t->c, gva_at(hc_handle(a->nodes), i, sizeof(node)), &node, sizeof(node)) != 0)
            return -EFAULT;
        if (i + 1 < a->num_devs && hc_preempt()) {
            /* The caller goes on from the number done. */
            a->num_devs = i + 1;
            break;
        }
    }
    return 0;
}
