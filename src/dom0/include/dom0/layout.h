/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's physical address space, computed before anything is written: from the host's memory map,
 * dom0_mem= and what the hypervisor occupies. gfn == mfn for every RAM page. Also the arithmetic
 * of memory maps that booting needs.
 *
 * Only boot code calls this, on one CPU; no locks. Nothing here touches the memory that it speaks
 * of. A sentence that is returned stays valid until the next call. docs/dom0-memory.md tells the
 * rules and why they are so.
 */
#ifndef DOM0_LAYOUT_H
#define DOM0_LAYOUT_H

#include <hv/compiler.h>
#include <hv/types.h>

#define E820_RAM 1U
#define E820_RESERVED 2U
#define E820_ACPI 3U
#define E820_NVS 4U
#define E820_UNUSABLE 5U
#define MEMMAP_MAX 128U

struct mem_region { uint64_t start, size; uint32_t type; };
struct memmap { unsigned int count; struct mem_region r[MEMMAP_MAX]; };
/*
 * Sorts, drops empty, resolves overlaps (the most restrictive type wins: RAM < ACPI < NVS <
 * reserved < unusable; unknown types become reserved), merges, aligns RAM inwards to pages. Should
 * more than MEMMAP_MAX regions come out, the smallest RAM regions are dropped.
 */
void memmap_normalise(struct memmap *m);
uint64_t memmap_total(const struct memmap *m, uint32_t type);
/* Whether all of [start, start + size) has this type; m is normalised. */
bool memmap_covers(const struct memmap *m, uint64_t start, uint64_t size,
                   uint32_t type) must_check;

/*
 * dom0_mem=. Each of the three is bytes plus a percentage of the RAM that is available; negative
 * (both): all but that. min: and max: without an amount (0) bound what dom0 gets by default.
 */
struct dom0_mem {
    bool given, min_given, max_given;
    int64_t nr, min, max;
    int8_t nr_percent, min_percent, max_percent;
};

struct dom0_layout {
    struct memmap map;                     /* what dom0 is told */
    uint64_t ram_bytes;                    /* RAM given, without the ACPI pages */
    uint64_t max_bytes;                    /* dom0_mem=max:, else ram_bytes + acpi_size */
    uint64_t kernel_start, kernel_end;
    uint64_t initrd, initrd_size;
    /* Guest-physical, below 1 GiB, in this order in one block of info_size bytes. */
    uint64_t start_info, modlist, memmap_table, cmdline;
    uint64_t info_size;
    uint64_t acpi_start, acpi_size;        /* pages for RSDP/XSDT/MADT, E820_ACPI */
    uint64_t scratch_start, scratch_size;  /* where Linux will put foreign and grant mappings */
};
struct dom0_layout_request {
    const struct memmap *host;             /* normalised */
    /*
     * RAM the hypervisor keeps (image, heap ...): dom0 is told that it is unusable. Any order, may
     * overlap.
     */
    const struct mem_region *kept;
    unsigned int kept_count;
    /*
     * RAM that dom0 may have, but in which nothing may be placed while it is built: the boot
     * modules, the decompressor's memory. May be NULL, 0.
     */
    const struct mem_region *busy;
    unsigned int busy_count;
    struct dom0_mem mem;
    uint64_t kernel_start, kernel_end;
    uint64_t initrd_size, cmdline_size, acpi_size;
    uint64_t reserve;                      /* RAM to leave when dom0_mem= gives no amount */
    unsigned int phys_bits;                /* dom0's CPUID 0x80000008 EAX[7:0]; 0: 36 */
};
/* NULL or a sentence ("dom0_mem=16M is too small: the kernel needs ..."). */
const char *dom0_layout(const struct dom0_layout_request *req,
                        struct dom0_layout *out) must_check;

#endif
