/* SPDX-License-Identifier: BSD-2-Clause */
/* gzip payloads, by Debian's zlib. */
#include <zlib.h>

#include "../image_parts.h"

#define GZIP_ONLY 16   /* added to the window bits: no zlib or raw streams */

static void *gzip_alloc(void *opaque, unsigned int count, unsigned int size)
{
    const struct image_memory *mem = opaque;

    return mem->alloc(mem->ctx, (size_t)count * size);
}

static void gzip_free(void *opaque, void *p)
{
    (void)opaque;
    (void)p;
}

const char *unpack_gzip(struct bytes in, uint8_t *out, size_t out_size,
                        const struct image_memory *mem)
{
    struct image_memory copy = *mem;
    z_stream z = { .zalloc = gzip_alloc, .zfree = gzip_free, .opaque = &copy };
    int rc;

    /* Neither can be longer: a payload's length and size are 32-bit fields. zlib does not write to
     * its input. */
    z.next_in = (uint8_t *)(uintptr_t)in.at;
    z.avail_in = (unsigned int)in.size;
    z.next_out = out;
    z.avail_out = (unsigned int)out_size;
    if (inflateInit2(&z, MAX_WBITS + GZIP_ONLY) != Z_OK)
        return "not enough free memory to decompress dom0's kernel (gzip)";
    rc = inflate(&z, Z_FINISH);
    if (rc == Z_MEM_ERROR)
        return "not enough free memory to decompress dom0's kernel (gzip)";
    if (rc != Z_STREAM_END || z.avail_out != 0)
        return "dom0's kernel has a damaged gzip payload: install it again";
    return NULL;
}
