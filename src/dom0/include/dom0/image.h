/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel images for dom0: bzImage (boot protocol 2.08 or later) or plain ELF64; a bzImage's
 * payload may be compressed with gzip, XZ, LZ4 or ZSTD. The entry point comes from the ELF note
 * XEN_ELFNOTE_PHYS32_ENTRY (xen/elfnote.h).
 *
 * Only boot code calls this, on one CPU, before any domain exists (the decoders' code is given
 * back afterwards); no locks. Pure over the memory it is given: it never writes to the file, and
 * every length and offset of the file is checked, so that a truncated or damaged kernel ends in a
 * sentence for the admin, never in a fault.
 *
 * Sources: the Linux x86 boot protocol's setup header, the ELF64 object format, the .xz, gzip,
 * LZ4 and Zstandard formats.
 */
#ifndef DOM0_IMAGE_H
#define DOM0_IMAGE_H

#include <hv/compiler.h>
#include <hv/types.h>

#define IMAGE_SEGMENTS_MAX 16U

struct kernel_segment { uint64_t offset, file_size, address, mem_size; };

struct kernel_image {
    const uint8_t *elf;                  /* decompressed or original */
    size_t elf_size;
    uint64_t load_start, load_end;       /* guest-physical span of PT_LOADs incl. bss */
    uint32_t phys32_entry;
    bool has_phys32_entry;               /* always, when image_parse() found nothing wrong */
    const char *format;                  /* "bzImage, XZ" ... for the log */
    unsigned int segment_count;          /* disjoint, all inside the file and below 4 GiB: */
    struct kernel_segment segment[IMAGE_SEGMENTS_MAX];
};
/*
 * Where the decoder's output and its work space come from; nothing is ever freed individually (a
 * boot arena). Memory need not be zeroed; it must be aligned to 16 bytes. What Debian 12's kernel
 * takes: 66 MB output, then 33 MB of work space.
 */
struct image_memory {
    void *(*alloc)(void *ctx, size_t size);
    void *ctx;
};
/* NULL: good; else what is wrong with the kernel and what to do. */
const char *image_parse(const void *file, size_t size, const struct image_memory *mem,
                        struct kernel_image *out) must_check;
/*
 * Copies the PT_LOADs by physical address and zeroes the rest of their memory. to(pa, size) gives
 * writable guest memory or NULL. Nothing is written before every segment has its memory.
 */
const char *image_load(const struct kernel_image *k,
                       void *(*to)(void *ctx, uint64_t pa, size_t size), void *ctx) must_check;

#endif
