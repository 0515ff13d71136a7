/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dom0's physical address space, computed before anything is written: from the host's memory map, dom0_mem= and what
 * the hypervisor occupies. gfn == mfn for every RAM page. Pure.
 */
#ifndef DOM0_LAYOUT_H
#define DOM0_LAYOUT_H

#include <hv/types.h>

#define E820_RAM 1U
#define E820_RESERVED 2U
#define E820_ACPI 3U
#define E820_NVS 4U
#define E820_UNUSABLE 5U
#define MEMMAP_MAX 128U

struct mem_region { uint64_t start, size; uint32_t type; };
struct memmap { unsigned int count; struct mem_region r[MEMMAP_MAX]; };
/* Sorts, drops empty, resolves overlaps (the most restrictive type wins), merges, aligns RAM inwards. */
void memmap_normalise(struct memmap *m);
uint64_t memmap_total(const struct memmap *m, uint32_t type);

struct dom0_mem { bool given; bool min_given, max_given; int64_t nr, min, max; /* bytes; negative: all but that much */ };

struct dom0_layout {
    struct memmap map;            /* what dom0 is told */
    uint64_t ram_bytes;           /* RAM given */
    uint64_t kernel_start, kernel_end;
    uint64_t initrd, initrd_size;
    uint64_t start_info, modlist, memmap_table, cmdline;   /* guest-physical, below 1 GiB */
    uint64_t acpi_start, acpi_size;  /* pages stolen for RSDP/XSDT/MADT, E820_ACPI */
    uint64_t scratch_start, scratch_size;  /* where Linux will put foreign and grant mappings (documented in docs/architecture.md) */
};
struct dom0_layout_request {
    const struct memmap *host;         /* normalised */
    const struct mem_region *kept; unsigned int kept_count;   /* RAM the hypervisor keeps (image, heap ...) */
    struct dom0_mem mem;
    uint64_t kernel_start, kernel_end;
    uint64_t initrd_size, cmdline_size, acpi_size;
    uint64_t reserve;                  /* RAM to leave with the hypervisor when dom0_mem= says nothing */
};
/* NULL or a sentence ("dom0_mem=16M is too small: the kernel needs ..."). */
const char *dom0_layout(const struct dom0_layout_request *req, struct dom0_layout *out) must_check;

#endif
