/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own page tables: image (W^X), direct map of RAM at DIRECT_MAP_BASE (RW, NX), an area for
 * device memory, stacks with guard pages. Set up once on the boot CPU; APs share them.
 */
#ifndef X86_PAGING_H
#define X86_PAGING_H

#include <hv/types.h>

#ifdef HV_HOST
extern char *host_phys_base;        /* arena that stands for physical memory */
#define DIRECT_MAP_BASE ((uint64_t)(uintptr_t)host_phys_base)
#else
#define DIRECT_MAP_BASE 0xffff800000000000UL
#endif

/* RAM only. Callers above mm use frame_map(). */
static inline void *phys_to_virt(hpa_t a) { return (void *)(uintptr_t)(a.v + DIRECT_MAP_BASE); }
static inline hpa_t virt_to_phys_direct(const void *v) { return hpa_of((uint64_t)(uintptr_t)v - DIRECT_MAP_BASE); }
hpa_t virt_to_phys(const void *v);          /* direct map or image */

enum map_cache { MAP_WB, MAP_UC, MAP_WC };
/* Maps device memory (never unmapped by most users). NULL when the area is exhausted. */
void *map_device(hpa_t a, size_t size, enum map_cache cache);
void unmap_device(void *v, size_t size);
/* A kernel stack of pages pages below which an unmapped guard page lies; returns its top, or NULL. */
void *map_stack(unsigned int pages);

#endif
