/* SPDX-License-Identifier: BSD-2-Clause */
/* platform_op (xen/platform.h): dom0 and the machine. */
#include "ctl.h"

#include <hypercall/hypercall.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <x86/cpu.h>
#include <x86/time.h>

static void set_wallclock(ns_t utc_at_boot)
{
    struct domain *d = domain_get_next(0);

    time_set_wallclock_at_boot(utc_at_boot);
    while (d) {
        struct domain *next;
        domid_t id = d->id;

        domain_update_wallclock(d);
        domain_put(d);
        next = domain_get_next((domid_t)(id + 1));
        d = next;
    }
}

/* secs/nsecs is UTC at system_time; kept is UTC at time zero. */
static int64_t settime(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
    if (secs > 1ULL << 33 || nsecs >= NS_PER_SEC || system_time > INT64_MAX / 2)
        return -EINVAL;
    set_wallclock((ns_t)secs * NS_PER_SEC + nsecs - (ns_t)system_time);
    return 0;
}

static int64_t op_settime32(struct ctl *t)
{
    const struct xenpf_settime32 *a = t->u;

    return settime(a->secs, a->nsecs, a->system_time);
}

static int64_t op_settime64(struct ctl *t)
{
    const struct xenpf_settime64 *a = t->u;

    return a->mbz ? -EINVAL : settime(a->secs, a->nsecs, a->system_time);
}

static int64_t op_getidletime(struct ctl *t)
{
    struct xenpf_getidletime *a = t->u;
    struct xenctl_bitmap map = { .nr_bits = a->cpumap_nr_cpus };
    struct cpumask wanted, found = { { 0 } };

    map.bitmap.p = a->cpumap_bitmap.p;
    if (ctl_read_cpumask(t->c, &map, &wanted) != 0)
        return -EFAULT;
    for (unsigned int cpu = 0; cpu < cpu_count(); cpu++) {
        uint64_t idle;

        if (!bit_test(wanted.bits, cpu))
            continue;
        idle = (uint64_t)sched_cpu_idle_time(cpu);
        if (hc_write(t->c, gva_at(hc_handle(a->idletime), cpu, sizeof(idle)), &idle,
                     sizeof(idle)) != 0)
            return -EFAULT;
        bit_set(found.bits, cpu);
    }
    a->now = (uint64_t)time_now();
    return ctl_write_cpumask(t->c, &map, &found);
}

static int64_t op_get_cpuinfo(struct ctl *t)
{
    struct xenpf_pcpuinfo *a = t->u;
    uint32_t cpu = a->xen_cpuid;
    const struct percpu *p;

    a->max_present = cpu_count() - 1;
    a->flags = XEN_PCPU_FLAGS_INVALID;
    a->apic_id = a->acpi_id = UINT32_MAX;
    if (cpu >= cpu_count())
        return 0;
    p = percpu_of((unsigned int)array_index_nospec(cpu, cpu_count()));
    a->flags = p->online ? XEN_PCPU_FLAGS_ONLINE : 0;
    a->apic_id = p->apic_id;
    a->acpi_id = p->acpi_uid;
    return 0;
}

static int64_t op_get_cpu_version(struct ctl *t)
{
    struct xenpf_pcpu_version *a = t->u;
    struct cpuid_regs id = cpu_cpuid(0, 0), sig = cpu_cpuid(1, 0);
    uint32_t family = sig.eax >> 8 & 15, model = sig.eax >> 4 & 15;

    a->max_present = cpu_count() - 1;
    if (a->xen_cpuid >= cpu_count())
        return 0;
    memcpy(a->vendor_id, &id.ebx, 4);
    memcpy(a->vendor_id + 4, &id.edx, 4);
    memcpy(a->vendor_id + 8, &id.ecx, 4);
    if (family >= 6)
        model |= sig.eax >> 12 & 0xf0;
    if (family == 15)
        family += sig.eax >> 20 & 0xff;
    a->family = family;
    a->model = model;
    a->stepping = sig.eax & 15;
    return 0;
}

/* Power states are the firmware's business here: what dom0's ACPI code offers is taken and not
 * used. */
static int64_t op_set_pminfo(struct ctl *t)
{
    (void)t;
    return -EINVAL;
}

/* Newer than the 4.17 headers; Linux asks for it before its own console works. Returns the bytes
 * filled. */
#define XENPF_get_dom0_console 64
static int64_t op_dom0_console(struct ctl *t)
{
    size_t size = hypercall_env.dom0_console_size;

    if (!hypercall_env.dom0_console || size > sizeof(struct dom0_vga_console_info))
        return -ENODEV;
    memcpy(t->u, hypercall_env.dom0_console, size);
    return (int64_t)size;
}

/* The first entry says what is the matter; the result is how many were done. No machine register is
 * open to dom0 this way. */
static int64_t op_resource(struct ctl *t)
{
    const struct xenpf_resource_op *a = t->u;
    struct xenpf_resource_entry e;

    if (a->nr_entries == 0)
        return 0;
    if (a->cpu >= cpu_count())
        return -ENODEV;
    if (hc_read(t->c, &e, hc_handle(a->entries), sizeof(e)) != 0)
        return -EFAULT;
    e.u.ret = -EPERM;
    return hc_write(t->c, hc_handle(a->entries), &e, sizeof(e)) != 0 ? -EFAULT : 0;
}

#define PLATFORM(cmd, fn, type, dir) [cmd] = { fn, sizeof(type), dir, CTL_PLAIN }
const struct ctl_op ctl_platform_ops[] = {
    PLATFORM(XENPF_settime32, op_settime32, struct xenpf_settime32, HC_IN),
    PLATFORM(XENPF_settime64, op_settime64, struct xenpf_settime64, HC_IN),
    PLATFORM(XENPF_efi_runtime_call, platform_efi_call, struct xenpf_efi_runtime_call, HC_INOUT),
    PLATFORM(XENPF_firmware_info, platform_firmware_info, struct xenpf_firmware_info, HC_INOUT),
    PLATFORM(XENPF_getidletime, op_getidletime, struct xenpf_getidletime, HC_INOUT),
    PLATFORM(XENPF_set_processor_pminfo, op_set_pminfo, uint32_t, HC_IN),
    PLATFORM(XENPF_get_cpuinfo, op_get_cpuinfo, struct xenpf_pcpuinfo, HC_INOUT),
    PLATFORM(XENPF_get_cpu_version, op_get_cpu_version, struct xenpf_pcpu_version, HC_INOUT),
    PLATFORM(XENPF_resource_op, op_resource, struct xenpf_resource_op, HC_IN),
    PLATFORM(XENPF_get_dom0_console, op_dom0_console, struct dom0_vga_console_info, HC_INOUT),
};
const size_t ctl_platform_count = ARRAY_COUNT(ctl_platform_ops);
