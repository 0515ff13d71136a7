/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI for dom0, platform_op's efi_runtime_call and firmware_info: its kernel cannot call the firmware
 * itself. Names and data go through buffers of ours; sizes are the caller's up to a limit, beyond which the
 * firmware is told a smaller buffer and answers that it is too small.
 */
#include "ctl.h"

#include <lib/string.h>
#include <mm/heap.h>
#include <x86/efi.h>

#define NAME_MAX_BYTES 2048U
#define DATA_MAX_BYTES (256U << 10)
#define TIME_ENABLE_BITS 3U

/* The firmware's layouts (UEFI 2.10, 8.3 and appendix A); the ABI's are its own. */
struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad1;
    uint32_t nanosecond;
    int16_t time_zone;
    uint8_t daylight, pad2;
};
struct efi_time_capabilities { uint32_t resolution, accuracy; uint8_t sets_to_zero; };
_Static_assert(sizeof(struct efi_time) == 16, "EFI_TIME");
_Static_assert(sizeof(struct xenpf_efi_guid) == 16, "EFI_GUID");

struct efi_op { struct ctl *t; struct xenpf_efi_runtime_call *a; };

static uint64_t p(const volatile void *v) { return (uint64_t)(uintptr_t)v; }

static struct efi_time to_efi(const struct xenpf_efi_time *t)
{
    return (struct efi_time){ .year = t->year, .month = t->month, .day = t->day, .hour = t->hour,
                              .minute = t->min, .second = t->sec, .nanosecond = t->ns,
                              .time_zone = t->tz, .daylight = t->daylight };
}

static struct xenpf_efi_time from_efi(const struct efi_time *t)
{
    return (struct xenpf_efi_time){ .year = t->year, .month = t->month, .day = t->day, .hour = t->hour,
                                    .min = t->minute, .sec = t->second, .ns = t->nanosecond,
                                    .tz = t->time_zone, .daylight = t->daylight };
}

/* The firmware reads the clock through ports that dom0's other CPUs reach under this lock. */
static uint64_t clock_call(struct efi_op *o, enum efi_service s, const uint64_t arg[5])
{
    uint64_t status;

    spin_lock(&o->t->c->d->vdev_lock);
    status = efi_call(s, arg);
    spin_unlock(&o->t->c->d->vdev_lock);
    return status;
}

static int64_t get_time(struct efi_op *o)
{
    struct efi_time time = { 0 };
    struct efi_time_capabilities cap = { 0, 0, 0 };
    uint64_t arg[5] = { p(&time), p(&cap) };

    if (o->a->misc)
        return -EINVAL;
    o->a->status = clock_call(o, EFI_GET_TIME, arg);
    if (o->a->status != EFI_SUCCESS)
        return 0;
    o->a->u.get_time.time = from_efi(&time);
    o->a->u.get_time.resolution = cap.resolution;
    o->a->u.get_time.accuracy = cap.accuracy;
    if (cap.sets_to_zero)
        o->a->misc |= XEN_EFI_GET_TIME_SET_CLEARS_NS;
    return 0;
}

static int64_t set_time(struct efi_op *o)
{
    struct efi_time time = to_efi(&o->a->u.set_time);
    uint64_t arg[5] = { p(&time) };

    if (o->a->misc)
        return -EINVAL;
    o->a->status = clock_call(o, EFI_SET_TIME, arg);
    return 0;
}

static int64_t get_wakeup_time(struct efi_op *o)
{
    struct efi_time time = { 0 };
    uint8_t enabled = 0, pending = 0;
    uint64_t arg[5] = { p(&enabled), p(&pending), p(&time) };

    if (o->a->misc)
        return -EINVAL;
    o->a->status = clock_call(o, EFI_GET_WAKEUP_TIME, arg);
    if (o->a->status != EFI_SUCCESS)
        return 0;
    o->a->misc = (enabled ? XEN_EFI_GET_WAKEUP_TIME_ENABLED : 0U) |
                 (pending ? XEN_EFI_GET_WAKEUP_TIME_PENDING : 0U);
    o->a->u.get_wakeup_time = from_efi(&time);
    return 0;
}

static int64_t set_wakeup_time(struct efi_op *o)
{
    struct efi_time time = to_efi(&o->a->u.set_wakeup_time);
    bool enable = o->a->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE;
    uint64_t arg[5] = { enable, enable && !(o->a->misc & XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY) ? p(&time) : 0 };

    if (o->a->misc & ~TIME_ENABLE_BITS)
        return -EINVAL;
    o->a->status = clock_call(o, EFI_SET_WAKEUP_TIME, arg);
    o->a->misc = 0;
    return 0;
}

static int64_t get_count(struct efi_op *o)
{
    uint64_t arg[5] = { p(&o->a->misc) };

    if (o->a->misc)
        return -EINVAL;
    o->a->status = efi_call(EFI_GET_NEXT_HIGH_MONOTONIC_COUNT, arg);
    return 0;
}

/* --- Variables -------------------------------------------------------------------------------- */

/* A name of the guest's with its closing zero; the units behind it are not looked at. -EINVAL: too long. */
static int read_name(struct hc *c, gva_t from, uint16_t *name)
{
    for (unsigned int i = 0; i < NAME_MAX_BYTES / 2; i++) {
        if (hc_read(c, &name[i], gva_at(from, i, sizeof(*name)), sizeof(*name)) != 0)
            return -EFAULT;
        if (name[i] == 0)
            return 0;
    }
    return -EINVAL;
}

/* Two buffers in one piece: name, then data. NULL: no memory, the firmware's word for it goes to the caller. */
static uint16_t *make_buffers(struct efi_op *o, size_t data_size)
{
    uint16_t *name = heap_alloc(NAME_MAX_BYTES + data_size, 8);

    if (name == NULL)
        o->a->status = EFI_OUT_OF_RESOURCES;
    return name;
}

static int64_t get_variable(struct efi_op *o)
{
    struct hc *c = o->t->c;
    uint64_t size = min_of((uint64_t)o->a->u.get_variable.size, (uint64_t)DATA_MAX_BYTES), given = size;
    uint16_t *name = o->a->misc ? NULL : make_buffers(o, size);
    uint8_t *data = (uint8_t *)name + NAME_MAX_BYTES;
    uint32_t attributes = 0;
    int64_t rc;

    if (name == NULL)
        return o->a->misc ? -EINVAL : 0;
    rc = read_name(c, hc_handle(o->a->u.get_variable.name), name);
    if (rc == 0) {
        uint64_t arg[5] = { p(name), p(&o->a->u.get_variable.vendor_guid), p(&attributes), p(&size),
                            given ? p(data) : 0 };

        o->a->status = efi_call(EFI_GET_VARIABLE, arg);
        o->a->u.get_variable.size = size;
        o->a->misc = attributes;
        if (o->a->status == EFI_SUCCESS && size <= given &&
            hc_write(c, hc_handle(o->a->u.get_variable.data), data, size) != 0)
            rc = -EFAULT;
    }
    heap_free(name);
    return rc;
}

static int64_t set_variable(struct efi_op *o)
{
    struct hc *c = o->t->c;
    uint64_t size = o->a->u.set_variable.size;
    uint16_t *name;
    uint8_t *data;
    int64_t rc;

    if (size > DATA_MAX_BYTES) {
        o->a->status = EFI_OUT_OF_RESOURCES;
        return 0;
    }
    name = make_buffers(o, size);
    if (name == NULL)
        return 0;
    data = (uint8_t *)name + NAME_MAX_BYTES;
    rc = read_name(c, hc_handle(o->a->u.set_variable.name), name);
    if (rc == 0 && hc_read(c, data, hc_handle(o->a->u.set_variable.data), size) != 0)
        rc = -EFAULT;
    if (rc == 0) {
        uint64_t arg[5] = { p(name), p(&o->a->u.set_variable.vendor_guid), o->a->misc, size, p(data) };

        o->a->status = efi_call(EFI_SET_VARIABLE, arg);
    }
    heap_free(name);
    return rc;
}

static int64_t get_next_name(struct efi_op *o)
{
    struct hc *c = o->t->c;
    gva_t at = hc_handle(o->a->u.get_next_variable_name.name);
    uint64_t size = min_of((uint64_t)o->a->u.get_next_variable_name.size, (uint64_t)NAME_MAX_BYTES), given = size;
    uint16_t *name = o->a->misc ? NULL : make_buffers(o, 0);
    int64_t rc;

    if (name == NULL)
        return o->a->misc ? -EINVAL : 0;
    rc = read_name(c, at, name);
    if (rc == 0) {
        uint64_t arg[5] = { p(&size), p(name), p(&o->a->u.get_next_variable_name.vendor_guid) };

        o->a->status = efi_call(EFI_GET_NEXT_VARIABLE_NAME, arg);
        o->a->u.get_next_variable_name.size = size;
        if (o->a->status == EFI_SUCCESS && size <= given && hc_write(c, at, name, size) != 0)
            rc = -EFAULT;
    }
    heap_free(name);
    return rc;
}

static int64_t query_variable_info(struct efi_op *o)
{
    uint64_t max_store = 0, remaining = 0, max_variable = 0;
    uint64_t arg[5] = { o->a->u.query_variable_info.attr, p(&max_store), p(&remaining), p(&max_variable) };

    /* What there was at boot (a flag for it exists) is not kept: what there is now is the better answer. */
    if (o->a->misc & ~(uint32_t)XEN_EFI_VARINFO_BOOT_SNAPSHOT)
        return -EINVAL;
    o->a->misc = 0;
    o->a->status = efi_call(EFI_QUERY_VARIABLE_INFO, arg);
    o->a->u.query_variable_info.max_store_size = max_store;
    o->a->u.query_variable_info.remain_store_size = remaining;
    o->a->u.query_variable_info.max_size = max_variable;
    return 0;
}

int64_t platform_efi_call(struct ctl *t)
{
    static int64_t (*const calls[])(struct efi_op *o) = {
        [XEN_EFI_get_time] = get_time,
        [XEN_EFI_set_time] = set_time,
        [XEN_EFI_get_wakeup_time] = get_wakeup_time,
        [XEN_EFI_set_wakeup_time] = set_wakeup_time,
        [XEN_EFI_get_next_high_monotonic_count] = get_count,
        [XEN_EFI_get_variable] = get_variable,
        [XEN_EFI_set_variable] = set_variable,
        [XEN_EFI_get_next_variable_name] = get_next_name,
        [XEN_EFI_query_variable_info] = query_variable_info,
    };
    struct efi_op o = { t, t->u };
    uint32_t n = o.a->function;

    if (!efi_host()->runtime || n >= ARRAY_COUNT(calls))
        return -ENOSYS;
    n = (uint32_t)array_index_nospec(n, ARRAY_COUNT(calls));
    return calls[n] != NULL ? calls[n](&o) : -ENOSYS;
}

/* --- What the system table says --------------------------------------------------------------- */

static int64_t vendor_info(struct ctl *t, union xenpf_efi_info *i)
{
    const struct efi_machine *m = efi_host();
    size_t size = 0;

    while (size < EFI_VENDOR_MAX && m->vendor[size] != 0)
        size++;
    size = min_of((size + 1) * sizeof(m->vendor[0]), (size_t)i->vendor.bufsz & ~(size_t)1);
    i->vendor.revision = m->firmware_revision;
    return hc_write(t->c, hc_handle(i->vendor.name), m->vendor, size) != 0 ? -EFAULT : 0;
}

/* What kind of memory an address is in, and how much of what is asked for lies in it. */
static int64_t memory_info(union xenpf_efi_info *i)
{
    const struct efi_region *r = efi_region_of(efi_host(), i->mem.addr);
    uint64_t left;

    if (r == NULL)
        return -ESRCH;
    left = r->size - (i->mem.addr - r->start);
    i->mem.size = min_of(i->mem.size, left);
    i->mem.type = r->type;
    i->mem.attr = r->attributes;
    return 0;
}

int64_t platform_firmware_info(struct ctl *t)
{
    struct xenpf_firmware_info *a = t->u;
    union xenpf_efi_info *i = &a->u.efi_info;
    const struct efi_machine *m = efi_host();

    if (a->type != XEN_FW_EFI_INFO || !m->present)
        return -ENOSYS;
    switch (a->index) {
    case XEN_FW_EFI_VERSION:
        i->version = m->revision;
        return 0;
    case XEN_FW_EFI_RT_VERSION:
        if (!m->runtime)
            return -ENODEV;
        i->version = m->runtime_revision;
        return 0;
    case XEN_FW_EFI_CONFIG_TABLE:
        i->cfg.addr = m->config_table;
        i->cfg.nent = m->config_count;
        return 0;
    case XEN_FW_EFI_VENDOR: return vendor_info(t, i);
    case XEN_FW_EFI_MEM_INFO: return memory_info(i);
    default: return -ESRCH;
    }
}
