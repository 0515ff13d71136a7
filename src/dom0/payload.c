/* SPDX-License-Identifier: BSD-2-Clause */
/* Which decoder a bzImage's payload wants, and how much comes out of it. */
#include "image_parts.h"

#include <lib/string.h>

/* No 64-bit kernel is larger: it is linked into the 1 GiB below the end of addresses. */
#define KERNEL_MAX (1U << 30)
#define TENON_READS ": Tenon reads XZ, gzip, LZ4 and ZSTD (CONFIG_KERNEL_XZ=y ...)"

typedef const char *unpack_fn(struct bytes in, uint8_t *out, size_t out_size,
                              const struct image_memory *mem);

struct packing {
    uint8_t magic_size, magic[6];
    unpack_fn *unpack;          /* NULL: known, but not decoded */
    const char *text;           /* format, or what is wrong */
};

static const struct packing packings[] = {
    { 6, { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, unpack_xz, "bzImage, XZ" },
    { 3, { 0x1f, 0x8b, 0x08 }, unpack_gzip, "bzImage, gzip" },
    { 4, { 0x02, 0x21, 0x4c, 0x18 }, unpack_lz4, "bzImage, LZ4" },
    { 4, { 0x28, 0xb5, 0x2f, 0xfd }, unpack_zstd, "bzImage, ZSTD" },
    { 3, { 'B', 'Z', 'h' }, NULL, "dom0's kernel is compressed with bzip2" TENON_READS },
    { 3, { 0x5d, 0x00, 0x00 }, NULL, "dom0's kernel is compressed with LZMA" TENON_READS },
    { 4, { 0x89, 'L', 'Z', 'O' }, NULL, "dom0's kernel is compressed with LZO" TENON_READS },
};

static init_text const struct packing *recognise(struct bytes payload)
{
    for (size_t i = 0; i < ARRAY_COUNT(packings); i++)
        if (payload.size >= packings[i].magic_size &&
            memcmp(payload.at, packings[i].magic, packings[i].magic_size) == 0)
            return &packings[i];
    return NULL;
}

init_text const char *payload_unpack(struct bytes payload, const struct image_memory *mem,
                                     struct bytes *elf, const char **format)
{
    const struct packing *packing;
    size_t size;
    uint8_t *out;

    if (payload.size >= 4 && memcmp(payload.at, "\177ELF", 4) == 0) {
        *elf = payload;
        *format = "bzImage, not compressed";
        return NULL;
    }
    packing = recognise(payload);
    if (!packing)
        return "dom0's kernel has a payload of unknown format (damaged?): install it again";
    if (!packing->unpack)
        return packing->text;
    if (payload.size < 8)
        return "dom0's kernel has a payload that is too short: install it again";
    size = le32_at(payload.at + payload.size - 4);
    if (size == 0 || size > KERNEL_MAX)
        return "dom0's kernel has a damaged payload (impossible size at its end): install it again";
    out = mem->alloc(mem->ctx, size);
    if (!out)
        return "not enough free memory to decompress dom0's kernel";
    *elf = (struct bytes){ out, size };
    *format = packing->text;
    return packing->unpack(payload, out, size, mem);
}
