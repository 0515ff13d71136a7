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

/* Boot CPU, once: builds the final tables and switches to them. ram: what the direct map shall cover.
 * page(): zeroed page frames for tables and stacks, now and (map_device, map_stack) later. */
struct paging_range { uint64_t start, end; };
struct paging_request { const struct paging_range *ram; unsigned int ram_count; hpa_t (*page)(void); };
void paging_init(const struct paging_request *req);
void paging_set_image(uint64_t phys);       /* before anything else: where the loader put the image */
/* Later page source, e.g. the heap's; pages must lie in the direct map. */
void paging_set_page_source(hpa_t (*page)(void));
bool paging_is_direct_mapped(hpa_t a, uint64_t size);
/* Root of the final tables (CR3 of every CPU). */
hpa_t paging_root(void);
/* Root of the boot's tables, below 4 GiB: identity of the first 4 GiB, executable, beside image and direct map.
 * For a CPU on its way from real mode; it changes to paging_root() as soon as it runs at its image address. */
hpa_t paging_early_root(void);
/* Boot is over: .init sections vanish from the page tables; returns their physical range, now unused. ro_after_init becomes
 * read-only. Call once all CPUs are up. */
struct paging_range paging_seal(void);

enum map_cache { MAP_WB, MAP_UC, MAP_WC };
/*
 * A second root for foreign code (firmware) that must stand at its physical addresses: the lower half is what
 * paging_map_identity() puts there, the upper half is ours. Entered and left on one CPU at a time, by whoever made it.
 * No page: 0.
 */
hpa_t paging_second_root(void);
bool paging_map_identity(hpa_t second, struct paging_range r, bool executable, enum map_cache cache);
void paging_enter_second_root(hpa_t second);
void paging_leave_second_root(void);
/* Maps device memory (never unmapped by most users). NULL when the area is exhausted. */
void *map_device(hpa_t a, size_t size, enum map_cache cache);
void unmap_device(void *v, size_t size);
/* A kernel stack of pages pages below which an unmapped guard page lies; returns its top, or NULL. */
void *map_stack(unsigned int pages);

#endif
