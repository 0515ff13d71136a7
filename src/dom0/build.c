/* SPDX-License-Identifier: BSD-2-Clause */
/* From boot modules to a dom0 that only needs its CPU state: EIP = entry, EBX = start_info. */
#include <dom0/build.h>

#include <lib/log.h>
#include <lib/string.h>
#include <xen/arch-x86/hvm/start_info.h>

#define CMDLINE_MAX 2048U    /* what Linux reads, zero included */
#define NOT_DOM0S "a part of dom0 lies outside of dom0's RAM (this is an error of Tenon's)"

_Static_assert(sizeof(struct hvm_start_info) == 56, "start_info version 1");

#define BUSY_MAX 16U

static struct kernel_image image init_data;
static struct dom0_layout_request plan init_data;
static struct mem_region busy[BUSY_MAX] init_data;

static init_text const char *check_request(const struct dom0_build_request *req)
{
    if (!req->kernel)
        return "no dom0 kernel: the boot entry needs a module2 line with a kernel";
    if (strnlen(req->cmdline, CMDLINE_MAX) == CMDLINE_MAX)
        return "dom0's command line is too long: Linux takes 2047 characters";
    if (req->vcpus == 0 || req->vcpus > MAX_CPUS)
        return "dom0_max_vcpus= is out of range";
    return NULL;
}

/* Adds what is still to be read to what nothing may be written over. */
static init_text const char *guard_sources(const struct dom0_build_request *req)
{
    unsigned int n = plan.busy_count;

    if (!req->pa_of)
        return NULL;
    if (n > BUSY_MAX - 2)
        return "too many boot modules for dom0";
    if (n > 0)
        memcpy(busy, plan.busy, n * sizeof(busy[0]));
    busy[n++] = (struct mem_region){ req->pa_of(req->ctx, image.elf), image.elf_size, 0 };
    if (plan.initrd_size != 0)
        busy[n++] = (struct mem_region){ req->pa_of(req->ctx, req->initrd), plan.initrd_size, 0 };
    plan.busy = busy;
    plan.busy_count = n;
    return NULL;
}

static init_text void *at(const struct dom0_build_request *req, uint64_t pa, size_t size)
{
    return req->guest(req->ctx, pa, size);
}

static init_text void write_memmap(const struct memmap *map, struct hvm_memmap_table_entry *table)
{
    for (unsigned int i = 0; i < map->count; i++)
        table[i] = (struct hvm_memmap_table_entry){
            .addr = map->r[i].start, .size = map->r[i].size, .type = map->r[i].type,
        };
}

static init_text const char *write_info(const struct dom0_build_request *req,
                                        const struct dom0_layout *l)
{
    uint8_t *block = at(req, l->start_info, l->info_size);
    struct hvm_start_info *si;
    struct hvm_modlist_entry *mod;

    if (!block)
        return NOT_DOM0S;
    memset(block, 0, l->info_size);
    si = (struct hvm_start_info *)(void *)block;
    mod = (struct hvm_modlist_entry *)(void *)(block + (l->modlist - l->start_info));
    *si = (struct hvm_start_info){
        .magic = XEN_HVM_START_MAGIC_VALUE, .version = 1, .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
        .cmdline_paddr = l->cmdline, .rsdp_paddr = l->acpi_start,
        .memmap_paddr = l->memmap_table, .memmap_entries = l->map.count,
    };
    if (l->initrd_size != 0) {
        si->nr_modules = 1;
        si->modlist_paddr = l->modlist;
        mod->paddr = l->initrd;
        mod->size = l->initrd_size;
    }
    write_memmap(&l->map, (void *)(block + (l->memmap_table - l->start_info)));
    memcpy(block + (l->cmdline - l->start_info), req->cmdline, strlen(req->cmdline) + 1);
    return NULL;
}

static init_text const char *write_initrd(const struct dom0_build_request *req,
                                          const struct dom0_layout *l)
{
    size_t pages = ALIGN_UP(l->initrd_size, PAGE_SIZE);
    uint8_t *to;

    if (l->initrd_size == 0)
        return NULL;
    to = at(req, l->initrd, pages);
    if (!to)
        return NOT_DOM0S;
    memcpy(to, req->initrd, l->initrd_size);
    memset(to + l->initrd_size, 0, pages - l->initrd_size);
    return NULL;
}

static init_text const char *write_acpi(const struct dom0_build_request *req,
                                        const struct dom0_layout *l)
{
    void *to = at(req, l->acpi_start, l->acpi_size);
    size_t used;

    if (!to)
        return NOT_DOM0S;
    memset(to, 0, l->acpi_size);
    used = dom0_acpi_build(req->acpi, req->acpi_memory, req->vcpus, l->acpi_start, to,
                           l->acpi_size);
    if (used == 0)
        return "dom0's ACPI tables do not fit into their pages (this is an error of Tenon's)";
    return NULL;
}

static init_text void report(const struct dom0_build_result *r)
{
    const struct dom0_layout *l = &r->layout;

    log_info("dom0 kernel: %s, %#lx-%#lx, PVH entry %#x", r->kernel_format, l->kernel_start,
             l->kernel_end - 1, r->entry);
    log_info("dom0 memory: %lu KiB of RAM; start info %#lx, ACPI tables %#lx", l->ram_bytes / 1024,
             l->start_info, l->acpi_start);
    if (l->initrd_size != 0)
        log_info("dom0 initrd: %#lx-%#lx", l->initrd, l->initrd + l->initrd_size - 1);
    for (unsigned int i = 0; i < l->map.count; i++)
        log_debug("dom0 map: %#018lx-%#018lx type %u", l->map.r[i].start,
                  l->map.r[i].start + l->map.r[i].size - 1, l->map.r[i].type);
    if (l->scratch_size != 0)
        log_info("dom0 maps other domains' memory from %#lx on", l->scratch_start);
}

init_text const char *dom0_build(const struct dom0_build_request *req,
                                 struct dom0_build_result *out)
{
    const char *wrong;

    memset(out, 0, sizeof(*out));
    wrong = check_request(req);
    if (!wrong)
        wrong = image_parse(req->kernel, req->kernel_size, &req->scratch, &image);
    if (wrong)
        return wrong;
    plan = req->layout;
    plan.kernel_start = ALIGN_DOWN(image.load_start, PAGE_SIZE);
    plan.kernel_end = ALIGN_UP(image.load_end, PAGE_SIZE);
    plan.initrd_size = req->initrd ? req->initrd_size : 0;
    plan.cmdline_size = strlen(req->cmdline) + 1;
    plan.acpi_size = dom0_acpi_size(req->acpi, req->vcpus);
    wrong = guard_sources(req);
    if (!wrong)
        wrong = dom0_layout(&plan, &out->layout);
    if (!wrong)
        wrong = image_load(&image, req->guest, req->ctx);
    if (!wrong)
        wrong = write_initrd(req, &out->layout);
    if (!wrong)
        wrong = write_acpi(req, &out->layout);
    if (!wrong)
        wrong = write_info(req, &out->layout);
    if (wrong)
        return wrong;
    out->entry = image.phys32_entry;
    out->start_info = (uint32_t)out->layout.start_info;
    out->kernel_format = image.format;
    report(out);
    return NULL;
}
