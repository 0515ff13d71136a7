/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel images: bzImage (boot protocol >= 2.08) or plain ELF64, payload compressed with gzip, XZ, LZ4 or ZSTD; ELF notes (PHYS32_ENTRY).
 * Pure: works over memory given; every error is a sentence for the admin. Each length and offset of the file is checked.
 */
#ifndef DOM0_IMAGE_H
#define DOM0_IMAGE_H

#include <hv/types.h>

struct kernel_image {
    const uint8_t *elf; size_t elf_size;      /* decompressed or original */
    uint64_t load_start, load_end;            /* guest-physical span of PT_LOADs incl. bss */
    uint32_t phys32_entry;
    bool has_phys32_entry;
    const char *format;                       /* "bzImage, XZ" ... for the log */
};
/* Allocates the output of the decompressor and its work space; never freed individually (boot arena). */
struct image_memory { void *(*alloc)(void *ctx, size_t size); void *ctx; };
/* NULL: good; else what is wrong with the kernel and what to do. */
const char *image_parse(const void *file, size_t size, const struct image_memory *mem, struct kernel_image *out) must_check;
/* Copies the PT_LOADs by physical address, zeroes the rest of memsz. to(pa,size) gives writable guest memory or NULL. */
const char *image_load(const struct kernel_image *k, void *(*to)(void *ctx, uint64_t pa, size_t size), void *ctx) must_check;

#endif
