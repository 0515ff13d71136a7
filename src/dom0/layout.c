/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets which RAM, and where dom0's parts stand in it.
 *
 * dom0's RAM is the host's from address 0 upwards, each page at its own address, until dom0_mem=
 * is used up; the rest of the host's RAM and what the hypervisor keeps is "unusable" in dom0's
 * map, so that Linux puts nothing there. All that is not RAM stays as firmware describes it; the
 * first MiB keeps its contents because nothing is ever placed in it.
 *
 * The scratch range, where Linux maps grants and other domains' memory, cannot be chosen by a
 * hypervisor on x86: Linux takes the first hole of its own search. dom0_scratch_find() repeats
 * that search over the map that Linux will see. The result is free of RAM by construction,
 * because every page of host RAM has an entry in the map. docs/dom0-memory.md.
 */
#include <dom0/layout.h>

#include <lib/log.h>
#include <lib/string.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "layout_parts.h"
#include "memmap_parts.h"

#define MIB (1UL << 20)
#define GIB (1UL << 30)
#define LOW_END MIB                 /* nothing is placed below */
#define INFO_END (1 * GIB)          /* Linux reads memmap and modlist through its first mapping */
#define POINTER_END (4 * GIB)       /* 32-bit fields for the rest */
#define LINUX_MIN (32 * MIB)        /* beside kernel and initrd; with less Linux dies silently */

static char sentence[256] init_data;

static init_text const char *amount_text(char *to, size_t size, uint64_t bytes)
{
    if (bytes % MIB == 0)
        hv_snprintf(to, size, "%luM", bytes / MIB);
    else
        hv_snprintf(to, size, "%luK", bytes / 1024);
    return to;
}

/* One of dom0_mem='s three amounts in bytes: negative ones count from what is available. */
static init_text uint64_t resolve(int64_t bytes, int percent, uint64_t available)
{
    bool minus = bytes < 0 || percent < 0;
    uint64_t size = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;
    uint64_t share = available / 100 * (uint64_t)(percent < 0 ? -percent : percent);

    size = size > UINT64_MAX - share ? UINT64_MAX : size + share;
    if (minus)
        size = size < available ? available - size : 0;
    return size;
}

init_text uint64_t dom0_mem_amount(const struct dom0_mem *mem, uint64_t available, uint64_t reserve)
{
    bool bounds_only = mem->nr == 0 && mem->nr_percent == 0 && (mem->min_given || mem->max_given);
    uint64_t want;

    if (mem->given && !bounds_only)
        want = resolve(mem->nr, mem->nr_percent, available);
    else
        want = available > reserve ? available - reserve : 0;
    if (mem->min_given)
        want = max_of(want, resolve(mem->min, mem->min_percent, available));
    if (mem->max_given)
        want = min_of(want, resolve(mem->max, mem->max_percent, available));
    if (want > available) {
        log_warn("dom0_mem= asks for %lu MiB, but only %lu MiB are free: dom0 gets those",
                 want / MIB, available / MIB);
        want = available;
    }
    return ALIGN_DOWN(want, PAGE_SIZE);
}

/* All RAM behind the first `want` bytes of it is not dom0's. */
static init_text bool cut(struct memmap *map, uint64_t want)
{
    uint64_t left = want;

    for (unsigned int i = 0; i < map->count; i++) {
        if (map->r[i].type != E820_RAM)
            continue;
        if (map->r[i].size > left)
            return memmap_retype(map, map->r[i].start + left, UINT64_MAX, E820_RAM, E820_UNUSABLE);
        left -= map->r[i].size;
    }
    return true;
}

static init_text bool take_kept(const struct dom0_layout_request *req, struct memmap *map)
{
    for (unsigned int i = 0; i < req->kept_count; i++) {
        uint64_t start = ALIGN_DOWN(req->kept[i].start, PAGE_SIZE);
        uint64_t end = ALIGN_UP(req->kept[i].start + req->kept[i].size, PAGE_SIZE);

        if (req->kept[i].size != 0 && !memmap_retype(map, start, end, E820_RAM, E820_UNUSABLE))
            return false;
    }
    return true;
}

static init_text const char *too_small(const struct dom0_layout_request *req, uint64_t want,
                                       const char *what, uint64_t need)
{
    char amount[24];

    if (req->mem.given || req->mem.max_given)
        hv_snprintf(sentence, sizeof(sentence),
                    "dom0_mem=%s is too small: %s needs RAM up to %lu MiB",
                    amount_text(amount, sizeof(amount), want), what, (need + MIB - 1) / MIB);
    else
        hv_snprintf(sentence, sizeof(sentence),
                    "this machine has too little memory: %s needs RAM up to %lu MiB and "
                    "dom0 would have %lu MiB",
                    what, (need + MIB - 1) / MIB, want / MIB);
    return sentence;
}

static init_text bool meets_busy(const struct dom0_layout_request *req, uint64_t start,
                                 uint64_t end)
{
    for (unsigned int i = 0; i < req->busy_count; i++)
        if (req->busy[i].size != 0 && start < req->busy[i].start + req->busy[i].size &&
            req->busy[i].start < end)
            return true;
    return false;
}

static init_text const char *check_kernel(const struct dom0_layout_request *req,
                                          const struct memmap *map, uint64_t want)
{
    uint64_t start = req->kernel_start, size = req->kernel_end - req->kernel_start;
    const char *why;

    if (size == 0 || req->kernel_end < start || start < LOW_END)
        return "dom0's kernel wants to be loaded below 1 MiB, which belongs to the firmware";
    if (!memmap_covers(req->host, start, size, E820_RAM))
        why = "this machine has no RAM there (by its firmware's memory map and mem=)";
    else if (meets_busy(req, start, req->kernel_end))
        why = "a boot module, or what was unpacked from it, stands there";
    else if (memmap_covers(map, start, size, E820_RAM))
        return NULL;
    else if (memmap_covers(map, start, size, E820_UNUSABLE) || map->count == 0 ||
             want < req->kernel_end - LOW_END)
        return too_small(req, want, "the kernel", req->kernel_end);
    else
        why = "the hypervisor occupies a part of it";
    hv_snprintf(sentence, sizeof(sentence), "dom0's kernel can only run at %#lx-%#lx, but %s",
                start, req->kernel_end - 1, why);
    return sentence;
}

/* Finds a page-aligned place of `size` bytes in [lo, hi) of dom0's RAM that meets nothing placed
 * before. */
static init_text uint64_t place(const struct dom0_layout_request *req, const struct dom0_layout *l,
                                uint64_t size, uint64_t lo, uint64_t hi, bool from_top)
{
    struct mem_region taken[] = {
        { l->kernel_start, l->kernel_end - l->kernel_start, 0 },
        { l->start_info, l->info_size, 0 },
        { l->initrd, l->initrd_size, 0 },
    };
    struct placement p = {
        .map = &l->map, .size = ALIGN_UP(size, PAGE_SIZE), .lo = lo, .hi = hi,
        .avoid = { { taken, ARRAY_COUNT(taken) }, { req->busy, req->busy_count } },
    };

    return from_top ? placement_highest(&p) : placement_lowest(&p);
}

static init_text uint64_t place_near_kernel(const struct dom0_layout_request *req,
                                            const struct dom0_layout *l, uint64_t size, uint64_t hi)
{
    uint64_t at = place(req, l, size, ALIGN_UP(l->kernel_end, PAGE_SIZE), hi, false);

    return at ? at : place(req, l, size, LOW_END, hi, false);
}

static init_text bool place_info(const struct dom0_layout_request *req, struct dom0_layout *l)
{
    uint64_t modlist = ALIGN_UP(sizeof(struct hvm_start_info), 16UL);
    uint64_t table = modlist + sizeof(struct hvm_modlist_entry);
    uint64_t cmdline = table + MEMMAP_MAX * sizeof(struct hvm_memmap_table_entry);
    uint64_t size = ALIGN_UP(cmdline + req->cmdline_size, PAGE_SIZE);
    uint64_t at = place_near_kernel(req, l, size, INFO_END);

    if (at == 0)
        return false;
    l->start_info = at;
    l->modlist = at + modlist;
    l->memmap_table = at + table;
    l->cmdline = at + cmdline;
    l->info_size = size;
    return true;
}

static init_text const char *place_parts(const struct dom0_layout_request *req,
                                         struct dom0_layout *l, uint64_t want)
{
    uint64_t initrd_pages = ALIGN_UP(req->initrd_size, PAGE_SIZE);

    if (!place_info(req, l))
        return too_small(req, want, "the kernel with its start information", l->kernel_end + MIB);
    if (req->initrd_size != 0) {
        l->initrd = place_near_kernel(req, l, req->initrd_size, POINTER_END);
        if (l->initrd == 0)
            return too_small(req, want, "the kernel with its initrd",
                             l->kernel_end + initrd_pages + MIB);
        l->initrd_size = req->initrd_size;
    }
    l->acpi_size = ALIGN_UP(req->acpi_size, PAGE_SIZE);
    if (l->acpi_size != 0) {
        l->acpi_start = place(req, l, l->acpi_size, LOW_END, POINTER_END, true);
        if (l->acpi_start == 0)
            return too_small(req, want, "the kernel with its ACPI tables",
                             l->kernel_end + initrd_pages + MIB);
    }
    if (memmap_total(&l->map, E820_RAM) <
        l->kernel_end - l->kernel_start + initrd_pages + LINUX_MIN)
        return too_small(req, want, "the kernel with its initrd",
                         l->kernel_end + initrd_pages + LINUX_MIN);
    return NULL;
}

static init_text const char *finish_map(const struct dom0_layout_request *req,
                                        struct dom0_layout *l)
{
    if (l->acpi_size != 0 &&
        !memmap_retype(&l->map, l->acpi_start, l->acpi_start + l->acpi_size, E820_RAM, E820_ACPI))
        return "the firmware's memory map has too many entries (128 is what Linux takes)";
    memmap_merge(&l->map);
    l->ram_bytes = memmap_total(&l->map, E820_RAM);
    l->max_bytes = l->ram_bytes + l->acpi_size;
    dom0_scratch_find(&l->map, req->phys_bits, &l->scratch_start, &l->scratch_size);
    if (l->scratch_size == 0)
        log_warn("dom0 has no free 128 MiB of addresses: it will not be able to map other domains' "
                 "memory");
    return NULL;
}

init_text const char *dom0_layout(const struct dom0_layout_request *req, struct dom0_layout *out)
{
    uint64_t available, want, max;
    const char *wrong;

    memset(out, 0, sizeof(*out));
    out->map = *req->host;
    out->kernel_start = req->kernel_start;
    out->kernel_end = req->kernel_end;
    if (!take_kept(req, &out->map))
        return "the firmware's memory map has too many entries (128 is what Linux takes)";
    available = memmap_total(&out->map, E820_RAM);
    want = dom0_mem_amount(&req->mem, available, req->reserve);
    if (!cut(&out->map, want))
        return "the firmware's memory map has too many entries (128 is what Linux takes)";
    wrong = check_kernel(req, &out->map, want);
    if (!wrong)
        wrong = place_parts(req, out, want);
    if (!wrong)
        wrong = finish_map(req, out);
    if (wrong)
        return wrong;
    if (req->mem.max_given) {
        max = ALIGN_DOWN(resolve(req->mem.max, req->mem.max_percent, available), PAGE_SIZE);
        out->max_bytes = max_of(out->max_bytes, max);
    }
    return NULL;
}
