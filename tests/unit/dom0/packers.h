/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads as kernel builds make them: packed, then (except gzip) the 32-bit size of what was
 * packed. */
#ifndef TESTS_DOM0_PACKERS_H
#define TESTS_DOM0_PACKERS_H

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "synthetic.h"

#define PACKED_ROOM(n) ((n) * 2 + 4096)

static inline size_t append_size(uint8_t *out, size_t used, size_t in_size)
{
    put32(out + used, (uint32_t)in_size);
    return used + 4;
}

static inline size_t pack_xz_check(const uint8_t *in, size_t size, uint8_t *out, lzma_check check)
{
    lzma_options_lzma options;
    size_t used = 0;

    lzma_lzma_preset(&options, 6);
    options.dict_size = 1U << 16;
    lzma_filter filters[] = { { LZMA_FILTER_X86, NULL },
                              { LZMA_FILTER_LZMA2, &options },
                              { LZMA_VLI_UNKNOWN, NULL } };
    if (lzma_stream_buffer_encode(filters, check, NULL, in, size, out, &used, PACKED_ROOM(size)) !=
        LZMA_OK)
        abort();
    return append_size(out, used, size);
}

static inline size_t pack_xz(const uint8_t *in, size_t size, uint8_t *out)
{
    return pack_xz_check(in, size, out, LZMA_CHECK_CRC32);
}

static inline size_t pack_gzip(const uint8_t *in, size_t size, uint8_t *out)
{
    z_stream z = { 0 };

    z.next_in = (uint8_t *)(uintptr_t)in;
    z.avail_in = (unsigned int)size;
    z.next_out = out;
    z.avail_out = (unsigned int)PACKED_ROOM(size);
    if (deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&z);
    return z.total_out;
}

static inline size_t pack_lz4(const uint8_t *in, size_t size, uint8_t *out)
{
    size_t used = 4;

    put32(out, 0x184c2102);
    for (size_t at = 0; at < size; at += 8U << 20) {
        size_t n = size - at < 8U << 20 ? size - at : 8U << 20;
        int c = LZ4_compress_default((const char *)in + at, (char *)out + used + 4, (int)n,
                                     (int)(PACKED_ROOM(size) - used - 4));

        if (c <= 0)
            abort();
        put32(out + used, (uint32_t)c);
        used += 4 + (size_t)c;
    }
    return append_size(out, used, size);
}

static inline size_t pack_zstd(const uint8_t *in, size_t size, uint8_t *out)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    size_t used;

    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    used = ZSTD_compress2(c, out, PACKED_ROOM(size), in, size);
    ZSTD_freeCCtx(c);
    if (ZSTD_isError(used))
        abort();
    return append_size(out, used, size);
}

struct packer { const char *name; size_t (*pack)(const uint8_t *in, size_t size, uint8_t *out); };
static const struct packer packers[] = {
    { "bzImage, XZ", pack_xz },
    { "bzImage, gzip", pack_gzip },
    { "bzImage, LZ4", pack_lz4 },
    { "bzImage, ZSTD", pack_zstd },
};

/* A bzImage whose payload is `elf` packed by p. */
static inline uint8_t *packed_bzimage(const struct packer *p, const uint8_t *elf, size_t size,
                                      size_t *total)
{
    uint8_t *packed = malloc(PACKED_ROOM(size));
    uint8_t *b = tiny_bzimage(packed, p->pack(elf, size, packed), total);

    free(packed);
    return b;
}

#endif
