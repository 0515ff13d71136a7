/* SPDX-License-Identifier: BSD-2-Clause */
/* ZSTD payloads: one frame, by Debian's libzstd. */
#define ZSTD_STATIC_LINKING_ONLY 1   /* for its allocator parameter */
#include <zstd.h>
#include <zstd_errors.h>

#include "../image_parts.h"

static void *zstd_alloc(void *opaque, size_t size)
{
    const struct image_memory *mem = opaque;

    return mem->alloc(mem->ctx, size);
}

static void zstd_free(void *opaque, void *p)
{
    (void)opaque;
    (void)p;
}

const char *unpack_zstd(struct bytes in, uint8_t *out, size_t out_size,
                        const struct image_memory *mem)
{
    static const char damaged[] = "dom0's kernel has a damaged ZSTD payload: install it again";
    struct image_memory copy = *mem;
    ZSTD_customMem memory = { zstd_alloc, zstd_free, &copy };
    size_t frame = ZSTD_findFrameCompressedSize(in.at, in.size); /* the recorded size follows it */
    ZSTD_DCtx *d;
    size_t n;

    if (ZSTD_isError(frame))
        return damaged;
    d = ZSTD_createDCtx_advanced(memory);
    if (!d)
        return "not enough free memory to decompress dom0's kernel (ZSTD)";
    n = ZSTD_decompressDCtx(d, out, out_size, in.at, frame);
    return !ZSTD_isError(n) && n == out_size ? NULL : damaged;
}
