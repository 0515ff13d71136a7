/* SPDX-License-Identifier: BSD-2-Clause */
/* LZ4 payloads: the "legacy" frame that kernel builds use (magic, then blocks of at most 8 MiB,
 * each after its 32-bit length, up to the recorded size at the end), block by block by Debian's
 * liblz4. */
#include <lz4.h>

#include "../image_parts.h"

#define BLOCK_OUTPUT_MAX (8U << 20)

const char *unpack_lz4(struct bytes in, uint8_t *out, size_t out_size,
                       const struct image_memory *mem)
{
    static const char damaged[] = "dom0's kernel has a damaged LZ4 payload: install it again";
    size_t at = 4, end = in.size - 4, done = 0;

    (void)mem;
    while (at < end) {
        uint32_t length;
        size_t room;
        int n;

        if (end - at < 4)
            return damaged;
        length = le32_at(in.at + at);
        at += 4;
        if (length == 0 || length > end - at ||
            length > (uint32_t)LZ4_compressBound(BLOCK_OUTPUT_MAX))
            return damaged;
        room = min_of(out_size - done, (size_t)BLOCK_OUTPUT_MAX);
        n = LZ4_decompress_safe((const char *)in.at + at, (char *)out + done, (int)length,
                                (int)room);
        if (n <= 0)
            return damaged;
        at += length;
        done += (size_t)n;
    }
    return done == out_size ? NULL : damaged;
}
