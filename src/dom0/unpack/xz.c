/* SPDX-License-Identifier: BSD-2-Clause */
/* XZ payloads (all filters of liblzma, so also the x86 BCJ filter that kernels use), by Debian's
 * liblzma. */
#include <lzma.h>

#include "../image_parts.h"

static void *xz_alloc(void *opaque, size_t count, size_t size)
{
    const struct image_memory *mem = opaque;

    return size && count > SIZE_MAX / size ? NULL : mem->alloc(mem->ctx, count * size);
}

static void xz_free(void *opaque, void *p)
{
    (void)opaque;
    (void)p;
}

static void run_constructors(void)
{
#ifndef HV_HOST
    extern void (*const unpack_constructors[])(void), (*const unpack_constructors_end[])(void);

    for (void (*const *f)(void) = unpack_constructors; f != unpack_constructors_end; f++)
        (*f)();
#endif
}

const char *unpack_xz(struct bytes in, uint8_t *out, size_t out_size,
                      const struct image_memory *mem)
{
    struct image_memory copy = *mem;
    lzma_allocator allocator = { xz_alloc, xz_free, &copy };
    uint64_t limit = UINT64_MAX;
    size_t in_pos = 0, out_pos = 0;

    run_constructors();
    switch ((int)lzma_stream_buffer_decode(&limit, 0, &allocator, in.at, &in_pos, in.size, out,
                                           &out_pos, out_size)) {
    case LZMA_OK:
        break;
    case LZMA_MEM_ERROR:
        return "not enough free memory to decompress dom0's kernel (XZ)";
    case LZMA_OPTIONS_ERROR:
        return "dom0's kernel is compressed with XZ options that Tenon's liblzma does not know";
    default:
        return "dom0's kernel has a damaged XZ payload: install it again";
    }
    if (out_pos != out_size)
        return "dom0's kernel has an XZ payload of another size than recorded: install it again";
    return NULL;
}
