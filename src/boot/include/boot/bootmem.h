/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory before there is an allocator: handed out downwards from the top of RAM, since dom0's RAM is
 * identity mapped and begins at 0. What was handed out is never given back, and is part of
 * bootmem_kept(). Boot CPU only.
 */
#ifndef BOOT_BOOTMEM_H
#define BOOT_BOOTMEM_H

#include <boot/bootinfo.h>
#include <dom0/layout.h>

#define BOOTMEM_MAX_KEPT 64U

/* Learns the machine's memory. mem_limit: mem=, RAM above it is not used; 0: all. NULL or a sentence. */
const char *bootmem_init(const struct bootinfo *info, uint64_t mem_limit, uint64_t image_start,
                         uint64_t image_end) must_check;
/* RAM must stay as it is: the image, boot modules. */
void bootmem_reserve(uint64_t start, uint64_t end);
/* Zeroed if zero; align is a power of two, at least a page. 0: none left below `below`. */
uint64_t bootmem_alloc(uint64_t size, uint64_t align, uint64_t below, bool zero);

const struct memmap *bootmem_map(void);      /* normalised */
uint64_t bootmem_ram_end(void);              /* end of the highest RAM */
/* What Tenon holds: its image and everything from bootmem_alloc(). Modules are not among them. */
unsigned int bootmem_kept(const struct mem_region **kept);

#endif
