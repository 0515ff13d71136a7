/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From boot modules to a runnable dom0: memory layout, images, the domain and its vCPUs. Everything that can be wrong
 * with the input is found before the domain exists and ends in a sentence.
 */
#include <boot/start_dom0.h>

#include <dom0/build.h>
#include <domain/domain.h>
#include <hv/assert.h>
#include <hv/errno.h>
#include <lib/bitmap.h>
#include <lib/log.h>
#include <lib/string.h>
#include <mm/frames.h>
#include <mm/heap.h>
#include <x86/cpu.h>
#include <x86/efi.h>
#include <x86/irq.h>
#include <x86/paging.h>
#include <x86/smp.h>
#include <x86/time.h>

#include "boot.h"

#define SCRATCH_FLOOR (96UL << 20)        /* above where a kernel is linked to run */
#define SCRATCH_LIMIT (4UL << 30)
#define RESERVE_FIXED (16UL << 20)        /* RAM kept when dom0_mem= says nothing: this plus 1/256 */
#define RESERVE_SHIFT 8
#define CPUID7_EDX_ARCH_CAPS (1U << 29)
#define MSR_ARCH_CAPABILITIES 0x10aU
#define LOW_MEMORY (1UL << 20)
#define DOM0_CMDLINE_MAX 2048U
#define MSI_WINDOW_FIRST 0xfee00UL
#define MSI_WINDOW_LAST 0xfeeffUL
#define HPET_GFN(a) ((a).v >> PAGE_SHIFT)

static void *guest_ram(void *ctx unused_arg, uint64_t pa, size_t size unused_arg)
{
    return phys_to_virt(hpa_of(pa));
}

static uint64_t ram_address(void *ctx unused_arg, const void *p)
{
    return virt_to_phys_direct(p).v;
}

/* ---- memory that is only needed until dom0 is built ---- */

/*
 * Handed out downwards from the top of the largest stretch of RAM, over pages that dom0 or the frame allocator will
 * have later. Never reaches into the hypervisor's own memory or a boot module.
 */
struct scratch { uint64_t floor, top; const struct start_dom0_input *in; };

static bool overlaps(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    return a < b_end && b < a_end;
}

/* Where [start, end) hits something that must stay: the start of that, else 0. */
static uint64_t scratch_obstacle(const struct start_dom0_input *in, uint64_t start, uint64_t end)
{
    for (unsigned int i = 0; i < in->kept_count; i++)
        if (overlaps(start, end, in->kept[i].start, in->kept[i].start + in->kept[i].size))
            return in->kept[i].start;
    for (unsigned int i = 0; i < in->boot->module_count; i++)
        if (overlaps(start, end, in->boot->module[i].start, in->boot->module[i].end))
            return in->boot->module[i].start;
    return 0;
}

static void scratch_init(struct scratch *s, const struct start_dom0_input *in)
{
    const struct mem_region *best = NULL;

    for (unsigned int i = 0; i < in->host_map->count; i++) {
        const struct mem_region *r = &in->host_map->r[i];

        if (r->type == E820_RAM && r->start < SCRATCH_LIMIT && (!best || r->size > best->size))
            best = r;
    }
    *s = (struct scratch){ .in = in };
    if (best) {
        s->floor = max_of(best->start, SCRATCH_FLOOR);
        s->top = min_of(best->start + best->size, SCRATCH_LIMIT);
    }
}

static void *scratch_alloc(void *ctx, size_t size)
{
    struct scratch *s = ctx;
    uint64_t end = s->top, start, hit;

    for (;;) {
        if (end < s->floor || end - s->floor < size)
            return NULL;
        start = ALIGN_DOWN(end - size, PAGE_SIZE);
        if (start < s->floor)
            return NULL;
        hit = scratch_obstacle(s->in, start, end);
        if (!hit)
            break;
        end = ALIGN_DOWN(hit, PAGE_SIZE);
    }
    s->top = start;
    return phys_to_virt(hpa_of(start));
}

/* A module may lie where dom0's kernel will be loaded: it is used from a copy that cannot be in the way. */
static const char *module_copy(struct scratch *s, const struct boot_module *m, const void **out, size_t *size)
{
    void *to;

    *size = m->end - m->start;
    to = scratch_alloc(s, *size);
    if (!to)
        return "There is not enough RAM to unpack dom0's kernel and initrd.";
    memcpy(to, phys_to_virt(hpa_of(m->start)), *size);
    *out = to;
    return NULL;
}

static unsigned int dom0_vcpu_count(const struct cmdline *c)
{
    unsigned int n = cpu_count();

    if (c->dom0_max_vcpus_max && n > c->dom0_max_vcpus_max)
        n = c->dom0_max_vcpus_max;
    if (n < c->dom0_max_vcpus_min)
        n = c->dom0_max_vcpus_min;
    return min_of(n, DOMAIN_MAX_VCPUS);
}

/* Without an IOMMU every DMA of dom0 has to go through memory that is identity mapped. */
static void make_cmdline(char *to, size_t size, const char *given, const struct acpi_info *acpi unused_arg)
{
    hv_snprintf(to, size, "%s%s", given, strstr(given, "swiotlb=") ? "" : " swiotlb=force");
}

static const char *build_image(const struct start_dom0_input *in, unsigned int vcpus,
                               struct dom0_build_result *out)
{
    static char cmdline[DOM0_CMDLINE_MAX];
    const struct bootinfo *b = in->boot;
    struct dom0_build_request req = { .vcpus = vcpus };
    struct scratch scratch;
    const char *error;

    if (b->module_count == 0)
        return "No dom0 kernel: the boot loader passed no module. Add a module2 line with a Linux kernel.";
    make_cmdline(cmdline, sizeof(cmdline), b->module[0].cmdline, in->acpi);
    scratch_init(&scratch, in);
    error = module_copy(&scratch, &b->module[0], &req.kernel, &req.kernel_size);
    if (!error && b->module_count > 1)
        error = module_copy(&scratch, &b->module[1], &req.initrd, &req.initrd_size);
    if (error)
        return error;
    req.cmdline = cmdline;
    req.layout.host = in->host_map;
    req.layout.kept = in->kept;
    req.layout.kept_count = in->kept_count;
    req.layout.mem = in->options->dom0_mem;
    req.layout.reserve = RESERVE_FIXED + (memmap_total(in->host_map, E820_RAM) >> RESERVE_SHIFT);
    req.acpi = in->acpi;
    req.acpi_memory = in->acpi_memory;
    req.scratch = (struct image_memory){ scratch_alloc, &scratch };
    req.guest = guest_ram;
    req.pa_of = ram_address;
    req.layout.phys_bits = cpu_cpuid(0x80000008U, 0).eax & 0xff;
    return dom0_build(&req, out);
}

/* dom0's RAM stands in its map where it stands in the machine, in the largest pages that fit. */
static int map_ram(struct domain *d, const struct memmap *map)
{
    const struct slat_entry like = { .type = P2M_RAM_RW, .rwx = SLAT_R | SLAT_W | SLAT_X, .memtype = SLAT_WB,
                                    .ignore_pat = true };

    for (unsigned int i = 0; i < map->count; i++) {
        const struct mem_region *r = &map->r[i];
        uint64_t first = r->start >> PAGE_SHIFT, count = r->size >> PAGE_SHIFT, done;
        int rc;

        if (r->type != E820_RAM && r->type != E820_ACPI)
            continue;
        if (r->type == E820_ACPI && !frame_of(mfn_of(first)))
            continue; /* the firmware's own tables: device memory to us */
        frames_assign_identity((struct mem_range){ r->start, r->start + (count << PAGE_SHIFT) }, d->id);
        spin_lock(&d->p2m.lock);
        rc = slat_map_range(&d->p2m.slat, gfn_of(first), mfn_of(first), count, &like, &done);
        if (first + count - 1 > d->p2m.max_gfn)
            d->p2m.max_gfn = first + count - 1;
        spin_unlock(&d->p2m.lock);
        if (rc != 0)
            return rc;
        d->tot_pages += count;
    }
    d->max_pages = d->tot_pages;
    return 0;
}

/* RAM that is neither dom0's nor in use already: what guests will be made of. */
static void give_rest(const struct start_dom0_input *in, const struct memmap *dom0)
{
    static struct memmap rest;

    rest = *in->host_map;
    for (unsigned int i = 0; i < in->kept_count && rest.count < MEMMAP_MAX; i++) {
        rest.r[rest.count] = in->kept[i];
        rest.r[rest.count++].type = E820_RESERVED;
    }
    for (unsigned int i = 0; i < dom0->count && rest.count < MEMMAP_MAX; i++) {
        if (dom0->r[i].type == E820_UNUSABLE)
            continue;
        rest.r[rest.count] = dom0->r[i];
        rest.r[rest.count++].type = E820_RESERVED;
    }
    memmap_normalise(&rest);
    for (unsigned int i = 0; i < rest.count; i++)
        if (rest.r[i].type == E820_RAM && rest.r[i].start >= LOW_MEMORY)
            frames_add_free((struct mem_range){ rest.r[i].start, rest.r[i].start + rest.r[i].size });
}

static int deny_range(uint64_t start, uint64_t size)
{
    return size == 0 ? 0 : dom0_deny_mmio(gfn_of(start >> PAGE_SHIFT), gfn_of((start + size - 1) >> PAGE_SHIFT));
}

/* What is no device, though the frame table does not know it as RAM: our image and tables, and the code that
 * the firmware runs in our name. */
static int deny_our_memory(const struct start_dom0_input *in)
{
    const struct efi_machine *efi = efi_host();
    int rc = 0;

    for (unsigned int i = 0; rc == 0 && i < in->kept_count; i++)
        rc = deny_range(in->kept[i].start, in->kept[i].size);
    for (unsigned int i = 0; rc == 0 && i < efi->region_count; i++)
        if ((efi->region[i].attributes & EFI_ATTR_RUNTIME) && efi->region[i].type == EFI_RUNTIME_CODE)
            rc = deny_range(efi->region[i].start, efi->region[i].size);
    return rc;
}

static int deny_our_devices(const struct acpi_info *acpi)
{
    int rc = dom0_deny_mmio(gfn_of(MSI_WINDOW_FIRST), gfn_of(MSI_WINDOW_LAST));

    for (unsigned int i = 0; rc == 0 && i < acpi->ioapic_count; i++)
        rc = dom0_deny_mmio(gfn_of(acpi->ioapic[i].address >> PAGE_SHIFT),
                            gfn_of(acpi->ioapic[i].address >> PAGE_SHIFT));
    if (rc == 0 && acpi->hpet.v)
        rc = dom0_deny_mmio(gfn_of(HPET_GFN(acpi->hpet)), gfn_of(HPET_GFN(acpi->hpet)));
    return rc;
}

static int make_ioapics(struct domain *d)
{
    for (unsigned int i = 0; i < irq_ioapic_count(); i++) {
        const struct irq_ioapic *host = irq_ioapic(i);
        struct vioapic *io = heap_new(struct vioapic);

        if (!io)
            return -ENOMEM;
        vioapic_init(io, host->address.v, host->gsi_base, host->pins, host->id);
        d->vioapic[d->vioapic_count++] = io;
    }
    return 0;
}

static struct cpuid_leaf host_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r = cpu_cpuid(leaf, subleaf);

    return (struct cpuid_leaf){ r.eax, r.ebx, r.ecx, r.edx };
}

/* What the host's CPUID offers, less the instructions that this machine's VMX does not let a guest have. */
static void make_cpuid(struct domain *d, const struct cmdline *options)
{
    uint64_t caps;

    for (unsigned int i = 0; i < CMDLINE_CPUID_WORDS * 32; i++)
        if (options->cpuid_hidden[i / 32] & (1U << (i % 32)))
            cpuid_policy_hide_always(i);
    cpuid_policy_init(&d->cpuid, CPUID_DOM0, host_cpuid);
    if (!hw_features.xsaves)
        cpuid_policy_hide(&d->cpuid, XEN_X86_FEATURE_XSAVES);
    if (!hw_features.invpcid)
        cpuid_policy_hide(&d->cpuid, XEN_X86_FEATURE_INVPCID);
    if (!hw_features.rdtscp)
        cpuid_policy_hide(&d->cpuid, XEN_X86_FEATURE_RDTSCP);
    if ((cpu_cpuid(7, 0).edx & CPUID7_EDX_ARCH_CAPS) && cpu_rdmsr_safe(MSR_ARCH_CAPABILITIES, &caps))
        cpuid_policy_set_arch_caps(&d->cpuid, CPUID_DOM0, caps);
}

static int fill_domain(struct domain *d, const struct start_dom0_input *in, const struct dom0_layout *l)
{
    int rc = map_ram(d, &l->map);

    if (rc == 0)
        rc = deny_our_devices(in->acpi);
    if (rc == 0)
        rc = deny_our_memory(in);
    if (rc == 0)
        rc = make_ioapics(d);
    if (rc == 0)
        rc = dom0_make_devices(d, in->acpi, in->host_map);
    if (rc != 0)
        return rc;
    for (unsigned int i = 0; i < l->map.count && i < ARRAY_COUNT(d->e820); i++) {
        d->e820[i].start = l->map.r[i].start;
        d->e820[i].size = l->map.r[i].size;
        d->e820[i].type = l->map.r[i].type;
        d->e820_count = i + 1;
    }
    make_cpuid(d, in->options);
    d->no_apicv = in->options->no_apicv;
    d->run_limit = in->options->run_limit_us * time_tsc_khz() / 1000;
    dom0_irq_init();
    domain_update_wallclock(d);
    return domain_add_vcpus(d, d->max_vcpus);
}

static void pin_vcpus(struct domain *d)
{
    for (uint32_t i = 0; i < d->max_vcpus; i++) {
        struct cpumask one = { { 0 } };

        bit_set(one.bits, i % cpu_count());
        if (sched_set_affinity(&d->vcpu[i]->sched, &one, NULL) != 0)
            log_warn("dom0_vcpus_pin: cannot pin vCPU %u", i);
    }
}

const char *start_dom0(const struct start_dom0_input *in)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_evtchn_port = (uint32_t)-1,
        .max_grant_frames = -1,
        .max_maptrack_frames = -1,
        .max_vcpus = dom0_vcpu_count(in->options),
        .arch.emulation_flags = XEN_X86_EMU_LAPIC | XEN_X86_EMU_IOAPIC | XEN_X86_EMU_VPCI,
    };
    static struct dom0_build_result built;
    const char *error = build_image(in, config.max_vcpus, &built);
    struct domain *d;
    int rc;

    if (error)
        return error;
    give_rest(in, &built.layout.map);
    rc = domain_create(0, &config, &d);
    if (rc == 0)
        rc = fill_domain(d, in, &built.layout);
    if (rc != 0) {
        log_err("dom0: error %d while it was put together", rc);
        return "Tenon ran out of memory while it made dom0. Give dom0 less with dom0_mem=.";
    }
    if (in->options->dom0_vcpus_pin)
        pin_vcpus(d);
    log_info("dom0: %s kernel, %u vCPUs, %llu MiB, entry %#x", built.kernel_format, d->max_vcpus,
             (unsigned long long)(built.layout.ram_bytes >> 20), built.entry);
    d->vcpu[0]->initialised = true;
    d->vcpu[0]->pvh_entry = built.entry;
    d->vcpu[0]->pvh_start_info = built.start_info;
    vcpu_online(d->vcpu[0]);
    return domain_unpause(d) == 0 ? NULL : "dom0 cannot be started";
}
